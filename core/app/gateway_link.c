/* gateway_link.c - One station's connection: frames in arrival order, answers in the same order.
 *
 * One call of the station is handled at a time (a handler may wait for the disk or for Redis); what comes
 * meanwhile waits in a bounded queue, and beyond the bound the socket is not read. Answers to our calls
 * never queue: they go straight to whoever waits. A message that was read is handled even if the socket
 * closes meanwhile: some stations never repeat it. */
#include <stdio.h>
#include <string.h>

#include "app/gateway_internal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define KW_ANSWER_BYTES (2u * 1024 * 1024)

/* No limit of its own: Redis has its time-out, and a record that waits for the disk must be waited for. */
static const struct kw_run_limits handler_limits = { 0, 0, 0 };

/* Messages that are never answered with CALLERROR: the station would take it as "not processed" and some
 * never send it again (ocpp.md 0.2). */
static bool is_account(struct kw_str action)
{
    static const char *const accounts[] = { "StartTransaction", "StopTransaction", "MeterValues" };
    for (size_t i = 0; i < KW_COUNT_OF(accounts); i++) {
        if (kw_str_eqc(action, accounts[i]))
            return true;
    }
    return false;
}

/* --- slots: what Lua holds --- */

struct link *gateway_link_new(struct kw_gateway *gateway, const char *cs)
{
    uint32_t slot = 0;
    while (slot < gateway->slot_count && gateway->slots[slot] != NULL &&
           gateway->slots[slot]->gateway != NULL)
        slot++;
    if (slot == KW_GATEWAY_LINKS_MAX)
        return NULL;
    if (slot == gateway->slot_count) {
        gateway->slots = kw_realloc(gateway->slots, (slot + 1) * sizeof(struct link *));
        gateway->slots[slot] = kw_zalloc(sizeof(struct link));
        gateway->slot_count++;
    }
    struct link *link = gateway->slots[slot];
    KW_ASSERT(link != NULL);
    *link = (struct link){ .gateway = gateway, .slot = slot, .round = link->round + 1 };
    link->last = &link->first;
    link->last_call = &link->calls;
    (void)snprintf(link->cs, sizeof link->cs, "%s", cs);
    return link;
}

int64_t gateway_link_handle(const struct link *link)
{
    return (int64_t)((uint64_t)link->round << 32 | link->slot);
}

struct link *gateway_link_by_handle(const struct kw_gateway *gateway, int64_t handle)
{
    uint32_t slot = (uint32_t)((uint64_t)handle & UINT32_MAX);
    struct link *link = slot < gateway->slot_count ? gateway->slots[slot] : NULL;
    return link != NULL && link->gateway != NULL && gateway_link_handle(link) == handle ? link
                                                                                        : NULL;
}

void gateway_link_release(struct link *link)
{
    if (link->ws != NULL || link->busy || link->pumping || link->ending || link->first != NULL ||
        link->calls != NULL)
        return;
    kw_timer_close(link->call_timer);
    link->call_timer = NULL;
    link->gateway = NULL; /* the slot is free; its round goes on */
}

/* --- out --- */

kw_err gateway_link_send(struct link *link, const struct kw_buf *frame)
{
    if (link->ws == NULL)
        return KW_ECLOSED;
    kw_err err = kw_ws_send_text(link->ws, kw_buf_str(frame));
    if (err == KW_OK) {
        kw_metric_add(link->gateway->frames_out, 1);
    } else if (err == KW_EFULL) {
        gateway_count(link->gateway, "outbox-full");
        KW_LOG(KW_LOG_WARN, "gateway", "station does not read; dropped",
               KW_LC("station", link->cs));
        kw_ws_abort(link->ws);
    }
    return err;
}

static void send_error(struct link *link, struct kw_str id, const char *code, const char *text)
{
    struct kw_buf frame;
    kw_buf_init(&frame, 4096);
    if (kw_ocpp_error(&frame, id, code, text) == KW_OK)
        KW_IGNORE(
            gateway_link_send(link, &frame)); /* a lost answer is the station's to ask again */
    kw_buf_free(&frame);
}

/* --- a message --- */

struct message {
    const struct kw_ocpp_frame *frame;
    int64_t received_ms;
};

static void pump(struct link *link);

static int push_message(lua_State *L, void *arg)
{
    char error[160];
    struct link *link = arg;
    const struct message *message = link->given;
    lua_pushinteger(L, gateway_link_handle(link));
    lua_pushstring(L, link->cs);
    lua_pushlstring(L, message->frame->action.ptr, message->frame->action.len);
    if (kw_lua_push_json(L, message->frame->payload, error, sizeof error) != KW_OK)
        lua_newtable(L); /* nested too deeply: handled as empty */
    lua_pushinteger(L, message->received_ms);
    lua_pushstring(L, link->message_id);
    return 6;
}

/* Results of the handler: "result", json | "error", code, description | nil: no answer. */
static void answer(struct link *link, lua_State *L, int results)
{
    int base = lua_gettop(L) - results;
    const char *kind = results >= 2 ? lua_tostring(L, base + 1) : NULL;
    struct kw_str id = kw_str_of(link->message_id);
    if (kind == NULL) {
        kw_metric_add(link->gateway->no_answer, 1);
        return;
    }
    size_t length;
    const char *text = lua_tolstring(L, base + 2, &length);
    if (strcmp(kind, "error") == 0) {
        const char *description = results >= 3 ? lua_tostring(L, base + 3) : NULL;
        send_error(link, id, text != NULL ? text : "InternalError",
                   description != NULL ? description : "");
        return;
    }
    struct kw_buf frame;
    kw_buf_init(&frame, KW_ANSWER_BYTES);
    if (text != NULL && kw_ocpp_result(&frame, id, kw_str_n(text, length)) == KW_OK)
        KW_IGNORE(gateway_link_send(link, &frame));
    kw_buf_free(&frame);
}

static void message_done(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct link *link = arg;
    (void)error; /* logged by the host */
    kw_metric_observe_us(link->gateway->answer_seconds, kw_mono_us() - link->began_us);
    if (err == KW_OK)
        answer(link, L, results);
    else if (err != KW_ECANCELLED && !link->is_account)
        send_error(link, kw_str_of(link->message_id), "InternalError",
                   "The message was not handled.");
    link->busy = false;
    pump(link);
}

static void handle(struct link *link, const struct kw_ocpp_frame *frame, int64_t received_ms)
{
    struct message message = { frame, received_ms };
    KW_IGNORE(kw_str_copy(frame->id, link->message_id, sizeof link->message_id)); /* fits: parser */
    link->is_account = is_account(frame->action);
    link->busy = true;
    link->began_us = kw_mono_us();
    link->given = &message;
    if (kw_task_start(link->gateway->runtime->host, link->gateway->hooks[HOOK_MESSAGE],
                      &handler_limits, push_message, message_done, link, NULL) != KW_OK) {
        link->busy = false; /* out of tasks, or ending: the station asks again */
        gateway_count(link->gateway, "no-task");
    }
}

/* A message that cannot be understood: counted; after a few the connection ends (ocpp.md 1.1). */
static void fault(struct link *link, const char *slug, const char *text, size_t at)
{
    struct kw_gateway *gateway = link->gateway;
    gateway_count(gateway, slug);
    link->faults++;
    KW_LOG(KW_LOG_WARN, "gateway", "malformed message", KW_LC("station", link->cs),
           KW_LC("fault", slug), KW_LC("text", text), KW_LI("at", at),
           KW_LI("count", link->faults));
    if (link->faults >= KW_LINK_FAULTS_MAX && link->ws != NULL) {
        gateway_count(gateway, "closed-for-faults");
        kw_ws_close(link->ws, 1002, "too many malformed messages");
    }
}

/* One whole message; CALLs only when nothing is being handled. */
static void take(struct link *link, struct kw_str text, int64_t received_ms)
{
    struct kw_ocpp_frame frame;
    struct kw_ocpp_fault why;
    kw_err err = kw_ocpp_frame_parse(text, &frame, &why);
    if (err == KW_EUNSUPPORTED) {
        gateway_count(link->gateway, "unknown-type"); /* 1.6: ignored */
        return;
    }
    if (err == KW_OK && frame.kind == KW_OCPP_CALL) {
        handle(link, &frame, received_ms);
        return;
    }
    if (err == KW_OK) {
        gateway_call_answered(link, &frame);
        return;
    }
    fault(link, why.slug, why.text, why.at);
    if (frame.kind != KW_OCPP_CALL || !why.has_id || frame.action.len == 0 ||
        strcmp(why.slug, "bad-payload") != 0)
        return;
    if (is_account(frame.action)) {
        frame.payload = KW_STR("{}");
        handle(link, &frame, received_ms);
        return;
    }
    send_error(link, frame.id, "FormationViolation", why.text);
}

/* --- the queue --- */

static void enqueue(struct link *link, struct kw_str text, int64_t received_ms)
{
    struct pending *pending = kw_try_alloc(sizeof *pending + text.len);
    if (pending == NULL) {
        kw_ws_abort(link->ws);
        return;
    }
    pending->next = NULL;
    pending->received_ms = received_ms;
    pending->length = text.len;
    memcpy(pending->text, text.ptr, text.len);
    *link->last = pending;
    link->last = &pending->next;
    link->queued++;
    link->queued_bytes += text.len;
    if (!link->paused &&
        (link->queued >= KW_LINK_QUEUE_MESSAGES || link->queued_bytes >= KW_LINK_QUEUE_BYTES)) {
        link->paused = true;
        kw_metric_add(link->gateway->queue_paused, 1);
        kw_ws_pause(link->ws);
    }
}

static void pump(struct link *link)
{
    if (link->pumping)
        return;
    link->pumping = true;
    while (!link->busy && link->first != NULL) {
        struct pending *pending = link->first;
        link->first = pending->next;
        if (link->first == NULL)
            link->last = &link->first;
        link->queued--;
        link->queued_bytes -= pending->length;
        take(link, kw_str_n(pending->text, pending->length), pending->received_ms);
        kw_free(pending);
    }
    if (link->paused && link->queued <= KW_LINK_QUEUE_MESSAGES / 2 &&
        link->queued_bytes <= KW_LINK_QUEUE_BYTES / 2) {
        link->paused = false;
        if (link->ws != NULL)
            kw_ws_resume(link->ws);
    }
    link->pumping = false;
    gateway_link_release(link);
}

/* Is it an answer to a call of ours? Looks at the type number only. */
static bool is_answer(struct kw_str text)
{
    size_t at = 0;
    while (at < text.len && strchr(" \t\r\n", text.ptr[at]) != NULL)
        at++;
    if (at == text.len || text.ptr[at++] != '[')
        return false;
    while (at < text.len && strchr(" \t\r\n", text.ptr[at]) != NULL)
        at++;
    return at < text.len && (text.ptr[at] == '3' || text.ptr[at] == '4');
}

static void on_message(struct kw_ws *ws, bool is_text, struct kw_str message, void *arg)
{
    struct link *link = arg;
    (void)ws;
    kw_metric_add(link->gateway->frames_in, 1);
    if (!is_text) {
        fault(link, "binary", "OCPP-J messages are text", 0);
    } else if (is_answer(message)) {
        take(link, message, kw_now_ms());
    } else if (link->busy || link->first != NULL) {
        enqueue(link, message, kw_now_ms());
    } else {
        link->pumping = true; /* a handler that ends at once must not free the link under us */
        take(link, message, kw_now_ms());
        link->pumping = false;
    }
}

/* --- life --- */

static void told(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct link *link = arg;
    (void)err;
    (void)L;
    (void)results;
    (void)error;
    link->ending = false;
    gateway_link_release(link);
}

struct farewell {
    uint16_t code;
    struct kw_str why;
    bool replaced;
};

static int push_farewell(lua_State *L, void *arg)
{
    const struct link *link = arg;
    const struct farewell *farewell = link->given;
    lua_pushinteger(L, gateway_link_handle(link));
    lua_pushstring(L, link->cs);
    lua_pushinteger(L, farewell->code);
    lua_pushlstring(L, farewell->why.ptr != NULL ? farewell->why.ptr : "", farewell->why.len);
    lua_pushboolean(L, farewell->replaced);
    return 5;
}

/* The link is no longer its station's connection: Lua hears it once. */
static void leave(struct link *link, uint16_t code, struct kw_str why, bool replaced)
{
    struct kw_gateway *gateway = link->gateway;
    struct farewell farewell = { code, why, replaced };
    if (!link->current)
        return;
    link->current = false;
    if (kw_map_get(gateway->table, kw_str_of(link->cs)) == link)
        (void)kw_map_remove(gateway->table, kw_str_of(link->cs));
    kw_metric_set(gateway->connections, (int64_t)kw_map_count(gateway->table));
    gateway_calls_closed(link);
    link->ending = true;
    link->given = &farewell;
    if (kw_task_start(gateway->runtime->host, gateway->hooks[HOOK_DISCONNECTED], &handler_limits,
                      push_farewell, told, link, NULL) != KW_OK)
        link->ending = false;
}

static void on_close(struct kw_ws *ws, uint16_t code, struct kw_str why, void *arg)
{
    struct link *link = arg;
    (void)ws;
    link->ws = NULL;
    link->pumping = true; /* alive until the end of this function */
    leave(link, code, why, false);
    link->pumping = false;
    pump(link);
}

const struct kw_ws_events gateway_link_events = { .on_message = on_message, .on_close = on_close };

struct welcome {
    const char *peer;
    bool is_tls;
    int64_t profile;
};

static int push_welcome(lua_State *L, void *arg)
{
    const struct link *link = arg;
    const struct welcome *welcome = link->given;
    lua_pushinteger(L, gateway_link_handle(link));
    lua_pushstring(L, link->cs);
    lua_pushstring(L, welcome->peer);
    lua_pushboolean(L, welcome->is_tls);
    lua_pushinteger(L, welcome->profile);
    return 5;
}

void gateway_link_enter(struct link *link, struct kw_ws *ws, const char *peer, bool is_tls,
                        int64_t profile)
{
    struct kw_gateway *gateway = link->gateway;
    struct link *old = kw_map_get(gateway->table, kw_str_of(link->cs));
    if (old != NULL) {
        kw_metric_add(gateway->replaced, 1);
        old->pumping = true;
        leave(old, 1008, KW_STR("replaced by a newer connection"), true);
        old->pumping = false;
        kw_ws_close(old->ws, 1008, "replaced by a newer connection");
    }
    link->ws = ws;
    link->current = true;
    (void)kw_map_put(gateway->table, kw_str_of(link->cs), link);
    kw_metric_set(gateway->connections, (int64_t)kw_map_count(gateway->table));
    struct welcome welcome = { peer, is_tls, profile };
    link->ending = true;
    link->given = &welcome;
    if (kw_task_start(gateway->runtime->host, gateway->hooks[HOOK_CONNECTED], &handler_limits,
                      push_welcome, told, link, NULL) != KW_OK)
        link->ending = false;
}
