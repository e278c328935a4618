/* reader_internal.h - The inside of the reader, shared by reader.c and reader_snapshot.c only. */
#ifndef KW_FEED_READER_INTERNAL_H
#define KW_FEED_READER_INTERNAL_H

#include "feed/reader.h"

/* A hole in the numbers; told when the epoch turns out to be the same. */
struct gap {
    enum kw_stream stream;
    int64_t expected_n, got_n; /* expected_n 0: none */
};

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
    struct gap gap;
    unsigned attempt;    /* answers of older attempts are ignored */
    unsigned waiting;    /* snapshot requests under way */
    unsigned references; /* commands that still point here */
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
    bool may_fail; /* on_reply looks at an error reply itself */
    char id[KW_STATION_ID_BYTES + 1], transaction[KW_TX_BYTES];
};

/* A command whose answer belongs to the attempt under way. */
struct ask *kw_reader_ask(struct kw_reader *reader,
                          void (*on_reply)(struct kw_reader *reader, const struct kw_reply *reply,
                                           const struct ask *ask));
/* Takes `ask` over; a command that cannot be sent abandons the attempt. */
void kw_reader_send(struct kw_reader *reader, struct kw_redis *link, const struct kw_str *args,
                    size_t count, struct ask *ask);
/* prefix + rest, in `out`. */
struct kw_str kw_reader_key(const struct kw_reader *reader, const char *rest, char *out,
                            size_t size);
void kw_reader_tell_state(struct kw_reader *reader);

/* reader_snapshot.c: begins; on_snapshot_end comes when the last answer is there. */
void kw_reader_snapshot(struct kw_reader *reader);

#endif
