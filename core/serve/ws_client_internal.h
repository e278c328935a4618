/* ws_client_internal.h - The handshake of a dialled session, between ws_client.c and ws.c. */
#ifndef KW_SERVE_WS_CLIENT_INTERNAL_H
#define KW_SERVE_WS_CLIENT_INTERNAL_H

#include "base/buf.h"
#include "proto/http_parser.h"
#include "serve/ws.h"

struct kw_ws_dialer {
    struct kw_http_parser *parser;
    struct kw_buf request;
    char accept[29], protocol[32], why[126];
    int status;
    bool ok, too_large;
};

/* Bytes of the server's answer. False: refused, see why. *done: accepted, the rest is WebSocket. */
bool kw_ws_dialer_feed(struct kw_ws_dialer *dialer, const char *bytes, size_t length, size_t *used, bool *done);
void kw_ws_dialer_free(struct kw_ws_dialer *dialer);

/* Makes the session and dials; takes the dialer over. */
struct kw_ws *kw_ws_begin_dial(struct kw_loop *loop, struct kw_ws_dialer *dialer, const char *host, uint16_t port,
                               struct kw_tls *tls, int64_t timeout_ms, const struct kw_ws_options *options,
                               const struct kw_ws_events *events, void *arg);

#endif
