/* host.h - The Lua host: states, tasks, limits, modules.
 *
 * Two kinds of state live on the loop thread: the core state (shipped Lua, trusted) and a site state
 * (the operator's `site/` folder, sandboxed). A task is a pooled coroutine; a C function that must wait
 * calls kw_task_suspend() and whoever has the answer calls kw_task_resume() from the loop, never from
 * inside a host call. The net, store and feed layers are not known here: `app` registers them as
 * modules (a table of lua_CFunctions) with kw_host_module().
 *
 * Every entry into Lua goes through one protected call with traceback, deadline and memory cap. */
#ifndef KW_SCRIPT_HOST_H
#define KW_SCRIPT_HOST_H

#include <stdbool.h>

#include <lua.h>
#include <lauxlib.h>

#include "base/metrics.h"
#include "base/str.h"

struct kw_host;
struct kw_task;

/* A waiting task is named by slot and generation, never by pointer: a late answer to a cancelled task
 * is dropped by kw_task_resume(). */
struct kw_task_id {
    uint32_t slot, generation;
};

enum kw_trust { KW_TRUST_CORE, KW_TRUST_SITE };

struct kw_host_options {
    enum kw_trust trust;
    const char *name;         /* "core", "site", in logs and metrics */
    const char *const *roots; /* NULL-terminated folders for require and kw_host_load, first wins */
    size_t memory_limit_bytes; /* 0: site 32 MiB, core 512 MiB */
    unsigned max_tasks;        /* 0: site 256, core 65,536 */
    int64_t load_us;           /* CPU time for all kw_host_load(); 0: site 500 ms, core none */
    const char *zone;          /* site: kw.zone; NULL: "UTC" */
    struct kw_metrics *metrics;
    /* A task has begun a wait with a limit: call kw_host_expire_waits() now and then. May be NULL. */
    void (*on_limited_wait)(void *arg);
    void *on_limited_wait_arg;
};

KW_MUST_USE kw_err kw_host_new(const struct kw_host_options *options, struct kw_host **out,
                               char *error, size_t error_size);
void kw_host_free(
    struct kw_host *host); /* waiting tasks are cancelled (their waits get on_cancel) */
lua_State *kw_host_state(struct kw_host *host);
struct kw_host *kw_host_of(lua_State *L); /* any coroutine of it */
enum kw_trust kw_host_trust(const struct kw_host *host);

/* A module for `require "NAME"` in this host (e.g. "kw.redis"). `upvalue` is the light userdata that
 * each function finds at lua_upvalueindex(1). */
void kw_host_module(struct kw_host *host, const char *name, const struct luaL_Reg *functions,
                    void *upvalue);

/* Deadlines in thread CPU time; 0: none (core start-up). A run that passes one is ended with an error
 * that no pcall, xpcall or coroutine of the script can keep (watch.h): KW_ETIMEOUT. A wait that
 * passes its own is ended for the task with nil, "timeout", detail (and on_cancel for the waker). */
struct kw_run_limits {
    int64_t slice_us; /* one run without a wait */
    int64_t total_us; /* all slices of the task */
    int64_t wait_ms;  /* a single wait */
};

/* Load and run FILE (found in the roots) and keep its returned value under `name` for kw_host_call().
 * Error text has file and line, then a traceback on lines of its own. Not a task: must not wait.
 * In a site the file gets an environment of its own (sandbox.h), locked when it has run. */
KW_MUST_USE kw_err kw_host_load(struct kw_host *host, const char *file, const char *name,
                                char *error, size_t error_size);

/* Call NAME.FUNCTION of a loaded value synchronously: push arguments through `push` (returns their
 * number; may raise), read results through `read` (stack: results on top, `n` of them; runs outside
 * of the protected call: must not raise). Must not wait. KW_ENOTFOUND: no such function. */
KW_MUST_USE kw_err kw_host_call(struct kw_host *host, const char *name, const char *function,
                                const struct kw_run_limits *limits,
                                int (*push)(lua_State *L, void *arg),
                                void (*read)(lua_State *L, int n, void *arg), void *arg,
                                char *error, size_t error_size);

/* FIELD of a loaded value (the value itself when `field` is NULL) onto the state's stack, without
 * metamethods; nil when there is none. True: it is a function. May raise (memory). Stack [-0, +1]. */
bool kw_host_push_loaded(struct kw_host *host, const char *name, const char *field);

/* KW_EBUSY: too many tasks. KW_ENOMEM: the host is at its memory cap.
 * Start a task that calls the function at registry reference `function_ref` (kw_host_ref) with the
 * arguments that `push` makes on the new coroutine. It runs at once until its first wait. on_done is
 * called exactly once: with KW_OK and its results on L, or an error and its text (file:line: ...,
 * traceback in the log). May be called before kw_task_start() returns. */
typedef void kw_task_on_done(kw_err err, lua_State *L, int results, const char *error, void *arg);
KW_MUST_USE kw_err kw_task_start(struct kw_host *host, int function_ref,
                                 const struct kw_run_limits *limits,
                                 int (*push)(lua_State *L, void *arg), kw_task_on_done *on_done,
                                 void *arg, struct kw_task_id *id /* may be NULL */);
/* The client went away: the task is ended at its wait (on_cancel of the wait runs), on_done gets
 * KW_ECANCELLED. A finished task: nothing. */
void kw_task_cancel(struct kw_host *host, struct kw_task_id id);

/* From a lua_CFunction running inside a task: give up the processor. Use as
 *     return kw_task_suspend(L, on_cancel, arg);
 * after storing kw_task_current(L). Raises "cannot wait here" outside of a task. on_cancel (may be
 * NULL) tells that nobody waits any more; kw_task_resume() then must not be called with arg's memory. */
struct kw_task_id kw_task_current(lua_State *L);
bool kw_task_can_wait(lua_State *L);
int kw_task_suspend(lua_State *L, void (*on_cancel)(void *arg), void *arg);
/* Continue a waiting task: `push` puts the results of the wait on its stack. Unknown or finished id:
 * nothing happens, false. From the loop only. */
bool kw_task_resume(struct kw_host *host, struct kw_task_id id,
                    int (*push)(lua_State *L, void *arg), void *arg);

int kw_host_ref(struct kw_host *host, lua_State *L); /* pop a value, keep it; luaL_ref */
void kw_host_unref(struct kw_host *host, int ref);

/* The value kept under `name`, or its field `key` (NULL: the whole), pushed on the host's main state
 * without metamethods. Nothing is pushed and false returned when it is absent. [-0, +0|1] */
bool kw_host_push_value(struct kw_host *host, const char *name, const char *key);
void kw_host_forget(struct kw_host *host, const char *name); /* a value of kw_host_load() */

/* End the waits whose limit has passed (nil, "timeout" for their tasks). Returns how many limited
 * waits are left. From the loop only. */
unsigned kw_host_expire_waits(struct kw_host *host);

size_t kw_host_memory_bytes(const struct kw_host *host);
unsigned kw_host_tasks(const struct kw_host *host);

/* json.c: values between Lua and JSON text. kw.null is a light userdata NULL; arrays are tables with
 * the metatable of kw.json.array or with 1..n; an empty table is {} unless marked as array. */
KW_MUST_USE kw_err kw_lua_push_json(lua_State *L, struct kw_str json, char *error,
                                    size_t error_size);
KW_MUST_USE kw_err kw_lua_write_json(lua_State *L, int index, struct kw_buf *out, char *error,
                                     size_t error_size);

/* Copy `count` values from index `first` of one state onto another: data only (nil, booleans, numbers,
 * text, JSON null, tables of these with text or integer keys; no metamethods), at most KW_COPY_DEPTH deep,
 * KW_COPY_VALUES values, KW_COPY_BYTES of text. `to` NULL: only check. NULL, or why it cannot go ("a
 * function, ..."; nothing was pushed). Raises in `to` only (memory), never in `from`. */
#define KW_COPY_DEPTH 32
#define KW_COPY_VALUES 100000
#define KW_COPY_BYTES 4194304
const char *kw_lua_copy(lua_State *from, int first, int count, lua_State *to);

#endif
