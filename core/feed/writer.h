/* writer.h - The producer's pen: contract events and snapshots into Redis, in order, exactly once.
 *
 * One atomic script per event (complex-contract.md 4): deduplication marker, number `n`, XADD, then the
 * snapshot writes under their time guards. Events are pipelined, so a journal drains at wire speed.
 *
 * The one idea: the script also keeps the position of the last event it took from this source in one key,
 * P:drain:{source}, and takes an event only if it follows that position. A repeat after a lost answer is
 * therefore skipped without a marker per event, a failed event cannot be overtaken, and a Redis that came
 * back with an older data set (appendfsync everysec loses up to about a second) says so by its position:
 * the writer keeps what it sent for `hold_ms` and sends it again.
 *
 * What it does not do: it keeps nothing on disk (the journal does) and it does not retry plain commands. */
#ifndef KW_FEED_WRITER_H
#define KW_FEED_WRITER_H

#include "feed/redis.h"

struct kw_event_writer;

enum kw_out_stream {
    KW_OUT_EV,    /* P:ev */
    KW_OUT_MV,    /* P:mv */
    KW_OUT_STATE, /* no stream entry: only the operations, in order and exactly once */
};

/* value.ptr NULL: remove the field (in KW_OUT_SET only). Values are text already (contract 1). */
struct kw_out_pair {
    struct kw_str name, value;
};

/* Writes beside the entry, in the same atomic script. `key` is the part after the prefix:
 * "station:EV-1", "conn:EV-1:1:1", "tx:EV-1:7", "tx:active", "stations". */
enum kw_out_op_kind {
    KW_OUT_SET,    /* HSET pairs, the guard field (= at_ms) and `eid` of hash `key`, if at_ms >= the number
                    * stored in field `guard`; guard empty or not stored yet: always. */
    KW_OUT_CLEAR,  /* HDEL the names of `pairs`, if field `guard` holds the text `equals`; guard empty: always */
    KW_OUT_SADD,   /* set: member */
    KW_OUT_SREM,
    KW_OUT_ZADD,   /* sorted set: member, number = score */
    KW_OUT_ZREM,
    KW_OUT_EXPIRE, /* number = seconds */
    KW_OUT_DEL,    /* the whole key */
};
struct kw_out_op {
    enum kw_out_op_kind kind;
    struct kw_str key;
    struct kw_str guard, equals;
    int64_t at_ms;
    const struct kw_out_pair *pairs;
    size_t pair_count;
    struct kw_str member;
    int64_t number;
};

struct kw_out_event {
    enum kw_out_stream stream;
    struct kw_str dedup; /* content key of ocpp.md 2.4; "" = none. A repeat writes nothing at all */
    int64_t dedup_s;     /* life of its marker; 0: 7 days. 500 stations x 1 sample/10 s x 7 days would be
                          * 30 million markers: leave `dedup` empty for meter values, their samples are
                          * upserts for every reader and P:drain keeps our own repeats out */
    /* type, cs, evse, con, tx, ts, rts, off, src, proto, mid, k, d: what is absent is left out.
     * `v` and `n` are added by the script. */
    const struct kw_out_pair *fields;
    size_t field_count;
    const struct kw_out_op *ops; /* done in this order, after the entry; none for a repeat */
    size_t op_count;
};

struct kw_event_writer_events {
    /* Everything put with a number <= sequence is in Redis for at least hold_ms. Grows; never inside a call
     * of yours. Tell the journal. */
    void (*on_confirmed)(uint64_t sequence, void *arg);
    /* Redis will not have this event, ever (an error that repeating cannot cure). It counts as done so that
     * the rest can follow; it was logged and counted (kw_writer_rejected_total). Optional. */
    void (*on_rejected)(uint64_t sequence, const char *error, void *arg);
    /* up: the script is loaded, the position is known, the queue is moving. */
    void (*on_state)(bool up, const char *why, void *arg);
    /* Redis knows less than what was confirmed (restored from a backup, flushed): events in
     * (redis_has, confirmed] are gone from it. What the writer still holds is sent again by itself; the
     * owner should write a new `epoch` into P:meta and its whole state. Called before on_state(true). */
    void (*on_rewound)(uint64_t redis_has, uint64_t confirmed, void *arg);
};

struct kw_event_writer_options {
    const char *redis_url;
    const char *prefix;       /* NULL: "kw:1:" */
    const char *source;       /* names the journal; must change when the journal starts again from 1 (gateway
                               * id + ":" + an id made with the journal). No ':' rule for it; <= 100 bytes */
    uint64_t last_sequence;   /* highest number in the journal at start (0: empty). A position above it in
                               * Redis belongs to another journal and is forgotten, with a warning */
    int64_t hold_ms;          /* 0: 2,000; negative: confirm with the answer (tests) */
    unsigned in_flight;       /* 0: 1,000 events sent and not answered */
    size_t queue_limit_bytes; /* 0: 128 MiB of events not confirmed */
    int64_t max_len_ev, max_len_mv; /* 0: 500,000 and 200,000 */
    struct kw_metrics *metrics;
};

/* KW_EINVALID: bad options (error says why). */
KW_MUST_USE kw_err kw_event_writer_new(struct kw_loop *loop, const struct kw_event_writer_options *options,
                                       const struct kw_event_writer_events *events, void *arg,
                                       struct kw_event_writer **out, char *error, size_t error_size);
/* Frees itself later; no more callbacks. What was not confirmed is the journal's to put again. */
void kw_event_writer_close(struct kw_event_writer *writer);

/* Queue one event (copied). `sequence` is the journal's number (1 .. 2^41), never smaller than that of the put
 * before; a record with several events puts them all with its number in one go (one turn of the loop, at
 * most 4,095), in the same order at every replay. Works while Redis is down.
 * KW_EFULL: over queue_limit_bytes, nothing was taken: stop reading the journal and go on after on_confirmed.
 * KW_EINVALID: sequence went back, no fields for a stream entry, or an empty key. */
KW_MUST_USE kw_err kw_event_writer_put(struct kw_event_writer *writer, uint64_t sequence,
                                       const struct kw_out_event *event);
/* A record without events: it is confirmed when everything before it is. */
KW_MUST_USE kw_err kw_event_writer_skip(struct kw_event_writer *writer, uint64_t sequence);

size_t kw_event_writer_queued(const struct kw_event_writer *writer); /* events not confirmed */
uint64_t kw_event_writer_confirmed(const struct kw_event_writer *writer);

/* The link itself, for plain commands that need neither journal nor order: HSET of heartbeats and of
 * P:meta aliveTs, HGETALL of P:auth and P:token. Same life as the writer; do not close it. */
struct kw_redis *kw_event_writer_redis(struct kw_event_writer *writer);

/* The script and its lower-case SHA-1, for contract-check and tests. Static. */
extern const char kw_event_script[];

#endif
