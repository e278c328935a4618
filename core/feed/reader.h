/* reader.h - Reads the contract: snapshot, then both streams, with gap detection (contract 6).
 *
 * The reader owns two connections (one blocks in XREAD). It starts with a snapshot (the live model is
 * empty) and the cursor that the store last committed, and gives its owner one event after the other and
 * then the end of the page, with the cursor to be committed together with the page. The next page is asked
 * for when the owner says that it can take one (back-pressure).
 *
 * A snapshot never moves the cursor forward: entries that the streams still hold are always delivered, also
 * when the snapshot is newer than they are. So every effect must be an upsert under its own time guard.
 * After a new epoch a stream is read from its start. */
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

struct kw_reader_events {
    /* One event in stream order; its slices are valid during the call. */
    void (*on_event)(const struct kw_event *event, void *arg);
    /* The page is complete; call kw_reader_page_done() for the next one, now or later. */
    void (*on_page)(struct kw_reader *reader, const struct kw_cursor *cursor, void *arg);
    /* Snapshot: what is not mentioned between begin and end is gone. A begin without an end was abandoned
     * (the link was lost): another begin follows. kind: "station" (id = cs),
     * "conn" (id = cs, connector), "tx" (id = cs, transaction), "node". fields: name, value, ... */
    void (*on_snapshot_begin)(const char *why, void *arg);
    void (*on_snapshot_row)(const char *kind, struct kw_str id, int64_t connector,
                            struct kw_str transaction, const struct kw_str *fields, size_t count,
                            void *arg);
    void (*on_snapshot_end)(struct kw_reader *reader, const struct kw_cursor *cursor,
                            void *arg); /* then page_done */
    /* n jumped: events are missing (trimmed or lost). A snapshot follows. Numbers that come again are no
     * gap: Redis lost its last second and the producer repeats it. */
    void (*on_gap)(enum kw_stream stream, int64_t expected_n, int64_t got_n, void *arg);
    /* A malformed entry; entry_id may be empty. The number of a bad entry that has none is taken for the
     * next one. */
    void (*on_bad_entry)(enum kw_stream stream, struct kw_str entry_id, const char *error,
                         void *arg);
    void (*on_state)(enum kw_feed_state state, int64_t lag_ms, int64_t last_event_ms, void *arg);
    void (*on_fatal)(const char *text,
                     void *arg); /* unknown contract major: nothing more is read */
    /* Answer to kw_reader_ask_transaction(); count 0: Redis has nothing of it. */
    void (*on_transaction)(struct kw_str cs, struct kw_str transaction, const struct kw_str *fields,
                           size_t count, void *arg);
};

struct kw_reader_options {
    const char *redis_url;
    const char *prefix;     /* "kw:1:" */
    unsigned page_entries;  /* 0: 500 */
    int64_t stale_after_ms; /* 0: 15,000 without aliveTs */
    struct kw_metrics *metrics;
};

KW_MUST_USE kw_err kw_reader_new(struct kw_loop *loop, const struct kw_reader_options *options,
                                 const struct kw_cursor *from,
                                 const struct kw_reader_events *events, void *arg,
                                 struct kw_reader **out, char *error, size_t error_size);
bool kw_reader_links_up(const struct kw_reader *reader); /* both connections to Redis */
void kw_reader_page_done(struct kw_reader *reader);
/* What P:tx:{cs}:{id} says, open or ended. No answer when the link is lost first: a snapshot follows. */
void kw_reader_ask_transaction(struct kw_reader *reader, struct kw_str cs,
                               struct kw_str transaction);
void kw_reader_close(struct kw_reader *reader); /* frees itself later; no more callbacks */

#endif
