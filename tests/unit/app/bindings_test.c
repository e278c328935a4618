/* bindings_test.c - Lua bindings at their edges: links that end while Lua lets them go, requests read late. */
#include "unit/serve/serve_fixture.h"

#include "app/lua_routes.h"
#include "app/runtime.h"

#include "base/log.h"

struct house {
    struct kw_runtime *runtime;
    struct kw_lua_routes *routes;
    struct kw_http_server *server;
    struct kw_listener *listener;
    struct kw_ws *peer;
    bool drained, ended;
    kw_err err;
    char result[400], error[400];
};

static void peer_message(struct kw_ws *ws, bool is_text, struct kw_str message, void *arg)
{
    (void)is_text;
    (void)arg;
    if (kw_str_eqc(message, "close"))
        kw_ws_close(ws, 1000, "as asked");
    else if (kw_str_eqc(message, "drop"))
        kw_ws_abort(ws);
    else
        assert_int_equal(kw_ws_send_text(ws, message), KW_OK);
}

static void peer_closed(struct kw_ws *ws, uint16_t code, struct kw_str why, void *arg)
{
    (void)ws;
    (void)code;
    (void)why;
    ((struct house *)arg)->peer = NULL;
}

static void on_request(struct kw_exchange *exchange, void *arg)
{
    static const struct kw_ws_options options = { .message_limit_bytes = 1000 };
    static const struct kw_ws_events events = { NULL, peer_message, NULL, NULL, peer_closed };
    struct house *house = arg;
    if (kw_exchange_head(exchange)->upgrade_websocket)
        house->peer = kw_exchange_upgrade(exchange, NULL, &options, &events, house);
    else
        assert_true(kw_lua_routes_handle(house->routes, exchange, "/"));
}

static int house_setup(void **state)
{
    static const struct kw_http_handlers handlers = { NULL, on_request };
    struct house *house = calloc(1, sizeof *house);
    char error[400] = "";
    assert_int_equal(setenv("KW_LUA_DIR", KW_SOURCE_DIR "/lua", 1), 0);
    if (kw_runtime_new(NULL, NULL, &house->runtime, error, sizeof error) != KW_OK)
        fail_msg("%s", error);
    kw_log_setup(KW_LOG_ERROR + 1, 2);
    house->routes = kw_lua_routes_new(house->runtime, "kw.routes");
    struct kw_http_server_options options = { .metrics = house->runtime->metrics,
                                              .server_kind = "test" };
    house->server = kw_http_server_new(house->runtime->loop, &options, &handlers, house);
    struct kw_listener_options where = { .host = "127.0.0.1", .metrics = house->runtime->metrics };
    assert_int_equal(kw_listener_new(house->runtime->loop, &where, kw_http_server_accept,
                                     house->server, &house->listener, error, sizeof error),
                     KW_OK);
    *state = house;
    return 0;
}

static void drained(void *arg)
{
    ((struct house *)arg)->drained = true;
}

static int house_teardown(void **state)
{
    struct house *house = *state;
    kw_listener_close(house->listener);
    kw_http_server_drain(house->server, 50, drained, house);
    assert_true(run_until(house->runtime->loop, is_set, &house->drained, 10000));
    kw_http_server_free(house->server);
    struct kw_lua_routes *routes = house->routes;
    kw_runtime_free(house->runtime);
    kw_lua_routes_free(routes);
    free(house);
    return 0;
}

static void task_done(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct house *house = arg;
    house->ended = true;
    house->err = err;
    (void)snprintf(house->error, sizeof house->error, "%s", error != NULL ? error : "");
    if (err == KW_OK && results > 0)
        (void)snprintf(house->result, sizeof house->result, "%s", luaL_tolstring(L, -1, NULL));
}

/* Run `body` as a task with the port as its argument; its result as text. */
static const char *run(struct house *house, const char *body)
{
    char program[2000];
    struct kw_host *host = house->runtime->host;
    lua_State *L = kw_host_state(host);
    (void)snprintf(
        program, sizeof program,
        "local port = %u\nlocal ws, timer, http = require('kw.ws'), require('kw.timer'), "
        "require('kw.http')\nlocal function dial() return ws.connect { url = "
        "'ws://127.0.0.1:' .. port .. '/x' } end\n%s",
        kw_listener_port(house->listener), body);
    house->ended = false;
    house->result[0] = 0;
    if (luaL_loadstring(L, program) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    int ref = kw_host_ref(host, L);
    assert_int_equal(kw_task_start(host, ref, NULL, NULL, task_done, house, NULL), KW_OK);
    kw_host_unref(host, ref);
    assert_true(run_until(house->runtime->loop, is_set, &house->ended, 10000));
    if (house->err != KW_OK)
        fail_msg("%s", house->error);
    return house->result;
}

static void test_link(void **state)
{
    struct house *house = *state;
    assert_string_equal(run(house, "local link = dial() link:send('hello')\n"
                                   "local text = link:recv(5) link:close() return text"),
                        "hello");
    assert_string_equal(run(house, "local link = dial() local _, why = link:recv(0.05) return why"),
                        "timeout");
    assert_string_equal(run(house, "local link = dial() link:send('close')\n"
                                   "local _, slug, why, code = link:recv(5)\n"
                                   "return slug .. ' ' .. why .. ' ' .. code"),
                        "closed as asked 1000");
    assert_string_equal(run(house, "local link, slug = ws.connect { url = 'ws://127.0.0.1:1/' }\n"
                                   "return tostring(link) .. ' ' .. slug"),
                        "nil closed");
}

/* The end of a link wakes its reader, and the reader lets the link go before that callback returns. */
static void test_link_collected_at_its_end(void **state)
{
    struct house *house = *state;
    for (int i = 0; i < 3; i++) {
        assert_string_equal(run(house,
                                "do local link = dial() link:send('close') link:recv(5) end\n"
                                "collectgarbage() collectgarbage() return 'gone'"),
                            "gone");
        assert_string_equal(run(house, "do local link = dial() link:send('drop') link:recv(5) end\n"
                                       "collectgarbage() collectgarbage() return 'gone'"),
                            "gone");
    }
}

/* Links that nobody holds any more, in every state, when the runtime ends. */
static void test_links_left_behind(void **state)
{
    struct house *house = *state;
    assert_string_equal(run(house,
                            "kept = dial() dial()\n"
                            "timer.spawn(function() dial():recv() end)\n"
                            "timer.spawn(function() ws.connect { url = 'ws://127.0.0.1:' .. "
                            "port .. '/y' } end)\n"
                            "timer.every(0.001, function() timer.sleep(5) end)\n"
                            "after = timer.after(100, print)\n"
                            "timer.spawn(function() http.request { url = 'http://127.0.0.1:' "
                            ".. port .. '/never' } end)\n"
                            "require('kw.routes').add('GET', '/never', {}, function()\n"
                            "  timer.sleep(60) end)\n"
                            "timer.sleep(0.05) return 'left'"),
                        "left");
}

/* Every field of a request, read late, twice, and after the answer. */
static void test_request_fields(void **state)
{
    struct house *house = *state;
    assert_string_equal(
        run(house,
            "local routes = require('kw.routes')\n"
            "routes.add('POST', '/s/{id}', {}, function(req)\n"
            "  timer.sleep(0.01)\n"
            "  kept = req\n"
            "  local q = req.query\n"
            "  return 200, { m = req.method, p = req.path, t = req.target, id = req.params.id, q1 = q[1][2],\n"
            "    same = q == req.query, qe = req.query_error, b = #req.body, j = req.json.a, je = "
            "tostring(req.json_error),\n"
            "    h = req:header('x-one'), c = tostring(req:cookie('s')), tls = req.tls, none = "
            "tostring(req.nothing) }\n"
            "end)\n"
            "local reply = http.request { url = 'http://127.0.0.1:' .. port .. '/s/a%20b?x=1%2B&y', "
            "method = 'POST', json = { a = 5 }, headers = { 'X-One: 1' } }\n"
            "local j = reply.json\n"
            "assert(j.m == 'POST' and j.p == '/s/a%20b' and j.t == '/s/a%20b?x=1%2B&y' and j.id == 'a b')\n"
            "assert(j.q1 == '1+' and j.same and j.qe == false and j.b == 7 and j.j == 5 and j.je == 'nil')\n"
            "assert(j.h == '1' and j.c == 'nil' and j.tls == false and j.none == 'nil')\n"
            "assert(kept.method == 'POST') -- it was read before\n"
            "local ok, why = pcall(function() return kept.peer end)\n"
            "return why:match('the request has been answered')"),
        "the request has been answered");
    assert_string_equal(
        run(house,
            "require('kw.routes').add('POST', '/bad', {}, function(req)\n"
            "  return 200, { json = tostring(req.json), error = req.json_error, q = req.query_error } end)\n"
            "local reply = http.request { url = 'http://127.0.0.1:' .. port .. '/bad?%zz', method = "
            "'POST', body = '{', headers = { 'Content-Type: application/json' } }\n"
            "return reply.body"),
        "{\"error\":\"line 1 column 2: the text ends too early\",\"json\":\"nil\",\"q\":true}");
}

/* Tables of any width are written with sorted keys. */
static void test_wide_tables(void **state)
{
    struct house *house = *state;
    assert_string_equal(
        run(house,
            "local json = require('kw.json')\n"
            "for _, width in ipairs { 0, 1, 2, 63, 64, 65, 300 } do\n"
            "  local t, keys, parts = {}, {}, {}\n"
            "  for i = 1, width do local k = ('k'):rep(i % 12) .. i keys[i] = k t[k] = i end\n"
            "  table.sort(keys)\n"
            "  for i, k in ipairs(keys) do parts[i] = ('\"%s\":%d'):format(k, t[k]) end\n"
            "  local text = json.encode(t)\n"
            "  assert(text == '{' .. table.concat(parts, ',') .. '}', width .. ': ' .. text)\n"
            "end\n"
            "assert(not pcall(json.encode, { [1.5] = 1, a = 2 }))\n"
            "return json.encode { b = { c = { d = { [\"e\\0f\"] = 1, e = 2 } } }, a = '\\\"' }"),
        "{\"a\":\"\\\"\",\"b\":{\"c\":{\"d\":{\"e\":2,\"e\\u0000f\":1}}}}");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)
    const struct CMUnitTest tests[] = { TEST(test_link), TEST(test_link_collected_at_its_end),
                                        TEST(test_links_left_behind), TEST(test_request_fields),
                                        TEST(test_wide_tables) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
