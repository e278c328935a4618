/* resolve.c - See resolve.h. The lock decides who frees: the loop if it still waits, else the thread. */
#include "feed/resolve.h"

#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"

struct kw_resolve {
    pthread_mutex_t lock;
    struct kw_loop *loop;
    void (*on_done)(const struct addrinfo *found, void *arg);
    void *arg;
    char *host;
    char service[8];
    struct addrinfo *found;
    bool cancelled;
};

static void resolve_free(struct kw_resolve *resolve)
{
    if (resolve->found != NULL)
        freeaddrinfo(resolve->found);
    (void)pthread_mutex_destroy(&resolve->lock);
    kw_free(resolve->host);
    kw_free(resolve);
}

static void on_loop(void *arg)
{
    struct kw_resolve *resolve = arg;
    (void)pthread_mutex_lock(&resolve->lock); /* the thread has left the lock for good */
    (void)pthread_mutex_unlock(&resolve->lock);
    if (!resolve->cancelled)
        resolve->on_done(resolve->found, resolve->arg);
    resolve_free(resolve);
}

static void *look_up(void *arg)
{
    struct kw_resolve *resolve = arg;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG };
    struct addrinfo *found = NULL;
    if (getaddrinfo(resolve->host, resolve->service, &hints, &found) != 0)
        found = NULL;
    (void)pthread_mutex_lock(&resolve->lock);
    resolve->found = found;
    bool cancelled = resolve->cancelled;
    if (!cancelled)
        kw_loop_post(resolve->loop, on_loop,
                     resolve); /* under the lock: the loop cannot go before */
    (void)pthread_mutex_unlock(&resolve->lock);
    if (cancelled)
        resolve_free(resolve);
    return NULL;
}

struct kw_resolve *kw_resolve_start(struct kw_loop *loop, const char *host, uint16_t port,
                                    void (*on_done)(const struct addrinfo *found, void *arg),
                                    void *arg)
{
    pthread_t thread;
    struct kw_resolve *resolve = kw_zalloc(sizeof *resolve);
    (void)pthread_mutex_init(&resolve->lock, NULL);
    resolve->loop = loop;
    resolve->on_done = on_done;
    resolve->arg = arg;
    resolve->host = kw_strdup(host);
    (void)snprintf(resolve->service, sizeof resolve->service, "%u", port);
    if (pthread_create(&thread, NULL, look_up, resolve) != 0) {
        resolve_free(resolve);
        return NULL;
    }
    (void)pthread_detach(thread);
    return resolve;
}

void kw_resolve_cancel(struct kw_resolve *resolve)
{
    if (resolve == NULL)
        return;
    (void)pthread_mutex_lock(&resolve->lock);
    resolve->cancelled = true;
    (void)pthread_mutex_unlock(&resolve->lock);
}
