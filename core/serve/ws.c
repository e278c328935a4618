/* ws.c - A session: parser in, frames out, pings, and the closing handshake. */
#include <string.h>
#include <sys/random.h>

#include "base/limits.h"
#include "base/mem.h"
#include "proto/ws_frame.h"
#include "serve/ws_client_internal.h"
#include "serve/ws_internal.h"

#define KW_WS_CLOSE_WAIT_MS 2000

struct kw_ws {
    struct kw_conn *conn;
    struct kw_loop *loop;
    struct kw_ws_parser *parser;
    enum kw_ws_role role;
    const struct kw_ws_events *events;
    void *arg;
    struct kw_timer *timer; /* pings, or the wait for the peer's close */
    struct kw_turn_job early_job;
    struct kw_buf early;
    struct kw_ws_dialer *dialer; /* client side, until the handshake is done */
    struct kw_ws_link link;
    void (*on_gone)(void *arg);
    void *gone_arg;
    int64_t ping_interval_ms, last_frame_ms;
    unsigned missed_pongs;
    uint64_t random;
    uint16_t close_code;
    bool closing, close_sent;
    char protocol[32], why[126];
};

static void set_end(struct kw_ws *ws, uint16_t code, struct kw_str why)
{
    if (ws->close_code != 0)
        return;
    ws->close_code = code;
    size_t length = why.len < sizeof ws->why - 1 ? why.len : sizeof ws->why - 1;
    if (length > 0)
        memcpy(ws->why, why.ptr, length);
    ws->why[length] = 0;
}

static kw_err send_frame(struct kw_ws *ws, enum kw_ws_opcode opcode, struct kw_str payload)
{
    if (ws->role == KW_WS_SERVER) {
        uint8_t header[KW_WS_HEADER_BYTES];
        size_t header_bytes = kw_ws_frame_header(opcode, payload.len, header);
        if (payload.len <= 512) { /* one piece: header and payload share a segment */
            char frame[KW_WS_HEADER_BYTES + 512];
            memcpy(frame, header, header_bytes);
            if (payload.len > 0)
                memcpy(frame + header_bytes, payload.ptr, payload.len);
            return kw_conn_write(ws->conn, frame, header_bytes + payload.len);
        }
        struct kw_blob *blob = kw_ws_frame_blob(opcode, payload);
        kw_err err = kw_conn_write_blob(ws->conn, blob);
        kw_blob_unref(blob);
        return err;
    }
    struct kw_buf frame;
    uint8_t mask[4];
    ws->random ^= ws->random << 13;
    ws->random ^= ws->random >> 7;
    ws->random ^= ws->random << 17;
    memcpy(mask, &ws->random, 4);
    kw_buf_init(&frame, payload.len + KW_WS_HEADER_BYTES + 4);
    kw_err err = kw_ws_frame_masked(&frame, opcode, payload, mask);
    if (err == KW_OK)
        err = kw_conn_write(ws->conn, kw_buf_ptr(&frame), kw_buf_len(&frame));
    kw_buf_free(&frame);
    return err;
}

static void send_close(struct kw_ws *ws, uint16_t code, const char *reason)
{
    char payload[125];
    if (ws->close_sent)
        return;
    ws->close_sent = true;
    size_t length = code == 1005 ? 0 : kw_ws_close_payload(code, reason, payload);
    if (send_frame(ws, KW_WS_CLOSE, kw_str_n(payload, length)) != KW_OK)
        kw_conn_close(ws->conn);
}

static void on_message(bool is_text, struct kw_str message, void *arg)
{
    struct kw_ws *ws = arg;
    if (!ws->closing)
        ws->events->on_message(ws, is_text, message, ws->arg);
}

static void on_ping(struct kw_str payload, void *arg)
{
    struct kw_ws *ws = arg;
    if (!ws->close_sent && send_frame(ws, KW_WS_PONG, payload) != KW_OK)
        kw_conn_close(ws->conn);
}

static void on_pong(struct kw_str payload, void *arg)
{
    struct kw_ws *ws = arg;
    (void)payload;
    if (ws->events->on_pong != NULL && !ws->closing)
        ws->events->on_pong(ws, ws->arg);
}

static void on_peer_close(uint16_t code, struct kw_str reason, void *arg)
{
    struct kw_ws *ws = arg;
    set_end(ws, code, reason);
    ws->closing = true;
    send_close(ws, code, "");
    kw_conn_shutdown(ws->conn);
}

static void conn_open(struct kw_conn *conn, void *arg)
{
    struct kw_ws *ws = arg;
    if (kw_conn_write(conn, kw_buf_ptr(&ws->dialer->request), kw_buf_len(&ws->dialer->request)) != KW_OK)
        kw_conn_close(conn);
}

/* True: the handshake is done and *bytes, *length are what follows it. */
static bool handshake(struct kw_ws *ws, const char **bytes, size_t *length)
{
    size_t used;
    bool done;
    if (!kw_ws_dialer_feed(ws->dialer, *bytes, *length, &used, &done)) {
        set_end(ws, 1006, kw_str_of(ws->dialer->why));
        kw_conn_close(ws->conn);
        return false;
    }
    if (!done)
        return false;
    KW_IGNORE(kw_str_copy(kw_str_of(ws->dialer->protocol), ws->protocol, sizeof ws->protocol));
    kw_ws_dialer_free(ws->dialer);
    ws->dialer = NULL;
    *bytes += used;
    *length -= used;
    if (ws->ping_interval_ms > 0)
        kw_timer_start(ws->timer, ws->ping_interval_ms, ws->ping_interval_ms);
    else
        kw_timer_stop(ws->timer);
    ws->events->on_open(ws, ws->arg);
    return !ws->closing;
}

static void conn_data(struct kw_conn *conn, const char *bytes, size_t length, void *arg)
{
    struct kw_ws *ws = arg;
    uint16_t code;
    const char *why;
    if (ws->dialer != NULL && !handshake(ws, &bytes, &length))
        return;
    ws->last_frame_ms = kw_loop_now_ms(ws->loop);
    if (kw_ws_parser_feed(ws->parser, bytes, length, &code, &why) == KW_OK)
        return;
    set_end(ws, code, kw_str_of(why));
    ws->closing = true;
    send_close(ws, code, why);
    kw_conn_shutdown(conn);
}

static void conn_drain(struct kw_conn *conn, void *arg)
{
    struct kw_ws *ws = arg;
    (void)conn;
    if (ws->events->on_drain != NULL && !ws->closing)
        ws->events->on_drain(ws, ws->arg);
}

static void conn_closed(struct kw_conn *conn, kw_err why, void *arg)
{
    struct kw_ws *ws = arg;
    (void)conn;
    kw_timer_close(ws->timer);
    kw_turn_job_cancel(&ws->early_job);
    kw_buf_free(&ws->early);
    kw_ws_dialer_free(ws->dialer);
    if (ws->link.at != NULL) {
        *ws->link.at = ws->link.next;
        if (ws->link.next != NULL)
            ws->link.next->at = ws->link.at;
    }
    set_end(ws, 1006, kw_str_of(kw_err_text(why == KW_OK ? KW_ECLOSED : why)));
    ws->conn = NULL;
    ws->events->on_close(ws, ws->close_code, kw_str_of(ws->why), ws->arg);
    if (ws->on_gone != NULL)
        ws->on_gone(ws->gone_arg);
    kw_ws_parser_free(ws->parser);
    kw_free(ws);
}

static void on_time(struct kw_timer *timer, void *arg)
{
    struct kw_ws *ws = arg;
    (void)timer;
    if (ws->closing || ws->dialer != NULL) {
        if (ws->dialer != NULL)
            set_end(ws, 1006, KW_STR("the handshake took too long"));
        kw_conn_close(ws->conn);
        return;
    }
    int64_t silent_ms = kw_loop_now_ms(ws->loop) - ws->last_frame_ms;
    if (silent_ms >= ws->ping_interval_ms * ws->missed_pongs) {
        set_end(ws, 1006, KW_STR("no answer to pings"));
        kw_conn_close(ws->conn);
        return;
    }
    (void)send_frame(ws, KW_WS_PING, KW_STR("kw"));
}

static void feed_early(struct kw_turn_job *job)
{
    struct kw_ws *ws = KW_CONTAINER_OF(job, struct kw_ws, early_job);
    conn_data(ws->conn, kw_buf_ptr(&ws->early), kw_buf_len(&ws->early), ws);
    kw_buf_clear(&ws->early);
}

static struct kw_ws *ws_new(struct kw_loop *loop, enum kw_ws_role role, const struct kw_ws_options *options,
                            const struct kw_ws_events *events, void *arg)
{
    static const struct kw_ws_parser_events parser_events = { on_message, on_ping, on_pong, on_peer_close };
    struct kw_ws *ws = kw_zalloc(sizeof *ws);
    size_t limit = options->message_limit_bytes > 0 ? options->message_limit_bytes : KW_WS_LIVE_MESSAGE_BYTES;
    ws->loop = loop;
    ws->role = role;
    ws->events = events;
    ws->arg = arg;
    ws->parser = kw_ws_parser_new(role, limit, KW_WS_FRAGMENTS, &parser_events, ws);
    ws->ping_interval_ms = options->ping_interval_ms;
    ws->missed_pongs = options->missed_pongs > 0 ? options->missed_pongs : 2;
    ws->last_frame_ms = kw_loop_now_ms(loop);
    ws->timer = kw_timer_new(loop, on_time, ws);
    ws->early_job.run = feed_early;
    if (getrandom(&ws->random, sizeof ws->random, 0) != (ssize_t)sizeof ws->random || ws->random == 0)
        ws->random = 0x9E3779B97F4A7C15ULL;
    return ws;
}

static size_t queue_limit(const struct kw_ws_options *options)
{
    return options->queue_limit_bytes > 0 ? options->queue_limit_bytes : KW_OUT_QUEUE_BYTES;
}

static const struct kw_conn_events conn_events = { conn_open, conn_data, conn_drain, conn_closed };

struct kw_ws *kw_ws_adopt(struct kw_conn *conn, const char *protocol, const struct kw_ws_options *options,
                          const struct kw_ws_events *events, void *arg)
{
    struct kw_ws *ws = ws_new(kw_conn_loop(conn), KW_WS_SERVER, options, events, arg);
    ws->conn = conn;
    if (ws->ping_interval_ms > 0)
        kw_timer_start(ws->timer, ws->ping_interval_ms, ws->ping_interval_ms);
    if (protocol != NULL)
        KW_IGNORE(kw_str_copy(kw_str_of(protocol), ws->protocol, sizeof ws->protocol));
    kw_conn_set_queue_limit(conn, queue_limit(options));
    kw_conn_listen(conn, &conn_events, ws);
    return ws;
}

void kw_ws_feed_early(struct kw_ws *ws, struct kw_str early)
{
    kw_buf_init(&ws->early, early.len);
    if (early.len > 0 && kw_buf_append(&ws->early, early.ptr, early.len) == KW_OK)
        kw_loop_at_turn_end(ws->loop, &ws->early_job);
}

struct kw_ws *kw_ws_begin_dial(struct kw_loop *loop, struct kw_ws_dialer *dialer, const char *host, uint16_t port,
                               struct kw_tls *tls, int64_t timeout_ms, const struct kw_ws_options *options,
                               const struct kw_ws_events *events, void *arg)
{
    struct kw_ws *ws = ws_new(loop, KW_WS_CLIENT, options, events, arg);
    ws->dialer = dialer;
    kw_timer_start(ws->timer, timeout_ms, 0);
    ws->conn = kw_conn_dial(loop, host, port, tls, host, timeout_ms, &conn_events, ws);
    kw_conn_set_queue_limit(ws->conn, queue_limit(options));
    return ws;
}

void kw_ws_join(struct kw_ws *ws, struct kw_ws_link **list, void (*on_gone)(void *arg), void *gone_arg)
{
    ws->on_gone = on_gone;
    ws->gone_arg = gone_arg;
    ws->link.ws = ws;
    ws->link.next = *list;
    ws->link.at = list;
    if (*list != NULL)
        (*list)->at = &ws->link.next;
    *list = &ws->link;
}

kw_err kw_ws_send_text(struct kw_ws *ws, struct kw_str text)
{
    return ws->closing || ws->dialer != NULL ? KW_ECLOSED : send_frame(ws, KW_WS_TEXT, text);
}

kw_err kw_ws_send_frame(struct kw_ws *ws, struct kw_blob *frame)
{
    KW_ASSERT(ws->role == KW_WS_SERVER);
    return ws->closing ? KW_ECLOSED : kw_conn_write_blob(ws->conn, frame);
}

kw_err kw_ws_ping(struct kw_ws *ws)
{
    return ws->closing ? KW_ECLOSED : send_frame(ws, KW_WS_PING, KW_STR("kw"));
}

void kw_ws_close(struct kw_ws *ws, uint16_t code, const char *reason)
{
    if (ws->closing)
        return;
    if (ws->dialer != NULL) {
        kw_ws_abort(ws);
        return;
    }
    ws->closing = true;
    set_end(ws, code, kw_str_of(reason));
    send_close(ws, code, reason);
    kw_timer_start(ws->timer, KW_WS_CLOSE_WAIT_MS, 0);
}

void kw_ws_abort(struct kw_ws *ws)
{
    ws->closing = true;
    kw_conn_close(ws->conn);
}

void kw_ws_pause(struct kw_ws *ws)
{
    kw_conn_pause(ws->conn);
}

void kw_ws_resume(struct kw_ws *ws)
{
    kw_conn_resume(ws->conn);
}

size_t kw_ws_queued_bytes(const struct kw_ws *ws)
{
    return kw_conn_queued_bytes(ws->conn);
}

const char *kw_ws_peer(const struct kw_ws *ws)
{
    return kw_conn_peer(ws->conn);
}

const char *kw_ws_protocol(const struct kw_ws *ws)
{
    return ws->protocol;
}

int64_t kw_ws_last_frame_ms(const struct kw_ws *ws)
{
    return ws->last_frame_ms;
}
