/* bind_live.c - `kw.live`, `kw.settings` and `kw.metrics` for Lua: news to browsers, options, counters. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "app/live.h"
#include "app/private_file.h"
#include "base/mem.h"

#define KW_DOCUMENT_BYTES 65536

static struct kw_service *service_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* --- kw.live --- */

/* live.publish(topic, account_id | nil, table) -> true | nil, slug, words: a document of a topic of events
 * (alerts, commands, keys.unknown). Stack [-0, +1|3]; raises on a wrong argument type. */
static int l_publish(lua_State *L)
{
    struct kw_service *service = service_of(L);
    enum kw_topic topic;
    struct kw_buf text;
    char error[200] = "";
    const char *name = luaL_checkstring(L, 1), *owner = luaL_optstring(L, 2, "");
    luaL_checktype(L, 3, LUA_TTABLE);
    if (kw_topic_of(kw_str_of(name), &topic) != KW_OK ||
        (topic != KW_TOPIC_ALERTS && topic != KW_TOPIC_COMMANDS && topic != KW_TOPIC_KEYS_UNKNOWN))
        return luaL_error(L, "live.publish: %s is no topic of events", name);
    kw_buf_init(&text, KW_DOCUMENT_BYTES);
    kw_err err = kw_lua_write_json(L, 3, &text, error, sizeof error);
    if (err == KW_OK) {
        kw_push_document(service->push, topic, kw_str_of(owner), kw_buf_str(&text));
        kw_live_changed(service->live);
    }
    kw_buf_free(&text);
    if (err != KW_OK)
        return kw_lua_fail(L, kw_err_slug(err), error);
    lua_pushboolean(L, 1);
    return 1;
}

/* live.end_session(session_id) -> number of sockets closed (4401). Stack [-0, +1]. */
static int l_end_session(lua_State *L)
{
    struct kw_service *service = service_of(L);
    size_t count = kw_live_end_session(service->live, kw_str_of(luaL_checkstring(L, 1)));
    lua_pushinteger(L, (lua_Integer)count);
    return 1;
}

/* live.end_account(account_id) -> number of sockets closed (4401). Stack [-0, +1]. */
static int l_end_account(lua_State *L)
{
    struct kw_service *service = service_of(L);
    size_t count = kw_live_end_account(service->live, kw_str_of(luaL_checkstring(L, 1)));
    lua_pushinteger(L, (lua_Integer)count);
    return 1;
}

void kw_bind_live(struct kw_service *service)
{
    static const struct luaL_Reg functions[] = { { "publish", l_publish },
                                                 { "end_session", l_end_session },
                                                 { "end_account", l_end_account },
                                                 { NULL, NULL } };
    kw_host_module(service->runtime->host, "kw.live", functions, service);
}

/* --- kw.settings --- */

/* settings.get(name) -> value; raises on an unknown option. data_dir is its real path. Stack [-0, +1]. */
static int l_get(lua_State *L)
{
    const struct kw_config *config = service_of(L)->runtime->config;
    const char *name = luaL_checkstring(L, 1);
    switch (kw_config_type(config, name)) {
    case KW_OPTION_TEXT:
        if (strcmp(name, "data_dir") == 0) {
            char *real = realpath(kw_config_text(config, name), NULL);
            lua_pushstring(L, real != NULL ? real : kw_config_text(config, name));
            free(real);
        } else {
            lua_pushstring(L, kw_config_text(config, name));
        }
        return 1;
    case KW_OPTION_INT:
        lua_pushinteger(L, kw_config_int(config, name));
        return 1;
    case KW_OPTION_BOOL:
        lua_pushboolean(L, kw_config_bool(config, name));
        return 1;
    case KW_OPTION_UNKNOWN:
        break;
    }
    return luaL_error(L, "settings.get: there is no option %s", name);
}

/* settings.version() -> "0.1.0". Stack [-0, +1]. */
static int l_version(lua_State *L)
{
    lua_pushliteral(L, KW_VERSION);
    return 1;
}

static int file_done(lua_State *L, kw_err err)
{
    if (err != KW_OK)
        return kw_lua_fail(L, kw_err_slug(err), kw_err_text(err));
    lua_pushboolean(L, 1);
    return 1;
}

/* settings.write_private(name, text) -> true | nil, slug, words: DATA/name, mode 0600, replaced whole.
 * Blocks for an fsync: at start and on rare acts only. Stack [-0, +1|3]. */
static int l_write_private(lua_State *L)
{
    size_t length;
    const char *name = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &length);
    const char *folder = kw_config_text(service_of(L)->runtime->config, "data_dir");
    return file_done(L, kw_private_file_write(folder, name, kw_str_n(text, length)));
}

/* settings.remove_file(name) -> true | nil, slug, words: DATA/name; absent is fine. Stack [-0, +1|3]. */
static int l_remove_file(lua_State *L)
{
    const char *folder = kw_config_text(service_of(L)->runtime->config, "data_dir");
    return file_done(L, kw_private_file_remove(folder, luaL_checkstring(L, 1)));
}

void kw_bind_settings(struct kw_service *service)
{
    static const struct luaL_Reg functions[] = { { "get", l_get },
                                                 { "version", l_version },
                                                 { "write_private", l_write_private },
                                                 { "remove_file", l_remove_file },
                                                 { NULL, NULL } };
    kw_host_module(service->runtime->host, "kw.settings", functions, service);
}

/* --- kw.metrics --- */

#define KW_COUNTER_META "kw.metrics.counter"

/* counter:add(n = 1). Stack [-0, +0]. */
static int l_add(lua_State *L)
{
    struct kw_metric **counter = luaL_checkudata(L, 1, KW_COUNTER_META);
    lua_Integer by = luaL_optinteger(L, 2, 1);
    luaL_argcheck(L, by >= 0, 2, "a counter only grows");
    kw_metric_add(*counter, by);
    return 0;
}

/* metrics.counter(name, labels_text, doc) -> counter. Stack [-0, +1]. */
static int l_counter(lua_State *L)
{
    struct kw_runtime *runtime = lua_touserdata(L, lua_upvalueindex(1));
    const char *name = luaL_checkstring(L, 1), *labels = luaL_optstring(L, 2, ""),
               *doc = luaL_checkstring(L, 3);
    luaL_argcheck(L, strncmp(name, "kw_", 3) == 0, 1, "the name must begin with kw_");
    struct kw_metric **counter = lua_newuserdatauv(L, sizeof *counter, 0);
    *counter = kw_metrics_counter(runtime->metrics, name, labels, doc);
    luaL_setmetatable(L, KW_COUNTER_META);
    return 1;
}

void kw_bind_metrics(struct kw_runtime *runtime)
{
    static const struct luaL_Reg functions[] = { { "counter", l_counter }, { NULL, NULL } };
    lua_State *L = kw_host_state(runtime->host);
    luaL_newmetatable(L, KW_COUNTER_META);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, l_add);
    lua_setfield(L, -2, "add");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    kw_host_module(runtime->host, "kw.metrics", functions, runtime);
}
