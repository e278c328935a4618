/* live_request.c - What a client of the live feed may say: subscribe, unsubscribe, pause, resume, ping.
 *
 * A message that makes no sense is answered with an error and counted; the socket stays. A client that
 * floods (KW_REQUESTS_PER_SECOND) is closed with 4429. Whether an account may see a topic, and
 * which subtree of it, Lua says (service.live_subscribe). */
#include <stdio.h>
#include <string.h>

#include "app/live_internal.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#define KW_REQUESTS_PER_SECOND 50

struct request {
    char op[16], topic[24], epoch[64], station_id[KW_STATION_ID_BYTES + 1];
    int64_t id, since_seq; /* KW_NONE: absent */
    struct kw_str filter;  /* raw JSON object, or empty */
};

/* --- reading --- */

static bool take_text(struct kw_json *json, enum kw_json_event event, char *out, size_t size)
{
    return event == KW_JSON_STRING && kw_str_copy(json->text, out, size) == KW_OK;
}

static bool read_since(struct kw_json *json, struct request *request)
{
    enum kw_json_event event;
    while ((event = kw_json_next(json)) == KW_JSON_KEY) {
        bool is_epoch = kw_str_eqc(json->text, "epoch"), is_seq = kw_str_eqc(json->text, "seq");
        event = kw_json_next(json);
        if (is_epoch && event == KW_JSON_STRING) {
            if (!take_text(json, event, request->epoch, sizeof request->epoch))
                request->epoch[0] = 0; /* not one of ours: a snapshot answers it */
        } else if (is_seq && event == KW_JSON_INT) {
            request->since_seq = json->i64;
        } else if (is_epoch || is_seq || kw_json_skip(json, event, NULL) != KW_OK) {
            return false;
        }
    }
    return event == KW_JSON_OBJECT_END;
}

/* The filter is Lua's; only the station of the topic `station` is ours. */
static void read_filter(struct request *request)
{
    struct kw_json json;
    kw_json_init(&json, request->filter);
    (void)kw_json_next(&json);
    while (kw_json_next(&json) == KW_JSON_KEY) {
        bool is_station = kw_str_eqc(json.text, "station_id");
        enum kw_json_event event = kw_json_next(&json);
        if (is_station && event == KW_JSON_STRING)
            (void)take_text(&json, event, request->station_id, sizeof request->station_id);
        else if (kw_json_skip(&json, event, NULL) != KW_OK)
            break;
    }
    kw_json_free(&json);
}

static bool read_field(struct kw_json *json, struct request *request)
{
    char key[16];
    if (kw_str_copy(json->text, key, sizeof key) != KW_OK)
        key[0] = 0;
    enum kw_json_event event = kw_json_next(json);
    if (strcmp(key, "op") == 0)
        return take_text(json, event, request->op, sizeof request->op);
    if (strcmp(key, "topic") == 0)
        return take_text(json, event, request->topic, sizeof request->topic);
    if (strcmp(key, "id") == 0) {
        request->id = event == KW_JSON_INT ? json->i64 : KW_NONE;
        return event == KW_JSON_INT;
    }
    if (strcmp(key, "since") == 0 && event != KW_JSON_NULL)
        return event == KW_JSON_OBJECT && read_since(json, request);
    if (strcmp(key, "filter") == 0 && event != KW_JSON_NULL)
        return event == KW_JSON_OBJECT && kw_json_skip(json, event, &request->filter) == KW_OK;
    return kw_json_skip(json, event, NULL) == KW_OK;
}

static bool read_request(struct kw_str message, struct request *request)
{
    struct kw_json json;
    enum kw_json_event event = KW_JSON_ERROR;
    bool ok = false;
    *request = (struct request){ .id = KW_NONE, .since_seq = KW_NONE };
    kw_json_init(&json, message);
    if (kw_json_next(&json) == KW_JSON_OBJECT) {
        ok = true;
        while (ok && (event = kw_json_next(&json)) == KW_JSON_KEY)
            ok = read_field(&json, request);
        ok = ok && event == KW_JSON_OBJECT_END && kw_json_next(&json) == KW_JSON_END;
    }
    kw_json_free(&json);
    if (ok && request->filter.len > 0)
        read_filter(request);
    return ok;
}

/* --- answering --- */

static void say_error(struct kw_socket *socket, int64_t id, const char *code)
{
    char text[120];
    int length = id == KW_NONE
                     ? snprintf(text, sizeof text, "{\"op\":\"error\",\"code\":\"%s\"}", code)
                     : snprintf(text, sizeof text, "{\"op\":\"error\",\"id\":%lld,\"code\":\"%s\"}",
                                (long long)id, code);
    kw_metric_add(socket->live->bad_requests, 1);
    KW_IGNORE(kw_ws_send_text(socket->ws, kw_str_n(text, (size_t)length))); /* full: slow anyway */
}

/* --- rights --- */

struct question {
    struct kw_socket *socket;
    const struct request *request;
    bool allowed;
    char slug[32], root_id[KW_NAME_BYTES];
};

static int push_question(lua_State *L, void *arg)
{
    const struct question *question = arg;
    struct kw_str filter = question->request->filter;
    char error[120];
    lua_rawgeti(L, LUA_REGISTRYINDEX, question->socket->session.ref);
    lua_pushstring(L, question->request->topic);
    if (filter.len == 0 || kw_lua_push_json(L, filter, error, sizeof error) != KW_OK)
        lua_newtable(L);
    return 3;
}

static void read_answer(lua_State *L, int n, void *arg)
{
    struct question *question = arg;
    int base = lua_gettop(L) - n;
    question->allowed = n >= 1 && lua_toboolean(L, base + 1);
    if (n >= 2 && lua_type(L, base + 2) == LUA_TSTRING)
        (void)snprintf(question->allowed ? question->root_id : question->slug,
                       question->allowed ? sizeof question->root_id : sizeof question->slug, "%s",
                       lua_tostring(L, base + 2));
}

static bool may_subscribe(struct question *question)
{
    char error[512] = "";
    struct kw_host *host = question->socket->live->service->runtime->host;
    if (kw_host_call(host, "service", "live_subscribe", NULL, push_question, read_answer, question,
                     error, sizeof error) != KW_OK) {
        KW_LOG(KW_LOG_ERROR, "live", "service.live_subscribe failed", KW_LC("error", error));
        (void)snprintf(question->slug, sizeof question->slug, "internal");
        return false;
    }
    if (!question->allowed && question->slug[0] == 0)
        (void)snprintf(question->slug, sizeof question->slug, "forbidden");
    return question->allowed;
}

static const char *slug_of(kw_err err)
{
    return err == KW_EEXISTS ? "id-in-use"
           : err == KW_EFULL ? "too-many-subscriptions"
           : err == KW_EBUSY ? "busy"
                             : "bad-request";
}

static void subscribe(struct kw_socket *socket, const struct request *request)
{
    struct kw_service *service = socket->live->service;
    struct question question = { .socket = socket, .request = request };
    struct kw_push_subscribe sub = { .id = request->id,
                                     .station_id = kw_str_of(request->station_id),
                                     .owner = kw_str_of(socket->session.account_id),
                                     .since_epoch = kw_str_of(request->epoch),
                                     .since_seq = request->since_seq };
    if (kw_topic_of(kw_str_of(request->topic), &sub.topic) != KW_OK) {
        say_error(socket, request->id, "unknown-topic");
        return;
    }
    if (!may_subscribe(&question)) {
        say_error(socket, request->id, question.slug);
        return;
    }
    if (question.root_id[0] != 0) {
        sub.root = kw_complex_node(service->complex, kw_str_of(question.root_id));
        if (sub.root == NULL) {
            say_error(socket, request->id, "not-found");
            return;
        }
    }
    kw_err err = kw_push_subscribe(socket->client, &sub);
    if (err != KW_OK)
        say_error(socket, request->id, slug_of(err));
}

static bool floods(struct kw_socket *socket)
{
    int64_t now_ms = kw_loop_now_ms(socket->live->service->runtime->loop);
    if (now_ms - socket->window_ms >= 1000) {
        socket->window_ms = now_ms;
        socket->window_requests = 0;
    }
    return ++socket->window_requests > KW_REQUESTS_PER_SECOND;
}

void kw_live_request(struct kw_socket *socket, struct kw_str message)
{
    struct request request;
    if (floods(socket)) {
        kw_ws_close(socket->ws, KW_CLOSE_TOO_MANY, "too many requests");
    } else if (!read_request(message, &request)) {
        say_error(socket, KW_NONE, "bad-json");
    } else if (strcmp(request.op, "ping") == 0) {
        KW_IGNORE(kw_ws_send_text(socket->ws, KW_STR("{\"op\":\"pong\"}")));
    } else if (strcmp(request.op, "pause") == 0) {
        kw_push_client_pause(socket->client);
    } else if (strcmp(request.op, "resume") == 0) {
        kw_push_client_resume(socket->client);
    } else if (strcmp(request.op, "subscribe") == 0 && request.id != KW_NONE) {
        subscribe(socket, &request);
    } else if (strcmp(request.op, "unsubscribe") == 0 && request.id != KW_NONE) {
        if (kw_push_unsubscribe(socket->client, request.id) != KW_OK)
            say_error(socket, request.id, "unknown-id");
    } else {
        say_error(socket, request.id, "bad-request");
    }
}
