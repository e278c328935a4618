/* loop.h - The event loop: one thread, timers, deferred work at the end of each turn, signals.
 *
 * Everything that is not marked "any thread" belongs to the loop's thread. The one idea: work that
 * can be batched (socket writes, deltas) is queued during a turn and done once at its end, in
 * kw_loop_at_turn_end() hooks. libuv does not appear in this header. */
#ifndef KW_NET_LOOP_H
#define KW_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metrics.h"

struct kw_loop;
struct kw_timer;
struct kw_poll;

/* metrics may be NULL; otherwise kw_loop_turns_total is kept. SIGPIPE is ignored in the process from here. */
struct kw_loop *kw_loop_new(struct kw_metrics *metrics);
/* Run until kw_loop_stop() or nothing is left to wait for. Work that another thread will post keeps
 * the loop running only between kw_loop_hold() and kw_loop_unhold() (the pool does it by itself). */
void kw_loop_run(struct kw_loop *loop);
void kw_loop_stop(struct kw_loop *loop); /* from the loop's thread */
/* All handles must be closed by their owners; asserts that none is left. Runs the loop for the
 * close callbacks. */
void kw_loop_free(struct kw_loop *loop);
void kw_loop_hold(struct kw_loop *loop);
void kw_loop_unhold(struct kw_loop *loop);
/* One read buffer for all connections: libuv reads at once after asking for it. For net/ itself. */
#define KW_LOOP_SCRATCH_BYTES 65536
char *kw_loop_scratch(struct kw_loop *loop);
/* A block of KW_LOOP_BLOCK_BYTES, contents undefined; blocks that come back are kept for the next, at
 * most 2 MiB of them. For net/ itself. */
#define KW_LOOP_BLOCK_BYTES 16384
void *kw_loop_block(struct kw_loop *loop); /* never NULL */
void kw_loop_block_free(struct kw_loop *loop, void *block);
struct uv_loop_s *kw_loop_uv(struct kw_loop *loop); /* for net/ itself */

int64_t kw_loop_now_ms(const struct kw_loop *loop); /* monotonic, cached per turn */

/* Intrusive one-shot job for the end of this turn (after I/O, before sleeping). Queueing twice is
 * one run; a job queued from a hook runs in the same phase when it comes from an earlier job, at
 * most 1000 rounds. The structure must live until it ran or was cancelled. */
struct kw_turn_job {
    void (*run)(struct kw_turn_job *job);
    struct kw_turn_job *next, **link;
    struct kw_loop *loop; /* non-NULL while queued */
    unsigned round;
};
void kw_loop_at_turn_end(struct kw_loop *loop, struct kw_turn_job *job);
void kw_turn_job_cancel(struct kw_turn_job *job); /* not queued: nothing */

/* Some turns without waiting, so that what was closed or aborted a moment ago can go: before
 * kw_loop_free(), when every owner has let go. */
void kw_loop_settle(struct kw_loop *loop);

/* Run `run(arg)` on the loop's thread soon. Any thread. */
void kw_loop_post(struct kw_loop *loop, void (*run)(void *arg), void *arg);

/* Timers. The callback may restart or close its own timer. */
struct kw_timer *kw_timer_new(struct kw_loop *loop,
                              void (*on_time)(struct kw_timer *timer, void *arg), void *arg);
void kw_timer_start(struct kw_timer *timer, int64_t after_ms,
                    int64_t repeat_ms); /* repeat 0: once */
void kw_timer_stop(struct kw_timer *timer);
bool kw_timer_active(const struct kw_timer *timer);
void kw_timer_close(struct kw_timer *timer); /* frees later; never calls back again; NULL is fine */

/* Watch a file descriptor that another library owns (hiredis). An error of the poll is reported as
 * readable and writable, so that the library finds it by itself. */
#define KW_POLL_READ 1
#define KW_POLL_WRITE 2
/* NULL: the descriptor cannot be watched. */
struct kw_poll *kw_poll_new(struct kw_loop *loop, int fd, void (*on_event)(void *arg, int events),
                            void *arg);
void kw_poll_set(struct kw_poll *poll, int events); /* 0 stops */
void kw_poll_close(struct kw_poll *poll);           /* before the descriptor is closed */

/* SIGINT, SIGTERM, SIGHUP... `on_signal(arg, signum)` on the loop. Freed by kw_loop_free(). */
void kw_loop_on_signal(struct kw_loop *loop, int signum, void (*on_signal)(void *arg, int signum),
                       void *arg);

#endif
