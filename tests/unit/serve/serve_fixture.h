/* serve_fixture.h - An HTTP server on loopback with one small handler, and a raw client for it. */
#ifndef KW_TESTS_SERVE_FIXTURE_H
#define KW_TESTS_SERVE_FIXTURE_H

#include "unit/net/net_fixture.h"

#include "base/metrics.h"
#include "serve/http_server.h"
#include "serve/ws.h"

struct site {
    struct kw_loop *loop;
    struct kw_metrics *metrics;
    struct kw_listener *listener;
    struct kw_http_server *server;
    struct kw_exchange *held; /* "/later" leaves it here */
    void (*on_upgrade)(struct site *site, struct kw_exchange *exchange);
    bool (*on_other)(struct site *site, struct kw_exchange *exchange);
    void *arg;
    bool gone, drained;
    unsigned requests;
    char last_body[64];
    size_t last_body_bytes;
};

static ANY void site_gone(void *arg)
{
    ((struct site *)arg)->gone = true;
}

static ANY size_t site_body_limit(const struct kw_http_head *head, void *arg)
{
    (void)arg;
    if (kw_str_eqc(head->path, "/none"))
        return KW_HTTP_BODY_NONE;
    return kw_str_eqc(head->path, "/small") ? 10 : 0;
}

static ANY void site_request(struct kw_exchange *exchange, void *arg)
{
    struct site *site = arg;
    const struct kw_http_head *head = kw_exchange_head(exchange);
    struct kw_str body = kw_exchange_body(exchange);
    site->requests++;
    site->last_body_bytes = body.len;
    KW_IGNORE(kw_str_copy(body, site->last_body, sizeof site->last_body));
    if (head->upgrade_websocket && site->on_upgrade != NULL) {
        site->on_upgrade(site, exchange);
    } else if (site->on_other != NULL && site->on_other(site, exchange)) {
        return;
    } else if (kw_str_eqc(head->path, "/later")) {
        site->held = exchange;
        kw_exchange_on_gone(exchange, site_gone, site);
    } else if (kw_str_eqc(head->path, "/empty")) {
        kw_exchange_respond(exchange, 204, NULL, KW_STR_NONE);
    } else if (kw_str_eqc(head->path, "/problem")) {
        kw_exchange_problem(exchange, 409, "conflict", "A \"quoted\" reason.");
    } else if (kw_str_eqc(head->path, "/big")) {
        struct kw_blob *blob = kw_blob_new_raw(3 << 20);
        memset(blob->bytes, 'b', blob->length_bytes);
        kw_exchange_respond_blob(exchange, 200, "text/plain", blob);
        kw_blob_unref(blob);
    } else {
        kw_exchange_header(exchange, "X-Path", head->path);
        kw_exchange_respond(exchange, 200, "text/plain", KW_STR("hello"));
    }
}

static ANY void site_start(struct site *site, const struct kw_http_server_options *options,
                           struct kw_tls *tls)
{
    static const struct kw_http_handlers handlers = { site_body_limit, site_request };
    char error[200];
    struct kw_http_server_options own = *options;
    site->metrics = kw_metrics_new();
    site->loop = kw_loop_new(site->metrics);
    own.metrics = site->metrics;
    own.server_kind = "test";
    site->server = kw_http_server_new(site->loop, &own, &handlers, site);
    struct kw_listener_options where = { .host = "127.0.0.1",
                                         .tls = tls,
                                         .metrics = site->metrics };
    assert_int_equal(kw_listener_new(site->loop, &where, kw_http_server_accept, site->server,
                                     &site->listener, error, sizeof error),
                     KW_OK);
}

static ANY void site_drained(void *arg)
{
    ((struct site *)arg)->drained = true;
}

static ANY void site_stop(struct site *site)
{
    kw_listener_close(site->listener);
    if (!site->drained) {
        kw_http_server_drain(site->server, 50, site_drained, site);
        assert_true(run_until(site->loop, is_set, &site->drained, 10000));
    }
    kw_http_server_free(site->server);
    kw_loop_free(site->loop);
    kw_metrics_free(site->metrics);
}

static ANY void site_dial(struct site *site, struct side *client, struct kw_tls *tls)
{
    client->conn = kw_conn_dial(site->loop, "127.0.0.1", kw_listener_port(site->listener), tls,
                                "localhost", 3000, &side_events, client);
    assert_true(run_until(site->loop, side_is_open, client, 3000));
}

struct expectation {
    struct side *side;
    const char *text;
    size_t at_least;
};

static ANY bool has_text(void *arg)
{
    struct expectation *want = arg;
    return want->side->got_bytes >= want->at_least &&
           (want->text == NULL ||
            (want->side->got != NULL && strstr(want->side->got, want->text) != NULL));
}

static ANY bool await_text(struct site *site, struct side *client, const char *text)
{
    struct expectation want = { client, text, 0 };
    return run_until(site->loop, has_text, &want, 3000);
}

static ANY void send_text(struct side *client, const char *text)
{
    assert_int_equal(kw_conn_write(client->conn, text, strlen(text)), KW_OK);
}

/* Forget what came; the same connection goes on. */
static ANY void side_forget(struct side *side)
{
    side->got_bytes = 0;
    if (side->got != NULL)
        side->got[0] = 0;
}

static ANY void side_end(struct site *site, struct side *side)
{
    if (side->conn != NULL) {
        kw_conn_close(side->conn);
        assert_true(run_until(site->loop, side_is_closed, side, 3000));
    }
    free(side->got);
    memset(side, 0, sizeof *side);
}

static ANY int64_t metric_of(struct site *site, const char *line)
{
    struct kw_buf text;
    int64_t value = -1;
    kw_buf_init(&text, 1 << 20);
    assert_int_equal(kw_metrics_print(site->metrics, &text), KW_OK);
    assert_int_equal(kw_buf_append(&text, "", 1), KW_OK);
    const char *found = strstr(kw_buf_ptr(&text), line);
    if (found != NULL)
        value = strtoll(found + strlen(line), NULL, 10);
    kw_buf_free(&text);
    return value;
}

#endif
