/* bind_complex_tables.c - A station and a node as tables: names of the API, units in the names, json.null
 * for what was never reported. A station's own figures are sums over its connectors. */
#include "app/bind_complex.h"

#include "push/rows.h"

#define KW_NULL(L) lua_pushlightuserdata((L), NULL)

static void put_number(lua_State *L, const char *field, int64_t value)
{
    if (value == KW_NONE)
        KW_NULL(L);
    else
        lua_pushinteger(L, value);
    lua_setfield(L, -2, field);
}

static void put_text(lua_State *L, const char *field, const char *text)
{
    if (text[0] == 0)
        KW_NULL(L);
    else
        lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

static void put_flag(lua_State *L, const char *field, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, field);
}

static void put_phases(lua_State *L, const char *field, const int64_t values[KW_PHASES])
{
    lua_createtable(L, KW_PHASES, 0);
    for (int phase = 0; phase < KW_PHASES; phase++) {
        if (values[phase] == KW_NONE)
            KW_NULL(L);
        else
            lua_pushinteger(L, values[phase]);
        lua_rawseti(L, -2, phase + 1);
    }
    lua_setfield(L, -2, field);
}

static int64_t newest(const struct kw_connector *connector)
{
    return connector->meter_ms > connector->status_ms ? connector->meter_ms : connector->status_ms;
}

/* `transaction_id` is the API's id, STATION~NUMBER; `transaction` the number that the station knows. */
static void put_transaction(lua_State *L, const struct kw_station *station,
                            const struct kw_connector *connector)
{
    char id[KW_ROW_TX_ID_BYTES];
    put_text(L, "transaction", connector->transaction);
    if (connector->transaction[0] == 0) {
        put_text(L, "transaction_id", "");
        return;
    }
    struct kw_str text = kw_row_transaction_id(station->id, connector->transaction, id);
    lua_pushlstring(L, text.ptr, text.len);
    lua_setfield(L, -2, "transaction_id");
}

/* The same figures as a row of the live feed (push/rows.c), by name. */
static void push_connector(lua_State *L, const struct kw_station *station,
                           const struct kw_connector *connector, bool feed_lost)
{
    lua_createtable(L, 0, 20);
    put_number(L, "id", connector->id);
    put_text(L, "status", connector->status);
    put_text(L, "state", kw_state_name(connector->state));
    put_text(L, "error_code", connector->error_code);
    put_number(L, "power_w", connector->power_w);
    put_phases(L, "current_ma", connector->current_ma);
    put_phases(L, "voltage_mv", connector->voltage_mv);
    put_number(L, "offered_ma", connector->offered_ma);
    put_number(L, "limit_ma", connector->limit_ma);
    put_number(L, "limit_w", connector->limit_w);
    put_text(L, "limit_source", connector->limit_source);
    put_number(L, "energy_wh", connector->tx_energy_wh);
    put_number(L, "soc_pct", connector->soc_pct);
    put_transaction(L, station, connector);
    put_text(L, "key_uid", connector->key_uid);
    put_number(L, "started_ms", connector->tx_started_ms);
    put_number(L, "as_of_ms", newest(connector));
    put_flag(L, "stale", feed_lost || connector->stale);
}

static void add(int64_t *sum, int64_t value)
{
    if (value != KW_NONE)
        *sum = *sum == KW_NONE ? value : *sum + value;
}

static void put_sums(lua_State *L, const struct kw_station *station)
{
    int64_t power_w = KW_NONE, current_ma[KW_PHASES] = { KW_NONE, KW_NONE, KW_NONE };
    for (size_t c = 0; c < station->connector_count; c++) {
        add(&power_w, station->connectors[c].power_w);
        for (int phase = 0; phase < KW_PHASES; phase++)
            add(&current_ma[phase], station->connectors[c].current_ma[phase]);
    }
    put_number(L, "power_w", power_w);
    put_phases(L, "current_ma", current_ma);
}

void kw_lua_push_station(lua_State *L, const struct kw_station *station, bool feed_lost)
{
    bool stale = feed_lost;
    luaL_checkstack(L, 8, "station");
    lua_createtable(L, 0, 20);
    put_text(L, "id", station->id);
    put_text(L, "name", station->name);
    put_text(L, "node_id", station->node != NULL ? station->node->id : "");
    put_flag(L, "registered", station->registered);
    put_flag(L, "online", station->online);
    put_flag(L, "seen", station->seen);
    put_text(L, "state", kw_state_name(station->state));
    put_text(L, "error_code", station->error_code);
    put_text(L, "vendor", station->vendor);
    put_text(L, "model", station->model);
    put_text(L, "firmware", station->firmware);
    put_number(L, "phases", station->phases);
    put_number(L, "rotation", station->rotation);
    put_number(L, "last_seen_ms", station->last_seen_ms > 0 ? station->last_seen_ms : KW_NONE);
    put_number(L, "as_of_ms", station->as_of_ms);
    put_number(L, "revision", station->revision);
    put_sums(L, station);
    lua_createtable(L, (int)station->connector_count, 0);
    for (size_t c = 0; c < station->connector_count; c++) {
        stale = stale || station->connectors[c].stale;
        push_connector(L, station, &station->connectors[c], feed_lost);
        lua_rawseti(L, -2, (lua_Integer)c + 1);
    }
    lua_setfield(L, -2, "connectors");
    put_flag(L, "stale", stale);
}

void kw_lua_push_node(lua_State *L, const struct kw_node *node, bool feed_lost)
{
    struct kw_load load = kw_node_load(node);
    luaL_checkstack(L, 8, "node");
    lua_createtable(L, 0, 12);
    put_text(L, "id", node->id);
    put_text(L, "parent_id", node->parent != NULL ? node->parent->id : "");
    put_text(L, "kind", node->kind);
    put_text(L, "name", node->name);
    put_number(L, "power_w", load.power_w);
    put_phases(L, "current_ma", load.current_ma);
    put_phases(L, "limit_ma", node->limit_ma);
    put_number(L, "limit_w", node->limit_w);
    put_number(L, "ratio", kw_node_ratio(node));
    put_number(L, "as_of_ms", node->as_of_ms);
    put_flag(L, "stale", feed_lost || node->stale_parts > 0);
    put_number(L, "stations", node->stations);
    put_number(L, "charging", node->charging);
    put_number(L, "depth", node->depth);
}
