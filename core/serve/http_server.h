/* http_server.h - The HTTP side of a listener: requests in, exchanges out, upgrades to WebSocket.
 *
 * A request is handed over when its body is complete (bounded). The answer may come later; until
 * then the exchange is alive even if the client has gone (kw_exchange_gone tells; on_gone is called).
 * Security headers are set here, in one place, on every response. */
#ifndef KW_SERVE_HTTP_SERVER_H
#define KW_SERVE_HTTP_SERVER_H

#include "base/metrics.h"
#include "net/listener.h"
#include "proto/http_parser.h"

struct kw_http_server;
struct kw_exchange;
struct kw_ws;

struct kw_http_server_options {
    int64_t head_timeout_ms; /* 0: 10 s for a complete head */
    int64_t body_timeout_ms; /* 0: 30 s for a complete body */
    int64_t idle_timeout_ms; /* 0: 75 s between requests */
    const char *server_kind; /* "api" or "ocpp": label of the metrics */
    bool web_headers;        /* CSP, HSTS, nosniff, referrer, frame-ancestors ... */
    bool redirect_plain;     /* a plain request on a TLS listener is answered 308 to https */
    struct kw_metrics *metrics;
};

struct kw_http_handlers {
    /* Body limit for this head (0: default; KW_HTTP_BODY_NONE: none allowed). Optional. */
    size_t (*body_limit)(const struct kw_http_head *head, void *arg);
    /* A complete request. Must answer now or later, exactly once. */
    void (*on_request)(struct kw_exchange *exchange, void *arg);
};
#define KW_HTTP_BODY_NONE ((size_t)-1)

struct kw_http_server *kw_http_server_new(struct kw_loop *loop,
                                          const struct kw_http_server_options *options,
                                          const struct kw_http_handlers *handlers, void *arg);
/* Use as the on_accept of a listener: kw_listener_new(loop, &lo, kw_http_server_accept, server, ...). */
void kw_http_server_accept(struct kw_conn *conn, void *server);
/* Stop: idle connections close now, busy ones after their answer (<= grace), WebSockets with 1012.
 * on_done once all are gone. */
void kw_http_server_drain(struct kw_http_server *server, int64_t grace_ms,
                          void (*on_done)(void *arg), void *arg);
void kw_http_server_free(
    struct kw_http_server *server); /* after on_done, or with no connection open */

const struct kw_http_head *kw_exchange_head(const struct kw_exchange *exchange);
struct kw_str kw_exchange_body(const struct kw_exchange *exchange);
const char *kw_exchange_peer(const struct kw_exchange *exchange);
bool kw_exchange_is_tls(const struct kw_exchange *exchange);
const char *kw_exchange_id(const struct kw_exchange *exchange); /* request id, 16 hex digits */
bool kw_exchange_gone(const struct kw_exchange *exchange);
/* Called once if the client leaves before the answer. The exchange stays yours until you answer. */
void kw_exchange_on_gone(struct kw_exchange *exchange, void (*on_gone)(void *arg), void *arg);

/* Extra response header; name and value are copied. CR, LF, NUL in them: assertion. */
void kw_exchange_header(struct kw_exchange *exchange, const char *name, struct kw_str value);
/* Answer and give the exchange back. content_type may be NULL for no body. Content-Length, Date,
 * security headers, Connection are added. HEAD: body is counted, not sent. */
void kw_exchange_respond(struct kw_exchange *exchange, int status, const char *content_type,
                         struct kw_str body);
/* RFC 9457 problem+json with our code slug and the request id. */
void kw_exchange_problem(struct kw_exchange *exchange, int status, const char *code,
                         const char *detail);
/* Shared immutable body (static files). */
void kw_exchange_respond_blob(struct kw_exchange *exchange, int status, const char *content_type,
                              struct kw_blob *body);

struct kw_ws_events; /* ws.h */
struct kw_ws_options;
/* Switch to WebSocket (head.upgrade_websocket). `protocol` NULL: none is echoed. Gives the exchange
 * back; NULL: the handshake was not valid and has been answered with 400/426. */
struct kw_ws *kw_exchange_upgrade(struct kw_exchange *exchange, const char *protocol,
                                  const struct kw_ws_options *options,
                                  const struct kw_ws_events *events, void *arg);

#endif
