/* http_server.c - One connection at a time: parse, hand over, answer, again.
 *
 * The exchange is the connection's own struct: one request is open at a time, pipelined bytes wait.
 * It outlives the socket while a handler still owes the answer. */
#include "serve/http_server.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "proto/ws_frame.h"
#include "serve/security_headers.h"
#include "serve/ws_internal.h"

#define KW_HEAD_TIMEOUT_MS 10000
#define KW_BODY_TIMEOUT_MS 30000
#define KW_IDLE_TIMEOUT_MS 75000
#define KW_PIPELINE_BYTES 65536            /* bytes kept behind an open request */
#define KW_HTTP_QUEUE_BYTES (64u * 1024 * 1024) /* a large list leaves in one answer */
#define KW_EXTRA_HEADER_BYTES 8192

struct kw_exchange {
    struct kw_http_server *server;
    struct kw_exchange *next, **at; /* server's list */
    struct kw_conn *conn;           /* NULL: gone */
    struct kw_http_parser *parser;
    struct kw_timer *timer;
    const struct kw_http_head *head;
    struct kw_buf body, waiting, extra;
    void (*on_gone)(void *arg);
    void *gone_arg;
    bool open;                      /* a handler owes an answer */
    struct kw_ws *session;          /* upgraded: the exchange is over */
    bool in_feed, close_after;
    char peer[48], id[17];
};

struct kw_http_server {
    struct kw_loop *loop;
    struct kw_http_server_options options;
    const struct kw_http_handlers *handlers;
    void *arg;
    struct kw_exchange *connections;
    struct kw_ws_link *sessions;
    unsigned session_count, connection_count;
    bool draining;
    void (*on_drained)(void *arg);
    void *drained_arg;
    struct kw_timer *grace;
    struct kw_metric *requests[6], *sessions_open;
    time_t date_second;
    char date[40];
    uint64_t next_id;
};

static void check_drained(struct kw_http_server *server)
{
    if (!server->draining || server->connections != NULL || server->sessions != NULL || server->on_drained == NULL)
        return;
    void (*done)(void *) = server->on_drained;
    server->on_drained = NULL;
    kw_timer_close(server->grace);
    server->grace = NULL;
    done(server->drained_arg);
}

static void exchange_free(struct kw_exchange *exchange)
{
    struct kw_http_server *server = exchange->server;
    *exchange->at = exchange->next;
    if (exchange->next != NULL)
        exchange->next->at = exchange->at;
    kw_timer_close(exchange->timer);
    kw_http_parser_free(exchange->parser);
    kw_buf_free(&exchange->body);
    kw_buf_free(&exchange->waiting);
    kw_buf_free(&exchange->extra);
    kw_free(exchange);
    check_drained(server);
}

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *text;
    } table[] = { { 101, "Switching Protocols" }, { 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
                  { 204, "No Content" }, { 304, "Not Modified" }, { 308, "Permanent Redirect" }, { 400, "Bad Request" },
                  { 401, "Unauthorized" }, { 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
                  { 409, "Conflict" }, { 412, "Precondition Failed" }, { 413, "Content Too Large" },
                  { 414, "URI Too Long" }, { 415, "Unsupported Media Type" }, { 426, "Upgrade Required" },
                  { 428, "Precondition Required" }, { 429, "Too Many Requests" }, { 431, "Headers Too Large" },
                  { 500, "Internal Server Error" }, { 501, "Not Implemented" }, { 503, "Service Unavailable" },
                  { 505, "Version Not Supported" }, { 507, "Insufficient Storage" } };
    for (size_t i = 0; i < KW_COUNT_OF(table); i++) {
        if (table[i].status == status)
            return table[i].text;
    }
    return "Status";
}

static const char *date_text(struct kw_http_server *server)
{
    time_t now = (time_t)(kw_now_ms() / 1000);
    struct tm parts;
    if (now != server->date_second && gmtime_r(&now, &parts) != NULL) {
        server->date_second = now;
        (void)strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    }
    return server->date;
}

static kw_err write_head(struct kw_exchange *exchange, int status, const char *content_type, size_t length)
{
    char head[2048 + KW_EXTRA_HEADER_BYTES];
    struct kw_http_server *server = exchange->server;
    bool no_length = status == 204 || status == 304;
    int used = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%s%s", status, reason_of(status),
                        date_text(server), content_type != NULL ? "Content-Type: " : "",
                        content_type != NULL ? content_type : "", content_type != NULL ? "\r\n" : "");
    if (!no_length)
        used += snprintf(head + used, sizeof head - (size_t)used, "Content-Length: %zu\r\n", length);
    used += snprintf(head + used, sizeof head - (size_t)used, "%s%s%s%.*s\r\n",
                     server->options.web_headers ? KW_SECURITY_HEADERS : "",
                     server->options.web_headers && kw_conn_is_tls(exchange->conn) ? KW_HSTS_HEADER : "",
                     exchange->close_after ? "Connection: close\r\n" : "", (int)kw_buf_len(&exchange->extra),
                     kw_buf_len(&exchange->extra) > 0 ? kw_buf_ptr(&exchange->extra) : "");
    return kw_conn_write(exchange->conn, head, (size_t)used);
}

static void feed(struct kw_exchange *exchange);

/* The answer is written (or had no reader): make ready for the next request or end. */
static void answered(struct kw_exchange *exchange)
{
    exchange->open = false;
    exchange->on_gone = NULL;
    kw_buf_clear(&exchange->extra);
    if (exchange->body.capacity > 65536)
        kw_buf_free(&exchange->body);
    else
        kw_buf_clear(&exchange->body);
    if (exchange->conn == NULL) {
        exchange_free(exchange);
        return;
    }
    if (exchange->close_after) {
        kw_timer_stop(exchange->timer);
        kw_conn_shutdown(exchange->conn);
        return;
    }
    kw_http_parser_next(exchange->parser);
    kw_timer_start(exchange->timer,
                   exchange->server->options.idle_timeout_ms > 0 ? exchange->server->options.idle_timeout_ms
                                                                 : KW_IDLE_TIMEOUT_MS, 0);
    if (!exchange->in_feed && kw_buf_len(&exchange->waiting) > 0)
        feed(exchange);
    if (exchange->conn != NULL)
        kw_conn_resume(exchange->conn);
}

static void count_status(struct kw_exchange *exchange, int status)
{
    kw_metric_add(exchange->server->requests[status / 100 % 6], 1);
}

void kw_exchange_respond(struct kw_exchange *exchange, int status, const char *content_type, struct kw_str body)
{
    KW_ASSERT(exchange->open);
    count_status(exchange, status);
    if (exchange->conn != NULL) {
        bool no_body = exchange->head->method == KW_HTTP_HEAD || status == 304 || status == 204;
        kw_err err = write_head(exchange, status, content_type, body.len);
        if (err == KW_OK && !no_body && body.len > 0)
            err = kw_conn_write(exchange->conn, body.ptr, body.len);
        exchange->close_after = exchange->close_after || err != KW_OK;
    }
    answered(exchange);
}

void kw_exchange_respond_blob(struct kw_exchange *exchange, int status, const char *content_type, struct kw_blob *blob)
{
    KW_ASSERT(exchange->open);
    count_status(exchange, status);
    if (exchange->conn != NULL) {
        bool no_body = exchange->head->method == KW_HTTP_HEAD || status == 304;
        kw_err err = write_head(exchange, status, content_type, blob->length_bytes);
        if (err == KW_OK && !no_body)
            err = kw_conn_write_blob(exchange->conn, blob);
        exchange->close_after = exchange->close_after || err != KW_OK;
    }
    answered(exchange);
}

static void write_problem(struct kw_buf *out, const char *id, int status, const char *code, const char *detail)
{
    struct kw_json_out json;
    kw_buf_init(out, 4096);
    kw_json_out_init(&json, out);
    kw_json_obj(&json);
    KW_JSON_KV(str, &json, "type", KW_STR("about:blank"));
    KW_JSON_KV(str, &json, "title", kw_str_of(reason_of(status)));
    KW_JSON_KV(i64, &json, "status", status);
    KW_JSON_KV(str, &json, "detail", kw_str_of(detail));
    KW_JSON_KV(str, &json, "code", kw_str_of(code));
    KW_JSON_KV(str, &json, "request_id", kw_str_of(id));
    kw_json_obj_end(&json);
}

void kw_exchange_problem(struct kw_exchange *exchange, int status, const char *code, const char *detail)
{
    struct kw_buf text;
    write_problem(&text, exchange->id, status, code, detail);
    kw_exchange_respond(exchange, status, "application/problem+json", kw_buf_str(&text));
    kw_buf_free(&text);
}

void kw_exchange_header(struct kw_exchange *exchange, const char *name, struct kw_str value)
{
    KW_ASSERT(strpbrk(name, "\r\n:") == NULL);
    KW_ASSERT(value.len == 0 || (memchr(value.ptr, '\r', value.len) == NULL && memchr(value.ptr, '\n', value.len) == NULL));
    KW_IGNORE(kw_buf_printf(&exchange->extra, "%s: %.*s\r\n", name, (int)value.len, value.ptr)); /* full: dropped */
}

/* --- reading --- */

static size_t on_head(const struct kw_http_head *head, void *arg)
{
    struct kw_exchange *exchange = arg;
    struct kw_http_server *server = exchange->server;
    exchange->head = head;
    kw_timer_start(exchange->timer,
                   server->options.body_timeout_ms > 0 ? server->options.body_timeout_ms : KW_BODY_TIMEOUT_MS, 0);
    size_t limit = server->handlers->body_limit != NULL ? server->handlers->body_limit(head, server->arg) : 0;
    if (limit != KW_HTTP_BODY_NONE)
        exchange->body.limit = limit > 0 ? limit : KW_HTTP_BODY_BYTES;
    return limit;
}

static void on_body(struct kw_str piece, void *arg)
{
    struct kw_exchange *exchange = arg;
    if (kw_buf_append(&exchange->body, piece.ptr, piece.len) != KW_OK)
        exchange->close_after = true; /* bounded before: only memory can fail here */
}

static void redirect(struct kw_exchange *exchange)
{
    char location[KW_HTTP_TARGET_BYTES + 300];
    (void)snprintf(location, sizeof location, "https://%.*s%.*s", (int)exchange->head->host.len, exchange->head->host.ptr,
                   (int)exchange->head->target.len, exchange->head->target.ptr);
    exchange->close_after = true;
    kw_exchange_header(exchange, "Location", kw_str_of(location));
    kw_exchange_problem(exchange, 308, "use-https", "This service is spoken to by HTTPS.");
}

static void on_message(void *arg)
{
    struct kw_exchange *exchange = arg;
    struct kw_http_server *server = exchange->server;
    kw_timer_stop(exchange->timer);
    exchange->open = true;
    exchange->close_after = exchange->close_after || !exchange->head->keep_alive || server->draining;
    (void)snprintf(exchange->id, sizeof exchange->id, "%016llx", (unsigned long long)server->next_id);
    server->next_id = server->next_id * 6364136223846793005ULL + 1442695040888963407ULL;
    if (kw_conn_is_plain_on_tls(exchange->conn) && server->options.redirect_plain)
        redirect(exchange);
    else
        server->handlers->on_request(exchange, server->arg);
}

static void refuse(struct kw_exchange *exchange, const struct kw_http_fault *fault)
{
    static const struct kw_http_head no_head = { .method = KW_HTTP_GET };
    char label[64];
    struct kw_http_server *server = exchange->server;
    (void)snprintf(label, sizeof label, "server=\"%s\",reason=\"%s\"", server->options.server_kind, fault->slug);
    kw_metric_add(kw_metrics_counter(server->options.metrics, "kw_http_refused_total", label,
                                     "Requests refused before a handler, by reason."), 1);
    exchange->head = &no_head;
    exchange->open = true;
    exchange->close_after = true;
    (void)snprintf(exchange->id, sizeof exchange->id, "%016llx", (unsigned long long)server->next_id);
    kw_exchange_problem(exchange, fault->status, fault->slug, fault->text);
}

static void feed(struct kw_exchange *exchange)
{
    exchange->in_feed = true;
    while (exchange->conn != NULL && !exchange->open && !exchange->close_after &&
           kw_buf_len(&exchange->waiting) > 0) {
        struct kw_http_fault fault;
        size_t used = 0;
        struct kw_buf bytes = exchange->waiting; /* the handler may look at what follows (upgrade) */
        kw_err err = kw_http_parser_feed(exchange->parser, kw_buf_ptr(&bytes), kw_buf_len(&bytes), &used, &fault);
        if (exchange->session != NULL) {
            kw_ws_feed_early(exchange->session, kw_str_n(kw_buf_ptr(&bytes) + used, kw_buf_len(&bytes) - used));
            break;
        }
        kw_buf_consume(&exchange->waiting, used);
        if (err != KW_OK)
            refuse(exchange, &fault);
    }
    exchange->in_feed = false;
    if (exchange->session != NULL)
        exchange_free(exchange);
}

static void conn_data(struct kw_conn *conn, const char *bytes, size_t length, void *arg)
{
    struct kw_exchange *exchange = arg;
    if (exchange->close_after && !exchange->open)
        return; /* answered, closing: the rest is not read */
    if (kw_http_parser_idle(exchange->parser) && !exchange->open && kw_buf_len(&exchange->waiting) == 0)
        kw_timer_start(exchange->timer,
                       exchange->server->options.head_timeout_ms > 0 ? exchange->server->options.head_timeout_ms
                                                                     : KW_HEAD_TIMEOUT_MS, 0);
    if (kw_buf_append(&exchange->waiting, bytes, length) != KW_OK) {
        kw_conn_close(conn);
        return;
    }
    if (exchange->open) {
        if (kw_buf_len(&exchange->waiting) >= KW_PIPELINE_BYTES)
            kw_conn_pause(conn);
        return;
    }
    feed(exchange);
}

static void conn_closed(struct kw_conn *conn, kw_err why, void *arg)
{
    struct kw_exchange *exchange = arg;
    (void)conn;
    (void)why;
    exchange->conn = NULL;
    if (!exchange->open) {
        exchange_free(exchange);
        return;
    }
    kw_timer_stop(exchange->timer);
    if (exchange->on_gone != NULL) {
        void (*on_gone)(void *) = exchange->on_gone;
        exchange->on_gone = NULL;
        on_gone(exchange->gone_arg);
    }
}

static void on_time(struct kw_timer *timer, void *arg)
{
    struct kw_exchange *exchange = arg;
    (void)timer;
    if (exchange->conn != NULL && !exchange->open)
        kw_conn_close(exchange->conn); /* slow or idle: no answer is owed */
}

void kw_http_server_accept(struct kw_conn *conn, void *arg)
{
    static const struct kw_conn_events conn_events = { NULL, conn_data, NULL, conn_closed };
    static const struct kw_http_events http_events = { on_head, on_body, on_message };
    struct kw_http_server *server = arg;
    if (server->draining) {
        kw_conn_close(conn);
        return;
    }
    struct kw_exchange *exchange = kw_zalloc(sizeof *exchange);
    exchange->server = server;
    exchange->conn = conn;
    exchange->parser = kw_http_parser_new(KW_HTTP_SERVER, &http_events, exchange);
    exchange->timer = kw_timer_new(server->loop, on_time, exchange);
    kw_buf_init(&exchange->body, KW_HTTP_BODY_BYTES);
    kw_buf_init(&exchange->waiting, KW_PIPELINE_BYTES * 2);
    kw_buf_init(&exchange->extra, KW_EXTRA_HEADER_BYTES);
    (void)snprintf(exchange->peer, sizeof exchange->peer, "%s", kw_conn_peer(conn));
    exchange->next = server->connections;
    exchange->at = &server->connections;
    if (exchange->next != NULL)
        exchange->next->at = &exchange->next;
    server->connections = exchange;
    kw_conn_set_queue_limit(conn, KW_HTTP_QUEUE_BYTES);
    kw_timer_start(exchange->timer, server->options.head_timeout_ms > 0 ? server->options.head_timeout_ms
                                                                       : KW_HEAD_TIMEOUT_MS, 0);
    kw_conn_listen(conn, &conn_events, exchange);
}

/* --- server --- */

struct kw_http_server *kw_http_server_new(struct kw_loop *loop, const struct kw_http_server_options *options,
                                          const struct kw_http_handlers *handlers, void *arg)
{
    char label[64];
    struct kw_http_server *server = kw_zalloc(sizeof *server);
    server->loop = loop;
    server->options = *options;
    server->handlers = handlers;
    server->arg = arg;
    if (server->options.server_kind == NULL)
        server->options.server_kind = "http";
    if (getrandom(&server->next_id, sizeof server->next_id, 0) != (ssize_t)sizeof server->next_id)
        server->next_id = (uint64_t)kw_mono_us();
    for (int class = 1; class < 6; class++) {
        (void)snprintf(label, sizeof label, "server=\"%s\",status=\"%dxx\"", server->options.server_kind, class);
        server->requests[class] = kw_metrics_counter(options->metrics, "kw_http_requests_total", label,
                                                     "Requests answered, by class of status.");
    }
    (void)snprintf(label, sizeof label, "server=\"%s\"", server->options.server_kind);
    server->sessions_open = kw_metrics_gauge(options->metrics, "kw_ws_sessions_open", label, "Open WebSocket sessions.");
    return server;
}

static void grace_over(struct kw_timer *timer, void *arg)
{
    struct kw_http_server *server = arg;
    (void)timer;
    for (struct kw_exchange *at = server->connections; at != NULL; at = at->next) {
        if (at->conn != NULL)
            kw_conn_close(at->conn);
    }
    for (struct kw_ws_link *at = server->sessions; at != NULL; at = at->next)
        kw_ws_abort(at->ws);
}

void kw_http_server_drain(struct kw_http_server *server, int64_t grace_ms, void (*on_done)(void *arg), void *arg)
{
    server->draining = true;
    server->on_drained = on_done;
    server->drained_arg = arg;
    server->grace = kw_timer_new(server->loop, grace_over, server);
    kw_timer_start(server->grace, grace_ms, 0);
    for (struct kw_exchange *at = server->connections; at != NULL; at = at->next) {
        if (at->conn != NULL && !at->open)
            kw_conn_close(at->conn);
        at->close_after = true;
    }
    for (struct kw_ws_link *at = server->sessions; at != NULL; at = at->next)
        kw_ws_close(at->ws, 1012, "restarting");
    check_drained(server);
}

void kw_http_server_free(struct kw_http_server *server)
{
    if (server == NULL)
        return;
    KW_ASSERT(server->connections == NULL && server->sessions == NULL);
    kw_timer_close(server->grace);
    kw_free(server);
}

/* --- exchange, reading side --- */

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
    return exchange->conn != NULL && kw_conn_is_tls(exchange->conn);
}

const char *kw_exchange_id(const struct kw_exchange *exchange)
{
    return exchange->id;
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

static void session_gone(void *arg)
{
    struct kw_http_server *server = arg;
    server->session_count--;
    kw_metric_add(server->sessions_open, -1);
    check_drained(server);
}

struct kw_ws *kw_exchange_upgrade(struct kw_exchange *exchange, const char *protocol,
                                  const struct kw_ws_options *options, const struct kw_ws_events *events, void *arg)
{
    char accept[29], head[512];
    struct kw_http_server *server = exchange->server;
    struct kw_conn *conn = exchange->conn;
    if (conn == NULL || !exchange->head->upgrade_websocket ||
        kw_ws_accept_key(kw_http_header_get(exchange->head, "sec-websocket-key"), accept) != KW_OK) {
        kw_exchange_problem(exchange, 400, "bad-handshake", "This is not a WebSocket handshake.");
        return NULL;
    }
    if (!kw_str_eqc(kw_http_header_get(exchange->head, "sec-websocket-version"), "13")) {
        kw_exchange_header(exchange, "Sec-WebSocket-Version", KW_STR("13"));
        kw_exchange_problem(exchange, 426, "bad-ws-version", "Only WebSocket version 13 is spoken here.");
        return NULL;
    }
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\n%s%s%s\r\n", accept,
                          protocol != NULL ? "Sec-WebSocket-Protocol: " : "", protocol != NULL ? protocol : "",
                          protocol != NULL ? "\r\n" : "");
    if (kw_conn_write(conn, head, (size_t)length) != KW_OK) {
        kw_exchange_problem(exchange, 503, "busy", "The connection cannot take more.");
        return NULL;
    }
    count_status(exchange, 101);
    struct kw_ws *ws = kw_ws_adopt(conn, protocol, options, events, arg);
    if (!exchange->in_feed && kw_buf_len(&exchange->waiting) > 0)
        kw_ws_feed_early(ws, kw_buf_str(&exchange->waiting));
    server->session_count++;
    kw_metric_add(server->sessions_open, 1);
    kw_ws_join(ws, &server->sessions, session_gone, server);
    exchange->open = false;
    exchange->session = ws;
    exchange->conn = NULL;
    if (!exchange->in_feed)
        exchange_free(exchange);
    return ws;
}
