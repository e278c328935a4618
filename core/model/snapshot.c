/* snapshot.c - State read whole from the contract's hashes, under the same time guards as events. */
#include <string.h>

#include "model/internal.h"

static struct kw_str get(const struct kw_str *fields, size_t count, const char *name)
{
    for (size_t i = 0; i + 1 < count; i += 2) {
        if (kw_str_eqc(fields[i], name))
            return fields[i + 1];
    }
    return KW_STR_NONE;
}

static int64_t number(const struct kw_str *fields, size_t count, const char *name, double scale)
{
    double value;
    if (kw_str_to_f64(get(fields, count, name), &value) != KW_OK || value > 9e15 || value < -9e15)
        return KW_NONE;
    value *= scale;
    return (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
}

static void text(const struct kw_str *fields, size_t count, const char *name, char *out, size_t size)
{
    struct kw_str value = get(fields, count, name);
    if (value.ptr != NULL && value.len < size)
        KW_IGNORE(kw_str_copy(value, out, size));
}

kw_err kw_complex_snapshot_station(struct kw_complex *complex, struct kw_str cs, const struct kw_str *fields, size_t count,
                                   int64_t now_ms)
{
    struct kw_station *station = kw_complex_see(complex, cs);
    if (station == NULL)
        return KW_EFULL;
    station->seen = true;
    station->online = kw_str_eqc(get(fields, count, "connected"), "1");
    text(fields, count, "vendor", station->vendor, sizeof station->vendor);
    text(fields, count, "model", station->model, sizeof station->model);
    text(fields, count, "firmwareVersion", station->firmware, sizeof station->firmware);
    station->connected_ms = number(fields, count, "connectedTs", 1);
    station->last_seen_ms = number(fields, count, "lastSeenTs", 1);
    if (station->last_seen_ms != KW_NONE && station->last_seen_ms > station->as_of_ms)
        station->as_of_ms = station->last_seen_ms;
    kw_complex_refresh(complex, station, now_ms);
    return KW_OK;
}

kw_err kw_complex_snapshot_connector(struct kw_complex *complex, struct kw_str cs, int id, const struct kw_str *fields,
                                     size_t count, int64_t now_ms)
{
    struct kw_station *station = kw_complex_see(complex, cs);
    struct kw_connector *connector = station != NULL ? kw_station_need_connector(station, id) : NULL;
    if (connector == NULL)
        return KW_EFULL;
    int64_t status_ms = number(fields, count, "statusTs", 1), meter_ms = number(fields, count, "meterTs", 1);
    station->seen = true;
    if (status_ms != KW_NONE && status_ms >= connector->status_ms) {
        connector->status_ms = status_ms;
        text(fields, count, "status", connector->status, sizeof connector->status);
        text(fields, count, "errorCode", connector->error_code, sizeof connector->error_code);
        struct kw_str state = get(fields, count, "state");
        connector->state = kw_state_of(state.len > 0 ? state : kw_str_of(connector->status));
    }
    if (meter_ms != KW_NONE && meter_ms >= connector->meter_ms) {
        static const char *const currents[] = { "currentL1", "currentL2", "currentL3" };
        static const char *const voltages[] = { "voltageL1", "voltageL2", "voltageL3" };
        connector->meter_ms = meter_ms;
        connector->power_w = number(fields, count, "powerW", 1);
        for (int phase = 0; phase < KW_PHASES; phase++) {
            connector->current_ma[phase] = number(fields, count, currents[phase], 1000);
            connector->voltage_mv[phase] = number(fields, count, voltages[phase], 1000);
        }
        connector->soc_pct = number(fields, count, "socPct", 1);
        connector->offered_ma = number(fields, count, "offeredA", 1000);
        connector->energy_register_wh = number(fields, count, "energyWh", 1);
    }
    connector->limit_ma = number(fields, count, "limitA", 1000);
    connector->limit_w = number(fields, count, "limitW", 1);
    text(fields, count, "limitSrc", connector->limit_source, sizeof connector->limit_source);
    struct kw_str transaction = get(fields, count, "txId");
    if (transaction.len > 0 && transaction.len < sizeof connector->transaction) {
        KW_IGNORE(kw_str_copy(transaction, connector->transaction, sizeof connector->transaction));
        text(fields, count, "idToken", connector->key_uid, sizeof connector->key_uid);
        if (connector->tx_started_ms == KW_NONE)
            connector->tx_started_ms = number(fields, count, "txTs", 1);
    } else {
        connector->transaction[0] = 0;
        connector->key_uid[0] = 0;
        connector->tx_started_ms = connector->tx_meter_start_wh = connector->tx_energy_wh = KW_NONE;
    }
    if (connector->state != KW_STATE_CHARGING && connector->state != KW_STATE_SUSPENDED && connector->power_w != KW_NONE) {
        connector->power_w = 0;
        for (int phase = 0; phase < KW_PHASES; phase++)
            connector->current_ma[phase] = connector->current_ma[phase] == KW_NONE ? KW_NONE : 0;
    }
    kw_complex_refresh(complex, station, now_ms);
    return KW_OK;
}

kw_err kw_complex_snapshot_transaction(struct kw_complex *complex, struct kw_str cs, struct kw_str transaction,
                                       const struct kw_str *fields, size_t count, int64_t now_ms)
{
    struct kw_station *station = kw_complex_see(complex, cs);
    for (size_t c = 0; station != NULL && c < station->connector_count; c++) {
        struct kw_connector *connector = &station->connectors[c];
        if (!kw_str_eqc(transaction, connector->transaction))
            continue;
        connector->tx_started_ms = number(fields, count, "startTs", 1);
        connector->tx_meter_start_wh = number(fields, count, "meterStartWh", 1);
        text(fields, count, "idToken", connector->key_uid, sizeof connector->key_uid);
        if (connector->tx_meter_start_wh != KW_NONE && connector->energy_register_wh != KW_NONE &&
            connector->energy_register_wh >= connector->tx_meter_start_wh)
            connector->tx_energy_wh = connector->energy_register_wh - connector->tx_meter_start_wh;
        kw_complex_refresh(complex, station, now_ms);
    }
    return KW_OK;
}

kw_err kw_complex_snapshot_node(struct kw_complex *complex, struct kw_str node_id, const struct kw_str *fields, size_t count,
                                int64_t now_ms)
{
    struct kw_node *node = kw_complex_node(complex, node_id);
    (void)now_ms;
    if (node == NULL)
        return KW_ENOTFOUND;
    node->meter.power_w = number(fields, count, "powerW", 1);
    node->meter.current_ma[0] = number(fields, count, "currentL1", 1000);
    node->meter.current_ma[1] = number(fields, count, "currentL2", 1000);
    node->meter.current_ma[2] = number(fields, count, "currentL3", 1000);
    node->meter_ms = number(fields, count, "meterTs", 1);
    kw_complex_mark_node(complex, node);
    return KW_OK;
}
