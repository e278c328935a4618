/* writer.h - Puts events into the complex contract: one atomic script per event, in order, exactly once.
 *
 * An event is a JSON object (docs/complex-contract.md, "events of the gateway"): fields of the stream entry
 * and the snapshot writes that go with it. The script deduplicates by `k`, numbers, appends, and writes the
 * snapshot under its time guard (complex-contract.md 4). Events wait here while Redis is away; order is kept
 * over reconnects; an event that the script refuses is logged, counted and passed over, while a Redis that
 * cannot write now (no memory, read only, a full disk) is asked again every half second.
 *
 * A Redis with `appendfsync everysec` that dies forgets up to its last second or two. So an event is kept
 * for KW_WRITER_KEEP_MS after Redis took it and only then told as confirmed; after each reconnect all kept
 * ones are sent again. The deduplication marker makes a repeat of what Redis still has do nothing; so every
 * event needs its `k`. */
#ifndef KW_FEED_WRITER_H
#define KW_FEED_WRITER_H

#include "feed/redis.h"

#define KW_WRITER_KEEP_MS 5000

struct kw_event_writer;

struct kw_event_writer_options {
    const char *redis_url, *prefix;
    const char *source; /* gateway id, field `src` */
    int64_t keep_ms;    /* 0: KW_WRITER_KEEP_MS */
    struct kw_metrics *metrics;
};

/* on_confirmed: everything up to and including `sequence` is in Redis and on its disk. on_link: Redis came
 * or went. */
KW_MUST_USE kw_err kw_event_writer_new(struct kw_loop *loop,
                                       const struct kw_event_writer_options *options,
                                       void (*on_confirmed)(uint64_t sequence, void *arg),
                                       void (*on_link)(bool up, void *arg), void *arg,
                                       struct kw_event_writer **out, char *error,
                                       size_t error_size);
/* Queue one event (copied). Sequences never fall; several events may share one. */
void kw_event_writer_put(struct kw_event_writer *writer, uint64_t sequence,
                         struct kw_str event_json);
/* Events that Redis has not taken yet (kept ones do not count). */
size_t kw_event_writer_waiting(const struct kw_event_writer *writer);
void kw_event_writer_close(struct kw_event_writer *writer); /* frees itself later */

#endif
