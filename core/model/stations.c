/* stations.c - Stations and connectors come and go: declared by the operator or seen in the feed.
 *
 * A station that the feed still speaks of is not forgotten when its registration is removed: it
 * becomes a discovered one again, counted nowhere. */
#include <string.h>

#include "model/internal.h"

static bool valid_id(struct kw_str cs)
{
    if (cs.len == 0 || cs.len > KW_STATION_ID_BYTES)
        return false;
    for (size_t i = 0; i < cs.len; i++) {
        unsigned char byte = (unsigned char)cs.ptr[i];
        if (byte < 0x20 || byte == 0x7F || byte == ':' || byte == '|')
            return false; /* complex-contract.md 1: the producer escapes these */
    }
    return true;
}

kw_err kw_complex_see(struct kw_complex *complex, struct kw_str cs, struct kw_station **out)
{
    *out = kw_map_get(complex->stations, cs);
    if (*out != NULL)
        return KW_OK;
    if (!valid_id(cs))
        return KW_EINVALID;
    if (complex->list.count >= complex->options.max_stations)
        return KW_EFULL;
    struct station_slot *slot = kw_zalloc(sizeof *slot);
    struct kw_station *station = &slot->station;
    kw_copy_text(station->id, sizeof station->id, cs);
    kw_copy_text(station->name, sizeof station->name, cs);
    station->phases = KW_PHASES;
    station->last_seen_ms = station->connected_ms = station->as_of_ms = KW_NONE;
    station->conn_generation = station->status_ms = KW_NONE;
    slot->connection_ms = slot->value_ms = KW_NONE;
    slot->dirty_at = slot->active_at = KW_NOT_LISTED;
    kw_list_add(&complex->list, slot);
    (void)kw_map_put(complex->stations, cs, station);
    *out = station;
    return KW_OK;
}

/* --- connectors --- */

struct kw_connector *kw_station_connector(struct kw_station *station, int id)
{
    for (size_t c = 0; c < station->connector_count; c++) {
        if (station->connectors[c].id == id)
            return &station->connectors[c];
    }
    return NULL;
}

static void blank(struct kw_connector *connector, int id)
{
    memset(connector, 0, sizeof *connector);
    connector->id = id;
    connector->status_ms = connector->power_w = connector->meter_ms = KW_NONE;
    connector->energy_register_wh = connector->register_ms = connector->register_doubt_wh = KW_NONE;
    connector->soc_pct = connector->offered_ma = connector->limit_ma = connector->limit_w = KW_NONE;
    connector->limit_ms = connector->tx_event_ms = KW_NONE;
    connector->tx_started_ms = connector->tx_meter_start_wh = connector->tx_energy_wh = KW_NONE;
    for (int phase = 0; phase < KW_PHASES; phase++)
        connector->current_ma[phase] = connector->voltage_mv[phase] = KW_NONE;
}

kw_err kw_station_need_connector(struct kw_station *station, int64_t id, struct kw_connector **out)
{
    *out = NULL;
    if (id < 1 || id > KW_CONNECTOR_ID_MAX)
        return KW_EINVALID;
    *out = kw_station_connector(station, (int)id);
    if (*out != NULL)
        return KW_OK;
    if (station->connector_count >= KW_STATION_CONNECTORS_MAX)
        return KW_EFULL;
    station->connectors = kw_realloc(station->connectors,
                                     (station->connector_count + 1) * sizeof *station->connectors);
    size_t at = station->connector_count++;
    for (; at > 0 && station->connectors[at - 1].id > id; at--)
        station->connectors[at] = station->connectors[at - 1];
    *out = &station->connectors[at];
    blank(*out, (int)id);
    return KW_OK;
}

void kw_connector_no_load(struct kw_connector *connector)
{
    if (connector->power_w != KW_NONE)
        connector->power_w = 0;
    for (int phase = 0; phase < KW_PHASES; phase++) {
        if (connector->current_ma[phase] != KW_NONE)
            connector->current_ma[phase] = 0;
    }
}

void kw_connector_end_transaction(struct kw_connector *connector, int64_t at_ms)
{
    connector->transaction[0] = connector->key_uid[0] = 0;
    connector->tx_started_ms = connector->tx_meter_start_wh = connector->tx_energy_wh = KW_NONE;
    connector->soc_pct = KW_NONE; /* the car's, and the car leaves */
    if (at_ms > connector->tx_event_ms)
        connector->tx_event_ms = at_ms;
}

void kw_station_touch(struct kw_station *station, int64_t at_ms)
{
    if (at_ms > station->as_of_ms)
        station->as_of_ms = at_ms;
}

/* A new connection is always news when it is later. The end of a connection counts only for the
 * connection that it names: the old socket of a replaced connection may die after the new one. */
bool kw_station_connection(struct kw_station *station, bool online, int64_t at_ms,
                           int64_t generation)
{
    struct station_slot *slot = kw_slot(station);
    bool known = generation > 0 && station->conn_generation != KW_NONE;
    if (known && !online && generation < station->conn_generation)
        return false;
    if (at_ms < slot->connection_ms && !(known && generation > station->conn_generation))
        return false;
    slot->connection_ms = at_ms;
    if (generation > 0)
        station->conn_generation = generation;
    if (online)
        station->connected_ms = at_ms;
    station->online = online;
    kw_station_touch(station, at_ms);
    return true;
}

/* --- registry --- */

kw_err kw_complex_put_station(struct kw_complex *complex, const struct kw_station_spec *spec)
{
    struct kw_node *node = NULL;
    struct kw_station *station;
    if ((spec->phases != 1 && spec->phases != KW_PHASES) || spec->rotation < 0 ||
        spec->rotation >= KW_PHASES || spec->connectors < 0 ||
        spec->connectors > KW_STATION_CONNECTORS_MAX || spec->name.len >= sizeof station->name)
        return KW_EINVALID;
    if (spec->node_id.len > 0) {
        node = kw_complex_node(complex, spec->node_id);
        if (node == NULL)
            return KW_ENOTFOUND;
    }
    kw_err err = kw_complex_see(complex, spec->id, &station);
    if (err != KW_OK)
        return err;
    kw_complex_withdraw(complex, station);
    station->registered = true;
    station->node = node;
    station->phases = spec->phases;
    station->rotation = spec->rotation;
    station->revision = spec->revision;
    kw_copy_text(station->name, sizeof station->name, spec->name.len > 0 ? spec->name : spec->id);
    for (int id = 1; id <= spec->connectors && err == KW_OK; id++) {
        struct kw_connector *connector;
        err = kw_station_need_connector(station, id, &connector);
    }
    kw_complex_refresh(complex, station);
    return err;
}

kw_err kw_complex_remove_station(struct kw_complex *complex, struct kw_str id)
{
    struct kw_station *station = kw_complex_station(complex, id);
    if (station == NULL)
        return KW_ENOTFOUND;
    struct station_slot *slot = kw_slot(station);
    kw_complex_withdraw(complex, station);
    kw_complex_add_gone(complex, station->id, false);
    if (station->registered && station->seen) {
        station->registered = false;
        station->node = NULL;
        station->revision = 0;
        kw_copy_text(station->name, sizeof station->name, kw_str_of(station->id));
        kw_complex_refresh(complex, station);
        return KW_OK;
    }
    size_t at = 0;
    while (complex->list.items[at] != slot)
        at++;
    memmove(complex->list.items + at, complex->list.items + at + 1,
            (complex->list.count - at - 1) * sizeof *complex->list.items);
    complex->list.count--;
    kw_complex_unmark_station(complex, slot);
    (void)kw_map_remove(complex->stations, kw_str_of(station->id));
    kw_free(station->connectors);
    kw_free(slot);
    return KW_OK;
}
