/* web_probes.c - /healthz (the process), /readyz (may traffic come), /metrics (Prometheus text).
 *
 * Liveness never depends on others: a Redis that is away must not make a supervisor restart us. Readiness
 * does, and says which part is not ready and why. */
#include "app/web_probes.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "app/pipeline.h"
#include "app/site.h"
#include "base/clock.h"
#include "base/json.h"

#define KW_METRICS_BYTES (4u * 1024 * 1024)
#define KW_COMMIT_SLOW_MS 5000
#define KW_HEALTH_BYTES (512u * 1024) /* the site may have many broken files */

static void answer_json(struct kw_exchange *exchange, int status, struct kw_buf *text)
{
    kw_exchange_header(exchange, "Cache-Control", KW_STR("no-store"));
    kw_exchange_respond(exchange, status, "application/json; charset=utf-8", kw_buf_str(text));
    kw_buf_free(text);
}

static bool may_read_metrics(const struct kw_service *service, struct kw_exchange *exchange);

static void healthz(struct kw_service *service, struct kw_exchange *exchange)
{
    struct kw_buf text;
    struct kw_json_out json;
    kw_buf_init(&text, KW_HEALTH_BYTES);
    kw_json_out_init(&json, &text);
    kw_json_obj(&json);
    KW_JSON_KV(str, &json, "status", KW_STR("ok"));
    KW_JSON_KV(str, &json, "version", KW_STR(KW_VERSION));
    KW_JSON_KV(i64, &json, "uptime_s", (kw_now_ms() - service->runtime->started_ms) / 1000);
    kw_json_key(&json, "site"); /* broken scripts do not stop the process: shipped ones serve */
    if (may_read_metrics(service, exchange))
        kw_site_write_status(service->site, &json);
    else /* paths and lines are not for everybody */
        kw_json_str(&json, kw_str_of(kw_site_faulty(service->site) ? "faulty" : "ok"));
    kw_json_obj_end(&json);
    answer_json(exchange, 200, &text);
}

static bool part(struct kw_json_out *json, const char *name, const char *reason)
{
    kw_json_key(json, name);
    kw_json_obj(json);
    KW_JSON_KV(bool, json, "ok", reason == NULL);
    if (reason != NULL)
        KW_JSON_KV(str, json, "reason", kw_str_of(reason));
    kw_json_obj_end(json);
    return reason == NULL;
}

static const char *store_fault(const struct kw_feed_view *view)
{
    if (view->commit_waits_ms > KW_COMMIT_SLOW_MS)
        return "a page has been waiting for its commit for over 5 s: is the disk full?";
    return NULL;
}

static const char *feed_fault(const struct kw_feed_view *view)
{
    if (view->fatal != NULL)
        return view->fatal;
    return view->state == KW_FEED_LIVE    ? NULL
           : view->state == KW_FEED_STALE ? "the producer has been silent for a moment"
                                          : "no producer: the gateway does not write aliveTs";
}

static void readyz(struct kw_service *service, struct kw_exchange *exchange)
{
    struct kw_feed_view view;
    struct kw_buf text;
    struct kw_json_out json;
    kw_pipeline_feed(service->pipeline, &view);
    kw_buf_init(&text, 65536);
    kw_json_out_init(&json, &text);
    kw_json_obj(&json);
    bool ok = part(&json, "redis", view.link_up ? NULL : "Redis does not answer at redis_url");
    ok = part(&json, "store", store_fault(&view)) && ok;
    ok = part(&json, "feed", feed_fault(&view)) && ok;
    if (service->stopping)
        ok = part(&json, "process", "the service is stopping") && ok;
    KW_JSON_KV(bool, &json, "ready", ok);
    kw_json_obj_end(&json);
    answer_json(exchange, ok ? 200 : 503, &text);
}

static bool may_read_metrics(const struct kw_service *service, struct kw_exchange *exchange)
{
    const char *token = kw_config_text(service->runtime->config, "metrics_token");
    const char *peer = kw_exchange_peer(exchange);
    const struct kw_http_head *head = kw_exchange_head(exchange);
    struct kw_str given = kw_http_header_get(head, "authorization");
    bool forwarded = kw_http_header_get(head, "x-forwarded-for").ptr != NULL ||
                     kw_http_header_get(head, "forwarded").ptr != NULL;
    if (token[0] == 0) /* a proxy on this machine is not who asks */
        return !forwarded && (strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0);
    size_t length = strlen(token);
    return kw_str_starts(given, KW_STR("Bearer ")) && given.len == length + 7 &&
           sodium_memcmp(given.ptr + 7, token, length) == 0;
}

static void metrics(struct kw_service *service, struct kw_exchange *exchange)
{
    struct kw_buf text;
    if (!may_read_metrics(service, exchange)) {
        kw_exchange_problem(exchange, 401, "not-signed-in",
                            "Give metrics_token as a bearer token, or ask from loopback.");
        return;
    }
    kw_buf_init(&text, KW_METRICS_BYTES);
    if (kw_metrics_print(service->runtime->metrics, &text) == KW_OK)
        kw_exchange_respond(exchange, 200, "text/plain; version=0.0.4; charset=utf-8",
                            kw_buf_str(&text));
    else
        kw_exchange_problem(exchange, 500, "internal", "The metrics do not fit their buffer.");
    kw_buf_free(&text);
}

bool kw_web_probe(struct kw_service *service, struct kw_exchange *exchange)
{
    static const struct {
        const char *path;
        void (*answer)(struct kw_service *service, struct kw_exchange *exchange);
    } probes[] = { { "/healthz", healthz }, { "/readyz", readyz }, { "/metrics", metrics } };
    const struct kw_http_head *head = kw_exchange_head(exchange);
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++) {
        if (!kw_str_eqc(head->path, probes[i].path))
            continue;
        if (head->method == KW_HTTP_GET || head->method == KW_HTTP_HEAD) {
            probes[i].answer(service, exchange);
        } else {
            kw_exchange_header(exchange, "Allow", KW_STR("GET, HEAD"));
            kw_exchange_problem(exchange, 405, "method-not-allowed", "This is only read.");
        }
        return true;
    }
    return false;
}
