/* live.c - WebSockets of the live feed: who may open one, what it may ask, when it is told.
 *
 * Telling: the first change after a quiet moment leaves at the end of this loop turn. Then a tick runs;
 * what changes meanwhile leaves with it, once, with its latest values. The tick grows with the number of
 * open sockets, up to live_tick_ms: many readers are coalesced, few are told
 * at once (docs/adr/0006).
 *
 * A socket that does not keep up is sent nothing until its outbox has drained (push then sends fresh
 * snapshots); after KW_SLOW_MS it is closed with 4408. */
#include "app/live.h"

#include <stdio.h>
#include <string.h>

#include "app/live_internal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/ws_frame.h"

#define KW_TICK_LEAST_MS 5
#define KW_TICK_SOCKETS_PER_MS \
    10 /* a write to one socket costs about 12 us: at most 12 % of a core */
#define KW_HEARTBEAT_MS 5000

/* --- telling --- */

static void mark_station(struct kw_station *station, void *arg)
{
    kw_push_station(((struct kw_live *)arg)->service->push, station);
}

static void mark_node(struct kw_node *node, void *arg)
{
    kw_push_node(((struct kw_live *)arg)->service->push, node);
}

static void mark_gone(struct kw_str id, bool is_node, void *arg)
{
    kw_push_gone(((struct kw_live *)arg)->service->push, id, is_node);
}

static void flush(struct kw_live *live)
{
    struct kw_service *service = live->service;
    if (kw_complex_dirty(service->complex)) {
        kw_complex_drain(service->complex, mark_station, mark_node, mark_gone, live);
        kw_push_complex(service->push);
    }
    int64_t began_us = live->changed_us;
    size_t frames = kw_push_flush(service->push, kw_now_ms());
    live->changed_us = 0;
    if (frames > 0 && began_us > 0)
        kw_metric_observe_us(live->push_seconds, kw_mono_us() - began_us);
    int64_t tick_ms = KW_TICK_LEAST_MS + (int64_t)live->count / KW_TICK_SOCKETS_PER_MS;
    kw_timer_start(live->tick, tick_ms < live->tick_most_ms ? tick_ms : live->tick_most_ms, 0);
}

static void flush_now(struct kw_turn_job *job)
{
    flush(KW_CONTAINER_OF(job, struct kw_live, flush_job));
}

static void on_tick(struct kw_timer *timer, void *arg)
{
    struct kw_live *live = arg;
    (void)timer;
    if (live->changed_us != 0)
        flush(live);
}

void kw_live_changed(struct kw_live *live)
{
    if (live->changed_us != 0 || live->stopped)
        return; /* a flush is on its way */
    live->changed_us = kw_mono_us();
    if (!kw_timer_active(live->tick))
        kw_loop_at_turn_end(live->service->runtime->loop, &live->flush_job);
}

/* --- push's hooks --- */

static struct kw_blob *make_frame(struct kw_str text, void *arg)
{
    (void)arg;
    return kw_ws_frame_blob(KW_WS_TEXT, text);
}

static kw_err send_frame(void *socket, struct kw_blob *frame, void *arg)
{
    struct kw_socket *of = socket;
    (void)arg;
    kw_err err = kw_ws_send_frame(of->ws, frame);
    if (err == KW_EFULL && of->slow_since_ms == 0)
        of->slow_since_ms = kw_loop_now_ms(of->live->service->runtime->loop);
    return err;
}

static void write_complex(struct kw_buf *out, void *arg)
{
    kw_service_write_complex(((struct kw_live *)arg)->service, out);
}

static void write_feed(struct kw_buf *out, void *arg)
{
    kw_service_write_feed(((struct kw_live *)arg)->service, out);
}

static struct kw_str driver_of(struct kw_str key_uid, void *arg)
{
    const struct kw_driver *driver = kw_service_driver(((struct kw_live *)arg)->service, key_uid);
    return driver != NULL ? kw_str_of(driver->name) : KW_STR("");
}

/* --- sockets --- */

static void free_session(struct kw_live *live, struct kw_session *session)
{
    if (session->ref != LUA_NOREF && live->service->runtime->host != NULL)
        kw_host_unref(live->service->runtime->host, session->ref);
    session->ref = LUA_NOREF;
}

static void on_drain(struct kw_ws *ws, void *arg)
{
    struct kw_socket *socket = arg;
    (void)ws;
    socket->slow_since_ms = 0;
    kw_push_client_drained(socket->client);
}

static void on_message(struct kw_ws *ws, bool is_text, struct kw_str message, void *arg)
{
    if (is_text)
        kw_live_request(arg, message);
    else
        kw_ws_close(ws, 1003, "text frames only");
}

static void on_close(struct kw_ws *ws, uint16_t code, struct kw_str why, void *arg)
{
    struct kw_socket *socket = arg;
    struct kw_live *live = socket->live;
    (void)ws;
    KW_LOG(KW_LOG_DEBUG, "live", "socket closed", KW_LC("account", socket->session.account_id),
           KW_LI("code", code), KW_LT("why", why));
    kw_push_client_free(socket->client);
    free_session(live, &socket->session);
    *socket->at = socket->next;
    if (socket->next != NULL)
        socket->next->at = socket->at;
    live->count--;
    kw_free(socket);
}

static size_t sockets_of(const struct kw_live *live, const char *account_id)
{
    size_t count = 0;
    for (const struct kw_socket *at = live->first; at != NULL; at = at->next)
        count += strcmp(at->session.account_id, account_id) == 0;
    return count;
}

/* refusal: 0, or a close code. A browser learns only from a close code why: it is let in for that. */
static void adopt(struct kw_live *live, struct kw_exchange *exchange, struct kw_session *session,
                  uint16_t refusal)
{
    static const struct kw_ws_events events = { NULL, on_message, NULL, on_drain, on_close };
    static const struct kw_ws_options options = { .message_limit_bytes = KW_WS_LIVE_MESSAGE_BYTES,
                                                  .queue_limit_bytes = KW_LIVE_QUEUE_BYTES,
                                                  .ping_interval_ms = 15000 };
    if (refusal == 0 && (live->count >= live->most ||
                         sockets_of(live, session->account_id) >= live->most_of_account))
        refusal = KW_CLOSE_TOO_MANY;
    struct kw_socket *socket = kw_zalloc(sizeof *socket);
    struct kw_buf welcome;
    socket->live = live;
    socket->session = *session;
    socket->ws = kw_exchange_upgrade(exchange, KW_LIVE_PROTOCOL, &options, &events, socket);
    if (socket->ws == NULL) { /* answered with 400 or 426 */
        free_session(live, session);
        kw_free(socket);
        return;
    }
    socket->client = kw_push_client_new(live->service->push, socket);
    socket->next = live->first;
    socket->at = &live->first;
    if (live->first != NULL)
        live->first->at = &socket->next;
    live->first = socket;
    live->count++;
    kw_metric_add(live->opened, 1);
    if (refusal != 0) {
        kw_metric_add(live->refused, 1);
        kw_ws_close(socket->ws, refusal,
                    refusal == KW_CLOSE_TOO_MANY ? "too many live connections" : "not allowed");
        return;
    }
    kw_buf_init(&welcome, 65536);
    if (kw_push_welcome(live->service->push, kw_now_ms(), &welcome) == KW_OK)
        KW_IGNORE(kw_ws_send_text(socket->ws, kw_buf_str(&welcome))); /* a new outbox is empty */
    kw_buf_free(&welcome);
}

/* --- opening: Lua says who it is, before the switch --- */

struct opening {
    struct kw_live *live;
    struct kw_exchange *exchange;
    struct kw_lua_call *call;
};

static void read_text(lua_State *L, int index, const char *field, char *out, size_t size)
{
    lua_getfield(L, index, field);
    if (lua_type(L, -1) == LUA_TSTRING)
        (void)snprintf(out, size, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
}

static void opened(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct opening *opening = arg;
    struct kw_live *live = opening->live;
    struct kw_exchange *exchange = opening->exchange;
    int base = lua_gettop(L) - results;
    kw_lua_call_free(opening->call);
    kw_free(opening);
    if (err != KW_OK) {
        if (err != KW_ECANCELLED)
            KW_LOG(KW_LOG_ERROR, "live", "service.live_open failed", KW_LC("error", error));
        kw_exchange_problem(exchange, 503, "busy", "The service cannot answer now.");
    } else if (results >= 1 && lua_istable(L, base + 1)) {
        struct kw_session session = { .expires_at_ms = KW_NONE };
        read_text(L, base + 1, "id", session.id, sizeof session.id);
        read_text(L, base + 1, "account_id", session.account_id, sizeof session.account_id);
        lua_getfield(L, base + 1, "expires_at_ms");
        if (lua_isinteger(L, -1))
            session.expires_at_ms = lua_tointeger(L, -1);
        lua_pop(L, 1);
        lua_pushvalue(L, base + 1);
        session.ref = kw_host_ref(live->service->runtime->host, L);
        adopt(live, exchange, &session, 0);
    } else if (results >= 2 && lua_type(L, base + 2) == LUA_TSTRING &&
               strcmp(lua_tostring(L, base + 2), "forbidden") == 0) {
        struct kw_session nobody = { .ref = LUA_NOREF, .expires_at_ms = KW_NONE };
        adopt(live, exchange, &nobody, KW_CLOSE_NOT_ALLOWED);
    } else {
        const char *slug = results >= 2 ? lua_tostring(L, base + 2) : NULL;
        slug = slug != NULL ? slug : "not-signed-in";
        kw_metric_add(live->refused, 1);
        int status = strcmp(slug, "too-many-attempts") == 0 ? 429 : 401;
        kw_exchange_problem(exchange, status, slug, "Sign in first, or give a valid token.");
    }
}

static int push_request(lua_State *L, void *arg)
{
    return kw_lua_call_push(L, ((struct opening *)arg)->call);
}

/* A page of another origin must not ride on the cookie: browsers always send Origin here. Plain http is
 * ours only where we speak it (behind a proxy that may speak either). */
static bool origin_is_ours(const struct kw_http_head *head, bool tls)
{
    struct kw_str origin = kw_http_header_get(head, "origin"), rest;
    if (kw_http_header_get(head, "authorization").ptr != NULL)
        return true;
    if (kw_str_starts(origin, KW_STR("https://")))
        rest = kw_str_n(origin.ptr + 8, origin.len - 8);
    else if (!tls && kw_str_starts(origin, KW_STR("http://")))
        rest = kw_str_n(origin.ptr + 7, origin.len - 7);
    else
        return false;
    return kw_str_ieq(rest, head->host);
}

void kw_live_open(struct kw_live *live, struct kw_exchange *exchange)
{
    static const char *const protocols[] = { KW_LIVE_PROTOCOL, NULL };
    static const struct kw_run_limits limits = { 0, 0, 15000 };
    const struct kw_http_head *head = kw_exchange_head(exchange);
    struct kw_str offered = kw_http_header_get(head, "sec-websocket-protocol");
    if (!head->upgrade_websocket) {
        kw_exchange_header(exchange, "Upgrade", KW_STR("websocket"));
        kw_exchange_problem(exchange, 426, "websocket-only", "This address speaks WebSocket.");
        return;
    }
    if (offered.ptr == NULL || kw_ws_choose_protocol(offered, protocols) == NULL) {
        kw_exchange_problem(exchange, 400, "bad-subprotocol",
                            "Ask for the subprotocol " KW_LIVE_PROTOCOL ".");
        return;
    }
    if (!origin_is_ours(head, kw_exchange_is_tls(exchange))) {
        kw_metric_add(live->refused, 1);
        kw_exchange_problem(exchange, 403, "bad-origin",
                            "The Origin header must be this server's own.");
        return;
    }
    struct opening *opening = kw_zalloc(sizeof *opening);
    *opening = (struct opening){ live, exchange, kw_lua_call_new(live->service->routes, exchange) };
    if (opening->call != NULL &&
        kw_task_start(live->service->runtime->host, live->open_ref, &limits, push_request, opened,
                      opening, NULL) == KW_OK)
        return;
    if (opening->call != NULL)
        kw_lua_call_free(opening->call);
    kw_free(opening);
    kw_exchange_problem(exchange, 503, "busy", "Too many requests are being served.");
}

/* --- once a second: sessions that ended, readers that do not read, signs of life --- */

static void every_second(struct kw_timer *timer, void *arg)
{
    struct kw_live *live = arg;
    int64_t now_ms = kw_now_ms(), loop_ms = kw_loop_now_ms(live->service->runtime->loop);
    struct kw_blob *beat = NULL;
    (void)timer;
    if (loop_ms - live->beat_ms >= KW_HEARTBEAT_MS) {
        char at[KW_RFC3339_SIZE], text[80];
        live->beat_ms = loop_ms;
        kw_rfc3339(now_ms, at);
        int length = snprintf(text, sizeof text, "{\"op\":\"heartbeat\",\"server_at\":\"%s\"}", at);
        beat = kw_ws_frame_blob(KW_WS_TEXT, kw_str_n(text, (size_t)length));
    }
    for (struct kw_socket *at = live->first; at != NULL; at = at->next) {
        if (at->session.expires_at_ms != KW_NONE && now_ms >= at->session.expires_at_ms) {
            kw_ws_close(at->ws, KW_CLOSE_SESSION_ENDED, "the session has ended");
        } else if (at->slow_since_ms != 0 && loop_ms - at->slow_since_ms >= KW_SLOW_MS) {
            kw_metric_add(live->too_slow, 1);
            kw_ws_close(at->ws, KW_CLOSE_TOO_SLOW, "too slow; connect again");
        } else if (beat != NULL) {
            KW_IGNORE(kw_ws_send_frame(at->ws, beat)); /* full: it is slow, and will be told */
        }
    }
    kw_blob_unref(beat);
}

/* --- ending --- */

size_t kw_live_end_session(struct kw_live *live, struct kw_str session_id)
{
    size_t count = 0;
    for (struct kw_socket *at = live->first; at != NULL; at = at->next) {
        if (kw_str_eqc(session_id, at->session.id)) {
            kw_ws_close(at->ws, KW_CLOSE_SESSION_ENDED, "the session has ended");
            count++;
        }
    }
    return count;
}

size_t kw_live_end_account(struct kw_live *live, struct kw_str account_id)
{
    size_t count = 0;
    for (struct kw_socket *at = live->first; at != NULL; at = at->next) {
        if (kw_str_eqc(account_id, at->session.account_id)) {
            kw_ws_close(at->ws, KW_CLOSE_SESSION_ENDED, "the session has ended");
            count++;
        }
    }
    return count;
}

/* --- life --- */

struct kw_live *kw_live_new(struct kw_service *service)
{
    static const struct kw_push_hooks hooks = { make_frame, send_frame, write_complex, write_feed,
                                                driver_of };
    struct kw_runtime *runtime = service->runtime;
    struct kw_live *live = kw_zalloc(sizeof *live);
    live->service = service;
    live->flush_job.run = flush_now;
    live->tick_most_ms = kw_config_int(runtime->config, "live_tick_ms");
    live->most = (size_t)kw_config_int(runtime->config, "live_clients");
    live->most_of_account = (size_t)kw_config_int(runtime->config, "live_clients_per_account");
    live->open_ref = LUA_NOREF;
    live->tick = kw_timer_new(runtime->loop, on_tick, live);
    live->second = kw_timer_new(runtime->loop, every_second, live);
    live->push_seconds =
        kw_metrics_histogram(runtime->metrics, "kw_live_push_seconds", "",
                             "From the first change to the hand-over of its frames.");
    live->opened = kw_metrics_counter(runtime->metrics, "kw_live_opened_total", "",
                                      "Live sockets that were opened.");
    live->refused = kw_metrics_counter(runtime->metrics, "kw_live_refused_total", "",
                                       "Live sockets that were refused.");
    live->too_slow = kw_metrics_counter(runtime->metrics, "kw_live_too_slow_total", "",
                                        "Live sockets closed because they did not read.");
    live->bad_requests = kw_metrics_counter(runtime->metrics, "kw_live_bad_requests_total", "",
                                            "Messages of clients that were refused.");
    service->push = kw_push_new(service->complex, &hooks, live, runtime->metrics);
    return live;
}

kw_err kw_live_start(struct kw_live *live, char *error, size_t error_size)
{
    live->open_ref = kw_service_function(live->service, "live_open", error, error_size);
    if (live->open_ref == LUA_NOREF)
        return KW_ENOTFOUND;
    live->beat_ms = kw_loop_now_ms(live->service->runtime->loop);
    kw_timer_start(live->second, 1000, 1000);
    return KW_OK;
}

void kw_live_stop(struct kw_live *live)
{
    live->stopped = true;
    kw_turn_job_cancel(&live->flush_job);
    kw_timer_stop(live->tick);
    kw_timer_stop(live->second);
}

void kw_live_free(struct kw_live *live)
{
    if (live == NULL)
        return;
    KW_ASSERT(live->first == NULL);
    kw_turn_job_cancel(&live->flush_job);
    kw_timer_close(live->tick);
    kw_timer_close(live->second);
    kw_push_free(live->service->push);
    kw_free(live);
}
