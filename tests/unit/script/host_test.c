/* host_test.c - Tasks, waits and their limits, cancel, memory cap, loading, the core's own watchdog. */
#include "unit/script/script_fixture.h"

#include "base/clock.h"

static void on_cancel(void *arg)
{
    ((struct fixture *)arg)->cancelled++;
}

/* test.wait(): until the test resumes it. */
static int l_wait(lua_State *L)
{
    struct fixture *f = lua_touserdata(L, lua_upvalueindex(1));
    f->waiting = kw_task_current(L);
    return kw_task_suspend(L, on_cancel, f);
}

static int l_can_wait(lua_State *L)
{
    lua_pushboolean(L, kw_task_can_wait(L));
    return 1;
}

static void open_core(struct fixture *f)
{
    static const struct luaL_Reg functions[] = { { "wait", l_wait },
                                                 { "can_wait", l_can_wait },
                                                 { NULL, NULL } };
    fixture_open(f, KW_TRUST_CORE);
    kw_host_module(f->host, "test", functions, f);
}

static void on_done(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct fixture *f = arg;
    f->done++;
    f->done_err = err;
    f->done_text[0] = 0;
    if (err != KW_OK)
        snprintf(f->done_text, sizeof f->done_text, "%s", error);
    else
        fixture_read_text(L, results, f);
}

static int push_word(lua_State *L, void *arg)
{
    lua_pushstring(L, arg);
    return 1;
}

/* Start TEXT as a task. */
static kw_err start(struct fixture *f, const char *text, const struct kw_run_limits *limits)
{
    lua_State *L = kw_host_state(f->host);
    assert_int_equal(luaL_loadstring(L, text), LUA_OK);
    int ref = kw_host_ref(f->host, L);
    kw_err err = kw_task_start(f->host, ref, limits, NULL, on_done, f, NULL);
    kw_host_unref(f->host, ref);
    return err;
}

static void test_task_waits(void **state)
{
    struct fixture f;
    (void)state;
    open_core(&f);
    assert_int_equal(start(&f, "local t = require 'test' return t.wait() .. t.wait()", NULL),
                     KW_OK);
    assert_int_equal(kw_host_tasks(f.host), 1);
    struct kw_task_id first = f.waiting;
    assert_true(kw_task_resume(f.host, f.waiting, push_word, "ab"));
    assert_true(kw_task_resume(f.host, f.waiting, push_word, "cd"));
    assert_int_equal(f.done, 1);
    assert_string_equal(f.done_text, "abcd");
    assert_int_equal(f.cancelled, 0);
    assert_int_equal(kw_host_tasks(f.host), 0);
    assert_false(kw_task_resume(f.host, first, push_word, "late"));
    fixture_close(&f);
}

static void test_wait_inside_pcall(void **state)
{
    struct fixture f;
    (void)state;
    open_core(&f);
    assert_int_equal(
        start(&f,
              "local t = require 'test'\n"
              "local ok, a = pcall(function() return t.wait() end)\n"
              "local bad, b = xpcall(function() t.wait() error('x', 0) end, function(e) "
              "return e .. 'y' end)\n"
              "return tostring(ok) .. a .. tostring(bad) .. b",
              NULL),
        KW_OK);
    assert_true(kw_task_resume(f.host, f.waiting, push_word, "1"));
    assert_true(kw_task_resume(f.host, f.waiting, push_word, "2"));
    assert_string_equal(f.done_text, "true1falsexy");
    fixture_close(&f);
}

static void test_cancel(void **state)
{
    struct fixture f;
    (void)state;
    open_core(&f);
    assert_int_equal(start(&f, "local t = require 'test' t.wait() closed = 1", NULL), KW_OK);
    kw_task_cancel(f.host, f.waiting);
    assert_int_equal(f.cancelled, 1);
    assert_int_equal(f.done, 1);
    assert_int_equal(f.done_err, KW_ECANCELLED);
    kw_task_cancel(f.host, f.waiting); /* once only */
    assert_int_equal(f.done, 1);
    /* the slot works again */
    assert_int_equal(start(&f, "return 'again'", NULL), KW_OK);
    assert_string_equal(f.done_text, "again");
    /* what waits when the host ends is cancelled */
    assert_int_equal(start(&f, "require('test').wait()", NULL), KW_OK);
    fixture_close(&f);
    assert_int_equal(f.cancelled, 2);
}

static void test_errors(void **state)
{
    struct fixture f;
    (void)state;
    open_core(&f);
    assert_int_equal(start(&f, "error('no', 0)", NULL), KW_OK);
    assert_int_equal(f.done_err, KW_ESCRIPT);
    assert_string_equal(f.done_text, "no");
    assert_int_equal(start(&f, "error({})", NULL), KW_OK);
    assert_string_equal(f.done_text, "(an error without text)");
    assert_int_equal(start(&f, "coroutine.yield()", NULL), KW_OK);
    assert_string_equal(f.done_text, "a task yielded without waiting for anything");
    /* a coroutine of the script is not the task */
    assert_int_equal(start(&f,
                           "local t = require 'test'\n"
                           "local can = coroutine.wrap(t.can_wait)()\n"
                           "local ok, why = coroutine.resume(coroutine.create(t.wait))\n"
                           "return tostring(can) .. tostring(ok) .. why",
                           NULL),
                     KW_OK);
    assert_string_equal(f.done_text, "falsefalsecannot wait here: not inside a task");
    assert_int_equal(fixture_load(&f, "broken", "local x = = 1"), KW_ESCRIPT);
    assert_non_null(strstr(f.error, "broken.lua:1:"));
    assert_int_equal(fixture_load(&f, "fails", "\nerror('at load')"), KW_ESCRIPT);
    assert_non_null(strstr(f.error, "fails.lua:2: at load"));
    assert_int_equal(kw_host_load(f.host, "absent.lua", "absent", f.error, sizeof f.error),
                     KW_ESCRIPT);
    assert_non_null(strstr(f.error, "absent.lua"));
    assert_int_equal(fixture_call(&f, "fails", "f", 0), KW_ENOTFOUND);
    fixture_close(&f);
}

static void test_too_many_tasks(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, KW_TRUST_CORE);
    kw_host_free(f.host);
    const char *roots[] = { f.dir, NULL };
    struct kw_host_options options = { .trust = KW_TRUST_CORE,
                                       .name = "small",
                                       .roots = roots,
                                       .max_tasks = 2,
                                       .metrics = f.metrics };
    static const struct luaL_Reg functions[] = { { "wait", l_wait }, { NULL, NULL } };
    assert_int_equal(kw_host_new(&options, &f.host, f.error, sizeof f.error), KW_OK);
    kw_host_module(f.host, "test", functions, &f);
    assert_int_equal(start(&f, "require('test').wait()", NULL), KW_OK);
    assert_int_equal(start(&f, "require('test').wait()", NULL), KW_OK);
    assert_int_equal(start(&f, "require('test').wait()", NULL), KW_EBUSY);
    assert_int_equal(f.done, 0);
    fixture_close(&f);
    assert_int_equal(f.done, 2);
}

static void test_wait_limit(void **state)
{
    struct fixture f;
    struct kw_run_limits short_wait = { 0, 0, 1000 };
    (void)state;
    open_core(&f);
    kw_clock_fix(1000000, 5000000);
    assert_int_equal(start(&f,
                           "local v, slug, words = require('test').wait()\n"
                           "return tostring(v) .. ' ' .. slug .. ' ' .. words",
                           &short_wait),
                     KW_OK);
    kw_clock_fix(1000000, 5900000);
    assert_int_equal(kw_host_expire_waits(f.host), 1);
    assert_int_equal(f.done, 0);
    kw_clock_fix(1000000, 6000000);
    assert_int_equal(kw_host_expire_waits(f.host), 0);
    assert_int_equal(f.done, 1);
    assert_int_equal(f.cancelled, 1); /* the waker knows that nobody waits */
    assert_string_equal(f.done_text, "nil timeout the wait took longer than its limit of 1000 ms");
    /* resumed in time: not ended later */
    assert_int_equal(start(&f, "local t = require 'test' t.wait() return t.wait()", &short_wait),
                     KW_OK);
    kw_clock_fix(1000000, 6900000);
    assert_true(kw_task_resume(f.host, f.waiting, push_word, "x"));
    kw_clock_fix(1000000, 7800000);
    assert_int_equal(kw_host_expire_waits(f.host), 1);
    assert_true(kw_task_resume(f.host, f.waiting, push_word, "in time"));
    assert_string_equal(f.done_text, "in time");
    assert_int_equal(kw_host_expire_waits(f.host), 0);
    kw_clock_fix(-1, -1);
    fixture_close(&f);
}

static void test_slice_and_total(void **state)
{
    struct fixture f;
    struct kw_run_limits slice = { 20000, 0, 0 }, total = { 0, 60000, 0 };
    (void)state;
    if (!WATCHDOG_TESTS)
        skip();
    open_core(&f);
    assert_int_equal(start(&f, "while true do pcall(function() while true do end end) end", &slice),
                     KW_OK);
    assert_int_equal(f.done_err, KW_ETIMEOUT);
    assert_non_null(strstr(f.done_text, "more CPU time"));
    /* the same slot, a new coroutine: the watchdog still has it */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(start(&f, "while true do end", &slice), KW_OK);
        assert_int_equal(f.done_err, KW_ETIMEOUT);
    }
    assert_int_equal(f.done, 4);
    /* many short slices: the sum counts */
    assert_int_equal(
        start(&f, "local t = require 'test' while true do for i = 1, 1e5 do end t.wait() end",
              &total),
        KW_OK);
    for (int i = 0; i < 100000 && f.done == 4; i++)
        (void)kw_task_resume(f.host, f.waiting, NULL, NULL);
    assert_int_equal(f.done, 5);
    assert_int_equal(f.done_err, KW_ETIMEOUT);
    /* without limits nothing ends it, and no hook is left behind */
    assert_int_equal(start(&f, "for i = 1, 2e7 do end return 'ran'", NULL), KW_OK);
    assert_string_equal(f.done_text, "ran");
    assert_null(lua_gethook(kw_host_state(f.host)));
    fixture_close(&f);
}

static void test_memory_cap(void **state)
{
    struct fixture f;
    (void)state;
    fixture_open(&f, KW_TRUST_CORE);
    kw_host_free(f.host);
    const char *roots[] = { f.dir, NULL };
    struct kw_host_options options = { .trust = KW_TRUST_CORE,
                                       .name = "small",
                                       .roots = roots,
                                       .memory_limit_bytes = 1024 * 1024,
                                       .metrics = f.metrics };
    assert_int_equal(kw_host_new(&options, &f.host, f.error, sizeof f.error), KW_OK);
    lua_State *L = kw_host_state(f.host);
    int refs[3];
    static const char *const texts[] = { "keep = {} for i = 1, 1e7 do keep[i] = 'text' .. i end",
                                         "keep[#keep + 1] = { {} }", "keep = nil" };
    for (int i = 0; i < 3; i++) {
        assert_int_equal(luaL_loadstring(L, texts[i]), LUA_OK);
        refs[i] = kw_host_ref(f.host, L);
    }
    assert_int_equal(kw_task_start(f.host, refs[0], NULL, NULL, on_done, &f, NULL), KW_OK);
    assert_int_equal(f.done_err, KW_ESCRIPT);
    assert_non_null(strstr(f.done_text, "not enough memory"));
    assert_true(kw_host_memory_bytes(f.host) <= 1024 * 1024);
    /* at the cap: a start fails as a value or the task does, never the program */
    for (int i = 0; i < 2000; i++)
        KW_IGNORE(kw_task_start(f.host, refs[1], NULL, NULL, on_done, &f, NULL));
    KW_IGNORE(kw_task_start(f.host, refs[2], NULL, NULL, on_done, &f, NULL));
    lua_gc(L, LUA_GCCOLLECT);
    assert_int_equal(start(&f, "return 'lives'", NULL), KW_OK);
    assert_string_equal(f.done_text, "lives");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_task_waits),      cmocka_unit_test(test_wait_inside_pcall),
        cmocka_unit_test(test_cancel),          cmocka_unit_test(test_errors),
        cmocka_unit_test(test_too_many_tasks),  cmocka_unit_test(test_wait_limit),
        cmocka_unit_test(test_slice_and_total), cmocka_unit_test(test_memory_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
