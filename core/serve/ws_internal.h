/* ws_internal.h - How the HTTP server hands a connection to a WebSocket session, and how a dialled
 * session gets through its handshake. */
#ifndef KW_SERVE_WS_INTERNAL_H
#define KW_SERVE_WS_INTERNAL_H

#include "base/metrics.h"
#include "proto/http_parser.h"
#include "proto/ws_parser.h"
#include "serve/ws.h"

/* Takes the connection over, as the server side. */
struct kw_ws *kw_ws_adopt(struct kw_conn *conn, const char *protocol,
                          const struct kw_ws_options *options, const struct kw_ws_events *events,
                          void *arg);
/* Bytes that came behind the request in one piece: handled at the end of the turn. */
void kw_ws_feed_early(struct kw_ws *ws, struct kw_str early);

struct kw_ws_link {
    struct kw_ws_link *next, **at;
    struct kw_ws *ws;
};
/* The server that a session belongs to. */
struct kw_ws_home {
    struct kw_ws_link *sessions;
    struct kw_metric *queue_full;
    void (*on_gone)(struct kw_ws_home *home, uint16_t code); /* after the session's on_close */
};
void kw_ws_join(struct kw_ws *ws, struct kw_ws_home *home);

/* --- dialling: ws_client.c makes it, ws.c owns it until the handshake is done --- */

struct kw_ws_dialer {
    struct kw_http_parser *parser;
    struct kw_buf request;
    char accept[29];
    char offered[256];
    char protocol[64];
    char why[126];
    int status;
    bool ok;
};

/* Bytes of the server's answer. False: refused, see why. *done: accepted, the rest is WebSocket. */
bool kw_ws_dialer_feed(struct kw_ws_dialer *dialer, const char *bytes, size_t length, size_t *used,
                       bool *done);
void kw_ws_dialer_free(struct kw_ws_dialer *dialer); /* NULL is fine */

/* Makes the session and dials; takes the dialer over. */
struct kw_ws *kw_ws_begin_dial(struct kw_loop *loop, struct kw_ws_dialer *dialer, const char *host,
                               uint16_t port, struct kw_tls *tls, int64_t timeout_ms,
                               const struct kw_ws_options *options,
                               const struct kw_ws_events *events, void *arg);

#endif
