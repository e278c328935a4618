/* pool.h - Own worker threads for calls that block, apart from libuv's four.
 *
 * A pool has N threads and a bounded queue, first come first served. done() runs on the loop. */
#ifndef KW_NET_POOL_H
#define KW_NET_POOL_H

#include "net/loop.h"

struct kw_pool;

struct kw_pool *kw_pool_new(struct kw_loop *loop, const char *name, unsigned threads,
                            unsigned queue_limit);
/* work(arg) on a worker; then done(arg) on the loop. KW_EBUSY: queue full, neither will be called. */
KW_MUST_USE kw_err kw_pool_submit(struct kw_pool *pool, void (*work)(void *arg),
                                  void (*done)(void *arg), void *arg);
unsigned kw_pool_waiting(const struct kw_pool *pool);
/* Refuses new work, finishes what is queued (done() is called for each), joins. */
void kw_pool_free(struct kw_pool *pool);

#endif
