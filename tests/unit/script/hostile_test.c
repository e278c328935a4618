/* hostile_test.c - Scripts that try to run on, to grow, or to get out: each is ended, and the host
 * goes on. The first eleven are the ones that a count hook with pcall does not hold. */
#include "unit/script/script_fixture.h"

#define LIMIT_US 50000
/* Generous: sanitizers, and a machine that is shared. A script that got away never ends. */
#define SLACK_US 5000000

static const struct hostile {
    const char *name, *body;
    kw_err expected;
    const char *says; /* in the error text; NULL with KW_ESCRIPT: ended, by its limit or its time */
} scripts[] = {
    { "loop", "while true do end", KW_ETIMEOUT, "body.lua:4: the script used more CPU" },
    { "loop in pcall", "while true do pcall(function() while true do end end) end", KW_ETIMEOUT,
      "CPU time" },
    { "loop in xpcall",
      "while true do xpcall(function() while true do end end, function(e) while true do end end) end",
      KW_ETIMEOUT, "CPU time" },
    { "coroutine", "local co = coroutine.wrap(function() while true do end end) co()", KW_ETIMEOUT,
      "CPU time" },
    { "coroutine in pcall",
      "while true do local co = coroutine.create(function() pcall(function() while true do end end) "
      "while true do end end) coroutine.resume(co) end",
      KW_ETIMEOUT, "CPU time" },
    { "coroutines without end",
      "local function nest() local co = coroutine.create(nest) coroutine.resume(co) nest() end nest()",
      KW_ESCRIPT, NULL },
    { "find bomb", "return string.find(string.rep('a', 3000), 'a-a-a-a-a-b')", KW_ESCRIPT, NULL },
    { "find bomb in pcall",
      "while true do pcall(string.find, string.rep('a', 3000), 'a-a-a-a-a-b') end", KW_ETIMEOUT,
      "CPU time" },
    { "string doubling", "local s = 'x' while true do s = s .. s end", KW_ESCRIPT, NULL },
    { "string doubling in pcall",
      "while true do pcall(function() local s = 'x' while true do s = s .. s end end) end",
      KW_ETIMEOUT, "CPU time" },
    { "table growth", "local t = {} for i = 1, 1e9 do t[i] = { i } end", KW_ESCRIPT, NULL },
    { "finaliser", "setmetatable({}, { __gc = function() while true do end end })", KW_ESCRIPT,
      "body.lua:4: setmetatable: __gc is not allowed here" },
    { "rep", "return #string.rep('x', 1 << 40)", KW_ESCRIPT, "string.rep: the result is larger" },
    { "rep of nothing", "return string.rep('', 1 << 60)", KW_OK, NULL },
    { "rep method", "return #('x'):rep(1 << 33)", KW_ESCRIPT, "larger than" },
    { "move", "table.move({}, 1, 1 << 40, 2)", KW_ESCRIPT, "table.move: more than" },
    { "insert with a false length",
      "table.insert(setmetatable({}, { __len = function() return 1 << 40 end }), 1, 1) "
      "return 'quick'",
      KW_OK, NULL },
    { "remove with a false length",
      "table.remove(setmetatable({}, { __len = function() return 1 << 40 end }), 1) return 'quick'",
      KW_OK, NULL },
    { "sort with a false length",
      "table.sort(setmetatable({}, { __len = function() return 1 << 30 end }))", KW_ESCRIPT,
      "__len" },
    { "sort of equal long strings",
      "local s, t = string.rep('x', 4000000), {} for i = 1, 5000 do t[i] = s .. (i & 1) end",
      KW_ESCRIPT, NULL },
    { "sort that compares long",
      "local s, t = string.rep('x', 2000000), {} for i = 1, 100000 do t[i] = s end table.sort(t)",
      KW_ETIMEOUT, "CPU time" },
    { "unpack", "return select('#', table.unpack({}, 1, 1e8))", KW_ESCRIPT, "too many results" },
    { "concat",
      "local t = {} for i = 1, 200 do t[i] = string.rep('x', 100000) end "
      "return table.concat(t)",
      KW_ESCRIPT, NULL },
    { "gsub growth", "return string.gsub(string.rep('x', 100000), '.', string.rep('y', 1000))",
      KW_ESCRIPT, NULL },
    { "format", "local s = string.rep('x', 3000000) return string.format('%s%s', s, s)", KW_ESCRIPT,
      NULL },
    { "recursion", "local function f() return 1 + f() end return f()", KW_ESCRIPT, NULL },
    { "recursion in pcall", "local function f() pcall(f) f() end f()", KW_ESCRIPT, NULL },
    { "recursion in a metamethod",
      "local t = setmetatable({}, {}) getmetatable(t).__index = function(s, k) return s[k .. 'x'] "
      "end return t.x",
      KW_ESCRIPT, NULL },
    { "bytecode", "return load('\\27Lua')()", KW_ESCRIPT, NULL },
    { "bytecode asked for", "return assert(load('return 1', 'x', 'b'))", KW_ESCRIPT,
      "only source text" },
    { "load without end", "return load(function() return ' ' end)", KW_ESCRIPT, NULL },
    { "load of much", "return assert(load(string.rep(' ', 300000)))", KW_ESCRIPT,
      "bytes of source" },
    { "error that is a table", "error({ code = 1 })", KW_ESCRIPT, "an error that is a table" },
    { "error that is nil", "error(nil)", KW_ESCRIPT, "an error that is a nil" },
    { "error in __tostring",
      "error(setmetatable({}, { __tostring = function() while true do end end }))", KW_ESCRIPT,
      "an error that is a table" },
    { "close that loops",
      "local x <close> = setmetatable({}, { __close = function() while true do end end }) "
      "while true do end",
      KW_ETIMEOUT, "CPU time" },
    { "close of a dead coroutine that loops",
      "local co = coroutine.create(function() local x <close> = setmetatable({}, { __close = "
      "function() while true do end end }) while true do end end) pcall(coroutine.resume, co) "
      "coroutine.close(co)",
      KW_ETIMEOUT, "CPU time" },
    { "task of another", "return coroutine.resume(coroutine.running())", KW_OK, NULL },
    { "metatable of strings", "getmetatable('').__index = nil", KW_ESCRIPT, "boolean value" },
    { "json bomb", "return kw.json.decode(string.rep('[', 1000000))", KW_OK, NULL },
    { "json of much",
      "local t = {} for i = 1, 60000 do t[i] = { a = i } end while true do kw.json.encode(t) end",
      KW_ETIMEOUT, NULL },
    { "json of itself", "local t = {} t.t = t return kw.json.encode(t)", KW_ESCRIPT,
      "nested too deeply" },
};

/* Tells each thing that is wrong, so that one run shows all. */
static int run_one(struct fixture *f, const struct hostile *script)
{
    int wrong = 0;
    int64_t from_us = kw_watch_cpu_us();
    kw_err err = fixture_body(f, script->body);
    int64_t took_us = kw_watch_cpu_us() - from_us;
    bool either = script->expected == KW_ESCRIPT && script->says == NULL && err == KW_ETIMEOUT;
    if ((err != script->expected && !either) ||
        (script->says != NULL && strstr(f->error, script->says) == NULL)) {
        print_error("%s: %s: %s\n", script->name, kw_err_slug(err), f->error);
        wrong++;
    }
    if (took_us > LIMIT_US + SLACK_US) {
        print_error("%s: took %d ms\n", script->name, (int)(took_us / 1000));
        wrong++;
    }
    if (kw_host_memory_bytes(f->host) > (size_t)32 * 1024 * 1024) {
        print_error("%s: holds %zu bytes\n", script->name, kw_host_memory_bytes(f->host));
        wrong++;
    }
    if (fixture_body(f, "return 'alive'") != KW_OK || strcmp(f->done_text, "alive") != 0) {
        print_error("%s: and then: %s\n", script->name, f->error);
        wrong++;
    }
    return wrong;
}

/* One host for all: whatever the last one left behind, the next call works. */
static void test_hostile(void **state)
{
    struct fixture f;
    (void)state;
    if (!WATCHDOG_TESTS)
        skip();
    fixture_open(&f, KW_TRUST_SITE);
    int wrong = 0;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        wrong += run_one(&f, &scripts[i]);
    fixture_close(&f);
    assert_int_equal(wrong, 0);
}

/* What a coroutine that died at its deadline left behind does not run in a later call. */
static void test_dead_coroutine_later(void **state)
{
    struct fixture f;
    (void)state;
    if (!WATCHDOG_TESTS)
        skip();
    fixture_open(&f, KW_TRUST_SITE);
    assert_int_equal(
        fixture_load(
            &f, "later",
            "local kept, M = nil, {}\n"
            "function M.first() kept = coroutine.create(function()\n"
            "  local x <close> = setmetatable({}, { __close = function() while true do end "
            "end })\n  while true do end end)\n  coroutine.resume(kept) end\n"
            "function M.second() coroutine.close(kept) return coroutine.status(kept) end\n"
            "return M\n"),
        KW_OK);
    assert_int_equal(fixture_call(&f, "later", "first", 20000), KW_ETIMEOUT);
    assert_int_equal(fixture_call(&f, "later", "second", 20000), KW_OK);
    assert_string_equal(f.done_text, "dead");
    fixture_close(&f);
}

/* A bundle that loops while it loads. */
static void test_load_deadline(void **state)
{
    struct fixture f;
    (void)state;
    if (!WATCHDOG_TESTS)
        skip();
    fixture_open(&f, KW_TRUST_SITE);
    assert_int_equal(fixture_load(&f, "slow", "local n = 0\nwhile true do n = n + 1 end\n"),
                     KW_ETIMEOUT);
    assert_non_null(strstr(f.error, "slow.lua:2: the script used more CPU time"));
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_dead_coroutine_later),
        cmocka_unit_test(test_load_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
