/* ws_internal.h - How the HTTP server hands a connection to a WebSocket session. */
#ifndef KW_SERVE_WS_INTERNAL_H
#define KW_SERVE_WS_INTERNAL_H

#include "proto/ws_parser.h"
#include "serve/ws.h"

/* Takes the connection over, as the server side. */
struct kw_ws *kw_ws_adopt(struct kw_conn *conn, const char *protocol, const struct kw_ws_options *options,
                          const struct kw_ws_events *events, void *arg);
/* Bytes that came behind the request in one piece: handled at the end of the turn. */
void kw_ws_feed_early(struct kw_ws *ws, struct kw_str early);

/* The server's list of its sessions; on_gone(gone_arg) when this one has ended. */
struct kw_ws_link {
    struct kw_ws_link *next, **at; /* list of the server's sessions */
    struct kw_ws *ws;
};
void kw_ws_join(struct kw_ws *ws, struct kw_ws_link **list, void (*on_gone)(void *arg), void *gone_arg);

#endif
