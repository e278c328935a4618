/* host_internal.h - The host's inside, for the files of script/ only. */
#ifndef KW_SCRIPT_HOST_INTERNAL_H
#define KW_SCRIPT_HOST_INTERNAL_H

#include "script/host.h"

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
    char *name;
    char *roots[KW_HOST_ROOTS];
    size_t root_count;
    size_t memory_bytes, memory_limit;
    struct lane main_lane;
    struct task **tasks; /* by slot */
    uint32_t task_slots, tasks_open, max_tasks;
    struct task *free_tasks;
    struct kw_metric *failures;
    bool ending;
};

int kw_host_traceback(lua_State *L);              /* message handler. Stack [-1, +1] */
void kw_open_basic_modules(struct kw_host *host); /* kw.json, kw.log, kw.time */
void kw_tasks_end(struct kw_host *host);          /* cancels all; before lua_close */
void kw_tasks_free(struct kw_host *host);         /* memory; after lua_close */

#endif
