/* rows_test.c - Rows of the live feed against the schema that names their columns. */
#include "unit/push/push_fixture.h"

/* Columns that the schema names for a topic. */
static unsigned columns_of(const char *topic)
{
    struct kw_json json;
    unsigned count = 0;
    bool inside = false;
    enum kw_json_event event;
    kw_json_init(&json, kw_str_of(kw_rows_schema));
    while ((event = kw_json_next(&json)) != KW_JSON_END) {
        assert_true(event != KW_JSON_ERROR);
        if (event == KW_JSON_KEY)
            inside = kw_str_eqc(json.text, topic);
        count += inside && event == KW_JSON_STRING;
    }
    kw_json_free(&json);
    return count;
}

/* Elements of the array that `text` is. */
static unsigned elements_of(struct kw_str text)
{
    struct kw_json json;
    unsigned count = 0;
    kw_json_init(&json, text);
    assert_int_equal(kw_json_next(&json), KW_JSON_ARRAY);
    for (;;) {
        enum kw_json_event event = kw_json_next(&json);
        assert_true(event != KW_JSON_ERROR);
        if (event == KW_JSON_ARRAY_END)
            break;
        assert_int_equal(kw_json_skip(&json, event, NULL), KW_OK);
        count++;
    }
    kw_json_free(&json);
    return count;
}

static void test_rows_match_the_schema(void **state)
{
    struct world *world = *state;
    struct row_context context = { driver_of, NULL, false };
    struct kw_station *ev = station(world->complex, "EV-1");
    struct kw_json_out json;
    struct kw_buf out;
    charge(world->complex);
    kw_buf_init(&out, 65536);
    kw_push_write_station_row(world->push, ev, &out);
    assert_int_equal(elements_of(kw_buf_str(&out)), columns_of("stations"));
    assert_int_equal(kw_buf_append(&out, "", 1), KW_OK);
    has(kw_buf_ptr(&out), "11000,[16000,16000,15900]");
    has_not(kw_buf_ptr(&out), "-9223372036854775808"); /* never reported is null */
    kw_buf_clear(&out);
    kw_push_write_node_row(world->push, node(world->complex, "A"), &out);
    assert_int_equal(elements_of(kw_buf_str(&out)), columns_of("nodes"));
    kw_buf_clear(&out);
    kw_json_out_init(&json, &out);
    kw_row_transaction(&json, ev, &ev->connectors[0], &context);
    assert_int_equal(elements_of(kw_buf_str(&out)), columns_of("transactions"));
    kw_buf_free(&out);
}

static void test_unreported_row(void **state)
{
    struct world *world = *state;
    struct kw_buf out;
    kw_buf_init(&out, 65536);
    kw_push_write_station_row(world->push, station(world->complex, "EV-2"), &out);
    assert_int_equal(elements_of(kw_buf_str(&out)), columns_of("stations"));
    assert_int_equal(kw_buf_append(&out, "", 1), KW_OK);
    has(kw_buf_ptr(&out), "null,[null,null,null]"); /* no power and no current, not zero */
    kw_buf_free(&out);
    kw_buf_init(&out, 10); /* full: left as it is */
    kw_push_write_station_row(world->push, station(world->complex, "EV-2"), &out);
    assert_true(kw_buf_len(&out) <= 10);
    kw_buf_free(&out);
}

static void test_welcome(void **state)
{
    struct world *world = *state;
    struct kw_buf out;
    kw_buf_init(&out, 65536);
    assert_int_equal(kw_push_welcome(world->push, T0, &out), KW_OK);
    assert_int_equal(kw_buf_append(&out, "", 1), KW_OK);
    has(kw_buf_ptr(&out), "\"server_at\":\"2026-01-01T00:00:00.000Z\"");
    has(kw_buf_ptr(&out), kw_push_epoch(world->push));
    assert_int_equal(strlen(kw_push_epoch(world->push)), 32);
    kw_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { WORLD_TEST(test_rows_match_the_schema),
                                        WORLD_TEST(test_unreported_row), WORLD_TEST(test_welcome) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
