/* reader.c - The recovery order of complex-contract.md 6 as a small machine.
 *
 * begin -> meta -> positions -> (snapshot) -> follow. Any loss of a link goes back to begin; the cursor in
 * memory is always that of the last page handed out. Each answer carries the attempt it belongs to, so
 * that answers of an abandoned attempt are ignored.
 *
 * A snapshot fills the live model; it never moves the cursor forward. What the streams still hold behind
 * the cursor is history that nobody has stored yet, so it is read in any case: replayed over a newer
 * snapshot it changes nothing (docs/adr/0003). */
#include "feed/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "feed/reader_internal.h"

#define KW_PAGE_ENTRIES 500
#define KW_BLOCK_MS 1000
#define KW_READ_TIMEOUT_MS 6000
#define KW_ALIVE_POLL_MS 2000
#define KW_STALE_AFTER_MS 15000
#define KW_RETRY_MS 500
#define KW_ENTRY_FIELDS 64

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

/* An error where data is needed: what was read so far is worth nothing. */
static void refused(struct kw_reader *reader, struct kw_str error)
{
    KW_LOG(KW_LOG_ERROR, "feed", "Redis refused a command; trying again", KW_LT("error", error));
    retry_later(reader);
}

static void answered(kw_err err, const struct kw_reply *reply, void *arg)
{
    struct ask *ask = arg;
    struct kw_reader *reader = ask->reader;
    reader->references--;
    if (!reader->closed && ask->attempt == reader->attempt) {
        if (err != KW_OK)
            retry_later(reader);
        else if (reply->type == KW_REPLY_ERROR && !ask->may_fail)
            refused(reader, reply->text);
        else
            ask->on_reply(reader, reply, ask);
    }
    kw_free(ask);
    release(reader);
}

struct ask *kw_reader_ask(struct kw_reader *reader,
                          void (*on_reply)(struct kw_reader *, const struct kw_reply *,
                                           const struct ask *))
{
    struct ask *ask = kw_zalloc(sizeof *ask);
    ask->reader = reader;
    ask->attempt = reader->attempt;
    ask->on_reply = on_reply;
    return ask;
}

void kw_reader_send(struct kw_reader *reader, struct kw_redis *link, const struct kw_str *args,
                    size_t count, struct ask *ask)
{
    reader->references++;
    if (kw_redis_command_within(link, args, count, KW_READ_TIMEOUT_MS, answered, ask) == KW_OK)
        return;
    reader->references--;
    kw_free(ask);
    retry_later(reader);
}

struct kw_str kw_reader_key(const struct kw_reader *reader, const char *rest, char *out,
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

bool kw_reader_links_up(const struct kw_reader *reader)
{
    return kw_redis_up(reader->control) && kw_redis_up(reader->block);
}

void kw_reader_tell_state(struct kw_reader *reader)
{
    bool up = kw_reader_links_up(reader);
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
    kw_reader_tell_state(reader);
}

static void poll_alive(struct kw_timer *timer, void *arg)
{
    struct kw_reader *reader = arg;
    char key[96];
    (void)timer;
    if (!kw_redis_up(reader->control)) {
        kw_reader_tell_state(reader);
        return;
    }
    struct kw_str args[4] = { KW_STR("HMGET"), kw_reader_key(reader, "meta", key, sizeof key),
                              KW_STR("aliveTs"), KW_STR("epoch") };
    kw_reader_send(reader, reader->control, args, 4, kw_reader_ask(reader, on_alive));
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
    char position[40] = "0-0"; /* no stream yet */
    char *ours = reader->cursor.last_id[stream];
    struct kw_str last =
        reply->type == KW_REPLY_ARRAY ? field_of(reply, "last-generated-id") : KW_STR_NONE;
    if (reply->type == KW_REPLY_ERROR && !kw_str_starts(reply->text, KW_STR("ERR no such key"))) {
        refused(reader, reply->text);
        return;
    }
    if (last.ptr != NULL && kw_str_copy(last, position, sizeof position) != KW_OK)
        (void)snprintf(position, sizeof position, "0-0");
    if (ours[0] != 0 && compare_ids(position, ours) < 0) {
        want_snapshot(reader, "Redis lost data: its stream ends before our cursor");
        memcpy(ours, position, sizeof position); /* what is written again comes behind it */
        reader->cursor.last_n[stream] = 0;
    }
    if (stream == KW_STREAM_EV)
        return;
    if (reader->need_snapshot) {
        kw_reader_snapshot(reader);
    } else {
        reader->following = true;
        kw_reader_tell_state(reader);
        follow(reader);
    }
}

static void ask_position(struct kw_reader *reader, enum kw_stream stream)
{
    char key[96];
    struct ask *ask = kw_reader_ask(reader, on_positions);
    ask->connector = (int64_t)stream;
    ask->may_fail = true;
    struct kw_str args[3] = { KW_STR("XINFO"), KW_STR("STREAM"),
                              kw_reader_key(reader, stream == KW_STREAM_EV ? "ev" : "mv", key,
                                            sizeof key) };
    kw_reader_send(reader, reader->control, args, 3, ask);
}

/* A jump means that entries are missing. A number that comes again means that Redis lost its last second
 * and the producer wrote it anew: nothing is missing, but the hashes were older for a while. */
static void tell_gap(struct kw_reader *reader)
{
    const struct gap *gap = &reader->gap;
    if (gap->expected_n == 0)
        return;
    if (gap->got_n < gap->expected_n) {
        KW_LOG(KW_LOG_WARN, "feed", "Redis lost the end of a stream; it is written again",
               KW_LI("stream", gap->stream), KW_LI("expected", gap->expected_n),
               KW_LI("again_from", gap->got_n));
    } else {
        kw_metric_add(reader->gaps, 1);
        reader->events->on_gap(gap->stream, gap->expected_n, gap->got_n, reader->arg);
    }
    reader->cursor.last_n[gap->stream] = 0; /* said once */
}

static void on_meta(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    int64_t major = 0;
    (void)ask;
    struct kw_str epoch = reply->type == KW_REPLY_ARRAY ? field_of(reply, "epoch") : KW_STR_NONE;
    if (epoch.len == 0) { /* the producer has not started yet */
        retry_later(reader);
        return;
    }
    if (epoch.len >= sizeof reader->cursor.epoch) {
        refused(reader, KW_STR("the epoch in meta is longer than 63 bytes"));
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
    } else {
        tell_gap(reader);
    }
    reader->gap.expected_n = 0;
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
    kw_timer_stop(reader->retry);
    reader->attempt++;
    reader->following = false;
    struct kw_str args[2] = { KW_STR("HGETALL"), kw_reader_key(reader, "meta", key, sizeof key) };
    kw_reader_send(reader, reader->control, args, 2, kw_reader_ask(reader, on_meta));
}

/* --- following the streams --- */

/* Numbers rise by one; a malformed entry whose number cannot be read is taken for the next one. False: a
 * hole. The entry is left for later: it may belong to a new data set, which begin() finds out. */
static bool count_entry(struct kw_reader *reader, enum kw_stream stream, int64_t n)
{
    int64_t *last_n = &reader->cursor.last_n[stream];
    int64_t expected = *last_n + 1;
    if (n < 1)
        n = *last_n > 0 ? expected : 0;
    if (*last_n > 0 && n != expected) {
        reader->gap = (struct gap){ stream, expected, n };
        want_snapshot(reader, "events are missing");
        return false;
    }
    *last_n = n;
    return true;
}

static void bad_entry(struct kw_reader *reader, enum kw_stream stream, struct kw_str id,
                      const char *error)
{
    kw_metric_add(reader->bad, 1);
    reader->events->on_bad_entry(stream, id, error, reader->arg);
}

/* False: nothing more of this page. */
static bool take_entry(struct kw_reader *reader, enum kw_stream stream,
                       const struct kw_reply *entry)
{
    struct kw_str fields[KW_ENTRY_FIELDS * 2], id = KW_STR("");
    const struct kw_reply *pairs = NULL;
    struct kw_event event = { .n = 0 };
    const char *error = "not a stream entry";
    kw_err err = KW_EINVALID;
    if (entry->type == KW_REPLY_ARRAY && entry->count == 2 &&
        entry->items[0]->text.len < sizeof reader->cursor.last_id[stream]) {
        id = entry->items[0]->text;
        pairs = entry->items[1];
    }
    if (pairs != NULL && pairs->count > KW_COUNT_OF(fields)) {
        error = "more than 64 fields";
    } else if (pairs != NULL) {
        for (size_t i = 0; i < pairs->count; i++)
            fields[i] = pairs->items[i]->text;
        err = kw_decode_entry(reader->decoder, stream, id, fields, pairs->count, &event, &error);
    }
    if (!count_entry(reader, stream, event.n))
        return false;
    KW_IGNORE(
        kw_str_copy(id, reader->cursor.last_id[stream], sizeof reader->cursor.last_id[stream]));
    kw_metric_add(reader->entries, 1);
    if (err != KW_OK) {
        bad_entry(reader, stream, id, error);
        return true;
    }
    int64_t lag = kw_now_ms() - event.received_ms;
    reader->lag_ms = lag > 0 ? lag : 0;
    reader->last_event_ms = event.received_ms;
    reader->events->on_event(&event, reader->arg);
    return true;
}

static void take_stream(struct kw_reader *reader, const struct kw_reply *one)
{
    if (one->type != KW_REPLY_ARRAY || one->count != 2)
        return;
    struct kw_str name = one->items[0]->text;
    const struct kw_reply *entries = one->items[1];
    enum kw_stream stream =
        name.len > 2 && memcmp(name.ptr + name.len - 2, "mv", 2) == 0 ? KW_STREAM_MV : KW_STREAM_EV;
    for (size_t i = 0; i < entries->count; i++) {
        if (!take_entry(reader, stream, entries->items[i]))
            return;
    }
}

static void on_read(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    (void)ask;
    if (reply->type != KW_REPLY_ARRAY || reply->count == 0) {
        follow(reader); /* nothing came in a second */
        return;
    }
    for (size_t i = 0; i < reply->count && !reader->need_snapshot; i++)
        take_stream(reader, reply->items[i]);
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
                               kw_reader_key(reader, "ev", ev, sizeof ev),
                               kw_reader_key(reader, "mv", mv, sizeof mv),
                               kw_str_of(from_ev[0] != 0 ? from_ev : "0-0"),
                               kw_str_of(from_mv[0] != 0 ? from_mv : "0-0") };
    kw_reader_send(reader, reader->block, args, 10, kw_reader_ask(reader, on_read));
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
    kw_reader_tell_state(reader);
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
