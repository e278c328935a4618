/* lua_routes.c - From an exchange to a Lua task and back to an answer. */
#include "app/lua_routes.h"

#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/cookie.h"
#include "proto/http_route.h"

#define KW_ANSWER_BYTES (32u * 1024 * 1024)
#define KW_ANSWER_KEEP_BYTES 65536 /* of the buffer in which answers are written */
#define KW_QUERY_PAIRS 64
#define KW_ROUTE_BODY_MAX (16u * 1024 * 1024)

struct route {
    struct route *next;
    struct kw_lua_routes *owner;
    int function_ref;
    size_t body_max;
};

struct kw_lua_call {
    struct kw_lua_routes *owner;
    struct kw_exchange *exchange; /* NULL: free */
    struct kw_route_match match;
    struct kw_task_id task;
    int64_t began_us;
    uint32_t slot, generation; /* what Lua holds instead of a pointer */
    struct kw_lua_call *next_free;
};

#define KW_CALLS_MAX 16384

struct kw_lua_routes {
    struct kw_runtime *runtime;
    struct kw_router *router;
    struct route *routes;
    struct kw_lua_call **calls; /* by slot; pooled, freed at the end */
    uint32_t call_count;
    struct kw_lua_call *free_calls;
    int class_ref;      /* metatable of requests */
    struct kw_buf text; /* the answer being written, reused */
    struct kw_metric *seconds, *failed;
};

static kw_err method_of(struct kw_str name, enum kw_http_method *out)
{
    for (int method = KW_HTTP_GET; method <= KW_HTTP_OPTIONS; method++) {
        if (kw_str_eqc(name, kw_http_method_name((enum kw_http_method)method))) {
            *out = (enum kw_http_method)method;
            return KW_OK;
        }
    }
    return KW_ENOTFOUND;
}

/* routes.add(method, pattern, options, handler). Stack [-0, +0]; raises on a bad or repeated route. */
static int l_add(lua_State *L)
{
    struct kw_lua_routes *routes = lua_touserdata(L, lua_upvalueindex(1));
    enum kw_http_method method;
    const char *name = luaL_checkstring(L, 1);
    const char *pattern = luaL_checkstring(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    luaL_checktype(L, 4, LUA_TFUNCTION);
    if (method_of(kw_str_of(name), &method) != KW_OK)
        return luaL_error(L, "routes.add: unknown method %s", name);
    lua_getfield(L, 3, "body_max");
    lua_Integer body_max = luaL_optinteger(L, -1, KW_HTTP_BODY_BYTES);
    luaL_argcheck(L, body_max >= 0 && body_max <= KW_ROUTE_BODY_MAX, 3, "body_max out of range");
    lua_pushvalue(L, 4);
    int ref = kw_host_ref(routes->runtime->host, L);
    struct route *route = kw_zalloc(sizeof *route);
    *route = (struct route){ routes->routes, routes, ref, (size_t)body_max };
    kw_err err = kw_router_add(routes->router, method, pattern, route);
    if (err != KW_OK) {
        kw_free(route);
        return luaL_error(L, "routes.add: %s %s: %s", name, pattern, kw_err_text(err));
    }
    routes->routes = route;
    return 0;
}

struct kw_lua_call *kw_lua_call_new(struct kw_lua_routes *routes, struct kw_exchange *exchange)
{
    struct kw_lua_call *call = routes->free_calls;
    if (call != NULL) {
        routes->free_calls = call->next_free;
    } else if (routes->call_count < KW_CALLS_MAX) {
        routes->calls =
            kw_realloc(routes->calls, (routes->call_count + 1) * sizeof(struct kw_lua_call *));
        call = kw_zalloc(sizeof *call);
        call->owner = routes;
        call->slot = routes->call_count;
        routes->calls[routes->call_count++] = call;
    } else {
        return NULL;
    }
    call->exchange = exchange;
    call->generation++;
    call->match.param_count = 0;
    call->task = (struct kw_task_id){ UINT32_MAX, 0 }; /* nobody's */
    call->began_us = kw_mono_us();
    return call;
}

void kw_lua_call_free(struct kw_lua_call *call)
{
    call->exchange = NULL;
    call->next_free = call->owner->free_calls;
    call->owner->free_calls = call;
}

/* The call behind req (field "call" = slot and generation); raises once it is answered. */
static const struct kw_lua_call *check_call(lua_State *L)
{
    const struct kw_lua_routes *routes = lua_touserdata(L, lua_upvalueindex(1));
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushliteral(L, "call");
    lua_rawget(L, 1); /* lua_getfield() would come here again */
    uint64_t handle = (uint64_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    uint32_t slot = (uint32_t)(handle & UINT32_MAX), generation = (uint32_t)(handle >> 32);
    if (slot >= routes->call_count || routes->calls[slot]->generation != generation ||
        routes->calls[slot]->exchange == NULL)
        luaL_error(L, "the request has been answered");
    return routes->calls[slot];
}

static int push_slice(lua_State *L, struct kw_str value)
{
    if (value.ptr == NULL)
        lua_pushnil(L);
    else
        lua_pushlstring(L, value.ptr, value.len);
    return 1;
}

/* req:header(name) -> value | nil. Stack [-0, +1]; raises after the answer. */
static int l_header(lua_State *L)
{
    const struct kw_lua_call *call = check_call(L);
    return push_slice(L,
                      kw_http_header_get(kw_exchange_head(call->exchange), luaL_checkstring(L, 2)));
}

/* req:cookie(name) -> value | nil. Stack [-0, +1]; raises after the answer. */
static int l_cookie(lua_State *L)
{
    const struct kw_lua_call *call = check_call(L);
    return push_slice(L, kw_cookie_get(kw_exchange_head(call->exchange), luaL_checkstring(L, 2)));
}

static void make_request_class(struct kw_lua_routes *routes);

struct kw_lua_routes *kw_lua_routes_new(struct kw_runtime *runtime, const char *module_name)
{
    static const struct luaL_Reg functions[] = { { "add", l_add }, { NULL, NULL } };
    struct kw_lua_routes *routes = kw_zalloc(sizeof *routes);
    routes->runtime = runtime;
    kw_buf_init(&routes->text, KW_ANSWER_BYTES);
    routes->router = kw_router_new();
    routes->seconds =
        kw_metrics_histogram(runtime->metrics, "kw_api_seconds", "", "Time of an API request.");
    routes->failed = kw_metrics_counter(runtime->metrics, "kw_api_failures_total", "",
                                        "API handlers that ended with an error.");
    make_request_class(routes);
    kw_host_module(runtime->host, module_name, functions, routes);
    return routes;
}

void kw_lua_routes_free(struct kw_lua_routes *routes)
{
    if (routes == NULL)
        return;
    while (routes->routes != NULL) {
        struct route *route = routes->routes;
        routes->routes = route->next;
        kw_free(route);
    }
    for (uint32_t i = 0; i < routes->call_count; i++)
        kw_free(routes->calls[i]);
    kw_free(routes->calls);
    kw_buf_free(&routes->text);
    kw_router_free(routes->router);
    kw_free(routes);
}

size_t kw_lua_routes_body_limit(const struct kw_lua_routes *routes, const struct kw_http_head *head)
{
    struct kw_route_match match;
    if (kw_router_find(routes->router, head->method, head->path, &match) != KW_OK)
        return 0;
    const struct route *route = match.handler;
    return route->body_max == 0 ? KW_HTTP_BODY_NONE : route->body_max;
}

static bool push_decoded(lua_State *L, struct kw_str text)
{
    char out[KW_HTTP_TARGET_BYTES];
    size_t length = 0;
    if (text.len > sizeof out || kw_percent_decode(text, true, out, &length) != KW_OK ||
        !kw_utf8_valid(out, length))
        return false;
    lua_pushlstring(L, out, length);
    return true;
}

/* --- the fields of a request, each made when it is first read --- */

/* query = {{name, value}, ...} in the order sent; a bad escape makes query_error true. Pushes the one
 * that was asked for; both are kept in the request. */
static void push_query(lua_State *L, struct kw_str query, bool want_error)
{
    lua_Integer count = 0;
    bool bad = false;
    lua_newtable(L);
    while (query.len > 0 && !bad) {
        struct kw_str rest, value, name = kw_str_cut(query, '&', &rest);
        query = rest;
        if (name.len == 0)
            continue;
        name = kw_str_cut(name, '=', &value);
        int top = lua_gettop(L);
        lua_createtable(L, 2, 0);
        bad = count >= KW_QUERY_PAIRS || !push_decoded(L, name);
        if (!bad) {
            lua_rawseti(L, top + 1, 1);
            bad = !push_decoded(L, value);
        }
        if (!bad) {
            lua_rawseti(L, top + 1, 2);
            lua_rawseti(L, top, ++count);
        }
        lua_settop(L, top);
    }
    lua_pushliteral(L, "query");
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    lua_pushliteral(L, "query_error");
    lua_pushboolean(L, bad);
    lua_rawset(L, 1);
    if (want_error)
        lua_pushboolean(L, bad);
}

static void push_json(lua_State *L, const struct kw_lua_call *call, bool want_error)
{
    char error[200] = "";
    struct kw_str body = kw_exchange_body(call->exchange);
    struct kw_str type = kw_http_header_get(kw_exchange_head(call->exchange), "content-type");
    bool is_json =
        body.len > 0 && type.ptr != NULL && kw_str_starts(type, KW_STR("application/json"));
    bool taken = is_json && kw_lua_push_json(L, body, error, sizeof error) == KW_OK;
    if (is_json && !taken && want_error)
        lua_pushstring(L, error);
    else if (!taken || want_error)
        lua_pushnil(L);
}

static void push_params(lua_State *L, const struct kw_lua_call *call)
{
    lua_createtable(L, 0, (int)call->match.param_count);
    for (size_t i = 0; i < call->match.param_count; i++) {
        (void)push_slice(L, call->match.params[i].name);
        (void)push_slice(L, call->match.params[i].value);
        lua_rawset(L, -3);
    }
}

static void push_text(lua_State *L, struct kw_str text)
{
    lua_pushlstring(L, text.ptr != NULL ? text.ptr : "", text.len);
}

static const char *const field_names[] = { "method", "path",        "target", "host", "params",
                                           "query",  "query_error", "body",   "json", "json_error",
                                           "peer",   "id",          "tls" };

static void push_field(lua_State *L, const struct kw_lua_call *call, const char *name)
{
    const struct kw_http_head *head = kw_exchange_head(call->exchange);
    if (strcmp(name, "method") == 0)
        lua_pushstring(L, kw_http_method_name(head->method));
    else if (strcmp(name, "path") == 0)
        push_text(L, head->path);
    else if (strcmp(name, "target") == 0)
        push_text(L, head->target);
    else if (strcmp(name, "host") == 0)
        push_text(L, head->host);
    else if (strcmp(name, "params") == 0)
        push_params(L, call);
    else if (strcmp(name, "query") == 0 || strcmp(name, "query_error") == 0)
        push_query(L, head->query, name[5] != 0);
    else if (strcmp(name, "body") == 0)
        push_text(L, kw_exchange_body(call->exchange));
    else if (strcmp(name, "json") == 0 || strcmp(name, "json_error") == 0)
        push_json(L, call, name[4] != 0);
    else if (strcmp(name, "peer") == 0)
        lua_pushstring(L, kw_exchange_peer(call->exchange));
    else if (strcmp(name, "id") == 0)
        lua_pushstring(L, kw_exchange_id(call->exchange));
    else
        lua_pushboolean(L, kw_exchange_is_tls(call->exchange));
}

/* req.NAME: a method, or a field, which is kept in the table. Stack [-0, +1]; raises for a field that
 * was not read before the answer. */
static int l_index(lua_State *L)
{
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(2)); /* methods, and the names of fields */
    if (lua_type(L, 3) != LUA_TSTRING)
        return 1;
    const char *name = lua_tostring(L, 3);
    push_field(L, check_call(L), name);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

static void make_request_class(struct kw_lua_routes *routes)
{
    static const struct luaL_Reg methods[] = { { "header", l_header },
                                               { "cookie", l_cookie },
                                               { NULL, NULL } };
    lua_State *L = kw_host_state(routes->runtime->host);
    lua_createtable(L, 0, 1);
    lua_pushlightuserdata(L, routes);
    lua_newtable(L);
    lua_pushlightuserdata(L, routes);
    luaL_setfuncs(L, methods, 1);
    for (size_t i = 0; i < KW_COUNT_OF(field_names); i++) {
        lua_pushstring(L, field_names[i]);
        lua_setfield(L, -2, field_names[i]);
    }
    lua_pushcclosure(L, l_index, 2);
    lua_setfield(L, -2, "__index");
    routes->class_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Most handlers read few fields: the table begins with the handle of the call only. */
int kw_lua_call_push(lua_State *L, void *arg)
{
    const struct kw_lua_call *call = arg;
    lua_createtable(L, 0, 4);
    lua_pushliteral(L, "call");
    lua_pushinteger(L, (lua_Integer)((uint64_t)call->generation << 32 | call->slot));
    lua_rawset(L, -3);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->owner->class_ref);
    lua_setmetatable(L, -2);
    return 1;
}

static const char *answer_headers(lua_State *L, int index, struct kw_exchange *exchange)
{
    const char *type = NULL;
    if (!lua_istable(L, index))
        return NULL;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        if (lua_type(L, -2) == LUA_TSTRING && lua_isstring(L, -1)) {
            size_t length;
            const char *name = lua_tostring(L, -2);
            const char *value = lua_tolstring(L, -1, &length);
            if (strcmp(name, "Content-Type") == 0)
                type = value; /* lives in the table */
            else if (memchr(value, '\n', length) == NULL && memchr(value, '\r', length) == NULL &&
                     memchr(value, 0, length) == NULL)
                kw_exchange_header(exchange, name, kw_str_n(value, length));
        }
        lua_pop(L, 1);
    }
    return type;
}

static void answer(struct kw_lua_call *call, lua_State *L, int results)
{
    struct kw_exchange *exchange = call->exchange;
    int base = lua_gettop(L) - results;
    int status = results >= 1 ? (int)lua_tointeger(L, base + 1) : 0;
    char error[200] = "no status";
    if (status < 200 || status > 599) {
        KW_LOG(KW_LOG_ERROR, "api", "handler gave no status",
               KW_LC("request", kw_exchange_id(exchange)));
        kw_exchange_problem(exchange, 500, "internal",
                            "The server failed; the log has this request's id.");
        return;
    }
    const char *type = results >= 3 ? answer_headers(L, base + 3, exchange) : NULL;
    if (results >= 2 && lua_istable(L, base + 2)) {
        struct kw_buf *text = &call->owner->text;
        kw_buf_clear(text);
        if (kw_lua_write_json(L, base + 2, text, error, sizeof error) == KW_OK) {
            kw_exchange_respond(exchange, status,
                                type != NULL ? type : "application/json; charset=utf-8",
                                kw_buf_str(text));
        } else {
            KW_LOG(KW_LOG_ERROR, "api", "answer is not JSON", KW_LC("error", error));
            kw_exchange_problem(exchange, 500, "internal",
                                "The server failed; the log has this request's id.");
        }
        if (text->capacity > KW_ANSWER_KEEP_BYTES)
            kw_buf_free(text);
    } else if (results >= 2 && lua_isstring(L, base + 2)) {
        size_t length;
        const char *text = lua_tolstring(L, base + 2, &length);
        kw_exchange_respond(exchange, status, type != NULL ? type : "text/plain; charset=utf-8",
                            kw_str_n(text, length));
    } else {
        kw_exchange_respond(exchange, status, NULL, KW_STR_NONE);
    }
}

static void call_done(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct kw_lua_call *call = arg;
    kw_metric_observe_us(call->owner->seconds, kw_mono_us() - call->began_us);
    if (err == KW_OK) {
        answer(call, L, results);
    } else if (err == KW_ECANCELLED) {
        kw_exchange_problem(call->exchange, 503, "busy", "The request was cancelled.");
    } else {
        kw_metric_add(call->owner->failed, 1);
        KW_LOG(KW_LOG_ERROR, "api", "handler failed", KW_LC("error", error),
               KW_LC("request", kw_exchange_id(call->exchange)));
        kw_exchange_problem(call->exchange, 500, "internal",
                            "The server failed; the log has this request's id.");
    }
    kw_lua_call_free(call);
}

static void client_gone(void *arg)
{
    struct kw_lua_call *call = arg;
    kw_task_cancel(call->owner->runtime->host, call->task);
}

static void start(struct kw_lua_call *call)
{
    static const struct kw_run_limits limits = { 0, 0, 30000 };
    struct kw_exchange *exchange = call->exchange;
    const struct route *route = call->match.handler;
    enum kw_http_method method = kw_exchange_head(exchange)->method;
    if (method == KW_HTTP_GET || method == KW_HTTP_HEAD) /* a change that began is finished */
        kw_exchange_on_gone(exchange, client_gone, call);
    if (kw_task_start(call->owner->runtime->host, route->function_ref, &limits, kw_lua_call_push,
                      call_done, call, &call->task) != KW_OK) {
        kw_exchange_problem(exchange, 503, "busy",
                            "Too many requests are being served; try again.");
        kw_lua_call_free(call);
    }
}

static void refuse(struct kw_exchange *exchange, kw_err err, const char *allow)
{
    switch (err) {
    case KW_EDENIED:
        kw_exchange_header(exchange, "Allow", kw_str_of(allow));
        kw_exchange_problem(exchange, 405, "method-not-allowed",
                            "This resource has other methods; see Allow.");
        break;
    case KW_EINVALID:
        kw_exchange_problem(exchange, 400, "bad-request", "The path has a bad percent escape.");
        break;
    default:
        kw_exchange_problem(exchange, 404, "not-found", "There is no such resource.");
        break;
    }
}

bool kw_lua_routes_handle(struct kw_lua_routes *routes, struct kw_exchange *exchange,
                          const char *prefix)
{
    const struct kw_http_head *head = kw_exchange_head(exchange);
    if (!kw_str_starts(head->path, kw_str_of(prefix)))
        return false;
    struct kw_lua_call *call = kw_lua_call_new(routes, exchange);
    if (call == NULL) {
        kw_exchange_problem(exchange, 503, "busy",
                            "Too many requests are being served; try again.");
        return true;
    }
    kw_err err = kw_router_find(routes->router, head->method, head->path, &call->match);
    if (err == KW_OK) {
        start(call);
        return true;
    }
    refuse(exchange, err, call->match.allow);
    kw_lua_call_free(call);
    return true;
}

void kw_lua_routes_cancel(struct kw_lua_routes *routes)
{
    for (uint32_t i = 0; i < routes->call_count; i++) {
        if (routes->calls[i]->exchange != NULL)
            kw_task_cancel(routes->runtime->host, routes->calls[i]->task);
    }
}
