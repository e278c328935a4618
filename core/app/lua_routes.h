/* lua_routes.h - HTTP requests answered by Lua handlers.
 *
 * Lua declares `routes.add("POST", "/api/v1/stations/{id}/commands", {body_max = 65536}, handler)`; a
 * request becomes a task with one table and the handler answers `status, body, headers`:
 *   req  = { method, path, target, params = {id = ..}, query = {{name, value}, ...}, query_error,
 *            body = raw text, json = decoded body or nil, json_error = text or nil, peer, host, tls, id },
 *          req:header(name), req:cookie(name)
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

#endif
