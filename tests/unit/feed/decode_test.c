/* decode_test.c - Addresses, RESP replies on the arena, stream entries: what is taken and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "feed/decode.h"
#include "feed/redis_reply.h"
#include "feed/redis_url.h"

/* --- addresses --- */

static void test_urls(void **state)
{
    struct kw_redis_url url;
    char error[200] = "";
    (void)state;
    assert_int_equal(kw_redis_url_parse("redis://h", &url, error, sizeof error), KW_OK);
    assert_string_equal(url.host, "h");
    assert_int_equal(url.port, 6379);
    assert_int_equal(url.db, 0);
    assert_int_equal(
        kw_redis_url_parse("redis://u%40x:p%3Aw@127.0.0.1:7000/3", &url, error, sizeof error),
        KW_OK);
    assert_string_equal(url.user, "u@x");
    assert_string_equal(url.password, "p:w");
    assert_string_equal(url.host, "127.0.0.1");
    assert_int_equal(url.port, 7000);
    assert_int_equal(url.db, 3);
    assert_int_equal(kw_redis_url_parse("redis://:pw@[::1]:1", &url, error, sizeof error), KW_OK);
    assert_string_equal(url.user, "");
    assert_string_equal(url.host, "::1");
    assert_int_equal(kw_redis_url_parse("unix:///run/redis.sock?db=2", &url, error, sizeof error),
                     KW_OK);
    assert_string_equal(url.path, "/run/redis.sock");
    assert_string_equal(url.host, "");
    assert_int_equal(url.db, 2);
}

static void test_bad_urls(void **state)
{
    static const char *const bad[] = { "",
                                       "h",
                                       "http://h",
                                       "redis://",
                                       "redis://:6379",
                                       "redis://secret@h",
                                       "redis://u:@h",
                                       "redis://u:secret%zz@h",
                                       "redis://h:0",
                                       "redis://h:65536",
                                       "redis://h:x",
                                       "redis://h/x",
                                       "redis://h/-1",
                                       "redis://[::1",
                                       "redis://[::1]7",
                                       "redis://[]",
                                       "unix://relative",
                                       "unix:///",
                                       "unix:///a?x=1",
                                       "unix:///a?db=x" };
    struct kw_redis_url url;
    char error[200], text[700] = "redis://u:";
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(bad); i++) {
        error[0] = 0;
        if (kw_redis_url_parse(bad[i], &url, error, sizeof error) != KW_EINVALID)
            fail_msg("taken: %s", bad[i]);
        assert_true(strlen(error) > 12);
        assert_null(strstr(error, "secret")); /* never the password */
    }
    assert_int_equal(kw_redis_url_parse("rediss://h", &url, error, sizeof error), KW_EUNSUPPORTED);
    assert_non_null(strstr(error, "TLS"));
    memset(text + 10, 'p', 600);
    memcpy(text + 610, "@h", 3);
    assert_int_equal(kw_redis_url_parse(text, &url, error, sizeof error), KW_EINVALID);
}

/* --- replies --- */

static const char page[] =
    "*2\r\n$1\r\na\r\n*3\r\n:42\r\n$-1\r\n*-1\r\n+OK\r\n-ERR no\r\n:-7\r\n$0\r\n\r\n*0\r\n";

static void take_page(size_t step)
{
    struct kw_reply_reader *reader = kw_reply_reader_new(100000);
    const struct kw_reply *reply;
    unsigned count = 0;
    for (size_t at = 0; at < sizeof page - 1; at += step) {
        size_t part = step < sizeof page - 1 - at ? step : sizeof page - 1 - at;
        assert_int_equal(kw_reply_reader_feed(reader, page + at, part), KW_OK);
        kw_err err;
        while ((err = kw_reply_reader_next(reader, &reply)) == KW_OK) {
            switch (count++) {
            case 0:
                assert_int_equal(reply->type, KW_REPLY_ARRAY);
                assert_int_equal(reply->count, 2);
                assert_true(kw_str_eqc(reply->items[0]->text, "a"));
                assert_int_equal(reply->items[1]->count, 3);
                assert_int_equal(reply->items[1]->items[0]->number, 42);
                assert_int_equal(reply->items[1]->items[1]->type, KW_REPLY_NIL);
                assert_int_equal(reply->items[1]->items[2]->type, KW_REPLY_NIL);
                break;
            case 1:
                assert_int_equal(reply->type, KW_REPLY_STATUS);
                break;
            case 2:
                assert_int_equal(reply->type, KW_REPLY_ERROR);
                assert_true(kw_str_eqc(reply->text, "ERR no"));
                break;
            case 3:
                assert_int_equal(reply->number, -7);
                break;
            case 4:
                assert_int_equal(reply->type, KW_REPLY_TEXT);
                assert_int_equal(reply->text.len, 0);
                break;
            default:
                assert_int_equal(reply->type, KW_REPLY_ARRAY);
                assert_int_equal(reply->count, 0);
            }
            kw_reply_reader_done(reader);
        }
        assert_int_equal(err, KW_EAGAIN);
    }
    assert_int_equal(count, 6);
    kw_reply_reader_free(reader);
}

static void test_replies(void **state)
{
    (void)state;
    for (size_t step = 1; step < sizeof page; step += 3)
        take_page(step);
    kw_reply_reader_free(NULL);
}

static kw_err first_error(size_t limit, const char *bytes, size_t length)
{
    struct kw_reply_reader *reader = kw_reply_reader_new(limit);
    const struct kw_reply *reply;
    kw_err err = kw_reply_reader_feed(reader, bytes, length);
    while (err == KW_OK) {
        err = kw_reply_reader_next(reader, &reply);
        if (err == KW_OK)
            kw_reply_reader_done(reader);
    }
    if (err != KW_EAGAIN)
        assert_true(strlen(kw_reply_reader_error(reader)) > 0);
    kw_reply_reader_free(reader);
    return err;
}

static void test_bad_replies(void **state)
{
    char *big = calloc(1, 70000);
    (void)state;
#define ERROR_OF(limit, text) first_error(limit, text, sizeof(text) - 1)
    assert_int_equal(ERROR_OF(1000, "nonsense\r\n"), KW_EPROTO);
    assert_int_equal(ERROR_OF(1000, "%1\r\n"), KW_EPROTO); /* RESP3 */
    assert_int_equal(ERROR_OF(1000, "*99999999\r\n"), KW_ETOOBIG);
    assert_int_equal(ERROR_OF(1000, "*100\r\n"), KW_ETOOBIG);
    assert_int_equal(ERROR_OF(1000, "*10\r\n"), KW_EAGAIN);
    assert_int_equal(ERROR_OF(1000, "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"),
                     KW_EPROTO); /* too deep */
    memcpy(big, "$60000\r\n", 8);
    assert_int_equal(first_error(1000, big, 60010), KW_ETOOBIG);
    assert_int_equal(first_error(200000, big, 60010), KW_EAGAIN);
    free(big);
}

static void test_reply_memory(void **state)
{
    struct kw_reply_reader *reader = kw_reply_reader_new(1 << 20);
    const struct kw_reply *reply;
    (void)state;
    assert_int_equal(kw_reply_reader_feed(reader, "$1\r\na\r\n", 7), KW_OK);
    kw_mem_fail_at(1);
    assert_int_equal(kw_reply_reader_next(reader, &reply), KW_ENOMEM);
    kw_mem_fail_at(0);
    kw_reply_reader_free(reader);
}

/* --- entries --- */

static kw_err decode(struct kw_decoder *decoder, const char *const *fields, struct kw_event *event,
                     const char **error)
{
    static struct kw_str slices[64];
    size_t count = 0;
    for (; fields[count] != NULL; count++)
        slices[count] = kw_str_of(fields[count]);
    return kw_decode_entry(decoder, KW_STREAM_EV, KW_STR("1-0"), slices, count, event, error);
}

static void test_status(void **state)
{
    static const char *const fields[] = {
        "v",
        "1",
        "n",
        "7",
        "type",
        "connector.status",
        "cs",
        "EV-1",
        "evse",
        "2",
        "con",
        "1",
        "ts",
        "1700000000000",
        "rts",
        "1700000000005",
        "off",
        "1",
        "unknown",
        "x",
        "d",
        "{\"status\":\"Faulted\",\"state\":\"faulted\",\"errorCode\":\"GroundFailure\",\"vendorErrorCode\":"
        "\"E\\u0031\",\"info\":\"hot\",\"other\":{\"deep\":[1,2]}}",
        NULL
    };
    struct kw_decoder *decoder = kw_decoder_new();
    struct kw_event event;
    const char *error;
    (void)state;
    assert_int_equal(decode(decoder, fields, &event, &error), KW_OK);
    assert_int_equal(event.type, KW_EVENT_CONNECTOR_STATUS);
    assert_int_equal(event.n, 7);
    assert_int_equal(event.evse, 2);
    assert_int_equal(event.connector, 1);
    assert_true(event.at_ms == 1700000000000 && event.received_ms == 1700000000005);
    assert_true(event.offline);
    assert_true(kw_str_eqc(event.error_code, "GroundFailure"));
    assert_true(kw_str_eqc(event.vendor_error_code, "E1"));
    assert_true(event.power_w == KW_NONE && event.meter_start_wh == KW_NONE);
    kw_decoder_free(decoder);
}

static void test_samples(void **state)
{
    static const char *const fields[] = {
        "n",
        "1",
        "type",
        "meter.values",
        "cs",
        "EV-1",
        "ts",
        "5",
        "d",
        "{\"ctx\":\"Transaction.Begin\",\"s\":[{\"m\":\"Power.Active.Import\",\"v\":7.4,\"u\":\"kW\"},"
        "{\"v\":1234,\"u\":\"Wh\"},{\"m\":\"Current.Import\",\"p\":\"L2\",\"v\":15.5,\"u\":\"A\"},"
        "{\"m\":\"SoC\",\"v\":\"not a number\",\"l\":\"EV\"},{\"m\":\"Voltage\",\"v\":-230.1},"
        "{\"m\":\"Energy.Active.Import.Register\",\"v\":1e300}]}",
        NULL
    };
    struct kw_decoder *decoder = kw_decoder_new();
    struct kw_event event;
    const char *error;
    (void)state;
    assert_int_equal(decode(decoder, fields, &event, &error), KW_OK);
    assert_int_equal(event.sample_count, 6);
    assert_int_equal(event.samples[0].value, 7400);
    assert_true(kw_str_eqc(event.samples[0].context, "Transaction.Begin"));
    assert_true(kw_str_eqc(event.samples[1].measurand, "Energy.Active.Import.Register"));
    assert_true(kw_str_eqc(event.samples[1].location, "Outlet"));
    assert_int_equal(event.samples[2].value, 15500);
    assert_true(kw_str_eqc(event.samples[2].phase, "L2"));
    assert_true(event.samples[3].value == KW_NONE);
    assert_int_equal(event.samples[4].value, -230100);
    assert_true(event.samples[5].value == KW_NONE);
    kw_decoder_free(decoder);
}

static void test_many_samples(void **state)
{
    static char detail[20000] = "{\"s\":[";
    const char *fields[] = { "n",  "1", "type", "meter.values", "cs", "A",
                             "ts", "5", "d",    detail,         NULL };
    struct kw_decoder *decoder = kw_decoder_new();
    struct kw_event event;
    const char *error;
    (void)state;
    size_t used = strlen(detail);
    for (int i = 0; i < 200; i++)
        used += (size_t)snprintf(detail + used, sizeof detail - used, "%s{\"m\":\"SoC\",\"v\":1}",
                                 i > 0 ? "," : "");
    (void)snprintf(detail + used, sizeof detail - used, "]}");
    assert_int_equal(decode(decoder, fields, &event, &error), KW_OK);
    assert_int_equal(event.sample_count, KW_SAMPLES_MAX);
    kw_decoder_free(decoder);
}

struct bad {
    const char *error;
    const char *fields[16];
};

static void test_bad_entries(void **state)
{
    static const struct bad table[] = {
        { "field type: missing", { "n", "1", "ts", "1", NULL } },
        { "field n: missing", { "type", "x", "ts", "1", NULL } },
        { "field n: missing", { "n", "0", "type", "x", "ts", "1", NULL } },
        { "field n: not an integer", { "n", "1.5", "type", "x", "ts", "1", NULL } },
        { "field ts: missing", { "n", "1", "type", "x", NULL } },
        { "field ts: not an integer", { "n", "1", "type", "x", "ts", "now", NULL } },
        { "field v: an unknown version of entries", { "v", "2", "n", "1", "type", "x", NULL } },
        { "field cs: missing", { "n", "1", "type", "tx.started", "ts", "1", NULL } },
        { "field cs: longer than 48 bytes",
          { "n", "1", "type", "x", "ts", "1", "cs",
            "1234567890123456789012345678901234567890123456789", NULL } },
        { "field tx: longer than 39 bytes",
          { "n", "1", "type", "x", "ts", "1", "tx", "1234567890123456789012345678901234567890",
            NULL } },
        { "field d: not a valid JSON object", { "n", "1", "type", "x", "ts", "1", "d", "", NULL } },
        { "field d: not a valid JSON object",
          { "n", "1", "type", "x", "ts", "1", "d", "[]", NULL } },
        { "field d: not a valid JSON object",
          { "n", "1", "type", "x", "ts", "1", "d", "{\"a\":", NULL } },
        { "field d: not a valid JSON object",
          { "n", "1", "type", "x", "ts", "1", "d", "{} x", NULL } },
        { "field d: not a valid JSON object",
          { "n", "1", "type", "x", "ts", "1", "d", "{\"s\":[1]}", NULL } },
    };
    struct kw_decoder *decoder = kw_decoder_new();
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(table); i++) {
        struct kw_event event;
        const char *error = NULL;
        assert_int_equal(decode(decoder, table[i].fields, &event, &error), KW_EINVALID);
        assert_string_equal(error, table[i].error);
    }
    kw_decoder_free(decoder);
}

static void test_unknown_type(void **state)
{
    static const char *const fields[] = { "n",   "3", "type", "reservation.status",
                                          "rts", "9", "d",    "{}",
                                          "odd", NULL };
    struct kw_decoder *decoder = kw_decoder_new();
    struct kw_event event;
    const char *error;
    (void)state;
    assert_int_equal(decode(decoder, fields, &event, &error), KW_OK);
    assert_int_equal(event.type, KW_EVENT_OTHER);
    assert_true(kw_str_eqc(event.type_name, "reservation.status"));
    assert_int_equal(event.at_ms, 9); /* no station time: the time of receipt */
    kw_decoder_free(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),         cmocka_unit_test(test_bad_urls),
        cmocka_unit_test(test_replies),      cmocka_unit_test(test_bad_replies),
        cmocka_unit_test(test_reply_memory), cmocka_unit_test(test_status),
        cmocka_unit_test(test_samples),      cmocka_unit_test(test_many_samples),
        cmocka_unit_test(test_bad_entries),  cmocka_unit_test(test_unknown_type)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
