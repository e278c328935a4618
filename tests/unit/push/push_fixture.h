/* push_fixture.h - A small complex, push on top of it, and four sockets that keep what they were sent. */
#ifndef KW_TESTS_PUSH_FIXTURE_H
#define KW_TESTS_PUSH_FIXTURE_H

#include <stdlib.h>

#include "unit/model/model_fixture.h"

#include "base/json.h"
#include "base/mem.h"
#include "push/push.h"
#include "push/rows.h"

#define ANY __attribute__((unused))
#define FRAMES 600

/* One socket: keeps the text of every frame that it was given. */
struct reader {
    struct kw_push_client *client;
    char *frames[FRAMES];
    unsigned count, blobs;
    struct kw_blob *last;
    kw_err answer;
};

struct world {
    struct kw_complex *complex;
    struct kw_push *push;
    struct kw_metrics *metrics;
    struct reader readers[4];
    int64_t now_ms;
    unsigned framed;
    int power;
};

static ANY struct kw_blob *frame(struct kw_str text, void *arg)
{
    ((struct world *)arg)->framed++;
    return kw_blob_new(text.ptr, text.len);
}

static ANY kw_err send(void *socket, struct kw_blob *blob, void *arg)
{
    struct reader *reader = socket;
    (void)arg;
    if (reader->answer != KW_OK)
        return reader->answer;
    assert_true(reader->count < FRAMES);
    reader->frames[reader->count++] = kw_strndup(blob->bytes, blob->length_bytes);
    return KW_OK;
}

static ANY void write_complex(struct kw_buf *out, void *arg)
{
    KW_IGNORE(kw_buf_printf(out, "{\"power_w\":%d}", ((struct world *)arg)->power));
}

static ANY void write_feed(struct kw_buf *out, void *arg)
{
    (void)out; /* says nothing */
    (void)arg;
}

static ANY struct kw_str driver_of(struct kw_str uid, void *arg)
{
    (void)arg;
    return kw_str_eqc(uid, "04A1") ? KW_STR("Ann \"A\"") : KW_STR("");
}

static ANY int world_setup(void **state)
{
    static const struct kw_push_hooks hooks = { frame, send, write_complex, write_feed, driver_of };
    struct world *world = calloc(1, sizeof *world);
    void *complex;
    assert_int_equal(model_setup(&complex), 0);
    world->complex = complex;
    world->metrics = kw_metrics_new();
    world->push = kw_push_new(world->complex, &hooks, world, world->metrics);
    world->now_ms = T0;
    for (int i = 0; i < 4; i++)
        world->readers[i].client = kw_push_client_new(world->push, &world->readers[i]);
    *state = world;
    return 0;
}

static ANY void forget(struct reader *reader)
{
    for (unsigned i = 0; i < reader->count; i++)
        kw_free(reader->frames[i]);
    reader->count = 0;
}

static ANY int world_teardown(void **state)
{
    struct world *world = *state;
    void *complex = world->complex;
    for (int i = 0; i < 4; i++) {
        kw_push_client_free(world->readers[i].client);
        forget(&world->readers[i]);
    }
    kw_push_free(world->push);
    kw_metrics_free(world->metrics);
    free(world);
    return model_teardown(&complex);
}

static ANY struct kw_push_subscribe to(int64_t id, enum kw_topic topic)
{
    return (struct kw_push_subscribe){ .id = id, .topic = topic, .since_seq = KW_NONE };
}

static ANY void subscribe(struct world *world, int reader, const struct kw_push_subscribe *sub)
{
    assert_int_equal(kw_push_subscribe(world->readers[reader].client, sub), KW_OK);
}

static ANY const char *last(const struct world *world, int reader)
{
    const struct reader *at = &world->readers[reader];
    assert_true(at->count > 0);
    return at->frames[at->count - 1];
}

static ANY void flush(struct world *world)
{
    world->now_ms += 100;
    (void)kw_push_flush(world->push, world->now_ms);
}

/* Number behind a key of a frame; -1: there is no such key. */
static ANY int64_t number_of(const char *text, const char *key)
{
    const char *found = strstr(text, key);
    return found != NULL ? strtoll(found + strlen(key), NULL, 10) : -1;
}

#define SEQ(text) number_of(text, "\"seq\":")

static ANY void assert_valid(const char *text)
{
    struct kw_json json;
    enum kw_json_event event;
    kw_json_init(&json, kw_str_of(text));
    while ((event = kw_json_next(&json)) != KW_JSON_END) {
        if (event == KW_JSON_ERROR)
            fail_msg("%s at %zu: %s", json.error_text, json.error_at, text);
    }
    kw_json_free(&json);
}

static ANY void has(const char *text, const char *part)
{
    assert_valid(text);
    if (strstr(text, part) == NULL)
        fail_msg("no %s in %s", part, text);
}

static ANY void has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("%s in %s", part, text);
}

static ANY void touch(struct world *world, const char *id, const char *status)
{
    status_at(world->complex, id, 1, status, world->now_ms += 1000);
    kw_push_station(world->push, station(world->complex, id));
}

#define WORLD_TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

#endif
