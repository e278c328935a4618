/* conn.c - A connection: reading, TLS, the outbox and its one flush a turn.
 *
 * The outbox is a list of segments. Small writes are copied together into one segment, so that a turn's
 * worth of frames is one write (or one TLS record); large shared blobs are referenced. The flush runs as
 * a turn job; what the kernel does not take waits in one uv_write. */
#include "net/conn.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <uv.h>

#include "base/limits.h"
#include "base/mem.h"
#include "net/conn_internal.h"

#define KW_SEGMENT_BYTES 4096       /* first size of a copied segment */
#define KW_COPY_BELOW_BYTES 2048    /* shared blobs smaller than this are copied */
#define KW_IOVECS 32
#define KW_TLS_RECORD_BYTES 16384
#define KW_CIPHER_AHEAD_BYTES 131072 /* encrypted bytes kept ready for the kernel */
#define KW_SHUTDOWN_MS 5000

struct segment {
    struct segment *next;
    struct kw_blob *blob;
    size_t at, end, room; /* room: bytes the blob can hold (0 for shared ones) */
};

struct kw_conn {
    uv_tcp_t tcp;
    struct kw_loop *loop;
    const struct kw_conn_events *events;
    void *arg;
    SSL *ssl;
    struct kw_buf cipher;      /* TLS bytes for the kernel */
    struct segment *first, **last;
    size_t queued, queue_limit;
    struct kw_turn_job flush_job;
    uv_write_t write_request;
    size_t writing;            /* bytes in the uv_write under way */
    uv_connect_t connect_request;
    uv_getaddrinfo_t resolve_request;
    uv_shutdown_t shutdown_request;
    struct kw_timer *timer;    /* dial and shutdown */
    struct kw_tls *dial_tls;
    char *server_name;
    void (*on_released)(void *arg);
    void *released_arg;
    kw_err why;
    uint16_t port;
    bool sniff, plain_on_tls, dialled, opened, resolving, closing, shutting, paused, want_drain;
    char peer[48];
};

static void flush(struct kw_turn_job *job);

static void drop_segments(struct kw_conn *conn)
{
    while (conn->first != NULL) {
        struct segment *segment = conn->first;
        conn->first = segment->next;
        kw_blob_unref(segment->blob);
        kw_free(segment);
    }
    conn->last = &conn->first;
    conn->queued = 0;
}

static void release(struct kw_conn *conn)
{
    const struct kw_conn_events *events = conn->events;
    drop_segments(conn);
    SSL_free(conn->ssl);
    kw_buf_free(&conn->cipher);
    kw_free(conn->server_name);
    if (conn->on_released != NULL)
        conn->on_released(conn->released_arg);
    if (events != NULL)
        events->on_close(conn, conn->why, conn->arg);
    kw_free(conn);
}

static void closed(uv_handle_t *handle)
{
    struct kw_conn *conn = handle->data;
    if (!conn->resolving)
        release(conn); /* else the resolver's callback does it */
}

static void close_with(struct kw_conn *conn, kw_err why)
{
    if (conn->closing)
        return;
    conn->closing = true;
    conn->why = why;
    kw_turn_job_cancel(&conn->flush_job);
    kw_timer_close(conn->timer);
    conn->timer = NULL;
    uv_close((uv_handle_t *)&conn->tcp, closed);
}

/* --- writing --- */

static void consume(struct kw_conn *conn, size_t count)
{
    conn->queued -= count;
    while (count > 0) {
        struct segment *segment = conn->first;
        size_t left = segment->end - segment->at;
        if (count < left) {
            segment->at += count;
            return;
        }
        count -= left;
        conn->first = segment->next;
        if (conn->first == NULL)
            conn->last = &conn->first;
        kw_blob_unref(segment->blob);
        kw_free(segment);
    }
}

static void written(uv_write_t *request, int status)
{
    struct kw_conn *conn = request->data;
    size_t count = conn->writing;
    conn->writing = 0;
    if (conn->closing)
        return;
    if (status < 0) {
        close_with(conn, KW_ECLOSED);
        return;
    }
    if (conn->ssl != NULL)
        kw_buf_consume(&conn->cipher, count);
    else
        consume(conn, count);
    flush(&conn->flush_job);
}

static size_t gather(struct kw_conn *conn, uv_buf_t *bufs, size_t *total)
{
    size_t count = 0;
    *total = 0;
    if (conn->ssl != NULL) {
        *total = kw_buf_len(&conn->cipher);
        bufs[0] = uv_buf_init(conn->cipher.bytes + conn->cipher.head, (unsigned)*total);
        return *total > 0 ? 1 : 0;
    }
    for (struct segment *segment = conn->first; segment != NULL && count < KW_IOVECS; segment = segment->next) {
        bufs[count++] = uv_buf_init(segment->blob->bytes + segment->at, (unsigned)(segment->end - segment->at));
        *total += segment->end - segment->at;
    }
    return count;
}

/* Encrypt queued bytes, up to a bounded amount ahead of the kernel. */
static bool encrypt(struct kw_conn *conn)
{
    char *pending;
    while (conn->first != NULL && SSL_is_init_finished(conn->ssl) && kw_buf_len(&conn->cipher) < KW_CIPHER_AHEAD_BYTES) {
        struct segment *segment = conn->first;
        size_t left = segment->end - segment->at;
        ERR_clear_error();
        int taken = SSL_write(conn->ssl, segment->blob->bytes + segment->at,
                              (int)(left < KW_TLS_RECORD_BYTES ? left : KW_TLS_RECORD_BYTES));
        if (taken <= 0)
            break;
        consume(conn, (size_t)taken);
        long ready = BIO_get_mem_data(SSL_get_wbio(conn->ssl), &pending);
        if (kw_buf_append(&conn->cipher, pending, (size_t)ready) != KW_OK)
            return false;
        (void)BIO_reset(SSL_get_wbio(conn->ssl));
    }
    long ready = BIO_get_mem_data(SSL_get_wbio(conn->ssl), &pending);
    if (ready > 0) { /* handshake bytes */
        if (kw_buf_append(&conn->cipher, pending, (size_t)ready) != KW_OK)
            return false;
        (void)BIO_reset(SSL_get_wbio(conn->ssl));
    }
    return true;
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct kw_conn *conn = request->data;
    (void)status; /* now wait for the peer's end, or the timer */
    (void)conn;
}

static void finish_shutdown(struct kw_conn *conn)
{
    if (conn->ssl != NULL && SSL_is_init_finished(conn->ssl) && !(SSL_get_shutdown(conn->ssl) & SSL_SENT_SHUTDOWN)) {
        ERR_clear_error();
        (void)SSL_shutdown(conn->ssl);
        flush(&conn->flush_job);
        return;
    }
    conn->shutdown_request.data = conn;
    if (conn->shutdown_request.handle == NULL &&
        uv_shutdown(&conn->shutdown_request, (uv_stream_t *)&conn->tcp, on_shutdown) != 0)
        close_with(conn, KW_OK);
}

static void drained(struct kw_conn *conn)
{
    if (conn->want_drain && conn->queued <= conn->queue_limit / 4 && conn->events != NULL &&
        conn->events->on_drain != NULL) {
        conn->want_drain = false;
        conn->events->on_drain(conn, conn->arg);
    }
}

static void flush(struct kw_turn_job *job)
{
    struct kw_conn *conn = KW_CONTAINER_OF(job, struct kw_conn, flush_job);
    if (conn->closing || conn->writing > 0 || (conn->dialled && !conn->opened && conn->ssl == NULL))
        return;
    for (;;) {
        uv_buf_t bufs[KW_IOVECS];
        size_t total;
        if (conn->ssl != NULL && !encrypt(conn)) {
            close_with(conn, KW_ENOMEM);
            return;
        }
        size_t count = gather(conn, bufs, &total);
        if (count == 0)
            break;
        int sent = uv_try_write((uv_stream_t *)&conn->tcp, bufs, (unsigned)count);
        if (sent == UV_EAGAIN || sent == 0) {
            conn->write_request.data = conn;
            conn->writing = total;
            for (struct segment *at = conn->first; conn->ssl == NULL && at != NULL; at = at->next)
                at->room = at->end; /* the kernel reads it: nothing may be added */
            if (uv_write(&conn->write_request, (uv_stream_t *)&conn->tcp, bufs, (unsigned)count, written) != 0)
                close_with(conn, KW_ECLOSED);
            drained(conn);
            return;
        }
        if (sent < 0) {
            close_with(conn, KW_ECLOSED);
            return;
        }
        if (conn->ssl != NULL)
            kw_buf_consume(&conn->cipher, (size_t)sent);
        else
            consume(conn, (size_t)sent);
    }
    if (conn->ssl != NULL && conn->cipher.capacity > KW_TLS_RECORD_BYTES)
        kw_buf_free(&conn->cipher); /* an idle connection stays small */
    drained(conn);
    if (conn->shutting && !conn->closing && conn->queued == 0)
        finish_shutdown(conn);
}

static void wake_flush(struct kw_conn *conn)
{
    if (conn->writing == 0)
        kw_loop_at_turn_end(conn->loop, &conn->flush_job);
}

kw_err kw_conn_write(struct kw_conn *conn, const void *bytes, size_t length_bytes)
{
    if (conn->closing || conn->shutting)
        return KW_ECLOSED;
    if (length_bytes > conn->queue_limit || conn->queued > conn->queue_limit - length_bytes) {
        conn->want_drain = true;
        return KW_EFULL;
    }
    if (length_bytes == 0)
        return KW_OK;
    struct segment *tail =
        conn->first != NULL ? KW_CONTAINER_OF(conn->last, struct segment, next) : NULL;
    if (tail == NULL || tail->room - tail->end < length_bytes) {
        size_t room = length_bytes > KW_SEGMENT_BYTES ? length_bytes : KW_SEGMENT_BYTES;
        if (tail != NULL && room < KW_TLS_RECORD_BYTES)
            room = KW_TLS_RECORD_BYTES;
        tail = kw_alloc(sizeof *tail);
        *tail = (struct segment){ NULL, kw_blob_new_raw(room), 0, 0, room };
        *conn->last = tail;
        conn->last = &tail->next;
    }
    memcpy(tail->blob->bytes + tail->end, bytes, length_bytes);
    tail->end += length_bytes;
    conn->queued += length_bytes;
    wake_flush(conn);
    return KW_OK;
}

kw_err kw_conn_write_blob(struct kw_conn *conn, struct kw_blob *blob)
{
    if (blob->length_bytes < KW_COPY_BELOW_BYTES)
        return kw_conn_write(conn, blob->bytes, blob->length_bytes);
    if (conn->closing || conn->shutting)
        return KW_ECLOSED;
    if (blob->length_bytes > conn->queue_limit || conn->queued > conn->queue_limit - blob->length_bytes) {
        conn->want_drain = true;
        return KW_EFULL;
    }
    struct segment *segment = kw_alloc(sizeof *segment);
    *segment = (struct segment){ NULL, kw_blob_ref(blob), 0, blob->length_bytes, 0 };
    *conn->last = segment;
    conn->last = &segment->next;
    conn->queued += blob->length_bytes;
    wake_flush(conn);
    return KW_OK;
}

/* --- reading --- */

static void alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct kw_conn *conn = handle->data;
    (void)suggested;
    *buf = uv_buf_init(kw_loop_scratch(conn->loop), KW_LOOP_SCRATCH_BYTES / 2);
}

static void opened(struct kw_conn *conn)
{
    conn->opened = true;
    kw_timer_stop(conn->timer);
    if (conn->events->on_open != NULL)
        conn->events->on_open(conn, conn->arg);
}

static void tls_data(struct kw_conn *conn, const char *bytes, size_t count)
{
    char *plain = kw_loop_scratch(conn->loop) + KW_LOOP_SCRATCH_BYTES / 2;
    if (BIO_write(SSL_get_rbio(conn->ssl), bytes, (int)count) != (int)count) {
        close_with(conn, KW_ENOMEM);
        return;
    }
    for (;;) {
        ERR_clear_error();
        int got = SSL_read(conn->ssl, plain, KW_LOOP_SCRATCH_BYTES / 2);
        if (conn->dialled && !conn->opened && SSL_is_init_finished(conn->ssl)) {
            opened(conn);
            if (conn->closing)
                return;
        }
        if (got <= 0) {
            int reason = SSL_get_error(conn->ssl, got);
            kw_loop_at_turn_end(conn->loop, &conn->flush_job); /* handshake and alert bytes */
            if (reason == SSL_ERROR_ZERO_RETURN) {
                close_with(conn, KW_OK);
            } else if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) {
                flush(&conn->flush_job); /* the alert leaves before we go */
                close_with(conn, KW_ETLS);
            }
            return;
        }
        if (!conn->shutting)
            conn->events->on_data(conn, plain, (size_t)got, conn->arg);
        if (conn->closing)
            return;
    }
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct kw_conn *conn = stream->data;
    if (count == 0 || conn->closing)
        return;
    if (count < 0) {
        close_with(conn, count == UV_EOF ? KW_OK : KW_ECLOSED);
        return;
    }
    if (conn->sniff) {
        conn->sniff = false;
        if (buf->base[0] != 0x16) { /* not a TLS handshake record */
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

static void start_reading(struct kw_conn *conn)
{
    if (conn->closing || conn->paused)
        return;
    int code = uv_read_start((uv_stream_t *)&conn->tcp, alloc, on_read);
    if (code != 0 && code != UV_EALREADY) /* already: the owner changed, as after an upgrade */
        close_with(conn, KW_EIO);
}

void kw_conn_pause(struct kw_conn *conn)
{
    conn->paused = true;
    if (!conn->closing)
        (void)uv_read_stop((uv_stream_t *)&conn->tcp);
}

void kw_conn_resume(struct kw_conn *conn)
{
    if (!conn->paused)
        return;
    conn->paused = false;
    if (!conn->dialled || conn->opened)
        start_reading(conn);
}

/* --- life --- */

static void timed_out(struct kw_timer *timer, void *arg)
{
    struct kw_conn *conn = arg;
    (void)timer;
    close_with(conn, conn->shutting ? KW_OK : KW_ETIMEOUT);
}

static struct kw_conn *conn_new(struct kw_loop *loop)
{
    struct kw_conn *conn = kw_zalloc(sizeof *conn);
    conn->loop = loop;
    conn->last = &conn->first;
    conn->queue_limit = KW_OUT_QUEUE_BYTES;
    conn->flush_job.run = flush;
    kw_buf_init(&conn->cipher, KW_CIPHER_AHEAD_BYTES * 2);
    KW_ASSERT(uv_tcp_init(kw_loop_uv(loop), &conn->tcp) == 0);
    conn->tcp.data = conn;
    return conn;
}

static void learn_peer(struct kw_conn *conn)
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

struct kw_conn *kw_conn_accept(struct kw_loop *loop, struct uv_stream_s *server, struct kw_tls *tls)
{
    struct kw_conn *conn = conn_new(loop);
    if (uv_accept(server, (uv_stream_t *)&conn->tcp) != 0) {
        close_with(conn, KW_ECLOSED);
        return NULL;
    }
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    (void)uv_tcp_keepalive(&conn->tcp, 1, 60);
    learn_peer(conn);
    if (tls != NULL) {
        conn->ssl = kw_tls_session(tls, true);
        conn->sniff = true;
        if (conn->ssl == NULL) {
            close_with(conn, KW_ENOMEM);
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
    start_reading(conn);
}

static void connected(uv_connect_t *request, int status)
{
    struct kw_conn *conn = request->data;
    if (conn->closing)
        return;
    if (status < 0) {
        close_with(conn, status == UV_ECONNREFUSED ? KW_EREFUSED : KW_ECLOSED);
        return;
    }
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    learn_peer(conn);
    if (conn->dial_tls == NULL) {
        opened(conn);
        start_reading(conn);
        return;
    }
    conn->ssl = kw_tls_session(conn->dial_tls, false);
    if (conn->ssl == NULL || SSL_set_tlsext_host_name(conn->ssl, conn->server_name) != 1 ||
        kw_tls_expect_name(conn->ssl, conn->server_name) != KW_OK) {
        close_with(conn, KW_ETLS);
        return;
    }
    ERR_clear_error();
    (void)SSL_do_handshake(conn->ssl);
    start_reading(conn);
    kw_loop_at_turn_end(conn->loop, &conn->flush_job);
}

static void resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct kw_conn *conn = request->data;
    conn->resolving = false;
    if (conn->closing) {
        uv_freeaddrinfo(found);
        release(conn);
        return;
    }
    conn->connect_request.data = conn;
    if (status != 0 || found == NULL ||
        uv_tcp_connect(&conn->connect_request, &conn->tcp, found->ai_addr, connected) != 0)
        close_with(conn, KW_ENOTFOUND);
    uv_freeaddrinfo(found);
}

struct kw_conn *kw_conn_dial(struct kw_loop *loop, const char *host, uint16_t port, struct kw_tls *tls,
                             const char *server_name, int64_t timeout_ms, const struct kw_conn_events *events,
                             void *arg)
{
    char service[8];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct kw_conn *conn = conn_new(loop);
    conn->events = events;
    conn->arg = arg;
    conn->dialled = true;
    conn->port = port;
    conn->dial_tls = tls;
    conn->server_name = kw_strdup(server_name != NULL ? server_name : host);
    conn->timer = kw_timer_new(loop, timed_out, conn);
    kw_timer_start(conn->timer, timeout_ms, 0);
    (void)snprintf(service, sizeof service, "%u", port);
    conn->resolve_request.data = conn;
    conn->resolving = true;
    if (uv_getaddrinfo(kw_loop_uv(loop), &conn->resolve_request, resolved, host, service, &hints) != 0) {
        conn->resolving = false;
        close_with(conn, KW_ENOTFOUND);
    }
    return conn;
}

void kw_conn_shutdown(struct kw_conn *conn)
{
    if (conn->closing || conn->shutting)
        return;
    conn->shutting = true;
    if (conn->timer == NULL)
        conn->timer = kw_timer_new(conn->loop, timed_out, conn);
    kw_timer_start(conn->timer, KW_SHUTDOWN_MS, 0);
    if (conn->paused) { /* the peer's end must be seen */
        conn->paused = false;
        start_reading(conn);
    }
    wake_flush(conn);
}

void kw_conn_close(struct kw_conn *conn)
{
    close_with(conn, KW_OK);
}

size_t kw_conn_queued_bytes(const struct kw_conn *conn)
{
    return conn->queued + kw_buf_len(&conn->cipher);
}

void kw_conn_set_queue_limit(struct kw_conn *conn, size_t limit_bytes)
{
    conn->queue_limit = limit_bytes;
}

void kw_conn_want_drain(struct kw_conn *conn)
{
    conn->want_drain = true;
    wake_flush(conn);
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
