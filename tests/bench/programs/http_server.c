/* http_server.c - Our HTTP server with one route: `c` formats its JSON in C, `lua` returns a table.
 *
 * usage: http_server c|lua. The body is the 213 bytes of a station's status in both. */
#include <lauxlib.h>

#include "app/lua_routes.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench.h"
#include "net/listener.h"

struct server {
    struct kw_runtime *runtime;
    struct kw_lua_routes *routes; /* NULL: the C route */
};

static const char handler[] =
    "require('kw.routes').add('GET', '/status', {}, function()\n"
    "  return 200, { id = 'EV-0001', name = 'North gate, row 12 A', online = true, state = 'charging',\n"
    "    power_w = 10987, current_ma = { 15900, 16000, 15800 }, limit_ma = 32000, energy_wh = 18250,\n"
    "    error_code = 'NoError', started_ms = 1700000000000 }\n"
    "end)\n";

static void write_status(struct kw_json_out *json)
{
    kw_json_obj(json);
    KW_JSON_KV(str, json, "id", KW_STR("EV-0001"));
    KW_JSON_KV(str, json, "name", KW_STR("North gate, row 12 A"));
    KW_JSON_KV(bool, json, "online", true);
    KW_JSON_KV(str, json, "state", KW_STR("charging"));
    KW_JSON_KV(i64, json, "power_w", 10987);
    kw_json_key(json, "current_ma");
    kw_json_arr(json);
    kw_json_i64(json, 15900);
    kw_json_i64(json, 16000);
    kw_json_i64(json, 15800);
    kw_json_arr_end(json);
    KW_JSON_KV(i64, json, "limit_ma", 32000);
    KW_JSON_KV(i64, json, "energy_wh", 18250);
    KW_JSON_KV(str, json, "error_code", KW_STR("NoError"));
    KW_JSON_KV(i64, json, "started_ms", 1700000000000);
    kw_json_obj_end(json);
}

static void on_request(struct kw_exchange *exchange, void *arg)
{
    struct server *server = arg;
    struct kw_json_out json;
    struct kw_buf body;
    if (server->routes != NULL) {
        if (!kw_lua_routes_handle(server->routes, exchange, "/"))
            kw_exchange_problem(exchange, 404, "not-found", "");
        return;
    }
    kw_buf_init(&body, 4096);
    kw_json_out_init(&json, &body);
    write_status(&json);
    kw_exchange_respond(exchange, 200, "application/json", kw_buf_str(&body));
    kw_buf_free(&body);
}

static void add_lua_route(struct server *server)
{
    lua_State *L = kw_host_state(server->runtime->host);
    server->routes = kw_lua_routes_new(server->runtime, "kw.routes");
    if (luaL_dostring(L, handler) != LUA_OK) {
        (void)fprintf(stderr, "%s\n", lua_tostring(L, -1));
        exit(1);
    }
}

int main(int count, char **args)
{
    static const struct kw_http_handlers handlers = { NULL, on_request };
    struct server server = { NULL, NULL };
    struct kw_listener *listener;
    char error[300] = "";
    MUST(count == 2);
    if (kw_runtime_new(NULL, NULL, &server.runtime, error, sizeof error) != KW_OK) {
        (void)fprintf(stderr, "%s\n", error);
        return 1;
    }
    if (strcmp(args[1], "lua") == 0)
        add_lua_route(&server);
    struct kw_http_server_options options = { .server_kind = "bench",
                                              .web_headers = true,
                                              .metrics = server.runtime->metrics };
    struct kw_http_server *http =
        kw_http_server_new(server.runtime->loop, &options, &handlers, &server);
    struct kw_listener_options where = { .host = "127.0.0.1", .metrics = server.runtime->metrics };
    MUST(kw_listener_new(server.runtime->loop, &where, kw_http_server_accept, http, &listener,
                         error, sizeof error) == KW_OK);
    say_port(kw_listener_port(listener));
    kw_loop_run(server.runtime->loop);
    return 0;
}
