/* pattern_test.c - The bounded matcher says what Lua says: a table of cases and random ones, asked in
 * a site host and in a core host, whose string functions are Lua's own. */
#include "unit/script/script_fixture.h"

static const char *const cases[] = {
    "return ('hello world'):find('o w')",
    "return ('hello world'):find('l+')",
    "return ('hello'):find('')",
    "return ('hello'):find('', 6)",
    "return ('hello'):find('', 7)",
    "return ('hello'):find('l', -2)",
    "return ('hello'):find('h', -20)",
    "return ('a.b'):find('.', 2, true)",
    "return ('key = value'):match('^(%w+)%s*=%s*(%w+)$')",
    "return ('  trim  '):match('^%s*(.-)%s*$')",
    "return ('THE (quick) fox'):find('%((%a+)%)')",
    "return ('f(a(b)c)d'):match('%b()')",
    "return ('THE (quick) fox'):gsub('%f[%a]%a+', string.lower)",
    "return ('abc'):gsub('', '-')",
    "return ('abc'):gsub('.', '%0%0')",
    "return ('abc'):gsub('%w', '%%%1')",
    "return ('hello world'):gsub('o', 'x', 1)",
    "return ('hello'):gsub('l', { l = 'L' })",
    "return ('hello'):gsub('(l)(l)', function(a, b) return false end)",
    "return ('abc'):gsub('^a', 'x')",
    "return ('aaa'):gsub('^a', 'x')",
    "return ('x=1, y=2'):gsub('(%w)=(%w)', '%2=%1')",
    "return ('abc'):gsub('(a', 'x')",
    "return ('abc'):gsub('a', '%2')",
    "return ('abc'):gsub('a', '%x')",
    "return ('abc'):match('()b()')",
    "return ('aa'):match('(a)%1')",
    "return ('ab'):match('(a)%1')",
    "return ('abc'):match('%')",
    "return ('abc'):match('[a')",
    "return ('abc'):match('[')",
    "return ('abc'):match('[]')",
    "return ('a]c'):match('[]]')",
    "return ('a^c'):match('[%^]')",
    "return ('a-c'):match('[a%-]+')",
    "return ('a-c'):match('[a-]+')",
    "return ('abc'):match('[^a-b]')",
    "return ('abc'):match(')')",
    "return ('abc'):match('(a')",
    "return ('abc'):match('%1')",
    "return ('abc'):match('%b')",
    "return ('abc'):match('%f')",
    "return ('abc'):match('%fa')",
    "return ('a$c'):match('a$c')",
    "return ('abc$'):match('c$$')",
    "return ('a\\0b'):find('%z')",
    "return ('a\\0b'):find('\\0')",
    "return ('\\xff\\xfe'):find('[\\xf0-\\xff]+')",
    "return (('a'):rep(500)):match('^(a-)$') ~= nil",
    "return (('a'):rep(500)):match(('a?'):rep(150)) ~= nil",
    "return ('x'):match(('(x?)'):rep(40))",
    "return ('x'):match(('a*'):rep(300))",
    "local r = {} for k, v in ('a=1, b=2'):gmatch('(%w)=(%w)') do r[#r + 1] = k .. v end return "
    "table.concat(r, ' ')",
    "local r = {} for w in ('one two'):gmatch('%a*') do r[#r + 1] = '<' .. w .. '>' end return "
    "table.concat(r)",
    "local r = {} for w in ('abc'):gmatch('^a') do r[#r + 1] = w end return table.concat(r)",
    "local r = {} for p in ('abc'):gmatch('()') do r[#r + 1] = p end return table.concat(r)",
    "local r = {} for w in ('hello'):gmatch('l', 4) do r[#r + 1] = w end return table.concat(r, '|')",
    "return string.rep('ab', 3, ',')",
    "return string.format('%5.2f|%-5s|%q', 3.14159, 'a', 'b\\n')",
    "return table.concat({ 1, 2, 3 }, ',', 2, 3)",
    "return table.concat(table.move({ 1, 2, 3 }, 1, 3, 2), ',')",
    "return table.concat(table.move({ 1, 2, 3 }, 2, 3, 1), ',')",
    "local t = { 3, 1, 2 } table.sort(t) return table.concat(t)",
    "local t = { 3, 1, 2 } table.sort(t, function(a, b) return a > b end) return table.concat(t)",
    "local t = { 1, 2, 3 } return table.remove(t, 1) .. table.concat(t) .. tostring(table.remove({}))",
    "local t = { 1, 2 } table.insert(t, 1, 0) table.insert(t, 3) return table.concat(t)",
    "return pcall(table.insert, { 1 }, 5, 2)",
    "return (pcall(table.remove, { 1 }, 7))",
    "return select('#', table.unpack({ 1, nil, 3 }, 1, 3))",
};

static const char *const runner =
    "--% api: 1\nlocal M = {}\n"
    "local function show(...)\n"
    "  local out = {}\n"
    "  for i = 1, select('#', ...) do out[i] = tostring((select(i, ...))) end\n"
    "  return table.concat(out, ' ')\n"
    "end\n"
    "function M.ask(text)\n"
    "  local f = assert(load(text, '=case'))\n"
    "  return show(pcall(f))\n"
    "end\n"
    "return M\n";

static int push_text(lua_State *L, void *arg)
{
    struct fixture *f = arg;
    lua_pushstring(L, f->error); /* the question */
    return 1;
}

static void ask(struct fixture *f, const char *question, char *answer, size_t size)
{
    char error[1024] = "";
    snprintf(f->error, sizeof f->error, "%s", question);
    kw_err err = kw_host_call(f->host, "runner", "ask", NULL, push_text, fixture_read_text, f,
                              error, sizeof error);
    snprintf(answer, size, "%s", err == KW_OK ? f->done_text : error);
}

static void open_both(struct fixture *core, struct fixture *site)
{
    fixture_open(core, KW_TRUST_CORE);
    fixture_open(site, KW_TRUST_SITE);
    assert_int_equal(fixture_load(core, "runner", runner), KW_OK);
    assert_int_equal(fixture_load(site, "runner", runner), KW_OK);
}

static int compare(struct fixture *core, struct fixture *site, const char *question)
{
    char expected[512], got[512];
    ask(core, question, expected, sizeof expected);
    ask(site, question, got, sizeof got);
    if (strcmp(expected, got) == 0)
        return 0;
    print_error("%s\n  lua: %s\n  ours: %s\n", question, expected, got);
    return 1;
}

static void test_table(void **state)
{
    struct fixture core, site;
    int wrong = 0;
    (void)state;
    open_both(&core, &site);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        wrong += compare(&core, &site, cases[i]);
    fixture_close(&core);
    fixture_close(&site);
    assert_int_equal(wrong, 0);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

/* Random patterns of a small alphabet over a short subject. */
static void test_random(void **state)
{
    static const char *const pieces[] = { "a",  "b",  ".",  "%a", "%w", "[ab]", "[^a]", "(",
                                          ")",  "()", "*",  "+",  "-",  "?",    "%1",   "%2",
                                          "%b", "ab", "%f", "[a", "]",  "^",    "$",    "%D" };
    struct fixture core, site;
    uint32_t seed = 20240607;
    int wrong = 0;
    (void)state;
    open_both(&core, &site);
    for (int i = 0; i < 3000 && wrong < 5; i++) {
        char subject[16] = "", pattern[64] = "", question[256];
        unsigned length = next_random(&seed) % 12, count = 1 + next_random(&seed) % 7;
        for (unsigned k = 0; k < length; k++)
            subject[k] = "aabb1 "[next_random(&seed) % 6];
        for (unsigned k = 0; k < count; k++)
            append(pattern, sizeof pattern,
                   pieces[next_random(&seed) % (sizeof pieces / sizeof pieces[0])]);
        static const char *const forms[] = { "return ('%s'):find('%s')",
                                             "return ('%s'):match('%s', 2)",
                                             "return ('%s'):gsub('%s', '<%%0>')" };
        snprintf(question, sizeof question, forms[i % 3], subject, pattern);
        wrong += compare(&core, &site, question);
    }
    fixture_close(&core);
    fixture_close(&site);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
