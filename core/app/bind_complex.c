/* bind_complex.c - `kw.complex` for Lua: the registry goes in, the live state comes out.
 *
 *     complex.put_node{id = "n1", kind = "grid", name = "Grid", limit_ma = {400000, 400000, 400000}}
 *     local station = complex.station("EV-1")     -- nil when unknown
 *
 * Refusals are nil, slug, words. Values never reported are json.null. Nothing here waits. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "app/bind_complex.h"
#include "app/live.h"
#include "base/json.h"
#include "base/mem.h"

static struct kw_service *service_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int done(lua_State *L, struct kw_service *service, kw_err err, const char *words)
{
    if (err != KW_OK)
        return kw_lua_fail(L, kw_err_slug(err), words != NULL ? words : kw_err_text(err));
    kw_push_complex(service->push);
    kw_live_changed(service->live);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- reading the arguments: absent and json.null are the same --- */

static bool is_absent(lua_State *L, int index)
{
    return lua_isnil(L, index) || (lua_islightuserdata(L, index) && !lua_touserdata(L, index));
}

/* The slice lives as long as the table. */
static struct kw_str text_field(lua_State *L, const char *field, bool needed)
{
    size_t length = 0;
    const char *text = "";
    lua_getfield(L, 1, field);
    if (!is_absent(L, -1)) {
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "%s: a string is needed", field);
        text = lua_tolstring(L, -1, &length);
    } else if (needed) {
        luaL_error(L, "%s: missing", field);
    }
    lua_pop(L, 1);
    return kw_str_n(text, length);
}

static int64_t integer_field(lua_State *L, const char *field, int64_t absent)
{
    int64_t value = absent;
    lua_getfield(L, 1, field);
    if (!is_absent(L, -1)) {
        if (!lua_isinteger(L, -1))
            luaL_error(L, "%s: an integer is needed", field);
        value = lua_tointeger(L, -1);
    }
    lua_pop(L, 1);
    return value;
}

static void phases_field(lua_State *L, const char *field, int64_t out[KW_PHASES])
{
    lua_getfield(L, 1, field);
    bool absent = is_absent(L, -1);
    if (!absent && !lua_istable(L, -1))
        luaL_error(L, "%s: three integers are needed", field);
    for (int phase = 0; phase < KW_PHASES; phase++) {
        out[phase] = KW_NONE;
        if (absent)
            continue;
        lua_rawgeti(L, -1, phase + 1);
        if (lua_isinteger(L, -1))
            out[phase] = lua_tointeger(L, -1);
        else if (!is_absent(L, -1))
            luaL_error(L, "%s: three integers are needed", field);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* --- the registry --- */

/* complex.put_node{id, parent_id?, kind, name, limit_ma?, limit_w?, revision?} -> true | nil, slug, words.
 * Stack [-0, +1|3]; raises on a wrong argument type. */
static int l_put_node(lua_State *L)
{
    struct kw_service *service = service_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    struct kw_node_spec spec = { .id = text_field(L, "id", true),
                                 .parent_id = text_field(L, "parent_id", false),
                                 .kind = text_field(L, "kind", true),
                                 .name = text_field(L, "name", true),
                                 .limit_w = integer_field(L, "limit_w", KW_NONE),
                                 .revision = integer_field(L, "revision", 1) };
    phases_field(L, "limit_ma", spec.limit_ma);
    kw_err err = kw_complex_put_node(service->complex, &spec);
    return done(L, service, err,
                err == KW_ENOTFOUND  ? "there is no such parent node"
                : err == KW_EINVALID ? "a cycle, too deep, a text too long, or a limit that is none"
                                     : NULL);
}

/* complex.remove_node(id) -> true | nil, "busy"|"not-found", words. Stack [-0, +1|3]. */
static int l_remove_node(lua_State *L)
{
    struct kw_service *service = service_of(L);
    kw_err err = kw_complex_remove_node(service->complex, kw_str_of(luaL_checkstring(L, 1)));
    return done(L, service, err, err == KW_EBUSY ? "nodes or stations are below it" : NULL);
}

/* complex.put_station{id, name, node_id?, phases, rotation?, connectors?, revision?}
 * -> true | nil, slug, words. Stack [-0, +1|3]; raises on a wrong argument type. */
static int l_put_station(lua_State *L)
{
    struct kw_service *service = service_of(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    struct kw_station_spec spec = { .id = text_field(L, "id", true),
                                    .name = text_field(L, "name", true),
                                    .node_id = text_field(L, "node_id", false),
                                    .phases = (int)integer_field(L, "phases", 3),
                                    .rotation = (int)integer_field(L, "rotation", 0),
                                    .connectors = (int)integer_field(L, "connectors", 0),
                                    .revision = integer_field(L, "revision", 1) };
    kw_err err = kw_complex_put_station(service->complex, &spec);
    return done(L, service, err,
                err == KW_ENOTFOUND  ? "there is no such node"
                : err == KW_EINVALID ? "id, phases (1, 3), rotation (0..2) or connectors is wrong"
                                     : NULL);
}

/* complex.remove_station(id) -> true | nil, "not-found", words. Stack [-0, +1|3]. */
static int l_remove_station(lua_State *L)
{
    struct kw_service *service = service_of(L);
    return done(L, service,
                kw_complex_remove_station(service->complex, kw_str_of(luaL_checkstring(L, 1))),
                NULL);
}

/* complex.put_key(uid, driver_id, driver_name) -> true: whose key it is. Stack [-0, +1]. */
static int l_put_key(lua_State *L)
{
    struct kw_service *service = service_of(L);
    size_t lengths[3];
    const char *uid = luaL_checklstring(L, 1, &lengths[0]);
    const char *id = luaL_checklstring(L, 2, &lengths[1]);
    const char *name = luaL_checklstring(L, 3, &lengths[2]);
    kw_service_put_key(service, kw_str_n(uid, lengths[0]), kw_str_n(id, lengths[1]),
                       kw_str_n(name, lengths[2]));
    return done(L, service, KW_OK, NULL);
}

/* complex.remove_key(uid) -> true. Stack [-0, +1]. */
static int l_remove_key(lua_State *L)
{
    struct kw_service *service = service_of(L);
    kw_service_remove_key(service, kw_str_of(luaL_checkstring(L, 1)));
    return done(L, service, KW_OK, NULL);
}

/* --- reading --- */

/* complex.station(id) -> table | nil. Stack [-0, +1]. */
static int l_station(lua_State *L)
{
    struct kw_service *service = service_of(L);
    const struct kw_station *station =
        kw_complex_station(service->complex, kw_str_of(luaL_checkstring(L, 1)));
    if (station == NULL)
        lua_pushnil(L);
    else
        kw_lua_push_station(L, station, kw_complex_feed_is_lost(service->complex));
    return 1;
}

/* complex.node(id) -> table | nil. Stack [-0, +1]. */
static int l_node(lua_State *L)
{
    struct kw_service *service = service_of(L);
    const struct kw_node *node =
        kw_complex_node(service->complex, kw_str_of(luaL_checkstring(L, 1)));
    if (node == NULL)
        lua_pushnil(L);
    else
        kw_lua_push_node(L, node, kw_complex_feed_is_lost(service->complex));
    return 1;
}

/* complex.is_below(node_id, ancestor_id) -> boolean: the same node is below itself. Stack [-0, +1]. */
static int l_is_below(lua_State *L)
{
    struct kw_service *service = service_of(L);
    const struct kw_node *below =
        kw_complex_node(service->complex, kw_str_of(luaL_checkstring(L, 1)));
    const struct kw_node *node =
        kw_complex_node(service->complex, kw_str_of(luaL_checkstring(L, 2)));
    lua_pushboolean(L, node != NULL && below != NULL && kw_node_contains(node, below));
    return 1;
}

struct filter {
    bool by_state, states[KW_STATE_COUNT];
    bool by_node;
    const struct kw_node *node;
    int online, registered; /* -1: any */
};

static int flag_field(lua_State *L, const char *field, int absent)
{
    lua_getfield(L, 1, field);
    int value = is_absent(L, -1) ? absent : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static void read_filter(lua_State *L, const struct kw_service *service, struct filter *filter)
{
    *filter = (struct filter){ .online = flag_field(L, "online", -1),
                               .registered = flag_field(L, "registered", 1) };
    lua_getfield(L, 1, "state");
    filter->by_state = lua_istable(L, -1);
    for (lua_Integer i = 1; filter->by_state && lua_rawgeti(L, -1, i) != LUA_TNIL; i++) {
        for (int state = 0; state < KW_STATE_COUNT; state++)
            if (strcmp(luaL_checkstring(L, -1), kw_state_name((enum kw_state)state)) == 0)
                filter->states[state] = true;
        lua_pop(L, 1);
    }
    lua_settop(L, 1);
    struct kw_str node_id = text_field(L, "node_id", false);
    filter->by_node = node_id.len > 0;
    filter->node = filter->by_node ? kw_complex_node(service->complex, node_id) : NULL;
}

static bool passes(const struct filter *filter, const struct kw_station *station)
{
    if (filter->registered >= 0 && filter->registered != station->registered)
        return false;
    if (filter->online >= 0 && filter->online != station->online)
        return false;
    if (filter->by_state && !filter->states[station->state])
        return false;
    return !filter->by_node || (filter->node != NULL && station->node != NULL &&
                                kw_node_contains(filter->node, station->node));
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(const struct kw_station *const *)a)->id,
                  (*(const struct kw_station *const *)b)->id);
}

/* complex.ids{state? = {..}, node_id?, online?, registered? = true} -> sorted array of ids.
 * registered = false: the discovered ones. Stack [-0, +1]. */
static int l_ids(lua_State *L)
{
    struct kw_service *service = service_of(L);
    struct filter filter;
    lua_settop(L, 1);
    if (!lua_istable(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    read_filter(L, service, &filter);
    size_t count = kw_complex_station_count(service->complex), found = 0;
    const struct kw_station **list = lua_newuserdatauv(L, (count + 1) * sizeof *list, 0);
    for (size_t i = 0; i < count; i++) {
        const struct kw_station *station = kw_complex_station_at(service->complex, i);
        if (passes(&filter, station))
            list[found++] = station;
    }
    qsort(list, found, sizeof *list, by_id);
    lua_createtable(L, (int)found, 0);
    for (size_t i = 0; i < found; i++) {
        lua_pushstring(L, list[i]->id);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int push_written(lua_State *L, void (*write)(const struct kw_service *, struct kw_buf *),
                        bool as_table)
{
    struct kw_buf text;
    char error[120];
    kw_buf_init(&text, 65536);
    write(service_of(L), &text);
    if (!as_table)
        lua_pushlstring(L, kw_buf_ptr(&text), kw_buf_len(&text));
    else if (kw_lua_push_json(L, kw_buf_str(&text), error, sizeof error) != KW_OK)
        lua_pushnil(L);
    kw_buf_free(&text);
    return 1;
}

/* complex.summary() -> the object of GET /complex as a table. Stack [-0, +1]. */
static int l_summary(lua_State *L)
{
    return push_written(L, kw_service_write_complex, true);
}

/* complex.json() -> the same as JSON text: what the live topic sends. Stack [-0, +1]. */
static int l_json(lua_State *L)
{
    return push_written(L, kw_service_write_complex, false);
}

/* complex.feed() -> {state, lag_ms, last_event_at}. Stack [-0, +1]. */
static int l_feed(lua_State *L)
{
    return push_written(L, kw_service_write_feed, true);
}

void kw_bind_complex(struct kw_service *service)
{
    static const struct luaL_Reg functions[] = { { "put_node", l_put_node },
                                                 { "remove_node", l_remove_node },
                                                 { "put_station", l_put_station },
                                                 { "remove_station", l_remove_station },
                                                 { "put_key", l_put_key },
                                                 { "remove_key", l_remove_key },
                                                 { "station", l_station },
                                                 { "node", l_node },
                                                 { "is_below", l_is_below },
                                                 { "ids", l_ids },
                                                 { "summary", l_summary },
                                                 { "json", l_json },
                                                 { "feed", l_feed },
                                                 { NULL, NULL } };
    kw_host_module(service->runtime->host, "kw.complex", functions, service);
}
