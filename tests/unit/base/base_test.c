/* base_test.c - Slices, encodings, buffers, maps, clocks: the small promises everything stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/metrics.h"

static void test_numbers(void **state)
{
    int64_t number;
    double real;
    (void)state;
    assert_int_equal(kw_str_to_i64(KW_STR("-9223372036854775808"), &number), KW_OK);
    assert_true(number == INT64_MIN);
    assert_int_equal(kw_str_to_i64(KW_STR("9223372036854775808"), &number), KW_EINVALID);
    assert_int_equal(kw_str_to_i64(KW_STR("12a"), &number), KW_EINVALID);
    assert_int_equal(kw_str_to_i64(KW_STR("-"), &number), KW_EINVALID);
    assert_int_equal(kw_str_to_f64(KW_STR("7400.5"), &real), KW_OK);
    assert_true(real == 7400.5);
    assert_int_equal(kw_str_to_f64(KW_STR("inf"), &real), KW_EINVALID);
    assert_int_equal(kw_str_to_f64(KW_STR("0x10"), &real), KW_EINVALID);
}

static void test_encodings(void **state)
{
    char text[64];
    unsigned char bytes[64];
    size_t length;
    uint8_t digest[20];
    (void)state;
    kw_base64_encode("\x00\xff\x10x", 4, text);
    assert_string_equal(text, "AP8QeA==");
    assert_int_equal(kw_base64_decode(kw_str_of(text), bytes, sizeof bytes, &length), KW_OK);
    assert_int_equal(length, 4);
    assert_memory_equal(bytes, "\x00\xff\x10x", 4);
    assert_int_equal(kw_base64_decode(KW_STR("A==="), bytes, sizeof bytes, &length), KW_EINVALID);
    kw_sha1("abc", 3, digest);
    kw_hex_encode(digest, 20, text);
    assert_string_equal(text, "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_int_equal(kw_percent_decode(KW_STR("RDAM%20123"), false, text, &length), KW_OK);
    assert_memory_equal(text, "RDAM 123", length);
    assert_int_equal(kw_percent_decode(KW_STR("a%2"), false, text, &length), KW_EINVALID);
    assert_int_equal(kw_percent_decode(KW_STR("a%00"), false, text, &length), KW_EINVALID);
}

static void test_buffer_ceiling(void **state)
{
    struct kw_buf buf;
    (void)state;
    kw_buf_init(&buf, 10);
    assert_int_equal(kw_buf_append(&buf, "12345678", 8), KW_OK);
    assert_int_equal(kw_buf_append(&buf, "abc", 3), KW_EFULL);
    assert_int_equal(kw_buf_len(&buf), 8);
    kw_buf_consume(&buf, 6);
    assert_int_equal(kw_buf_append(&buf, "abcdefgh", 8), KW_OK);
    assert_memory_equal(kw_buf_ptr(&buf), "78abcdefgh", 10);
    kw_buf_free(&buf);
}

static void test_map_many(void **state)
{
    struct kw_map *map = kw_map_new();
    char key[32];
    static int values[5000];
    size_t at = 0, seen = 0;
    struct kw_str name;
    void *value;
    (void)state;
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof key, "key-%d", i);
        assert_null(kw_map_put(map, kw_str_of(key), &values[i]));
    }
    for (int i = 0; i < 5000; i += 2) {
        (void)snprintf(key, sizeof key, "key-%d", i);
        assert_ptr_equal(kw_map_remove(map, kw_str_of(key)), &values[i]);
        assert_null(kw_map_get(map, kw_str_of(key)));
    }
    while (kw_map_next(map, &at, &name, &value))
        seen++;
    assert_int_equal(seen, 2500);
    assert_int_equal(kw_map_count(map), 2500);
    assert_ptr_equal(kw_map_get(map, KW_STR("key-4999")), &values[4999]);
    kw_map_free(map);
}

static void test_rfc3339(void **state)
{
    char text[KW_RFC3339_SIZE];
    int64_t ms;
    bool zoned;
    (void)state;
    kw_rfc3339(1708300800123, text);
    assert_string_equal(text, "2024-02-19T00:00:00.123Z");
    kw_rfc3339(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    assert_int_equal(kw_rfc3339_parse(KW_STR("2024-02-29T23:59:59.5+03:00"), &ms, &zoned), KW_OK);
    kw_rfc3339(ms, text);
    assert_string_equal(text, "2024-02-29T20:59:59.500Z");
    assert_int_equal(kw_rfc3339_parse(KW_STR("2024-02-29T23:59:59"), &ms, &zoned), KW_OK);
    assert_false(zoned);
    assert_int_equal(kw_rfc3339_parse(KW_STR("2024-13-01T00:00:00Z"), &ms, NULL), KW_EINVALID);
    assert_int_equal(kw_rfc3339_parse(KW_STR("yesterday"), &ms, NULL), KW_EINVALID);
}

static void test_metrics_text(void **state)
{
    struct kw_metrics *metrics = kw_metrics_new();
    struct kw_buf out;
    (void)state;
    kw_buf_init(&out, 65536);
    kw_metric_add(kw_metrics_counter(metrics, "kw_x_total", "reason=\"a\"", "X."), 2);
    kw_metric_add(kw_metrics_counter(metrics, "kw_x_total", "reason=\"a\"", "X."), 1);
    kw_metric_observe_us(kw_metrics_histogram(metrics, "kw_t_seconds", "", "T."), 600);
    assert_int_equal(kw_metrics_print(metrics, &out), KW_OK);
    assert_int_equal(kw_buf_append(&out, "", 1), KW_OK);
    assert_non_null(strstr(kw_buf_ptr(&out), "kw_x_total{reason=\"a\"} 3\n"));
    assert_non_null(strstr(kw_buf_ptr(&out), "kw_t_seconds_bucket{le=\"0.001\"} 1\n"));
    assert_non_null(strstr(kw_buf_ptr(&out), "kw_t_seconds_sum 0.000600\n"));
    kw_buf_free(&out);
    kw_metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_buffer_ceiling), cmocka_unit_test(test_map_many),
        cmocka_unit_test(test_rfc3339),        cmocka_unit_test(test_metrics_text)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
