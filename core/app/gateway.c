/* gateway.c - Assembly: what is opened in which order, and taken down in the reverse.
 *
 * First the journal and the state that it brings back, then Redis, and the stations last: a station that
 * is let in finds everything that it was promised before. */
#include "app/gateway.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/gateway_internal.h"
#include "base/log.h"
#include "base/mem.h"

#define KW_HOUSEKEEPING_MS 1000
#define KW_STOP_TICK_MS 20
#define KW_STOP_MS 8000
#define KW_DRAIN_GRACE_MS 3000

void gateway_count(struct kw_gateway *gateway, const char *kind)
{
    char label[80];
    size_t length = strnlen(kind, 40);
    for (size_t i = 0; i < length; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", kind[i]) == NULL)
            kind = "other";
    }
    (void)snprintf(label, sizeof label, "kind=\"%.40s\"", kind);
    kw_metric_add(kw_metrics_counter(gateway->runtime->metrics, "kw_gateway_faults_total", label,
                                     "What stations or callers did wrong, by kind."),
                  1);
}

static void make_metrics(struct kw_gateway *gateway)
{
    struct kw_metrics *m = gateway->runtime->metrics;
    gateway->connections =
        kw_metrics_gauge(m, "kw_gateway_stations_connected", "", "Stations connected now.");
    gateway->frames_in =
        kw_metrics_counter(m, "kw_gateway_messages_in_total", "", "OCPP messages received.");
    gateway->frames_out =
        kw_metrics_counter(m, "kw_gateway_messages_out_total", "", "OCPP messages sent.");
    gateway->answer_seconds =
        kw_metrics_histogram(m, "kw_gateway_answer_seconds", "",
                             "From a station's call to its answer, journal included.");
    gateway->late_answers = kw_metrics_counter(m, "kw_gateway_late_answers_total", "",
                                               "Answers of stations that nobody waited for.");
    gateway->queue_paused =
        kw_metrics_counter(m, "kw_gateway_queue_paused_total", "",
                           "Times a station was not read because its queue was full.");
    gateway->calls_sent =
        kw_metrics_counter(m, "kw_gateway_calls_total", "", "Calls sent to stations.");
    gateway->calls_timeout = kw_metrics_counter(m, "kw_gateway_calls_timeout_total", "",
                                                "Calls that a station did not answer.");
    gateway->replaced = kw_metrics_counter(m, "kw_gateway_replaced_total", "",
                                           "Silent connections replaced by a newer one.");
    gateway->rivals = kw_metrics_counter(m, "kw_gateway_rivals_total", "",
                                         "Second connections refused because the first one lives.");
    gateway->no_answer = kw_metrics_counter(m, "kw_gateway_unanswered_total", "",
                                            "Calls not answered because the journal refused them.");
}

/* --- TLS --- */

static kw_err open_tls(struct kw_gateway *gateway, char *error, size_t error_size)
{
    char folder[512], cert[600], key[600];
    const struct kw_config *config = gateway->runtime->config;
    const char *own_cert = kw_config_text(config, "tls_cert");
    (void)snprintf(folder, sizeof folder, "%s/tls", kw_config_text(config, "data_dir"));
    (void)snprintf(cert, sizeof cert, "%s", own_cert);
    (void)snprintf(key, sizeof key, "%s", kw_config_text(config, "tls_key"));
    if (own_cert[0] == 0) {
        /* not the web server's files: two programs that start at once must not make one pair twice */
        (void)snprintf(cert, sizeof cert, "%s/ocpp-cert.pem", folder);
        (void)snprintf(key, sizeof key, "%s/ocpp-key.pem", folder);
        (void)mkdir(folder, 0700); /* there already, or the next step says what is wrong */
        kw_err err = kw_tls_make_self_signed(cert, key, kw_config_text(config, "tls_names"), error,
                                             error_size);
        if (err != KW_OK && err != KW_EEXISTS)
            return err;
        error[0] = 0;
    }
    const struct kw_tls_options options = { .cert_file = cert, .key_file = key };
    return kw_tls_server_new(&options, &gateway->tls, error, error_size);
}

/* --- listeners --- */

static kw_err open_listener(struct kw_gateway *gateway, const char *option, struct kw_tls *tls,
                            struct kw_listener **out, char *error, size_t error_size)
{
    const struct kw_config *config = gateway->runtime->config;
    int64_t port = kw_config_int(config, option);
    if (port < 0)
        return KW_OK;
    const struct kw_listener_options options = { .host = kw_config_text(config, "ocpp_host"),
                                                 .port = (uint16_t)port,
                                                 .tls = tls,
                                                 .metric_label = tls != NULL ? "ocpps" : "ocpp",
                                                 .metrics = gateway->runtime->metrics };
    return kw_listener_new(gateway->runtime->loop, &options, kw_http_server_accept,
                           gateway->stations, out, error, error_size);
}

static kw_err open_stations(struct kw_gateway *gateway, char *error, size_t error_size)
{
    static const struct kw_http_handlers handlers = { .body_limit = gateway_no_body,
                                                      .on_request = gateway_on_request };
    const struct kw_http_server_options server = { .server_kind = "ocpp",
                                                   .metrics = gateway->runtime->metrics };
    kw_err err = KW_OK;
    if (kw_config_int(gateway->runtime->config, "ocpps_port") >= 0)
        err = open_tls(gateway, error, error_size);
    gateway->stations = kw_http_server_new(gateway->runtime->loop, &server, &handlers, gateway);
    if (err == KW_OK)
        err = open_listener(gateway, "ocpp_port", NULL, &gateway->plain, error, error_size);
    if (err == KW_OK)
        err =
            open_listener(gateway, "ocpps_port", gateway->tls, &gateway->secure, error, error_size);
    if (err == KW_OK && gateway->plain == NULL && gateway->secure == NULL) {
        (void)snprintf(error, error_size,
                       "ocpp_port and ocpps_port are both off: no station could connect");
        err = KW_EINVALID;
    }
    return err;
}

static uint16_t port_of(const struct kw_listener *listener)
{
    return listener != NULL ? kw_listener_port(listener) : 0;
}

void kw_gateway_ports(const struct kw_gateway *gateway, char *out, size_t out_size)
{
    (void)snprintf(out, out_size, "{\"ocpp\":%u,\"ocpps\":%u,\"control\":%u}",
                   port_of(gateway->plain), port_of(gateway->secure), port_of(gateway->control));
}

/* --- Lua --- */

static void read_hooks(lua_State *L, int results, void *arg)
{
    struct kw_gateway *gateway = arg;
    gateway->hooked = results == HOOK_COUNT;
    for (int i = HOOK_COUNT - 1; gateway->hooked && i >= 0; i--) {
        lua_pushvalue(L, -HOOK_COUNT + i);
        gateway->hooks[i] = kw_host_ref(gateway->runtime->host, L);
    }
}

static kw_err call_lua(struct kw_gateway *gateway, const char *function,
                       void (*read)(lua_State *L, int results, void *arg), char *error,
                       size_t error_size)
{
    return kw_host_call(gateway->runtime->host, "gateway", function, NULL, NULL, read, gateway,
                        error, error_size);
}

static kw_err open_lua(struct kw_gateway *gateway, char *error, size_t error_size)
{
    const struct kw_config *config = gateway->runtime->config;
    gateway->routes = kw_lua_routes_new(gateway->runtime, "kw.routes");
    gateway_bind(gateway);
    kw_err err = kw_site_new(gateway->runtime->metrics, kw_config_text(config, "site_dir"),
                             kw_config_text(config, "zone"), &gateway->site, error, error_size);
    if (err != KW_OK)
        return err;
    kw_bind_site(gateway->runtime->host, gateway->site);
    err = kw_host_load(gateway->runtime->host, "ocpp/gateway.lua", "gateway", error, error_size);
    if (err == KW_OK)
        err = call_lua(gateway, "hooks", read_hooks, error, error_size);
    if (err == KW_OK && !gateway->hooked) {
        (void)snprintf(error, error_size, "ocpp/gateway.lua: hooks() must return %d functions",
                       HOOK_COUNT);
        err = KW_ESCRIPT;
    }
    return err;
}

/* --- reading again --- */

static void reload_tls(struct kw_gateway *gateway)
{
    char error[512] = "";
    if (gateway->tls == NULL)
        return;
    if (kw_tls_reload(gateway->tls, error, sizeof error) == KW_OK)
        KW_LOG(KW_LOG_INFO, "gateway", "certificate read again");
    else
        KW_LOG(KW_LOG_ERROR, "gateway", "the old certificate stays", KW_LC("error", error));
}

void kw_gateway_reload(struct kw_gateway *gateway)
{
    char error[1024] = "";
    reload_tls(gateway);
    if (kw_site_reload(gateway->site, error, sizeof error) != KW_OK ||
        call_lua(gateway, "read_site", NULL, error, sizeof error) != KW_OK)
        KW_LOG(KW_LOG_ERROR, "gateway", "the site's files were not taken", KW_LC("error", error));
}

/* --- life --- */

static void housekeeping(struct kw_timer *timer, void *arg)
{
    struct kw_gateway *gateway = arg;
    (void)timer;
    uint64_t confirmed = kw_journal_confirmed(gateway->journal);
    if (confirmed != gateway->saved_confirmed) {
        gateway->saved_confirmed = confirmed;
        kw_journal_save_confirmed(gateway->journal);
    }
}

kw_err kw_gateway_new(struct kw_runtime *runtime, struct kw_gateway **out, char *error,
                      size_t error_size)
{
    struct kw_gateway *gateway = kw_zalloc(sizeof *gateway);
    gateway->runtime = runtime;
    gateway->table = kw_map_new();
    make_metrics(gateway);
    kw_err err = open_lua(gateway, error, error_size);
    if (err == KW_OK)
        err = gateway_record_open(gateway, error, error_size);
    if (err == KW_OK)
        err = gateway_record_replay(gateway, error, error_size);
    if (err == KW_OK)
        err = call_lua(gateway, "start", NULL, error, error_size);
    if (err == KW_OK)
        err = gateway_control_open(gateway, error, error_size);
    if (err == KW_OK)
        err = open_stations(gateway, error, error_size);
    if (err != KW_OK) {
        kw_gateway_free(gateway);
        return err;
    }
    gateway->housekeeping = kw_timer_new(runtime->loop, housekeeping, gateway);
    kw_timer_start(gateway->housekeeping, KW_HOUSEKEEPING_MS, KW_HOUSEKEEPING_MS);
    *out = gateway;
    return KW_OK;
}

static bool links_are_gone(const struct kw_gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->slot_count; i++) {
        if (gateway->slots[i]->gateway != NULL && gateway->slots[i]->ws != NULL)
            return false;
    }
    return true;
}

/* Sessions are gone, records are on the disk, and Redis, if it is there, has them. */
static void stop_tick(struct kw_timer *timer, void *arg)
{
    char error[512] = "";
    struct kw_gateway *gateway = arg;
    bool late = kw_loop_now_ms(gateway->runtime->loop) >= gateway->stop_before_ms;
    bool done = links_are_gone(gateway) && gateway->commits_open == 0 &&
                (!gateway->redis_up || kw_event_writer_waiting(gateway->writer) == 0);
    if (!done && !late)
        return;
    if (late)
        KW_LOG(KW_LOG_WARN, "gateway",
               "stopping before everything reached Redis; the journal keeps it",
               KW_LI("events_waiting", kw_event_writer_waiting(gateway->writer)));
    kw_timer_stop(timer);
    if (call_lua(gateway, "stop", NULL, error, sizeof error) != KW_OK)
        KW_LOG(KW_LOG_ERROR, "gateway", "the last checkpoint was not made", KW_LC("error", error));
    gateway->on_stopped(gateway->stopped_arg);
}

static void control_drained(void *arg)
{
    struct kw_gateway *gateway = arg;
    gateway->stop_timer = kw_timer_new(gateway->runtime->loop, stop_tick, gateway);
    kw_timer_start(gateway->stop_timer, KW_STOP_TICK_MS, KW_STOP_TICK_MS);
}

static void stations_drained(void *arg)
{
    struct kw_gateway *gateway = arg;
    kw_http_server_drain(gateway->control_server, KW_DRAIN_GRACE_MS, control_drained, gateway);
}

void kw_gateway_stop(struct kw_gateway *gateway, void (*on_stopped)(void *arg), void *arg)
{
    if (gateway->stopping)
        return;
    gateway->stopping = true;
    gateway->on_stopped = on_stopped;
    gateway->stopped_arg = arg;
    gateway->stop_before_ms = kw_loop_now_ms(gateway->runtime->loop) + KW_STOP_MS;
    kw_listener_close(gateway->plain);
    kw_listener_close(gateway->secure);
    kw_listener_close(gateway->control);
    gateway->plain = gateway->secure = gateway->control = NULL;
    gateway_candidates_free(gateway);
    kw_http_server_drain(gateway->stations, KW_DRAIN_GRACE_MS, stations_drained, gateway);
}

void kw_gateway_free(struct kw_gateway *gateway)
{
    if (gateway == NULL)
        return;
    struct kw_runtime *runtime = gateway->runtime;
    kw_timer_close(gateway->housekeeping);
    kw_timer_close(gateway->stop_timer);
    kw_listener_close(gateway->plain);
    kw_listener_close(gateway->secure);
    kw_listener_close(gateway->control);
    gateway_record_close(gateway);
    kw_unbind_timer(runtime); /* tasks that still wait end here: they hold links and exchanges */
    kw_host_free(runtime->host);
    runtime->host = NULL;
    kw_site_free(gateway->site); /* after the host, which calls into it */
    kw_http_server_free(gateway->stations);
    kw_http_server_free(gateway->control_server);
    kw_lua_routes_free(gateway->routes);
    for (uint32_t i = 0; i < gateway->slot_count; i++) {
        kw_timer_close(gateway->slots[i]->call_timer);
        kw_free(gateway->slots[i]);
    }
    kw_free(gateway->slots);
    kw_map_free(gateway->table);
    kw_tls_free(gateway->tls);
    kw_free(gateway);
}
