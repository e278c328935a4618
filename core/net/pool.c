/* pool.c - Threads that take jobs from one bounded queue and hand them back through the loop.
 *
 * One post carries all the jobs that were finished before the loop got to it, so a burst wakes the
 * loop once. A pool that is freed while such a post is on its way is taken down by that post. */
#include "net/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/mem.h"

struct job {
    struct job *next;
    struct kw_pool *pool;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

struct kw_pool {
    struct kw_loop *loop;
    pthread_t *threads;
    unsigned thread_count, queue_limit;
    atomic_uint waiting;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct job *first, **last; /* to do */
    struct job *first_done, **last_done;
    bool posted, stopping, gone; /* gone: the last post frees the pool */
};

static void take_down(struct kw_pool *pool)
{
    (void)pthread_mutex_destroy(&pool->lock);
    (void)pthread_cond_destroy(&pool->wake);
    kw_free(pool->threads);
    kw_free(pool);
}

static void deliver(void *arg)
{
    struct kw_pool *pool = arg;
    if (pool->gone) {
        take_down(pool);
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    struct job *job = pool->first_done;
    pool->first_done = NULL;
    pool->last_done = &pool->first_done;
    pool->posted = false;
    (void)pthread_mutex_unlock(&pool->lock);
    while (job != NULL) {
        struct job *next = job->next;
        kw_loop_unhold(pool->loop);
        job->done(job->arg);
        kw_free(job);
        job = next;
    }
}

static void *worker(void *arg)
{
    struct kw_pool *pool = arg;
    (void)pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->first == NULL && !pool->stopping)
            (void)pthread_cond_wait(&pool->wake, &pool->lock);
        struct job *job = pool->first;
        if (job == NULL)
            break;
        pool->first = job->next;
        if (pool->first == NULL)
            pool->last = &pool->first;
        atomic_fetch_sub(&pool->waiting, 1);
        (void)pthread_mutex_unlock(&pool->lock);
        job->work(job->arg);
        (void)pthread_mutex_lock(&pool->lock);
        job->next = NULL;
        *pool->last_done = job;
        pool->last_done = &job->next;
        if (!pool->posted && !pool->stopping) {
            pool->posted = true;
            kw_loop_post(pool->loop, deliver, pool);
        }
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct kw_pool *kw_pool_new(struct kw_loop *loop, const char *name, unsigned threads,
                            unsigned queue_limit)
{
    struct kw_pool *pool = kw_zalloc(sizeof *pool);
    pool->loop = loop;
    pool->queue_limit = queue_limit;
    pool->last = &pool->first;
    pool->last_done = &pool->first_done;
    (void)pthread_mutex_init(&pool->lock, NULL);
    (void)pthread_cond_init(&pool->wake, NULL);
    pool->threads = kw_zalloc(threads * sizeof *pool->threads);
    for (; pool->thread_count < threads; pool->thread_count++) {
        KW_ASSERT(pthread_create(&pool->threads[pool->thread_count], NULL, worker, pool) == 0);
        (void)pthread_setname_np(pool->threads[pool->thread_count], name);
    }
    return pool;
}

kw_err kw_pool_submit(struct kw_pool *pool, void (*work)(void *arg), void (*done)(void *arg),
                      void *arg)
{
    if (pool->stopping || atomic_load(&pool->waiting) >= pool->queue_limit)
        return KW_EBUSY;
    struct job *job = kw_alloc(sizeof *job);
    *job = (struct job){ NULL, pool, work, done, arg };
    atomic_fetch_add(&pool->waiting, 1);
    (void)pthread_mutex_lock(&pool->lock);
    *pool->last = job;
    pool->last = &job->next;
    (void)pthread_cond_signal(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
    kw_loop_hold(pool->loop);
    return KW_OK;
}

unsigned kw_pool_waiting(const struct kw_pool *pool)
{
    return atomic_load(&((struct kw_pool *)(uintptr_t)pool)->waiting);
}

void kw_pool_free(struct kw_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->thread_count; i++)
        (void)pthread_join(pool->threads[i], NULL);
    bool posted = pool->posted;
    deliver(pool);
    pool->gone = true;
    if (!posted)
        take_down(pool);
}
