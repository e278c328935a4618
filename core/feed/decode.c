/* decode.c - Fields by name into one event; d by the pull parser. */
#include "feed/decode.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define KW_DECODE_TEXT_BYTES 65536 /* decoded strings of one d */

struct kw_decoder {
    struct kw_sample samples[KW_SAMPLES_MAX];
    char text[KW_DECODE_TEXT_BYTES];
    size_t text_used;
    char error[160];
};

struct kw_decoder *kw_decoder_new(void)
{
    return kw_zalloc(sizeof(struct kw_decoder));
}

void kw_decoder_free(struct kw_decoder *decoder)
{
    kw_free(decoder);
}

static kw_err wrong(struct kw_decoder *decoder, const char *field, const char *why,
                    const char **error)
{
    (void)snprintf(decoder->error, sizeof decoder->error, "field %s: %s", field, why);
    *error = decoder->error;
    return KW_EINVALID;
}

/* A decoded string must live as long as the event: copy it out of the parser's scratch. */
static struct kw_str keep(struct kw_decoder *decoder, struct kw_str text)
{
    if (text.len > sizeof decoder->text - decoder->text_used)
        return KW_STR("");
    char *copy = decoder->text + decoder->text_used;
    memcpy(copy, text.ptr, text.len);
    decoder->text_used += text.len;
    return kw_str_n(copy, text.len);
}

static int64_t rounded(double value)
{
    if (value > 9e15 || value < -9e15)
        return KW_NONE;
    return (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
}

/* Factor from the contract's unit to ours. */
static double scale_of(struct kw_str unit, struct kw_str measurand)
{
    if (kw_str_eqc(unit, "A") || kw_str_eqc(unit, "V"))
        return 1000;
    if (kw_str_eqc(unit, "kWh") || kw_str_eqc(unit, "kW"))
        return 1000;
    if (unit.len == 0 &&
        (kw_str_starts(measurand, KW_STR("Current.")) || kw_str_eqc(measurand, "Voltage")))
        return 1000;
    return 1;
}

static kw_err decode_sample(struct kw_decoder *decoder, struct kw_json *json, struct kw_str context,
                            struct kw_sample *sample)
{
    double value = 0;
    bool has_value = false;
    *sample = (struct kw_sample){ KW_STR("Energy.Active.Import.Register"),
                                  KW_STR(""),
                                  KW_STR("Outlet"),
                                  context,
                                  KW_NONE,
                                  KW_STR("") };
    for (;;) {
        enum kw_json_event event = kw_json_next(json);
        if (event == KW_JSON_OBJECT_END)
            break;
        if (event != KW_JSON_KEY || json->text.len == 0)
            return KW_EINVALID;
        char key = json->text.len == 1 ? json->text.ptr[0] : 0;
        event = kw_json_next(json);
        if (key == 'v' && (event == KW_JSON_INT || event == KW_JSON_NUMBER)) {
            value = json->f64;
            has_value = true;
        } else if (event == KW_JSON_STRING && strchr("mplu", key) != NULL && key != 0) {
            struct kw_str *into = key == 'm'   ? &sample->measurand
                                  : key == 'p' ? &sample->phase
                                  : key == 'l' ? &sample->location
                                               : &sample->unit;
            *into = keep(decoder, json->text);
        } else if (kw_json_skip(json, event, NULL) != KW_OK) {
            return KW_EINVALID;
        }
    }
    if (has_value)
        sample->value = rounded(value * scale_of(sample->unit, sample->measurand));
    return KW_OK;
}

static kw_err decode_samples(struct kw_decoder *decoder, struct kw_json *json,
                             struct kw_event *event)
{
    event->samples = decoder->samples;
    for (;;) {
        enum kw_json_event next = kw_json_next(json);
        if (next == KW_JSON_ARRAY_END)
            return KW_OK;
        if (next != KW_JSON_OBJECT)
            return KW_EINVALID;
        if (event->sample_count == KW_SAMPLES_MAX) {
            if (kw_json_skip(json, next, NULL) != KW_OK)
                return KW_EINVALID;
            continue;
        }
        if (decode_sample(decoder, json, KW_STR("Sample.Periodic"),
                          &decoder->samples[event->sample_count]) != KW_OK)
            return KW_EINVALID;
        event->sample_count++;
    }
}

struct text_field {
    const char *name;
    size_t offset;
};
#define TEXT(name_, member_) \
    { \
        name_, offsetof(struct kw_event, member_) \
    }
static const struct text_field text_fields[] = {
    TEXT("status", status),
    TEXT("state", state),
    TEXT("errorCode", error_code),
    TEXT("vendorErrorCode", vendor_error_code),
    TEXT("info", info),
    TEXT("idToken", id_token),
    TEXT("authStatus", auth_status),
    TEXT("stoppedReason", reason),
    TEXT("reason", reason),
    TEXT("chargingState", charging_state),
    TEXT("quality", quality),
    TEXT("vendor", vendor),
    TEXT("model", model),
    TEXT("serialNumber", serial),
    TEXT("firmwareVersion", firmware),
    TEXT("commandId", command_id),
    TEXT("ocppStatus", ocpp_status),
    TEXT("effect", effect),
    TEXT("limitSrc", limit_source),
    TEXT("ctx", info),
};

static void set_number(struct kw_event *event, struct kw_str name, double value)
{
    static const struct {
        const char *name;
        size_t offset;
        double scale;
    } fields[] = { { "meterStartWh", offsetof(struct kw_event, meter_start_wh), 1 },
                   { "meterStopWh", offsetof(struct kw_event, meter_stop_wh), 1 },
                   { "energyWh", offsetof(struct kw_event, energy_wh), 1 },
                   { "powerW", offsetof(struct kw_event, power_w), 1 },
                   { "currentL1", offsetof(struct kw_event, current_ma[0]), 1000 },
                   { "currentL2", offsetof(struct kw_event, current_ma[1]), 1000 },
                   { "currentL3", offsetof(struct kw_event, current_ma[2]), 1000 },
                   { "limitW", offsetof(struct kw_event, limit_w), 1 },
                   { "limitA", offsetof(struct kw_event, limit_ma), 1000 },
                   { "conGen", offsetof(struct kw_event, generation), 1 } };
    for (size_t i = 0; i < KW_COUNT_OF(fields); i++) {
        if (kw_str_eqc(name, fields[i].name)) {
            int64_t number = rounded(value * fields[i].scale);
            memcpy((char *)event + fields[i].offset, &number, sizeof number);
            return;
        }
    }
}

static void set_text(struct kw_decoder *decoder, struct kw_event *event, struct kw_str name,
                     struct kw_str value)
{
    for (size_t i = 0; i < KW_COUNT_OF(text_fields); i++) {
        if (kw_str_eqc(name, text_fields[i].name)) {
            struct kw_str kept = keep(decoder, value);
            memcpy((char *)event + text_fields[i].offset, &kept, sizeof kept);
            return;
        }
    }
}

static kw_err decode_detail(struct kw_decoder *decoder, struct kw_event *event)
{
    struct kw_json json;
    kw_err err = KW_EINVALID;
    kw_json_init(&json, event->detail);
    if (kw_json_next(&json) != KW_JSON_OBJECT)
        goto done;
    for (;;) {
        enum kw_json_event next = kw_json_next(&json);
        if (next == KW_JSON_OBJECT_END) {
            err = kw_json_next(&json) == KW_JSON_END ? KW_OK : KW_EINVALID;
            goto done;
        }
        if (next != KW_JSON_KEY)
            goto done;
        char key[32];
        if (kw_str_copy(json.text, key, sizeof key) != KW_OK)
            key[0] = 0;
        next = kw_json_next(&json);
        struct kw_str name = kw_str_of(key), raw;
        if (next == KW_JSON_STRING) {
            set_text(decoder, event, name, json.text);
        } else if (next == KW_JSON_INT || next == KW_JSON_NUMBER) {
            set_number(event, name, json.f64);
        } else if (next == KW_JSON_ARRAY && strcmp(key, "s") == 0) {
            if (decode_samples(decoder, &json, event) != KW_OK)
                goto done;
        } else if (kw_json_skip(&json, next, &raw) != KW_OK) {
            goto done;
        } else if (next == KW_JSON_ARRAY && strcmp(key, "flags") == 0) {
            event->flags = raw;
        }
    }
done:
    kw_json_free(&json);
    return err;
}

static void blank(struct kw_event *event)
{
    *event = (struct kw_event){ .n = KW_NONE,
                                .evse = KW_NONE,
                                .connector = KW_NONE,
                                .at_ms = KW_NONE,
                                .received_ms = KW_NONE,
                                .meter_start_wh = KW_NONE,
                                .meter_stop_wh = KW_NONE,
                                .energy_wh = KW_NONE,
                                .power_w = KW_NONE,
                                .current_ma = { KW_NONE, KW_NONE, KW_NONE },
                                .limit_w = KW_NONE,
                                .limit_ma = KW_NONE,
                                .detail = KW_STR("{}") };
}

static const char *set_field(struct kw_event *event, struct kw_str name, struct kw_str value)
{
    static const struct {
        const char *name;
        size_t offset;
    } numbers[] = { { "n", offsetof(struct kw_event, n) },
                    { "evse", offsetof(struct kw_event, evse) },
                    { "con", offsetof(struct kw_event, connector) },
                    { "ts", offsetof(struct kw_event, at_ms) },
                    { "rts", offsetof(struct kw_event, received_ms) } };
    for (size_t i = 0; i < KW_COUNT_OF(numbers); i++) {
        if (kw_str_eqc(name, numbers[i].name)) {
            int64_t number;
            if (kw_str_to_i64(value, &number) != KW_OK)
                return "not an integer";
            memcpy((char *)event + numbers[i].offset, &number, sizeof number);
            return NULL;
        }
    }
    if (kw_str_eqc(name, "type"))
        event->type_name = value;
    else if (kw_str_eqc(name, "cs"))
        event->station = value;
    else if (kw_str_eqc(name, "tx"))
        event->transaction = value;
    else if (kw_str_eqc(name, "off"))
        event->offline = kw_str_eqc(value, "1");
    else if (kw_str_eqc(name, "d"))
        event->detail = value;
    else if (kw_str_eqc(name, "v") && !kw_str_eqc(value, "1"))
        return "an unknown version of entries";
    return NULL;
}

kw_err kw_decode_entry(struct kw_decoder *decoder, enum kw_stream stream, struct kw_str entry_id,
                       const struct kw_str *fields, size_t field_count, struct kw_event *event,
                       const char **error)
{
    char name[40];
    blank(event);
    decoder->text_used = 0;
    event->stream = stream;
    event->entry_id = entry_id;
    for (size_t i = 0; i + 1 < field_count; i += 2) {
        const char *why = set_field(event, fields[i], fields[i + 1]);
        if (why != NULL) {
            if (kw_str_copy(fields[i], name, sizeof name) != KW_OK)
                name[0] = 0;
            return wrong(decoder, name, why, error);
        }
    }
    if (event->type_name.len == 0)
        return wrong(decoder, "type", "missing", error);
    if (event->n == KW_NONE || event->n < 1)
        return wrong(decoder, "n", "missing", error);
    if (event->received_ms == KW_NONE)
        event->received_ms = event->at_ms;
    if (event->at_ms == KW_NONE)
        event->at_ms = event->received_ms;
    if (event->at_ms == KW_NONE)
        return wrong(decoder, "ts", "missing", error);
    if (event->station.len > KW_STATION_ID_BYTES)
        return wrong(decoder, "cs", "longer than 48 bytes", error);
    if (event->transaction.len >= KW_TX_BYTES)
        return wrong(decoder, "tx", "longer than 39 bytes", error);
    for (int type = 1; type < KW_EVENT_TYPE_COUNT; type++) {
        if (kw_str_eqc(event->type_name, kw_event_name((enum kw_event_type)type)))
            event->type = (enum kw_event_type)type;
    }
    bool of_station = event->type != KW_EVENT_OTHER && event->type != KW_EVENT_GATEWAY_STARTED &&
                      event->type != KW_EVENT_NODE_METER && event->type != KW_EVENT_COMMAND_RESULT;
    if (of_station && event->station.len == 0)
        return wrong(decoder, "cs", "missing", error);
    if (decode_detail(decoder, event) != KW_OK)
        return wrong(decoder, "d", "not a valid JSON object", error);
    for (size_t i = 0; i < event->sample_count; i++) /* ctx is one for the whole MeterValue */
        if (event->info.len > 0)
            decoder->samples[i].context = event->info;
    return KW_OK;
}
