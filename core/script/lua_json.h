/* lua_json.h - The mark of JSON arrays, shared by the codec and the kw.json module. For script/ only. */
#ifndef KW_SCRIPT_LUA_JSON_H
#define KW_SCRIPT_LUA_JSON_H

#include <stdbool.h>

#include <lua.h>

#define KW_JSON_ARRAY_META "kw.json.array"

void kw_lua_open_arrays(lua_State *L);                /* once a state. [-0, +0] */
bool kw_lua_is_marked_array(lua_State *L, int index); /* never raises */
void kw_lua_mark_array(lua_State *L);                 /* the table on top. [-0, +0] */

#endif
