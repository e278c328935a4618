/* conn.c - A connection: its life, reading, TLS in.
 *
 * Bytes are read into the loop's one scratch buffer (TLS is decrypted into its second half), so an
 * idle connection owns no read buffer. Every end goes through kw_conn_close_with(): the first reason
 * stands, and memory goes only in libuv's close callback.
 *
 * Writing is in conn_out.c, dialling in conn_dial.c. */
#include "net/conn.h"

#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <uv.h>

#include "base/limits.h"
#include "base/mem.h"
#include "net/conn_internal.h"

#define KW_READ_BYTES (KW_LOOP_SCRATCH_BYTES / 2)
#define KW_TLS_HANDSHAKE 0x16 /* first byte of a TLS record that opens a connection */

static void release(struct kw_conn *conn)
{
    kw_conn_drop_queue(conn);
    SSL_free(conn->ssl);
    kw_buf_free(&conn->sealed);
    kw_buf_free(&conn->cipher);
    kw_dial_free(conn);
    if (conn->on_released != NULL)
        conn->on_released(conn->released_arg);
    if (conn->events != NULL)
        conn->events->on_close(conn, conn->why, conn->arg);
    kw_free(conn);
}

void kw_conn_handle_closed(uv_handle_t *handle)
{
    struct kw_conn *conn = handle->data;
    if (!kw_dial_next(conn))
        release(conn);
}

void kw_conn_close_with(struct kw_conn *conn, kw_err why)
{
    if (conn->closing)
        return;
    conn->closing = true;
    conn->why = why;
    kw_turn_job_cancel(&conn->flush_job);
    kw_timer_close(conn->timer);
    kw_timer_close(conn->stall);
    conn->timer = conn->stall = NULL;
    if (!uv_is_closing((uv_handle_t *)&conn->tcp)) /* else between two addresses of a dial */
        uv_close((uv_handle_t *)&conn->tcp, kw_conn_handle_closed);
}

static void alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct kw_conn *conn = handle->data;
    (void)suggested;
    *buf = uv_buf_init(kw_loop_scratch(conn->loop), KW_READ_BYTES);
}

void kw_conn_opened(struct kw_conn *conn)
{
    conn->opened = true;
    kw_timer_stop(conn->timer);
    if (conn->events->on_open != NULL)
        conn->events->on_open(conn, conn->arg);
}

static void tls_ended(struct kw_conn *conn, int reason)
{
    kw_loop_at_turn_end(conn->loop, &conn->flush_job); /* handshake and alert bytes */
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
        return;
    kw_conn_flush(&conn->flush_job); /* what is queued, or the alert, leaves before we go */
    kw_conn_close_with(conn, reason == SSL_ERROR_ZERO_RETURN ? KW_OK : KW_ETLS);
}

static void tls_data(struct kw_conn *conn, const char *bytes, size_t count)
{
    char *plain = kw_loop_scratch(conn->loop) + KW_READ_BYTES;
    if (BIO_write(SSL_get_rbio(conn->ssl), bytes, (int)count) != (int)count) {
        kw_conn_close_with(conn, KW_ENOMEM);
        return;
    }
    for (;;) {
        ERR_clear_error();
        int got = SSL_read(conn->ssl, plain, KW_READ_BYTES);
        int reason = got > 0 ? SSL_ERROR_NONE : SSL_get_error(conn->ssl, got);
        if (conn->dialled && !conn->opened && SSL_is_init_finished(conn->ssl)) {
            kw_conn_opened(conn);
            if (conn->closing)
                return;
        }
        if (got <= 0) {
            tls_ended(conn, reason);
            return;
        }
        if (!conn->shutting)
            conn->events->on_data(conn, plain, (size_t)got, conn->arg);
        if (conn->closing)
            return;
    }
}

/* The peer will send no more. What we have for it still leaves: many clients half-close after their
 * last request and wait for the answer. */
static void peer_ended(struct kw_conn *conn)
{
    kw_conn_flush(&conn->flush_job);
    if (conn->closing)
        return;
    if (conn->dialled && !conn->opened) {
        kw_conn_close_with(conn, KW_ECLOSED);
    } else if (kw_conn_queued_bytes(conn) == 0) {
        kw_conn_close_with(conn, KW_OK);
    } else {
        (void)uv_read_stop((uv_stream_t *)&conn->tcp);
        conn->reading = false;
        conn->paused = false;
        kw_conn_shutdown(conn);
    }
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct kw_conn *conn = stream->data;
    if (count == 0 || conn->closing)
        return;
    if (count < 0) {
        if (count == UV_EOF)
            peer_ended(conn);
        else
            kw_conn_close_with(conn, KW_ECLOSED);
        return;
    }
    if (conn->sniff) {
        conn->sniff = false;
        if (buf->base[0] != KW_TLS_HANDSHAKE) {
            SSL_free(conn->ssl);
            conn->ssl = NULL;
            conn->plain_on_tls = true;
        }
    }
    if (conn->ssl != NULL)
        tls_data(conn, buf->base, (size_t)count);
    else if (!conn->shutting)
        conn->events->on_data(conn, buf->base, (size_t)count, conn->arg);
}

void kw_conn_start_reading(struct kw_conn *conn)
{
    if (conn->closing || conn->paused || conn->reading)
        return;
    conn->reading = true;
    if (uv_read_start((uv_stream_t *)&conn->tcp, alloc, on_read) != 0)
        kw_conn_close_with(conn, KW_EIO);
}

void kw_conn_pause(struct kw_conn *conn)
{
    conn->paused = true;
    conn->reading = false;
    if (!conn->closing)
        (void)uv_read_stop((uv_stream_t *)&conn->tcp);
}

void kw_conn_resume(struct kw_conn *conn)
{
    if (!conn->paused)
        return;
    conn->paused = false;
    if (!conn->dialled || conn->opened)
        kw_conn_start_reading(conn);
}

struct kw_conn *kw_conn_new_raw(struct kw_loop *loop)
{
    struct kw_conn *conn = kw_zalloc(sizeof *conn);
    conn->loop = loop;
    conn->last = &conn->first;
    conn->queue_limit = KW_OUT_QUEUE_BYTES;
    conn->stall_ms = KW_SEND_STALL_MS;
    conn->flush_job.run = kw_conn_flush;
    kw_buf_init(&conn->sealed, KW_CIPHER_AHEAD_BYTES * 2); /* the two are swapped */
    kw_buf_init(&conn->cipher, KW_CIPHER_AHEAD_BYTES * 2);
    KW_ASSERT(uv_tcp_init(kw_loop_uv(loop), &conn->tcp) == 0);
    conn->tcp.data = conn;
    return conn;
}

void kw_conn_learn_peer(struct kw_conn *conn)
{
    struct sockaddr_storage address;
    int size = sizeof address;
    if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&address, &size) != 0)
        return;
    if (address.ss_family == AF_INET6)
        (void)uv_ip6_name((struct sockaddr_in6 *)&address, conn->peer, sizeof conn->peer);
    else
        (void)uv_ip4_name((struct sockaddr_in *)&address, conn->peer, sizeof conn->peer);
}

struct kw_conn *kw_conn_accept(struct kw_loop *loop, int fd, struct kw_tls *tls)
{
    struct kw_conn *conn = kw_conn_new_raw(loop);
    if (uv_tcp_open(&conn->tcp, fd) != 0) {
        (void)close(fd);
        kw_conn_close_with(conn, KW_ECLOSED);
        return NULL;
    }
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    (void)uv_tcp_keepalive(&conn->tcp, 1, 60);
    kw_conn_learn_peer(conn);
    if (tls != NULL) {
        conn->ssl = kw_tls_session(tls, true, conn);
        conn->sniff = true;
        if (conn->ssl == NULL) {
            kw_conn_close_with(conn, KW_ENOMEM);
            return NULL;
        }
    }
    return conn;
}

void kw_conn_on_released(struct kw_conn *conn, void (*on_released)(void *arg), void *arg)
{
    conn->on_released = on_released;
    conn->released_arg = arg;
}

void kw_conn_listen(struct kw_conn *conn, const struct kw_conn_events *events, void *arg)
{
    conn->events = events;
    conn->arg = arg;
    if (!conn->dialled || conn->opened)
        kw_conn_start_reading(conn);
}

void kw_conn_close(struct kw_conn *conn)
{
    kw_conn_close_with(conn, KW_OK);
}

bool kw_conn_is_tls(const struct kw_conn *conn)
{
    return conn->ssl != NULL;
}

bool kw_conn_is_plain_on_tls(const struct kw_conn *conn)
{
    return conn->plain_on_tls;
}

const char *kw_conn_peer(const struct kw_conn *conn)
{
    return conn->peer;
}

struct kw_loop *kw_conn_loop(struct kw_conn *conn)
{
    return conn->loop;
}
