/* task.c - Tasks: pooled coroutines that wait and are continued from the loop. */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "script/host_internal.h"

enum task_state { TASK_FREE, TASK_RUNNING, TASK_WAITING };

struct task {
    struct lane lane;
    lua_State *co;
    int co_ref;
    enum task_state state;
    uint32_t slot, generation;
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
        task->co = lua_newthread(host->L);
        task->co_ref = luaL_ref(host->L, LUA_REGISTRYINDEX);
        *(struct lane **)lua_getextraspace(task->co) = &task->lane;
    }
    task->generation++;
    host->tasks_open++;
    return task;
}

static void task_release(struct task *task)
{
    struct kw_host *host = task->lane.host;
    lua_settop(task->co, 0);
    task->state = TASK_FREE;
    task->on_cancel = NULL;
    task->next_free = host->free_tasks;
    host->free_tasks = task;
    host->tasks_open--;
}

static void task_failed(struct task *task)
{
    struct kw_host *host = task->lane.host;
    const char *text = lua_tostring(task->co, -1);
    char error[2048];
    (void)snprintf(error, sizeof error, "%s", text != NULL ? text : "(an error without text)");
    luaL_traceback(host->L, task->co, NULL, 0);
    kw_metric_add(host->failures, 1);
    KW_LOG(KW_LOG_ERROR, "lua", "task failed", KW_LC("host", host->name), KW_LC("error", error),
           KW_LC("trace", lua_tostring(host->L, -1)));
    lua_pop(host->L, 1);
    (void)lua_resetthread(task->co);
    lua_settop(task->co, 0);
    task->on_done(KW_ESCRIPT, task->co, 0, error, task->arg);
    task_release(task);
}

static void run(struct task *task, int arguments)
{
    int results = 0;
    task->state = TASK_RUNNING;
    int code = lua_resume(task->co, task->lane.host->L, arguments, &results);
    if (code == LUA_YIELD) {
        if (task->state != TASK_WAITING) { /* coroutine.yield() by the script itself */
            lua_settop(task->co, 0);
            lua_pushliteral(task->co, "a task yielded without waiting for anything");
            task_failed(task);
        }
        return;
    }
    if (code != LUA_OK) {
        task_failed(task);
        return;
    }
    task->on_done(KW_OK, task->co, results, NULL, task->arg);
    task_release(task);
}

kw_err kw_task_start(struct kw_host *host, int function_ref, const struct kw_run_limits *limits,
                     int (*push)(lua_State *L, void *arg), kw_task_on_done *on_done, void *arg,
                     struct kw_task_id *id)
{
    (void)limits;
    struct task *task = host->ending ? NULL : task_new(host);
    if (task == NULL)
        return KW_EBUSY;
    task->on_done = on_done;
    task->arg = arg;
    if (id != NULL)
        *id = (struct kw_task_id){ task->slot, task->generation };
    lua_rawgeti(task->co, LUA_REGISTRYINDEX, function_ref);
    int count = push != NULL ? push(task->co, arg) : 0;
    run(task, count);
    return KW_OK;
}

static struct task *find(struct kw_host *host, struct kw_task_id id)
{
    struct task *task = id.slot < host->task_slots ? host->tasks[id.slot] : NULL;
    return task != NULL && task->generation == id.generation && task->state == TASK_WAITING ? task
                                                                                            : NULL;
}

static void cancel(struct task *task)
{
    void (*on_cancel)(void *) = task->on_cancel;
    task->on_cancel = NULL;
    if (on_cancel != NULL)
        on_cancel(task->cancel_arg);
    (void)lua_resetthread(task->co);
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
    if (task == NULL)
        luaL_error(L, "cannot wait here: not inside a task");
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

bool kw_task_resume(struct kw_host *host, struct kw_task_id id,
                    int (*push)(lua_State *L, void *arg), void *arg)
{
    struct task *task = find(host, id);
    if (task == NULL)
        return false;
    task->on_cancel = NULL;
    int count = push != NULL ? push(task->co, arg) : 0;
    run(task, count);
    return true;
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
