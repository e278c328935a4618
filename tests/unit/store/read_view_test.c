/* read_view_test.c - One answer is of one moment: its rows, its total and its sum agree while others write. */
#include "unit/store/store_fixture.h"

#include "store/store.h"

#define DOCUMENTS 400

struct watch {
    struct kw_store *store;
    int stored, answers, torn;
    bool done;
};

static const char schema[] =
    "{\"name\":\"things\",\"fields\":{\"id\":{\"type\":\"string\"},\"wh\":{\"type\":\"integer\"}},"
    "\"key\":\"id\",\"indexes\":[[\"wh\"]]}";

static int64_t number_behind(const char *text, const char *key)
{
    const char *found = strstr(text, key);
    return found != NULL ? strtoll(found + strlen(key), NULL, 10) : -1;
}

static void on_found(kw_err err, struct kw_str json, void *arg)
{
    struct watch *watch = arg;
    char *text = calloc(1, json.len + 1);
    int rows = 0;
    assert_int_equal(err, KW_OK);
    assert_non_null(text);
    memcpy(text, json.ptr, json.len);
    for (const char *at = text; (at = strstr(at, "\"id\":")) != NULL; at++)
        rows++;
    watch->answers++;
    if (number_behind(text, "\"total\":") != rows || number_behind(text, "\"wh\":") < 0)
        watch->torn += rows > 0;
    if (strstr(text, "\"sum\"") != NULL && rows > 0 &&
        number_behind(strstr(text, "\"sum\""), "\"wh\":") != rows)
        watch->torn++;
    free(text);
    if (watch->stored == DOCUMENTS)
        watch->done = true;
}

static void ask(struct watch *watch)
{
    assert_int_equal(kw_store_request(watch->store,
                                      KW_STR("{\"op\":\"find\",\"from\":\"things\",\"limit\":1000,"
                                             "\"count\":true,\"sum\":[\"wh\"]}"),
                                      on_found, watch),
                     KW_OK);
}

static void on_stored(kw_err err, struct kw_str json, void *arg)
{
    struct watch *watch = arg;
    (void)json;
    assert_int_equal(err, KW_OK);
    watch->stored++;
    ask(watch);
}

static void test_rows_and_totals_agree(void **state)
{
    struct bench *bench = *state;
    struct watch watch = { 0 };
    char error[400] = "", text[200];
    struct kw_store_options options = { .path = bench->folder, .metrics = bench->metrics };
    assert_int_equal(kw_store_open(bench->loop, &options, &watch.store, error, sizeof error),
                     KW_OK);
    assert_int_equal(kw_store_declare(watch.store, kw_str_of(schema), error, sizeof error), KW_OK);
    for (int i = 0; i < DOCUMENTS; i++) {
        (void)snprintf(text, sizeof text,
                       "{\"op\":\"insert\",\"from\":\"things\",\"doc\":{\"id\":\"%d\",\"wh\":1}}",
                       i);
        assert_int_equal(kw_store_request(watch.store, kw_str_of(text), on_stored, &watch), KW_OK);
        ask(&watch);
    }
    assert_true(run_until(bench->loop, is_set, &watch.done, 60000));
    kw_store_close(watch.store);
    assert_true(watch.answers > DOCUMENTS);
    assert_int_equal(watch.torn, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(
        test_rows_and_totals_agree, bench_setup, bench_teardown) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
