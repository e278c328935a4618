/* conn_internal.h - What the listener and TLS give to conn.c; nobody outside net/ includes it. */
#ifndef KW_NET_CONN_INTERNAL_H
#define KW_NET_CONN_INTERNAL_H

#include "net/conn.h"

struct uv_stream_s;
struct ssl_st;

/* Take one waiting connection; NULL: it was gone already. */
struct kw_conn *kw_conn_accept(struct kw_loop *loop, struct uv_stream_s *server, struct kw_tls *tls);
/* Called just before on_close, when the connection no longer counts. */
void kw_conn_on_released(struct kw_conn *conn, void (*on_released)(void *arg), void *arg);

struct ssl_st *kw_tls_session(struct kw_tls *tls, bool server); /* NULL: no memory */
/* The peer's certificate must be for this DNS name or address. */
kw_err kw_tls_expect_name(struct ssl_st *ssl, const char *name);

#endif
