/* gateway_accept.c - A handshake: who is it, may it, which protocol, and what of its older connection.
 *
 * The order is the safety (reliability.md 1.2): a connection that has not proved who it is never touches
 * the table. A wrong key and an unknown identity get the same bytes. An older connection of the identity
 * is asked by a ping and keeps its place if it answers; only a silent one is replaced. */
#include <stdio.h>
#include <string.h>

#include "app/gateway_internal.h"
#include "base/log.h"
#include "base/mem.h"

#define KW_SECOND_TICK_MS 50
#define KW_PASSWORD_BYTES 256

struct candidate {
    struct candidate *next, **at;
    struct kw_gateway *gateway;
    struct kw_exchange *exchange;
    char cs[KW_STATION_ID_BYTES + 1];
    bool has_cs, has_credentials;
    char credentials[KW_STATION_ID_BYTES + 1 + KW_PASSWORD_BYTES];
    size_t user_bytes, password_at, password_bytes;
    struct kw_task_id task; /* that decides about it */
    /* the verdict */
    int64_t profile, ping_ms;
    const char *protocol;
    /* the wait for an older connection */
    struct kw_timer *timer;
    int64_t old_handle, asked_ms;
};

static void candidate_free(struct candidate *candidate)
{
    *candidate->at = candidate->next;
    if (candidate->next != NULL)
        candidate->next->at = candidate->at;
    kw_timer_close(candidate->timer);
    kw_free(candidate);
}

size_t gateway_no_body(const struct kw_http_head *head, void *arg)
{
    (void)head;
    (void)arg;
    return KW_HTTP_BODY_NONE;
}

/* --- who --- */

/* Last segment of the path, a trailing slash allowed, percent-decoded. Identities that the contract cannot
 * carry (":", "|", control characters, more than 48 bytes) are nobody's. */
static bool identity_of(struct kw_str path, char out[KW_STATION_ID_BYTES + 1])
{
    char text[KW_HTTP_TARGET_BYTES];
    size_t length = 0, begin;
    while (path.len > 0 && path.ptr[path.len - 1] == '/')
        path.len--;
    for (begin = path.len; begin > 0 && path.ptr[begin - 1] != '/';)
        begin--;
    path = kw_str_n(path.ptr + begin, path.len - begin);
    if (path.len == 0 || path.len > sizeof text ||
        kw_percent_decode(path, false, text, &length) != KW_OK || length > KW_STATION_ID_BYTES ||
        length == 0 || !kw_utf8_valid(text, length))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == ':' || text[i] == '|' || (unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    }
    return kw_str_copy(kw_str_n(text, length), out, KW_STATION_ID_BYTES + 1) == KW_OK;
}

/* "Basic base64(user:password)", cut at the first ':'; the password is bytes, not text (ocpp.md 1.2). */
static void credentials_of(struct candidate *candidate, struct kw_str header)
{
    size_t length = 0;
    if (header.len < 6 || !kw_str_ieq(kw_str_n(header.ptr, 6), KW_STR("basic ")))
        return;
    struct kw_str text = kw_str_trim(kw_str_n(header.ptr + 6, header.len - 6));
    if (kw_base64_decode(text, candidate->credentials, sizeof candidate->credentials, &length) !=
        KW_OK)
        return;
    const char *colon = memchr(candidate->credentials, ':', length);
    if (colon == NULL)
        return;
    candidate->has_credentials = true;
    candidate->user_bytes = (size_t)(colon - candidate->credentials);
    candidate->password_at = candidate->user_bytes + 1;
    candidate->password_bytes = length - candidate->password_at;
}

/* The protocol that both speak; "" none offered and one is assumed; NULL: none in common. */
static const char *protocol_of(const struct candidate *candidate)
{
    struct kw_str offer =
        kw_http_header_get(kw_exchange_head(candidate->exchange), "sec-websocket-protocol");
    if (offer.ptr == NULL)
        return kw_config_text(candidate->gateway->runtime->config, "assume_protocol")[0] != 0
                   ? ""
                   : NULL;
    while (offer.len > 0) {
        struct kw_str one = kw_str_trim(kw_str_cut(offer, ',', &offer));
        if (kw_str_eqc(one, "ocpp1.6"))
            return "ocpp1.6";
    }
    return NULL;
}

/* --- answers --- */

/* Wrong key, unknown identity, no credentials: the same bytes for all. */
static void refuse(struct candidate *candidate, int status, int64_t retry_after_s)
{
    struct kw_exchange *exchange = candidate->exchange;
    char seconds[24];
    candidate_free(candidate);
    if (retry_after_s > 0) {
        size_t length = kw_i64_to_text(retry_after_s, seconds);
        kw_exchange_header(exchange, "Retry-After", kw_str_n(seconds, length));
    }
    if (status == 401) {
        kw_exchange_header(exchange, "WWW-Authenticate", KW_STR("Basic realm=\"ocpp\""));
        kw_exchange_respond(exchange, 401, "text/plain", KW_STR("not authorized\n"));
    } else {
        kw_exchange_respond(exchange, status, "text/plain",
                            status == 429 ? KW_STR("too many attempts\n")
                                          : KW_STR("try again later\n"));
    }
}

static void ignore_message(struct kw_ws *ws, bool is_text, struct kw_str message, void *arg)
{
    (void)ws;
    (void)is_text;
    (void)message;
    (void)arg;
}

static void ignore_close(struct kw_ws *ws, uint16_t code, struct kw_str why, void *arg)
{
    (void)ws;
    (void)code;
    (void)why;
    (void)arg;
}

static const struct kw_ws_events deaf_events = { .on_message = ignore_message,
                                                 .on_close = ignore_close };

/* The handshake is completed and the session closed with a reason: that is how OCPP-J tells it. */
static void turn_away(struct candidate *candidate, uint16_t code, const char *reason)
{
    static const struct kw_ws_options options = { .message_limit_bytes = KW_WS_OCPP_MESSAGE_BYTES };
    struct kw_exchange *exchange = candidate->exchange;
    const char *protocol = candidate->protocol;
    candidate_free(candidate);
    struct kw_ws *ws =
        kw_exchange_upgrade(exchange, protocol != NULL && protocol[0] != 0 ? protocol : NULL,
                            &options, &deaf_events, NULL);
    if (ws != NULL)
        kw_ws_close(ws, code, reason);
}

static void enter(struct candidate *candidate)
{
    struct kw_gateway *gateway = candidate->gateway;
    struct kw_exchange *exchange = candidate->exchange;
    const char *protocol = candidate->protocol;
    bool is_tls = kw_exchange_is_tls(exchange);
    int64_t profile = candidate->profile;
    char peer[48];
    struct link *link = gateway_link_new(gateway, candidate->cs);
    if (link == NULL || gateway->stopping) {
        if (link != NULL)
            gateway_link_release(link);
        refuse(candidate, 503, 30);
        return;
    }
    (void)snprintf(peer, sizeof peer, "%s", kw_exchange_peer(exchange));
    const struct kw_ws_options options = { .message_limit_bytes = KW_WS_OCPP_MESSAGE_BYTES,
                                           .ping_interval_ms = candidate->ping_ms };
    candidate_free(candidate);
    struct kw_ws *ws = kw_exchange_upgrade(exchange, protocol[0] != 0 ? protocol : NULL, &options,
                                           &gateway_link_events, link);
    if (ws == NULL)
        gateway_link_release(link);
    else
        gateway_link_enter(link, ws, peer, is_tls, profile);
}

/* --- the second connection of one identity --- */

static int push_rival(lua_State *L, void *arg)
{
    const struct candidate *candidate = arg;
    lua_pushstring(L, candidate->cs);
    lua_pushstring(L, kw_exchange_peer(candidate->exchange));
    return 2;
}

static void keep_old(struct candidate *candidate)
{
    char error[512] = "";
    struct kw_gateway *gateway = candidate->gateway;
    kw_metric_add(gateway->rivals, 1);
    KW_LOG(KW_LOG_WARN, "gateway", "a second connection of a living station was refused",
           KW_LC("station", candidate->cs), KW_LC("peer", kw_exchange_peer(candidate->exchange)));
    if (kw_host_call(gateway->runtime->host, "gateway", "rival", NULL, push_rival, NULL, candidate,
                     error, sizeof error) != KW_OK)
        KW_LOG(KW_LOG_ERROR, "gateway", "the security event was not made", KW_LC("error", error));
    turn_away(candidate, 1008, "another connection of this station is alive");
}

static void second_tick(struct kw_timer *timer, void *arg)
{
    struct candidate *candidate = arg;
    struct kw_gateway *gateway = candidate->gateway;
    (void)timer;
    struct link *now = kw_map_get(gateway->table, kw_str_of(candidate->cs));
    bool alive = now != NULL && (gateway_link_handle(now) != candidate->old_handle ||
                                 kw_ws_last_frame_ms(now->ws) >= candidate->asked_ms);
    bool waited = kw_loop_now_ms(gateway->runtime->loop) - candidate->asked_ms >= KW_SECOND_WAIT_MS;
    if (alive)
        keep_old(candidate);
    else if (now == NULL || waited) /* the old one went by itself, or is silent */
        enter(candidate);
}

static void admit(struct candidate *candidate)
{
    struct kw_gateway *gateway = candidate->gateway;
    struct link *old = kw_map_get(gateway->table, kw_str_of(candidate->cs));
    if (candidate->protocol == NULL) {
        gateway_count(gateway, "no-protocol");
        turn_away(candidate, 1002, "no common subprotocol; offer ocpp1.6");
        return;
    }
    if (old == NULL || kw_config_bool(gateway->runtime->config, "newest_wins")) {
        enter(candidate);
        return;
    }
    candidate->old_handle = gateway_link_handle(old);
    candidate->asked_ms = kw_loop_now_ms(gateway->runtime->loop);
    KW_IGNORE(kw_ws_ping(old->ws)); /* closing already: it is as silent as a dead one */
    candidate->timer = kw_timer_new(gateway->runtime->loop, second_tick, candidate);
    kw_timer_start(candidate->timer, KW_SECOND_TICK_MS, KW_SECOND_TICK_MS);
}

/* --- the verdict --- */

static int push_claim(lua_State *L, void *arg)
{
    const struct candidate *candidate = arg;
    if (candidate->has_cs)
        lua_pushstring(L, candidate->cs);
    else
        lua_pushnil(L);
    lua_pushstring(L, kw_exchange_peer(candidate->exchange));
    lua_pushboolean(L, kw_exchange_is_tls(candidate->exchange));
    if (!candidate->has_credentials)
        return 3;
    lua_pushlstring(L, candidate->credentials, candidate->user_bytes);
    lua_pushlstring(L, candidate->credentials + candidate->password_at, candidate->password_bytes);
    return 5;
}

/* Results: true, profile, ping_ms | false, status, retry_after_s. */
static void decided(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct candidate *candidate = arg;
    int base = lua_gettop(L) - results;
    (void)error;
    memset(candidate->credentials, 0, sizeof candidate->credentials);
    if (err != KW_OK || results < 3 || candidate->gateway->stopping) {
        refuse(candidate, 503, 30);
        return;
    }
    if (!lua_toboolean(L, base + 1)) {
        refuse(candidate, (int)lua_tointeger(L, base + 2), lua_tointeger(L, base + 3));
        return;
    }
    candidate->profile = lua_tointeger(L, base + 2);
    candidate->ping_ms = lua_tointeger(L, base + 3);
    admit(candidate);
}

void gateway_on_request(struct kw_exchange *exchange, void *arg)
{
    static const struct kw_run_limits limits = { 0, 0, 60000 };
    struct kw_gateway *gateway = arg;
    const struct kw_http_head *head = kw_exchange_head(exchange);
    if (!head->upgrade_websocket) {
        gateway_count(gateway, "no-websocket");
        kw_exchange_header(exchange, "Upgrade", KW_STR("websocket"));
        kw_exchange_problem(exchange, 426, "websocket-only",
                            "OCPP-J stations connect here by WebSocket.");
        return;
    }
    struct candidate *candidate = kw_zalloc(sizeof *candidate);
    candidate->gateway = gateway;
    candidate->exchange = exchange;
    candidate->next = gateway->candidates;
    candidate->at = &gateway->candidates;
    if (candidate->next != NULL)
        candidate->next->at = &candidate->next;
    gateway->candidates = candidate;
    candidate->has_cs = identity_of(head->path, candidate->cs);
    credentials_of(candidate, kw_http_header_get(head, "authorization"));
    candidate->protocol = protocol_of(candidate);
    if (kw_task_start(gateway->runtime->host, gateway->hooks[HOOK_AUTHENTICATE], &limits,
                      push_claim, decided, candidate, &candidate->task) != KW_OK)
        refuse(candidate, 503, 30);
}

void gateway_candidates_free(struct kw_gateway *gateway)
{
    struct candidate *next;
    for (struct candidate *at = gateway->candidates; at != NULL; at = next) {
        next = at->next;
        if (at->timer != NULL) /* waits for an older connection */
            refuse(at, 503, 30);
        else /* waits for its verdict: decided() refuses it */
            kw_task_cancel(gateway->runtime->host, at->task);
    }
}
