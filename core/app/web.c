/* web.c - Which requests C answers itself, and in what order.
 *
 *     /healthz /readyz /metrics    the operator's probes (web_probes.c)
 *     /api/v1/live                 WebSocket (live.c)
 *     /api/v1/...                  Lua routes
 *     anything else                the web build, with the app's own routes falling back to index.html
 *
 * The certificate is made at first start when none is configured; SIGHUP reads the files again. */
#include "app/web.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/live.h"
#include "app/web_probes.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/tls.h"

#define KW_API "/api/v1/"

struct kw_web {
    struct kw_service *service;
    struct kw_tls *tls; /* NULL: plain_http */
    struct kw_static_files *files;
    struct kw_http_server *server;
    struct kw_listener *listener;
};

/* --- requests --- */

static void on_request(struct kw_exchange *exchange, void *arg)
{
    struct kw_web *web = arg;
    struct kw_service *service = web->service;
    const struct kw_http_head *head = kw_exchange_head(exchange);
    if (kw_str_eqc(head->path, KW_API "live"))
        kw_live_open(service->live, exchange);
    else if (kw_lua_routes_handle(service->routes, exchange, KW_API) ||
             kw_web_probe(service, exchange))
        return; /* taken */
    else if (web->files == NULL || !kw_static_files_serve(web->files, exchange))
        kw_exchange_problem(exchange, 404, "not-found", "There is no such page.");
}

static size_t body_limit(const struct kw_http_head *head, void *arg)
{
    struct kw_web *web = arg;
    if (kw_str_starts(head->path, KW_STR(KW_API)))
        return kw_lua_routes_body_limit(web->service->routes, head);
    return KW_HTTP_BODY_NONE;
}

/* --- files of the page --- */

/* Beside the shipped Lua: web/dist of the source tree, else web/ as it is installed. */
static bool find_files(const struct kw_runtime *runtime, char *path, size_t size)
{
    char source[700];
    (void)snprintf(path, size, "%s/../web/dist", runtime->lua_dir);
    if (access(path, R_OK) == 0)
        return true;
    (void)snprintf(source, sizeof source, "%s/../web/package.json", runtime->lua_dir);
    (void)snprintf(path, size, "%s/../web", runtime->lua_dir);
    return access(source, F_OK) != 0 && access(path, R_OK) == 0;
}

/* A folder that was named must be there; without one, the API alone is served too. */
static kw_err load_files(struct kw_web *web, char *error, size_t error_size)
{
    const struct kw_runtime *runtime = web->service->runtime;
    const char *given = kw_config_text(runtime->config, "web_dir");
    char path[700], why[400] = "there is none beside the program";
    if (given[0] != 0) {
        kw_err err = kw_static_files_load(given, &web->files, why, sizeof why);
        if (err != KW_OK)
            (void)snprintf(error, error_size, "web_dir: %s", why);
        return err;
    }
    if (!find_files(runtime, path, sizeof path) ||
        kw_static_files_load(path, &web->files, why, sizeof why) != KW_OK)
        KW_LOG(KW_LOG_WARN, "web", "no page is served, only the API: build it, or set web_dir",
               KW_LC("error", why));
    return KW_OK;
}

/* --- the certificate --- */

static kw_err open_tls(struct kw_web *web, char *error, size_t error_size)
{
    const struct kw_config *config = web->service->runtime->config;
    const char *cert = kw_config_text(config, "tls_cert"), *key = kw_config_text(config, "tls_key");
    char made_cert[700], made_key[700];
    if (kw_config_bool(config, "plain_http"))
        return KW_OK;
    if ((cert[0] == 0) != (key[0] == 0)) {
        (void)snprintf(error, error_size, "tls_cert and tls_key go together: set both, or none");
        return KW_EINVALID;
    }
    if (cert[0] == 0) {
        const char *data = kw_config_text(config, "data_dir");
        (void)snprintf(made_cert, sizeof made_cert, "%s/tls", data);
        if (mkdir(made_cert, 0700) != 0 && errno != EEXIST) {
            (void)snprintf(error, error_size, "%s: %s", made_cert, strerror(errno));
            return KW_EIO;
        }
        (void)snprintf(made_cert, sizeof made_cert, "%s/tls/cert.pem", data);
        (void)snprintf(made_key, sizeof made_key, "%s/tls/key.pem", data);
        kw_err err = kw_tls_make_self_signed(
            made_cert, made_key, kw_config_text(config, "tls_names"), error, error_size);
        if (err == KW_OK)
            KW_LOG(KW_LOG_INFO, "web", "a self-signed certificate was made",
                   KW_LC("file", made_cert));
        else if (err != KW_EEXISTS)
            return err;
        cert = made_cert;
        key = made_key;
    }
    struct kw_tls_options options = { .cert_file = cert, .key_file = key };
    return kw_tls_server_new(&options, &web->tls, error, error_size);
}

void kw_web_reload(struct kw_web *web)
{
    char error[400] = "", fingerprint[96] = "";
    if (web->tls == NULL)
        return;
    if (kw_tls_reload(web->tls, error, sizeof error) != KW_OK)
        KW_LOG(KW_LOG_ERROR, "web", "the new certificate was refused; the old one stays",
               KW_LC("error", error));
    else if (kw_tls_fingerprint(web->tls, fingerprint) == KW_OK)
        KW_LOG(KW_LOG_INFO, "web", "certificate read again", KW_LC("sha256", fingerprint));
}

/* --- life --- */

kw_err kw_web_new(struct kw_service *service, struct kw_web **out, char *error, size_t error_size)
{
    static const struct kw_http_handlers handlers = { body_limit, on_request };
    struct kw_web *web = kw_zalloc(sizeof *web);
    struct kw_http_server_options options = { .server_kind = "api",
                                              .web_headers = true,
                                              .redirect_plain = true,
                                              .metrics = service->runtime->metrics };
    web->service = service;
    kw_err err = load_files(web, error, error_size);
    if (err == KW_OK)
        err = open_tls(web, error, error_size);
    if (err != KW_OK) {
        kw_static_files_free(web->files);
        kw_free(web);
        return err;
    }
    web->server = kw_http_server_new(service->runtime->loop, &options, &handlers, web);
    *out = web;
    return KW_OK;
}

kw_err kw_web_listen(struct kw_web *web, char *error, size_t error_size)
{
    struct kw_runtime *runtime = web->service->runtime;
    struct kw_listener_options options = {
        .host = kw_config_text(runtime->config, "listen_host"),
        .port = (uint16_t)kw_config_int(runtime->config, "listen_port"),
        .tls = web->tls,
        .metric_label = "api",
        .metrics = runtime->metrics,
    };
    return kw_listener_new(runtime->loop, &options, kw_http_server_accept, web->server,
                           &web->listener, error, error_size);
}

uint16_t kw_web_port(const struct kw_web *web)
{
    return web->listener != NULL ? kw_listener_port(web->listener) : 0;
}

void kw_web_drain(struct kw_web *web, int64_t grace_ms, void (*on_done)(void *arg), void *arg)
{
    kw_listener_close(web->listener);
    web->listener = NULL;
    kw_http_server_drain(web->server, grace_ms, on_done, arg);
}

void kw_web_free(struct kw_web *web)
{
    if (web == NULL)
        return;
    kw_listener_close(web->listener);
    kw_http_server_free(web->server);
    kw_static_files_free(web->files);
    kw_tls_free(web->tls);
    kw_free(web);
}
