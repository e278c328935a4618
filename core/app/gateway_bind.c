/* gateway_bind.c - `kw.gateway` for Lua: what lua/ocpp can ask the connections and the journal to do.
 *
 * A connection is named by its handle (slot and round), never by a pointer: a handle of a connection that
 * is gone answers nil, "closed". */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>

#include "app/gateway_internal.h"
#include "base/mem.h"

static struct kw_gateway *gateway_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static struct link *check_link(lua_State *L)
{
    return gateway_link_by_handle(gateway_of(L), luaL_checkinteger(L, 1));
}

static int fail(lua_State *L, kw_err err)
{
    return kw_lua_fail(L, kw_err_slug(err), kw_err_text(err));
}

/* gateway.option(name) -> value of a text, integer or boolean option. Stack [-0, +1]. The kind is the
 * second argument: "text", "integer", "boolean". */
static int l_option(lua_State *L)
{
    static const char *const kinds[] = { "text", "integer", "boolean", NULL };
    const struct kw_config *config = gateway_of(L)->runtime->config;
    const char *name = luaL_checkstring(L, 1);
    switch (luaL_checkoption(L, 2, "text", kinds)) {
    case 0:
        lua_pushstring(L, kw_config_text(config, name));
        break;
    case 1:
        lua_pushinteger(L, kw_config_int(config, name));
        break;
    default:
        lua_pushboolean(L, kw_config_bool(config, name));
        break;
    }
    return 1;
}

/* gateway.commit(record) -> true after its fsync | nil, slug, words. Suspends. Stack [-0, +1|3]. */
static int l_commit(lua_State *L)
{
    size_t length;
    void *commit;
    const char *text = luaL_checklstring(L, 1, &length);
    if (!kw_task_can_wait(L))
        return luaL_error(L, "gateway.commit: cannot wait here (not inside a task)");
    struct kw_task_id task = kw_task_current(L);
    kw_err err = gateway_record_commit(gateway_of(L), kw_str_n(text, length), &task, &commit);
    return err != KW_OK ? fail(L, err) : kw_task_suspend(L, gateway_record_cancelled, commit);
}

/* gateway.append(record) -> true | nil, slug, words: durable soon, nobody waits. Stack [-0, +1|3]. */
static int l_append(lua_State *L)
{
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    kw_err err = gateway_record_commit(gateway_of(L), kw_str_n(text, length), NULL, NULL);
    if (err != KW_OK)
        return fail(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* gateway.checkpoint(state, sequence) -> true | nil, slug, words: the state holds everything up to this record,
 * and nothing that is not on the disk. Blocks for some ms. Stack [-0, +1|3]. */
static int l_checkpoint(lua_State *L)
{
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    lua_Integer sequence = luaL_checkinteger(L, 2);
    kw_err err =
        gateway_record_checkpoint(gateway_of(L), kw_str_n(text, length), (uint64_t)sequence);
    if (err != KW_OK)
        return fail(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* gateway.journal() -> {last, synced, confirmed, checkpointed, refused}: numbers of records. Stack [-0, +1]. */
static int l_journal(lua_State *L)
{
    const struct kw_gateway *gateway = gateway_of(L);
    if (gateway->journal == NULL)
        return luaL_error(L, "gateway.journal: the gateway is stopping");
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = { { "last", kw_journal_last(gateway->journal) },
                   { "synced", gateway->synced },
                   { "confirmed", kw_journal_confirmed(gateway->journal) },
                   { "checkpointed", kw_journal_checkpointed(gateway->journal) },
                   { "refused", gateway->refused } };
    lua_createtable(L, 0, (int)KW_COUNT_OF(fields));
    for (size_t i = 0; i < KW_COUNT_OF(fields); i++) {
        lua_pushinteger(L, (lua_Integer)fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    return 1;
}

/* gateway.call(handle, action, payload_json, timeout_ms)
 *   -> "result", payload | "error", code, description | nil, slug, words: "offline", "full" (not sent), "timeout",
 *   "closed" (sent, outcome not known).
 * Suspends. Stack [-0, +2|3]. */
static int l_call(lua_State *L)
{
    size_t action_length, length;
    struct out_call *call;
    struct link *link = check_link(L);
    const char *action = luaL_checklstring(L, 2, &action_length);
    const char *payload = luaL_checklstring(L, 3, &length);
    lua_Integer timeout_ms = luaL_checkinteger(L, 4);
    luaL_argcheck(L, timeout_ms > 0, 4, "a time-out must be positive");
    if (!kw_task_can_wait(L))
        return luaL_error(L, "gateway.call: cannot wait here (not inside a task)");
    if (link == NULL)
        return kw_lua_fail(L, "offline", "the station is not connected; nothing was sent");
    kw_err err = gateway_call_start(link, kw_task_current(L), kw_str_n(action, action_length),
                                    kw_str_n(payload, length), timeout_ms, &call);
    if (err == KW_ECLOSED)
        return kw_lua_fail(L, "offline", "the station is leaving; nothing was sent");
    return err != KW_OK ? fail(L, err) : kw_task_suspend(L, gateway_call_cancelled, call);
}

/* gateway.close(handle, code, reason): starts the closing handshake. Stack [-0, +0]. */
static int l_close(lua_State *L)
{
    struct link *link = check_link(L);
    lua_Integer code = luaL_checkinteger(L, 2);
    const char *reason = luaL_checkstring(L, 3);
    luaL_argcheck(L, code >= 1000 && code < 5000, 2, "not a close code");
    if (link != NULL && link->ws != NULL)
        kw_ws_close(link->ws, (uint16_t)code, reason);
    return 0;
}

/* gateway.handle(cs) -> handle of the station's connection | nil. Stack [-0, +1]. */
static int l_handle(lua_State *L)
{
    size_t length;
    const char *cs = luaL_checklstring(L, 1, &length);
    const struct link *link = kw_map_get(gateway_of(L)->table, kw_str_n(cs, length));
    if (link != NULL)
        lua_pushinteger(L, gateway_link_handle(link));
    else
        lua_pushnil(L);
    return 1;
}

/* gateway.count(kind): one more fault of this kind in kw_gateway_faults_total. Stack [-0, +0]. */
static int l_count(lua_State *L)
{
    gateway_count(gateway_of(L), luaL_checkstring(L, 1));
    return 0;
}

/* gateway.redis_up() -> boolean, of the link that writes events. Stack [-0, +1]. */
static int l_redis_up(lua_State *L)
{
    lua_pushboolean(L, gateway_of(L)->redis_up);
    return 1;
}

/* gateway.version() -> text. Stack [-0, +1]. */
static int l_version(lua_State *L)
{
    lua_pushliteral(L, KW_VERSION);
    return 1;
}

void gateway_bind(struct kw_gateway *gateway)
{
    static const struct luaL_Reg functions[] = {
        { "option", l_option },         { "commit", l_commit },   { "append", l_append },
        { "checkpoint", l_checkpoint }, { "journal", l_journal }, { "call", l_call },
        { "close", l_close },           { "handle", l_handle },   { "count", l_count },
        { "redis_up", l_redis_up },     { "version", l_version }, { NULL, NULL }
    };
    kw_host_module(gateway->runtime->host, "kw.gateway", functions, gateway);
}
