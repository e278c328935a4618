/* reader.c - The recovery order of complex-contract.md 6 as a small machine.
 *
 * begin -> meta -> positions -> (snapshot) -> follow. Any loss of a link goes back to begin; the cursor in
 * memory is always that of the last page handed out. Each answer carries the attempt it belongs to, so
 * that answers of an abandoned attempt are ignored.
 *
 * A snapshot fills the live model and moves no cursor: what was written to the streams while we were
 * away (a transaction that ended) stands in no hash that a snapshot reads. The streams go on from the
 * stored cursor, and whoever takes an event twice or late is asked to bear it. */
#include "feed/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define KW_PAGE_ENTRIES 500
#define KW_BLOCK_MS 1000
#define KW_READ_TIMEOUT_MS 6000
#define KW_ALIVE_POLL_MS 2000
#define KW_STALE_AFTER_MS 15000
#define KW_RETRY_MS 500
#define KW_SCAN_COUNT "2000"

struct kw_reader {
    struct kw_loop *loop;
    struct kw_redis *control, *block;
    struct kw_timer *retry, *alive;
    struct kw_decoder *decoder;
    const struct kw_reader_events *events;
    void *arg;
    char prefix[64];
    unsigned page_entries;
    int64_t stale_after_ms, lag_ms, last_event_ms, alive_ms;
    struct kw_cursor cursor;
    char position[2][40]; /* last-generated-id when the snapshot began */
    unsigned attempt;     /* answers of older attempts are ignored */
    unsigned waiting;     /* snapshot requests under way */
    unsigned references;  /* commands that still point here */
    bool need_snapshot, following, closed, fatal;
    bool page_out; /* the owner has a page or a snapshot and has not said done */
    char why[80];
    struct kw_metric *entries, *bad, *gaps, *snapshots;
};

struct ask {
    struct kw_reader *reader;
    unsigned attempt;
    void (*on_reply)(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask);
    const char *kind;
    int64_t connector;
    char id[KW_STATION_ID_BYTES + 1], transaction[KW_TX_BYTES];
};

static void begin(struct kw_reader *reader);
static void follow(struct kw_reader *reader);

static void release(struct kw_reader *reader)
{
    if (!reader->closed || reader->references > 0)
        return;
    kw_decoder_free(reader->decoder);
    kw_free(reader);
}

static void retry_later(struct kw_reader *reader)
{
    reader->attempt++;
    reader->following = false;
    kw_timer_start(reader->retry, KW_RETRY_MS, 0);
}

static void answered(kw_err err, const struct kw_reply *reply, void *arg)
{
    struct ask *ask = arg;
    struct kw_reader *reader = ask->reader;
    reader->references--;
    if (!reader->closed && ask->attempt == reader->attempt) {
        if (err != KW_OK)
            retry_later(reader);
        else
            ask->on_reply(reader, reply, ask);
    }
    kw_free(ask);
    release(reader);
}

static struct ask *new_ask(struct kw_reader *reader,
                           void (*on_reply)(struct kw_reader *, const struct kw_reply *,
                                            const struct ask *))
{
    struct ask *ask = kw_zalloc(sizeof *ask);
    ask->reader = reader;
    ask->attempt = reader->attempt;
    ask->on_reply = on_reply;
    return ask;
}

static void send(struct kw_reader *reader, struct kw_redis *link, const struct kw_str *args,
                 size_t count, struct ask *ask)
{
    reader->references++;
    if (kw_redis_command_within(link, args, count, KW_READ_TIMEOUT_MS, answered, ask) == KW_OK)
        return;
    reader->references--;
    kw_free(ask);
    retry_later(reader);
}

static struct kw_str key_of(const struct kw_reader *reader, const char *rest, char *out,
                            size_t size)
{
    int length = snprintf(out, size, "%s%s", reader->prefix, rest);
    return kw_str_n(out, (size_t)length);
}

static struct kw_str field_of(const struct kw_reply *hash, const char *name)
{
    for (size_t i = 0; i + 1 < hash->count; i += 2) {
        if (kw_str_eqc(hash->items[i]->text, name))
            return hash->items[i + 1]->text;
    }
    return KW_STR_NONE;
}

/* Stream ids compare as two numbers. */
static int compare_ids(const char *a, const char *b)
{
    unsigned long long a_ms = 0, a_n = 0, b_ms = 0, b_n = 0;
    char *rest;
    a_ms = strtoull(a, &rest, 10);
    a_n = *rest == '-' ? strtoull(rest + 1, NULL, 10) : 0;
    b_ms = strtoull(b, &rest, 10);
    b_n = *rest == '-' ? strtoull(rest + 1, NULL, 10) : 0;
    if (a_ms != b_ms)
        return a_ms < b_ms ? -1 : 1;
    return (a_n > b_n) - (a_n < b_n);
}

/* --- state of the feed --- */

static void tell_state(struct kw_reader *reader)
{
    bool up = kw_redis_up(reader->control) && kw_redis_up(reader->block);
    bool fresh = kw_now_ms() - reader->alive_ms <= reader->stale_after_ms;
    enum kw_feed_state state = !up                          ? KW_FEED_LOST
                               : fresh && reader->following ? KW_FEED_LIVE
                                                            : KW_FEED_STALE;
    if (up && reader->alive_ms == 0)
        state = KW_FEED_LOST;
    reader->events->on_state(state, reader->lag_ms, reader->last_event_ms, reader->arg);
}

static void on_alive(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    int64_t alive = 0;
    (void)ask;
    if (reply->type == KW_REPLY_ARRAY && reply->count == 2 &&
        reply->items[0]->type == KW_REPLY_TEXT &&
        kw_str_to_i64(reply->items[0]->text, &alive) == KW_OK) {
        reader->alive_ms = alive;
        bool other = !kw_str_eqc(reply->items[1]->text, reader->cursor.epoch);
        if (other && reader->following) {
            KW_LOG(KW_LOG_WARN, "feed", "the data set in Redis was rebuilt",
                   KW_LT("epoch", reply->items[1]->text));
            retry_later(reader);
        }
    } else if (reader->following && reply->type == KW_REPLY_ARRAY) {
        reader->alive_ms = 0; /* meta vanished: Redis was emptied */
        retry_later(reader);
    }
    tell_state(reader);
}

static void poll_alive(struct kw_timer *timer, void *arg)
{
    struct kw_reader *reader = arg;
    char key[96];
    (void)timer;
    if (!kw_redis_up(reader->control)) {
        tell_state(reader);
        return;
    }
    struct kw_str args[4] = { KW_STR("HMGET"), key_of(reader, "meta", key, sizeof key),
                              KW_STR("aliveTs"), KW_STR("epoch") };
    send(reader, reader->control, args, 4, new_ask(reader, on_alive));
}

/* --- snapshot --- */

static void snapshot_part_done(struct kw_reader *reader)
{
    if (--reader->waiting > 0)
        return;
    kw_metric_add(reader->snapshots, 1);
    reader->need_snapshot = false;
    reader->following = true;
    reader->page_out = true;
    reader->events->on_snapshot_end(reader, &reader->cursor, reader->arg);
}

static void on_hash(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    if (reply->type == KW_REPLY_ARRAY && reply->count > 0) {
        struct kw_str *fields = kw_alloc(reply->count * sizeof *fields);
        for (size_t i = 0; i < reply->count; i++)
            fields[i] = reply->items[i]->text;
        reader->events->on_snapshot_row(ask->kind, kw_str_of(ask->id), ask->connector,
                                        kw_str_of(ask->transaction), fields, reply->count,
                                        reader->arg);
        kw_free(fields);
    }
    snapshot_part_done(reader);
}

static void ask_hash(struct kw_reader *reader, const char *kind, struct kw_str key,
                     struct kw_str id, int64_t connector, struct kw_str transaction)
{
    struct ask *ask = new_ask(reader, on_hash);
    ask->kind = kind;
    ask->connector = connector;
    if (kw_str_copy(id, ask->id, sizeof ask->id) != KW_OK ||
        kw_str_copy(transaction, ask->transaction, sizeof ask->transaction) != KW_OK) {
        kw_free(ask); /* not an id of the contract */
        return;
    }
    struct kw_str args[2] = { KW_STR("HGETALL"), key };
    reader->waiting++;
    send(reader, reader->control, args, 2, ask);
}

static void on_members(struct kw_reader *reader, const struct kw_reply *reply,
                       const struct ask *ask)
{
    char key[256];
    for (size_t i = 0; reply->type == KW_REPLY_ARRAY && i < reply->count; i++) {
        struct kw_str id = reply->items[i]->text;
        int length = snprintf(key, sizeof key, "%s%s:%.*s", reader->prefix, ask->kind,
                              (int)(id.len < 100 ? id.len : 100), id.ptr);
        ask_hash(reader, ask->kind, kw_str_n(key, (size_t)length), id, KW_NONE, KW_STR(""));
    }
    snapshot_part_done(reader);
}

static void on_active(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    char key[256];
    (void)ask;
    for (size_t i = 0; reply->type == KW_REPLY_ARRAY && i < reply->count; i++) {
        struct kw_str transaction, cs = kw_str_cut(reply->items[i]->text, '|', &transaction);
        int length = snprintf(key, sizeof key, "%stx:%.*s:%.*s", reader->prefix,
                              (int)(cs.len < 60 ? cs.len : 60), cs.ptr,
                              (int)(transaction.len < 60 ? transaction.len : 60), transaction.ptr);
        ask_hash(reader, "tx", kw_str_n(key, (size_t)length), cs, KW_NONE, transaction);
    }
    snapshot_part_done(reader);
}

static void scan(struct kw_reader *reader, struct kw_str at);

static void on_scan(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    (void)ask;
    if (reply->type == KW_REPLY_ARRAY && reply->count == 2) {
        const struct kw_reply *keys = reply->items[1];
        size_t skip = strlen(reader->prefix) + 5; /* "conn:" */
        for (size_t i = 0; i < keys->count; i++) {
            struct kw_str evse, connector, rest, key = keys->items[i]->text;
            int64_t number = 0;
            struct kw_str cs = kw_str_cut(kw_str_n(key.ptr + skip, key.len - skip), ':', &rest);
            evse = kw_str_cut(rest, ':', &connector);
            if (kw_str_to_i64(evse, &number) == KW_OK) /* 1.6: evse is the connector */
                ask_hash(reader, "conn", key, cs, number, KW_STR(""));
        }
        if (!kw_str_eqc(reply->items[0]->text, "0"))
            scan(reader, reply->items[0]->text);
    }
    snapshot_part_done(reader);
}

static void scan(struct kw_reader *reader, struct kw_str at)
{
    char pattern[96];
    struct kw_str args[6] = { KW_STR("SCAN"),  at,
                              KW_STR("MATCH"), key_of(reader, "conn:*", pattern, sizeof pattern),
                              KW_STR("COUNT"), KW_STR(KW_SCAN_COUNT) };
    reader->waiting++;
    send(reader, reader->control, args, 6, new_ask(reader, on_scan));
}

static void members(struct kw_reader *reader, const char *set, const char *kind)
{
    char key[96];
    struct ask *ask = new_ask(reader, on_members);
    ask->kind = kind;
    struct kw_str args[2] = { KW_STR("SMEMBERS"), key_of(reader, set, key, sizeof key) };
    reader->waiting++;
    send(reader, reader->control, args, 2, ask);
}

static void snapshot(struct kw_reader *reader)
{
    char key[96];
    unsigned attempt = reader->attempt;
    KW_LOG(KW_LOG_INFO, "feed", "reading a snapshot", KW_LC("why", reader->why));
    reader->events->on_snapshot_begin(reader->why, reader->arg);
    reader->waiting = 1; /* ours: the last part cannot be done before all were asked */
    members(reader, "stations", "station");
    members(reader, "nodes", "node");
    scan(reader, KW_STR("0"));
    struct kw_str args[4] = { KW_STR("ZRANGE"), key_of(reader, "tx:active", key, sizeof key),
                              KW_STR("0"), KW_STR("-1") };
    reader->waiting++;
    send(reader, reader->control, args, 4, new_ask(reader, on_active));
    if (attempt == reader->attempt)
        snapshot_part_done(reader);
}

/* --- start and recovery --- */

static void want_snapshot(struct kw_reader *reader, const char *why)
{
    reader->need_snapshot = true;
    (void)snprintf(reader->why, sizeof reader->why, "%s", why);
}

static void on_positions(struct kw_reader *reader, const struct kw_reply *reply,
                         const struct ask *ask)
{
    int stream = (int)ask->connector;
    struct kw_str last =
        reply->type == KW_REPLY_ARRAY ? field_of(reply, "last-generated-id") : KW_STR_NONE;
    if (last.ptr == NULL ||
        kw_str_copy(last, reader->position[stream], sizeof reader->position[stream]) != KW_OK)
        (void)snprintf(reader->position[stream], sizeof reader->position[stream],
                       "0-0"); /* no stream yet */
    const char *ours = reader->cursor.last_id[stream];
    if (ours[0] != 0 && compare_ids(reader->position[stream], ours) < 0) {
        want_snapshot(reader, "Redis lost data: its stream ends before our cursor");
        memcpy(reader->cursor.last_id[stream], reader->position[stream],
               sizeof reader->position[stream]);
        reader->cursor.last_n[stream] = 0;
    }
    if (stream == KW_STREAM_EV)
        return;
    if (reader->need_snapshot) {
        snapshot(reader);
    } else {
        reader->following = true;
        follow(reader);
    }
}

static void ask_position(struct kw_reader *reader, enum kw_stream stream)
{
    char key[96];
    struct ask *ask = new_ask(reader, on_positions);
    ask->connector = (int64_t)stream;
    struct kw_str args[3] = { KW_STR("XINFO"), KW_STR("STREAM"),
                              key_of(reader, stream == KW_STREAM_EV ? "ev" : "mv", key,
                                     sizeof key) };
    send(reader, reader->control, args, 3, ask);
}

static void on_meta(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    int64_t major = 0;
    (void)ask;
    struct kw_str epoch = reply->type == KW_REPLY_ARRAY ? field_of(reply, "epoch") : KW_STR_NONE;
    if (epoch.ptr == NULL) { /* the producer has not started yet */
        retry_later(reader);
        return;
    }
    if (kw_str_to_i64(field_of(reply, "major"), &major) != KW_OK || major != 1) {
        reader->fatal = true;
        reader->events->on_fatal(
            "the complex speaks another major version of the contract; this program knows 1",
            reader->arg);
        return;
    }
    if (kw_str_to_i64(field_of(reply, "aliveTs"), &reader->alive_ms) != KW_OK)
        reader->alive_ms = 0;
    if (!kw_str_eqc(epoch, reader->cursor.epoch)) {
        memset(&reader->cursor, 0, sizeof reader->cursor);
        KW_IGNORE(kw_str_copy(epoch, reader->cursor.epoch, sizeof reader->cursor.epoch));
        want_snapshot(reader, "a new data set");
    }
    unsigned attempt = reader->attempt;
    ask_position(reader, KW_STREAM_EV);
    if (attempt == reader->attempt)
        ask_position(reader, KW_STREAM_MV);
}

static void begin(struct kw_reader *reader)
{
    char key[96];
    if (reader->closed || reader->fatal || reader->page_out || !kw_redis_up(reader->control) ||
        !kw_redis_up(reader->block))
        return; /* page_done() and on_link() come here again */
    reader->attempt++;
    reader->following = false;
    struct kw_str args[2] = { KW_STR("HGETALL"), key_of(reader, "meta", key, sizeof key) };
    send(reader, reader->control, args, 2, new_ask(reader, on_meta));
}

/* --- following the streams --- */

/* A jump means that entries are missing. A number that comes again means that Redis lost its last second
 * and the producer wrote it anew: nothing is missing, but the hashes were older for a while. */
static void take_number(struct kw_reader *reader, enum kw_stream stream, int64_t n)
{
    int64_t last = reader->cursor.last_n[stream];
    reader->cursor.last_n[stream] = n;
    if (last == 0 || n == last + 1)
        return;
    if (n <= last) {
        KW_LOG(KW_LOG_WARN, "feed", "Redis lost the end of a stream; it is written again",
               KW_LI("stream", (int64_t)stream), KW_LI("had", last), KW_LI("again_from", n));
        want_snapshot(reader, "the end of a stream was lost and written again");
        return;
    }
    kw_metric_add(reader->gaps, 1);
    reader->events->on_gap(stream, last + 1, n, reader->arg);
    want_snapshot(reader, "events are missing");
}

static void take_entry(struct kw_reader *reader, enum kw_stream stream,
                       const struct kw_reply *entry)
{
    struct kw_str fields[128];
    struct kw_event event;
    const char *error = "not an entry";
    if (entry->type != KW_REPLY_ARRAY || entry->count != 2)
        return;
    struct kw_str id = entry->items[0]->text;
    const struct kw_reply *pairs = entry->items[1];
    size_t count = pairs->count < KW_COUNT_OF(fields) ? pairs->count : KW_COUNT_OF(fields);
    for (size_t i = 0; i < count; i++)
        fields[i] = pairs->items[i]->text;
    KW_IGNORE(
        kw_str_copy(id, reader->cursor.last_id[stream], sizeof reader->cursor.last_id[stream]));
    kw_metric_add(reader->entries, 1);
    if (kw_decode_entry(reader->decoder, stream, id, fields, count, &event, &error) != KW_OK) {
        kw_metric_add(reader->bad, 1);
        if (event.n > 0)
            reader->cursor.last_n[stream] = event.n;
        reader->events->on_bad_entry(stream, id, error, reader->arg);
        return;
    }
    take_number(reader, stream, event.n);
    int64_t lag = kw_now_ms() - event.received_ms;
    reader->lag_ms = lag > 0 ? lag : 0;
    reader->last_event_ms = event.received_ms;
    reader->events->on_event(&event, reader->arg);
}

static void on_read(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    (void)ask;
    if (reply->type == KW_REPLY_ERROR) {
        KW_LOG(KW_LOG_ERROR, "feed", "XREAD refused", KW_LT("error", reply->text));
        retry_later(reader);
        return;
    }
    if (reply->type != KW_REPLY_ARRAY || reply->count == 0) {
        follow(reader); /* nothing came in a second */
        return;
    }
    for (size_t i = 0; i < reply->count; i++) {
        const struct kw_reply *one = reply->items[i];
        if (one->type != KW_REPLY_ARRAY || one->count != 2)
            continue;
        struct kw_str name = one->items[0]->text;
        enum kw_stream stream = name.len > 2 && memcmp(name.ptr + name.len - 2, "mv", 2) == 0
                                    ? KW_STREAM_MV
                                    : KW_STREAM_EV;
        for (size_t j = 0; j < one->items[1]->count; j++)
            take_entry(reader, stream, one->items[1]->items[j]);
    }
    reader->page_out = true;
    reader->events->on_page(reader, &reader->cursor, reader->arg);
}

static void follow(struct kw_reader *reader)
{
    char ev[96], mv[96], count[16];
    if (reader->closed || !reader->following)
        return;
    (void)snprintf(count, sizeof count, "%u", reader->page_entries);
    const char *from_ev = reader->cursor.last_id[0], *from_mv = reader->cursor.last_id[1];
    struct kw_str args[10] = { KW_STR("XREAD"),
                               KW_STR("COUNT"),
                               kw_str_of(count),
                               KW_STR("BLOCK"),
                               KW_STR("1000"),
                               KW_STR("STREAMS"),
                               key_of(reader, "ev", ev, sizeof ev),
                               key_of(reader, "mv", mv, sizeof mv),
                               kw_str_of(from_ev[0] != 0 ? from_ev : "0-0"),
                               kw_str_of(from_mv[0] != 0 ? from_mv : "0-0") };
    send(reader, reader->block, args, 10, new_ask(reader, on_read));
}

void kw_reader_page_done(struct kw_reader *reader)
{
    reader->page_out = false;
    if (reader->closed)
        return;
    if (!reader->following || reader->need_snapshot)
        begin(reader);
    else
        follow(reader);
}

/* --- life --- */

static void on_link(bool up, const char *why, void *arg)
{
    struct kw_reader *reader = arg;
    (void)why;
    if (reader->closed)
        return;
    if (up)
        begin(reader);
    else
        retry_later(reader);
    tell_state(reader);
}

static void on_retry(struct kw_timer *timer, void *arg)
{
    (void)timer;
    begin(arg);
}

kw_err kw_reader_new(struct kw_loop *loop, const struct kw_reader_options *options,
                     const struct kw_cursor *from, const struct kw_reader_events *events, void *arg,
                     struct kw_reader **out, char *error, size_t error_size)
{
    struct kw_reader *reader = kw_zalloc(sizeof *reader);
    struct kw_redis_options redis = { .url = options->redis_url,
                                      .name = "kw-feed",
                                      .metrics = options->metrics };
    reader->loop = loop;
    reader->events = events;
    reader->arg = arg;
    reader->cursor = *from;
    reader->page_entries = options->page_entries > 0 ? options->page_entries : KW_PAGE_ENTRIES;
    reader->stale_after_ms =
        options->stale_after_ms > 0 ? options->stale_after_ms : KW_STALE_AFTER_MS;
    (void)snprintf(reader->prefix, sizeof reader->prefix, "%s", options->prefix);
    want_snapshot(reader, "start: the live model is empty");
    reader->entries =
        kw_metrics_counter(options->metrics, "kw_feed_entries_total", "", "Stream entries read.");
    reader->bad = kw_metrics_counter(options->metrics, "kw_feed_bad_entries_total", "",
                                     "Stream entries refused.");
    reader->gaps = kw_metrics_counter(options->metrics, "kw_feed_gaps_total", "",
                                      "Gaps in the numbers of a stream.");
    reader->snapshots =
        kw_metrics_counter(options->metrics, "kw_feed_snapshots_total", "", "Full snapshots read.");
    kw_err err = kw_redis_new(loop, &redis, on_link, reader, &reader->control, error, error_size);
    if (err == KW_OK)
        err = kw_redis_new(loop, &redis, on_link, reader, &reader->block, error, error_size);
    if (err != KW_OK) {
        if (reader->control != NULL)
            kw_redis_close(reader->control);
        kw_free(reader);
        return err;
    }
    reader->decoder = kw_decoder_new();
    reader->retry = kw_timer_new(loop, on_retry, reader);
    reader->alive = kw_timer_new(loop, poll_alive, reader);
    kw_timer_start(reader->alive, KW_ALIVE_POLL_MS, KW_ALIVE_POLL_MS);
    *out = reader;
    return KW_OK;
}

void kw_reader_close(struct kw_reader *reader)
{
    reader->closed = true;
    reader->references++;
    kw_timer_close(reader->retry);
    kw_timer_close(reader->alive);
    kw_redis_close(reader->control);
    kw_redis_close(reader->block);
    reader->references--;
    release(reader);
}
