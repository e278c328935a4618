/* wire_test.c - The entries of tests/wire/stream.json mean what stands beside them. */
#include "support/samples.h"

#include "feed/decode.h"

#define FIELDS_MAX 64
#define FIELD_BYTES 2048

static char file[SAMPLES_BYTES];

struct entry {
    struct kw_str fields[FIELDS_MAX];
    size_t count;
};

static char texts[FIELDS_MAX][FIELD_BYTES];

static void take_field(struct kw_str raw, void *arg)
{
    struct entry *entry = arg;
    assert_true(entry->count < FIELDS_MAX);
    entry->fields[entry->count] = samples_text(raw, texts[entry->count], FIELD_BYTES);
    entry->count++;
}

static kw_err decode(struct kw_decoder *decoder, struct kw_str sample, struct kw_event *event,
                     const char **error)
{
    struct entry entry = { .count = 0 };
    struct kw_str stream = samples_maybe(sample, "stream");
    samples_each(samples_member(sample, "fields"), take_field, &entry);
    return kw_decode_entry(decoder, kw_str_eqc(stream, "\"mv\"") ? KW_STREAM_MV : KW_STREAM_EV,
                           KW_STR("1767225600000-0"), entry.fields, entry.count, event, error);
}

static void expect_text(struct kw_str wanted, const char *key, struct kw_str value)
{
    char text[FIELD_BYTES];
    struct kw_str raw = samples_maybe(wanted, key);
    if (raw.len > 0 && !kw_str_eq(samples_text(raw, text, sizeof text), value))
        fail_msg("%s: wanted %.*s, read %.*s", key, (int)raw.len, raw.ptr, (int)value.len,
                 value.ptr);
}

static void expect_integer(struct kw_str wanted, const char *key, int64_t value)
{
    struct kw_str raw = samples_maybe(wanted, key);
    if (raw.len > 0 && samples_integer(raw) != value)
        fail_msg("%s: wanted %.*s, read %lld", key, (int)raw.len, raw.ptr, (long long)value);
}

static void check_entry(struct kw_str sample, void *arg)
{
    struct kw_decoder *decoder = arg;
    struct kw_event event;
    const char *error = "";
    struct kw_str wanted = samples_member(sample, "read");
    if (decode(decoder, sample, &event, &error) != KW_OK)
        fail_msg("%.*s: %s", (int)sample.len, sample.ptr, error);
    expect_text(wanted, "station", event.station);
    expect_text(wanted, "transaction", event.transaction);
    expect_text(wanted, "status", event.status);
    expect_text(wanted, "error_code", event.error_code);
    expect_text(wanted, "info", event.info);
    expect_text(wanted, "id_token", event.id_token);
    expect_text(wanted, "reason", event.reason);
    expect_integer(wanted, "n", event.n);
    expect_integer(wanted, "evse", event.evse);
    expect_integer(wanted, "connector", event.connector);
    expect_integer(wanted, "at_ms", event.at_ms);
    expect_integer(wanted, "received_ms", event.received_ms);
    expect_integer(wanted, "meter_start_wh", event.meter_start_wh);
    expect_integer(wanted, "meter_stop_wh", event.meter_stop_wh);
    expect_integer(wanted, "energy_wh", event.energy_wh);
    expect_integer(wanted, "samples", (int64_t)event.sample_count);
    assert_int_equal(event.offline, kw_str_eqc(samples_maybe(wanted, "offline"), "true"));
}

static void check_refused(struct kw_str sample, void *arg)
{
    struct kw_event event;
    const char *error = "";
    char wanted[FIELD_BYTES];
    assert_int_equal(decode(arg, sample, &event, &error), KW_EINVALID);
    samples_text(samples_member(sample, "error"), wanted, sizeof wanted);
    assert_string_equal(error, wanted);
}

static void test_entries(void **state)
{
    struct kw_decoder *decoder = kw_decoder_new();
    struct kw_str samples = samples_read("stream", file);
    (void)state;
    assert_int_equal(samples_each(samples_member(samples, "entries"), check_entry, decoder), 5);
    assert_int_equal(samples_each(samples_member(samples, "refused"), check_refused, decoder), 3);
    kw_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_entries) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
