/* task.c - Tasks: pooled coroutines that wait and are continued from the loop. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "script/host_internal.h"

#define KW_CLOSE_US 5000 /* for the variables to be closed of a cancelled task */

enum task_state { TASK_FREE, TASK_RUNNING, TASK_WAITING };

struct task {
    struct lane lane;
    lua_State *co; /* NULL: to be made by the next start (new, or its last run failed) */
    int co_ref;
    enum task_state state;
    uint32_t slot, generation;
    struct kw_run_limits limits;
    int64_t used_us; /* CPU time of all slices; kept only under limits.total_us */
    int64_t wait_until_us;
    struct task *next_wait, *last_wait;
    bool in_waits;
    void (*on_cancel)(void *arg);
    void *cancel_arg;
    kw_task_on_done *on_done;
    void *arg;
    struct task *next_free;
};

static struct task *task_new(struct kw_host *host)
{
    struct task *task = host->free_tasks;
    if (task != NULL) {
        host->free_tasks = task->next_free;
    } else {
        if (host->task_slots >= host->max_tasks)
            return NULL;
        task = kw_zalloc(sizeof *task);
        task->slot = host->task_slots;
        host->tasks = kw_realloc(host->tasks, (host->task_slots + 1) * sizeof(struct task *));
        host->tasks[host->task_slots++] = task;
        task->lane = (struct lane){ host, task };
    }
    task->generation++;
    host->tasks_open++;
    return task;
}

/* In a coroutine whose hook raised Lua keeps hooks off for good, so a failed one is not used again. */
static void drop_coroutine(struct task *task)
{
    if (task->co == NULL)
        return;
    luaL_unref(task->lane.host->L, LUA_REGISTRYINDEX, task->co_ref);
    task->co = NULL;
}

static void task_release(struct task *task)
{
    struct kw_host *host = task->lane.host;
    if (task->co != NULL)
        lua_settop(task->co, 0);
    task->state = TASK_FREE;
    task->on_cancel = NULL;
    task->next_free = host->free_tasks;
    host->free_tasks = task;
    host->tasks_open--;
}

static void leave_waits(struct task *task)
{
    struct kw_host *host = task->lane.host;
    if (!task->in_waits)
        return;
    *(task->last_wait != NULL ? &task->last_wait->next_wait : &host->waits) = task->next_wait;
    *(task->next_wait != NULL ? &task->next_wait->last_wait : &host->last_wait) = task->last_wait;
    task->next_wait = task->last_wait = NULL;
    task->in_waits = false;
}

static void enter_waits(struct task *task)
{
    struct kw_host *host = task->lane.host;
    if (task->limits.wait_ms <= 0)
        return;
    task->wait_until_us = kw_mono_us() + task->limits.wait_ms * 1000;
    task->in_waits = true;
    task->last_wait = host->last_wait;
    *(host->last_wait != NULL ? &host->last_wait->next_wait : &host->waits) = task;
    host->last_wait = task;
    if (host->on_limited_wait != NULL)
        host->on_limited_wait(host->on_limited_wait_arg);
}

static int trace_inside(lua_State *L)
{
    const struct task *task = lua_touserdata(L, 1);
    struct kw_host *host = task->lane.host;
    luaL_traceback(L, task->co, NULL, 0);
    KW_LOG(KW_LOG_ERROR, "lua", "task failed", KW_LC("host", host->name),
           KW_LC("trace", lua_tostring(L, -1)));
    return 0;
}

/* The coroutine is dead (or never began). */
static void task_failed(struct task *task, kw_err err, const char *text)
{
    struct kw_host *host = task->lane.host;
    char error[2048];
    (void)snprintf(error, sizeof error, "%s", text != NULL ? text : "(an error without text)");
    kw_metric_add(host->failures, 1);
    if (task->co != NULL) {
        KW_IGNORE(kw_host_protect(host, trace_inside, task));
        if (host->trust == KW_TRUST_CORE)
            (void)lua_resetthread(task->co); /* its variables to be closed */
        lua_settop(task->co, 0);
    }
    lua_State *L = task->co != NULL ? task->co : host->L;
    task->on_done(err, L, 0, error, task->arg);
    drop_coroutine(task);
    task_release(task);
}

static int64_t slice_limit_us(const struct task *task)
{
    const struct kw_run_limits *limits = &task->limits;
    if (limits->total_us <= 0)
        return limits->slice_us;
    int64_t left_us = limits->total_us > task->used_us ? limits->total_us - task->used_us : 1;
    return limits->slice_us > 0 && limits->slice_us < left_us ? limits->slice_us : left_us;
}

static const char *error_text(lua_State *L)
{
    if (lua_gettop(L) == 0 || lua_type(L, -1) != LUA_TSTRING)
        return NULL;
    return lua_tostring(L, -1);
}

static void run(struct task *task, int arguments)
{
    int results = 0;
    struct kw_host *host = task->lane.host;
    struct kw_watch_frame frame;
    bool measured = task->limits.total_us > 0;
    int64_t from_us = measured ? kw_watch_cpu_us() : 0;
    task->state = TASK_RUNNING;
    kw_watch_enter(&host->watch, &frame, task->co, slice_limit_us(task));
    int code = lua_resume(task->co, host->L, arguments, &results);
    bool expired = kw_watch_leave(&host->watch, &frame);
    if (measured)
        task->used_us += kw_watch_cpu_us() - from_us;
    if (code == LUA_YIELD && task->state == TASK_WAITING) {
        enter_waits(task);
        return;
    }
    if (code == LUA_YIELD) { /* coroutine.yield() by the script itself */
        task_failed(task, KW_ESCRIPT, "a task yielded without waiting for anything");
        return;
    }
    if (code != LUA_OK) {
        task_failed(task, expired ? KW_ETIMEOUT : KW_ESCRIPT, error_text(task->co));
        return;
    }
    task->on_done(KW_OK, task->co, results, NULL, task->arg);
    task_release(task);
}

/* What `push` does may run out of memory, so it runs protected: the error goes through the
 * coroutine (which is not running) to the main state's call. */
struct pushing {
    struct task *task;
    int function_ref; /* LUA_NOREF: a resume */
    int (*push)(lua_State *L, void *arg);
    void *arg;
    int count;
};

static int push_inside(lua_State *L)
{
    struct pushing *pushing = lua_touserdata(L, 1);
    struct task *task = pushing->task;
    if (task->co == NULL) {
        lua_State *co = lua_newthread(L);
        task->co_ref = luaL_ref(L, LUA_REGISTRYINDEX);
        task->co = co;
        *(struct lane **)lua_getextraspace(co) = &task->lane;
    }
    luaL_checkstack(task->co, 8, "task");
    if (pushing->function_ref != LUA_NOREF)
        lua_rawgeti(task->co, LUA_REGISTRYINDEX, pushing->function_ref);
    pushing->count = pushing->push != NULL ? pushing->push(task->co, pushing->arg) : 0;
    return 0;
}

kw_err kw_task_start(struct kw_host *host, int function_ref, const struct kw_run_limits *limits,
                     int (*push)(lua_State *L, void *arg), kw_task_on_done *on_done, void *arg,
                     struct kw_task_id *id)
{
    struct task *task = host->ending ? NULL : task_new(host);
    if (task == NULL)
        return KW_EBUSY;
    struct pushing pushing = { task, function_ref, push, arg, 0 };
    task->limits = limits != NULL ? *limits : (struct kw_run_limits){ 0, 0, 0 };
    task->used_us = 0;
    if (kw_host_protect(host, push_inside, &pushing) != KW_OK) {
        drop_coroutine(task);
        task_release(task);
        return KW_ENOMEM;
    }
    task->on_done = on_done;
    task->arg = arg;
    if (id != NULL)
        *id = (struct kw_task_id){ task->slot, task->generation };
    run(task, pushing.count);
    return KW_OK;
}

static struct task *find(struct kw_host *host, struct kw_task_id id)
{
    struct task *task = id.slot < host->task_slots ? host->tasks[id.slot] : NULL;
    return task != NULL && task->generation == id.generation && task->state == TASK_WAITING ? task
                                                                                            : NULL;
}

/* The wait is over without its result. */
static void nobody_waits(struct task *task)
{
    void (*on_cancel)(void *) = task->on_cancel;
    task->on_cancel = NULL;
    leave_waits(task);
    if (on_cancel != NULL)
        on_cancel(task->cancel_arg);
}

static void cancel(struct task *task)
{
    struct kw_host *host = task->lane.host;
    struct kw_watch_frame frame;
    nobody_waits(task);
    int64_t limit_us = slice_limit_us(task);
    if (limit_us == 0 && host->trust == KW_TRUST_SITE)
        limit_us = KW_CLOSE_US;
    kw_watch_enter(&host->watch, &frame, task->co, limit_us);
    int status = lua_resetthread(task->co); /* runs the script's __close */
    if (kw_watch_leave(&host->watch, &frame) || status != LUA_OK) {
        lua_settop(task->co, 0);
        task->on_done(KW_ECANCELLED, task->co, 0, "cancelled", task->arg);
        drop_coroutine(task);
        task_release(task);
        return;
    }
    task->on_done(KW_ECANCELLED, task->co, 0, "cancelled", task->arg);
    task_release(task);
}

void kw_task_cancel(struct kw_host *host, struct kw_task_id id)
{
    struct task *task = find(host, id);
    if (task != NULL)
        cancel(task);
}

struct kw_task_id kw_task_current(lua_State *L)
{
    struct task *task = (*(struct lane **)lua_getextraspace(L))->task;
    if (task == NULL) {
        luaL_error(L, "cannot wait here: not inside a task");
        return (struct kw_task_id){ UINT32_MAX, 0 }; /* not reached */
    }
    return (struct kw_task_id){ task->slot, task->generation };
}

bool kw_task_can_wait(lua_State *L)
{
    const struct task *task = (*(struct lane **)lua_getextraspace(L))->task;
    return task != NULL && task->co == L && task->state == TASK_RUNNING && lua_isyieldable(L);
}

int kw_task_suspend(lua_State *L, void (*on_cancel)(void *arg), void *arg)
{
    struct task *task = (*(struct lane **)lua_getextraspace(L))->task;
    if (task == NULL || !lua_isyieldable(L))
        return luaL_error(L, "cannot wait here");
    task->state = TASK_WAITING;
    task->on_cancel = on_cancel;
    task->cancel_arg = arg;
    return lua_yield(L, 0);
}

static void resume(struct task *task, int (*push)(lua_State *L, void *arg), void *arg)
{
    struct pushing pushing = { task, LUA_NOREF, push, arg, 0 };
    leave_waits(task);
    /* Checked here too: no slice need be as long as the grain of the watchdog. */
    if (task->limits.total_us > 0 && task->used_us >= task->limits.total_us)
        task_failed(task, KW_ETIMEOUT, "the task used more CPU time than its limit in all");
    else if (kw_host_protect(task->lane.host, push_inside, &pushing) == KW_OK)
        run(task, pushing.count);
    else
        task_failed(task, KW_ENOMEM, "out of memory");
}

bool kw_task_resume(struct kw_host *host, struct kw_task_id id,
                    int (*push)(lua_State *L, void *arg), void *arg)
{
    struct task *task = find(host, id);
    if (task == NULL)
        return false;
    task->on_cancel = NULL;
    resume(task, push, arg);
    return true;
}

static int push_timeout(lua_State *L, void *arg)
{
    const struct task *task = arg;
    lua_pushnil(L);
    lua_pushliteral(L, "timeout");
    lua_pushfstring(L, "the wait took longer than its limit of %d ms", (int)task->limits.wait_ms);
    return 3;
}

unsigned kw_host_expire_waits(struct kw_host *host)
{
    int64_t now_us = kw_mono_us();
    unsigned left = 0;
    struct task *task = host->waits;
    while (task != NULL) {
        if (task->wait_until_us > now_us) {
            task = task->next_wait;
            left++;
            continue;
        }
        nobody_waits(task);
        resume(task, push_timeout, task);
        task = host->waits; /* anything may have happened */
        left = 0;
    }
    return left;
}

unsigned kw_host_tasks(const struct kw_host *host)
{
    return host->tasks_open;
}

void kw_tasks_end(struct kw_host *host)
{
    host->ending = true;
    for (uint32_t i = 0; i < host->task_slots; i++) {
        if (host->tasks[i]->state == TASK_WAITING)
            cancel(host->tasks[i]);
    }
}

void kw_tasks_free(struct kw_host *host)
{
    for (uint32_t i = 0; i < host->task_slots; i++)
        kw_free(host->tasks[i]);
    kw_free(host->tasks);
}
