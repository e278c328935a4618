/* listener.h - Accepts connections on one address.
 *
 * Out of descriptors: accepting pauses for 100 ms (no busy loop), open connections stay. Over
 * `max_connections` the newest is refused at once and counted. */
#ifndef KW_NET_LISTENER_H
#define KW_NET_LISTENER_H

#include <stdint.h>

#include "base/metrics.h"
#include "net/conn.h"

struct kw_listener;

struct kw_listener_options {
    const char *host;           /* "127.0.0.1", "::", ... */
    uint16_t port;              /* 0: any; see kw_listener_port() */
    struct kw_tls *tls;         /* NULL: plain; borrowed, outlives the listener */
    int backlog;                /* 0: 1024 (reconnect storms, ocpp.md 1.1) */
    unsigned max_connections;   /* 0: 20000 */
    const char *metric_label;   /* label of the connection metrics, e.g. "ocpp" */
    struct kw_metrics *metrics; /* may be NULL */
};

/* on_accept must call kw_conn_listen() before it returns, or kw_conn_close(). TLS connections are
 * handed over before the handshake is done; their data comes after it. */
KW_MUST_USE kw_err kw_listener_new(struct kw_loop *loop, const struct kw_listener_options *options,
                                   void (*on_accept)(struct kw_conn *conn, void *arg), void *arg,
                                   struct kw_listener **out, char *error, size_t error_size);
uint16_t kw_listener_port(const struct kw_listener *listener);
void kw_listener_close(struct kw_listener *listener); /* accepted connections stay; NULL is fine */

#endif
