/* service.h - `kilowatch serve`: everything of the service side in one struct, for app/ only.
 *
 * The service owns its parts and starts and ends them in one order (service.c). Each part has a file:
 * pipeline.c (feed to model, store and push), live.c (browsers' sockets), web.c (HTTP), complex_json.c
 * (the document of GET /complex), bind_complex.c and bind_live.c (what Lua sees of them). */
#ifndef KW_APP_SERVICE_H
#define KW_APP_SERVICE_H

#include "app/lua_routes.h"
#include "app/runtime.h"
#include "feed/reader.h"
#include "model/complex.h"
#include "push/push.h"
#include "serve/static_files.h"

struct kw_pipeline;
struct kw_site;
struct kw_live;
struct kw_web;
struct kw_zone;

/* Driver of a key, as Lua declared it: names for rows, ids for stored transactions. */
struct kw_driver {
    char id[KW_NAME_BYTES];
    char name[KW_NAME_BYTES * 2];
};

/* For an embedding program; each may be NULL. */
struct kw_service_hooks {
    void (*bind)(struct kw_host *host, void *arg);      /* before Lua is loaded */
    void (*on_listening)(const char *ports, void *arg); /* JSON as in ports.json */
    void *arg;
};

struct kw_service {
    struct kw_runtime *runtime;
    struct kw_complex *complex;
    struct kw_push *push;
    struct kw_map *drivers; /* key uid in upper case -> struct kw_driver */
    struct kw_zone *zone;   /* of the complex: where its day begins */
    struct kw_pipeline *pipeline;
    struct kw_live *live;
    struct kw_web *web;
    struct kw_lua_routes *routes;
    struct kw_site *site;
    int lock_fd; /* DATA/lock: one service a folder */
    bool started, stopping;
    int status; /* exit status */
    struct kw_service_hooks hooks;
    char error[1024];      /* why status is not 0 */
    struct kw_timer *hard; /* after SIGTERM: what still waits is cut */
};

/* Builds all parts and begins to start: Lua's start() runs as a task when the loop runs; then feed and
 * listener begin. `error` says what, where and what to do. Owner: caller, until kw_service_free(). */
KW_MUST_USE kw_err kw_service_new(const struct kw_config *config,
                                  const struct kw_service_hooks *hooks /* NULL: none */,
                                  struct kw_service **out, char *error, size_t error_size);
/* No new connections, sockets closed with 1012, answers finished (<= 5 s), pages committed; then the
 * loop is stopped. The second call stops at once. */
void kw_service_stop(struct kw_service *service);
void kw_service_free(struct kw_service *service);
/* Certificate files and the site's scripts are read again; bad ones are logged and the old ones stay. */
void kw_service_reload(struct kw_service *service);

/* NULL: nobody's key. */
const struct kw_driver *kw_service_driver(const struct kw_service *service, struct kw_str key_uid);
void kw_service_put_key(struct kw_service *service, struct kw_str key_uid, struct kw_str driver_id,
                        struct kw_str driver_name);
void kw_service_remove_key(struct kw_service *service, struct kw_str key_uid);

/* Modules kw.complex, kw.live, kw.settings, kw.metrics on the core host. */
void kw_bind_complex(struct kw_service *service);
void kw_bind_live(struct kw_service *service);
void kw_bind_settings(struct kw_service *service);
void kw_bind_metrics(struct kw_runtime *runtime);

/* --- complex_json.c: appended to out --- */
void kw_service_write_complex(const struct kw_service *service, struct kw_buf *out);
void kw_service_write_feed(const struct kw_service *service, struct kw_buf *out);

/* A function of lua/service.lua: a registry reference, or LUA_NOREF with the reason. */
int kw_service_function(struct kw_service *service, const char *name, char *error,
                        size_t error_size);

#endif
