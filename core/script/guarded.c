/* guarded.c - pcall, xpcall and coroutines that cannot be used to outlive a deadline.
 *
 * They behave as Lua's own, with two differences: when the run is over (watch.h) the error goes on to
 * the outside whatever protects it, and the watchdog always knows the innermost running coroutine.
 * A coroutine that is a task belongs to the scheduler: scripts may look at it, not resume it. */
#include "script/host_internal.h"

static bool failed(int status)
{
    return status != LUA_OK && status != LUA_YIELD;
}

/* After the protected call, at once or when a wait inside it has ended. `skip`: slots that are ours. */
static int finish(lua_State *L, int status, lua_KContext skip)
{
    if (failed(status)) {
        kw_watch_check(L);
        lua_pushboolean(L, 0);
        lua_insert(L, -2);
        return 2;
    }
    return lua_gettop(L) - (int)skip;
}

/* pcall(f, ...) -> true, ... | false, error */
static int l_pcall(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return finish(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish), 0);
}

/* The message handler of xpcall. Hooks are off while it runs for an error that the hook raised, so
 * the script's own handler does not run then. Upvalue 1: that handler. */
static int handle(lua_State *L)
{
    if (kw_watch_expired(&kw_host_of(L)->watch))
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* xpcall(f, handler, ...) -> true, ... | false, handler's result */
static int l_xpcall(lua_State *L)
{
    int count = lua_gettop(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2); /* f, handler, true, f, arguments */
    return finish(L, lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, finish), 2);
}

static lua_State *check_coroutine(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co != NULL, 1, "coroutine");
    return co;
}

static bool is_task(lua_State *co)
{
    return (*(struct lane **)lua_getextraspace(co))->task != NULL;
}

/* Results (or the error) of co are on top of L. -1: it failed. */
static int resume(lua_State *L, lua_State *co, int arguments)
{
    struct kw_watch *watch = &kw_host_of(L)->watch;
    lua_State *outer = watch->current;
    int results = 0;
    if (is_task(co)) {
        lua_pushliteral(L, "cannot resume a task: the host does that");
        return -1;
    }
    if (!lua_checkstack(co, arguments)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, co, arguments);
    watch->current = co;
    int status = lua_resume(co, L, arguments, &results);
    watch->current = outer;
    kw_watch_check(L);
    if (failed(status)) {
        lua_xmove(co, L, 1);
        return -1;
    }
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(co, results);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(co, L, results);
    return results;
}

/* coroutine.resume(co, ...) -> true, ... | false, error */
static int l_resume(lua_State *L)
{
    lua_State *co = check_coroutine(L);
    int results = resume(L, co, lua_gettop(L) - 1);
    lua_pushboolean(L, results >= 0);
    lua_insert(L, results >= 0 ? -(results + 1) : -2);
    return results >= 0 ? results + 1 : 2;
}

/* What coroutine.wrap returns. Upvalue 1: the coroutine. */
static int wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int results = resume(L, co, lua_gettop(L));
    if (results >= 0)
        return results;
    if (kw_host_trust(kw_host_of(L)) == KW_TRUST_CORE && failed(lua_status(co)) &&
        lua_resetthread(co) != LUA_OK) { /* its variables to be closed have their say */
        lua_pop(L, 1);
        lua_xmove(co, L, 1);
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

/* coroutine.wrap(f) -> function */
static int l_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

/* coroutine.close(co) -> true | false, error. A site's coroutine that ended by an error is left as it
 * is: hooks may be off in it, so its variables to be closed do not run. */
static int l_close(lua_State *L)
{
    lua_State *co = check_coroutine(L);
    struct kw_watch *watch = &kw_host_of(L)->watch;
    lua_Debug ar;
    bool started = lua_getstack(co, 0, &ar) != 0;
    int status = lua_status(co);
    if (is_task(co) || co == L || (status == LUA_OK && started))
        return luaL_error(L, "cannot close a running coroutine");
    if (!failed(status) || kw_host_trust(kw_host_of(L)) == KW_TRUST_CORE) {
        lua_State *outer = watch->current;
        watch->current = co;
        status = lua_resetthread(co);
        watch->current = outer;
        kw_watch_check(L);
    }
    if (status == LUA_OK) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushboolean(L, 0);
    if (lua_gettop(co) > 0)
        lua_xmove(co, L, 1);
    else
        lua_pushliteral(L, "the coroutine has ended by an error");
    return 2;
}

void kw_open_guarded(lua_State *L, int table)
{
    static const struct luaL_Reg functions[] = { { "pcall", l_pcall },
                                                 { "xpcall", l_xpcall },
                                                 { NULL, NULL } };
    lua_pushvalue(L, table);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}

void kw_open_coroutines(lua_State *L, int table)
{
    static const struct luaL_Reg functions[] = {
        { "resume", l_resume }, { "wrap", l_wrap }, { "close", l_close }, { NULL, NULL }
    };
    lua_pushvalue(L, table);
    luaL_setfuncs(L, functions, 0);
    lua_pop(L, 1);
}
