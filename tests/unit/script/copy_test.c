/* copy_test.c - Data between two states: what goes arrives equal, what cannot go is named, nothing is left
 * on a stack. */
#include "unit/script/script_fixture.h"

struct pair {
    struct fixture core, site;
    lua_State *from, *to;
};

static void open_pair(struct pair *p)
{
    fixture_open(&p->core, KW_TRUST_CORE);
    fixture_open(&p->site, KW_TRUST_SITE);
    p->from = kw_host_state(p->core.host);
    p->to = kw_host_state(p->site.host);
}

static void close_pair(struct pair *p)
{
    fixture_close(&p->core);
    fixture_close(&p->site);
}

/* The value of a Lua expression on the stack of the core. */
static void evaluate(struct pair *p, const char *expression)
{
    char text[512];
    snprintf(text, sizeof text, "local json = require 'kw.json' %s", expression);
    assert_int_equal(luaL_loadstring(p->from, text), LUA_OK);
    assert_int_equal(lua_pcall(p->from, 0, 1, 0), LUA_OK);
}

static void as_json(lua_State *L, char *out, size_t size)
{
    struct kw_buf text;
    char error[200] = "";
    kw_buf_init(&text, 100000);
    assert_int_equal(kw_lua_write_json(L, -1, &text, error, sizeof error), KW_OK);
    snprintf(out, size, "%.*s", (int)kw_buf_len(&text), kw_buf_ptr(&text));
    kw_buf_free(&text);
}

static void test_goes(void **state)
{
    static const char *const values[] = {
        "return 1",
        "return 2.5",
        "return true",
        "return 'text'",
        "return json.null",
        "return { 1, 2, { a = 'b', c = { false } } }",
        "return json.array()",
        "return { list = json.array(), empty = {} }",
        "return setmetatable({ 1 }, { __index = function() error('never') end })",
    };
    struct pair p;
    (void)state;
    open_pair(&p);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char before[300], after[300];
        evaluate(&p, values[i]);
        assert_null(kw_lua_copy(p.from, 1, 1, NULL));
        assert_null(kw_lua_copy(p.from, 1, 1, p.to));
        assert_int_equal(lua_gettop(p.from), 1);
        assert_int_equal(lua_gettop(p.to), 1);
        as_json(p.from, before, sizeof before);
        as_json(p.to, after, sizeof after);
        assert_string_equal(after, before);
        lua_settop(p.from, 0);
        lua_settop(p.to, 0);
    }
    close_pair(&p);
}

static void test_refused(void **state)
{
    static const struct {
        const char *expression, *why;
    } values[] = {
        { "return print", "a function" },
        { "return { { f = function() end } }", "a function" },
        { "return coroutine.create(print)", "coroutine" },
        { "return io.stdout", "object" },
        { "local t = {} t.t = t return t", "nested too deeply" },
        { "return { [1.5] = 1 }", "a key that is neither" },
        { "return { [true] = 1 }", "a key that is neither" },
        { "local t = {} for i = 1, 100001 do t[i] = i end return t", "more than 100000 values" },
        { "return { ('x'):rep(3000000), ('y'):rep(3000000) }", "more than 4 MiB of text" },
    };
    struct pair p;
    (void)state;
    open_pair(&p);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        evaluate(&p, values[i].expression);
        const char *why = kw_lua_copy(p.from, 1, 1, p.to);
        assert_non_null(why);
        assert_non_null(strstr(why, values[i].why));
        assert_int_equal(lua_gettop(p.from), 1);
        assert_int_equal(lua_gettop(p.to), 0);
        lua_settop(p.from, 0);
    }
    close_pair(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goes),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
