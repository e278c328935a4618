/* reader_test.c - Recovery of the reader against a real Redis: what is in the streams arrives once, whatever
 * happens; what is missing is said. */
#include "unit/feed/redis_fixture.h"

#include "feed/reader.h"

#define SEEN_MAX 256

struct watch {
    struct rig *rig;
    struct kw_reader *reader;
    bool hold; /* pages are not given back */
    struct kw_cursor cursor;
    int64_t seen[2][SEEN_MAX];
    unsigned seen_count[2], pages, begins, ends, rows, gaps, bad, wanted, wanted_ends, wanted_bad;
    int64_t gap_expected, gap_got;
    char why[100], bad_text[200], fatal[200], kinds[400];
    enum kw_feed_state state;
    bool told;
};

static void on_event(const struct kw_event *event, void *arg)
{
    struct watch *watch = arg;
    assert_true(watch->seen_count[event->stream] < SEEN_MAX);
    watch->seen[event->stream][watch->seen_count[event->stream]++] = event->n;
}

static void on_page(struct kw_reader *reader, const struct kw_cursor *cursor, void *arg)
{
    struct watch *watch = arg;
    watch->pages++;
    watch->cursor = *cursor;
    if (!watch->hold)
        kw_reader_page_done(reader);
}

static void on_begin(const char *why, void *arg)
{
    struct watch *watch = arg;
    watch->begins++;
    watch->rows = 0;
    watch->kinds[0] = 0;
    (void)snprintf(watch->why, sizeof watch->why, "%s", why);
}

static void on_row(const char *kind, struct kw_str id, int64_t connector, struct kw_str transaction,
                   const struct kw_str *fields, size_t count, void *arg)
{
    struct watch *watch = arg;
    size_t used = strlen(watch->kinds);
    watch->rows++;
    assert_true(count >= 2 && fields[0].len > 0);
    (void)snprintf(watch->kinds + used, sizeof watch->kinds - used, "%s %.*s %lld %.*s;", kind,
                   (int)id.len, id.ptr, connector == KW_NONE ? -1LL : (long long)connector,
                   (int)transaction.len, transaction.ptr);
}

static void on_end(struct kw_reader *reader, const struct kw_cursor *cursor, void *arg)
{
    struct watch *watch = arg;
    watch->ends++;
    watch->cursor = *cursor;
    kw_reader_page_done(reader);
}

static void on_gap(enum kw_stream stream, int64_t expected, int64_t got, void *arg)
{
    struct watch *watch = arg;
    (void)stream;
    watch->gaps++;
    watch->gap_expected = expected;
    watch->gap_got = got;
}

static void on_bad(enum kw_stream stream, struct kw_str id, const char *error, void *arg)
{
    struct watch *watch = arg;
    (void)stream;
    (void)id;
    watch->bad++;
    (void)snprintf(watch->bad_text, sizeof watch->bad_text, "%s", error);
}

static void on_feed_state(enum kw_feed_state state, int64_t lag_ms, int64_t last_ms, void *arg)
{
    struct watch *watch = arg;
    (void)last_ms;
    assert_true(lag_ms >= 0);
    watch->state = state;
    watch->told = true;
}

static void on_fatal(const char *text, void *arg)
{
    struct watch *watch = arg;
    (void)snprintf(watch->fatal, sizeof watch->fatal, "%s", text);
}

static const struct kw_reader_events events = { on_event, on_page, on_begin,      on_row,   on_end,
                                                on_gap,   on_bad,  on_feed_state, on_fatal, NULL };

static void read_from(struct watch *watch, struct rig *rig, const struct kw_cursor *from)
{
    static const struct kw_cursor none;
    char error[200];
    struct kw_reader_options options = {
        .redis_url = rig->url, .prefix = "kw:1:", .metrics = rig->metrics
    };
    memset(watch, 0, sizeof *watch);
    watch->rig = rig;
    assert_int_equal(kw_reader_new(rig->loop, &options, from != NULL ? from : &none, &events, watch,
                                   &watch->reader, error, sizeof error),
                     KW_OK);
}

static void meta(struct rig *rig, const char *epoch)
{
    (void)ask(rig, "HSET kw:1:meta contract kw major 1 minor 0 epoch %s aliveTs %lld", epoch,
              (long long)kw_now_ms());
}

static void add(struct rig *rig, const char *stream, int n)
{
    (void)ask(rig, "XADD kw:1:%s * v 1 n %d type station.status cs EV-1 ts 1700000000000 d {}",
              stream, n);
}

static bool saw(void *arg)
{
    struct watch *watch = arg;
    return watch->seen_count[0] + watch->seen_count[1] >= watch->wanted &&
           watch->ends >= watch->wanted_ends && watch->bad >= watch->wanted_bad;
}

static bool await(struct watch *watch, unsigned events_seen, unsigned ends)
{
    watch->wanted = events_seen;
    watch->wanted_ends = ends;
    return run_until(watch->rig->loop, saw, watch, 20000);
}

static void assert_seen(const struct watch *watch, int stream, int from, int to)
{
    assert_int_equal(watch->seen_count[stream], to - from + 1);
    for (int n = from; n <= to; n++)
        assert_int_equal(watch->seen[stream][n - from], n);
}

static void test_start(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    read_from(&watch, rig, NULL);
    run_for(rig->loop, 300);
    assert_int_equal(watch.begins, 0); /* nobody has written the contract yet */
    (void)ask(rig, "SADD kw:1:stations EV-1 EV-2");
    (void)ask(rig, "SADD kw:1:nodes hall");
    (void)ask(rig, "HSET kw:1:station:EV-1 connected 1");
    (void)ask(rig, "HSET kw:1:node:hall name Hall");
    (void)ask(rig, "HSET kw:1:conn:EV-1:2:1 status Charging");
    (void)ask(rig, "ZADD kw:1:tx:active 5 EV-1|77");
    (void)ask(rig, "HSET kw:1:tx:EV-1:77 idToken A");
    for (int n = 1; n <= 3; n++)
        add(rig, "ev", n);
    add(rig, "mv", 1);
    meta(rig, "e1");
    assert_true(await(&watch, 4, 1));
    assert_int_equal(watch.begins, 1);
    assert_int_equal(watch.rows, 4); /* EV-2 has no hash */
    assert_non_null(strstr(watch.kinds, "station EV-1 -1 ;"));
    assert_non_null(strstr(watch.kinds, "node hall -1 ;"));
    assert_non_null(strstr(watch.kinds, "conn EV-1 2 ;"));
    assert_non_null(strstr(watch.kinds, "tx EV-1 -1 77;"));
    assert_seen(&watch, 0, 1, 3); /* history that was there before us is read too */
    assert_seen(&watch, 1, 1, 1);
    assert_int_equal(watch.state, KW_FEED_LIVE);
    assert_string_equal(watch.cursor.epoch, "e1");
    assert_int_equal(watch.cursor.last_n[0], 3);
    assert_int_equal(watch.gaps, 0);
    add(rig, "ev", 4); /* and live ones */
    assert_true(await(&watch, 5, 1));
    assert_int_equal(rig_metric(rig, "kw_feed_entries_total"), 5);
    kw_reader_close(watch.reader);
}

/* The store committed up to n = 2; the service was away while 3 and 4 came. */
static void test_catch_up(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    struct kw_cursor cursor;
    meta(rig, "e1");
    add(rig, "ev", 1);
    add(rig, "ev", 2);
    read_from(&watch, rig, NULL);
    assert_true(await(&watch, 2, 1));
    cursor = watch.cursor;
    kw_reader_close(watch.reader);
    add(rig, "ev", 3);
    add(rig, "ev", 4);
    add(rig, "mv", 1);
    read_from(&watch, rig, &cursor);
    assert_true(await(&watch, 3, 1)); /* the snapshot does not jump over them */
    assert_int_equal(watch.seen_count[0], 2);
    assert_int_equal(watch.seen[0][0], 3);
    assert_int_equal(watch.seen[0][1], 4);
    assert_int_equal(watch.gaps, 0);
    kw_reader_close(watch.reader);
}

static void test_trimmed(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    struct kw_cursor cursor;
    meta(rig, "e1");
    add(rig, "ev", 1);
    read_from(&watch, rig, NULL);
    assert_true(await(&watch, 1, 1));
    cursor = watch.cursor;
    kw_reader_close(watch.reader);
    for (int n = 2; n <= 5; n++)
        add(rig, "ev", n);
    (void)ask(rig, "XTRIM kw:1:ev MAXLEN 2");
    read_from(&watch, rig, &cursor);
    assert_true(await(&watch, 2, 2)); /* the first snapshot, and one because of the gap */
    assert_int_equal(watch.gaps, 1);
    assert_int_equal(watch.gap_expected, 2);
    assert_int_equal(watch.gap_got, 4);
    assert_non_null(strstr(watch.why, "missing"));
    assert_int_equal(watch.seen[0][0], 4);
    assert_int_equal(watch.seen[0][1], 5);
    add(rig, "ev", 6);
    assert_true(await(&watch, 3, 2));
    assert_int_equal(watch.gaps, 1);
    assert_int_equal(rig_metric(rig, "kw_feed_gaps_total"), 1);
    kw_reader_close(watch.reader);
}

static void test_new_epoch(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    meta(rig, "e1");
    for (int n = 1; n <= 4; n++)
        add(rig, "ev", n);
    read_from(&watch, rig, NULL);
    assert_true(await(&watch, 4, 1));
    (void)ask(rig, "FLUSHALL"); /* Redis came back empty; the producer starts anew */
    add(rig, "ev", 1);
    add(rig, "ev", 2);
    meta(rig, "e2");
    assert_true(await(&watch, 6, 2));
    assert_int_equal(watch.seen[0][4], 1); /* nothing of the new data set is skipped */
    assert_int_equal(watch.seen[0][5], 2);
    assert_string_equal(watch.cursor.epoch, "e2");
    assert_int_equal(watch.gaps, 0);
    kw_reader_close(watch.reader);
}

/* Redis with appendfsync everysec died: 50 is gone, and the producer writes it again. */
static void test_redis_lost_the_tail(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    struct kw_cursor cursor = { .epoch = "e1",
                                .last_id = { "9999999999999-0", "" },
                                .last_n = { 50, 0 } };
    meta(rig, "e1");
    add(rig, "ev", 48);
    add(rig, "ev", 49);
    read_from(&watch, rig, &cursor);
    assert_true(await(&watch, 0, 1));
    assert_non_null(strstr(watch.why, "lost data"));
    add(rig, "ev", 50);
    assert_true(await(&watch, 1, 1));
    assert_int_equal(watch.seen[0][0], 50);
    add(rig, "ev", 50); /* the same loss, seen only in the numbers */
    add(rig, "ev", 51);
    assert_true(await(&watch, 3, 2));
    assert_int_equal(watch.seen[0][2], 51);
    assert_int_equal(watch.gaps, 0);
    kw_reader_close(watch.reader);
}

static void test_bad_entries(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    meta(rig, "e1");
    add(rig, "ev", 1);
    (void)ask(rig, "XADD kw:1:ev * v 1 n 2 type tx.started cs EV-1 ts yesterday d {}");
    (void)ask(rig, "XADD kw:1:ev * v 1 type tx.started cs EV-1 ts 5 d {}");
    (void)ask(rig, "XADD kw:1:ev * v 1 n 4 type tx.started cs EV-1 ts 5 d {broken");
    (void)ask(rig, "XADD kw:1:ev * rubbish 1");
    add(rig, "ev", 6);
    read_from(&watch, rig, NULL);
    assert_true(await(&watch, 2, 1));
    assert_int_equal(watch.bad, 4);
    assert_int_equal(watch.gaps, 0); /* they have a place in the numbering */
    assert_int_equal(watch.seen[0][1], 6);
    assert_int_equal(rig_metric(rig, "kw_feed_bad_entries_total"), 4);
    add(rig, "ev", 7);
    (void)ask(rig, "XADD kw:1:ev * v 1 n 9 type tx.started cs EV-1 d {}");
    watch.wanted_bad = 5; /* it is read again behind the snapshot */
    assert_true(await(&watch, 3, 2));
    assert_int_equal(watch.gaps, 1); /* a bad entry does not hide a gap */
    assert_string_equal(watch.bad_text, "field ts: missing");
    kw_reader_close(watch.reader);
}

static void test_many_fields(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    const char *args[300] = { "XADD", "kw:1:ev", "*" };
    int count = 3;
    for (int i = 0; i < 70; i++) {
        args[count++] = "x";
        args[count++] = "y";
    }
    meta(rig, "e1");
    freeReplyObject(redisCommandArgv(rig->client, count, args, NULL));
    add(rig, "ev", 2);
    read_from(&watch, rig, NULL);
    assert_true(await(&watch, 1, 1));
    assert_int_equal(watch.bad, 1);
    assert_string_equal(watch.bad_text, "more than 64 fields");
    kw_reader_close(watch.reader);
}

static void test_back_pressure(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    meta(rig, "e1");
    add(rig, "ev", 1);
    read_from(&watch, rig, NULL);
    watch.hold = true;
    assert_true(await(&watch, 1, 1));
    for (int n = 2; n <= 5; n++)
        add(rig, "ev", n);
    run_for(rig->loop, 300);
    assert_int_equal(watch.seen_count[0], 1);
    assert_int_equal(watch.pages, 1);
    watch.hold = false;
    kw_reader_page_done(watch.reader);
    assert_true(await(&watch, 5, 1));
    kw_reader_close(watch.reader);
}

static bool is_lost(void *arg)
{
    return ((struct watch *)arg)->state == KW_FEED_LOST;
}

static bool is_fatal(void *arg)
{
    return ((struct watch *)arg)->fatal[0] != 0;
}

static bool has_begun(void *arg)
{
    return ((struct watch *)arg)->begins > 0;
}

static void test_link_lost(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    meta(rig, "e1");
    add(rig, "ev", 1);
    read_from(&watch, rig, NULL);
    assert_true(await(&watch, 1, 1));
    (void)ask(rig, "CLIENT KILL TYPE normal SKIPME yes");
    add(rig, "ev", 2);
    assert_true(run_until(rig->loop, is_lost, &watch, 10000));
    add(rig, "ev", 3);
    assert_true(await(&watch, 3, 1));
    run_for(rig->loop, 100);
    assert_seen(&watch, 0, 1, 3); /* none twice, none lost */
    assert_int_equal(watch.state, KW_FEED_LIVE);
    kw_reader_close(watch.reader);
}

static void test_other_major(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    (void)ask(rig, "HSET kw:1:meta contract kw major 2 epoch e1");
    add(rig, "ev", 1);
    read_from(&watch, rig, NULL);
    assert_true(run_until(rig->loop, is_fatal, &watch, 10000));
    run_for(rig->loop, 100);
    assert_non_null(strstr(watch.fatal, "major"));
    assert_int_equal(watch.seen_count[0], 0);
    kw_reader_close(watch.reader);
}

/* An error inside a snapshot must never look like "there are no stations". */
static void test_refused_snapshot(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    meta(rig, "e1");
    (void)ask(rig, "SET kw:1:stations oops");
    read_from(&watch, rig, NULL);
    assert_true(run_until(rig->loop, has_begun, &watch, 10000));
    run_for(rig->loop, 300);
    assert_int_equal(watch.ends, 0);
    (void)ask(rig, "DEL kw:1:stations");
    assert_true(await(&watch, 0, 1));
    kw_reader_close(watch.reader);
}

static bool is_stale(void *arg)
{
    struct watch *watch = arg;
    return watch->told && watch->state == KW_FEED_STALE;
}

static void test_dead_producer(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct watch watch;
    (void)ask(rig, "HSET kw:1:meta major 1 epoch e1 aliveTs %lld", (long long)kw_now_ms() - 60000);
    read_from(&watch, rig, NULL);
    assert_true(await(&watch, 0, 1));
    assert_true(run_until(rig->loop, is_stale, &watch, 5000));
    kw_reader_close(watch.reader);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = { TEST(test_start),
                                        TEST(test_catch_up),
                                        TEST(test_trimmed),
                                        TEST(test_new_epoch),
                                        TEST(test_redis_lost_the_tail),
                                        TEST(test_bad_entries),
                                        TEST(test_many_fields),
                                        TEST(test_back_pressure),
                                        TEST(test_link_lost),
                                        TEST(test_other_major),
                                        TEST(test_refused_snapshot),
                                        TEST(test_dead_producer) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
