/* json_test.c - What the parser takes, what it refuses and where, and that writing reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

static enum kw_json_event run(const char *text, size_t *error_at)
{
    struct kw_json json;
    enum kw_json_event event;
    kw_json_init(&json, kw_str_of(text));
    do
        event = kw_json_next(&json);
    while (event != KW_JSON_END && event != KW_JSON_ERROR);
    *error_at = json.error_at;
    kw_json_free(&json);
    return event;
}

static void test_accepts(void **state)
{
    static const char *const good[] = { "1",
                                        "-0",
                                        "[]",
                                        "{}",
                                        "[1,2,3]",
                                        "{\"a\":{\"b\":[null,true,false]}}",
                                        " \"\\u0416\\ud83d\\ude00\" ",
                                        "1e3",
                                        "-1.5E-2",
                                        "\"\xd0\x96\"",
                                        "9223372036854775808" };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        size_t at;
        if (run(good[i], &at) != KW_JSON_END)
            fail_msg("refused: %s at %zu", good[i], at);
    }
}

static void test_refuses(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } bad[] = {
        { "", 0 },         { "[1,]", 3 }, { "{\"a\" 1}", 5 },    { "01", 0 },
        { "1.", 0 },       { "+1", 0 },   { "\"\\x\"", 0 },      { "\"\\ud800\"", 0 },
        { "\"\xff\"", 0 }, { "\"a", 0 },  { "tru", 0 },          { "[1 2]", 3 },
        { "{a:1}", 1 },    { "1 1", 2 },  { "\"\n\"", 0 },       { "{\"a\":1,}", 7 },
        { "nan", 0 },      { "[", 1 },    { "\"\xc0\x80\"", 0 }, { "\"\xed\xa0\x80\"", 0 }
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t at = 999;
        if (run(bad[i].text, &at) != KW_JSON_ERROR)
            fail_msg("accepted: %s", bad[i].text);
        assert_int_equal(at, bad[i].at);
    }
}

static void test_depth_is_bounded(void **state)
{
    char deep[200];
    size_t at;
    (void)state;
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    assert_int_equal(run(deep, &at), KW_JSON_ERROR);
    assert_int_equal(at, KW_JSON_DEPTH_MAX);
}

static void test_skip_gives_raw(void **state)
{
    struct kw_json json;
    struct kw_str raw;
    (void)state;
    kw_json_init(&json, KW_STR("{\"a\":[1,{\"b\":2}],\"c\":\"x\"}"));
    assert_int_equal(kw_json_next(&json), KW_JSON_OBJECT);
    assert_int_equal(kw_json_next(&json), KW_JSON_KEY);
    assert_int_equal(kw_json_skip(&json, kw_json_next(&json), &raw), KW_OK);
    assert_true(kw_str_eqc(raw, "[1,{\"b\":2}]"));
    assert_int_equal(kw_json_next(&json), KW_JSON_KEY);
    assert_true(kw_str_eqc(json.text, "c"));
    kw_json_free(&json);
}

static void test_writes(void **state)
{
    struct kw_buf buf;
    struct kw_json_out out;
    (void)state;
    kw_buf_init(&buf, 4096);
    kw_json_out_init(&out, &buf);
    kw_json_obj(&out);
    KW_JSON_KV(str, &out, "text", KW_STR("a\"\\\n\x01\xff\xd0\x96"));
    KW_JSON_KV(i64, &out, "least", INT64_MIN);
    KW_JSON_KV(f64, &out, "tenth", 0.1);
    kw_json_key(&out, "list");
    kw_json_arr(&out);
    kw_json_bool(&out, true);
    kw_json_null(&out);
    kw_json_at_ms(&out, 0);
    kw_json_arr_end(&out);
    kw_json_obj_end(&out);
    assert_int_equal(out.err, KW_OK);
    assert_true(kw_str_eqc(
        kw_buf_str(&buf),
        "{\"text\":\"a\\\"\\\\\\n\\u0001\xEF\xBF\xBD\xd0\x96\",\"least\":-9223372036854775808,"
        "\"tenth\":0.1,\"list\":[true,null,\"1970-01-01T00:00:00.000Z\"]}"));
    kw_buf_free(&buf);
}

static void test_ceiling_is_sticky(void **state)
{
    struct kw_buf buf;
    struct kw_json_out out;
    (void)state;
    kw_buf_init(&buf, 4);
    kw_json_out_init(&out, &buf);
    kw_json_str(&out, KW_STR("too long"));
    kw_json_i64(&out, 1);
    assert_int_equal(out.err, KW_EFULL);
    kw_buf_free(&buf);
}

/* Every byte at every place of short strings: what is written reads back (or is U+FFFD). */
static void test_every_byte_everywhere(void **state)
{
    char text[20];
    (void)state;
    for (size_t length = 1; length < sizeof text; length++) {
        for (size_t at = 0; at < length; at++) {
            for (int byte = 0; byte < 256; byte++) {
                struct kw_buf buf;
                struct kw_json_out out;
                struct kw_json json;
                memset(text, 'x', sizeof text);
                text[at] = (char)byte;
                kw_buf_init(&buf, 400);
                kw_json_out_init(&out, &buf);
                kw_json_arr(&out);
                kw_json_str(&out, kw_str_n(text, length));
                kw_json_arr_end(&out);
                kw_json_init(&json, kw_buf_str(&buf));
                assert_int_equal(kw_json_next(&json), KW_JSON_ARRAY);
                assert_int_equal(kw_json_next(&json), KW_JSON_STRING);
                if (byte < 0x80)
                    assert_true(kw_str_eq(json.text, kw_str_n(text, length)));
                else
                    assert_int_equal(json.text.len, length + 2);
                assert_int_equal(kw_json_next(&json), KW_JSON_ARRAY_END);
                assert_int_equal(kw_json_next(&json), KW_JSON_END);
                kw_json_free(&json);
                kw_buf_free(&buf);
            }
        }
    }
}

static void test_integers(void **state)
{
    char mine[21], theirs[24];
    (void)state;
    for (int64_t base = 1; base < INT64_MAX / 10; base *= 10) {
        for (int64_t near = -2; near <= 2; near++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                int64_t value = sign * (base + near);
                size_t length = kw_i64_to_text(value, mine);
                assert_int_equal(snprintf(theirs, sizeof theirs, "%lld", (long long)value), length);
                assert_memory_equal(mine, theirs, length);
            }
        }
    }
    assert_int_equal(kw_i64_to_text(INT64_MIN, mine), 20);
    assert_memory_equal(mine, "-9223372036854775808", 20);
    assert_int_equal(kw_i64_to_text(INT64_MAX, mine), 19);
    assert_memory_equal(mine, "9223372036854775807", 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_accepts),
                                        cmocka_unit_test(test_refuses),
                                        cmocka_unit_test(test_depth_is_bounded),
                                        cmocka_unit_test(test_skip_gives_raw),
                                        cmocka_unit_test(test_writes),
                                        cmocka_unit_test(test_ceiling_is_sticky),
                                        cmocka_unit_test(test_every_byte_everywhere),
                                        cmocka_unit_test(test_integers) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
