/* bind_store.c - `kw.store` for Lua: requests as tables, answers as tables.
 *
 * The request language is store.h's; lua/kw/store.lua gives it pleasant names. */
#include <lauxlib.h>
#include <lua.h>

#include "app/runtime.h"
#include "base/mem.h"

#define KW_STORE_REQUEST_BYTES (4u * 1024 * 1024)

struct store_wait {
    struct kw_runtime *runtime;
    struct kw_task_id task;
    bool cancelled;
};

struct store_answer {
    kw_err err;
    struct kw_str json;
};

static struct kw_runtime *runtime_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* KW_OK: the result table. Else nil, slug, result table (its `error`, or `doc` of a conflict). */
static int push_answer(lua_State *L, void *arg)
{
    const struct store_answer *answer = arg;
    char error[160];
    if (answer->err != KW_OK) {
        lua_pushnil(L);
        lua_pushstring(L, kw_err_slug(answer->err));
    }
    if (kw_lua_push_json(L, answer->json, error, sizeof error) != KW_OK)
        lua_newtable(L);
    return answer->err == KW_OK ? 1 : 3;
}

static void on_result(kw_err err, struct kw_str json, void *arg)
{
    struct store_wait *wait = arg;
    struct store_answer answer = { err, json };
    if (!wait->cancelled)
        (void)kw_task_resume(wait->runtime->host, wait->task, push_answer, &answer);
    kw_free(wait);
}

static void wait_cancelled(void *arg)
{
    ((struct store_wait *)arg)->cancelled = true;
}

/* store.request(table) -> table | nil, slug, {error = words} | nil, "conflict", {doc = current}.
 * Suspends. Stack [-0, +1|3]; raises outside a task. */
static int l_request(lua_State *L)
{
    struct kw_runtime *runtime = runtime_of(L);
    struct kw_buf request;
    char error[200];
    luaL_checktype(L, 1, LUA_TTABLE);
    if (runtime->store == NULL)
        return luaL_error(L, "store.request: this command has no store");
    if (!kw_task_can_wait(L))
        return luaL_error(L, "store.request: cannot wait here (not inside a task)");
    kw_buf_init(&request, KW_STORE_REQUEST_BYTES);
    kw_err err = kw_lua_write_json(L, 1, &request, error, sizeof error);
    if (err != KW_OK) {
        kw_buf_free(&request);
        return luaL_error(L, "store.request: %s", error);
    }
    struct store_wait *wait = kw_zalloc(sizeof *wait);
    wait->runtime = runtime;
    wait->task = kw_task_current(L);
    err = kw_store_request(runtime->store, kw_buf_str(&request), on_result, wait);
    kw_buf_free(&request);
    if (err != KW_OK) {
        kw_free(wait);
        return kw_lua_fail(L, kw_err_slug(err), kw_err_text(err));
    }
    return kw_task_suspend(L, wait_cancelled, wait);
}

/* store.declare(schema table) -> true; raises with the reason. At start only (blocks). [-0, +1] */
static int l_declare(lua_State *L)
{
    struct kw_runtime *runtime = runtime_of(L);
    struct kw_buf schema;
    char error[400] = "";
    luaL_checktype(L, 1, LUA_TTABLE);
    if (runtime->store == NULL)
        return luaL_error(L, "store.declare: this command has no store");
    kw_buf_init(&schema, KW_STORE_REQUEST_BYTES);
    kw_err err = kw_lua_write_json(L, 1, &schema, error, sizeof error);
    if (err == KW_OK)
        err = kw_store_declare(runtime->store, kw_buf_str(&schema), error, sizeof error);
    kw_buf_free(&schema);
    if (err != KW_OK)
        return luaL_error(L, "store.declare: %s", error);
    lua_pushboolean(L, 1);
    return 1;
}

void kw_bind_store(struct kw_runtime *runtime)
{
    static const struct luaL_Reg functions[] = { { "request", l_request },
                                                 { "declare", l_declare },
                                                 { NULL, NULL } };
    kw_host_module(runtime->host, "kw.store.raw", functions, runtime);
}
