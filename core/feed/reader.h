/* reader.h - Reads the contract: snapshot, then both streams, with gap detection (contract 6).
 *
 * The reader owns two connections (one blocks in XREAD). It asks for the cursor that the store last
 * committed, decides between catch-up and full snapshot, and hands pages of decoded events to its
 * owner; the next page is asked for when the owner says that the page is taken (back-pressure), while
 * the store commits. The cursor that must be stored with a page is part of the page. */
#ifndef KW_FEED_READER_H
#define KW_FEED_READER_H

#include "feed/decode.h"

struct kw_reader;

struct kw_cursor {
    char epoch[64];
    char last_id[2][40]; /* by enum kw_stream; "" = from the start */
    int64_t last_n[2];   /* 0: none yet */
};

enum kw_feed_state { KW_FEED_LOST, KW_FEED_STALE, KW_FEED_LIVE };

struct kw_page {
    const struct kw_event *events;
    size_t count;
    struct kw_cursor cursor; /* to be committed together with the events */
};

struct kw_reader_events {
    /* A page of events in stream order. The slices live until kw_reader_page_done(). */
    void (*on_page)(struct kw_reader *reader, const struct kw_page *page, void *arg);
    /* Snapshot, between on_snapshot_begin and on_snapshot_end: what is not mentioned is gone.
     * kind: "station" (id = cs), "conn" (id = cs, connector), "tx" (id = cs, transaction), "node". */
    void (*on_snapshot_begin)(const char *why, void *arg);
    void (*on_snapshot_row)(const char *kind, struct kw_str id, int64_t connector, struct kw_str transaction,
                            const struct kw_str *fields, size_t count, void *arg);
    void (*on_snapshot_end)(const struct kw_cursor *cursor, void *arg);
    /* n jumped: events are missing (trimmed or lost). A snapshot follows. */
    void (*on_gap)(enum kw_stream stream, int64_t expected_n, int64_t got_n, void *arg);
    void (*on_bad_entry)(enum kw_stream stream, struct kw_str entry_id, const char *error, void *arg);
    void (*on_state)(enum kw_feed_state state, int64_t lag_ms, int64_t last_event_ms, void *arg);
    void (*on_fatal)(const char *text, void *arg); /* unknown contract major */
};

struct kw_reader_options {
    const char *redis_url;
    const char *prefix;      /* "kw:1:" */
    unsigned page_entries;   /* 0: 500 */
    int64_t stale_after_ms;  /* 0: 15,000 without aliveTs */
    struct kw_metrics *metrics;
};

KW_MUST_USE kw_err kw_reader_new(struct kw_loop *loop, const struct kw_reader_options *options,
                                 const struct kw_cursor *from, const struct kw_reader_events *events, void *arg,
                                 struct kw_reader **out, char *error, size_t error_size);
void kw_reader_page_done(struct kw_reader *reader);
void kw_reader_close(struct kw_reader *reader); /* frees itself later; no more callbacks */

#endif
