/* snapshot.c - State read whole from the contract's hashes, under the same time guards as events.
 *
 * A hash holds groups (connection, status, meter, limit, transaction), each with a time of its own;
 * a group is taken whole or not at all. */
#include <string.h>

#include "model/internal.h"

struct hash {
    const struct kw_str *fields; /* name, value, ... */
    size_t count;
    int64_t now_ms;
    bool bad; /* a value was not the number it should be */
};

static struct kw_str text(const struct hash *hash, const char *name)
{
    for (size_t i = 0; i + 1 < hash->count; i += 2) {
        if (kw_str_eqc(hash->fields[i], name))
            return hash->fields[i + 1];
    }
    return KW_STR_NONE;
}

static bool has(const struct hash *hash, const char *name)
{
    return text(hash, name).ptr != NULL;
}

/* Decimal of the contract ("7400.5") to our integer unit; KW_NONE: absent, or bad and flagged. */
static int64_t number(struct hash *hash, const char *name, double scale)
{
    struct kw_str value = text(hash, name);
    double parsed;
    if (value.len == 0)
        return KW_NONE;
    if (kw_str_to_f64(value, &parsed) != KW_OK || parsed * scale > (double)KW_VALUE_MAX ||
        parsed * scale < -(double)KW_VALUE_MAX) {
        hash->bad = true;
        return KW_NONE;
    }
    parsed *= scale;
    return (int64_t)(parsed < 0 ? parsed - 0.5 : parsed + 0.5);
}

/* A time; one that lies ahead would lock the guard, so it is read as now. */
static int64_t moment(struct hash *hash, const char *name)
{
    struct kw_str value = text(hash, name);
    int64_t at_ms;
    if (value.len == 0)
        return KW_NONE;
    if (kw_str_to_i64(value, &at_ms) != KW_OK || at_ms < 0 || at_ms > KW_TIME_MAX_MS) {
        hash->bad = true;
        return KW_NONE;
    }
    return at_ms > hash->now_ms + KW_CLOCK_SLACK_MS ? hash->now_ms : at_ms;
}

/* A count of any size (gateways number connections by the clock). */
static int64_t count_of(struct hash *hash, const char *name)
{
    struct kw_str value = text(hash, name);
    int64_t parsed;
    if (value.len == 0)
        return KW_NONE;
    if (kw_str_to_i64(value, &parsed) == KW_OK && parsed >= 0)
        return parsed;
    hash->bad = true;
    return KW_NONE;
}

static void copy(const struct hash *hash, const char *name, char *out, size_t size)
{
    kw_copy_text(out, size, text(hash, name));
}

static void connection_group(struct hash *hash, struct kw_station *station)
{
    struct station_slot *slot = kw_slot(station);
    int64_t up_ms = moment(hash, "connectedTs"), down_ms = moment(hash, "disconnectedTs");
    int64_t generation = count_of(hash, "conGen");
    bool online = kw_str_eqc(text(hash, "connected"), "1");
    int64_t at_ms = up_ms > down_ms ? up_ms : down_ms;
    if (!has(hash, "connected"))
        return;
    if (at_ms == KW_NONE) /* nobody wrote when: what is read now is what is known */
        at_ms = slot->connection_ms;
    if (at_ms == KW_NONE)
        at_ms = hash->now_ms;
    if (kw_station_connection(station, online, at_ms, generation) && up_ms != KW_NONE)
        station->connected_ms = up_ms;
}

kw_err kw_complex_snapshot_station(struct kw_complex *complex, struct kw_str cs,
                                   const struct kw_str *fields, size_t count, int64_t now_ms)
{
    struct hash hash = { fields, count, now_ms, false };
    struct kw_station *station;
    kw_err err = kw_complex_see(complex, cs, &station);
    if (err != KW_OK)
        return err;
    complex->now_ms = now_ms;
    station->seen = true;
    connection_group(&hash, station);
    if (has(&hash, "vendor"))
        copy(&hash, "vendor", station->vendor, sizeof station->vendor);
    if (has(&hash, "model"))
        copy(&hash, "model", station->model, sizeof station->model);
    if (has(&hash, "firmwareVersion"))
        copy(&hash, "firmwareVersion", station->firmware, sizeof station->firmware);
    int64_t last_seen = moment(&hash, "lastSeenTs"), status_ms = moment(&hash, "statusTs");
    if (last_seen > station->last_seen_ms)
        station->last_seen_ms = last_seen;
    if (status_ms != KW_NONE && status_ms >= station->status_ms && has(&hash, "status")) {
        station->status_ms = status_ms;
        station->own_state = kw_state_of(text(&hash, "status"));
        copy(&hash, "errorCode", station->error_code, sizeof station->error_code);
        kw_station_touch(station, status_ms);
    }
    kw_complex_refresh(complex, station);
    return hash.bad ? KW_EINVALID : KW_OK;
}

static void status_group(struct hash *hash, struct kw_connector *connector)
{
    int64_t at_ms = moment(hash, "statusTs");
    if (at_ms == KW_NONE || at_ms < connector->status_ms)
        return;
    struct kw_str state = text(hash, "state");
    connector->status_ms = at_ms;
    connector->state = kw_state_of(state.len > 0 ? state : text(hash, "status"));
    copy(hash, "status", connector->status, sizeof connector->status);
    copy(hash, "errorCode", connector->error_code, sizeof connector->error_code);
}

static void meter_group(struct hash *hash, struct kw_complex *complex,
                        const struct kw_station *station, struct kw_connector *connector)
{
    static const char *const currents[KW_PHASES] = { "currentL1", "currentL2", "currentL3" };
    static const char *const voltages[KW_PHASES] = { "voltageL1", "voltageL2", "voltageL3" };
    int64_t at_ms = moment(hash, "meterTs"), energy = number(hash, "energyWh", 1);
    if (at_ms == KW_NONE || at_ms < connector->meter_ms)
        return;
    connector->meter_ms = at_ms;
    connector->power_w = number(hash, "powerW", 1);
    for (int phase = 0; phase < KW_PHASES; phase++) {
        connector->current_ma[phase] = number(hash, currents[phase], 1000);
        connector->voltage_mv[phase] = number(hash, voltages[phase], 1000);
    }
    connector->soc_pct = number(hash, "socPct", 1);
    connector->offered_ma = number(hash, "offeredA", 1000);
    if (energy != KW_NONE)
        kw_complex_take_register(complex, station, connector, energy, at_ms);
}

static void limit_group(struct hash *hash, struct kw_connector *connector)
{
    int64_t at_ms = moment(hash, "limitTs");
    if (at_ms < connector->limit_ms || (!has(hash, "limitA") && !has(hash, "limitW")))
        return;
    connector->limit_ms = at_ms;
    connector->limit_ma = number(hash, "limitA", 1000);
    connector->limit_w = number(hash, "limitW", 1);
    copy(hash, "limitSrc", connector->limit_source, sizeof connector->limit_source);
}

static kw_err transaction_group(struct hash *hash, struct kw_connector *connector)
{
    struct kw_str id = text(hash, "txId"), key = text(hash, "idToken");
    int64_t at_ms = moment(hash, "txTs");
    if (id.len >= sizeof connector->transaction || key.len >= sizeof connector->key_uid)
        return KW_EINVALID;
    if (at_ms != KW_NONE && at_ms < connector->tx_event_ms)
        return KW_OK;
    if (!kw_str_eqc(id, connector->transaction))
        kw_connector_end_transaction(connector, at_ms);
    if (id.len > 0) {
        kw_copy_text(connector->transaction, sizeof connector->transaction, id);
        kw_copy_text(connector->key_uid, sizeof connector->key_uid, key);
        if (at_ms > connector->tx_event_ms)
            connector->tx_event_ms = at_ms;
        if (connector->tx_started_ms == KW_NONE)
            connector->tx_started_ms = at_ms;
    }
    return KW_OK;
}

kw_err kw_complex_snapshot_connector(struct kw_complex *complex, struct kw_str cs, int id,
                                     const struct kw_str *fields, size_t count, int64_t now_ms)
{
    struct hash hash = { fields, count, now_ms, false };
    struct kw_station *station;
    struct kw_connector *connector;
    kw_err err = kw_complex_see(complex, cs, &station);
    if (err == KW_OK)
        err = kw_station_need_connector(station, id, &connector);
    if (err != KW_OK)
        return err;
    complex->now_ms = now_ms;
    station->seen = true;
    status_group(&hash, connector);
    err = transaction_group(&hash, connector);
    meter_group(&hash, complex, station, connector);
    limit_group(&hash, connector);
    kw_station_touch(station, connector->status_ms);
    kw_station_touch(station, connector->meter_ms);
    kw_complex_refresh(complex, station);
    return hash.bad ? KW_EINVALID : err;
}

/* The connector of a transaction: the one that has it open, else the one that its hash names. */
static struct kw_connector *place_of(struct hash *hash, struct kw_station *station,
                                     struct kw_str id)
{
    for (size_t c = 0; c < station->connector_count; c++) {
        if (kw_str_eqc(id, station->connectors[c].transaction))
            return &station->connectors[c];
    }
    int64_t number_of = number(hash, "evseId", 1);
    if (number_of == KW_NONE)
        number_of = number(hash, "connectorId", 1);
    struct kw_connector *connector;
    return kw_station_need_connector(station, number_of, &connector) == KW_OK ? connector : NULL;
}

kw_err kw_complex_snapshot_transaction(struct kw_complex *complex, struct kw_str cs,
                                       struct kw_str id, const struct kw_str *fields, size_t count,
                                       int64_t now_ms)
{
    struct hash hash = { fields, count, now_ms, false };
    struct kw_station *station;
    struct kw_str key = text(&hash, "idToken");
    if (id.len == 0 || id.len >= KW_TX_BYTES || key.len >= KW_KEY_BYTES)
        return KW_EINVALID;
    kw_err err = kw_complex_see(complex, cs, &station);
    if (err != KW_OK)
        return err;
    complex->now_ms = now_ms;
    station->seen = true;
    struct kw_connector *connector = place_of(&hash, station, id);
    int64_t start_ms = moment(&hash, "startTs"), start_wh = number(&hash, "meterStartWh", 1);
    bool here = connector != NULL && kw_str_eqc(id, connector->transaction);
    bool opens = connector != NULL && !here && !has(&hash, "endTs") && start_ms != KW_NONE &&
                 connector->transaction[0] == 0 && start_ms >= connector->tx_event_ms;
    if (here && has(&hash, "endTs")) {
        kw_connector_end_transaction(connector, moment(&hash, "endTs"));
    } else if (here || opens) {
        kw_copy_text(connector->transaction, sizeof connector->transaction, id);
        if (key.len > 0)
            kw_copy_text(connector->key_uid, sizeof connector->key_uid, key);
        connector->tx_started_ms = start_ms;
        if (start_ms > connector->tx_event_ms)
            connector->tx_event_ms = start_ms;
        connector->tx_meter_start_wh = start_wh;
        if (start_wh != KW_NONE && connector->energy_register_wh >= start_wh)
            connector->tx_energy_wh = connector->energy_register_wh - start_wh;
        else
            connector->tx_energy_wh = number(&hash, "energyWh", 1);
    }
    kw_complex_refresh(complex, station);
    return hash.bad ? KW_EINVALID : KW_OK;
}

kw_err kw_complex_snapshot_node(struct kw_complex *complex, struct kw_str node_id,
                                const struct kw_str *fields, size_t count, int64_t now_ms)
{
    struct hash hash = { fields, count, now_ms, false };
    struct kw_node *node = kw_complex_node(complex, node_id);
    if (node == NULL)
        return KW_ENOTFOUND;
    complex->now_ms = now_ms;
    int64_t at_ms = moment(&hash, "meterTs");
    if (at_ms != KW_NONE && at_ms >= node->meter_ms) {
        node->meter_ms = at_ms;
        node->meter.power_w = number(&hash, "powerW", 1);
        node->meter.current_ma[0] = number(&hash, "currentL1", 1000);
        node->meter.current_ma[1] = number(&hash, "currentL2", 1000);
        node->meter.current_ma[2] = number(&hash, "currentL3", 1000);
        node->meter_fresh = now_ms - at_ms <= complex->options.stale_after_ms;
        kw_complex_mark_node(complex, node);
    }
    return hash.bad ? KW_EINVALID : KW_OK;
}
