/* lua_json.h - The mark of JSON arrays, shared by the codec and the kw.json module. */
#ifndef KW_SCRIPT_LUA_JSON_H
#define KW_SCRIPT_LUA_JSON_H

#define KW_JSON_ARRAY_META "kw.json.array"

#endif
