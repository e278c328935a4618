/* conn_internal.h - What the parts of net/ share about a connection; nobody outside includes it.
 *
 * conn.c reads and owns the life, conn_out.c writes, conn_dial.c makes outgoing ones. */
#ifndef KW_NET_CONN_INTERNAL_H
#define KW_NET_CONN_INTERNAL_H

#include <openssl/ssl.h>
#include <uv.h>

#include "net/conn.h"

#define KW_SEND_STALL_MS 30000    /* a reader must take ... */
#define KW_SEND_STALL_BYTES 65536 /* ... this much in that time (reliability.md R14) */
#define KW_SHUTDOWN_MS 5000
#define KW_CIPHER_AHEAD_BYTES 131072 /* encrypted bytes kept ready for the kernel */

/* A run of bytes in the outbox: copied (in `own`) or shared. */
struct kw_segment {
    struct kw_segment *next;
    struct kw_blob *blob; /* shared: whose bytes they are; else NULL */
    const char *bytes;
    size_t at, end;
    size_t room;   /* bytes that `own` can hold; at or below end: nothing may be added */
    bool is_block; /* of the loop's */
    char own[];
};

/* A dial's name resolution; outlives a connection that was closed meanwhile. */
struct kw_dial;

struct kw_conn {
    uv_tcp_t tcp;
    struct kw_loop *loop;
    const struct kw_conn_events *events;
    void *arg;
    SSL *ssl;
    struct kw_buf sealed; /* TLS bytes as OpenSSL makes them */
    struct kw_buf cipher; /* TLS bytes for the kernel, which may be reading them */
    struct kw_segment *first, **last;
    size_t queued, queue_limit;
    struct kw_turn_job flush_job;
    uv_write_t write_request;
    size_t writing; /* bytes in the uv_write under way */
    uv_shutdown_t shutdown_request;
    struct kw_timer *timer; /* dial and shutdown */
    struct kw_timer *stall; /* a write waits for the peer */
    size_t stall_bytes;     /* libuv's queue when the timer was last started */
    int64_t stall_ms;
    struct kw_dial *dial;
    void (*on_released)(void *arg);
    void *released_arg;
    kw_err why;
    bool sniff, plain_on_tls, dialled, opened, reading, closing, shutting, paused, want_drain;
    bool direct; /* the record being sealed may go to the kernel from where it is */
    char peer[48];
};

struct kw_conn *kw_conn_new_raw(struct kw_loop *loop);
/* Close now and report `why`; may be called twice, the first reason stands. */
void kw_conn_close_with(struct kw_conn *conn, kw_err why);
/* The socket is closed: the end, or the next address of a dial. */
void kw_conn_handle_closed(uv_handle_t *handle);
void kw_conn_start_reading(struct kw_conn *conn);
void kw_conn_learn_peer(struct kw_conn *conn);
/* The dialled connection is usable: tell the owner. */
void kw_conn_opened(struct kw_conn *conn);

/* conn_out.c */
void kw_conn_flush(struct kw_turn_job *job);
void kw_conn_wake_flush(struct kw_conn *conn);
void kw_conn_drop_queue(struct kw_conn *conn);
/* Bytes that OpenSSL has made. KW_EFULL, KW_ENOMEM: the session is broken. */
KW_MUST_USE kw_err kw_conn_sealed(struct kw_conn *conn, const char *bytes, size_t count);

/* conn_dial.c. The socket of one attempt is closed: true if another address is tried. */
bool kw_dial_next(struct kw_conn *conn);
void kw_dial_free(struct kw_conn *conn);

/* Take over an accepted descriptor; NULL: it could not be used and is closed. */
struct kw_conn *kw_conn_accept(struct kw_loop *loop, int fd, struct kw_tls *tls);
/* Called just before on_close, when the connection no longer counts. */
void kw_conn_on_released(struct kw_conn *conn, void (*on_released)(void *arg), void *arg);

/* What the session sends goes to kw_conn_sealed(conn). NULL: no memory. */
SSL *kw_tls_session(struct kw_tls *tls, bool server, struct kw_conn *conn);
/* The peer's certificate must be for this DNS name or address. */
kw_err kw_tls_expect_name(SSL *ssl, const char *name);

#endif
