/* history.c - Events to rows.
 *
 * Everything of the stream `ev` is kept as it came (events); meter values are kept as samples only: they
 * are most of the traffic, and a second copy of them says nothing new. A transaction's driver
 * and node are those of the moment: a key that changes hands later changes no history. */
#include "app/history.h"

#include <stdio.h>

#include "base/mem.h"

#define KW_STREAM_OURS 2 /* facts that the service itself states */

static int64_t connector_of(const struct kw_event *event)
{
    return event->evse != KW_NONE ? event->evse : event->connector;
}

static void put_fact(struct kw_store_page *page, const struct kw_event *event)
{
    struct kw_store_fact row = {
        .type = event->type_name,
        .station_id = event->station,
        .transaction_id = event->transaction,
        .detail = event->detail,
        .stream = (int64_t)event->stream,
        .n = event->n,
        .connector_id = connector_of(event),
        .at_ms = event->at_ms,
        .received_ms = event->received_ms,
    };
    kw_store_page_fact(page, &row);
}

static void put_status(struct kw_store_page *page, const struct kw_event *event)
{
    struct kw_store_status row = {
        .station_id = event->station,
        .status = event->status,
        .state = event->state,
        .error_code = event->error_code,
        .vendor_error_code = event->vendor_error_code,
        .info = event->info,
        .connector_id = connector_of(event),
        .at_ms = event->at_ms,
        .received_ms = event->received_ms,
    };
    kw_store_page_status(page, &row);
}

static void set_owner(const struct kw_service *service, struct kw_store_tx *row)
{
    const struct kw_station *station = kw_complex_station(service->complex, row->station_id);
    const struct kw_driver *driver =
        row->key_uid.len > 0 ? kw_service_driver(service, row->key_uid) : NULL;
    if (driver != NULL) {
        row->driver_id = kw_str_of(driver->id);
        row->driver_name = kw_str_of(driver->name);
    }
    if (station != NULL && station->node != NULL)
        row->node_id = kw_str_of(station->node->id);
}

static void put_transaction(const struct kw_service *service, struct kw_store_page *page,
                            const struct kw_event *event)
{
    struct kw_store_tx row = {
        .station_id = event->station,
        .id = event->transaction,
        .key_uid = event->id_token,
        .flags = event->flags,
        .connector_id = connector_of(event),
        .started_ms = KW_NONE,
        .stopped_ms = KW_NONE,
        .meter_start_wh = event->meter_start_wh,
        .meter_stop_wh = KW_NONE,
        .energy_wh = event->type == KW_EVENT_TX_STARTED ? KW_NONE : event->energy_wh,
    };
    if (event->transaction.len == 0)
        return;
    if (event->type == KW_EVENT_TX_STARTED)
        row.started_ms = event->at_ms;
    if (event->type == KW_EVENT_TX_ENDED) {
        row.stopped_ms = event->at_ms;
        row.meter_stop_wh = event->meter_stop_wh;
        row.stop_reason = event->reason;
        row.quality = event->quality;
    }
    set_owner(service, &row);
    kw_store_page_tx(page, &row);
}

static void put_samples(struct kw_store_page *page, const struct kw_event *event)
{
    for (size_t i = 0; i < event->sample_count; i++) {
        const struct kw_sample *sample = &event->samples[i];
        struct kw_store_sample row = {
            .station_id = event->station,
            .transaction_id = event->transaction,
            .measurand = sample->measurand,
            .phase = sample->phase,
            .location = sample->location,
            .context = sample->context,
            .connector_id = connector_of(event),
            .at_ms = event->at_ms,
            .value = sample->value,
        };
        if (sample->value != KW_NONE)
            kw_store_page_sample(page, &row);
    }
}

void kw_history_event(const struct kw_service *service, struct kw_store_page *page,
                      const struct kw_event *event)
{
    if (event->stream == KW_STREAM_EV)
        put_fact(page, event);
    switch (event->type) {
    case KW_EVENT_STATION_STATUS:
    case KW_EVENT_CONNECTOR_STATUS:
        put_status(page, event);
        break;
    case KW_EVENT_TX_STARTED:
    case KW_EVENT_TX_UPDATED:
    case KW_EVENT_TX_ENDED:
        put_transaction(service, page, event);
        break;
    case KW_EVENT_METER_VALUES:
        put_samples(page, event);
        break;
    default:
        break;
    }
}

void kw_history_gap(struct kw_store_page *page, enum kw_stream stream, int64_t expected_n,
                    int64_t got_n, int64_t now_ms)
{
    char detail[120];
    int length =
        snprintf(detail, sizeof detail, "{\"stream\":\"%s\",\"expected\":%lld,\"got\":%lld}",
                 stream == KW_STREAM_EV ? "ev" : "mv", (long long)expected_n, (long long)got_n);
    struct kw_store_fact row = {
        .type = KW_STR("feed.gap"),
        .detail = kw_str_n(detail, (size_t)length),
        .stream = KW_STREAM_OURS,
        .n = now_ms * 2 + (int64_t)stream,
        .connector_id = KW_NONE,
        .at_ms = now_ms,
        .received_ms = now_ms,
    };
    kw_store_page_fact(page, &row);
}

static struct kw_str field(const struct kw_str *fields, size_t count, const char *name)
{
    for (size_t i = 0; i + 1 < count; i += 2) {
        if (kw_str_eqc(fields[i], name))
            return fields[i + 1];
    }
    return KW_STR_NONE;
}

static int64_t number(const struct kw_str *fields, size_t count, const char *name)
{
    int64_t value;
    return kw_str_to_i64(field(fields, count, name), &value) == KW_OK ? value : KW_NONE;
}

void kw_history_snapshot_transaction(const struct kw_service *service, struct kw_store_page *page,
                                     struct kw_str station_id, struct kw_str transaction,
                                     const struct kw_str *fields, size_t count)
{
    struct kw_store_tx row = {
        .station_id = station_id,
        .id = transaction,
        .key_uid = field(fields, count, "idToken"),
        .connector_id = number(fields, count, "evseId"),
        .started_ms = number(fields, count, "startTs"),
        .stopped_ms = number(fields, count, "endTs"),
        .meter_start_wh = number(fields, count, "meterStartWh"),
        .meter_stop_wh = number(fields, count, "meterStopWh"),
        .energy_wh = KW_NONE,
    };
    if (row.stopped_ms != KW_NONE) {
        row.stop_reason = field(fields, count, "stoppedReason");
        row.quality = field(fields, count, "quality");
        row.energy_wh = number(fields, count, "energyWh");
    }
    if (row.started_ms == KW_NONE || transaction.len == 0)
        return; /* the hash has expired, or is not of the contract: nothing to tell */
    set_owner(service, &row);
    kw_store_page_tx(page, &row);
}
