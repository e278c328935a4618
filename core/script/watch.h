/* watch.h - The watchdog of one host: ends a run of Lua that uses more thread CPU time than it may.
 *
 * A hook that is always set costs 1.2 to 3 times (measured), so none is. A POSIX timer on the CPU
 * clock of the loop's thread signals past the deadline, and only then the handler sets a hook on the
 * innermost running coroutine. From then on every instruction raises, so that no pcall keeps it.
 *
 * A hook cannot fire inside a C function: whatever C loops on a script's data looks at
 * kw_watch_expired() or has a limit of its own. And Lua turns hooks off in a coroutine whose hook
 * raised: such a coroutine is never run again (task.c drops it, close and wrap leave it alone).
 *
 * The timer's grain is the kernel's tick (4 ms). In a site host it is set for each run; in the core
 * host it is set at most once per limit of used CPU time (no system call per request), which ends a
 * run between one and two limits. */
#ifndef KW_SCRIPT_WATCH_H
#define KW_SCRIPT_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <lua.h>

struct kw_watch {
    timer_t timer;
    bool has_timer;
    bool exact;                    /* set the timer for each run */
    lua_State *volatile current;   /* innermost running coroutine */
    volatile sig_atomic_t expired; /* this run is over: nothing may swallow it */
    volatile int64_t limit_us;     /* of the running slice; 0: none */
    volatile int64_t armed_us;     /* what the timer was set to; 0: not set */
    volatile uint32_t slice;       /* the running slice */
    volatile uint32_t armed_slice; /* the slice in which the timer was set */
    uint32_t last_slice;
    int64_t deadline_us; /* of the running slice, on the thread's CPU clock; exact only */
};

/* One run on the C stack of whoever starts it; runs of one host nest. */
struct kw_watch_frame {
    lua_State *current;
    sig_atomic_t expired;
    int64_t limit_us, deadline_us;
    uint32_t slice;
};

/* The timer belongs to the thread that calls this, which must be the thread that runs the host. */
void kw_watch_init(struct kw_watch *watch, bool exact);
void kw_watch_free(struct kw_watch *watch);

/* L is about to run for at most limit_us (0: no limit). */
void kw_watch_enter(struct kw_watch *watch, struct kw_watch_frame *frame, lua_State *L,
                    int64_t limit_us);
/* True: the run was ended by the watchdog. */
bool kw_watch_leave(struct kw_watch *watch, struct kw_watch_frame *frame);

/* Thread CPU time now, microseconds. */
int64_t kw_watch_cpu_us(void);

static inline bool kw_watch_expired(const struct kw_watch *watch)
{
    return watch->expired != 0;
}

/* Raise the overrun error in L if its host's run is over. Stack [-0, +0]. */
void kw_watch_check(lua_State *L);

#endif
