/* wire_test.c - The rows that we write are those of tests/wire/live.json, byte for byte.
 *
 * The page's tests read the same file, so a column that moves, or a null that becomes a zero, fails on
 * one side at least. Only space between the values is free in the file. */
#include "unit/model/model_fixture.h"

#include "support/samples.h"

#include "base/buf.h"
#include "push/push.h"

static char text[SAMPLES_BYTES];

static struct kw_blob *no_frame(struct kw_str message, void *arg)
{
    (void)message;
    (void)arg;
    fail_msg("a frame nobody asked for");
    return NULL;
}

static kw_err no_send(void *socket, struct kw_blob *frame, void *arg)
{
    (void)socket;
    (void)frame;
    (void)arg;
    return KW_OK;
}

static void no_document(struct kw_buf *out, void *arg)
{
    (void)out;
    (void)arg;
}

struct rows {
    struct kw_json json;
};

static void rows_begin(struct rows *rows, struct kw_str array)
{
    kw_json_init(&rows->json, array);
    assert_int_equal(kw_json_next(&rows->json), KW_JSON_ARRAY);
}

/* Next row with its id; false at the end. */
static bool rows_next(struct rows *rows, struct kw_str *row, char *id, size_t id_size)
{
    enum kw_json_event event = kw_json_next(&rows->json);
    if (event != KW_JSON_ARRAY) {
        assert_int_equal(event, KW_JSON_ARRAY_END);
        kw_json_free(&rows->json);
        return false;
    }
    assert_int_equal(kw_json_skip(&rows->json, event, row), KW_OK);
    struct kw_json first;
    kw_json_init(&first, *row);
    assert_int_equal(kw_json_next(&first), KW_JSON_ARRAY);
    assert_int_equal(kw_json_next(&first), KW_JSON_STRING);
    assert_int_equal(kw_str_copy(first.text, id, id_size), KW_OK);
    kw_json_free(&first);
    return true;
}

static void assert_written(struct kw_buf *out, struct kw_str wanted)
{
    struct kw_str written = kw_buf_str(out);
    if (!kw_str_eq(written, wanted))
        fail_msg("\nwritten %.*s\nsample  %.*s", (int)written.len, written.ptr, (int)wanted.len,
                 wanted.ptr);
    kw_buf_clear(out);
}

static struct kw_push *push_of(struct kw_complex *complex)
{
    struct kw_push_hooks hooks = { no_frame, no_send, no_document, no_document, NULL };
    return kw_push_new(complex, &hooks, NULL, NULL);
}

static void test_rows_are_the_samples(void **state)
{
    struct kw_complex *complex = *state;
    struct kw_str samples = samples_read("live", text), row;
    struct kw_buf out;
    struct rows rows;
    char id[64];
    size_t seen = 0;
    charge(complex);
    struct kw_push *push = push_of(complex);
    kw_buf_init(&out, SAMPLES_BYTES);
    for (rows_begin(&rows, samples_member(samples, "stations"));
         rows_next(&rows, &row, id, sizeof id); seen++) {
        kw_push_write_station_row(push, station(complex, id), &out);
        assert_written(&out, row);
    }
    for (rows_begin(&rows, samples_member(samples, "nodes")); rows_next(&rows, &row, id, sizeof id);
         seen++) {
        kw_push_write_node_row(push, node(complex, id), &out);
        assert_written(&out, row);
    }
    assert_int_equal(seen, 5);
    kw_buf_free(&out);
    kw_push_free(push);
}

static void test_welcome_names_the_columns(void **state)
{
    struct kw_complex *complex = *state;
    struct kw_push *push = push_of(complex);
    struct kw_buf out;
    kw_buf_init(&out, SAMPLES_BYTES);
    assert_int_equal(kw_push_welcome(push, T0, &out), KW_OK);
    struct kw_str schema =
        samples_member(samples_member(samples_read("live", text), "welcome"), "schema");
    struct kw_str written = samples_member(kw_buf_str(&out), "schema");
    if (!kw_str_eq(schema, written))
        fail_msg("\nwritten %.*s\nsample  %.*s", (int)written.len, written.ptr, (int)schema.len,
                 schema.ptr);
    kw_buf_free(&out);
    kw_push_free(push);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MODEL_TEST(test_rows_are_the_samples),
        MODEL_TEST(test_welcome_names_the_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
