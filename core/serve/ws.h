/* ws.h - One WebSocket session over a connection, server or client side.
 *
 * Life: from kw_exchange_upgrade() or kw_ws_dial() until on_close, which is called exactly once and
 * never inside a call of yours; after it the pointer is dead. kw_ws_close() starts the closing
 * handshake (2 s for the peer), kw_ws_abort() drops the link. */
#ifndef KW_SERVE_WS_H
#define KW_SERVE_WS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "net/conn.h"

struct kw_ws;

struct kw_ws_options {
    size_t message_limit_bytes; /* 0: KW_WS_LIVE_MESSAGE_BYTES */
    size_t queue_limit_bytes;   /* 0: KW_OUT_QUEUE_BYTES */
    int64_t ping_interval_ms;   /* 0: no pings by us */
    unsigned
        missed_pongs; /* close after so many silent intervals (any frame counts as life); 0: 2 */
};

struct kw_ws_events {
    void (*on_open)(struct kw_ws *ws, void *arg); /* client side only: handshake done */
    void (*on_message)(struct kw_ws *ws, bool is_text, struct kw_str message, void *arg);
    void (*on_pong)(struct kw_ws *ws, void *arg);  /* optional */
    void (*on_drain)(struct kw_ws *ws, void *arg); /* optional: outbox is low again */
    /* code: the peer's; 1002, 1007, 1008 or 1009 when the peer broke the protocol and we told it
     * so; 1006 without a close frame. why: words, valid during the call. Nothing can be sent here. */
    void (*on_close)(struct kw_ws *ws, uint16_t code, struct kw_str why, void *arg);
};

KW_MUST_USE kw_err kw_ws_send_text(struct kw_ws *ws, struct kw_str text); /* KW_EFULL, KW_ECLOSED */
/* Server side: bytes that are already a frame (kw_ws_frame_blob), shared by many sockets. */
KW_MUST_USE kw_err kw_ws_send_frame(struct kw_ws *ws, struct kw_blob *frame);
KW_MUST_USE kw_err kw_ws_ping(struct kw_ws *ws);
void kw_ws_close(struct kw_ws *ws, uint16_t code, const char *reason);
void kw_ws_abort(struct kw_ws *ws);
void kw_ws_pause(struct kw_ws *ws); /* back-pressure to the peer */
void kw_ws_resume(struct kw_ws *ws);
size_t kw_ws_queued_bytes(const struct kw_ws *ws);
const char *kw_ws_peer(const struct kw_ws *ws);
const char *kw_ws_protocol(const struct kw_ws *ws);  /* "" if none */
int64_t kw_ws_last_frame_ms(const struct kw_ws *ws); /* kw_loop_now_ms() of the last frame in */

struct kw_ws_dial_options {
    const char *url;            /* ws://host:port/path or wss:// */
    const char *protocols;      /* comma-separated offer, or NULL */
    const char *const *headers; /* extra "Name: value", NULL-terminated; may be NULL */
    struct kw_tls *tls;         /* for wss */
    int64_t timeout_ms;         /* 0: 10 s */
    struct kw_ws_options session;
};
/* KW_EINVALID: bad URL. Otherwise failure comes through on_close (code 1006, why = words; an HTTP
 * refusal reads "http 401"). */
KW_MUST_USE kw_err kw_ws_dial(struct kw_loop *loop, const struct kw_ws_dial_options *options,
                              const struct kw_ws_events *events, void *arg, struct kw_ws **out);

#endif
