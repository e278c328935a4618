/* host_internal.h - The host's inside, for the files of script/ only. */
#ifndef KW_SCRIPT_HOST_INTERNAL_H
#define KW_SCRIPT_HOST_INTERNAL_H

#include "script/heap.h"
#include "script/host.h"
#include "script/watch.h"

#define KW_HOST_ROOTS 4

struct task;

/* What a coroutine finds in its extra space: whose it is, and the task it runs (NULL: none). */
struct lane {
    struct kw_host *host;
    struct task *task;
};

struct kw_host {
    lua_State *L;
    enum kw_trust trust;
    char *name, *zone;
    char *roots[KW_HOST_ROOTS];
    size_t root_count;
    size_t memory_bytes, memory_limit, collected_bytes;
    struct kw_heap heap;
    struct lane main_lane;
    struct kw_watch watch;
    int64_t load_us, loaded_us; /* CPU time that loading may take and has taken; 0: no limit */
    struct task **tasks;        /* by slot */
    uint32_t task_slots, tasks_open, max_tasks;
    struct task *free_tasks;
    struct task *waits, *last_wait; /* waiting tasks with a limit, oldest first */
    void (*on_limited_wait)(void *arg);
    void *on_limited_wait_arg;
    struct kw_metric *failures;
    int64_t log_second; /* site: lines of kw.log in this second */
    int64_t log_lines;
    bool ending;
};

int kw_host_traceback(lua_State *L); /* message handler. Stack [-1, +1] */
/* Run function(L) with `arg` as its light userdata argument under a protected call of the main
 * state, outside of any watch: for C's own steps that may run out of memory. The error is logged. */
kw_err kw_host_protect(struct kw_host *host, lua_CFunction function, void *arg);
void kw_open_basic_modules(struct kw_host *host); /* kw.json, kw.log, kw.time */
/* Site only: the environment (sandbox.c). Run PATH in a new one and leave its value; raises. [-0, +1] */
void kw_open_sandbox(struct kw_host *host);
void kw_sandbox_run_file(lua_State *L, const char *path);
void kw_open_guarded(lua_State *L, int table);    /* pcall, xpcall into a table. [-0, +0] */
void kw_open_coroutines(lua_State *L, int table); /* resume, wrap, close. [-0, +0] */
void kw_tasks_end(struct kw_host *host);          /* cancels all; before lua_close */
void kw_tasks_free(struct kw_host *host);         /* memory; after lua_close */

#endif
