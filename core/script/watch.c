/* watch.c - The CPU timer, its signal, and the hook that ends a run. */
#include "script/watch.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "script/host_internal.h"

#define KW_WATCH_SIGNAL (SIGRTMIN + 3)
#define KW_WATCH_AGAIN_US 4000 /* past the deadline: look again, in case a coroutine just changed */

#ifndef sigev_notify_thread_id /* glibc before 2.38 hides the field's name */
#define sigev_notify_thread_id _sigev_un._tid
#endif

static void overrun(lua_State *L)
{
    const struct kw_watch *watch = &kw_host_of(L)->watch;
    luaL_where(L, 0);
    if (lua_rawlen(L, -1) == 0) { /* a C function: who called it? */
        lua_pop(L, 1);
        luaL_where(L, 1);
    }
    lua_pushfstring(L, "the script used more CPU time than its limit of %d ms",
                    (int)((watch->limit_us + 999) / 1000));
    lua_concat(L, 2);
    (void)lua_error(L);
}

/* Set by the signal on whatever was running. A run that ended meanwhile leaves it behind: the next
 * one takes it away. */
static void hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    if (kw_watch_expired(&kw_host_of(L)->watch))
        overrun(L);
    else
        lua_sethook(L, NULL, 0, 0);
}

void kw_watch_check(lua_State *L)
{
    if (kw_watch_expired(&kw_host_of(L)->watch))
        overrun(L);
}

static void arm(struct kw_watch *watch, int64_t after_us)
{
    struct itimerspec when = { .it_value = { .tv_sec = (time_t)(after_us / 1000000),
                                             .tv_nsec = (long)(after_us % 1000000) * 1000 } };
    watch->armed_us = after_us;
    watch->armed_slice = watch->slice;
    (void)timer_settime(watch->timer, 0, &when, NULL);
}

/* On the host's own thread, between any two instructions of it: only what is safe there
 * (timer_settime is; lua_sethook is made for this). */
static void on_signal(int signum, siginfo_t *info, void *context)
{
    (void)signum;
    (void)context;
    if (info->si_code != SI_TIMER)
        return;
    int saved = errno;
    struct kw_watch *watch = info->si_value.sival_ptr;
    watch->armed_us = 0;
    if (watch->limit_us == 0) {
        /* nothing with a limit is running */
    } else if (watch->armed_slice != watch->slice) {
        arm(watch, watch->limit_us); /* set for an earlier run: this one gets its whole time */
    } else {
        watch->expired = 1;
        lua_sethook(watch->current, hook, LUA_MASKCOUNT, 1);
        arm(watch, KW_WATCH_AGAIN_US);
    }
    errno = saved;
}

int64_t kw_watch_cpu_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void kw_watch_init(struct kw_watch *watch, bool exact)
{
    struct sigaction action;
    struct sigevent event;
    memset(watch, 0, sizeof *watch);
    watch->exact = exact;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(KW_WATCH_SIGNAL, &action, NULL);
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = KW_WATCH_SIGNAL;
    event.sigev_value.sival_ptr = watch;
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    watch->has_timer = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &watch->timer) == 0;
    if (!watch->has_timer)
        KW_LOG(KW_LOG_ERROR, "lua", "no CPU timer: scripts run without a deadline",
               KW_LC("error", strerror(errno)));
}

void kw_watch_free(struct kw_watch *watch)
{
    if (!watch->has_timer)
        return;
    watch->limit_us = 0;
    /* A signal that is already on its way is taken on the return of this call. */
    (void)timer_delete(watch->timer);
    watch->has_timer = false;
}

void kw_watch_enter(struct kw_watch *watch, struct kw_watch_frame *frame, lua_State *L,
                    int64_t limit_us)
{
    *frame = (struct kw_watch_frame){ watch->current, watch->expired, watch->limit_us,
                                      watch->deadline_us, watch->slice };
    watch->limit_us = 0; /* the handler does nothing while the fields change */
    atomic_signal_fence(memory_order_seq_cst);
    watch->current = L;
    watch->expired = 0;
    watch->slice = ++watch->last_slice;
    if (watch->exact && limit_us > 0)
        watch->deadline_us = kw_watch_cpu_us() + limit_us;
    atomic_signal_fence(memory_order_seq_cst);
    watch->limit_us = limit_us;
    if (limit_us > 0 && watch->has_timer &&
        (watch->exact || watch->armed_us == 0 || watch->armed_us > limit_us))
        arm(watch, limit_us);
}

bool kw_watch_leave(struct kw_watch *watch, struct kw_watch_frame *frame)
{
    bool expired = watch->expired != 0;
    watch->limit_us = 0;
    atomic_signal_fence(memory_order_seq_cst);
    watch->current = frame->current;
    watch->expired = frame->expired;
    watch->slice = frame->slice;
    watch->deadline_us = frame->deadline_us;
    atomic_signal_fence(memory_order_seq_cst);
    watch->limit_us = frame->limit_us;
    if (frame->limit_us > 0 && watch->has_timer) { /* the outer run, which waited for this one */
        int64_t left_us = watch->deadline_us - kw_watch_cpu_us();
        if (watch->exact)
            arm(watch, left_us > 0 ? left_us : 1);
        else if (watch->armed_us == 0)
            arm(watch, frame->limit_us);
    }
    return expired;
}
