/* exchange.c - What a handler sees of a request, and how its answer is written.
 *
 * A head is put together by copying ready lines (status, Date once a second, security headers), so
 * that an answer costs a few memory copies; head and body leave as one piece. The outbox takes any
 * one answer whole, whatever its size: it exists in memory already. What bounds a connection is that
 * the next request is not begun before the answer has mostly left (http_server.c). */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "proto/ws_frame.h"
#include "serve/http_internal.h"
#include "serve/security_headers.h"

#define KW_HEAD_OUT_BYTES 2048 /* of an answer, without the handler's own lines */
#define KW_CONTENT_TYPE_BYTES 128

/* --- the request --- */

const struct kw_http_head *kw_exchange_head(const struct kw_exchange *exchange)
{
    return exchange->head;
}

struct kw_str kw_exchange_body(const struct kw_exchange *exchange)
{
    return kw_buf_len(&exchange->body) > 0 ? kw_buf_str(&exchange->body) : KW_STR("");
}

const char *kw_exchange_peer(const struct kw_exchange *exchange)
{
    return exchange->peer;
}

bool kw_exchange_is_tls(const struct kw_exchange *exchange)
{
    return exchange->is_tls;
}

const char *kw_exchange_id(const struct kw_exchange *exchange)
{
    struct kw_exchange *own = (struct kw_exchange *)(uintptr_t)exchange; /* a cache, no change */
    if (own->id[0] == 0)
        (void)snprintf(own->id, sizeof own->id, "%016llx", (unsigned long long)own->number);
    return own->id;
}

bool kw_exchange_gone(const struct kw_exchange *exchange)
{
    return exchange->conn == NULL;
}

void kw_exchange_on_gone(struct kw_exchange *exchange, void (*on_gone)(void *arg), void *arg)
{
    exchange->on_gone = on_gone;
    exchange->gone_arg = arg;
}

/* --- the answer --- */

static char *put(char *at, struct kw_str text)
{
    if (text.ptr == NULL)
        return at;
    memcpy(at, text.ptr, text.len);
    return at + text.len;
}

static struct kw_str date_line(struct kw_http_server *server)
{
    int64_t turn_ms = kw_loop_now_ms(server->loop);
    if (server->date_bytes == 0 || turn_ms != server->date_checked_ms) {
        struct tm parts;
        time_t now = (time_t)(kw_now_ms() / 1000);
        server->date_checked_ms = turn_ms;
        if ((now != server->date_second || server->date_bytes == 0) &&
            gmtime_r(&now, &parts) != NULL) {
            server->date_second = now;
            server->date_bytes = strftime(server->date, sizeof server->date,
                                          "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
        }
    }
    return kw_str_n(server->date, server->date_bytes);
}

static char *put_status(char *at, int status)
{
    struct kw_str line = kw_http_status_line(status);
    if (line.len > 0)
        return put(at, line);
    return at + snprintf(at, 64, "HTTP/1.1 %d Status\r\n", status);
}

/* Everything up to the handler's own lines; `length` < 0: no Content-Length. */
static size_t write_head(struct kw_exchange *exchange, int status, const char *content_type,
                         int64_t length, char head[KW_HEAD_OUT_BYTES])
{
    struct kw_http_server *server = exchange->server;
    char *at = put_status(head, status);
    at = put(at, date_line(server));
    if (content_type != NULL) {
        struct kw_str type = kw_str_of(content_type);
        KW_ASSERT(type.len < KW_CONTENT_TYPE_BYTES);
        at = put(put(put(at, KW_STR("Content-Type: ")), type), KW_STR("\r\n"));
    }
    if (length >= 0) {
        at = put(at, KW_STR("Content-Length: "));
        at += kw_i64_to_text(length, at);
        at = put(at, KW_STR("\r\n"));
    }
    if (exchange->close_after)
        at = put(at, KW_STR("Connection: close\r\n"));
    if (server->options.web_headers)
        at = put(at, kw_security_headers());
    KW_ASSERT(at - head < KW_HEAD_OUT_BYTES - 2);
    return (size_t)(at - head);
}

/* Queue a whole answer, body or blob; the outbox is widened to take it. */
static kw_err send_answer(struct kw_exchange *exchange, const char *head, size_t head_bytes,
                          struct kw_str body, struct kw_blob *blob)
{
    struct kw_conn *conn = exchange->conn;
    size_t length = head_bytes + body.len + (blob != NULL ? blob->length_bytes : 0);
    size_t whole = kw_conn_queued_bytes(conn) + length;
    kw_metric_add(exchange->server->bytes_out, (int64_t)length);
    kw_conn_set_queue_limit(conn, whole > KW_OUT_QUEUE_BYTES ? whole : KW_OUT_QUEUE_BYTES);
    kw_err err = kw_conn_write2(conn, head, head_bytes, body.ptr, body.len);
    if (err == KW_OK && blob != NULL)
        err = kw_conn_write_blob(conn, blob);
    return err;
}

static void answer(struct kw_exchange *exchange, int status, const char *content_type,
                   struct kw_str body, struct kw_blob *blob)
{
    char head[KW_HEAD_OUT_BYTES + KW_HTTP_EXTRA_BYTES];
    bool bodiless = status == 204 || status == 304;
    int64_t length = (int64_t)(blob != NULL ? blob->length_bytes : body.len);
    KW_ASSERT(exchange->open && status >= 200 && status < 600);
    if (exchange->extra_full) {
        exchange->extra_full = false;
        kw_buf_clear(&exchange->extra);
        kw_exchange_problem(exchange, 500, "internal", "The answer's headers are too large.");
        return;
    }
    kw_metric_add(exchange->server->requests[status / 100], 1);
    if (exchange->conn != NULL) {
        size_t used = write_head(exchange, status, content_type, bodiless ? -1 : length, head);
        char *end = put(head + used, kw_buf_len(&exchange->extra) > 0 ? kw_buf_str(&exchange->extra)
                                                                      : KW_STR_NONE);
        end = put(end, KW_STR("\r\n"));
        if (bodiless || exchange->head->method == KW_HTTP_HEAD) {
            body = KW_STR_NONE;
            blob = NULL;
        }
        if (send_answer(exchange, head, (size_t)(end - head), body, blob) != KW_OK)
            exchange->close_after = true; /* closing already: nobody reads it */
    }
    kw_exchange_answered(exchange);
}

void kw_exchange_respond(struct kw_exchange *exchange, int status, const char *content_type,
                         struct kw_str body)
{
    answer(exchange, status, content_type, body, NULL);
}

void kw_exchange_respond_blob(struct kw_exchange *exchange, int status, const char *content_type,
                              struct kw_blob *body)
{
    answer(exchange, status, content_type, KW_STR_NONE, body);
}

void kw_exchange_header(struct kw_exchange *exchange, const char *name, struct kw_str value)
{
    KW_ASSERT(name[0] != 0 && strpbrk(name, "\r\n: ") == NULL);
    for (size_t i = 0; i < value.len; i++)
        KW_ASSERT(value.ptr[i] != '\r' && value.ptr[i] != '\n' && value.ptr[i] != 0);
    if (kw_buf_printf(&exchange->extra, "%s: %.*s\r\n", name, (int)value.len, value.ptr) != KW_OK)
        exchange->extra_full = true; /* becomes a 500: never an answer without its headers */
}

void kw_exchange_problem(struct kw_exchange *exchange, int status, const char *code,
                         const char *detail)
{
    struct kw_buf text;
    struct kw_json_out json;
    kw_buf_init(&text, 65536);
    kw_json_out_init(&json, &text);
    kw_json_obj(&json);
    KW_JSON_KV(str, &json, "type", KW_STR("about:blank"));
    KW_JSON_KV(str, &json, "title", kw_http_reason(status));
    KW_JSON_KV(i64, &json, "status", status);
    KW_JSON_KV(str, &json, "detail", kw_str_of(detail));
    KW_JSON_KV(str, &json, "code", kw_str_of(code));
    KW_JSON_KV(str, &json, "request_id", kw_str_of(kw_exchange_id(exchange)));
    kw_json_obj_end(&json);
    kw_exchange_respond(exchange, status, "application/problem+json", kw_buf_str(&text));
    kw_buf_free(&text);
}

/* --- the switch to WebSocket --- */

static bool handshake_is_valid(struct kw_exchange *exchange, char accept[29])
{
    const struct kw_http_head *head = exchange->head;
    if (exchange->conn == NULL || !head->upgrade_websocket ||
        kw_ws_accept_key(kw_http_header_get(head, "sec-websocket-key"), accept) != KW_OK) {
        kw_exchange_problem(exchange, 400, "bad-handshake", "This is not a WebSocket handshake.");
        return false;
    }
    if (!kw_str_eqc(kw_http_header_get(head, "sec-websocket-version"), "13")) {
        kw_exchange_header(exchange, "Sec-WebSocket-Version", KW_STR("13"));
        kw_exchange_problem(exchange, 426, "bad-ws-version",
                            "Only WebSocket version 13 is spoken here.");
        return false;
    }
    return true;
}

static kw_err send_switch(struct kw_exchange *exchange, const char *accept, const char *protocol)
{
    char head[KW_HEAD_OUT_BYTES + KW_HTTP_EXTRA_BYTES];
    exchange->close_after = false;
    size_t used = write_head(exchange, 101, NULL, -1, head);
    kw_exchange_header(exchange, "Upgrade", KW_STR("websocket"));
    kw_exchange_header(exchange, "Connection", KW_STR("Upgrade"));
    kw_exchange_header(exchange, "Sec-WebSocket-Accept", kw_str_of(accept));
    if (protocol != NULL)
        kw_exchange_header(exchange, "Sec-WebSocket-Protocol", kw_str_of(protocol));
    char *end = put(put(head + used, kw_buf_str(&exchange->extra)), KW_STR("\r\n"));
    return send_answer(exchange, head, (size_t)(end - head), KW_STR_NONE, NULL);
}

struct kw_ws *kw_exchange_upgrade(struct kw_exchange *exchange, const char *protocol,
                                  const struct kw_ws_options *options,
                                  const struct kw_ws_events *events, void *arg)
{
    char accept[29];
    struct kw_http_server *server = exchange->server;
    KW_ASSERT(exchange->open);
    if (!handshake_is_valid(exchange, accept))
        return NULL;
    if (server->draining || send_switch(exchange, accept, protocol) != KW_OK) {
        kw_buf_clear(&exchange->extra);
        exchange->close_after = true;
        kw_exchange_problem(exchange, 503, "busy", "The service is stopping.");
        return NULL;
    }
    kw_metric_add(server->requests[1], 1);
    kw_metric_add(server->sessions_open, 1);
    struct kw_ws *ws = kw_ws_adopt(exchange->conn, protocol, options, events, arg);
    kw_ws_join(ws, &server->home);
    exchange->open = false;
    exchange->session = ws;
    exchange->conn = NULL;
    if (!exchange->in_feed) { /* answered later: what came meanwhile is WebSocket already */
        kw_ws_feed_early(ws, kw_buf_str(&exchange->waiting));
        kw_exchange_free(exchange);
    }
    return ws;
}
