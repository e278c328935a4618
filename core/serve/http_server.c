/* http_server.c - Connections of the HTTP server: reading, time limits, draining.
 *
 * One request is open at a time on a connection; bytes behind it wait, bounded, and then the socket
 * is not read. The next request begins when the answer has mostly left, so a client that pipelines
 * and does not read holds one answer. Time limits are deadlines that one sweep looks at: a request
 * that comes and goes within a turn touches no timer. */
#include "serve/http_server.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "serve/http_internal.h"

#define KW_HEAD_TIMEOUT_MS 10000
#define KW_BODY_TIMEOUT_MS 30000
#define KW_IDLE_TIMEOUT_MS 75000
#define KW_PIPELINE_BYTES 65536                   /* kept behind an open request */
#define KW_BACKLOG_BYTES (KW_OUT_QUEUE_BYTES / 4) /* answers that must leave first */
#define KW_BODY_KEPT_BYTES 16384 /* larger body buffers are not kept for the next request */

/* --- the end of a connection, and of a drain --- */

static void tell_drained(struct kw_turn_job *job)
{
    struct kw_http_server *server = KW_CONTAINER_OF(job, struct kw_http_server, drained_job);
    void (*done)(void *) = server->on_drained;
    server->on_drained = NULL;
    kw_timer_close(server->grace);
    server->grace = NULL;
    done(server->drained_arg); /* may free the server */
}

static void check_drained(struct kw_http_server *server)
{
    if (server->draining && server->connections == NULL && server->home.sessions == NULL &&
        server->on_drained != NULL)
        kw_loop_at_turn_end(server->loop, &server->drained_job);
}

void kw_exchange_free(struct kw_exchange *exchange)
{
    struct kw_http_server *server = exchange->server;
    *exchange->at = exchange->next;
    if (exchange->next != NULL)
        exchange->next->at = exchange->at;
    kw_turn_job_cancel(&exchange->resume_job);
    kw_http_parser_free(exchange->parser);
    kw_buf_free(&exchange->body);
    kw_buf_free(&exchange->waiting);
    kw_buf_free(&exchange->extra);
    kw_free(exchange);
    if (server->connections == NULL)
        kw_timer_stop(server->sweep);
    check_drained(server);
}

/* --- time --- */

static void set_phase(struct kw_exchange *exchange)
{
    const struct kw_http_server_options *options = &exchange->server->options;
    enum kw_http_phase phase = exchange->open                          ? KW_PHASE_BUSY
                               : exchange->close_after                 ? KW_PHASE_ENDING
                               : exchange->in_body                     ? KW_PHASE_BODY
                               : kw_http_parser_idle(exchange->parser) ? KW_PHASE_IDLE
                                                                       : KW_PHASE_HEAD;
    if (phase == exchange->phase && phase != KW_PHASE_IDLE)
        return;
    int64_t limit_ms = phase == KW_PHASE_HEAD   ? options->head_timeout_ms
                       : phase == KW_PHASE_BODY ? options->body_timeout_ms
                       : phase == KW_PHASE_IDLE ? options->idle_timeout_ms
                                                : 0;
    exchange->phase = phase;
    exchange->deadline_ms =
        limit_ms > 0 ? kw_loop_now_ms(exchange->server->loop) + limit_ms : INT64_MAX;
}

static void expire(struct kw_exchange *exchange)
{
    if (exchange->phase == KW_PHASE_BODY)
        kw_exchange_refuse(exchange, 408, "slow-body", "The body did not arrive in time.");
    else if (exchange->phase == KW_PHASE_HEAD && !kw_http_parser_idle(exchange->parser))
        kw_exchange_refuse(exchange, 408, "slow-head", "The request did not arrive in time.");
    else
        kw_conn_close(exchange->conn); /* idle, silent, or a TLS handshake that never ended */
}

static void sweep(struct kw_timer *timer, void *arg)
{
    struct kw_http_server *server = arg;
    int64_t now_ms = kw_loop_now_ms(server->loop);
    struct kw_exchange *next;
    (void)timer;
    for (struct kw_exchange *at = server->connections; at != NULL; at = next) {
        next = at->next;
        if (at->conn != NULL && now_ms >= at->deadline_ms)
            expire(at);
    }
}

/* --- reading --- */

static size_t on_head(const struct kw_http_head *head, void *arg)
{
    struct kw_exchange *exchange = arg;
    struct kw_http_server *server = exchange->server;
    exchange->head = head;
    if (!head->has_body)
        return 0;
    exchange->in_body = true;
    size_t limit =
        server->handlers->body_limit != NULL ? server->handlers->body_limit(head, server->arg) : 0;
    if (limit == KW_HTTP_BODY_NONE)
        return limit; /* the parser refuses */
    exchange->body.limit = limit > 0 ? limit : KW_HTTP_BODY_BYTES;
    if (kw_str_ieq(kw_http_header_get(head, "expect"), KW_STR("100-continue"))) {
        static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
        KW_IGNORE(kw_conn_write(exchange->conn, go_on, sizeof go_on - 1)); /* closing: no matter */
    }
    return limit;
}

static void on_body(struct kw_str piece, void *arg)
{
    struct kw_exchange *exchange = arg;
    if (kw_buf_append(&exchange->body, piece.ptr, piece.len) != KW_OK)
        kw_conn_close(exchange->conn); /* bounded by the parser: only memory can fail here */
}

static void on_message(void *arg)
{
    struct kw_exchange *exchange = arg;
    exchange->complete = true; /* handed over when the parser is off the stack */
}

static void open_exchange(struct kw_exchange *exchange)
{
    struct kw_http_server *server = exchange->server;
    exchange->complete = false;
    exchange->in_body = false;
    exchange->open = true;
    exchange->is_tls = kw_conn_is_tls(exchange->conn);
    exchange->number = server->next_number;
    exchange->id[0] = 0;
    server->next_number = server->next_number * 6364136223846793005ULL + 1442695040888963407ULL;
}

static void redirect_to_https(struct kw_exchange *exchange)
{
    struct kw_buf location;
    kw_buf_init(&location, KW_HTTP_TARGET_BYTES + 300);
    const struct kw_http_head *head = exchange->head;
    exchange->close_after = true;
    if (kw_buf_printf(&location, "https://%.*s%.*s", (int)head->host.len, head->host.ptr,
                      (int)head->target.len, head->target.ptr) == KW_OK &&
        head->host.len > 0)
        kw_exchange_header(exchange, "Location", kw_buf_str(&location));
    kw_exchange_problem(exchange, head->host.len > 0 ? 308 : 400, "use-https",
                        "This port speaks HTTPS.");
    kw_buf_free(&location);
}

static void hand_over(struct kw_exchange *exchange)
{
    struct kw_http_server *server = exchange->server;
    open_exchange(exchange);
    exchange->close_after = !exchange->head->keep_alive || server->draining;
    if (server->options.redirect_plain && kw_conn_is_plain_on_tls(exchange->conn))
        redirect_to_https(exchange);
    else
        server->handlers->on_request(exchange, server->arg);
}

void kw_exchange_refuse(struct kw_exchange *exchange, int status, const char *slug,
                        const char *text)
{
    static const struct kw_http_head no_head = { .method = KW_HTTP_GET };
    char label[96];
    struct kw_http_server *server = exchange->server;
    (void)snprintf(label, sizeof label, "server=\"%s\",reason=\"%s\"", server->options.server_kind,
                   slug);
    kw_metric_add(kw_metrics_counter(server->options.metrics, "kw_http_refused_total", label,
                                     "Requests refused before a handler saw them, by reason."),
                  1);
    open_exchange(exchange);
    exchange->head = &no_head;
    exchange->close_after = true;
    kw_exchange_problem(exchange, status, slug, text);
}

/* Answers wait for a slow reader: begin nothing new before they have left. */
static bool is_backlogged(struct kw_exchange *exchange)
{
    if (kw_conn_queued_bytes(exchange->conn) <= KW_BACKLOG_BYTES)
        return false;
    kw_conn_set_queue_limit(exchange->conn, KW_OUT_QUEUE_BYTES); /* on_drain comes at a quarter */
    kw_conn_want_drain(exchange->conn);
    return true;
}

/* Take requests from `bytes` as long as they are answered at once; returns what was taken. */
static size_t feed(struct kw_exchange *exchange, const char *bytes, size_t length)
{
    size_t taken = 0;
    exchange->in_feed = true;
    while (taken < length && exchange->conn != NULL && !exchange->open && !exchange->close_after &&
           !is_backlogged(exchange)) {
        struct kw_http_fault fault;
        size_t used = 0;
        kw_err err =
            kw_http_parser_feed(exchange->parser, bytes + taken, length - taken, &used, &fault);
        taken += used;
        if (err != KW_OK)
            kw_exchange_refuse(exchange, fault.status, fault.slug, fault.text);
        else if (exchange->complete)
            hand_over(exchange);
    }
    exchange->in_feed = false;
    return taken;
}

/* After feed(): a WebSocket takes the rest, or the phase's clock is set. True: still ours. */
static bool settle(struct kw_exchange *exchange, const char *rest, size_t rest_bytes)
{
    if (exchange->session != NULL) {
        kw_ws_feed_early(exchange->session, kw_str_n(rest, rest_bytes));
        kw_exchange_free(exchange);
        return false;
    }
    set_phase(exchange);
    return true;
}

static void feed_waiting(struct kw_exchange *exchange)
{
    if (kw_buf_len(&exchange->waiting) > 0) {
        struct kw_str waiting = kw_buf_str(&exchange->waiting);
        size_t taken = feed(exchange, waiting.ptr, waiting.len);
        if (!settle(exchange, waiting.ptr + taken, waiting.len - taken))
            return;
        kw_buf_consume(&exchange->waiting, taken);
        if (taken < waiting.len)
            return;
    }
    kw_buf_free(&exchange->waiting); /* an idle connection stays small */
    kw_buf_init(&exchange->waiting, KW_PIPELINE_BYTES * 2);
    if (exchange->conn != NULL)
        kw_conn_resume(exchange->conn);
}

static void resume(struct kw_turn_job *job)
{
    struct kw_exchange *exchange = KW_CONTAINER_OF(job, struct kw_exchange, resume_job);
    if (exchange->conn != NULL && !exchange->open)
        feed_waiting(exchange);
}

void kw_exchange_answered(struct kw_exchange *exchange)
{
    exchange->open = false;
    exchange->on_gone = NULL;
    kw_buf_clear(&exchange->extra);
    kw_buf_clear(&exchange->body);
    if (exchange->body.capacity > KW_BODY_KEPT_BYTES)
        kw_buf_free(&exchange->body);
    if (exchange->conn == NULL) {
        kw_exchange_free(exchange);
        return;
    }
    if (exchange->close_after) {
        exchange->phase = KW_PHASE_ENDING;
        exchange->deadline_ms = INT64_MAX; /* shutdown has its own */
        kw_conn_shutdown(exchange->conn);
        return;
    }
    kw_http_parser_next(exchange->parser);
    if (exchange->in_feed)
        return;
    set_phase(exchange);
    kw_loop_at_turn_end(exchange->server->loop, &exchange->resume_job);
}

/* --- events of the connection --- */

static void conn_data(struct kw_conn *conn, const char *bytes, size_t length, void *arg)
{
    struct kw_exchange *exchange = arg;
    size_t taken = 0;
    kw_metric_add(exchange->server->bytes_in, (int64_t)length);
    if (exchange->close_after && !exchange->open)
        return; /* answered for the last time: the rest is not read */
    if (!exchange->open && kw_buf_len(&exchange->waiting) == 0) {
        taken = feed(exchange, bytes, length);
        if (!settle(exchange, bytes + taken, length - taken))
            return;
    }
    if (taken == length)
        return;
    if (kw_buf_append(&exchange->waiting, bytes + taken, length - taken) != KW_OK)
        kw_conn_close(conn);
    else if (kw_buf_len(&exchange->waiting) >= KW_PIPELINE_BYTES)
        kw_conn_pause(conn);
}

static void conn_drain(struct kw_conn *conn, void *arg)
{
    struct kw_exchange *exchange = arg;
    (void)conn;
    kw_loop_at_turn_end(exchange->server->loop, &exchange->resume_job);
}

static void conn_closed(struct kw_conn *conn, kw_err why, void *arg)
{
    struct kw_exchange *exchange = arg;
    (void)conn;
    (void)why;
    exchange->conn = NULL;
    if (!exchange->open) {
        kw_exchange_free(exchange);
        return;
    }
    exchange->deadline_ms = INT64_MAX;
    void (*on_gone)(void *) = exchange->on_gone;
    exchange->on_gone = NULL;
    if (on_gone != NULL)
        on_gone(exchange->gone_arg);
}

void kw_http_server_accept(struct kw_conn *conn, void *arg)
{
    static const struct kw_conn_events conn_events = { NULL, conn_data, conn_drain, conn_closed };
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
    exchange->resume_job.run = resume;
    kw_buf_init(&exchange->body, KW_HTTP_BODY_BYTES);
    kw_buf_init(&exchange->waiting, KW_PIPELINE_BYTES * 2);
    kw_buf_init(&exchange->extra, KW_HTTP_EXTRA_BYTES);
    (void)snprintf(exchange->peer, sizeof exchange->peer, "%s", kw_conn_peer(conn));
    exchange->phase = KW_PHASE_HEAD; /* the first request, and a TLS handshake, must come soon */
    exchange->deadline_ms = kw_loop_now_ms(server->loop) + server->options.head_timeout_ms;
    exchange->next = server->connections;
    exchange->at = &server->connections;
    if (exchange->next != NULL)
        exchange->next->at = &exchange->next;
    else
        kw_timer_start(server->sweep, server->sweep_ms, server->sweep_ms);
    server->connections = exchange;
    kw_conn_listen(conn, &conn_events, exchange);
}

/* --- the server --- */

static void session_gone(struct kw_ws_home *home, uint16_t code)
{
    char label[96];
    struct kw_http_server *server = KW_CONTAINER_OF(home, struct kw_http_server, home);
    (void)snprintf(label, sizeof label, "server=\"%s\",code=\"%u\"", server->options.server_kind,
                   code >= 1000 && code < 5000 ? code : 1002u);
    kw_metric_add(kw_metrics_counter(server->options.metrics, "kw_ws_closed_total", label,
                                     "WebSocket sessions ended, by close code."),
                  1);
    kw_metric_add(server->sessions_open, -1);
    check_drained(server);
}

static void make_metrics(struct kw_http_server *server)
{
    char label[96];
    struct kw_metrics *metrics = server->options.metrics;
    const char *kind = server->options.server_kind;
    for (int class = 1; class < 6; class ++) {
        (void)snprintf(label, sizeof label, "server=\"%s\",status=\"%dxx\"", kind, class);
        server->requests[class] = kw_metrics_counter(metrics, "kw_http_requests_total", label,
                                                     "Requests answered, by class of status.");
    }
    (void)snprintf(label, sizeof label, "server=\"%s\"", kind);
    server->bytes_in = kw_metrics_counter(metrics, "kw_http_in_bytes_total", label,
                                          "Bytes read by the HTTP server.");
    server->bytes_out = kw_metrics_counter(metrics, "kw_http_out_bytes_total", label,
                                           "Bytes of answers of the HTTP server.");
    server->sessions_open =
        kw_metrics_gauge(metrics, "kw_ws_sessions_open", label, "Open WebSocket sessions.");
    server->home.queue_full = kw_metrics_counter(metrics, "kw_ws_queue_full_total", label,
                                                 "Messages that did not fit a WebSocket's outbox.");
}

static int64_t or_default(int64_t value_ms, int64_t default_ms)
{
    return value_ms > 0 ? value_ms : default_ms;
}

struct kw_http_server *kw_http_server_new(struct kw_loop *loop,
                                          const struct kw_http_server_options *options,
                                          const struct kw_http_handlers *handlers, void *arg)
{
    struct kw_http_server *server = kw_zalloc(sizeof *server);
    struct kw_http_server_options *own = &server->options;
    server->loop = loop;
    *own = *options;
    own->head_timeout_ms = or_default(options->head_timeout_ms, KW_HEAD_TIMEOUT_MS);
    own->body_timeout_ms = or_default(options->body_timeout_ms, KW_BODY_TIMEOUT_MS);
    own->idle_timeout_ms = or_default(options->idle_timeout_ms, KW_IDLE_TIMEOUT_MS);
    own->server_kind = options->server_kind != NULL ? options->server_kind : "http";
    server->handlers = handlers;
    server->arg = arg;
    server->home.on_gone = session_gone;
    server->drained_job.run = tell_drained;
    int64_t least_ms =
        own->head_timeout_ms < own->body_timeout_ms ? own->head_timeout_ms : own->body_timeout_ms;
    least_ms = least_ms < own->idle_timeout_ms ? least_ms : own->idle_timeout_ms;
    server->sweep_ms = least_ms > 4000 ? 500 : least_ms / 8 + 1;
    server->sweep = kw_timer_new(loop, sweep, server);
    if (getrandom(&server->next_number, sizeof server->next_number, 0) !=
        (ssize_t)sizeof server->next_number)
        server->next_number = (uint64_t)kw_mono_us(); /* an id for logs, no secret */
    make_metrics(server);
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
    for (struct kw_ws_link *at = server->home.sessions; at != NULL; at = at->next)
        kw_ws_abort(at->ws);
}

void kw_http_server_drain(struct kw_http_server *server, int64_t grace_ms,
                          void (*on_done)(void *arg), void *arg)
{
    KW_ASSERT(!server->draining);
    server->draining = true;
    server->on_drained = on_done;
    server->drained_arg = arg;
    server->grace = kw_timer_new(server->loop, grace_over, server);
    kw_timer_start(server->grace, grace_ms, 0);
    for (struct kw_exchange *at = server->connections; at != NULL; at = at->next) {
        if (at->open)
            at->close_after = true; /* a request half read is answered too, and then closed */
        else if (at->conn != NULL && kw_http_parser_idle(at->parser))
            kw_conn_shutdown(at->conn); /* an answer may still be on its way */
    }
    for (struct kw_ws_link *at = server->home.sessions; at != NULL; at = at->next)
        kw_ws_close(at->ws, 1012, "restarting");
    check_drained(server);
}

void kw_http_server_free(struct kw_http_server *server)
{
    if (server == NULL)
        return;
    KW_ASSERT(server->connections == NULL && server->home.sessions == NULL);
    kw_turn_job_cancel(&server->drained_job);
    kw_timer_close(server->grace);
    kw_timer_close(server->sweep);
    kw_free(server);
}
