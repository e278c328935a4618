/* runtime.c - Builds and takes down what every command stands on, in one order and its reverse. */
#include "app/runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/mem.h"

#define KW_PASSWORD_THREADS 2
#define KW_PASSWORD_QUEUE 32
#define KW_WAIT_TICK_MS 250 /* how exactly the limit of a task's wait is kept */

static bool has_boot(const char *dir)
{
    char path[600];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/kw/config.lua", dir);
    return stat(path, &st) == 0;
}

kw_err kw_runtime_lua_dir(char *out, size_t out_size, char *error, size_t error_size)
{
    static const char *const beside[] = { "../share/kilowatch/lua", "../../lua", "../lua" };
    const char *given = getenv("KW_LUA_DIR");
    char exe[400];
    if (given != NULL) {
        (void)snprintf(out, out_size, "%s", given);
        if (has_boot(out))
            return KW_OK;
        (void)snprintf(error, error_size,
                       "KW_LUA_DIR=%s holds no kw/config.lua; point it to the shipped lua folder",
                       given);
        return KW_ENOTFOUND;
    }
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    char *slash = strrchr(exe, '/');
    if (slash != NULL)
        *slash = 0;
    for (size_t i = 0; i < KW_COUNT_OF(beside); i++) {
        (void)snprintf(out, out_size, "%s/%s", exe, beside[i]);
        if (has_boot(out))
            return KW_OK;
    }
    (void)snprintf(
        error, error_size,
        "the shipped Lua was not found beside %s (looked in ../share/kilowatch/lua and ../../lua); "
        "set KW_LUA_DIR",
        exe);
    return KW_ENOTFOUND;
}

static void wait_tick(struct kw_timer *timer, void *arg)
{
    struct kw_runtime *runtime = arg;
    if (kw_host_expire_waits(runtime->host) == 0)
        kw_timer_stop(timer);
}

static void limited_wait(void *arg)
{
    struct kw_runtime *runtime = arg;
    if (!kw_timer_active(runtime->wait_timer))
        kw_timer_start(runtime->wait_timer, KW_WAIT_TICK_MS, KW_WAIT_TICK_MS);
}

kw_err kw_runtime_new(const struct kw_config *config, const char *script_dir,
                      struct kw_runtime **out, char *error, size_t error_size)
{
    if (sodium_init() < 0) {
        (void)snprintf(error, error_size, "libsodium did not start");
        return KW_EINTERNAL;
    }
    struct kw_runtime *runtime = kw_zalloc(sizeof *runtime);
    kw_err err = kw_runtime_lua_dir(runtime->lua_dir, sizeof runtime->lua_dir, error, error_size);
    if (err != KW_OK)
        goto fail;
    runtime->config = config;
    runtime->started_ms = kw_now_ms();
    runtime->metrics = kw_metrics_new();
    runtime->loop = kw_loop_new(runtime->metrics);
    runtime->passwords =
        kw_pool_new(runtime->loop, "password", KW_PASSWORD_THREADS, KW_PASSWORD_QUEUE);
    runtime->http = kw_http_client_new(runtime->loop, 0);
    const char *roots[3] = { script_dir != NULL ? script_dir : runtime->lua_dir,
                             script_dir != NULL ? runtime->lua_dir : NULL, NULL };
    runtime->wait_timer = kw_timer_new(runtime->loop, wait_tick, runtime);
    struct kw_host_options options = { .trust = KW_TRUST_CORE,
                                       .name = "core",
                                       .roots = roots,
                                       .metrics = runtime->metrics,
                                       .on_limited_wait = limited_wait,
                                       .on_limited_wait_arg = runtime };
    err = kw_host_new(&options, &runtime->host, error, error_size);
    if (err != KW_OK)
        goto fail;
    kw_bind_all(runtime);
    *out = runtime;
    return KW_OK;
fail:
    kw_runtime_free(runtime);
    return err;
}

void kw_runtime_free(struct kw_runtime *runtime)
{
    if (runtime == NULL)
        return;
    if (runtime->passwords != NULL)
        kw_pool_free(runtime->passwords);
    if (runtime->store != NULL)
        kw_store_close(runtime->store);
    kw_unbind_timer(runtime);
    if (runtime->host != NULL)
        kw_host_free(runtime->host);
    kw_timer_close(runtime->wait_timer);
    if (runtime->http != NULL)
        kw_http_client_free(runtime->http);
    if (runtime->loop != NULL) {
        kw_loop_settle(runtime->loop); /* links that Lua dropped with its host end here */
        kw_loop_free(runtime->loop);
    }
    if (runtime->metrics != NULL)
        kw_metrics_free(runtime->metrics);
    kw_free(runtime);
}

void kw_bind_all(struct kw_runtime *runtime)
{
    kw_bind_timer(runtime);
    kw_bind_http(runtime);
    kw_bind_redis(runtime);
    kw_bind_ws(runtime);
    kw_bind_store(runtime);
    kw_bind_crypto(runtime);
}

int kw_lua_fail(lua_State *L, const char *slug, const char *detail)
{
    lua_pushnil(L);
    lua_pushstring(L, slug);
    lua_pushstring(L, detail != NULL ? detail : "");
    return 3;
}
