/* bind_complex.h - Live state as Lua tables. */
#ifndef KW_APP_BIND_COMPLEX_H
#define KW_APP_BIND_COMPLEX_H

#include "app/service.h"

/* Push one table each. `feed_lost`: nothing is believed, every value is stale. Stack [-0, +1]. */
void kw_lua_push_station(lua_State *L, const struct kw_station *station, bool feed_lost);
void kw_lua_push_node(lua_State *L, const struct kw_node *node, bool feed_lost);

#endif
