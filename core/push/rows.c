/* rows.c - Positional rows; what was never reported is null, never zero.
 *
 * A station's own figures are sums over its connectors (power, current, limit, offer, energy); who
 * charges and since when is the first connector with an open transaction. */
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

struct kw_str kw_row_transaction_id(const char *station_id, const char *transaction,
                                    char out[KW_ROW_TX_ID_BYTES])
{
    size_t station_length = strlen(station_id), length = strlen(transaction);
    memcpy(out, station_id, station_length);
    out[station_length] = '~';
    memcpy(out + station_length + 1, transaction, length);
    return kw_str_n(out, station_length + 1 + length);
}

static void transaction_id(struct kw_json_out *json, const char *station, const char *transaction)
{
    char id[KW_ROW_TX_ID_BYTES];
    if (transaction[0] == 0)
        kw_json_null(json);
    else
        kw_json_str(json, kw_row_transaction_id(station, transaction, id));
}

static void driver(struct kw_json_out *json, const char *key_uid, const struct row_context *context)
{
    bool known = key_uid[0] != 0 && context->driver_of != NULL;
    text_or_null(json, known ? context->driver_of(kw_str_of(key_uid), context->arg) : KW_STR(""));
}

static void connector_row(struct kw_json_out *json, const struct kw_station *station,
                          const struct kw_connector *connector, const struct row_context *context)
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
    kw_json_bool(json, connector->stale || context->feed_lost);
    kw_json_arr_end(json);
}

static int64_t add(int64_t sum, int64_t value)
{
    return value == KW_NONE ? sum : sum == KW_NONE ? value : sum + value;
}

struct station_sum {
    int64_t power_w, current_ma[KW_PHASES], limit_ma, offered_ma, energy_wh;
    const struct kw_connector *busy; /* first with an open transaction */
    const char *error_code;
    bool stale;
};

static bool is_error(const char *code)
{
    return code[0] != 0 && strcmp(code, "NoError") != 0;
}

static void sum_up(struct station_sum *sum, const struct kw_station *station)
{
    *sum = (struct station_sum){ KW_NONE, { KW_NONE, KW_NONE, KW_NONE }, KW_NONE, KW_NONE, KW_NONE,
                                 NULL,    station->error_code,           false };
    for (size_t c = 0; c < station->connector_count; c++) {
        const struct kw_connector *connector = &station->connectors[c];
        bool open = connector->transaction[0] != 0;
        sum->power_w = add(sum->power_w, connector->power_w);
        for (int phase = 0; phase < KW_PHASES; phase++)
            sum->current_ma[phase] = add(sum->current_ma[phase], connector->current_ma[phase]);
        sum->limit_ma = add(sum->limit_ma, connector->limit_ma);
        sum->offered_ma = add(sum->offered_ma, connector->offered_ma);
        sum->stale = sum->stale || connector->stale;
        if (open && sum->busy == NULL)
            sum->busy = connector;
        if (open)
            sum->energy_wh = add(sum->energy_wh, connector->tx_energy_wh);
        if (sum->error_code[0] == 0 ||
            (!is_error(sum->error_code) && is_error(connector->error_code)))
            sum->error_code = connector->error_code;
    }
}

void kw_row_station(struct kw_json_out *json, const struct kw_station *station,
                    const struct row_context *context)
{
    struct station_sum sum;
    sum_up(&sum, station);
    kw_json_arr(json);
    kw_json_str(json, kw_str_of(station->id));
    kw_json_str(json, kw_str_of(station->name));
    text_or_null(json, station->node != NULL ? kw_str_of(station->node->id) : KW_STR(""));
    kw_json_bool(json, station->online);
    kw_json_str(json, kw_str_of(kw_state_name(station->state)));
    number(json, sum.power_w);
    phases(json, sum.current_ma);
    number(json, sum.limit_ma);
    number(json, sum.offered_ma);
    number(json, sum.energy_wh);
    transaction_id(json, station->id, sum.busy != NULL ? sum.busy->transaction : "");
    driver(json, sum.busy != NULL ? sum.busy->key_uid : "", context);
    number(json, sum.busy != NULL ? sum.busy->tx_started_ms : KW_NONE);
    text_or_null(json, kw_str_of(sum.error_code));
    number(json, station->as_of_ms);
    kw_json_bool(json, sum.stale || context->feed_lost);
    kw_json_arr(json);
    for (size_t c = 0; c < station->connector_count; c++)
        connector_row(json, station, &station->connectors[c], context);
    kw_json_arr_end(json);
    kw_json_arr_end(json);
}

/* A node below which nothing was ever measured has no figure, unless it has no stations at all. */
static bool is_measured(const struct kw_node *node)
{
    return node->as_of_ms != KW_NONE || node->meter_fresh || node->stations == 0;
}

void kw_row_node(struct kw_json_out *json, const struct kw_node *node,
                 const struct row_context *context)
{
    struct kw_load load = kw_node_load(node);
    if (!is_measured(node))
        load = (struct kw_load){ KW_NONE, { KW_NONE, KW_NONE, KW_NONE } };
    kw_json_arr(json);
    kw_json_str(json, kw_str_of(node->id));
    text_or_null(json, node->parent != NULL ? kw_str_of(node->parent->id) : KW_STR(""));
    kw_json_str(json, kw_str_of(node->kind));
    kw_json_str(json, kw_str_of(node->name));
    number(json, load.power_w);
    phases(json, load.current_ma);
    phases(json, node->limit_ma);
    number(json, node->limit_w);
    number(json, is_measured(node) ? kw_node_ratio(node) : KW_NONE);
    number(json,
           node->meter_fresh && node->meter_ms > node->as_of_ms ? node->meter_ms : node->as_of_ms);
    kw_json_bool(json, node->stale_parts > 0 || context->feed_lost);
    kw_json_i64(json, node->stations);
    kw_json_i64(json, node->charging);
    kw_json_arr_end(json);
}

void kw_row_transaction(struct kw_json_out *json, const struct kw_station *station,
                        const struct kw_connector *connector, const struct row_context *context)
{
    kw_json_arr(json);
    transaction_id(json, station->id, connector->transaction);
    kw_json_str(json, kw_str_of(station->id));
    kw_json_i64(json, connector->id);
    text_or_null(json, kw_str_of(connector->key_uid));
    driver(json, connector->key_uid, context);
    kw_json_str(json, KW_STR("active"));
    number(json, connector->tx_started_ms);
    number(json, connector->tx_energy_wh);
    number(json, connector->power_w);
    kw_json_arr_end(json);
}
