/* bind_ws.c - `kw.ws` for Lua: WebSocket client links whose recv looks synchronous.
 *
 *     local link, err = ws.connect { url = "wss://host/ocpp/EV-1", protocols = "ocpp1.6" }
 *     local text, why = link:recv(30)
 *
 * A link is one box shared by Lua and the session: the session's end leaves the box with a reason,
 * Lua's end closes the session. Messages wait in a bounded queue; a full queue stops reading. */
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "app/runtime.h"
#include "base/limits.h"
#include "base/mem.h"
#include "serve/ws.h"

#define KW_WS_META "kw.ws.link"
#define KW_WS_LINK_QUEUE 64
#define KW_WS_LINK_HEADERS 16

struct message {
    struct message *next;
    size_t length;
    char text[];
};

enum waiting { WAIT_NONE, WAIT_OPEN, WAIT_MESSAGE };

struct link {
    struct kw_runtime *runtime;
    struct kw_ws *ws; /* NULL: ended */
    struct kw_tls *tls;
    bool in_lua; /* the userdata still points here */
    bool held;   /* its end is being told: Lua may drop the userdata in there */
    bool paused;
    enum waiting waiting;
    struct kw_task_id task;
    struct kw_timer *timeout;
    struct message *first, **last;
    unsigned queued;
    uint16_t close_code;
    char why[128];
};

static void link_release(struct link *link)
{
    if (link->in_lua || link->held || link->ws != NULL)
        return;
    while (link->first != NULL) {
        struct message *message = link->first;
        link->first = message->next;
        kw_free(message);
    }
    kw_timer_close(link->timeout);
    kw_tls_free(link->tls);
    kw_free(link);
}

static int push_message(lua_State *L, void *arg)
{
    struct link *link = arg;
    struct message *message = link->first;
    lua_pushlstring(L, message->text, message->length);
    link->first = message->next;
    if (link->first == NULL)
        link->last = &link->first;
    link->queued--;
    kw_free(message);
    if (link->paused && link->ws != NULL && link->queued < KW_WS_LINK_QUEUE / 2) {
        link->paused = false;
        kw_ws_resume(link->ws);
    }
    return 1;
}

static int push_ended(lua_State *L, void *arg)
{
    struct link *link = arg;
    lua_pushnil(L);
    lua_pushliteral(L, "closed");
    lua_pushstring(L, link->why);
    lua_pushinteger(L, link->close_code);
    return 4;
}

static int push_timeout(lua_State *L, void *arg)
{
    (void)arg;
    return kw_lua_fail(L, "timeout", "no message came in time");
}

static int push_link(lua_State *L, void *arg)
{
    struct link **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = arg;
    (*box)->in_lua = true;
    luaL_setmetatable(L, KW_WS_META);
    return 1;
}

static void wake(struct link *link, int (*push)(lua_State *, void *))
{
    link->waiting = WAIT_NONE;
    kw_timer_stop(link->timeout);
    (void)kw_task_resume(link->runtime->host, link->task, push, link);
}

static void on_open(struct kw_ws *ws, void *arg)
{
    struct link *link = arg;
    (void)ws;
    if (link->waiting == WAIT_OPEN)
        wake(link, push_link);
    else
        kw_ws_close(link->ws, 1000, "nobody waits");
}

static void on_message(struct kw_ws *ws, bool is_text, struct kw_str text, void *arg)
{
    struct link *link = arg;
    (void)is_text;
    struct message *message = kw_try_alloc(sizeof *message + text.len);
    if (message == NULL) {
        kw_ws_close(ws, 1009, "no memory for the message");
        return;
    }
    message->next = NULL;
    message->length = text.len;
    memcpy(message->text, text.ptr, text.len);
    *link->last = message;
    link->last = &message->next;
    link->queued++;
    if (link->queued >= KW_WS_LINK_QUEUE && !link->paused) {
        link->paused = true;
        kw_ws_pause(ws);
    }
    if (link->waiting == WAIT_MESSAGE)
        wake(link, push_message);
}

static void on_close(struct kw_ws *ws, uint16_t code, struct kw_str why, void *arg)
{
    struct link *link = arg;
    (void)ws;
    link->ws = NULL;
    link->close_code = code;
    (void)snprintf(link->why, sizeof link->why, "%.*s", (int)(why.len < 127 ? why.len : 127),
                   why.ptr != NULL ? why.ptr : "");
    link->held = true;
    if (link->waiting != WAIT_NONE)
        wake(link, push_ended);
    link->held = false;
    link_release(link);
}

static void on_timeout(struct kw_timer *timer, void *arg)
{
    struct link *link = arg;
    (void)timer;
    if (link->waiting == WAIT_MESSAGE)
        wake(link, push_timeout);
}

static void wait_cancelled(void *arg)
{
    struct link *link = arg;
    bool opening = link->waiting == WAIT_OPEN;
    link->waiting = WAIT_NONE;
    if (opening && link->ws != NULL)
        kw_ws_abort(link->ws);
}

static const char *field_text(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name); /* stays on the stack: the text lives as long as the call */
    return lua_tostring(L, -1);
}

static void read_headers(lua_State *L, const char **headers)
{
    size_t count = 0;
    lua_getfield(L, 1, "headers");
    if (lua_istable(L, -1)) {
        for (lua_Integer i = 1; count < KW_WS_LINK_HEADERS; i++) {
            lua_rawgeti(L, -1, i);
            const char *header = lua_tostring(L, -1);
            if (header == NULL)
                break;
            headers[count++] = header; /* kept alive by the table */
            lua_pop(L, 1);
        }
    }
    headers[count] = NULL;
}

/* ws.connect{url, protocols?, headers?, ca_file?, insecure?, timeout_s?} -> link | nil, slug, words, code.
 * Suspends. Stack [-0, +1|3|4]; raises on a wrong argument. */
static int l_connect(lua_State *L)
{
    struct kw_runtime *runtime = lua_touserdata(L, lua_upvalueindex(1));
    const char *headers[KW_WS_LINK_HEADERS + 1];
    char error[200] = "";
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_checkstack(L, 12 + KW_WS_LINK_HEADERS, "ws.connect");
    const char *url = field_text(L, "url");
    const char *protocols = field_text(L, "protocols");
    const char *ca_file = field_text(L, "ca_file");
    lua_getfield(L, 1, "insecure");
    bool insecure = lua_toboolean(L, -1);
    lua_getfield(L, 1, "timeout_s");
    lua_Number timeout_s = luaL_optnumber(L, -1, 10);
    read_headers(L, headers);
    luaL_argcheck(L, url != NULL, 1, "url is needed");
    if (!kw_task_can_wait(L))
        return luaL_error(L, "ws.connect: cannot wait here (not inside a task)");
    struct kw_tls *tls = NULL;
    if (strncmp(url, "wss:", 4) == 0) {
        struct kw_tls_options tls_options = { .ca_file = ca_file,
                                              .insecure_skip_verify = insecure };
        if (kw_tls_client_new(&tls_options, &tls, error, sizeof error) != KW_OK)
            return kw_lua_fail(L, "tls", error);
    }
    struct link *link = kw_zalloc(sizeof *link);
    link->runtime = runtime;
    link->tls = tls;
    link->last = &link->first;
    link->timeout = kw_timer_new(runtime->loop, on_timeout, link);
    link->task = kw_task_current(L);
    link->waiting = WAIT_OPEN;
    struct kw_ws_dial_options options = { .url = url,
                                          .protocols = protocols,
                                          .headers = headers,
                                          .tls = tls,
                                          .timeout_ms = (int64_t)(timeout_s * 1000),
                                          .session = { .message_limit_bytes =
                                                           KW_WS_OCPP_MESSAGE_BYTES } };
    static const struct kw_ws_events events = { .on_open = on_open,
                                                .on_message = on_message,
                                                .on_close = on_close };
    if (kw_ws_dial(runtime->loop, &options, &events, link, &link->ws) != KW_OK) {
        link->ws = NULL;
        link_release(link);
        return kw_lua_fail(L, "invalid", "bad url");
    }
    return kw_task_suspend(L, wait_cancelled, link);
}

static struct link *check_link(lua_State *L)
{
    struct link **box = luaL_checkudata(L, 1, KW_WS_META);
    luaL_argcheck(L, *box != NULL, 1, "the link was closed");
    return *box;
}

/* link:recv(timeout_s?) -> text | nil, "timeout" | nil, "closed", why, code. Suspends. [-0, +1|3|4] */
static int l_recv(lua_State *L)
{
    struct link *link = check_link(L);
    lua_Number timeout_s = luaL_optnumber(L, 2, 0);
    if (link->first != NULL)
        return push_message(L, link);
    if (link->ws == NULL)
        return push_ended(L, link);
    luaL_argcheck(L, link->waiting == WAIT_NONE, 1, "another task is waiting for this link");
    if (!kw_task_can_wait(L))
        return luaL_error(L, "link:recv: cannot wait here (not inside a task)");
    link->task = kw_task_current(L);
    link->waiting = WAIT_MESSAGE;
    if (timeout_s > 0)
        kw_timer_start(link->timeout, (int64_t)(timeout_s * 1000 + 1), 0);
    return kw_task_suspend(L, wait_cancelled, link);
}

/* link:send(text) -> true | nil, slug, words. Stack [-0, +1|3]. */
static int l_send(lua_State *L)
{
    struct link *link = check_link(L);
    size_t length;
    const char *text = luaL_checklstring(L, 2, &length);
    kw_err err = link->ws != NULL ? kw_ws_send_text(link->ws, kw_str_n(text, length)) : KW_ECLOSED;
    if (err != KW_OK)
        return kw_lua_fail(L, kw_err_slug(err), link->why);
    lua_pushboolean(L, 1);
    return 1;
}

/* link:open() -> boolean. Stack [-0, +1]. */
static int l_open(lua_State *L)
{
    struct link **box = luaL_checkudata(L, 1, KW_WS_META);
    lua_pushboolean(L, *box != NULL && (*box)->ws != NULL);
    return 1;
}

/* link:close(code?, reason?): closing handshake; link:abort(): drop the socket. Stack [-0, +0]. */
static int l_close(lua_State *L)
{
    struct link *link = check_link(L);
    if (link->ws != NULL)
        kw_ws_close(link->ws, (uint16_t)luaL_optinteger(L, 2, 1000), luaL_optstring(L, 3, ""));
    return 0;
}

static int l_abort(lua_State *L)
{
    struct link *link = check_link(L);
    if (link->ws != NULL)
        kw_ws_abort(link->ws);
    return 0;
}

static int l_collect(lua_State *L)
{
    struct link **box = luaL_checkudata(L, 1, KW_WS_META);
    struct link *link = *box;
    *box = NULL;
    if (link == NULL)
        return 0;
    link->in_lua = false;
    if (link->ws != NULL)
        kw_ws_abort(link->ws);
    link_release(link);
    return 0;
}

void kw_bind_ws(struct kw_runtime *runtime)
{
    static const struct luaL_Reg functions[] = { { "connect", l_connect }, { NULL, NULL } };
    static const struct luaL_Reg methods[] = { { "recv", l_recv },   { "send", l_send },
                                               { "open", l_open },   { "close", l_close },
                                               { "abort", l_abort }, { NULL, NULL } };
    lua_State *L = kw_host_state(runtime->host);
    luaL_newmetatable(L, KW_WS_META);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, l_collect);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    kw_host_module(runtime->host, "kw.ws", functions, runtime);
}
