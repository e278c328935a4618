/* host.c - One Lua state: memory cap, loading, protected calls. Tasks are in task.c. */
#include "script/host_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lualib.h>

#include "base/log.h"
#include "base/mem.h"

#define KW_SITE_MEMORY_BYTES ((size_t)32 * 1024 * 1024)
#define KW_CORE_MEMORY_BYTES ((size_t)512 * 1024 * 1024)
#define KW_SITE_TASKS 256
#define KW_CORE_TASKS 65536

static const char loaded_key = 0; /* registry: table of kw_host_load() values */

/* Counting allocator: over the cap Lua gets NULL and raises its memory error. */
static void *capped(void *arg, void *block, size_t old_size, size_t new_size)
{
    struct kw_host *host = arg;
    size_t old = block != NULL ? old_size : 0;
    if (new_size == 0) {
        host->memory_bytes -= old;
        free(block);
        return NULL;
    }
    if (new_size > old && host->memory_bytes + (new_size - old) > host->memory_limit)
        return NULL;
    void *moved = realloc(block, new_size);
    if (moved != NULL)
        host->memory_bytes = host->memory_bytes - old + new_size;
    return moved;
}

static int panic(lua_State *L)
{
    KW_LOG(KW_LOG_ERROR, "lua", "error outside of a protected call",
           KW_LC("error", lua_tostring(L, -1)));
    return 0; /* Lua aborts */
}

int kw_host_traceback(lua_State *L)
{
    const char *text = lua_tostring(L, 1);
    if (text == NULL)
        text = lua_pushfstring(L, "(an error that is a %s)", luaL_typename(L, 1));
    luaL_traceback(L, L, text, 1);
    return 1;
}

static void set_paths(struct kw_host *host, const char *const *roots)
{
    lua_State *L = host->L;
    luaL_Buffer path;
    luaL_buffinit(L, &path);
    for (; *roots != NULL; roots++) {
        luaL_addstring(&path, *roots);
        luaL_addstring(&path, "/?.lua;");
        if (host->root_count < KW_HOST_ROOTS)
            host->roots[host->root_count++] = kw_strdup(*roots);
    }
    luaL_pushresult(&path);
    lua_getglobal(L, "package");
    lua_insert(L, -2);
    lua_setfield(L, -2, "path");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "cpath");
    lua_pop(L, 1);
}

static int open_state(lua_State *L)
{
    struct kw_host *host = lua_touserdata(L, 1);
    const char *const *roots = lua_touserdata(L, 2);
    luaL_openlibs(L);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
    set_paths(host, roots);
    kw_open_basic_modules(host);
    return 0;
}

kw_err kw_host_new(const struct kw_host_options *options, struct kw_host **out, char *error,
                   size_t error_size)
{
    bool core = options->trust == KW_TRUST_CORE;
    struct kw_host *host = kw_zalloc(sizeof *host);
    host->trust = options->trust;
    host->name = kw_strdup(options->name);
    host->memory_limit = options->memory_limit_bytes > 0 ? options->memory_limit_bytes
                         : core                          ? KW_CORE_MEMORY_BYTES
                                                         : KW_SITE_MEMORY_BYTES;
    host->max_tasks = options->max_tasks > 0 ? options->max_tasks
                      : core                 ? KW_CORE_TASKS
                                             : KW_SITE_TASKS;
    host->main_lane.host = host;
    host->failures =
        kw_metrics_counter(options->metrics, "kw_lua_errors_total", "", "Errors of Lua code.");
    host->L = lua_newstate(capped, host);
    if (host->L == NULL) {
        kw_host_free(host);
        return KW_ENOMEM;
    }
    *(struct lane **)lua_getextraspace(host->L) = &host->main_lane;
    (void)lua_atpanic(host->L, panic);
    lua_pushcfunction(host->L, open_state);
    lua_pushlightuserdata(host->L, host);
    lua_pushlightuserdata(host->L, (void *)(uintptr_t)options->roots);
    if (lua_pcall(host->L, 2, 0, 0) != LUA_OK) {
        (void)snprintf(error, error_size, "Lua did not start: %s", lua_tostring(host->L, -1));
        kw_host_free(host);
        return KW_ESCRIPT;
    }
    *out = host;
    return KW_OK;
}

void kw_host_free(struct kw_host *host)
{
    if (host == NULL)
        return;
    kw_tasks_end(host);
    if (host->L != NULL)
        lua_close(host->L);
    kw_tasks_free(host);
    for (size_t i = 0; i < host->root_count; i++)
        kw_free(host->roots[i]);
    kw_free(host->name);
    kw_free(host);
}

lua_State *kw_host_state(struct kw_host *host)
{
    return host->L;
}

struct kw_host *kw_host_of(lua_State *L)
{
    return (*(struct lane **)lua_getextraspace(L))->host;
}

enum kw_trust kw_host_trust(const struct kw_host *host)
{
    return host->trust;
}

size_t kw_host_memory_bytes(const struct kw_host *host)
{
    return host->memory_bytes;
}

static int open_module(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    return 1;
}

void kw_host_module(struct kw_host *host, const char *name, const struct luaL_Reg *functions,
                    void *upvalue)
{
    lua_State *L = host->L;
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_newtable(L);
    lua_pushlightuserdata(L, upvalue);
    luaL_setfuncs(L, functions, 1);
    lua_pushcclosure(L, open_module, 1);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

static kw_err take_error(struct kw_host *host, lua_State *L, char *error, size_t error_size)
{
    const char *text = lua_tostring(L, -1);
    kw_metric_add(host->failures, 1);
    (void)snprintf(error, error_size, "%s", text != NULL ? text : "(no text)");
    return KW_ESCRIPT;
}

kw_err kw_host_load(struct kw_host *host, const char *file, const char *name, char *error,
                    size_t error_size)
{
    char path[1024];
    lua_State *L = host->L;
    int top = lua_gettop(L);
    kw_err err = KW_ENOTFOUND;
    (void)snprintf(path, sizeof path, "%s", file);
    for (size_t i = 0; i < host->root_count && file[0] != '/'; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", host->roots[i], file);
        if (access(path, R_OK) == 0)
            break;
    }
    lua_pushcfunction(L, kw_host_traceback);
    if (luaL_loadfilex(L, path, "t") != LUA_OK || lua_pcall(L, 0, 1, top + 1) != LUA_OK) {
        err = take_error(host, L, error, error_size);
    } else {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
        lua_insert(L, -2);
        lua_setfield(L, -2, name);
        err = KW_OK;
    }
    lua_settop(L, top);
    return err;
}

bool kw_host_push_loaded(struct kw_host *host, const char *name, const char *function)
{
    lua_State *L = host->L;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
    if (function != NULL && lua_istable(L, -1)) {
        lua_getfield(L, -1, function);
        lua_remove(L, -2);
    }
    return lua_isfunction(L, -1);
}

kw_err kw_host_call(struct kw_host *host, const char *name, const char *function,
                    const struct kw_run_limits *limits, int (*push)(lua_State *L, void *arg),
                    void (*read)(lua_State *L, int n, void *arg), void *arg, char *error,
                    size_t error_size)
{
    lua_State *L = host->L;
    int top = lua_gettop(L);
    (void)limits;
    lua_pushcfunction(L, kw_host_traceback);
    if (!kw_host_push_loaded(host, name, function)) {
        lua_settop(L, top);
        (void)snprintf(error, error_size, "%s has no function %s", name, function);
        return KW_ENOTFOUND;
    }
    int count = push != NULL ? push(L, arg) : 0;
    kw_err err = KW_OK;
    if (lua_pcall(L, count, LUA_MULTRET, top + 1) != LUA_OK)
        err = take_error(host, L, error, error_size);
    else if (read != NULL)
        read(L, lua_gettop(L) - top - 1, arg);
    lua_settop(L, top);
    return err;
}

int kw_host_ref(struct kw_host *host, lua_State *L)
{
    (void)host;
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void kw_host_unref(struct kw_host *host, int ref)
{
    luaL_unref(host->L, LUA_REGISTRYINDEX, ref);
}
