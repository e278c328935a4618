/* apply.c - One event to changes: the only way the live complex changes by itself.
 *
 * Live values accept only what is not older than what stands there and was not queued offline
 * (ocpp.md 2.3); everything else is history, which the store keeps. */
#include <string.h>

#include "model/internal.h"

static void put_text(char *out, size_t size, struct kw_str text)
{
    if (text.len >= size)
        text.len = size - 1;
    while (text.len > 0 && !kw_utf8_valid(text.ptr, text.len))
        text.len--;
    KW_IGNORE(kw_str_copy(text, out, size));
}

static void no_load(struct kw_connector *connector)
{
    connector->power_w = connector->power_w == KW_NONE ? KW_NONE : 0;
    for (int phase = 0; phase < KW_PHASES; phase++) {
        if (connector->current_ma[phase] != KW_NONE)
            connector->current_ma[phase] = 0;
    }
}

static void end_transaction(struct kw_connector *connector)
{
    connector->transaction[0] = 0;
    connector->key_uid[0] = 0;
    connector->tx_started_ms = connector->tx_meter_start_wh = connector->tx_energy_wh = KW_NONE;
    connector->stale = false;
    no_load(connector);
}

/* In 1.6 the connector's number is evse; 0 is the station itself. */
static int connector_of(const struct kw_event *event)
{
    return event->evse != KW_NONE && event->evse >= 0 && event->evse <= 1000 ? (int)event->evse : 0;
}

static void status(struct kw_station *station, const struct kw_event *event)
{
    struct kw_connector *connector = kw_station_need_connector(station, connector_of(event));
    if (connector == NULL || event->offline ||
        (connector->status_ms != KW_NONE && event->at_ms < connector->status_ms))
        return;
    connector->status_ms = event->at_ms;
    put_text(connector->status, sizeof connector->status, event->status);
    put_text(connector->error_code, sizeof connector->error_code, event->error_code);
    connector->state = kw_state_of(event->state.len > 0 ? event->state : event->status);
    if (connector->state != KW_STATE_CHARGING && connector->state != KW_STATE_SUSPENDED)
        no_load(connector);
}

static void started(struct kw_station *station, const struct kw_event *event)
{
    struct kw_connector *connector = kw_station_need_connector(station, connector_of(event));
    if (connector == NULL || (connector->tx_started_ms != KW_NONE && event->at_ms < connector->tx_started_ms))
        return;
    put_text(connector->transaction, sizeof connector->transaction, event->transaction);
    put_text(connector->key_uid, sizeof connector->key_uid, event->id_token);
    connector->tx_started_ms = event->at_ms;
    connector->tx_meter_start_wh = event->meter_start_wh;
    connector->tx_energy_wh = 0;
    if (event->meter_start_wh != KW_NONE)
        connector->energy_register_wh = event->meter_start_wh;
}

static void ended(struct kw_complex *complex, struct kw_station *station, const struct kw_event *event)
{
    for (size_t c = 0; c < station->connector_count; c++) {
        struct kw_connector *connector = &station->connectors[c];
        if (!kw_str_eqc(event->transaction, connector->transaction))
            continue;
        if (event->meter_stop_wh != KW_NONE)
            kw_complex_meter_register(complex, connector, event->meter_stop_wh, event->at_ms);
        end_transaction(connector);
    }
}

static int phase_of(struct kw_str phase)
{
    if (phase.len >= 2 && phase.ptr[0] == 'L' && phase.ptr[1] >= '1' && phase.ptr[1] <= '3' &&
        (phase.len == 2 || kw_str_eqc(kw_str_n(phase.ptr + 2, phase.len - 2), "-N")))
        return phase.ptr[1] - '1';
    return -1;
}

struct meter {
    int64_t power_total, power_phases, current[KW_PHASES], current_total, voltage[KW_PHASES], energy, soc, offered;
};

static void read_samples(const struct kw_event *event, struct meter *meter)
{
    *meter = (struct meter){ KW_NONE, KW_NONE, { KW_NONE, KW_NONE, KW_NONE }, KW_NONE, { KW_NONE, KW_NONE, KW_NONE },
                             KW_NONE, KW_NONE, KW_NONE };
    for (size_t i = 0; i < event->sample_count; i++) {
        const struct kw_sample *sample = &event->samples[i];
        int phase = phase_of(sample->phase);
        bool total = sample->phase.len == 0;
        if (sample->value == KW_NONE || !kw_str_eqc(sample->location, "Outlet"))
            continue;
        if (kw_str_eqc(sample->measurand, "Power.Active.Import")) {
            if (total)
                meter->power_total = sample->value;
            else if (phase >= 0)
                meter->power_phases = (meter->power_phases == KW_NONE ? 0 : meter->power_phases) + sample->value;
        } else if (kw_str_eqc(sample->measurand, "Current.Import")) {
            if (phase >= 0)
                meter->current[phase] = sample->value;
            else
                meter->current_total = sample->value;
        } else if (kw_str_eqc(sample->measurand, "Voltage")) {
            meter->voltage[phase >= 0 ? phase : 0] = sample->value;
        } else if (kw_str_eqc(sample->measurand, "Energy.Active.Import.Register")) {
            if (total)
                meter->energy = sample->value;
        } else if (kw_str_eqc(sample->measurand, "SoC")) {
            meter->soc = sample->value;
        } else if (kw_str_eqc(sample->measurand, "Current.Offered")) {
            meter->offered = sample->value;
        }
    }
}

static void metered(struct kw_complex *complex, struct kw_station *station, const struct kw_event *event)
{
    struct kw_connector *connector = kw_station_need_connector(station, connector_of(event));
    struct meter meter;
    if (connector == NULL || event->offline || (connector->meter_ms != KW_NONE && event->at_ms < connector->meter_ms))
        return;
    read_samples(event, &meter);
    connector->meter_ms = event->at_ms;
    if (meter.power_total != KW_NONE || meter.power_phases != KW_NONE)
        connector->power_w = meter.power_total != KW_NONE ? meter.power_total : meter.power_phases;
    bool per_phase = false;
    for (int phase = 0; phase < KW_PHASES; phase++)
        per_phase = per_phase || meter.current[phase] != KW_NONE;
    if (!per_phase && meter.current_total != KW_NONE)
        meter.current[0] = meter.current_total; /* one value: a single-phase station, on L1 */
    for (int phase = 0; phase < KW_PHASES; phase++) {
        if (per_phase || meter.current_total != KW_NONE)
            connector->current_ma[phase] = meter.current[phase];
        if (meter.voltage[phase] != KW_NONE)
            connector->voltage_mv[phase] = meter.voltage[phase];
    }
    if (meter.energy != KW_NONE)
        kw_complex_meter_register(complex, connector, meter.energy, event->at_ms);
    if (meter.soc != KW_NONE)
        connector->soc_pct = meter.soc;
    if (meter.offered != KW_NONE)
        connector->offered_ma = meter.offered;
}

static void limited(struct kw_station *station, const struct kw_event *event)
{
    for (size_t c = 0; c < station->connector_count; c++) {
        struct kw_connector *connector = &station->connectors[c];
        if (connector_of(event) != 0 && connector->id != connector_of(event))
            continue;
        connector->limit_ma = event->limit_ma;
        connector->limit_w = event->limit_w;
        put_text(connector->limit_source, sizeof connector->limit_source, event->limit_source);
    }
}

static void gateway_started(struct kw_complex *complex, int64_t now_ms)
{
    for (size_t i = 0; i < complex->station_count; i++) {
        struct kw_station *station = &complex->list[i]->station;
        if (station->online) {
            station->online = false;
            kw_complex_refresh(complex, station, now_ms);
        }
    }
}

static void node_metered(struct kw_complex *complex, const struct kw_event *event)
{
    struct kw_node *node = kw_complex_node(complex, event->station);
    if (node == NULL || (node->meter_ms != KW_NONE && event->at_ms < node->meter_ms))
        return;
    node->meter_ms = event->at_ms;
    node->meter.power_w = event->power_w;
    memcpy(node->meter.current_ma, event->current_ma, sizeof node->meter.current_ma);
    kw_complex_mark_node(complex, node);
}

static void boot(struct kw_station *station, const struct kw_event *event)
{
    put_text(station->vendor, sizeof station->vendor, event->vendor);
    put_text(station->model, sizeof station->model, event->model);
    put_text(station->firmware, sizeof station->firmware, event->firmware);
}

kw_err kw_complex_apply(struct kw_complex *complex, const struct kw_event *event, int64_t now_ms)
{
    if (event->type == KW_EVENT_GATEWAY_STARTED) {
        gateway_started(complex, now_ms);
        return KW_OK;
    }
    if (event->type == KW_EVENT_NODE_METER) {
        node_metered(complex, event);
        return KW_OK;
    }
    if (event->station.len == 0 || event->type == KW_EVENT_OTHER || event->type == KW_EVENT_COMMAND_RESULT)
        return KW_OK;
    struct kw_station *station = kw_complex_see(complex, event->station);
    if (station == NULL)
        return event->station.len > KW_STATION_ID_BYTES ? KW_EINVALID : KW_EFULL;
    station->seen = true;
    if (event->received_ms > station->as_of_ms)
        station->as_of_ms = event->received_ms;
    if (station->last_seen_ms == KW_NONE || event->received_ms > station->last_seen_ms)
        station->last_seen_ms = event->received_ms;
    switch (event->type) {
    case KW_EVENT_STATION_CONNECTED:
        station->online = true;
        station->connected_ms = event->at_ms;
        break;
    case KW_EVENT_STATION_DISCONNECTED:
        station->online = false;
        break;
    case KW_EVENT_STATION_BOOT:
        station->online = true;
        boot(station, event);
        break;
    case KW_EVENT_CONNECTOR_STATUS:
        status(station, event);
        break;
    case KW_EVENT_TX_STARTED:
        started(station, event);
        break;
    case KW_EVENT_TX_ENDED:
        ended(complex, station, event);
        break;
    case KW_EVENT_METER_VALUES:
        metered(complex, station, event);
        break;
    case KW_EVENT_PROFILE_APPLIED:
        limited(station, event);
        break;
    default:
        break;
    }
    kw_complex_refresh(complex, station, now_ms);
    return KW_OK;
}
