/* service.c - Builds, starts, drains and takes down the service, in one order and its reverse.
 *
 *     folder and lock -> store -> model, push -> Lua (start() as a task) -> feed -> listener
 *
 * Lua's start() fills the registry before the first event and the first request. */
#include "app/service.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command_common.h"
#include "app/live.h"
#include "app/pipeline.h"
#include "app/site.h"
#include "app/web.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/zone.h"

#define KW_GRACE_MS 5000
#define KW_HARD_MS 8000

/* --- keys --- */

static struct kw_str upper(struct kw_str text, char out[KW_KEY_BYTES])
{
    size_t length = text.len < KW_KEY_BYTES ? text.len : KW_KEY_BYTES;
    for (size_t i = 0; i < length; i++)
        out[i] = (char)toupper((unsigned char)text.ptr[i]);
    return kw_str_n(out, length);
}

const struct kw_driver *kw_service_driver(const struct kw_service *service, struct kw_str key_uid)
{
    char key[KW_KEY_BYTES];
    return kw_map_get(service->drivers, upper(key_uid, key));
}

void kw_service_put_key(struct kw_service *service, struct kw_str key_uid, struct kw_str driver_id,
                        struct kw_str driver_name)
{
    char key[KW_KEY_BYTES];
    struct kw_driver *driver = kw_zalloc(sizeof *driver);
    (void)snprintf(driver->id, sizeof driver->id, "%.*s", (int)driver_id.len, driver_id.ptr);
    size_t length =
        driver_name.len < sizeof driver->name - 1 ? driver_name.len : sizeof driver->name - 1;
    while (length > 0 && length < driver_name.len &&
           ((unsigned char)driver_name.ptr[length] & 0xC0) == 0x80)
        length--; /* never half a character */
    memcpy(driver->name, driver_name.ptr, length);
    kw_free(kw_map_put(service->drivers, upper(key_uid, key), driver));
}

void kw_service_remove_key(struct kw_service *service, struct kw_str key_uid)
{
    char key[KW_KEY_BYTES];
    kw_free(kw_map_remove(service->drivers, upper(key_uid, key)));
}

static void free_keys(struct kw_service *service)
{
    struct kw_str key;
    void *driver;
    if (service->drivers == NULL)
        return;
    for (size_t at = 0; kw_map_next(service->drivers, &at, &key, &driver);)
        kw_free(driver);
    kw_map_free(service->drivers);
}

/* --- Lua --- */

int kw_service_function(struct kw_service *service, const char *name, char *error,
                        size_t error_size)
{
    struct kw_host *host = service->runtime->host;
    lua_State *L = kw_host_state(host);
    if (kw_host_push_loaded(host, "service", name))
        return kw_host_ref(host, L);
    lua_pop(L, 1);
    (void)snprintf(error, error_size, "lua/service.lua has no function %s", name);
    return LUA_NOREF;
}

/* --- the data folder: one service at a time --- */

static kw_err lock_folder(struct kw_service *service, char *error, size_t error_size)
{
    char path[700];
    const char *folder = kw_config_text(service->runtime->config, "data_dir");
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        (void)snprintf(error, error_size, "data_dir %s: %s", folder, strerror(errno));
        return KW_EIO;
    }
    (void)snprintf(path, sizeof path, "%s/lock", folder);
    service->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (service->lock_fd < 0) {
        (void)snprintf(error, error_size, "%s: %s", path, strerror(errno));
        return KW_EIO;
    }
    if (flock(service->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return KW_OK;
    (void)snprintf(error, error_size,
                   "another kilowatch serve uses the folder %s (its lock is held)", folder);
    return KW_EBUSY;
}

/* --- start --- */

static void fail(struct kw_service *service, const char *error)
{
    (void)snprintf(service->error, sizeof service->error, "%s", error);
    service->status = 1;
    kw_loop_stop(service->runtime->loop);
}

static void announce(struct kw_service *service)
{
    char text[64];
    const struct kw_config *config = service->runtime->config;
    const char *scheme = kw_config_bool(config, "plain_http") ? "http" : "https";
    int length = snprintf(text, sizeof text, "{\"%s\":%u}\n", scheme, kw_web_port(service->web));
    KW_IGNORE(kw_command_write(config, "ports.json", kw_str_n(text, (size_t)length))); /* logged */
    if (service->hooks.on_listening != NULL)
        service->hooks.on_listening(text, service->hooks.arg);
    KW_LOG(KW_LOG_INFO, "service", "listening", KW_LC("scheme", scheme),
           KW_LC("host", kw_config_text(config, "listen_host")),
           KW_LI("port", kw_web_port(service->web)));
}

static void lua_started(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct kw_service *service = arg;
    char why[1024] = "";
    (void)L;
    (void)results;
    if (err == KW_ECANCELLED || service->stopping)
        return; /* ended before it began */
    if (err != KW_OK) {
        fail(service, error);
        return;
    }
    if (kw_live_start(service->live, why, sizeof why) != KW_OK ||
        kw_pipeline_start(service->pipeline, why, sizeof why) != KW_OK ||
        kw_web_listen(service->web, why, sizeof why) != KW_OK) {
        fail(service, why);
        return;
    }
    service->started = true;
    announce(service);
}

static kw_err start_lua(struct kw_service *service, char *error, size_t error_size)
{
    struct kw_host *host = service->runtime->host;
    kw_err err = kw_host_load(host, "service.lua", "service", error, error_size);
    if (err != KW_OK)
        return err;
    int ref = kw_service_function(service, "start", error, error_size);
    if (ref == LUA_NOREF)
        return KW_ENOTFOUND;
    err = kw_task_start(host, ref, NULL, NULL, lua_started, service, NULL);
    kw_host_unref(host, ref);
    return err;
}

static kw_err build(struct kw_service *service, char *error, size_t error_size)
{
    struct kw_runtime *runtime = service->runtime;
    struct kw_store_options store = { .path = kw_config_text(runtime->config, "data_dir"),
                                      .metrics = runtime->metrics };
    struct kw_complex_options complex = {
        .stale_after_ms = kw_config_int(runtime->config, "stale_after_s") * 1000
    };
    kw_err err =
        kw_zone_load(kw_config_text(runtime->config, "zone"), &service->zone, error, error_size);
    if (err == KW_OK)
        err = lock_folder(service, error, error_size);
    if (err == KW_OK)
        err = kw_store_open(runtime->loop, &store, &runtime->store, error, error_size);
    if (err != KW_OK)
        return err;
    service->drivers = kw_map_new();
    service->complex = kw_complex_new(&complex);
    service->live = kw_live_new(service);
    service->routes = kw_lua_routes_new(runtime, "kw.routes");
    kw_bind_complex(service);
    kw_bind_live(service);
    kw_bind_settings(service);
    kw_bind_metrics(runtime);
    err = kw_site_new(runtime->metrics, kw_config_text(runtime->config, "site_dir"),
                      kw_config_text(runtime->config, "zone"), &service->site, error, error_size);
    if (err != KW_OK)
        return err;
    kw_bind_site(runtime->host, service->site);
    if (service->hooks.bind != NULL)
        service->hooks.bind(runtime->host, service->hooks.arg);
    err = kw_pipeline_new(service, &service->pipeline, error, error_size);
    if (err == KW_OK)
        err = kw_web_new(service, &service->web, error, error_size);
    return err == KW_OK ? start_lua(service, error, error_size) : err;
}

kw_err kw_service_new(const struct kw_config *config, const struct kw_service_hooks *hooks,
                      struct kw_service **out, char *error, size_t error_size)
{
    struct kw_service *service = kw_zalloc(sizeof *service);
    service->lock_fd = -1;
    if (hooks != NULL)
        service->hooks = *hooks;
    kw_err err = kw_runtime_new(config, NULL, &service->runtime, error, error_size);
    if (err == KW_OK)
        err = build(service, error, error_size);
    if (err != KW_OK) {
        kw_service_free(service);
        return err;
    }
    *out = service;
    return KW_OK;
}

/* --- stop --- */

static void drained(void *arg)
{
    struct kw_service *service = arg;
    kw_loop_stop(service->runtime->loop);
}

/* A handler still waits for something: it is answered 503, and then the connections are gone. */
static void cut(struct kw_timer *timer, void *arg)
{
    struct kw_service *service = arg;
    (void)timer;
    KW_LOG(KW_LOG_WARN, "service", "requests were cut at the end of the drain");
    kw_lua_routes_cancel(service->routes);
}

void kw_service_stop(struct kw_service *service)
{
    if (service->stopping) { /* asked twice: what is queued for the database is still stored */
        kw_store_close(service->runtime->store);
        _exit(1);
    }
    if (!service->started) {
        service->stopping = true;
        kw_loop_stop(service->runtime->loop);
        return;
    }
    service->stopping = true;
    KW_LOG(KW_LOG_INFO, "service", "stopping");
    kw_pipeline_stop(service->pipeline);
    kw_live_stop(service->live);
    service->hard = kw_timer_new(service->runtime->loop, cut, service);
    kw_timer_start(service->hard, KW_HARD_MS, 0);
    kw_web_drain(service->web, KW_GRACE_MS, drained, service);
}

void kw_service_free(struct kw_service *service)
{
    if (service == NULL)
        return;
    struct kw_runtime *runtime = service->runtime;
    kw_timer_close(service->hard);
    if (service->pipeline != NULL)
        kw_pipeline_stop(service->pipeline);
    if (runtime != NULL && runtime->store != NULL) { /* the last page commits; its callback runs */
        kw_store_close(runtime->store);
        runtime->store = NULL;
    }
    kw_web_free(service->web);
    kw_live_free(service->live);
    kw_pipeline_free(service->pipeline);
    free_keys(service);
    if (service->complex != NULL)
        kw_complex_free(service->complex);
    kw_runtime_free(runtime);
    kw_site_free(service->site); /* after the core host, which calls into it */
    kw_zone_free(service->zone);
    kw_lua_routes_free(service->routes); /* after the host, whose functions point to it */
    if (service->lock_fd >= 0)
        (void)close(service->lock_fd);
    kw_free(service);
}

void kw_service_reload(struct kw_service *service)
{
    char error[1024] = "";
    if (service->web != NULL)
        kw_web_reload(service->web);
    if (service->site == NULL || kw_site_reload(service->site, error, sizeof error) != KW_OK)
        return; /* logged */
    if (kw_host_call(service->runtime->host, "service", "on_site_loaded", NULL, NULL, NULL, NULL,
                     error, sizeof error) != KW_OK)
        KW_LOG(KW_LOG_ERROR, "service", "the scripts of the site were loaded, but not taken up",
               KW_LC("error", error));
}
