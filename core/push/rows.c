/* rows.c - Positional rows; what was never reported is null, never zero. */
#include "push/rows.h"

#include <string.h>

const char kw_rows_schema[] =
    "{\"stations\":[\"id\",\"name\",\"node_id\",\"online\",\"state\",\"power_w\",\"current_ma\",\"limit_ma\","
    "\"offered_ma\",\"energy_wh\",\"transaction_id\",\"driver_name\",\"started_ms\",\"error_code\",\"as_of_ms\",\"stale\","
    "\"connectors\"],"
    "\"connectors\":[\"id\",\"status\",\"state\",\"error_code\",\"power_w\",\"current_ma\",\"offered_ma\",\"limit_ma\","
    "\"energy_wh\",\"soc_pct\",\"transaction_id\",\"key_uid\",\"started_ms\",\"as_of_ms\",\"stale\"],"
    "\"nodes\":[\"id\",\"parent_id\",\"kind\",\"name\",\"power_w\",\"current_ma\",\"limit_ma\",\"limit_w\",\"ratio\","
    "\"as_of_ms\",\"stale\",\"stations\",\"charging\"],"
    "\"transactions\":[\"id\",\"station_id\",\"connector_id\",\"key_uid\",\"driver_name\",\"state\",\"started_ms\","
    "\"energy_wh\",\"power_w\"]}";

static void number(struct kw_json_out *json, int64_t value)
{
    if (value == KW_NONE)
        kw_json_null(json);
    else
        kw_json_i64(json, value);
}

static void text_or_null(struct kw_json_out *json, struct kw_str text)
{
    if (text.len == 0)
        kw_json_null(json);
    else
        kw_json_str(json, text);
}

static void phases(struct kw_json_out *json, const int64_t values[KW_PHASES])
{
    kw_json_arr(json);
    for (int phase = 0; phase < KW_PHASES; phase++)
        number(json, values[phase]);
    kw_json_arr_end(json);
}

static int64_t newest(const struct kw_connector *connector)
{
    return connector->meter_ms > connector->status_ms ? connector->meter_ms : connector->status_ms;
}

static void transaction_id(struct kw_json_out *json, const char *station, const char *transaction)
{
    char id[KW_STATION_ID_BYTES + KW_TX_BYTES + 2];
    if (transaction[0] == 0) {
        kw_json_null(json);
        return;
    }
    size_t length = strlen(station);
    memcpy(id, station, length);
    id[length] = '~';
    KW_IGNORE(kw_str_copy(kw_str_of(transaction), id + length + 1, sizeof id - length - 1));
    kw_json_str(json, kw_str_of(id));
}

static void connector_row(struct kw_json_out *json, const struct kw_station *station, const struct kw_connector *connector)
{
    kw_json_arr(json);
    kw_json_i64(json, connector->id);
    text_or_null(json, kw_str_of(connector->status));
    kw_json_str(json, kw_str_of(kw_state_name(connector->state)));
    text_or_null(json, kw_str_of(connector->error_code));
    number(json, connector->power_w);
    phases(json, connector->current_ma);
    number(json, connector->offered_ma);
    number(json, connector->limit_ma);
    number(json, connector->tx_energy_wh);
    number(json, connector->soc_pct);
    transaction_id(json, station->id, connector->transaction);
    text_or_null(json, kw_str_of(connector->key_uid));
    number(json, connector->tx_started_ms);
    number(json, newest(connector));
    kw_json_bool(json, connector->stale);
    kw_json_arr_end(json);
}

static int64_t add(int64_t sum, int64_t value)
{
    return value == KW_NONE ? sum : sum == KW_NONE ? value : sum + value;
}

void kw_row_station(struct kw_json_out *json, const struct kw_station *station, kw_driver_of *driver_of, void *arg)
{
    int64_t power = KW_NONE, current[KW_PHASES] = { KW_NONE, KW_NONE, KW_NONE };
    const struct kw_connector *busy = NULL, *shown = station->connector_count > 0 ? &station->connectors[0] : NULL;
    bool stale = false;
    for (size_t c = 0; c < station->connector_count; c++) {
        const struct kw_connector *connector = &station->connectors[c];
        power = add(power, connector->power_w);
        for (int phase = 0; phase < KW_PHASES; phase++)
            current[phase] = add(current[phase], connector->current_ma[phase]);
        if (busy == NULL && connector->transaction[0] != 0)
            busy = connector;
        stale = stale || connector->stale;
    }
    if (busy != NULL)
        shown = busy;
    kw_json_arr(json);
    kw_json_str(json, kw_str_of(station->id));
    kw_json_str(json, kw_str_of(station->name));
    text_or_null(json, station->node != NULL ? kw_str_of(station->node->id) : KW_STR(""));
    kw_json_bool(json, station->online);
    kw_json_str(json, kw_str_of(kw_state_name(station->state)));
    number(json, power);
    phases(json, current);
    number(json, shown != NULL ? shown->limit_ma : KW_NONE);
    number(json, shown != NULL ? shown->offered_ma : KW_NONE);
    number(json, busy != NULL ? busy->tx_energy_wh : KW_NONE);
    transaction_id(json, station->id, busy != NULL ? busy->transaction : "");
    text_or_null(json, busy != NULL && driver_of != NULL ? driver_of(kw_str_of(busy->key_uid), arg) : KW_STR(""));
    number(json, busy != NULL ? busy->tx_started_ms : KW_NONE);
    text_or_null(json, shown != NULL ? kw_str_of(shown->error_code) : KW_STR(""));
    number(json, station->as_of_ms > 0 ? station->as_of_ms : KW_NONE);
    kw_json_bool(json, stale || (!station->online && busy != NULL));
    kw_json_arr(json);
    for (size_t c = 0; c < station->connector_count; c++)
        connector_row(json, station, &station->connectors[c]);
    kw_json_arr_end(json);
    kw_json_arr_end(json);
}

void kw_row_node(struct kw_json_out *json, const struct kw_node *node)
{
    kw_json_arr(json);
    kw_json_str(json, kw_str_of(node->id));
    text_or_null(json, node->parent != NULL ? kw_str_of(node->parent->id) : KW_STR(""));
    kw_json_str(json, kw_str_of(node->kind));
    kw_json_str(json, kw_str_of(node->name));
    kw_json_i64(json, node->load.power_w);
    phases(json, node->load.current_ma);
    phases(json, node->limit_ma);
    number(json, node->limit_w);
    number(json, kw_node_ratio(node));
    number(json, node->as_of_ms > 0 ? node->as_of_ms : KW_NONE);
    kw_json_bool(json, node->stale_parts > 0);
    kw_json_i64(json, node->stations);
    kw_json_i64(json, node->charging);
    kw_json_arr_end(json);
}

void kw_row_transaction(struct kw_json_out *json, const struct kw_station *station, const struct kw_connector *connector,
                        kw_driver_of *driver_of, void *arg)
{
    kw_json_arr(json);
    transaction_id(json, station->id, connector->transaction);
    kw_json_str(json, kw_str_of(station->id));
    kw_json_i64(json, connector->id);
    text_or_null(json, kw_str_of(connector->key_uid));
    text_or_null(json, driver_of != NULL ? driver_of(kw_str_of(connector->key_uid), arg) : KW_STR(""));
    kw_json_str(json, KW_STR("active"));
    number(json, connector->tx_started_ms);
    number(json, connector->tx_energy_wh);
    number(json, connector->power_w);
    kw_json_arr_end(json);
}
