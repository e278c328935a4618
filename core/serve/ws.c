/* ws.c - A session: parser in, frames out, pings, and the closing handshake.
 *
 * Server and client differ in two things only: who masks, and that a dialled session begins with a
 * handshake (a guest on the connection, ws_client.c). The memory of a session goes when its
 * connection is closed, so every end, ours or the peer's, comes through conn_closed(). */
#include "serve/ws.h"

#include <string.h>
#include <sys/random.h>

#include "base/limits.h"
#include "base/mem.h"
#include "proto/ws_frame.h"
#include "serve/ws_internal.h"

#define KW_WS_CLOSE_WAIT_MS 2000
#define KW_WS_PROTOCOL_BYTES 64
#define KW_WS_NO_CODE 1005  /* RFC 6455 7.4.1: the close frame had none */
#define KW_WS_NO_CLOSE 1006 /* there was no close frame */

struct kw_ws {
    struct kw_conn *conn;
    struct kw_loop *loop;
    struct kw_ws_parser *parser;
    enum kw_ws_role role;
    const struct kw_ws_events *events;
    void *arg;
    struct kw_timer *timer; /* pings, or the wait for a handshake */
    struct kw_turn_job early_job;
    struct kw_buf early;
    struct kw_ws_dialer *dialer; /* client side, until the handshake is done */
    struct kw_ws_home *home;
    struct kw_ws_link link;
    int64_t ping_interval_ms, last_frame_ms;
    unsigned missed_pongs;
    uint64_t random;     /* masks: unpredictable to scripts in between, no secret */
    uint16_t close_code; /* what on_close will tell; 0: not known yet */
    bool closing, close_sent;
    char protocol[KW_WS_PROTOCOL_BYTES], why[126];
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

static void drop(struct kw_ws *ws, const char *why)
{
    set_end(ws, KW_WS_NO_CLOSE, kw_str_of(why));
    ws->closing = true;
    kw_conn_close(ws->conn);
}

/* --- out --- */

static kw_err send_masked(struct kw_ws *ws, enum kw_ws_opcode opcode, struct kw_str payload)
{
    struct kw_buf frame;
    uint8_t mask[4];
    ws->random ^= ws->random << 13; /* xorshift64 */
    ws->random ^= ws->random >> 7;
    ws->random ^= ws->random << 17;
    memcpy(mask, &ws->random, sizeof mask);
    kw_buf_init(&frame, payload.len + KW_WS_HEADER_BYTES + sizeof mask);
    kw_err err = kw_ws_frame_masked(&frame, opcode, payload, mask);
    if (err == KW_OK)
        err = kw_conn_write(ws->conn, kw_buf_ptr(&frame), kw_buf_len(&frame));
    kw_buf_free(&frame);
    return err;
}

static kw_err send_frame(struct kw_ws *ws, enum kw_ws_opcode opcode, struct kw_str payload)
{
    uint8_t header[KW_WS_HEADER_BYTES];
    if (ws->role == KW_WS_CLIENT)
        return send_masked(ws, opcode, payload);
    size_t header_bytes = kw_ws_frame_header(opcode, payload.len, header);
    return kw_conn_write2(ws->conn, header, header_bytes, payload.ptr, payload.len);
}

static kw_err count_full(struct kw_ws *ws, kw_err err)
{
    if (err == KW_EFULL && ws->home != NULL)
        kw_metric_add(ws->home->queue_full, 1);
    return err;
}

kw_err kw_ws_send_text(struct kw_ws *ws, struct kw_str text)
{
    if (ws->closing || ws->dialer != NULL)
        return KW_ECLOSED;
    return count_full(ws, send_frame(ws, KW_WS_TEXT, text));
}

kw_err kw_ws_send_frame(struct kw_ws *ws, struct kw_blob *frame)
{
    KW_ASSERT(ws->role == KW_WS_SERVER);
    if (ws->closing)
        return KW_ECLOSED;
    return count_full(ws, kw_conn_write_blob(ws->conn, frame));
}

kw_err kw_ws_ping(struct kw_ws *ws)
{
    if (ws->closing || ws->dialer != NULL)
        return KW_ECLOSED;
    return send_frame(ws, KW_WS_PING, KW_STR("kw"));
}

static void send_close(struct kw_ws *ws, uint16_t code, const char *reason)
{
    char payload[125];
    if (ws->close_sent)
        return;
    ws->close_sent = true;
    kw_conn_set_queue_limit(ws->conn, kw_conn_queued_bytes(ws->conn) + 256); /* always has room */
    size_t length = code == KW_WS_NO_CODE ? 0 : kw_ws_close_payload(code, reason, payload);
    if (send_frame(ws, KW_WS_CLOSE, kw_str_n(payload, length)) != KW_OK)
        drop(ws, "the outbox is full");
}

/* The last frames leave, then the connection closes; a peer that does not end is cut. */
static void finish(struct kw_ws *ws)
{
    ws->closing = true;
    kw_ws_parser_stop(ws->parser);
    kw_conn_shutdown(ws->conn);
    kw_timer_start(ws->timer, KW_WS_CLOSE_WAIT_MS, 0);
}

/* --- in --- */

static void on_message(bool is_text, struct kw_str message, void *arg)
{
    struct kw_ws *ws = arg;
    if (!ws->closing)
        ws->events->on_message(ws, is_text, message, ws->arg);
}

static void on_ping(struct kw_str payload, void *arg)
{
    struct kw_ws *ws = arg;
    if (!ws->closing && send_frame(ws, KW_WS_PONG, payload) != KW_OK)
        drop(ws, "it sends pings and does not read the answers");
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
    send_close(ws, code, "");
    finish(ws);
}

static void parse(struct kw_ws *ws, const char *bytes, size_t length)
{
    uint16_t code = 1002;
    const char *why = "";
    ws->last_frame_ms = kw_loop_now_ms(ws->loop);
    if (kw_ws_parser_feed(ws->parser, bytes, length, &code, &why) == KW_OK)
        return;
    set_end(ws, code, kw_str_of(why));
    send_close(ws, code, why);
    finish(ws);
}

static void feed_early(struct kw_turn_job *job)
{
    struct kw_ws *ws = KW_CONTAINER_OF(job, struct kw_ws, early_job);
    struct kw_buf early = ws->early;
    kw_buf_init(&ws->early, 0);
    if (kw_buf_len(&early) > 0)
        parse(ws, kw_buf_ptr(&early), kw_buf_len(&early));
    kw_buf_free(&early);
}

void kw_ws_feed_early(struct kw_ws *ws, struct kw_str early)
{
    kw_buf_init(&ws->early, early.len);
    if (early.len == 0)
        return;
    if (kw_buf_append(&ws->early, early.ptr, early.len) == KW_OK)
        kw_loop_at_turn_end(ws->loop, &ws->early_job);
    else
        drop(ws, "no memory");
}

/* --- the connection --- */

static void conn_open(struct kw_conn *conn, void *arg)
{
    struct kw_ws *ws = arg;
    struct kw_str request = kw_buf_str(&ws->dialer->request);
    if (kw_conn_write(conn, request.ptr, request.len) != KW_OK)
        drop(ws, "the handshake does not fit the outbox");
}

static void start_pings(struct kw_ws *ws)
{
    if (ws->ping_interval_ms > 0)
        kw_timer_start(ws->timer, ws->ping_interval_ms, ws->ping_interval_ms);
    else
        kw_timer_stop(ws->timer);
}

/* True: the handshake is done and *bytes, *length are what follows it. */
static bool handshake(struct kw_ws *ws, const char **bytes, size_t *length)
{
    size_t used;
    bool done;
    if (!kw_ws_dialer_feed(ws->dialer, *bytes, *length, &used, &done)) {
        drop(ws, ws->dialer->why);
        return false;
    }
    if (!done)
        return false;
    memcpy(ws->protocol, ws->dialer->protocol, sizeof ws->protocol);
    kw_ws_dialer_free(ws->dialer);
    ws->dialer = NULL;
    *bytes += used;
    *length -= used;
    ws->last_frame_ms = kw_loop_now_ms(ws->loop);
    start_pings(ws);
    ws->events->on_open(ws, ws->arg);
    return *length > 0;
}

static void conn_data(struct kw_conn *conn, const char *bytes, size_t length, void *arg)
{
    struct kw_ws *ws = arg;
    (void)conn;
    if (ws->dialer != NULL && !handshake(ws, &bytes, &length))
        return;
    if (ws->early_job.loop != NULL) { /* what came with the request goes first */
        kw_turn_job_cancel(&ws->early_job);
        feed_early(&ws->early_job);
    }
    parse(ws, bytes, length);
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
    ws->closing = true;
    kw_timer_close(ws->timer);
    kw_turn_job_cancel(&ws->early_job);
    if (ws->home != NULL) {
        *ws->link.at = ws->link.next;
        if (ws->link.next != NULL)
            ws->link.next->at = ws->link.at;
    }
    set_end(ws, KW_WS_NO_CLOSE, kw_str_of(kw_err_text(why == KW_OK ? KW_ECLOSED : why)));
    ws->events->on_close(ws, ws->close_code, kw_str_of(ws->why), ws->arg);
    if (ws->home != NULL)
        ws->home->on_gone(ws->home, ws->close_code);
    kw_buf_free(&ws->early);
    kw_ws_dialer_free(ws->dialer);
    kw_ws_parser_free(ws->parser);
    kw_free(ws);
}

static void on_time(struct kw_timer *timer, void *arg)
{
    struct kw_ws *ws = arg;
    (void)timer;
    if (ws->dialer != NULL) {
        drop(ws, "the handshake took too long");
    } else if (ws->closing) {
        drop(ws, "no answer to our close");
    } else if (kw_loop_now_ms(ws->loop) - ws->last_frame_ms >=
               ws->ping_interval_ms * ws->missed_pongs) {
        drop(ws, "no answer to pings");
    } else if (kw_ws_ping(ws) != KW_OK) {
        drop(ws, "the outbox is full");
    }
}

/* --- life --- */

static struct kw_ws *ws_new(struct kw_loop *loop, enum kw_ws_role role,
                            const struct kw_ws_options *options, const struct kw_ws_events *events,
                            void *arg)
{
    static const struct kw_ws_parser_events parser_events = { on_message, on_ping, on_pong,
                                                              on_peer_close };
    struct kw_ws *ws = kw_zalloc(sizeof *ws);
    size_t limit =
        options->message_limit_bytes > 0 ? options->message_limit_bytes : KW_WS_LIVE_MESSAGE_BYTES;
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
    return ws;
}

static size_t queue_limit(const struct kw_ws_options *options)
{
    return options->queue_limit_bytes > 0 ? options->queue_limit_bytes : KW_OUT_QUEUE_BYTES;
}

static const struct kw_conn_events conn_events = { conn_open, conn_data, conn_drain, conn_closed };

struct kw_ws *kw_ws_adopt(struct kw_conn *conn, const char *protocol,
                          const struct kw_ws_options *options, const struct kw_ws_events *events,
                          void *arg)
{
    struct kw_ws *ws = ws_new(kw_conn_loop(conn), KW_WS_SERVER, options, events, arg);
    ws->conn = conn;
    start_pings(ws);
    if (protocol != NULL)
        KW_IGNORE(kw_str_copy(kw_str_of(protocol), ws->protocol, sizeof ws->protocol));
    kw_conn_set_queue_limit(conn, queue_limit(options));
    kw_conn_listen(conn, &conn_events, ws);
    kw_conn_resume(conn); /* it may have been paused behind the request */
    return ws;
}

struct kw_ws *kw_ws_begin_dial(struct kw_loop *loop, struct kw_ws_dialer *dialer, const char *host,
                               uint16_t port, struct kw_tls *tls, int64_t timeout_ms,
                               const struct kw_ws_options *options,
                               const struct kw_ws_events *events, void *arg)
{
    struct kw_ws *ws = ws_new(loop, KW_WS_CLIENT, options, events, arg);
    ws->dialer = dialer;
    if (getrandom(&ws->random, sizeof ws->random, 0) != (ssize_t)sizeof ws->random ||
        ws->random == 0)
        ws->random = (uint64_t)(uintptr_t)ws | 1;
    kw_timer_start(ws->timer, timeout_ms, 0);
    ws->conn = kw_conn_dial(loop, host, port, tls, NULL, timeout_ms, &conn_events, ws);
    kw_conn_set_queue_limit(ws->conn, queue_limit(options));
    return ws;
}

void kw_ws_join(struct kw_ws *ws, struct kw_ws_home *home)
{
    ws->home = home;
    ws->link.ws = ws;
    ws->link.next = home->sessions;
    ws->link.at = &home->sessions;
    if (home->sessions != NULL)
        home->sessions->at = &ws->link.next;
    home->sessions = &ws->link;
}

void kw_ws_close(struct kw_ws *ws, uint16_t code, const char *reason)
{
    if (ws->closing)
        return;
    if (ws->dialer != NULL) {
        drop(ws, "closed before it was open");
        return;
    }
    ws->closing = true;
    send_close(ws, code, reason);
    kw_conn_resume(ws->conn); /* the peer's close must be seen */
    kw_timer_start(ws->timer, KW_WS_CLOSE_WAIT_MS, 0);
}

void kw_ws_abort(struct kw_ws *ws)
{
    drop(ws, "dropped");
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
