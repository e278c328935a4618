/* writer_test.c - The event writer against a real Redis: the script's effects, order, repetition, loss. */
#include "unit/feed/redis_fixture.h"

#include "feed/writer.h"

struct author {
    struct rig *rig;
    struct kw_event_writer *writer;
    uint64_t confirmed, wanted;
    bool ordered, up, close_on_confirm;
    unsigned links;
};

static void on_confirmed(uint64_t sequence, void *arg)
{
    struct author *author = arg;
    author->ordered = author->ordered && sequence > author->confirmed;
    author->confirmed = sequence;
    if (author->close_on_confirm) {
        kw_event_writer_close(author->writer);
        author->writer = NULL;
    }
}

static void on_link(bool up, void *arg)
{
    struct author *author = arg;
    author->up = up;
    author->links++;
}

static void start_keeping(struct author *author, struct rig *rig, int64_t keep_ms)
{
    char error[200];
    struct kw_event_writer_options options = { .redis_url = rig->url,
                                               .prefix = "kw:1:",
                                               .source = "gw-1",
                                               .keep_ms = keep_ms,
                                               .metrics = rig->metrics };
    memset(author, 0, sizeof *author);
    author->rig = rig;
    author->ordered = true;
    assert_int_equal(kw_event_writer_new(rig->loop, &options, on_confirmed, on_link, author,
                                         &author->writer, error, sizeof error),
                     KW_OK);
}

static void start(struct author *author, struct rig *rig)
{
    start_keeping(author, rig, 50);
}

static void put(struct author *author, uint64_t sequence, const char *json)
{
    kw_event_writer_put(author->writer, sequence, kw_str_of(json));
}

static bool confirmed(void *arg)
{
    struct author *author = arg;
    return author->confirmed >= author->wanted;
}

static bool await(struct author *author, uint64_t sequence)
{
    author->wanted = sequence;
    return run_until(author->rig->loop, confirmed, author, 20000);
}

static void test_effects(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct author author;
    start(&author, rig);
    put(&author, 1,
        "{\"stream\":\"ev\",\"k\":\"a\",\"f\":{\"type\":\"tx.started\",\"cs\":\"EV-1\",\"evse\":1,\"con\":1,"
        "\"tx\":7,\"ts\":1700000000000,\"rts\":1700000000001},\"d\":\"{\\\"meterStartWh\\\":5}\","
        "\"set\":[[\"conn:EV-1:1:1\",\"statusTs\",1700000000000,{\"status\":\"Charging\","
        "\"statusTs\":1700000000000,\"powerW\":7400.5}]],\"add\":[[\"stations\",\"EV-1\"]],"
        "\"zadd\":[[\"tx:active\",\"EV-1|7\",1700000000000]]}");
    assert_true(await(&author, 1));
    assert_int_equal(ask(rig, "XLEN kw:1:ev"), 1);
    assert_string_equal(text_of(rig, "GET kw:1:n:ev"), "1");
    assert_string_equal(text_of(rig, "HGET kw:1:conn:EV-1:1:1 status"), "Charging");
    assert_string_equal(text_of(rig, "HGET kw:1:conn:EV-1:1:1 powerW"), "7400.5");
    assert_string_equal(text_of(rig, "HGET kw:1:conn:EV-1:1:1 statusTs"), "1700000000000");
    assert_int_equal(ask(rig, "SISMEMBER kw:1:stations EV-1"), 1);
    assert_string_equal(text_of(rig, "ZSCORE kw:1:tx:active EV-1|7"), "1700000000000");
    assert_true(ask(rig, "TTL kw:1:dd:86f7e437faa5a7fce15d1ddcb9eaeaea377667b8") > 600000);
    redisReply *reply = redisCommand(rig->client, "XRANGE kw:1:ev - +");
    redisReply *fields = reply->element[0]->element[1];
    char all[600] = "";
    for (size_t i = 0; i < fields->elements; i++) {
        (void)strncat(all, fields->element[i]->str, sizeof all - strlen(all) - 2);
        (void)strncat(all, " ", sizeof all - strlen(all) - 1);
    }
    assert_string_equal(all, "v 1 n 1 src gw-1 type tx.started cs EV-1 evse 1 con 1 tx 7 ts "
                             "1700000000000 rts 1700000000001 k a d {\"meterStartWh\":5} ");
    freeReplyObject(reply);
    put(&author,
        2, /* its end: the hash is emptied of it, the set too; only if it is still that one */
        "{\"stream\":\"ev\",\"k\":\"b\",\"f\":{\"type\":\"tx.ended\",\"cs\":\"EV-1\"},\"d\":\"{}\","
        "\"del\":[[\"conn:EV-1:1:1\",[\"powerW\"]],[\"conn:EV-1:1:1\",[\"status\"],\"status\",\"Other\"]],"
        "\"zrem\":[[\"tx:active\",\"EV-1|7\"]],\"expire\":[[\"conn:EV-1:1:1\",100]]}");
    assert_true(await(&author, 2));
    assert_int_equal(ask(rig, "HEXISTS kw:1:conn:EV-1:1:1 powerW"), 0);
    assert_int_equal(ask(rig, "HEXISTS kw:1:conn:EV-1:1:1 status"), 1);
    assert_int_equal(ask(rig, "EXISTS kw:1:tx:active"), 0);
    assert_int_equal(ask(rig, "TTL kw:1:conn:EV-1:1:1"), 100);
    kw_event_writer_close(author.writer);
}

static void put_status(struct author *author, uint64_t sequence, const char *key, long long at_ms,
                       const char *status)
{
    char json[400];
    (void)snprintf(
        json, sizeof json,
        "{\"stream\":\"ev\",\"k\":\"%s\",\"f\":{\"type\":\"connector.status\"},\"d\":\"{}\","
        "\"set\":[[\"conn:X:1:1\",\"statusTs\",%lld,{\"status\":\"%s\",\"statusTs\":%lld}]]}",
        key, at_ms, status, at_ms);
    put(author, sequence, json);
}

static void test_guard_and_repetition(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct author author;
    start(&author, rig);
    put_status(&author, 1, "one", 2000, "Charging");
    put_status(&author, 2, "late", 1000, "Preparing"); /* older: history only */
    put_status(&author, 3, "one", 2000, "Charging");   /* the same again */
    assert_true(await(&author, 3));
    assert_int_equal(ask(rig, "XLEN kw:1:ev"), 2);
    assert_string_equal(text_of(rig, "HGET kw:1:conn:X:1:1 status"), "Charging");
    assert_int_equal(rig_metric(rig, "kw_writer_events_total"), 2);
    assert_int_equal(rig_metric(rig, "kw_writer_repeated_total"), 1);
    assert_int_equal(kw_event_writer_waiting(author.writer), 0);
    kw_event_writer_close(author.writer);
}

static void put_numbered(struct author *author, int from, int to)
{
    char json[200];
    for (int i = from; i <= to; i++) {
        (void)snprintf(
            json, sizeof json,
            "{\"stream\":\"ev\",\"k\":\"key-%d\",\"f\":{\"type\":\"t\",\"mid\":\"%d\"},\"d\":\"{}\"}",
            i, i);
        put(author, (uint64_t)i, json);
    }
}

/* mid must rise with n, without holes. */
static void assert_order(struct rig *rig, int count)
{
    redisReply *reply = redisCommand(rig->client, "XRANGE kw:1:ev - +");
    assert_int_equal(reply->elements, count);
    for (int i = 0; i < count; i++) {
        redisReply *fields = reply->element[i]->element[1];
        char n[16];
        (void)snprintf(n, sizeof n, "%d", i + 1);
        assert_string_equal(fields->element[3]->str, n);
        for (size_t j = 0; j < fields->elements; j += 2) {
            if (strcmp(fields->element[j]->str, "mid") == 0)
                assert_string_equal(fields->element[j + 1]->str, n);
        }
    }
    freeReplyObject(reply);
}

static void test_order_over_losses(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct author author;
    start(&author, rig);
    put_numbered(&author, 1, 1500);
    run_for(rig->loop, 20);
    (void)ask(rig, "CLIENT KILL TYPE normal SKIPME yes"); /* in the middle of them */
    put_numbered(&author, 1501, 2000);
    assert_true(await(&author, 2000));
    (void)ask(rig, "SCRIPT FLUSH"); /* NOSCRIPT: loaded again, nothing lost */
    put_numbered(&author, 2001, 3000);
    assert_true(await(&author, 3000));
    assert_true(author.ordered);
    assert_order(rig, 3000);
    assert_true(author.links >= 3);
    kw_event_writer_close(author.writer);
}

static void test_redis_away_and_back(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct author author;
    rig_server_down(rig);
    start(&author, rig);
    put_numbered(&author, 1, 100);
    run_for(rig->loop, 400);
    assert_int_equal(author.confirmed, 0);
    assert_int_equal(kw_event_writer_waiting(author.writer), 100);
    assert_int_equal(rig_metric(rig, "kw_writer_backlog"), 100);
    rig_server_up(rig);
    assert_true(await(&author, 100));
    assert_order(rig, 100);
    kw_event_writer_close(author.writer);
}

static bool all_taken(void *arg)
{
    return kw_event_writer_waiting(((struct author *)arg)->writer) == 0;
}

/* Redis took them, died, and came back without them: they were kept, so they are written again. */
static void test_redis_forgot(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct author author;
    start_keeping(&author, rig, 4000);
    put_numbered(&author, 1, 50);
    assert_true(run_until(rig->loop, all_taken, &author, 5000));
    assert_int_equal(author.confirmed, 0);                /* taken is not yet confirmed */
    (void)ask(rig, "CLIENT KILL TYPE normal SKIPME yes"); /* it forgets nothing: no repetition */
    put_numbered(&author, 51, 60);
    run_for(rig->loop, 700);
    assert_true(run_until(rig->loop, all_taken, &author, 5000));
    assert_order(rig, 60);
    rig_server_down(rig);
    rig_server_up(rig);
    assert_true(await(&author, 60));
    assert_order(rig, 60);
    kw_event_writer_close(author.writer);
}

static void test_cannot_write_now(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct author author;
    start(&author, rig);
    put_numbered(&author, 1, 1);
    assert_true(await(&author, 1));
    (void)ask(rig, "CONFIG SET maxmemory 1");
    int64_t before = rig_metric(rig, "kw_redis_commands_total");
    put_numbered(&author, 2, 3);
    run_for(rig->loop, 800);
    assert_int_equal(author.confirmed, 1); /* not passed over: it waits */
    assert_true(rig_metric(rig, "kw_redis_commands_total") - before < 20); /* and does not spin */
    (void)ask(rig, "CONFIG SET maxmemory 0");
    assert_true(await(&author, 3));
    assert_order(rig, 3);
    assert_int_equal(rig_metric(rig, "kw_writer_refused_total"), 0);
    (void)ask(rig, "REPLICAOF 127.0.0.1 1"); /* READONLY */
    put_numbered(&author, 4, 4);
    run_for(rig->loop, 300);
    assert_int_equal(author.confirmed, 3);
    (void)ask(rig, "REPLICAOF NO ONE");
    assert_true(await(&author, 4));
    kw_event_writer_close(author.writer);
}

static void test_refused_event_is_passed_over(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct author author;
    start(&author, rig);
    put(&author, 1, "{not json");
    put(&author, 2,
        "{\"stream\":\"ev\",\"k\":\"x\",\"f\":{\"type\":\"t\",\"mid\":\"1\"},\"d\":\"{}\"}");
    assert_true(await(&author, 2));
    assert_int_equal(rig_metric(rig, "kw_writer_refused_total"), 1);
    assert_order(rig, 1);
    kw_event_writer_close(author.writer);
}

static void test_shared_sequence(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct author author;
    start(&author, rig);
    put(&author, 5, "{\"stream\":\"ev\",\"f\":{\"type\":\"a\"},\"d\":\"{}\"}");
    put(&author, 5, "{\"stream\":\"mv\",\"f\":{\"type\":\"b\"},\"d\":\"{}\"}");
    put(&author, 6, "{\"stream\":\"ev\",\"f\":{\"type\":\"c\"},\"d\":\"{}\"}");
    assert_true(await(&author, 6));
    assert_true(author.ordered); /* 5 once, after both */
    assert_int_equal(ask(rig, "XLEN kw:1:mv"), 1);
    kw_event_writer_close(author.writer);
}

static void test_close_inside_confirmation(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct author author;
    start(&author, rig);
    author.close_on_confirm = true;
    put_numbered(&author, 1, 10);
    assert_true(await(&author, 1));
    run_for(rig->loop, 50);
    assert_int_equal(author.confirmed, 1);
    start(&author, rig); /* and with nothing behind the one */
    author.close_on_confirm = true;
    put_numbered(&author, 11, 11);
    assert_true(await(&author, 11));
    start(&author, rig); /* and before it is connected, with a backlog */
    put_numbered(&author, 12, 20);
    kw_event_writer_close(author.writer);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = { TEST(test_effects),
                                        TEST(test_guard_and_repetition),
                                        TEST(test_order_over_losses),
                                        TEST(test_redis_away_and_back),
                                        TEST(test_redis_forgot),
                                        TEST(test_cannot_write_now),
                                        TEST(test_refused_event_is_passed_over),
                                        TEST(test_shared_sequence),
                                        TEST(test_close_inside_confirmation) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
