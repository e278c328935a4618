/* conn_out.c - The outbox of a connection and its one flush a turn.
 *
 * The outbox is a list of segments. Small writes are copied together into one segment, so that a
 * turn's worth of frames is one write (or one TLS record of up to 16 KiB); large shared blobs are
 * referenced. The flush runs as a turn job; what the kernel does not take waits in one uv_write,
 * under a timer that drops a peer which has stopped reading. */
#include "net/conn.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <uv.h>

#include "base/mem.h"
#include "net/conn_internal.h"

#define KW_COPY_BELOW_BYTES 2048 /* shared blobs smaller than this are copied */
#define KW_IOVECS 32
#define KW_TLS_RECORD_BYTES 16384

static void free_segment(struct kw_conn *conn, struct kw_segment *segment)
{
    kw_blob_unref(segment->blob);
    if (segment->is_block)
        kw_loop_block_free(conn->loop, segment);
    else
        kw_free(segment);
}

void kw_conn_drop_queue(struct kw_conn *conn)
{
    while (conn->first != NULL) {
        struct kw_segment *segment = conn->first;
        conn->first = segment->next;
        free_segment(conn, segment);
    }
    conn->last = &conn->first;
    conn->queued = 0;
}

static void consume(struct kw_conn *conn, size_t count)
{
    conn->queued -= count;
    while (count > 0) {
        struct kw_segment *segment = conn->first;
        KW_ASSERT(segment != NULL); /* count is never more than what is queued */
        size_t left = segment->end - segment->at;
        if (count < left) {
            segment->at += count;
            return;
        }
        count -= left;
        conn->first = segment->next;
        if (conn->first == NULL)
            conn->last = &conn->first;
        free_segment(conn, segment);
    }
}

/* --- a peer that does not read --- */

static void stalled(struct kw_timer *timer, void *arg)
{
    struct kw_conn *conn = arg;
    size_t left = uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp);
    if (conn->stall_bytes - left < KW_SEND_STALL_BYTES) {
        kw_conn_close_with(conn, KW_ETIMEOUT);
        return;
    }
    conn->stall_bytes = left;
    kw_timer_start(timer, conn->stall_ms, 0);
}

static void watch_stall(struct kw_conn *conn)
{
    conn->stall_bytes = uv_stream_get_write_queue_size((uv_stream_t *)&conn->tcp);
    if (conn->stall == NULL)
        conn->stall = kw_timer_new(conn->loop, stalled, conn);
    kw_timer_start(conn->stall, conn->stall_ms, 0);
}

/* --- the flush --- */

static void written(uv_write_t *request, int status)
{
    struct kw_conn *conn = request->data;
    size_t count = conn->writing;
    conn->writing = 0;
    if (conn->closing)
        return;
    kw_timer_stop(conn->stall);
    if (status < 0) {
        kw_conn_close_with(conn, KW_ECLOSED);
        return;
    }
    if (conn->ssl != NULL)
        kw_buf_consume(&conn->cipher, count);
    else
        consume(conn, count);
    kw_conn_flush(&conn->flush_job);
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
    for (struct kw_segment *at = conn->first; at != NULL && count < KW_IOVECS; at = at->next) {
        bufs[count++] =
            uv_buf_init((char *)(uintptr_t)(at->bytes + at->at), (unsigned)(at->end - at->at));
        *total += at->end - at->at;
    }
    return count;
}

kw_err kw_conn_sealed(struct kw_conn *conn, const char *bytes, size_t count)
{
    if (conn->direct) {
        uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)count);
        int sent = uv_try_write((uv_stream_t *)&conn->tcp, &buf, 1);
        conn->direct = false;
        if (sent > 0) { /* an error shows again when the rest is written */
            bytes += sent;
            count -= (size_t)sent;
        }
    }
    return kw_buf_append(&conn->sealed, bytes, count);
}

/* What OpenSSL has made is handed on: by a swap, or behind what the kernel has not taken yet. */
static kw_err take_sealed(struct kw_conn *conn)
{
    if (kw_buf_len(&conn->cipher) > 0 && kw_buf_len(&conn->sealed) > 0) {
        kw_err err =
            kw_buf_append(&conn->cipher, kw_buf_ptr(&conn->sealed), kw_buf_len(&conn->sealed));
        kw_buf_clear(&conn->sealed);
        return err;
    }
    if (kw_buf_len(&conn->sealed) > 0) {
        struct kw_buf empty = conn->cipher;
        conn->cipher = conn->sealed;
        conn->sealed = empty;
    }
    return KW_OK;
}

/* Encrypt queued bytes, up to a bounded amount ahead of the kernel. */
static kw_err encrypt(struct kw_conn *conn)
{
    bool established = SSL_is_init_finished(conn->ssl) == 1;
    size_t ahead = kw_buf_len(&conn->cipher);
    while (established && conn->first != NULL &&
           ahead + kw_buf_len(&conn->sealed) < KW_CIPHER_AHEAD_BYTES) {
        struct kw_segment *segment = conn->first;
        size_t left = segment->end - segment->at;
        ERR_clear_error();
        /* The last record waits for nobody; those before it leave in one write. */
        conn->direct = ahead == 0 && kw_buf_len(&conn->sealed) == 0 && left == conn->queued &&
                       left <= KW_TLS_RECORD_BYTES;
        int taken = SSL_write(conn->ssl, segment->bytes + segment->at,
                              (int)(left < KW_TLS_RECORD_BYTES ? left : KW_TLS_RECORD_BYTES));
        conn->direct = false;
        if (taken <= 0) {
            int reason = SSL_get_error(conn->ssl, taken);
            if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE)
                return KW_ETLS;
            break;
        }
        consume(conn, (size_t)taken);
    }
    return take_sealed(conn);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    (void)request; /* now wait for the peer's end, or for the timer */
    (void)status;
}

static void finish_shutdown(struct kw_conn *conn)
{
    if (conn->ssl != NULL && SSL_is_init_finished(conn->ssl) &&
        !(SSL_get_shutdown(conn->ssl) & SSL_SENT_SHUTDOWN)) {
        ERR_clear_error();
        (void)SSL_shutdown(conn->ssl);
        kw_conn_flush(&conn->flush_job);
        return;
    }
    if (!conn->reading) { /* the peer has ended already */
        kw_conn_close_with(conn, KW_OK);
    } else if (conn->shutdown_request.data == NULL) {
        conn->shutdown_request.data = conn;
        if (uv_shutdown(&conn->shutdown_request, (uv_stream_t *)&conn->tcp, on_shutdown) != 0)
            kw_conn_close_with(conn, KW_OK);
    }
}

static void tell_drained(struct kw_conn *conn)
{
    if (!conn->want_drain || conn->closing || conn->queued > conn->queue_limit / 4 ||
        conn->events == NULL || conn->events->on_drain == NULL)
        return;
    conn->want_drain = false;
    conn->events->on_drain(conn, conn->arg);
}

static void write_later(struct kw_conn *conn, const uv_buf_t *bufs, size_t count, size_t total)
{
    conn->write_request.data = conn;
    conn->writing = total;
    for (struct kw_segment *at = conn->first; conn->ssl == NULL && at != NULL; at = at->next)
        at->room = at->end; /* the kernel reads it: nothing may be added */
    if (uv_write(&conn->write_request, (uv_stream_t *)&conn->tcp, bufs, (unsigned)count, written) !=
        0) {
        kw_conn_close_with(conn, KW_ECLOSED);
        return;
    }
    watch_stall(conn);
    tell_drained(conn);
}

void kw_conn_flush(struct kw_turn_job *job)
{
    struct kw_conn *conn = KW_CONTAINER_OF(job, struct kw_conn, flush_job);
    if (conn->closing || conn->writing > 0 || (conn->dialled && !conn->opened && conn->ssl == NULL))
        return;
    for (;;) {
        uv_buf_t bufs[KW_IOVECS];
        size_t total;
        kw_err err = conn->ssl != NULL ? encrypt(conn) : KW_OK;
        if (err != KW_OK) {
            kw_conn_close_with(conn, err);
            return;
        }
        size_t count = gather(conn, bufs, &total);
        if (count == 0)
            break;
        int sent = uv_try_write((uv_stream_t *)&conn->tcp, bufs, (unsigned)count);
        if (sent == UV_EAGAIN || sent == 0) {
            write_later(conn, bufs, count, total);
            return;
        }
        if (sent < 0) {
            kw_conn_close_with(conn, KW_ECLOSED);
            return;
        }
        if (conn->ssl != NULL)
            kw_buf_consume(&conn->cipher, (size_t)sent);
        else
            consume(conn, (size_t)sent);
    }
    kw_buf_free(&conn->sealed); /* an idle connection stays small, and a busy loop in its cache */
    kw_buf_free(&conn->cipher);
    tell_drained(conn);
    if (conn->shutting && !conn->closing && conn->queued == 0)
        finish_shutdown(conn);
}

void kw_conn_wake_flush(struct kw_conn *conn)
{
    if (conn->writing == 0)
        kw_loop_at_turn_end(conn->loop, &conn->flush_job);
}

/* --- queueing --- */

static kw_err admit(struct kw_conn *conn, size_t length_bytes)
{
    size_t held = kw_conn_queued_bytes(conn);
    if (conn->closing || conn->shutting)
        return KW_ECLOSED;
    if (held > conn->queue_limit || length_bytes > conn->queue_limit - held) {
        conn->want_drain = true;
        return KW_EFULL;
    }
    return KW_OK;
}

/* The last segment, if it can take `length_bytes` more; else a new one. */
static struct kw_segment *tail_with_room(struct kw_conn *conn, size_t length_bytes)
{
    struct kw_segment *tail =
        conn->first != NULL ? KW_CONTAINER_OF(conn->last, struct kw_segment, next) : NULL;
    if (tail != NULL && tail->room >= tail->end && tail->room - tail->end >= length_bytes)
        return tail;
    size_t room = KW_LOOP_BLOCK_BYTES - sizeof *tail;
    bool is_block = length_bytes <= room;
    if (is_block) {
        tail = kw_loop_block(conn->loop);
    } else {
        room = length_bytes;
        tail = kw_alloc(sizeof *tail + room);
    }
    *tail = (struct kw_segment){ .bytes = tail->own, .room = room, .is_block = is_block };
    KW_ASSERT(conn->last != NULL);
    *conn->last = tail;
    conn->last = &tail->next;
    return tail;
}

kw_err kw_conn_write2(struct kw_conn *conn, const void *first, size_t first_bytes,
                      const void *second, size_t second_bytes)
{
    kw_err err = admit(conn, first_bytes + second_bytes);
    if (err != KW_OK || first_bytes + second_bytes == 0)
        return err;
    struct kw_segment *tail = tail_with_room(conn, first_bytes + second_bytes);
    if (first_bytes > 0)
        memcpy(tail->own + tail->end, first, first_bytes);
    if (second_bytes > 0)
        memcpy(tail->own + tail->end + first_bytes, second, second_bytes);
    tail->end += first_bytes + second_bytes;
    conn->queued += first_bytes + second_bytes;
    kw_conn_wake_flush(conn);
    return KW_OK;
}

kw_err kw_conn_write(struct kw_conn *conn, const void *bytes, size_t length_bytes)
{
    return kw_conn_write2(conn, bytes, length_bytes, NULL, 0);
}

kw_err kw_conn_write_blob(struct kw_conn *conn, struct kw_blob *blob)
{
    if (blob->length_bytes < KW_COPY_BELOW_BYTES)
        return kw_conn_write(conn, blob->bytes, blob->length_bytes);
    kw_err err = admit(conn, blob->length_bytes);
    if (err != KW_OK)
        return err;
    struct kw_segment *segment = kw_alloc(sizeof *segment);
    *segment = (struct kw_segment){ .blob = kw_blob_ref(blob),
                                    .bytes = blob->bytes,
                                    .end = blob->length_bytes };
    *conn->last = segment;
    conn->last = &segment->next;
    conn->queued += blob->length_bytes;
    kw_conn_wake_flush(conn);
    return KW_OK;
}

size_t kw_conn_queued_bytes(const struct kw_conn *conn)
{
    return conn->queued + kw_buf_len(&conn->sealed) + kw_buf_len(&conn->cipher);
}

void kw_conn_set_queue_limit(struct kw_conn *conn, size_t limit_bytes)
{
    conn->queue_limit = limit_bytes;
}

void kw_conn_set_stall_timeout(struct kw_conn *conn, int64_t timeout_ms)
{
    conn->stall_ms = timeout_ms;
}

void kw_conn_want_drain(struct kw_conn *conn)
{
    conn->want_drain = true;
    kw_conn_wake_flush(conn);
}

static void shutdown_expired(struct kw_timer *timer, void *arg)
{
    (void)timer;
    kw_conn_close_with(arg, KW_OK);
}

void kw_conn_shutdown(struct kw_conn *conn)
{
    if (conn->closing || conn->shutting)
        return;
    if (conn->dialled && !conn->opened) {
        kw_conn_close_with(conn, KW_OK);
        return;
    }
    conn->shutting = true;
    kw_timer_close(conn->timer);
    conn->timer = kw_timer_new(conn->loop, shutdown_expired, conn);
    kw_timer_start(conn->timer, KW_SHUTDOWN_MS, 0);
    if (conn->paused) { /* the peer's end must be seen */
        conn->paused = false;
        kw_conn_start_reading(conn);
    }
    kw_conn_wake_flush(conn);
}
