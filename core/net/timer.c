/* timer.c - Timers and polled descriptors: memory goes in the close callback only.
 *
 * Both are thin: a timer counts from the moment of kw_timer_start(), not from the turn's cached time,
 * and a poll reports errors as readiness. Closing twice asserts. */
#include <uv.h>

#include "base/mem.h"
#include "net/loop.h"

struct kw_timer {
    uv_timer_t handle;
    void (*on_time)(struct kw_timer *timer, void *arg);
    void *arg;
};

static void fired(uv_timer_t *handle)
{
    struct kw_timer *timer = handle->data;
    timer->on_time(timer, timer->arg);
}

static void timer_closed(uv_handle_t *handle)
{
    kw_free(handle->data);
}

struct kw_timer *kw_timer_new(struct kw_loop *loop,
                              void (*on_time)(struct kw_timer *timer, void *arg), void *arg)
{
    struct kw_timer *timer = kw_zalloc(sizeof *timer);
    KW_ASSERT(uv_timer_init(kw_loop_uv(loop), &timer->handle) == 0);
    timer->handle.data = timer;
    timer->on_time = on_time;
    timer->arg = arg;
    return timer;
}

void kw_timer_start(struct kw_timer *timer, int64_t after_ms, int64_t repeat_ms)
{
    uv_update_time(timer->handle.loop);
    (void)uv_timer_start(&timer->handle, fired, after_ms > 0 ? (uint64_t)after_ms : 0,
                         repeat_ms > 0 ? (uint64_t)repeat_ms : 0);
}

void kw_timer_stop(struct kw_timer *timer)
{
    (void)uv_timer_stop(&timer->handle);
}

bool kw_timer_active(const struct kw_timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->handle);
}

void kw_timer_close(struct kw_timer *timer)
{
    if (timer == NULL)
        return;
    KW_ASSERT(!uv_is_closing((uv_handle_t *)&timer->handle));
    uv_close((uv_handle_t *)&timer->handle, timer_closed);
}

struct kw_poll {
    uv_poll_t handle;
    void (*on_event)(void *arg, int events);
    void *arg;
};

static void polled(uv_poll_t *handle, int status, int events)
{
    struct kw_poll *poll = handle->data;
    int ours =
        (events & UV_READABLE ? KW_POLL_READ : 0) | (events & UV_WRITABLE ? KW_POLL_WRITE : 0);
    poll->on_event(poll->arg, status < 0 ? KW_POLL_READ | KW_POLL_WRITE : ours);
}

static void poll_closed(uv_handle_t *handle)
{
    kw_free(handle->data);
}

struct kw_poll *kw_poll_new(struct kw_loop *loop, int fd, void (*on_event)(void *arg, int events),
                            void *arg)
{
    struct kw_poll *poll = kw_zalloc(sizeof *poll);
    if (uv_poll_init(kw_loop_uv(loop), &poll->handle, fd) != 0) {
        kw_free(poll);
        return NULL;
    }
    poll->handle.data = poll;
    poll->on_event = on_event;
    poll->arg = arg;
    return poll;
}

void kw_poll_set(struct kw_poll *poll, int events)
{
    int theirs =
        (events & KW_POLL_READ ? UV_READABLE : 0) | (events & KW_POLL_WRITE ? UV_WRITABLE : 0);
    if (theirs == 0)
        (void)uv_poll_stop(&poll->handle);
    else
        (void)uv_poll_start(&poll->handle, theirs, polled);
}

void kw_poll_close(struct kw_poll *poll)
{
    if (poll == NULL)
        return;
    KW_ASSERT(!uv_is_closing((uv_handle_t *)&poll->handle));
    uv_close((uv_handle_t *)&poll->handle, poll_closed);
}
