/* lua_routes.h - HTTP requests answered by Lua handlers.
 *
 * Lua declares `routes.add("POST", "/api/v1/stations/{id}/commands", {body_max = 65536}, handler)`; a
 * request becomes a task with one table and the handler answers `status, body, headers`:
 *   req  = { method, path, target, params = {id = ..}, query = {{name, value}, ...}, query_error,
 *            body = raw text, json = decoded body or nil, json_error = text or nil, peer, host, tls, id },
 *          req:header(name), req:cookie(name)
 *   (a field is made when it is first read, which must be before the answer)
 *   body = table (JSON) | string (with headers["Content-Type"]) | nil
 * An error in a handler is a 500 problem with the request id; the trace goes to the log only. */
#ifndef KW_APP_LUA_ROUTES_H
#define KW_APP_LUA_ROUTES_H

#include "app/runtime.h"
#include "serve/http_server.h"

struct kw_lua_routes;

/* Registers the module `name` (e.g. "kw.routes") on the runtime's host. */
struct kw_lua_routes *kw_lua_routes_new(struct kw_runtime *runtime, const char *module_name);
void kw_lua_routes_free(struct kw_lua_routes *routes);

/* Body limit of the route that a head will go to (for kw_http_handlers.body_limit). */
size_t kw_lua_routes_body_limit(const struct kw_lua_routes *routes,
                                const struct kw_http_head *head);

/* True: taken (answered now or later, also 404/405 under `prefix`). False: not under the prefix. */
bool kw_lua_routes_handle(struct kw_lua_routes *routes, struct kw_exchange *exchange,
                          const char *prefix);

/* A request as a table for a function that is no route (the live feed's opening). _new takes the
 * exchange as long as the call lives (NULL: too many); _push puts the table (a push function of
 * kw_task_start); the exchange is answered by the caller, then or before _free. */
struct kw_lua_call;
struct kw_lua_call *kw_lua_call_new(struct kw_lua_routes *routes, struct kw_exchange *exchange);
int kw_lua_call_push(lua_State *L, void *call);
void kw_lua_call_free(struct kw_lua_call *call);

/* Every request that still waits is cancelled and answered 503 (the end of a drain). */
void kw_lua_routes_cancel(struct kw_lua_routes *routes);

#endif
