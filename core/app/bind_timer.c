/* bind_timer.c - `kw.timer` for Lua: sleep, after, every, spawn.
 *
 * sleep() suspends the calling task; after() and every() start a new task each time. A timer that
 * Lua made lives until it fired (after), was stopped, or the runtime ends. */
#include <lauxlib.h>
#include <lua.h>

#include "app/runtime.h"
#include "base/log.h"
#include "base/mem.h"

#define KW_TIMER_RETRY_MS 100
#define KW_TIMER_META "kw.timer.handle"

static const struct kw_run_limits free_run = { 0, 0, 0 };

struct sleeper {
    struct kw_runtime *runtime;
    struct kw_task_id task;
    struct kw_timer *timer;
};

static struct kw_runtime *runtime_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int64_t check_ms(lua_State *L, int index)
{
    lua_Number seconds = luaL_checknumber(L, index);
    luaL_argcheck(L, seconds >= 0 && seconds <= 31536000.0, index,
                  "seconds out of range (0 .. one year)");
    return (int64_t)(seconds * 1000.0 + 0.5);
}

static void sleeper_free(struct sleeper *sleeper)
{
    kw_timer_close(sleeper->timer);
    kw_free(sleeper);
}

static void sleep_cancelled(void *arg)
{
    sleeper_free(arg);
}

static int push_true(lua_State *L, void *arg)
{
    (void)arg;
    lua_pushboolean(L, 1);
    return 1;
}

static void sleep_over(struct kw_timer *timer, void *arg)
{
    struct sleeper *sleeper = arg;
    struct kw_host *host = sleeper->runtime->host;
    struct kw_task_id task = sleeper->task;
    (void)timer;
    sleeper_free(sleeper);
    (void)kw_task_resume(host, task, push_true, NULL);
}

/* timer.sleep(seconds) -> true. Suspends. Stack [-0, +1]; raises on a bad argument or outside a task. */
static int l_sleep(lua_State *L)
{
    int64_t after_ms = check_ms(L, 1);
    if (!kw_task_can_wait(L))
        return luaL_error(L, "timer.sleep: cannot wait here (not inside a task)");
    struct sleeper *sleeper = kw_zalloc(sizeof *sleeper);
    sleeper->runtime = runtime_of(L);
    sleeper->task = kw_task_current(L);
    sleeper->timer = kw_timer_new(sleeper->runtime->loop, sleep_over, sleeper);
    kw_timer_start(sleeper->timer, after_ms, 0);
    return kw_task_suspend(L, sleep_cancelled, sleeper);
}

struct ticker {
    struct kw_runtime *runtime;
    struct kw_timer *timer; /* NULL: stopped */
    int function_ref;
    bool repeats;
    bool running;                /* the last run has not ended: this tick is skipped */
    bool collected;              /* Lua dropped the handle */
    struct ticker *next, **link; /* runtime's list, so that the end can stop all */
};

static void ticker_stop(struct ticker *ticker)
{
    if (ticker->timer == NULL)
        return;
    kw_timer_close(ticker->timer);
    ticker->timer = NULL;
    kw_host_unref(ticker->runtime->host, ticker->function_ref);
}

static void ticker_release(struct ticker *ticker)
{
    if (ticker->timer != NULL || ticker->running || !ticker->collected)
        return;
    *ticker->link = ticker->next;
    if (ticker->next != NULL)
        ticker->next->link = ticker->link;
    kw_free(ticker);
}

static void ticker_done(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct ticker *ticker = arg;
    (void)L;
    (void)results;
    if (err != KW_OK && err != KW_ECANCELLED)
        KW_LOG(KW_LOG_ERROR, "lua", "timer failed", KW_LC("error", error));
    ticker->running = false;
    if (!ticker->repeats)
        ticker_stop(ticker);
    ticker_release(ticker);
}

static void ticker_fire(struct kw_timer *timer, void *arg)
{
    struct ticker *ticker = arg;
    if (ticker->running)
        return;
    ticker->running = true;
    if (kw_task_start(ticker->runtime->host, ticker->function_ref, &free_run, NULL, ticker_done,
                      ticker, NULL) != KW_OK) {
        ticker->running = false;
        KW_LOG(KW_LOG_WARN, "lua", "timer late: too many tasks");
        if (!ticker->repeats)
            kw_timer_start(timer, KW_TIMER_RETRY_MS, 0);
    }
}

static int new_ticker(lua_State *L, bool repeats)
{
    int64_t ms = check_ms(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    luaL_argcheck(L, !repeats || ms >= 1, 1, "a repeated timer needs at least 1 ms");
    struct kw_runtime *runtime = runtime_of(L);
    struct ticker **handle = lua_newuserdatauv(L, sizeof *handle, 0);
    *handle = NULL;
    luaL_setmetatable(L, KW_TIMER_META);
    lua_pushvalue(L, 2);
    int ref = kw_host_ref(runtime->host, L);
    struct ticker *ticker = kw_zalloc(sizeof *ticker);
    *ticker = (struct ticker){ .runtime = runtime, .function_ref = ref, .repeats = repeats };
    ticker->timer = kw_timer_new(runtime->loop, ticker_fire, ticker);
    ticker->next = runtime->tickers;
    ticker->link = &runtime->tickers;
    if (ticker->next != NULL)
        ticker->next->link = &ticker->next;
    runtime->tickers = ticker;
    *handle = ticker;
    kw_timer_start(ticker->timer, ms, repeats ? ms : 0);
    return 1;
}

/* timer.after(seconds, fn) -> handle; fn runs once as a task. Stack [-0, +1]. */
static int l_after(lua_State *L)
{
    return new_ticker(L, false);
}

/* timer.every(seconds, fn) -> handle; a tick is skipped while the last run waits. Stack [-0, +1]. */
static int l_every(lua_State *L)
{
    return new_ticker(L, true);
}

/* handle:stop(). Stack [-0, +0]. */
static int l_stop(lua_State *L)
{
    struct ticker **handle = luaL_checkudata(L, 1, KW_TIMER_META);
    if (*handle != NULL)
        ticker_stop(*handle);
    return 0;
}

/* A dropped handle does not stop its timer: the timer belongs to the runtime. */
static int l_collect(lua_State *L)
{
    struct ticker **handle = luaL_checkudata(L, 1, KW_TIMER_META);
    struct ticker *ticker = *handle;
    if (ticker == NULL)
        return 0;
    *handle = NULL;
    ticker->collected = true;
    ticker_release(ticker);
    return 0;
}

struct spawned {
    int function_ref, arguments_ref;
    struct kw_host *host;
};

static int push_spawned(lua_State *L, void *arg)
{
    struct spawned *spawned = arg;
    lua_rawgeti(L, LUA_REGISTRYINDEX, spawned->arguments_ref);
    int table = lua_gettop(L);
    lua_getfield(L, table, "n");
    int count = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    luaL_checkstack(L, count + 2, "spawn");
    for (int i = 1; i <= count; i++)
        lua_rawgeti(L, table, i);
    lua_remove(L, table);
    return count;
}

static void spawn_done(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct spawned *spawned = arg;
    (void)L;
    (void)results;
    if (err != KW_OK && err != KW_ECANCELLED)
        KW_LOG(KW_LOG_ERROR, "lua", "task failed", KW_LC("error", error));
    kw_host_unref(spawned->host, spawned->function_ref);
    kw_host_unref(spawned->host, spawned->arguments_ref);
    kw_free(spawned);
}

/* timer.spawn(fn, ...) -> true | nil, "busy": run fn(...) as a task of its own, at once. [-0, +1|3] */
static int l_spawn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    struct kw_runtime *runtime = runtime_of(L);
    int count = lua_gettop(L) - 1;
    lua_createtable(L, count, 1);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, i + 1);
        lua_rawseti(L, -2, i);
    }
    lua_pushinteger(L, count);
    lua_setfield(L, -2, "n");
    int arguments_ref = kw_host_ref(runtime->host, L);
    lua_pushvalue(L, 1);
    int function_ref = kw_host_ref(runtime->host, L);
    struct spawned *spawned = kw_zalloc(sizeof *spawned);
    *spawned = (struct spawned){ function_ref, arguments_ref, runtime->host };
    if (kw_task_start(runtime->host, function_ref, &free_run, push_spawned, spawn_done, spawned,
                      NULL) != KW_OK) {
        kw_host_unref(runtime->host, function_ref);
        kw_host_unref(runtime->host, arguments_ref);
        kw_free(spawned);
        return kw_lua_fail(L, "busy", "too many tasks");
    }
    lua_pushboolean(L, 1);
    return 1;
}

void kw_unbind_timer(struct kw_runtime *runtime)
{
    for (struct ticker *ticker = runtime->tickers, *next; ticker != NULL; ticker = next) {
        next = ticker->next;
        ticker_stop(ticker);
        ticker_release(ticker); /* now, if Lua dropped the handle long ago */
    }
}

void kw_bind_timer(struct kw_runtime *runtime)
{
    static const struct luaL_Reg functions[] = { { "sleep", l_sleep },
                                                 { "after", l_after },
                                                 { "every", l_every },
                                                 { "spawn", l_spawn },
                                                 { NULL, NULL } };
    static const struct luaL_Reg methods[] = { { "stop", l_stop }, { NULL, NULL } };
    lua_State *L = kw_host_state(runtime->host);
    luaL_newmetatable(L, KW_TIMER_META);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, l_collect);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    kw_host_module(runtime->host, "kw.timer", functions, runtime);
}
