/* bind_redis.c - `kw.redis` for Lua: connections whose calls look synchronous.
 *
 *     local link <close> = redis.connect("redis://127.0.0.1:6379")
 *     local fields, err = link:call("HGETALL", "kw:1:meta")     -- suspends
 *
 * A connection reconnects by itself; a call while it is down answers nil, "closed" at once. */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>

#include "app/runtime.h"
#include "base/mem.h"
#include "feed/redis.h"

#define KW_REDIS_META "kw.redis.link"
#define KW_REDIS_ARGS_MAX 1024

struct redis_wait {
    struct kw_runtime *runtime;
    struct kw_task_id task;
    bool cancelled;
};

struct redis_answer {
    kw_err err;
    const struct kw_reply *reply;
};

static struct kw_runtime *runtime_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static struct kw_redis *check_link(lua_State *L)
{
    struct kw_redis **link = luaL_checkudata(L, 1, KW_REDIS_META);
    luaL_argcheck(L, *link != NULL, 1, "the connection is closed");
    return *link;
}

static void push_reply(lua_State *L, const struct kw_reply *reply, int depth)
{
    luaL_checkstack(L, 4, "redis reply");
    switch (reply->type) {
    case KW_REPLY_NIL:
        lua_pushboolean(L, 0);
        break;
    case KW_REPLY_INT:
        lua_pushinteger(L, reply->number);
        break;
    case KW_REPLY_ARRAY:
        lua_createtable(L, (int)reply->count, 0);
        for (size_t i = 0; i < reply->count && depth < 8; i++) {
            push_reply(L, reply->items[i], depth + 1);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        break;
    case KW_REPLY_TEXT:
    case KW_REPLY_STATUS:
    case KW_REPLY_ERROR:
        lua_pushlstring(L, reply->text.ptr != NULL ? reply->text.ptr : "", reply->text.len);
        break;
    }
}

static int push_answer(lua_State *L, void *arg)
{
    const struct redis_answer *answer = arg;
    if (answer->err != KW_OK)
        return kw_lua_fail(L, kw_err_slug(answer->err), kw_err_text(answer->err));
    if (answer->reply->type == KW_REPLY_ERROR) {
        lua_pushnil(L);
        lua_pushliteral(L, "redis-error");
        push_reply(L, answer->reply, 0);
        return 3;
    }
    push_reply(L, answer->reply, 0);
    return 1;
}

static void on_reply(kw_err err, const struct kw_reply *reply, void *arg)
{
    struct redis_wait *wait = arg;
    struct redis_answer answer = { err, reply };
    if (!wait->cancelled)
        (void)kw_task_resume(wait->runtime->host, wait->task, push_answer, &answer);
    kw_free(wait);
}

static void wait_cancelled(void *arg)
{
    ((struct redis_wait *)arg)->cancelled = true;
}

static size_t collect_args(lua_State *L, struct kw_str *args)
{
    int count = lua_gettop(L) - 1;
    luaL_argcheck(L, count >= 1, 2, "a command name is needed");
    luaL_argcheck(L, count <= KW_REDIS_ARGS_MAX, 2, "more than 1024 arguments");
    for (int i = 0; i < count; i++) {
        size_t length;
        const char *text = luaL_checklstring(L, i + 2, &length);
        args[i] = kw_str_n(text, length);
    }
    return (size_t)count;
}

/* link:call(command, ...) -> value (false for nil) | nil, slug, words. Suspends. Stack [-0, +1|3]. */
static int l_call(lua_State *L)
{
    struct kw_str args[KW_REDIS_ARGS_MAX];
    struct kw_redis *redis = check_link(L);
    size_t count = collect_args(L, args);
    if (!kw_task_can_wait(L))
        return luaL_error(L, "redis call: cannot wait here (not inside a task)");
    struct redis_wait *wait = kw_zalloc(sizeof *wait);
    wait->runtime = runtime_of(L);
    wait->task = kw_task_current(L);
    kw_err err = kw_redis_command(redis, args, count, on_reply, wait);
    if (err != KW_OK) {
        kw_free(wait);
        return kw_lua_fail(L, kw_err_slug(err), kw_err_text(err));
    }
    return kw_task_suspend(L, wait_cancelled, wait);
}

/* link:send(command, ...) -> true | nil, slug, words: no waiting for the answer. Stack [-0, +1|3]. */
static int l_send(lua_State *L)
{
    struct kw_str args[KW_REDIS_ARGS_MAX];
    struct kw_redis *redis = check_link(L);
    size_t count = collect_args(L, args);
    kw_err err = kw_redis_command(redis, args, count, NULL, NULL);
    if (err != KW_OK)
        return kw_lua_fail(L, kw_err_slug(err), kw_err_text(err));
    lua_pushboolean(L, 1);
    return 1;
}

/* link:up() -> boolean. Stack [-0, +1]. */
static int l_up(lua_State *L)
{
    struct kw_redis **link = luaL_checkudata(L, 1, KW_REDIS_META);
    lua_pushboolean(L, *link != NULL && kw_redis_up(*link));
    return 1;
}

/* link:close(): waiting calls end with nil, "cancelled". Stack [-0, +0]. */
static int l_close(lua_State *L)
{
    struct kw_redis **link = luaL_checkudata(L, 1, KW_REDIS_META);
    if (*link != NULL)
        kw_redis_close(*link);
    *link = NULL;
    return 0;
}

static void on_state(bool up, const char *why, void *arg)
{
    (void)up;
    (void)why;
    (void)arg;
}

/* redis.connect(url) -> link; connects in the background. Raises on a bad URL. Stack [-0, +1]. */
static int l_connect(lua_State *L)
{
    const char *url = luaL_checkstring(L, 1);
    struct kw_runtime *runtime = runtime_of(L);
    char error[200] = "";
    struct kw_redis_options options = { .url = url, .name = "kw-lua", .metrics = runtime->metrics };
    struct kw_redis **link = lua_newuserdatauv(L, sizeof(struct kw_redis *), 0);
    *link = NULL;
    luaL_setmetatable(L, KW_REDIS_META);
    if (kw_redis_new(runtime->loop, &options, on_state, NULL, link, error, sizeof error) != KW_OK)
        return luaL_error(L, "redis.connect: %s", error);
    return 1;
}

void kw_bind_redis(struct kw_runtime *runtime)
{
    static const struct luaL_Reg functions[] = { { "connect", l_connect }, { NULL, NULL } };
    static const struct luaL_Reg methods[] = {
        { "call", l_call }, { "send", l_send }, { "up", l_up }, { "close", l_close }, { NULL, NULL }
    };
    lua_State *L = kw_host_state(runtime->host);
    luaL_newmetatable(L, KW_REDIS_META);
    lua_newtable(L);
    lua_pushlightuserdata(L, runtime);
    luaL_setfuncs(L, methods, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, l_close);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, l_close);
    lua_setfield(L, -2, "__close");
    lua_pop(L, 1);
    kw_host_module(runtime->host, "kw.redis", functions, runtime);
}
