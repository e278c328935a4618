/* push_test.c - Who is sent what: snapshots, deltas, gone, resume, slow and paused readers, limits. */
#include "unit/push/push_fixture.h"

static void test_snapshot_then_deltas(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe sub = to(7, KW_TOPIC_STATIONS);
    subscribe(world, 0, &sub);
    has(last(world, 0), "{\"op\":\"snapshot\",\"id\":7,\"seq\":");
    has(last(world, 0), "[\"EV-1\"");
    has(last(world, 0), "[\"EV-2\"");
    int64_t seq = SEQ(last(world, 0));
    flush(world);
    assert_int_equal(world->readers[0].count, 1); /* nothing changed, nothing is sent */
    assert_false(kw_push_pending(world->push));
    touch(world, "EV-1", "Preparing");
    touch(world, "EV-1", "Charging");
    assert_true(kw_push_pending(world->push));
    flush(world);
    assert_int_equal(world->readers[0].count, 2); /* ten changes, one row */
    has(last(world, 0), "{\"op\":\"delta\",\"id\":7,\"seq\":");
    has(last(world, 0), "\"charging\"");
    has_not(last(world, 0), "EV-2");
    has_not(last(world, 0), "gone");
    assert_int_equal(SEQ(last(world, 0)), seq + 1);
    touch(world, "EV-2", "Faulted");
    flush(world);
    assert_int_equal(SEQ(last(world, 0)), seq + 2);
    assert_int_equal(kw_push_unsubscribe(world->readers[0].client, 7), KW_OK);
    assert_int_equal(kw_push_unsubscribe(world->readers[0].client, 7), KW_ENOTFOUND);
    touch(world, "EV-2", "Available");
    flush(world);
    assert_int_equal(world->readers[0].count, 3);
}

/* Same number, same bytes: framed once for all of them. */
static void test_framed_once(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe one = to(1, KW_TOPIC_STATIONS), two = to(2, KW_TOPIC_STATIONS);
    subscribe(world, 0, &one);
    subscribe(world, 1, &one);
    subscribe(world, 2, &one);
    subscribe(world, 3, &two);
    unsigned before = world->framed;
    touch(world, "EV-1", "Charging");
    flush(world);
    assert_int_equal(world->framed - before, 2);
    assert_string_equal(last(world, 0), last(world, 2));
    has(last(world, 3), "\"id\":2,");
}

static void test_subtree(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe below = to(1, KW_TOPIC_STATIONS), beside = to(1, KW_TOPIC_STATIONS);
    below.root = node(world->complex, "A");
    beside.root = node(world->complex, "B");
    subscribe(world, 0, &below);
    subscribe(world, 1, &beside);
    has(last(world, 0), "[\"EV-1\"");
    has(last(world, 1), "\"data\":[]");
    touch(world, "EV-1", "Charging");
    flush(world);
    assert_int_equal(world->readers[1].count, 1);
    /* the station moves: gone here, new there */
    assert_int_equal(put_station(world->complex, "EV-1", "B", 3, 0, 2), KW_OK);
    kw_push_station(world->push, station(world->complex, "EV-1"));
    flush(world);
    has(last(world, 0), "\"data\":[],\"gone\":[\"EV-1\"]");
    has(last(world, 1), "[\"EV-1\"");
    /* the node above the other one moves: nobody marked EV-2 */
    struct kw_node_spec spec = { .id = KW_STR("A1"),
                                 .parent_id = KW_STR("B"),
                                 .kind = KW_STR("feeder"),
                                 .name = KW_STR("A1"),
                                 .limit_ma = NO_LIMIT,
                                 .limit_w = KW_NONE,
                                 .revision = 2 };
    assert_int_equal(kw_complex_put_node(world->complex, &spec), KW_OK);
    kw_push_node(world->push, node(world->complex, "A1"));
    flush(world);
    has(last(world, 0), "\"gone\":[\"EV-2\"]");
    has(last(world, 1), "[\"EV-2\"");
}

static void test_gone(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe all = to(1, KW_TOPIC_STATIONS), one = to(2, KW_TOPIC_STATION),
                             other = to(3, KW_TOPIC_STATION);
    one.station_id = KW_STR("EV-1");
    other.station_id = KW_STR("EV-2");
    subscribe(world, 0, &all);
    subscribe(world, 1, &one);
    subscribe(world, 2, &other);
    has(last(world, 1), "[\"EV-1\"");
    has_not(last(world, 1), "EV-2");
    assert_int_equal(kw_complex_remove_station(world->complex, KW_STR("EV-1")), KW_OK);
    kw_push_gone(world->push, KW_STR("EV-1"), false);
    flush(world);
    has(last(world, 0), "\"gone\":[\"EV-1\"]");
    has(last(world, 1), "\"gone\":[\"EV-1\"]");
    assert_int_equal(world->readers[2].count, 1);
    kw_push_gone(world->push, KW_STR("EV-1"), false); /* not twice */
    flush(world);
    assert_int_equal(world->readers[0].count, 2);
}

static void test_root_gone(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe sub = to(4, KW_TOPIC_STATIONS);
    sub.root = node(world->complex, "B");
    subscribe(world, 0, &sub);
    assert_int_equal(kw_complex_remove_node(world->complex, KW_STR("B")), KW_OK);
    kw_push_gone(world->push, KW_STR("B"), true);
    flush(world);
    assert_string_equal(last(world, 0), "{\"op\":\"error\",\"id\":4,\"code\":\"not-found\"}");
    assert_int_equal(kw_push_unsubscribe(world->readers[0].client, 4), KW_ENOTFOUND); /* it ended */
}

static void test_transactions(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe sub = to(1, KW_TOPIC_TRANSACTIONS);
    charge(world->complex);
    subscribe(world, 0, &sub);
    has(last(world, 0), "[\"EV-1~7\",\"EV-1\",1,\"04A1\",\"Ann \\\"A\\\"\"");
    end_at(world->complex, "EV-1", 1, "7", 1500, T0 + 20000);
    start_at(world->complex, "EV-1", 1, "8", 1500, T0 + 30000);
    kw_push_station(world->push, station(world->complex, "EV-1"));
    flush(world);
    has(last(world, 0), "\"gone\":[\"EV-1~7\"]");
    has(last(world, 0), "[\"EV-1~8\"");
    end_at(world->complex, "EV-1", 1, "8", 1600, T0 + 40000);
    kw_push_station(world->push, station(world->complex, "EV-1"));
    flush(world);
    has(last(world, 0), "\"data\":[],\"gone\":[\"EV-1~8\"]");
}

static void test_resume(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe sub = to(1, KW_TOPIC_STATIONS), again = to(5, KW_TOPIC_STATIONS);
    subscribe(world, 0, &sub);
    int64_t seq = SEQ(last(world, 0));
    flush(world);
    kw_push_client_free(world->readers[0].client); /* its link is lost */
    world->readers[0].client = kw_push_client_new(world->push, &world->readers[0]);
    forget(&world->readers[0]);
    for (int i = 0; i < 3; i++) {
        touch(world, "EV-1", i % 2 ? "Charging" : "Preparing");
        flush(world);
    }
    again.since_epoch = kw_str_of(kw_push_epoch(world->push));
    again.since_seq = seq + 1;
    subscribe(world, 0, &again);
    assert_int_equal(world->readers[0].count, 3);
    has(world->readers[0].frames[0], "{\"op\":\"resumed\",\"id\":5,\"seq\":");
    assert_int_equal(SEQ(world->readers[0].frames[0]), seq + 1);
    assert_int_equal(SEQ(world->readers[0].frames[1]), seq + 2);
    assert_int_equal(SEQ(world->readers[0].frames[2]), seq + 3);
    again.id = 6; /* a number that never was, and another epoch: a snapshot */
    again.since_seq = seq + 50;
    subscribe(world, 0, &again);
    has(last(world, 0), "\"op\":\"snapshot\",\"id\":6");
    again.id = 7;
    again.since_seq = seq;
    again.since_epoch = KW_STR("0123");
    subscribe(world, 0, &again);
    has(last(world, 0), "\"op\":\"snapshot\",\"id\":7");
}

static void test_ring_is_bounded(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe sub = to(1, KW_TOPIC_STATIONS), again = to(2, KW_TOPIC_STATIONS);
    subscribe(world, 0, &sub);
    int64_t seq = SEQ(last(world, 0));
    for (int i = 0; i < 300; i++) {
        touch(world, "EV-1", i % 2 ? "Charging" : "Preparing");
        flush(world);
    }
    again.since_epoch = kw_str_of(kw_push_epoch(world->push));
    again.since_seq = seq + 10; /* older than 256 deltas */
    subscribe(world, 1, &again);
    has(last(world, 1), "\"op\":\"snapshot\"");
    forget(&world->readers[1]);
    again.id = 3;
    again.since_seq = seq + 300 - 255;
    subscribe(world, 1, &again);
    assert_int_equal(world->readers[1].count, 256); /* resumed and 255 deltas */
    assert_int_equal(SEQ(last(world, 1)), seq + 300);
}

/* A view outlives its last subscriber by a minute; a later one never reuses its numbers. */
static void test_view_lingers(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe sub = to(1, KW_TOPIC_STATIONS);
    subscribe(world, 0, &sub);
    touch(world, "EV-1", "Charging");
    flush(world);
    int64_t seq = SEQ(last(world, 0));
    assert_int_equal(kw_push_unsubscribe(world->readers[0].client, 1), KW_OK);
    world->now_ms += KW_PUSH_LINGER_MS + 1000;
    flush(world);
    flush(world);
    sub.since_epoch = kw_str_of(kw_push_epoch(world->push));
    sub.since_seq = seq;
    subscribe(world, 0, &sub);
    has(last(world, 0), "\"op\":\"snapshot\"");
    assert_true(SEQ(last(world, 0)) > seq);
}

static void test_slow_reader(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe rows = to(1, KW_TOPIC_STATIONS), alerts = to(2, KW_TOPIC_ALERTS);
    subscribe(world, 0, &rows);
    subscribe(world, 0, &alerts);
    subscribe(world, 1, &rows);
    forget(&world->readers[0]);
    world->readers[0].answer = KW_EFULL;
    touch(world, "EV-1", "Charging");
    flush(world);
    touch(world, "EV-2", "Charging");
    kw_push_document(world->push, KW_TOPIC_ALERTS, KW_STR(""), KW_STR("{\"n\":1}"));
    flush(world);
    assert_int_equal(world->readers[0].count, 0);
    assert_int_equal(world->readers[1].count, 3); /* the neighbour notices nothing */
    world->readers[0].answer = KW_OK;
    touch(world, "EV-2", "Faulted");
    flush(world);
    assert_int_equal(world->readers[0].count, 0); /* not before it has drained */
    kw_push_client_drained(world->readers[0].client);
    assert_int_equal(world->readers[0].count, 2);
    has(world->readers[0].frames[0], "\"op\":\"snapshot\",\"id\":1");
    has(world->readers[0].frames[0], "\"faulted\"");
    has(world->readers[0].frames[1], "\"op\":\"delta\",\"id\":2"); /* events are not lost */
    has(world->readers[0].frames[1], "{\"n\":1}");
    touch(world, "EV-2", "Available");
    flush(world);
    assert_int_equal(world->readers[0].count, 3);
    assert_int_equal(SEQ(last(world, 0)), SEQ(world->readers[0].frames[0]) + 1);
}

static void test_closed_reader(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe sub = to(1, KW_TOPIC_STATIONS);
    subscribe(world, 0, &sub);
    world->readers[0].answer = KW_ECLOSED;
    touch(world, "EV-1", "Charging");
    flush(world);
    world->readers[0].answer = KW_OK;
    touch(world, "EV-1", "Faulted");
    flush(world);
    kw_push_client_drained(world->readers[0].client);
    assert_int_equal(world->readers[0].count, 1);
}

static void test_pause(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe sub = to(1, KW_TOPIC_STATIONS);
    subscribe(world, 0, &sub);
    kw_push_client_pause(world->readers[0].client);
    touch(world, "EV-1", "Charging");
    flush(world);
    assert_int_equal(world->readers[0].count, 1);
    kw_push_client_resume(world->readers[0].client);
    assert_int_equal(world->readers[0].count, 2);
    has(last(world, 0), "\"op\":\"snapshot\"");
    has(last(world, 0), "\"charging\"");
    kw_push_client_resume(world->readers[0].client); /* was not paused */
    assert_int_equal(world->readers[0].count, 2);
}

static void test_documents(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe complex = to(1, KW_TOPIC_COMPLEX), feed = to(2, KW_TOPIC_FEED),
                             mine = to(3, KW_TOPIC_COMMANDS), theirs = to(3, KW_TOPIC_COMMANDS);
    mine.owner = KW_STR("ann");
    theirs.owner = KW_STR("bob");
    subscribe(world, 0, &complex);
    has(last(world, 0), "\"data\":{\"power_w\":0}}");
    subscribe(world, 0, &feed);
    has(last(world, 0), "\"data\":null}"); /* the owner had nothing to say: still JSON */
    subscribe(world, 0, &mine);
    has(last(world, 0), "\"data\":[]}");
    subscribe(world, 1, &theirs);
    forget(&world->readers[0]);
    world->power = 42;
    kw_push_complex(world->push);
    kw_push_document(world->push, KW_TOPIC_COMMANDS, KW_STR("ann"), KW_STR("{\"a\":1}"));
    kw_push_document(world->push, KW_TOPIC_COMMANDS, KW_STR("ann"), KW_STR("{\"a\":2}"));
    flush(world);
    assert_int_equal(world->readers[0].count, 2);
    assert_int_equal(world->readers[1].count, 1); /* a command is its owner's business */
    for (int i = 0; i < 2; i++) {
        const char *text = world->readers[0].frames[i];
        if (strstr(text, "\"id\":1") != NULL)
            has(text, "\"data\":{\"power_w\":42}}");
        else
            has(text, "\"data\":[{\"a\":1},{\"a\":2}]}");
    }
}

/* More events in one flush than a message holds: the view starts anew, and it does not stop working. */
static void test_too_many_events(void **state)
{
    struct world *world = *state;
    struct kw_push_subscribe sub = to(1, KW_TOPIC_ALERTS);
    char *json = kw_alloc(600001);
    memset(json, ' ', 600000);
    json[0] = '1';
    subscribe(world, 0, &sub);
    kw_push_document(world->push, KW_TOPIC_ALERTS, KW_STR(""), kw_str_n(json, 600000));
    kw_push_document(world->push, KW_TOPIC_ALERTS, KW_STR(""), kw_str_n(json, 600000));
    kw_free(json);
    flush(world);
    has(last(world, 0), "\"op\":\"snapshot\"");
    assert_false(kw_push_pending(world->push));
    kw_push_document(world->push, KW_TOPIC_ALERTS, KW_STR(""), KW_STR("7"));
    flush(world);
    has(last(world, 0), "\"data\":[7]");
}

static void test_limits(void **state)
{
    struct world *world = *state;
    struct kw_push_client *client = world->readers[0].client;
    struct kw_push_subscribe sub = to(0, KW_TOPIC_STATIONS);
    assert_int_equal(kw_push_subscribe(client, &sub), KW_EINVALID);
    sub.id = KW_PUSH_ID_MAX + 1;
    assert_int_equal(kw_push_subscribe(client, &sub), KW_EINVALID);
    sub = to(1, KW_TOPIC_STATION);
    assert_int_equal(kw_push_subscribe(client, &sub), KW_EINVALID);
    sub = to(1, KW_TOPIC_COMMANDS);
    assert_int_equal(kw_push_subscribe(client, &sub), KW_EINVALID);
    for (int64_t id = 1; id <= KW_PUSH_SUBSCRIPTIONS; id++) {
        sub = to(id, KW_TOPIC_FEED);
        assert_int_equal(kw_push_subscribe(client, &sub), KW_OK);
        assert_int_equal(kw_push_subscribe(client, &sub), KW_EEXISTS);
    }
    sub.id = 99;
    assert_int_equal(kw_push_subscribe(client, &sub), KW_EFULL);
    enum kw_topic topic;
    for (int i = 0; i < KW_TOPIC_COUNT; i++) {
        assert_int_equal(kw_topic_of(kw_str_of(kw_topic_name((enum kw_topic)i)), &topic), KW_OK);
        assert_int_equal(topic, i);
    }
    assert_int_equal(kw_topic_of(KW_STR("station "), &topic), KW_ENOTFOUND);
}

static void test_many_views(void **state)
{
    struct world *world = *state;
    struct kw_push_client *clients[KW_PUSH_VIEWS / KW_PUSH_SUBSCRIPTIONS + 1];
    static char names[KW_PUSH_VIEWS + 1][16];
    size_t made = 0;
    world->readers[0].answer = KW_ECLOSED;
    for (size_t c = 0; c < KW_COUNT_OF(clients); c++) {
        clients[c] = kw_push_client_new(world->push, &world->readers[0]);
        for (int64_t id = 1; id <= KW_PUSH_SUBSCRIPTIONS && made <= KW_PUSH_VIEWS; id++, made++) {
            struct kw_push_subscribe sub = to(id, KW_TOPIC_COMMANDS);
            (void)snprintf(names[made], sizeof names[made], "owner-%zu", made);
            sub.owner = kw_str_of(names[made]);
            assert_int_equal(kw_push_subscribe(clients[c], &sub),
                             made < KW_PUSH_VIEWS ? KW_OK : KW_EBUSY);
        }
    }
    kw_push_client_free(clients[0]); /* its views are idle: the next one takes the place */
    clients[0] = kw_push_client_new(world->push, &world->readers[0]);
    struct kw_push_subscribe sub = to(1, KW_TOPIC_COMMANDS);
    sub.owner = KW_STR("one more");
    assert_int_equal(kw_push_subscribe(clients[0], &sub), KW_OK);
    for (size_t c = 0; c < KW_COUNT_OF(clients); c++)
        kw_push_client_free(clients[c]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { WORLD_TEST(test_snapshot_then_deltas),
                                        WORLD_TEST(test_framed_once),
                                        WORLD_TEST(test_subtree),
                                        WORLD_TEST(test_gone),
                                        WORLD_TEST(test_root_gone),
                                        WORLD_TEST(test_transactions),
                                        WORLD_TEST(test_resume),
                                        WORLD_TEST(test_ring_is_bounded),
                                        WORLD_TEST(test_view_lingers),
                                        WORLD_TEST(test_slow_reader),
                                        WORLD_TEST(test_closed_reader),
                                        WORLD_TEST(test_pause),
                                        WORLD_TEST(test_documents),
                                        WORLD_TEST(test_too_many_events),
                                        WORLD_TEST(test_limits),
                                        WORLD_TEST(test_many_views) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
