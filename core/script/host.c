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
#define KW_SITE_LOAD_US 500000
#define KW_LOAD_LEAST_US 20000

static const char loaded_key = 0; /* registry: table of kw_host_load() values */

#if defined(__SANITIZE_ADDRESS__)
static void *allocate(struct kw_host *host, void *block, size_t old_size, size_t new_size)
{
    (void)host;
    (void)old_size;
    if (new_size > 0)
        return realloc(block, new_size);
    free(block);
    return NULL;
}
#else
static void *allocate(struct kw_host *host, void *block, size_t old_size, size_t new_size)
{
    return kw_heap_realloc(&host->heap, block, old_size, new_size);
}
#endif

/* Counting allocator: over the cap Lua gets NULL and raises its memory error. */
static void *capped(void *arg, void *block, size_t old_size, size_t new_size)
{
    struct kw_host *host = arg;
    size_t old = block != NULL ? old_size : 0;
    if (new_size == 0) {
        host->memory_bytes -= old;
        return allocate(host, block, old, 0);
    }
    if (new_size > old && host->memory_bytes + (new_size - old) > host->memory_limit)
        return NULL;
    void *moved = allocate(host, block, old, new_size);
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

kw_err kw_host_protect(struct kw_host *host, lua_CFunction function, void *arg)
{
    lua_State *L = host->L;
    if (!lua_checkstack(L, 4))
        return KW_ENOMEM;
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, arg);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK)
        return KW_OK;
    KW_LOG(KW_LOG_ERROR, "lua", "the host failed", KW_LC("host", host->name),
           KW_LC("error", lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "(no text)"));
    lua_pop(L, 1);
    return KW_ENOMEM;
}

static void keep_roots(struct kw_host *host, const char *const *roots)
{
    for (; *roots != NULL && host->root_count < KW_HOST_ROOTS; roots++)
        host->roots[host->root_count++] = kw_strdup(*roots);
}

static void set_paths(struct kw_host *host, const char *const *roots)
{
    lua_State *L = host->L;
    luaL_Buffer path;
    luaL_buffinit(L, &path);
    for (; *roots != NULL; roots++) {
        luaL_addstring(&path, *roots);
        luaL_addstring(&path, "/?.lua;");
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
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &loaded_key);
    if (host->trust == KW_TRUST_SITE) {
        keep_roots(host, roots);
        kw_open_sandbox(host);
        return 0;
    }
    luaL_openlibs(L);
    lua_pushglobaltable(L);
    kw_open_guarded(L, lua_gettop(L));
    lua_getfield(L, -1, LUA_COLIBNAME);
    kw_open_coroutines(L, lua_gettop(L));
    lua_pop(L, 2);
    set_paths(host, roots);
    keep_roots(host, roots);
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
    host->load_us = options->load_us > 0 || core ? options->load_us : KW_SITE_LOAD_US;
    host->zone = kw_strdup(options->zone != NULL ? options->zone : "UTC");
    host->on_limited_wait = options->on_limited_wait;
    host->on_limited_wait_arg = options->on_limited_wait_arg;
    kw_watch_init(&host->watch, !core);
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
    kw_heap_free(&host->heap);
    kw_tasks_free(host);
    kw_watch_free(&host->watch);
    for (size_t i = 0; i < host->root_count; i++)
        kw_free(host->roots[i]);
    kw_free(host->zone);
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

/* Lua's string buffers grow without collecting garbage first, so garbage near the cap fails them. */
static void relieve(struct kw_host *host)
{
    if (host->memory_bytes < host->memory_limit / 2 ||
        host->memory_bytes < host->collected_bytes + host->collected_bytes / 4)
        return;
    (void)lua_gc(host->L, LUA_GCCOLLECT);
    host->collected_bytes = host->memory_bytes;
}

static kw_err take_error(struct kw_host *host, lua_State *L, bool expired, char *error,
                         size_t error_size)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    kw_metric_add(host->failures, 1);
    (void)snprintf(error, error_size, "%s", text != NULL ? text : "(no text)");
    return expired ? KW_ETIMEOUT : KW_ESCRIPT;
}

static void find_file(const struct kw_host *host, const char *file, char *path, size_t size)
{
    (void)snprintf(path, size, "%s", file);
    for (size_t i = 0; i < host->root_count && file[0] != '/'; i++) {
        (void)snprintf(path, size, "%s/%s", host->roots[i], file);
        if (access(path, R_OK) == 0)
            return;
    }
}

struct load {
    struct kw_host *host;
    const char *path, *name;
};

/* Light userdata -> nothing; the file's value is kept. */
static int load_inside(lua_State *L)
{
    const struct load *load = lua_touserdata(L, 1);
    lua_settop(L, 0);
    if (load->host->trust == KW_TRUST_SITE) {
        kw_sandbox_run_file(L, load->path);
    } else {
        if (luaL_loadfilex(L, load->path, "t") != LUA_OK)
            return lua_error(L);
        lua_call(L, 0, 1);
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
    lua_insert(L, -2);
    lua_setfield(L, -2, load->name);
    return 0;
}

/* What is left for loading; a little for each file, so that one that loops does not fail the next. */
static int64_t load_limit_us(const struct kw_host *host)
{
    int64_t left_us = host->load_us - host->loaded_us;
    if (host->load_us == 0)
        return 0;
    return left_us > KW_LOAD_LEAST_US ? left_us : KW_LOAD_LEAST_US;
}

kw_err kw_host_load(struct kw_host *host, const char *file, const char *name, char *error,
                    size_t error_size)
{
    char path[1024];
    lua_State *L = host->L;
    int top = lua_gettop(L);
    kw_err err = KW_OK;
    struct kw_watch_frame frame;
    struct load load = { host, path, name };
    int64_t from_us = kw_watch_cpu_us();
    find_file(host, file, path, sizeof path);
    lua_pushcfunction(L, kw_host_traceback);
    lua_pushcfunction(L, load_inside);
    lua_pushlightuserdata(L, &load);
    kw_watch_enter(&host->watch, &frame, L, load_limit_us(host));
    int status = lua_pcall(L, 1, 0, top + 1);
    bool expired = kw_watch_leave(&host->watch, &frame);
    host->loaded_us += kw_watch_cpu_us() - from_us;
    if (status != LUA_OK)
        err = take_error(host, L, expired, error, error_size);
    lua_settop(L, top);
    return err;
}

bool kw_host_push_loaded(struct kw_host *host, const char *name, const char *field)
{
    lua_State *L = host->L;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
    lua_pushstring(L, name);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (field != NULL) {
        if (lua_istable(L, -1)) {
            lua_pushstring(L, field);
            lua_rawget(L, -2);
        } else {
            lua_pushnil(L);
        }
        lua_remove(L, -2);
    }
    return lua_isfunction(L, -1);
}

struct call {
    const char *name, *function;
    int (*push)(lua_State *L, void *arg);
    void *arg;
    bool missing;
};

/* Light userdata -> the function's results. */
static int call_inside(lua_State *L)
{
    struct call *call = lua_touserdata(L, 1);
    call->missing = !kw_host_push_loaded(kw_host_of(L), call->name, call->function);
    if (call->missing)
        return 0;
    lua_replace(L, 1);
    lua_settop(L, 1);
    int count = call->push != NULL ? call->push(L, call->arg) : 0;
    lua_call(L, count, LUA_MULTRET);
    return lua_gettop(L);
}

kw_err kw_host_call(struct kw_host *host, const char *name, const char *function,
                    const struct kw_run_limits *limits, int (*push)(lua_State *L, void *arg),
                    void (*read)(lua_State *L, int n, void *arg), void *arg, char *error,
                    size_t error_size)
{
    lua_State *L = host->L;
    int top = lua_gettop(L);
    kw_err err = KW_OK;
    struct kw_watch_frame frame;
    struct call call = { name, function, push, arg, false };
    if (!lua_checkstack(L, 8)) {
        (void)snprintf(error, error_size, "out of memory");
        return KW_ENOMEM;
    }
    relieve(host);
    lua_pushcfunction(L, kw_host_traceback);
    lua_pushcfunction(L, call_inside);
    lua_pushlightuserdata(L, &call);
    kw_watch_enter(&host->watch, &frame, L, limits != NULL ? limits->slice_us : 0);
    int status = lua_pcall(L, 1, LUA_MULTRET, top + 1);
    bool expired = kw_watch_leave(&host->watch, &frame);
    if (status != LUA_OK) {
        err = take_error(host, L, expired, error, error_size);
    } else if (call.missing) {
        (void)snprintf(error, error_size, "%s has no function %s", name, function);
        err = KW_ENOTFOUND;
    } else if (read != NULL) {
        read(L, lua_gettop(L) - top - 1, arg);
    }
    lua_settop(L, top);
    return err;
}

struct lookup {
    const char *name, *key;
    int found_ref;
};

static int lookup_inside(lua_State *L)
{
    struct lookup *lookup = lua_touserdata(L, 1);
    (void)kw_host_push_loaded(kw_host_of(L), lookup->name, lookup->key);
    if (!lua_isnil(L, -1))
        lookup->found_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

bool kw_host_push_value(struct kw_host *host, const char *name, const char *key)
{
    struct lookup lookup = { name, key, LUA_NOREF };
    if (kw_host_protect(host, lookup_inside, &lookup) != KW_OK || lookup.found_ref == LUA_NOREF)
        return false;
    lua_rawgeti(host->L, LUA_REGISTRYINDEX, lookup.found_ref);
    luaL_unref(host->L, LUA_REGISTRYINDEX, lookup.found_ref);
    return true;
}

static int forget_inside(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &loaded_key);
    lua_pushnil(L);
    lua_setfield(L, -2, lua_touserdata(L, 1));
    return 0;
}

void kw_host_forget(struct kw_host *host, const char *name)
{
    KW_IGNORE(kw_host_protect(host, forget_inside, (void *)(uintptr_t)name));
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
