/* gateway.h - Our ocpp-server: OCPP 1.6J stations on one side, the complex contract on the other.
 *
 * C moves bytes and keeps promises: connections, order, the journal, calls with a deadline. What a
 * message means is decided in lua/ocpp, one handler an action. */
#ifndef KW_APP_GATEWAY_H
#define KW_APP_GATEWAY_H

#include "app/runtime.h"

struct kw_gateway;

/* Opens the journal, brings back the state, listens. The error text says what to do. */
KW_MUST_USE kw_err kw_gateway_new(struct kw_runtime *runtime, struct kw_gateway **out, char *error,
                                  size_t error_size);
/* Certificate and the site's quirks are read again; on a failure the old ones stay and it is logged. */
void kw_gateway_reload(struct kw_gateway *gateway);
/* Sessions are closed (1012), what they left is written; then on_stopped, once. */
void kw_gateway_stop(struct kw_gateway *gateway, void (*on_stopped)(void *arg), void *arg);
/* After on_stopped (NULL is fine). Takes the runtime's Lua host down, because waiting tasks hold what is
 * freed here; kw_runtime_free() comes next. */
void kw_gateway_free(struct kw_gateway *gateway);

/* "{\"ocpp\":N,\"ocpps\":N,\"control\":N}": ports in use, 0 = off. */
void kw_gateway_ports(const struct kw_gateway *gateway, char *out, size_t out_size);

#endif
