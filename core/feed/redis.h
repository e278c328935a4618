/* redis.h - One Redis connection on our loop: own adapter, arena replies, own connect timer.
 *
 * Reconnects by itself with back-off and jitter (0.2 .. 5 s). A command while the link is down fails
 * at once with KW_ECLOSED. Replies live in an arena that is reset after the callback: copy out.
 *
 * A time-out is silence: no byte came for timeout_ms although the command was the next to be answered.
 * Answers come in order, so there is nothing to save then: the command gets KW_ETIMEOUT, those behind it
 * KW_ECLOSED, and the link is made anew. Whether the server did them is not known.
 *
 * It does not know what it carries, repeats nothing by itself, and has no SUBSCRIBE. */
#ifndef KW_FEED_REDIS_H
#define KW_FEED_REDIS_H

#include <stdint.h>

#include "base/metrics.h"
#include "base/str.h"
#include "net/loop.h"

struct kw_redis;

enum kw_reply_type {
    KW_REPLY_NIL,
    KW_REPLY_TEXT,
    KW_REPLY_STATUS,
    KW_REPLY_INT,
    KW_REPLY_ARRAY,
    KW_REPLY_ERROR
};
struct kw_reply {
    enum kw_reply_type type;
    int64_t number;
    struct kw_str text; /* TEXT, STATUS, ERROR */
    struct kw_reply **items;
    size_t count;
};

struct kw_redis_options {
    const char
        *url; /* redis://[user:password@]host[:port][/db]; rediss:// is refused with the reason */
    int64_t connect_timeout_ms; /* 0: 3 s */
    int64_t command_timeout_ms; /* 0: 5 s; a BLOCK command adds its own */
    unsigned max_pending;       /* 0: 100,000 commands */
    size_t
        reply_limit_bytes; /* 0: 64 MiB for one reply; beyond it the link is dropped (KW_ETOOBIG) */
    const char *name;      /* CLIENT SETNAME */
    struct kw_metrics *metrics;
};

/* KW_EINVALID, KW_EUNSUPPORTED (rediss://): bad URL (error says why). on_state(true) after AUTH, SELECT,
 * SETNAME and a PING that found the data loaded; (false) on loss, and when an attempt fails for another
 * reason than the one before. Never inside a call of yours. on_state may be NULL. */
KW_MUST_USE kw_err kw_redis_new(struct kw_loop *loop, const struct kw_redis_options *options,
                                void (*on_state)(bool up, const char *why, void *arg), void *arg,
                                struct kw_redis **out, char *error, size_t error_size);
/* Allowed in any callback. Pending callbacks get KW_ECANCELLED, later; frees itself; NULL is fine. */
void kw_redis_close(struct kw_redis *redis);
bool kw_redis_up(const struct kw_redis *redis);

/* Send a command (binary-safe arguments, copied). on_reply exactly once, never inside: err KW_OK with
 * a reply (may be KW_REPLY_ERROR), else NULL reply. on_reply NULL: ignore the answer.
 * KW_ECLOSED: the link is down; KW_EFULL: max_pending, or 64 MiB not sent. Then on_reply will not come. */
typedef void kw_redis_on_reply(kw_err err, const struct kw_reply *reply, void *arg);
KW_MUST_USE kw_err kw_redis_command(struct kw_redis *redis, const struct kw_str *args, size_t count,
                                    kw_redis_on_reply *on_reply, void *arg);
/* The same with a time-out of its own (XREAD BLOCK). */
KW_MUST_USE kw_err kw_redis_command_within(struct kw_redis *redis, const struct kw_str *args,
                                           size_t count, int64_t timeout_ms,
                                           kw_redis_on_reply *on_reply, void *arg);
/* The same for a command that is RESP2 text already (one whole array of bulk strings). */
KW_MUST_USE kw_err kw_redis_command_encoded(struct kw_redis *redis, struct kw_str command,
                                            kw_redis_on_reply *on_reply, void *arg);
unsigned kw_redis_pending(const struct kw_redis *redis);

#endif
