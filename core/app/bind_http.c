/* bind_http.c - `kw.http` for Lua: outbound requests that look synchronous.
 *
 *     local reply, err, words = http.request { url = "https://erp.local/x", method = "POST", json = t }
 *     -- reply = { status =, body =, content_type =, headers = raw block, json = decoded or nil }
 *
 * A response with any status is a reply; only transport failures are nil. TLS is verified. Mail goes the
 * same way: http.mail{...}, for lua/kw/mail.lua, which makes the message. */
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "app/runtime.h"
#include "base/mem.h"

#define KW_HTTP_LUA_HEADERS 24
#define KW_HTTP_LUA_BODY_BYTES (8u * 1024 * 1024)

struct http_wait {
    struct kw_runtime *runtime;
    struct kw_task_id task;
    struct kw_http_call *call;
};

static int push_reply(lua_State *L, void *arg)
{
    const struct kw_http_reply *reply = arg;
    char error[160];
    if (reply->err != KW_OK)
        return kw_lua_fail(L, kw_err_slug(reply->err), reply->error);
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, reply->status);
    lua_setfield(L, -2, "status");
    lua_pushlstring(L, reply->body.ptr != NULL ? reply->body.ptr : "", reply->body.len);
    lua_setfield(L, -2, "body");
    lua_pushlstring(L, reply->headers.ptr != NULL ? reply->headers.ptr : "", reply->headers.len);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, reply->content_type.ptr != NULL ? reply->content_type.ptr : "",
                    reply->content_type.len);
    lua_setfield(L, -2, "content_type");
    struct kw_str type = reply->content_type;
    if (type.ptr != NULL &&
        (kw_str_starts(type, KW_STR("application/json")) ||
         kw_str_starts(type, KW_STR("application/problem+json"))) &&
        kw_lua_push_json(L, reply->body, error, sizeof error) == KW_OK)
        lua_setfield(L, -2, "json");
    return 1;
}

static void on_reply(const struct kw_http_reply *reply, void *arg)
{
    struct http_wait *wait = arg;
    struct kw_host *host = wait->runtime->host;
    struct kw_task_id task = wait->task;
    kw_free(wait);
    (void)kw_task_resume(host, task, push_reply, (void *)(uintptr_t)reply);
}

static void wait_cancelled(void *arg)
{
    struct http_wait *wait = arg;
    kw_http_call_cancel(wait->call);
    kw_free(wait);
}

static void read_headers(lua_State *L, const char **headers, bool json)
{
    size_t count = 0;
    lua_getfield(L, 1, "headers");
    if (lua_istable(L, -1)) {
        for (lua_Integer i = 1; count < KW_HTTP_LUA_HEADERS - 1; i++) {
            lua_rawgeti(L, -1, i);
            const char *header = lua_tostring(L, -1);
            if (header == NULL)
                break;
            headers[count++] = header; /* kept alive by the table */
            lua_pop(L, 1);
        }
    }
    if (json)
        headers[count++] = "Content-Type: application/json";
    headers[count] = NULL;
}

/* http.request{url, method?, headers? ("Name: value" list), body? | json?, timeout_s?, ca_file?, limit_bytes?}
 * -> reply | nil, slug, words. Suspends. Stack [-0, +1|3]; raises on a wrong argument. */
static int l_request(lua_State *L)
{
    struct kw_runtime *runtime = lua_touserdata(L, lua_upvalueindex(1));
    const char *headers[KW_HTTP_LUA_HEADERS + 1];
    char error[200] = "";
    size_t body_length = 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 16 + KW_HTTP_LUA_HEADERS, "http.request");
    lua_getfield(L, 1, "url");
    const char *url = luaL_checkstring(L, -1);
    lua_getfield(L, 1, "method");
    const char *method = luaL_optstring(L, -1, "GET");
    lua_getfield(L, 1, "ca_file");
    const char *ca_file = lua_tostring(L, -1);
    lua_getfield(L, 1, "timeout_s");
    lua_Number timeout_s = luaL_optnumber(L, -1, 10);
    lua_getfield(L, 1, "limit_bytes");
    lua_Integer limit = luaL_optinteger(L, -1, 0);
    lua_getfield(L, 1, "body");
    const char *body = luaL_optlstring(L, -1, NULL, &body_length);
    int has_json = lua_getfield(L, 1, "json") != LUA_TNIL;
    int json_index = lua_gettop(L);
    read_headers(L, headers, has_json);
    if (!kw_task_can_wait(L))
        return luaL_error(L, "http.request: cannot wait here (not inside a task)");
    struct kw_buf text;
    kw_buf_init(&text, KW_HTTP_LUA_BODY_BYTES);
    if (has_json && kw_lua_write_json(L, json_index, &text, error, sizeof error) != KW_OK) {
        kw_buf_free(&text);
        return luaL_error(L, "http.request: json: %s", error);
    }
    struct kw_http_call_options options = { .method = method,
                                            .url = url,
                                            .headers = headers,
                                            .body = has_json ? kw_buf_str(&text)
                                                             : kw_str_n(body, body_length),
                                            .timeout_ms = (int64_t)(timeout_s * 1000),
                                            .response_limit_bytes = (size_t)limit,
                                            .ca_file = ca_file };
    struct http_wait *wait = kw_zalloc(sizeof *wait);
    wait->runtime = runtime;
    wait->task = kw_task_current(L);
    kw_err err = kw_http_call(runtime->http, &options, on_reply, wait, &wait->call);
    kw_buf_free(&text);
    if (err != KW_OK) {
        kw_free(wait);
        return kw_lua_fail(L, kw_err_slug(err), kw_err_text(err));
    }
    return kw_task_suspend(L, wait_cancelled, wait);
}

/* --- mail --- */

struct mail_wait {
    struct kw_runtime *runtime;
    struct kw_task_id task;
    bool cancelled; /* nobody waits; the mail is sent all the same */
};

struct mail_answer {
    kw_err err;
    const char *words;
};

static int push_sent(lua_State *L, void *arg)
{
    const struct mail_answer *answer = arg;
    if (answer->err != KW_OK)
        return kw_lua_fail(L, kw_err_slug(answer->err), answer->words);
    lua_pushboolean(L, 1);
    return 1;
}

static void on_sent(kw_err err, const char *words, void *arg)
{
    struct mail_wait *wait = arg;
    struct mail_answer answer = { err, words };
    if (!wait->cancelled)
        (void)kw_task_resume(wait->runtime->host, wait->task, push_sent, &answer);
    kw_free(wait);
}

static void mail_cancelled(void *arg)
{
    ((struct mail_wait *)arg)->cancelled = true;
}

/* http.mail{url, from, to, message (RFC 5322, CRLF), user?, password?, ca_file?, plain_ok?, timeout_s?} ->
 * true | nil, slug, words.
 * Without plain_ok the server must speak TLS. Suspends. Stack [-0, +1|3]; raises on a wrong argument. */
static int l_mail(lua_State *L)
{
    struct kw_runtime *runtime = lua_touserdata(L, lua_upvalueindex(1));
    size_t length;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "url");
    const char *url = luaL_checkstring(L, -1);
    lua_getfield(L, 1, "from");
    const char *from = luaL_checkstring(L, -1);
    lua_getfield(L, 1, "to");
    const char *const to[] = { luaL_checkstring(L, -1), NULL };
    lua_getfield(L, 1, "message");
    const char *message = luaL_checklstring(L, -1, &length);
    lua_getfield(L, 1, "user");
    const char *user = luaL_optstring(L, -1, NULL);
    lua_getfield(L, 1, "password");
    const char *password = luaL_optstring(L, -1, NULL);
    lua_getfield(L, 1, "ca_file");
    const char *ca_file = luaL_optstring(L, -1, NULL);
    lua_getfield(L, 1, "plain_ok");
    bool plain_ok = lua_toboolean(L, -1);
    lua_getfield(L, 1, "timeout_s");
    lua_Number timeout_s = luaL_optnumber(L, -1, 0);
    if (!kw_task_can_wait(L))
        return luaL_error(L, "http.mail: cannot wait here (not inside a task)");
    struct kw_mail_options options = { .url = url,
                                       .user = user,
                                       .password = user != NULL ? password : NULL,
                                       .ca_file = ca_file,
                                       .plain_ok = plain_ok,
                                       .from = from,
                                       .to = to,
                                       .message = kw_str_n(message, length),
                                       .timeout_ms = (int64_t)(timeout_s * 1000) };
    struct mail_wait *wait = kw_zalloc(sizeof *wait);
    wait->runtime = runtime;
    wait->task = kw_task_current(L);
    kw_err err = kw_mail_send(runtime->http, &options, on_sent, wait);
    if (err != KW_OK) {
        kw_free(wait);
        return kw_lua_fail(L, kw_err_slug(err), kw_err_text(err));
    }
    return kw_task_suspend(L, mail_cancelled, wait);
}

void kw_bind_http(struct kw_runtime *runtime)
{
    static const struct luaL_Reg functions[] = { { "request", l_request },
                                                 { "mail", l_mail },
                                                 { NULL, NULL } };
    kw_host_module(runtime->host, "kw.http", functions, runtime);
}
