/* gateway_control.c - The control listener: health, metrics, and the control API of the contract.
 *
 * Commands themselves are lua/ocpp/control.lua. The token is checked here, once for everything but
 * health, in a time that does not tell how much of it was right. Without a token only loopback is served
 * and only requests that name loopback as their host: a web page that rebinds a name gets nothing. */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "app/gateway_internal.h"
#include "base/clock.h"
#include "base/json.h"

#define KW_HEALTH_BYTES 262144
#define KW_METRICS_BYTES (4u * 1024 * 1024)

static bool is_loopback(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0 ||
           strcmp(host, "localhost") == 0;
}

/* Host header without its port. */
static bool names_loopback(struct kw_str host)
{
    char name[64];
    if (host.len > 0 && host.ptr[0] == '[')
        return kw_str_starts(host, KW_STR("[::1]"));
    struct kw_str rest;
    return kw_str_copy(kw_str_cut(host, ':', &rest), name, sizeof name) == KW_OK &&
           is_loopback(name);
}

static bool token_is_right(struct kw_str header, const char *token)
{
    unsigned char given[crypto_hash_sha256_BYTES], wanted[crypto_hash_sha256_BYTES];
    struct kw_str bearer = KW_STR("Bearer ");
    bool is_bearer =
        header.len >= bearer.len && kw_str_ieq(kw_str_n(header.ptr, bearer.len), bearer);
    struct kw_str text =
        is_bearer ? kw_str_trim(kw_str_n(header.ptr + bearer.len, header.len - bearer.len))
                  : KW_STR("");
    (void)crypto_hash_sha256(given, (const unsigned char *)text.ptr, text.len);
    (void)crypto_hash_sha256(wanted, (const unsigned char *)token, strlen(token));
    return is_bearer && sodium_memcmp(given, wanted, sizeof given) == 0;
}

static bool is_allowed(struct kw_gateway *gateway, struct kw_exchange *exchange)
{
    const struct kw_http_head *head = kw_exchange_head(exchange);
    const char *token = kw_config_text(gateway->runtime->config, "control_token");
    if (token[0] == 0 && !names_loopback(head->host)) {
        gateway_count(gateway, "control-bad-host");
        kw_exchange_problem(exchange, 403, "forbidden",
                            "Without control_token this API answers to loopback names only.");
        return false;
    }
    if (token[0] == 0 || token_is_right(kw_http_header_get(head, "authorization"), token))
        return true;
    gateway_count(gateway, "control-bad-token");
    kw_exchange_header(exchange, "WWW-Authenticate", KW_STR("Bearer"));
    kw_exchange_problem(exchange, 401, "not-signed-in",
                        "Send Authorization: Bearer with control_token.");
    return false;
}

static void health(struct kw_gateway *gateway, struct kw_exchange *exchange, bool ready)
{
    struct kw_buf text;
    struct kw_json_out json;
    bool well = gateway->journal_well && !gateway->stopping;
    bool is_ready = well && gateway->redis_seen;
    bool whole = gateway->redis_up && !kw_site_faulty(gateway->site);
    const char *word = !well ? "failing" : whole ? "ok" : "degraded";
    kw_buf_init(&text, KW_HEALTH_BYTES);
    kw_json_out_init(&json, &text);
    kw_json_obj(&json);
    KW_JSON_KV(str, &json, "status", kw_str_of(word));
    KW_JSON_KV(bool, &json, "ready", is_ready);
    KW_JSON_KV(str, &json, "journal",
               gateway->journal_well ? KW_STR("ok") : KW_STR("disk-refuses"));
    KW_JSON_KV(str, &json, "redis", gateway->redis_up ? KW_STR("up") : KW_STR("away"));
    KW_JSON_KV(i64, &json, "stations_connected", (int64_t)kw_map_count(gateway->table));
    KW_JSON_KV(i64, &json, "events_waiting", (int64_t)kw_event_writer_waiting(gateway->writer));
    kw_json_key(&json, "site");
    kw_site_write_status(gateway->site, &json);
    KW_JSON_KV(bool, &json, "stopping", gateway->stopping);
    KW_JSON_KV(str, &json, "version", KW_STR(KW_VERSION));
    KW_JSON_KV(i64, &json, "uptime_s", (kw_now_ms() - gateway->runtime->started_ms) / 1000);
    kw_json_obj_end(&json);
    kw_exchange_respond(exchange, (ready ? is_ready : well) ? 200 : 503, "application/json",
                        kw_buf_str(&text));
    kw_buf_free(&text);
}

static void metrics(struct kw_gateway *gateway, struct kw_exchange *exchange)
{
    struct kw_buf text;
    kw_buf_init(&text, KW_METRICS_BYTES);
    if (kw_metrics_print(gateway->runtime->metrics, &text) == KW_OK)
        kw_exchange_respond(exchange, 200, "text/plain; version=0.0.4; charset=utf-8",
                            kw_buf_str(&text));
    else
        kw_exchange_problem(exchange, 500, "internal", "The metrics did not fit.");
    kw_buf_free(&text);
}

static size_t body_limit(const struct kw_http_head *head, void *arg)
{
    return kw_lua_routes_body_limit(((struct kw_gateway *)arg)->routes, head);
}

static void on_request(struct kw_exchange *exchange, void *arg)
{
    struct kw_gateway *gateway = arg;
    const struct kw_http_head *head = kw_exchange_head(exchange);
    bool reads = head->method == KW_HTTP_GET || head->method == KW_HTTP_HEAD;
    if (reads && kw_str_eqc(head->path, "/healthz")) {
        health(gateway, exchange, false);
    } else if (reads && kw_str_eqc(head->path, "/readyz")) {
        health(gateway, exchange, true);
    } else if (is_allowed(gateway, exchange)) {
        if (reads && kw_str_eqc(head->path, "/metrics"))
            metrics(gateway, exchange);
        else if (!kw_lua_routes_handle(gateway->routes, exchange, "/v1/"))
            kw_exchange_problem(exchange, 404, "not-found",
                                "There are /v1/..., /healthz, /readyz and /metrics.");
    }
}

kw_err gateway_control_open(struct kw_gateway *gateway, char *error, size_t error_size)
{
    static const struct kw_http_handlers handlers = { .body_limit = body_limit,
                                                      .on_request = on_request };
    const struct kw_config *config = gateway->runtime->config;
    const char *host = kw_config_text(config, "control_host");
    if (!is_loopback(host) && kw_config_text(config, "control_token")[0] == 0) {
        (void)snprintf(
            error, error_size,
            "control_host %s is beyond loopback: set control_token (KW_CONTROL_TOKEN), the same "
            "in the service, or use 127.0.0.1",
            host);
        return KW_EINVALID;
    }
    const struct kw_http_server_options server = { .server_kind = "control",
                                                   .metrics = gateway->runtime->metrics };
    gateway->control_server =
        kw_http_server_new(gateway->runtime->loop, &server, &handlers, gateway);
    const struct kw_listener_options listener = { .host = host,
                                                  .port = (uint16_t)kw_config_int(config,
                                                                                  "control_port"),
                                                  .max_connections = 256,
                                                  .metric_label = "control",
                                                  .metrics = gateway->runtime->metrics };
    return kw_listener_new(gateway->runtime->loop, &listener, kw_http_server_accept,
                           gateway->control_server, &gateway->control, error, error_size);
}
