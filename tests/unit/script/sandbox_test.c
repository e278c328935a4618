/* sandbox_test.c - What a site sees, exactly; globals, require, load, the first line of a file. */
#include "unit/script/script_fixture.h"

/* lua-api.md «What every site file sees», and nothing more. */
static const char *const seen[] = { "assert", "coroutine", "error",    "getmetatable", "ipairs",
                                    "kw",     "load",      "math",     "next",         "os",
                                    "pairs",  "pcall",     "rawequal", "rawget",       "rawlen",
                                    "rawset", "require",   "select",   "setmetatable", "string",
                                    "table",  "tonumber",  "tostring", "type",         "utf8",
                                    "xpcall", NULL };
static const char *const unseen[] = { "_G",     "io",       "debug",          "package",
                                      "dofile", "loadfile", "collectgarbage", "print",
                                      "warn",   "module",   "loadstring",     NULL };

static void expect(struct fixture *f, const char *body, const char *text)
{
    kw_err err = fixture_body(f, body);
    if (err != KW_OK)
        print_error("%s: %s\n", body, f->error);
    assert_int_equal(err, KW_OK);
    assert_string_equal(f->done_text, text);
}

static void test_environment(void **state)
{
    struct fixture f;
    char body[128];
    (void)state;
    fixture_open(&f, KW_TRUST_SITE);
    for (size_t i = 0; seen[i] != NULL; i++) {
        snprintf(body, sizeof body, "return tostring(%s ~= nil)", seen[i]);
        expect(&f, body, "true");
    }
    for (size_t i = 0; unseen[i] != NULL; i++) {
        snprintf(body, sizeof body, "return tostring(%s)", unseen[i]);
        expect(&f, body, "nil");
    }
    expect(&f, "return tostring(string.dump)", "nil");
    expect(&f,
           "local n = {} for k in pairs(os) do n[#n + 1] = k end table.sort(n) return "
           "table.concat(n, ' ')",
           "clock date difftime time");
    expect(&f,
           "local n = {} for k in pairs(kw) do n[#n + 1] = k end table.sort(n) return "
           "table.concat(n, ' ')",
           "json log now t version zone");
    expect(&f, "return kw.zone .. kw.version", "UTC" KW_VERSION);
    expect(&f, "return type(kw.now()) .. kw.t('да', 'yes').en", "numberyes");
    expect(&f, "return kw.json.encode(kw.json.decode('{\"a\":[1,2.5,null]}'))",
           "{\"a\":[1,2.5,null]}");
    expect(&f, "return tostring(getmetatable('')) .. tostring(getmetatable(_ENV))", "falsefalse");
    expect(&f, "return tostring(pcall(setmetatable, _ENV, {}))", "false");
    expect(&f, "string.upper = nil return ('x'):rep(3)", "xxx"); /* the bundle's own copy */
    fixture_close(&f);
}

static void test_globals(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, KW_TRUST_SITE);
    assert_int_equal(fixture_load(&f, "g",
                                  "--% api: 1\nhelper = function() return 'set while loading' end\n"
                                  "local M = {}\n"
                                  "function M.read() return helper() end\n"
                                  "function M.write()\n  count = 1\nend\n"
                                  "function M.change()\n  helper = 1\nend\n"
                                  "return M\n"),
                     KW_OK);
    assert_int_equal(fixture_call(&f, "g", "read", 0), KW_OK);
    assert_string_equal(f.done_text, "set while loading");
    assert_int_equal(fixture_call(&f, "g", "write", 0), KW_ESCRIPT);
    assert_non_null(strstr(f.error, "g.lua:6: cannot set the global 'count'"));
    assert_int_equal(fixture_call(&f, "g", "change", 0), KW_ESCRIPT);
    assert_non_null(strstr(f.error, "g.lua:9: cannot set the global 'helper'"));
    /* another file has its own */
    expect(&f, "return tostring(helper)", "nil");
    /* load compiles into the file's environment, or the given one */
    expect(&f, "return load('return kw.zone')()", "UTC");
    expect(&f, "return load('return x', 'n', 't', { x = 'given' })()", "given");
    expect(&f, "return tostring(select(2, load('x = 1 +')))",
           "[string \"x = 1 +\"]:1: unexpected symbol near <eof>");
    fixture_close(&f);
}

static void test_require(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, KW_TRUST_SITE);
    fixture_write(&f, "lib/money.lua", "--% api: 1\nlocal M = { loads = 0 } return M\n");
    fixture_write(&f, "lib/a.lua", "--% api: 1\nreturn require 'b'\n");
    fixture_write(&f, "lib/b.lua", "--% api: 1\nreturn require 'a'\n");
    fixture_write(&f, "lib/broken.lua", "--% api: 1\nreturn 1 +\n");
    fixture_write(&f, "policies/p.lua", "--% api: 1\nreturn 'policy'\n");
    expect(&f, "require('money').loads = 7 return require('money').loads .. ''", "7");
    expect(&f, "return require 'policies.p'", "policy");
    assert_int_equal(fixture_body(&f, "require 'a'"), KW_ESCRIPT);
    assert_non_null(strstr(f.error, "'a' needs itself (a cycle)"));
    assert_int_equal(fixture_body(&f, "require 'broken'"), KW_ESCRIPT);
    assert_non_null(strstr(f.error, "lib/broken.lua:3:"));
    assert_int_equal(fixture_body(&f, "require 'none'"), KW_ESCRIPT);
    assert_non_null(strstr(f.error, "the site has no lib/none.lua"));
    assert_int_equal(fixture_body(&f, "require '../../etc/passwd'"), KW_ESCRIPT);
    assert_int_equal(fixture_body(&f, "require '/etc/passwd'"), KW_ESCRIPT);
    assert_int_equal(fixture_body(&f, "require 'kw.store'"), KW_ESCRIPT);
    assert_int_equal(fixture_body(&f, "require 'io'"), KW_ESCRIPT);
    fixture_close(&f);
}

static void test_first_line(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, KW_TRUST_SITE);
    assert_int_equal(fixture_load(&f, "one", "--% api: 1\nreturn {}\n"), KW_OK);
    assert_int_equal(fixture_load(&f, "none", "return {}\n"), KW_OK);
    assert_int_equal(fixture_load(&f, "mark", "\xEF\xBB\xBF--% api: 1\r\nreturn {}\n"), KW_OK);
    assert_int_equal(fixture_load(&f, "two", "--% api: 2\nreturn {}\n"), KW_ESCRIPT);
    assert_non_null(strstr(f.error, "two.lua:1: needs api 2, but this program speaks api 1"));
    assert_int_equal(fixture_load(&f, "word", "--% api: new\nreturn {}\n"), KW_ESCRIPT);
    fixture_close(&f);
}

/* What one call throws away another finds again. */
static void test_values(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, KW_TRUST_SITE);
    assert_int_equal(
        fixture_load(&f, "v",
                     "--% api: 1\nreturn setmetatable({ roles = { 'x' } }, { __index = "
                     "function() error('not run') end })\n"),
        KW_OK);
    lua_State *L = kw_host_state(f.host);
    assert_true(kw_host_push_value(f.host, "v", "roles"));
    assert_true(lua_istable(L, -1));
    lua_pop(L, 1);
    assert_false(kw_host_push_value(f.host, "v", "absent"));
    assert_false(kw_host_push_value(f.host, "absent", NULL));
    assert_int_equal(fixture_call(&f, "v", "absent", 0), KW_ENOTFOUND);
    kw_host_forget(f.host, "v");
    assert_false(kw_host_push_value(f.host, "v", "roles"));
    assert_int_equal(lua_gettop(L), 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment), cmocka_unit_test(test_globals),
        cmocka_unit_test(test_require),     cmocka_unit_test(test_first_line),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
