/* complex.c - Stations, their effective state, and the roll-up of loads as differences.
 *
 * refresh() is the heart: it computes what a station is and adds to the tree now, compares with what it
 * added before, and walks up once with the difference. */
#include "model/complex.h"

#include <string.h>

#include "model/internal.h"

#define KW_STALE_AFTER_MS 90000
#define KW_STATIONS_MAX 65536
#define KW_CONNECTORS_MAX 16

struct kw_complex *kw_complex_new(const struct kw_complex_options *options)
{
    struct kw_complex *complex = kw_zalloc(sizeof *complex);
    if (options != NULL)
        complex->options = *options;
    if (complex->options.stale_after_ms <= 0)
        complex->options.stale_after_ms = KW_STALE_AFTER_MS;
    if (complex->options.max_stations == 0)
        complex->options.max_stations = KW_STATIONS_MAX;
    complex->stations = kw_map_new();
    complex->nodes = kw_map_new();
    complex->last_gone = &complex->gone;
    complex->feed_lost = true;
    return complex;
}

void kw_complex_free(struct kw_complex *complex)
{
    size_t at = 0;
    struct kw_str key;
    void *value;
    if (complex == NULL)
        return;
    for (size_t i = 0; i < complex->station_count; i++) {
        kw_free(complex->list[i]->station.connectors);
        kw_free(complex->list[i]);
    }
    while (kw_map_next(complex->nodes, &at, &key, &value))
        kw_free(value);
    while (complex->gone != NULL) {
        struct gone *gone = complex->gone;
        complex->gone = gone->next;
        kw_free(gone);
    }
    kw_map_free(complex->stations);
    kw_map_free(complex->nodes);
    kw_free(complex->list);
    kw_free(complex->order);
    kw_free(complex->dirty_stations);
    kw_free(complex->dirty_nodes);
    kw_free(complex);
}

/* --- dirty lists --- */

static void mark_station(struct kw_complex *complex, struct station_slot *slot)
{
    slot->station.change = ++complex->change;
    if (slot->dirty)
        return;
    slot->dirty = true;
    if (complex->dirty_station_count == complex->dirty_station_room) {
        complex->dirty_station_room = complex->dirty_station_room > 0 ? complex->dirty_station_room * 2 : 64;
        complex->dirty_stations =
            kw_realloc(complex->dirty_stations, complex->dirty_station_room * sizeof *complex->dirty_stations);
    }
    complex->dirty_stations[complex->dirty_station_count++] = slot;
}

void kw_complex_mark_node(struct kw_complex *complex, struct kw_node *node)
{
    bool queued = node->user != NULL;
    node->change = ++complex->change;
    if (queued)
        return;
    node->user = complex; /* queued mark */
    if (complex->dirty_node_count == complex->dirty_node_room) {
        complex->dirty_node_room = complex->dirty_node_room > 0 ? complex->dirty_node_room * 2 : 64;
        complex->dirty_nodes = kw_realloc(complex->dirty_nodes, complex->dirty_node_room * sizeof *complex->dirty_nodes);
    }
    complex->dirty_nodes[complex->dirty_node_count++] = node;
}

void kw_complex_drain(struct kw_complex *complex, kw_station_visitor *on_station, kw_node_visitor *on_node,
                      kw_gone_visitor *on_gone, void *arg)
{
    for (size_t i = 0; i < complex->dirty_node_count; i++) {
        complex->dirty_nodes[i]->user = NULL;
        on_node(complex->dirty_nodes[i], arg);
    }
    complex->dirty_node_count = 0;
    for (size_t i = 0; i < complex->dirty_station_count; i++) {
        complex->dirty_stations[i]->dirty = false;
        on_station(&complex->dirty_stations[i]->station, arg);
    }
    complex->dirty_station_count = 0;
    while (complex->gone != NULL) {
        struct gone *gone = complex->gone;
        complex->gone = gone->next;
        on_gone(kw_str_of(gone->id), gone->is_node, arg);
        kw_free(gone);
    }
    complex->last_gone = &complex->gone;
}

bool kw_complex_dirty(const struct kw_complex *complex)
{
    return complex->dirty_station_count > 0 || complex->dirty_node_count > 0 || complex->gone != NULL;
}

/* --- effective state and loads --- */

static enum kw_state state_of(const struct kw_complex *complex, const struct kw_station *station)
{
    static const enum kw_state order[] = { KW_STATE_FAULTED,   KW_STATE_CHARGING,  KW_STATE_SUSPENDED,
                                           KW_STATE_PREPARING, KW_STATE_FINISHING, KW_STATE_RESERVED,
                                           KW_STATE_UNAVAILABLE, KW_STATE_AVAILABLE };
    if (complex->feed_lost || !station->seen)
        return KW_STATE_UNKNOWN;
    if (!station->online)
        return KW_STATE_OFFLINE;
    for (size_t i = 0; i < KW_COUNT_OF(order); i++) {
        for (size_t c = 0; c < station->connector_count; c++) {
            if (station->connectors[c].state == order[i])
                return order[i];
        }
    }
    return KW_STATE_UNKNOWN;
}

static bool drawing(const struct kw_connector *connector)
{
    return connector->transaction[0] != 0 &&
           (connector->state == KW_STATE_CHARGING || connector->state == KW_STATE_SUSPENDED);
}

/* What the station adds to its ancestors: only values that are believed. */
static void compute_share(struct kw_complex *complex, struct station_slot *slot, struct kw_load *share,
                          int64_t *charging, int64_t *stale, int64_t now_ms)
{
    struct kw_station *station = &slot->station;
    memset(share, 0, sizeof *share);
    *charging = 0;
    *stale = 0;
    slot->active_transactions = 0;
    for (size_t c = 0; c < station->connector_count; c++) {
        struct kw_connector *connector = &station->connectors[c];
        bool open = connector->transaction[0] != 0;
        connector->stale = open && connector->meter_ms != KW_NONE && drawing(connector) &&
                           now_ms - connector->meter_ms > complex->options.stale_after_ms;
        slot->active_transactions += open;
        if (!station->online) {
            *stale += open;
            continue;
        }
        *stale += connector->stale;
        *charging += connector->state == KW_STATE_CHARGING;
        if (connector->power_w != KW_NONE)
            share->power_w += connector->power_w;
        for (int phase = 0; phase < KW_PHASES; phase++) {
            if (connector->current_ma[phase] != KW_NONE)
                share->current_ma[(phase + station->rotation) % KW_PHASES] += connector->current_ma[phase];
        }
    }
}

static void add_share(struct kw_complex *complex, struct station_slot *slot, const struct kw_load *share, int64_t charging,
                      int64_t stale, int sign)
{
    int64_t as_of = slot->station.as_of_ms;
    complex->total.power_w += sign * share->power_w;
    for (int phase = 0; phase < KW_PHASES; phase++)
        complex->total.current_ma[phase] += sign * share->current_ma[phase];
    for (struct kw_node *node = slot->station.node; node != NULL; node = node->parent) {
        node->load.power_w += sign * share->power_w;
        for (int phase = 0; phase < KW_PHASES; phase++)
            node->load.current_ma[phase] += sign * share->current_ma[phase];
        node->charging += sign * charging;
        node->stale_parts += sign * stale;
        if (as_of > node->as_of_ms)
            node->as_of_ms = as_of;
        kw_complex_mark_node(complex, node);
    }
}

static bool same_load(const struct kw_load *a, const struct kw_load *b)
{
    return a->power_w == b->power_w && memcmp(a->current_ma, b->current_ma, sizeof a->current_ma) == 0;
}

static void count(struct kw_complex *complex, struct station_slot *slot, int64_t active_before)
{
    if (slot->counted) {
        complex->counts.by_state[slot->counted_state]--;
        complex->counts.total--;
        complex->counts.active_transactions -= active_before;
    }
    slot->counted = slot->station.registered;
    slot->counted_state = slot->station.state;
    if (slot->counted) {
        complex->counts.by_state[slot->counted_state]++;
        complex->counts.total++;
        complex->counts.active_transactions += slot->active_transactions;
    }
}

void kw_complex_refresh(struct kw_complex *complex, struct kw_station *station, int64_t now_ms)
{
    struct station_slot *slot = (struct station_slot *)station;
    struct kw_load share;
    int64_t charging, stale, active_before = slot->active_transactions;
    compute_share(complex, slot, &share, &charging, &stale, now_ms);
    station->state = state_of(complex, station);
    if (!same_load(&share, &slot->share) || charging != slot->share_charging || stale != slot->share_stale) {
        add_share(complex, slot, &slot->share, slot->share_charging, slot->share_stale, -1);
        add_share(complex, slot, &share, charging, stale, 1);
        slot->share = share;
        slot->share_charging = charging;
        slot->share_stale = stale;
    }
    count(complex, slot, active_before);
    mark_station(complex, slot);
}

void kw_complex_unshare(struct kw_complex *complex, struct station_slot *slot)
{
    add_share(complex, slot, &slot->share, slot->share_charging, slot->share_stale, -1);
    memset(&slot->share, 0, sizeof slot->share);
    slot->share_charging = slot->share_stale = 0;
}

/* --- stations --- */

struct kw_station *kw_complex_station(struct kw_complex *complex, struct kw_str id)
{
    return kw_map_get(complex->stations, id);
}

size_t kw_complex_station_count(const struct kw_complex *complex)
{
    return complex->station_count;
}

struct kw_station *kw_complex_station_at(struct kw_complex *complex, size_t index)
{
    return &complex->list[index]->station;
}

struct kw_station *kw_complex_see(struct kw_complex *complex, struct kw_str cs)
{
    struct kw_station *found = kw_map_get(complex->stations, cs);
    if (found != NULL)
        return found;
    if (cs.len == 0 || cs.len > KW_STATION_ID_BYTES || complex->station_count >= complex->options.max_stations)
        return NULL;
    struct station_slot *slot = kw_zalloc(sizeof *slot);
    KW_IGNORE(kw_str_copy(cs, slot->station.id, sizeof slot->station.id));
    KW_IGNORE(kw_str_copy(cs, slot->station.name, sizeof slot->station.name));
    slot->station.phases = 3;
    slot->station.last_seen_ms = slot->station.connected_ms = KW_NONE;
    slot->station.as_of_ms = 0;
    if (complex->station_count == complex->station_room) {
        complex->station_room = complex->station_room > 0 ? complex->station_room * 2 : 64;
        complex->list = kw_realloc(complex->list, complex->station_room * sizeof *complex->list);
    }
    slot->index = complex->station_count;
    complex->list[complex->station_count++] = slot;
    (void)kw_map_put(complex->stations, cs, slot);
    return &slot->station;
}

struct kw_connector *kw_station_connector(struct kw_station *station, int id)
{
    for (size_t c = 0; c < station->connector_count; c++) {
        if (station->connectors[c].id == id)
            return &station->connectors[c];
    }
    return NULL;
}

struct kw_connector *kw_station_need_connector(struct kw_station *station, int id)
{
    struct kw_connector *found = kw_station_connector(station, id);
    if (found != NULL || id < 1 || station->connector_count >= KW_CONNECTORS_MAX)
        return found;
    station->connectors = kw_realloc(station->connectors, (station->connector_count + 1) * sizeof *station->connectors);
    size_t at = station->connector_count;
    while (at > 0 && station->connectors[at - 1].id > id) {
        station->connectors[at] = station->connectors[at - 1];
        at--;
    }
    station->connector_count++;
    struct kw_connector *made = &station->connectors[at];
    memset(made, 0, sizeof *made);
    made->id = id;
    made->status_ms = made->power_w = made->energy_register_wh = made->soc_pct = made->meter_ms = KW_NONE;
    made->offered_ma = made->limit_ma = made->limit_w = KW_NONE;
    made->tx_started_ms = made->tx_meter_start_wh = made->tx_energy_wh = KW_NONE;
    for (int phase = 0; phase < KW_PHASES; phase++)
        made->current_ma[phase] = made->voltage_mv[phase] = KW_NONE;
    return made;
}

kw_err kw_complex_put_station(struct kw_complex *complex, const struct kw_station_spec *spec)
{
    struct kw_station *station = kw_complex_see(complex, spec->id);
    struct kw_node *node = spec->node_id.len > 0 ? kw_complex_node(complex, spec->node_id) : NULL;
    if (station == NULL)
        return KW_EFULL;
    struct station_slot *slot = (struct station_slot *)station;
    if (station->node != node || station->rotation != spec->rotation % KW_PHASES) {
        kw_complex_unshare(complex, slot);
        for (struct kw_node *at = station->node; at != NULL && station->registered; at = at->parent)
            at->stations--;
        station->node = node;
        if (station->registered)
            for (struct kw_node *at = node; at != NULL; at = at->parent)
                at->stations++;
    }
    if (!station->registered)
        for (struct kw_node *at = node; at != NULL; at = at->parent)
            at->stations++;
    station->registered = true;
    station->rotation = spec->rotation % KW_PHASES;
    station->phases = spec->phases;
    station->revision = spec->revision;
    KW_IGNORE(kw_str_copy(spec->name.len > 0 ? spec->name : spec->id, station->name, sizeof station->name));
    for (int id = 1; id <= spec->connectors; id++)
        (void)kw_station_need_connector(station, id);
    kw_complex_refresh(complex, station, station->as_of_ms);
    return KW_OK;
}

static void add_gone(struct kw_complex *complex, const char *id, bool is_node)
{
    struct gone *gone = kw_zalloc(sizeof *gone);
    gone->is_node = is_node;
    KW_IGNORE(kw_str_copy(kw_str_of(id), gone->id, sizeof gone->id));
    *complex->last_gone = gone;
    complex->last_gone = &gone->next;
}

kw_err kw_complex_remove_station(struct kw_complex *complex, struct kw_str id)
{
    struct kw_station *station = kw_map_remove(complex->stations, id);
    if (station == NULL)
        return KW_ENOTFOUND;
    struct station_slot *slot = (struct station_slot *)station;
    kw_complex_unshare(complex, slot);
    for (struct kw_node *at = station->node; at != NULL && station->registered; at = at->parent)
        at->stations--;
    station->registered = false;
    count(complex, slot, slot->active_transactions);
    for (size_t i = 0; slot->dirty && i < complex->dirty_station_count; i++) {
        if (complex->dirty_stations[i] == slot) {
            complex->dirty_stations[i] = complex->dirty_stations[--complex->dirty_station_count];
            break;
        }
    }
    memmove(complex->list + slot->index, complex->list + slot->index + 1,
            (complex->station_count - slot->index - 1) * sizeof *complex->list);
    complex->station_count--;
    for (size_t i = slot->index; i < complex->station_count; i++)
        complex->list[i]->index = i;
    add_gone(complex, station->id, false);
    kw_free(station->connectors);
    kw_free(slot);
    return KW_OK;
}

void kw_complex_feed_lost(struct kw_complex *complex, bool lost)
{
    if (complex->feed_lost == lost)
        return;
    complex->feed_lost = lost;
    for (size_t i = 0; i < complex->station_count; i++)
        kw_complex_refresh(complex, &complex->list[i]->station, complex->list[i]->station.as_of_ms);
}

void kw_complex_age(struct kw_complex *complex, int64_t now_ms)
{
    for (size_t i = 0; i < complex->station_count; i++) {
        struct kw_station *station = &complex->list[i]->station;
        for (size_t c = 0; c < station->connector_count; c++) {
            struct kw_connector *connector = &station->connectors[c];
            if (!connector->stale && drawing(connector) && connector->meter_ms != KW_NONE &&
                now_ms - connector->meter_ms > complex->options.stale_after_ms) {
                kw_complex_refresh(complex, station, now_ms);
                break;
            }
        }
    }
}

void kw_complex_counts(const struct kw_complex *complex, struct kw_complex_counts *out)
{
    *out = complex->counts;
}

struct kw_load kw_complex_load(const struct kw_complex *complex)
{
    return complex->total;
}

/* --- energy of today --- */

void kw_complex_new_day(struct kw_complex *complex, int64_t day_start_ms, int64_t drawn_wh)
{
    complex->day_start_ms = day_start_ms;
    complex->day_wh = drawn_wh;
}

int64_t kw_complex_energy_today_wh(const struct kw_complex *complex)
{
    return complex->day_wh;
}

void kw_complex_meter_register(struct kw_complex *complex, struct kw_connector *connector, int64_t register_wh,
                               int64_t at_ms)
{
    int64_t before = connector->energy_register_wh;
    if (before != KW_NONE && register_wh > before && at_ms >= complex->day_start_ms)
        complex->day_wh += register_wh - before;
    connector->energy_register_wh = register_wh;
    if (connector->transaction[0] != 0 && connector->tx_meter_start_wh != KW_NONE &&
        register_wh >= connector->tx_meter_start_wh)
        connector->tx_energy_wh = register_wh - connector->tx_meter_start_wh;
}
