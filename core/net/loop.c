/* loop.c - libuv behind our own words: turn-end jobs run in uv_check, posts arrive by uv_async.
 *
 * Jobs run a second time just before the loop sleeps (uv_prepare), because timers and closed handles
 * come after the check phase and may have queued some. A round is what one generation of jobs queued;
 * rounds are bounded so that jobs that queue each other cannot starve the sockets. */
#include "net/loop.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"

#define KW_TURN_ROUNDS_MAX 1000
#define KW_SETTLE_TURNS 8
#define KW_BLOCKS_KEPT (2u * 1024 * 1024 / KW_LOOP_BLOCK_BYTES)

/* A kept block is nobody's: under ASan a use of it ends the program as a use after free would. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

struct block {
    struct block *next;
};

struct post {
    struct post *next;
    void (*run)(void *arg);
    void *arg;
};

struct kw_signal {
    uv_signal_t handle;
    struct kw_signal *next;
    void (*on_signal)(void *arg, int signum);
    void *arg;
};

struct kw_loop {
    uv_loop_t uv;
    uv_check_t check;
    uv_prepare_t prepare;
    uv_async_t async;
    struct kw_turn_job *first_job, **last_job;
    unsigned round; /* jobs queued by a job carry a later number */
    unsigned holds;
    pthread_mutex_t post_lock;
    struct post *first_post, **last_post;
    struct kw_signal *signals;
    struct kw_metric *turns;
    struct block *blocks;
    unsigned block_count;
    char scratch[KW_LOOP_SCRATCH_BYTES];
};

static void unlink_job(struct kw_loop *loop, struct kw_turn_job *job)
{
    *job->link = job->next;
    if (job->next != NULL)
        job->next->link = job->link;
    else
        loop->last_job = job->link;
    job->loop = NULL;
    job->next = NULL;
}

static void run_jobs(struct kw_loop *loop)
{
    unsigned first_round = loop->round;
    while (loop->first_job != NULL) {
        struct kw_turn_job *job = loop->first_job;
        loop->round = job->round + 1;
        if (loop->round - first_round > KW_TURN_ROUNDS_MAX) {
            (void)uv_async_send(&loop->async); /* the rest next turn, without sleeping */
            return;
        }
        unlink_job(loop, job);
        job->run(job);
    }
}

static void on_check(uv_check_t *handle)
{
    struct kw_loop *loop = handle->data;
    run_jobs(loop);
    kw_metric_add(loop->turns, 1);
}

/* Before sleeping: jobs queued by timers and posts since the last check. */
static void on_prepare(uv_prepare_t *handle)
{
    struct kw_loop *loop = handle->data;
    run_jobs(loop);
}

static void on_async(uv_async_t *handle)
{
    struct kw_loop *loop = handle->data;
    (void)pthread_mutex_lock(&loop->post_lock);
    struct post *post = loop->first_post;
    loop->first_post = NULL;
    loop->last_post = &loop->first_post;
    (void)pthread_mutex_unlock(&loop->post_lock);
    while (post != NULL) {
        struct post *next = post->next;
        post->run(post->arg);
        kw_free(post);
        post = next;
    }
}

/* A turn takes a segment for each of hundreds of sockets and gives all back at its end. By default glibc
 * then returns the heap's top to the kernel and faults it in again in the next turn: half of the CPU of a
 * fan-out (`./kw bench ws`). 8 MiB may stay; blocks from 1 MiB up still come and go by themselves. */
static void keep_heap(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_TRIM_THRESHOLD, 8 * 1024 * 1024);
    (void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
#endif
}

struct kw_loop *kw_loop_new(struct kw_metrics *metrics)
{
    struct kw_loop *loop = kw_zalloc(sizeof *loop);
    (void)signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL; EPIPE says the same */
    keep_heap();
    KW_ASSERT(uv_loop_init(&loop->uv) == 0);
    KW_ASSERT(uv_check_init(&loop->uv, &loop->check) == 0);
    KW_ASSERT(uv_prepare_init(&loop->uv, &loop->prepare) == 0);
    KW_ASSERT(uv_async_init(&loop->uv, &loop->async, on_async) == 0);
    loop->check.data = loop->prepare.data = loop->async.data = loop;
    (void)uv_check_start(&loop->check, on_check);
    (void)uv_prepare_start(&loop->prepare, on_prepare);
    uv_unref((uv_handle_t *)&loop->check);
    uv_unref((uv_handle_t *)&loop->prepare);
    uv_unref((uv_handle_t *)&loop->async);
    (void)pthread_mutex_init(&loop->post_lock, NULL);
    loop->last_job = &loop->first_job;
    loop->last_post = &loop->first_post;
    loop->turns =
        kw_metrics_counter(metrics, "kw_loop_turns_total", "", "Turns of the event loop.");
    return loop;
}

void kw_loop_run(struct kw_loop *loop)
{
    (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void kw_loop_stop(struct kw_loop *loop)
{
    uv_stop(&loop->uv);
    (void)uv_async_send(&loop->async);
}

void kw_loop_settle(struct kw_loop *loop)
{
    for (int turn = 0; turn < KW_SETTLE_TURNS; turn++)
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
}

static void count_open(uv_handle_t *handle, void *arg)
{
    if (!uv_is_closing(handle))
        (*(int *)arg)++;
}

static void signal_closed(uv_handle_t *handle)
{
    kw_free(handle->data);
}

void kw_loop_free(struct kw_loop *loop)
{
    int open = 0;
    on_async(&loop->async); /* what was posted last */
    while (loop->signals != NULL) {
        struct kw_signal *signal = loop->signals;
        loop->signals = signal->next;
        uv_close((uv_handle_t *)&signal->handle, signal_closed);
    }
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->async, NULL);
    uv_walk(&loop->uv, count_open, &open);
    KW_ASSERT(open == 0);                          /* an owner forgot to close its handle */
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) /* a stop that nobody ran for ends it early */
        continue;
    KW_ASSERT(uv_loop_close(&loop->uv) == 0);
    (void)pthread_mutex_destroy(&loop->post_lock);
    while (loop->block_count > 0)
        kw_free(kw_loop_block(loop));
    kw_free(loop);
}

void *kw_loop_block(struct kw_loop *loop)
{
    struct block *block = loop->blocks;
    if (block == NULL)
        return kw_alloc(KW_LOOP_BLOCK_BYTES);
    ASAN_UNPOISON_MEMORY_REGION(block, KW_LOOP_BLOCK_BYTES);
    loop->blocks = block->next;
    loop->block_count--;
    return block;
}

void kw_loop_block_free(struct kw_loop *loop, void *block)
{
    struct block *kept = block;
    if (loop->block_count == KW_BLOCKS_KEPT) {
        kw_free(block);
        return;
    }
    kept->next = loop->blocks;
    loop->blocks = kept;
    loop->block_count++;
    ASAN_POISON_MEMORY_REGION(kept, KW_LOOP_BLOCK_BYTES);
}

char *kw_loop_scratch(struct kw_loop *loop)
{
    return loop->scratch;
}

struct uv_loop_s *kw_loop_uv(struct kw_loop *loop)
{
    return &loop->uv;
}

int64_t kw_loop_now_ms(const struct kw_loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

void kw_loop_at_turn_end(struct kw_loop *loop, struct kw_turn_job *job)
{
    if (job->loop != NULL)
        return;
    job->loop = loop;
    job->round = loop->round;
    job->next = NULL;
    job->link = loop->last_job;
    *loop->last_job = job;
    loop->last_job = &job->next;
}

void kw_turn_job_cancel(struct kw_turn_job *job)
{
    if (job->loop != NULL)
        unlink_job(job->loop, job);
}

void kw_loop_hold(struct kw_loop *loop)
{
    if (loop->holds++ == 0)
        uv_ref((uv_handle_t *)&loop->async);
}

void kw_loop_unhold(struct kw_loop *loop)
{
    KW_ASSERT(loop->holds > 0);
    if (--loop->holds == 0)
        uv_unref((uv_handle_t *)&loop->async);
}

void kw_loop_post(struct kw_loop *loop, void (*run)(void *arg), void *arg)
{
    struct post *post = kw_alloc(sizeof *post);
    *post = (struct post){ NULL, run, arg };
    (void)pthread_mutex_lock(&loop->post_lock);
    *loop->last_post = post;
    loop->last_post = &post->next;
    (void)pthread_mutex_unlock(&loop->post_lock);
    (void)uv_async_send(&loop->async);
}

static void signal_came(uv_signal_t *handle, int signum)
{
    struct kw_signal *signal = handle->data;
    signal->on_signal(signal->arg, signum);
}

void kw_loop_on_signal(struct kw_loop *loop, int signum, void (*on_signal)(void *arg, int signum),
                       void *arg)
{
    struct kw_signal *signal = kw_zalloc(sizeof *signal);
    signal->on_signal = on_signal;
    signal->arg = arg;
    signal->next = loop->signals;
    loop->signals = signal;
    KW_ASSERT(uv_signal_init(&loop->uv, &signal->handle) == 0);
    signal->handle.data = signal;
    KW_ASSERT(uv_signal_start(&signal->handle, signal_came, signum) == 0);
    uv_unref((uv_handle_t *)&signal->handle);
}
