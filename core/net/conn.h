/* conn.h - One byte-stream connection, plain or TLS, with a bounded outbox.
 *
 * Writes are queued and leave once, at the end of the loop turn: as one write (plain) or as few
 * TLS records as possible (limits.md 4: this is what makes the fan-out fast). The outbox has a
 * ceiling; at the ceiling the write is refused and the owner decides (usually: close).
 *
 * Life: made by a listener or kw_conn_dial(); you owe exactly one kw_conn_close() or
 * kw_conn_shutdown(). on_close is called exactly once, always from the loop (never inside a call of
 * yours), after it the pointer is dead. */
#ifndef KW_NET_CONN_H
#define KW_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/loop.h"
#include "net/tls.h"

struct kw_conn;

struct kw_conn_events {
    /* Dialled connections: usable now (TLS done). Not called for accepted ones. */
    void (*on_open)(struct kw_conn *conn, void *arg);
    /* Bytes arrived; they are valid during the call. May close or pause. */
    void (*on_data)(struct kw_conn *conn, const char *bytes, size_t length_bytes, void *arg);
    /* The outbox fell below a quarter of its limit after a kw_conn_write() was refused or after
     * kw_conn_want_drain(). Optional. */
    void (*on_drain)(struct kw_conn *conn, void *arg);
    /* Gone: KW_OK peer closed in order, else why (KW_ECLOSED reset, KW_ETLS, KW_ETIMEOUT, ...). */
    void (*on_close)(struct kw_conn *conn, kw_err why, void *arg);
};

/* Take the events of an accepted connection, or take them over from the owner so far. */
void kw_conn_listen(struct kw_conn *conn, const struct kw_conn_events *events, void *arg);

/* host: name or address; every address of a name is tried; a host that begins with '/' is the path of
 * a local socket (plain only, port is not looked at). tls NULL: plain. timeout covers resolve,
 * connect and handshake. `server_name` for SNI and certificate check (NULL: host). Failure is
 * reported through on_close, never inside. */
struct kw_conn *kw_conn_dial(struct kw_loop *loop, const char *host, uint16_t port,
                             struct kw_tls *tls, const char *server_name, int64_t timeout_ms,
                             const struct kw_conn_events *events, void *arg);

/* Queue a copy. KW_EFULL: over the outbox limit, nothing queued. KW_ECLOSED: closing. */
KW_MUST_USE kw_err kw_conn_write(struct kw_conn *conn, const void *bytes, size_t length_bytes);
/* Two pieces as one: both are queued or neither. */
KW_MUST_USE kw_err kw_conn_write2(struct kw_conn *conn, const void *first, size_t first_bytes,
                                  const void *second, size_t second_bytes);
/* Queue shared bytes without copying (a reference is taken). */
KW_MUST_USE kw_err kw_conn_write_blob(struct kw_conn *conn, struct kw_blob *blob);

size_t kw_conn_queued_bytes(const struct kw_conn *conn);
/* Default KW_OUT_QUEUE_BYTES. */
void kw_conn_set_queue_limit(struct kw_conn *conn, size_t limit_bytes);
/* A peer that takes less than 64 KiB in this time while bytes wait for it is dropped with
 * KW_ETIMEOUT. Default 30 s. */
void kw_conn_set_stall_timeout(struct kw_conn *conn, int64_t timeout_ms);
void kw_conn_want_drain(struct kw_conn *conn);

void kw_conn_pause(struct kw_conn *conn); /* stop reading: back-pressure to the peer */
void kw_conn_resume(struct kw_conn *conn);

void kw_conn_shutdown(struct kw_conn *conn); /* send what is queued (<= 5 s), then close */
void kw_conn_close(struct kw_conn *conn);    /* drop the queue, close now */

bool kw_conn_is_tls(const struct kw_conn *conn);
/* True on a TLS listener when the peer's first byte was not a TLS record: it speaks plain HTTP and
 * should be told to come by https (api.md). */
bool kw_conn_is_plain_on_tls(const struct kw_conn *conn);
const char *kw_conn_peer(const struct kw_conn *conn); /* "127.0.0.1" or "::1", static per conn */
struct kw_loop *kw_conn_loop(struct kw_conn *conn);

#endif
