/* apply.c - One event to changes: the only way the live complex changes by itself.
 *
 * A table names one function an event type. Each returns whether it changed anything that shows,
 * or an error before it changed anything; apply() finds the station, asks the function, and lets
 * refresh() carry the difference upward. */
#include <string.h>

#include "model/internal.h"

enum effect { NOTHING, CHANGED, REFUSED, FULL };

struct change {
    struct kw_complex *complex;
    struct kw_station *station;
    const struct kw_event *event;
    int64_t connector; /* 0: the station itself */
    bool live;         /* may set what the live tile shows */
};

typedef enum effect apply_fn(const struct change *change);

static bool is_live(const struct kw_event *event)
{
    int64_t apart = event->received_ms == KW_NONE ? 0 : event->received_ms - event->at_ms;
    return !event->offline && apart <= KW_CLOCK_SLACK_MS && apart >= -KW_CLOCK_SLACK_MS;
}

/* In 1.6 evse is the connector's number and connector is 1; in 2.0.1 an EVSE charges one car. */
static int64_t connector_of(const struct kw_event *event)
{
    return event->evse != KW_NONE        ? event->evse
           : event->connector != KW_NONE ? event->connector
                                         : 0;
}

static enum effect need(const struct change *change, int64_t id, struct kw_connector **out)
{
    kw_err err = kw_station_need_connector(change->station, id, out);
    return err == KW_OK ? CHANGED : err == KW_EFULL ? FULL : REFUSED;
}

/* The connector that has this transaction open. */
static struct kw_connector *holder(const struct change *change)
{
    if (change->event->transaction.len == 0)
        return NULL;
    for (size_t c = 0; c < change->station->connector_count; c++) {
        struct kw_connector *connector = &change->station->connectors[c];
        if (kw_str_eqc(change->event->transaction, connector->transaction))
            return connector;
    }
    return NULL;
}

/* --- station --- */

static enum effect connected(const struct change *change)
{
    const struct kw_event *event = change->event;
    return kw_station_connection(change->station, true, event->at_ms, event->generation) ? CHANGED
                                                                                         : NOTHING;
}

static enum effect disconnected(const struct change *change)
{
    const struct kw_event *event = change->event;
    return kw_station_connection(change->station, false, event->at_ms, event->generation) ? CHANGED
                                                                                          : NOTHING;
}

static enum effect boot(const struct change *change)
{
    struct kw_station *station = change->station;
    kw_copy_text(station->vendor, sizeof station->vendor, change->event->vendor);
    kw_copy_text(station->model, sizeof station->model, change->event->model);
    kw_copy_text(station->firmware, sizeof station->firmware, change->event->firmware);
    if (change->live && !station->online)
        (void)kw_station_connection(station, true, change->event->at_ms, KW_NONE);
    return CHANGED;
}

/* --- status --- */

static enum effect status(const struct change *change)
{
    const struct kw_event *event = change->event;
    struct kw_station *station = change->station;
    enum kw_state state = kw_state_of(event->state.len > 0 ? event->state : event->status);
    if (change->connector == 0) {
        if (!change->live || event->at_ms < station->status_ms)
            return NOTHING;
        station->status_ms = event->at_ms;
        station->own_state = state;
        kw_copy_text(station->error_code, sizeof station->error_code, event->error_code);
        kw_station_touch(station, event->at_ms);
        return CHANGED;
    }
    struct kw_connector *connector;
    enum effect found = need(change, change->connector, &connector);
    if (found != CHANGED || !change->live || event->at_ms < connector->status_ms)
        return found;
    connector->status_ms = event->at_ms;
    connector->state = state;
    kw_copy_text(connector->status, sizeof connector->status, event->status);
    kw_copy_text(connector->error_code, sizeof connector->error_code, event->error_code);
    kw_station_touch(station, event->at_ms);
    return CHANGED;
}

/* 2.0.1 says "Occupied" and tells the rest in the transaction (complex-contract.md 3). */
static void charging_state(const struct change *change, struct kw_connector *connector)
{
    static const struct {
        const char *word;
        enum kw_state state;
    } words[] = { { "Charging", KW_STATE_CHARGING },
                  { "SuspendedEV", KW_STATE_SUSPENDED },
                  { "SuspendedEVSE", KW_STATE_SUSPENDED },
                  { "EVConnected", KW_STATE_PREPARING },
                  { "Idle", KW_STATE_PREPARING } };
    const struct kw_event *event = change->event;
    bool told_by_status = connector->status[0] != 0 && strcmp(connector->status, "Occupied") != 0;
    if (!change->live || told_by_status || event->at_ms < connector->status_ms)
        return;
    for (size_t i = 0; i < KW_COUNT_OF(words); i++) {
        if (!kw_str_eqc(event->charging_state, words[i].word))
            continue;
        connector->state = words[i].state;
        connector->status_ms = event->at_ms;
    }
}

/* --- transactions: facts, not samples; a queued one opens and closes too --- */

static enum effect started(const struct change *change)
{
    const struct kw_event *event = change->event;
    struct kw_connector *connector;
    if (event->transaction.len == 0 || event->transaction.len >= KW_TX_BYTES ||
        event->id_token.len >= KW_KEY_BYTES)
        return REFUSED;
    if (change->connector == 0)
        return NOTHING; /* history: where it is, is not known, and never guessed */
    enum effect found = need(change, change->connector, &connector);
    if (found != CHANGED || event->at_ms < connector->tx_event_ms)
        return found;
    if (!kw_str_eqc(event->transaction, connector->transaction))
        kw_connector_end_transaction(connector,
                                     event->at_ms); /* a newer start ends the older one */
    kw_copy_text(connector->transaction, sizeof connector->transaction, event->transaction);
    kw_copy_text(connector->key_uid, sizeof connector->key_uid, event->id_token);
    connector->tx_event_ms = connector->tx_started_ms = event->at_ms;
    connector->tx_meter_start_wh = kw_sane(event->meter_start_wh);
    connector->tx_energy_wh = connector->tx_meter_start_wh != KW_NONE ? 0 : KW_NONE;
    if (connector->tx_meter_start_wh != KW_NONE)
        kw_complex_take_register(change->complex, change->station, connector,
                                 connector->tx_meter_start_wh, event->at_ms);
    if (connector->register_ms >= event->at_ms && connector->tx_meter_start_wh != KW_NONE &&
        connector->energy_register_wh > connector->tx_meter_start_wh)
        connector->tx_energy_wh = connector->energy_register_wh - connector->tx_meter_start_wh;
    charging_state(change, connector);
    kw_station_touch(change->station, event->at_ms);
    return CHANGED;
}

static enum effect updated(const struct change *change)
{
    struct kw_connector *connector = holder(change);
    if (connector == NULL || change->event->at_ms < connector->tx_started_ms)
        return NOTHING;
    charging_state(change, connector);
    if (kw_sane(change->event->energy_wh) > connector->tx_energy_wh)
        connector->tx_energy_wh = change->event->energy_wh;
    if (connector->key_uid[0] == 0 && change->event->id_token.len < KW_KEY_BYTES)
        kw_copy_text(connector->key_uid, sizeof connector->key_uid, change->event->id_token);
    return CHANGED;
}

static enum effect ended(const struct change *change)
{
    const struct kw_event *event = change->event;
    struct kw_connector *connector = holder(change);
    if (event->transaction.len == 0)
        return REFUSED;
    if (connector == NULL) { /* not open here: a start that comes later is older than this end */
        connector = change->connector > 0 && change->connector <= KW_CONNECTOR_ID_MAX
                        ? kw_station_connector(change->station, (int)change->connector)
                        : NULL;
        if (connector != NULL && connector->transaction[0] == 0 &&
            event->at_ms > connector->tx_event_ms)
            connector->tx_event_ms = event->at_ms;
        return NOTHING;
    }
    bool relative = connector->tx_meter_start_wh != KW_NONE &&
                    connector->energy_register_wh < connector->tx_meter_start_wh;
    if (event->meter_stop_wh != KW_NONE && !relative)
        kw_complex_take_register(change->complex, change->station, connector, event->meter_stop_wh,
                                 event->at_ms);
    kw_connector_end_transaction(connector, event->at_ms);
    kw_connector_no_load(connector);
    kw_station_touch(change->station, event->at_ms);
    return CHANGED;
}

static enum effect metered(const struct change *change)
{
    struct kw_connector *connector = holder(change);
    if (connector == NULL && change->connector == 0)
        return NOTHING; /* the station's main meter: its connectors are counted one by one */
    if (connector == NULL) {
        enum effect found = need(change, change->connector, &connector);
        if (found != CHANGED)
            return found;
    }
    kw_complex_apply_samples(change->complex, change->station, connector, change->event,
                             change->live);
    return CHANGED;
}

static void set_limit(struct kw_connector *connector, const struct kw_event *event)
{
    if (event->at_ms < connector->limit_ms)
        return;
    connector->limit_ms = event->at_ms;
    connector->limit_ma = kw_sane(event->limit_ma);
    connector->limit_w = kw_sane(event->limit_w);
    kw_copy_text(connector->limit_source, sizeof connector->limit_source, event->limit_source);
}

static enum effect limited(const struct change *change)
{
    struct kw_connector *connector;
    if (kw_sane(change->event->limit_ma) == KW_NONE && kw_sane(change->event->limit_w) == KW_NONE)
        return NOTHING; /* a profile without a figure of its own */
    if (change->connector > 0) {
        enum effect found = need(change, change->connector, &connector);
        if (found == CHANGED)
            set_limit(connector, change->event);
        return found;
    }
    for (size_t c = 0; c < change->station->connector_count; c++)
        set_limit(&change->station->connectors[c], change->event);
    return CHANGED;
}

static enum effect heard(const struct change *change)
{
    (void)change;
    return NOTHING;
}

static apply_fn *const appliers[KW_EVENT_TYPE_COUNT] = {
    [KW_EVENT_OTHER] = heard,
    [KW_EVENT_STATION_CONNECTED] = connected,
    [KW_EVENT_STATION_DISCONNECTED] = disconnected,
    [KW_EVENT_STATION_BOOT] = boot,
    [KW_EVENT_STATION_STATUS] = status,
    [KW_EVENT_CONNECTOR_STATUS] = status,
    [KW_EVENT_AUTH_REQUEST] = heard,
    [KW_EVENT_TX_STARTED] = started,
    [KW_EVENT_TX_UPDATED] = updated,
    [KW_EVENT_TX_ENDED] = ended,
    [KW_EVENT_METER_VALUES] = metered,
    [KW_EVENT_PROFILE_APPLIED] = limited,
};

/* --- not about one station --- */

/* Every link of the gateway died with its last run; those that live again say so after this. */
static void gateway_started(struct kw_complex *complex, const struct kw_event *event)
{
    for (size_t i = 0; i < complex->list.count; i++) {
        struct kw_station *station = kw_complex_station_at(complex, i);
        station->conn_generation = KW_NONE; /* may count from one again */
        if (station->online && kw_station_connection(station, false, event->at_ms, KW_NONE))
            kw_complex_refresh(complex, station);
    }
}

static void node_metered(struct kw_complex *complex, const struct kw_event *event)
{
    struct kw_node *node = kw_complex_node(complex, event->station);
    if (node == NULL || !is_live(event) || event->at_ms < node->meter_ms)
        return;
    node->meter_ms = event->at_ms;
    node->meter.power_w = kw_sane(event->power_w);
    for (int phase = 0; phase < KW_PHASES; phase++)
        node->meter.current_ma[phase] = kw_sane(event->current_ma[phase]);
    node->meter_fresh = complex->now_ms - event->at_ms <= complex->options.stale_after_ms;
    kw_complex_mark_node(complex, node);
}

static bool valid_time(int64_t at_ms)
{
    return at_ms >= 0 && at_ms <= KW_TIME_MAX_MS;
}

/* First word from a station whose connection nobody ever told: it speaks, so it is there. */
static bool first_word(const struct change *change)
{
    const struct station_slot *slot = kw_slot(change->station);
    return change->live && slot->connection_ms == KW_NONE &&
           change->event->type != KW_EVENT_OTHER &&
           change->event->type != KW_EVENT_PROFILE_APPLIED &&
           change->event->type != KW_EVENT_TX_ENDED &&
           change->event->type != KW_EVENT_STATION_DISCONNECTED;
}

static kw_err apply_to_station(struct kw_complex *complex, const struct kw_event *event)
{
    struct change change = { complex, NULL, event, connector_of(event), is_live(event) };
    kw_err err = kw_complex_see(complex, event->station, &change.station);
    if (err != KW_OK)
        return err;
    struct kw_station *station = change.station;
    int64_t heard_ms = event->received_ms != KW_NONE ? event->received_ms : event->at_ms;
    bool speaks = first_word(&change), news = !station->seen || speaks;
    if (speaks && event->type != KW_EVENT_STATION_CONNECTED)
        (void)kw_station_connection(station, true, event->at_ms, KW_NONE);
    station->seen = true;
    if (heard_ms > station->last_seen_ms)
        station->last_seen_ms = heard_ms;
    enum effect effect = appliers[event->type](&change);
    if (news || effect == CHANGED)
        kw_complex_refresh(complex, station);
    return effect == REFUSED ? KW_EINVALID : effect == FULL ? KW_EFULL : KW_OK;
}

kw_err kw_complex_apply(struct kw_complex *complex, const struct kw_event *event, int64_t now_ms)
{
    if (!valid_time(event->at_ms) ||
        (event->received_ms != KW_NONE && !valid_time(event->received_ms)))
        return KW_EINVALID;
    complex->now_ms = now_ms;
    switch (event->type) {
    case KW_EVENT_GATEWAY_STARTED:
        gateway_started(complex, event);
        return KW_OK;
    case KW_EVENT_NODE_METER:
        node_metered(complex, event);
        return KW_OK;
    case KW_EVENT_COMMAND_RESULT:
        return KW_OK; /* the commands' owner reads it */
    default:
        if (event->type == KW_EVENT_OTHER && event->station.len == 0)
            return KW_OK;
        return apply_to_station(complex, event);
    }
}
