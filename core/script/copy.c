/* copy.c - A value from one Lua state to another: data only, bounded, without metamethods.
 *
 * The two states share nothing, so that a site cannot reach into the core. The side that is read is only
 * read (no call here can raise there, so no error jumps over a state's frames); whatever raises,
 * raises in the state that is written. Checking first, the same walk without writing, tells what cannot go. */
#include <stdio.h>

#include "script/host_internal.h"
#include "script/lua_json.h"

struct walk {
    lua_State *from, *to; /* to NULL: check only */
    unsigned values;
    size_t bytes;
    const char *why;
};

static bool refuse(struct walk *walk, const char *why)
{
    walk->why = why;
    return false;
}

static bool walk_value(struct walk *walk, int index, unsigned depth);

static bool walk_table(struct walk *walk, int index, unsigned depth)
{
    lua_State *from = walk->from, *to = walk->to;
    int top = lua_gettop(from);
    if (depth >= KW_COPY_DEPTH)
        return refuse(walk, "nested too deeply (a table inside itself?)");
    if (!lua_checkstack(from, 6))
        return refuse(walk, "out of memory");
    if (to != NULL) {
        luaL_checkstack(to, 6, "copy");
        lua_createtable(to, (int)lua_rawlen(from, index), 0);
        if (kw_lua_is_marked_array(from, index))
            kw_lua_mark_array(to);
    }
    for (lua_pushnil(from); lua_next(from, index) != 0; lua_pop(from, 1)) {
        int key = lua_gettop(from) - 1;
        bool good = lua_type(from, key) == LUA_TSTRING || lua_isinteger(from, key);
        if (!good)
            (void)refuse(walk, "a key that is neither a string nor an integer");
        if (!good || !walk_value(walk, key, depth + 1) || !walk_value(walk, key + 1, depth + 1)) {
            lua_settop(from, top);
            return false;
        }
        if (to != NULL)
            lua_rawset(to, -3);
    }
    return true;
}

static bool walk_value(struct walk *walk, int index, unsigned depth)
{
    lua_State *from = walk->from, *to = walk->to;
    size_t length;
    const char *text;
    if (++walk->values > KW_COPY_VALUES)
        return refuse(walk, "more than 100000 values");
    if (to != NULL)
        luaL_checkstack(to, 4, "copy");
    switch (lua_type(from, index)) {
    case LUA_TNIL:
        if (to != NULL)
            lua_pushnil(to);
        return true;
    case LUA_TBOOLEAN:
        if (to != NULL)
            lua_pushboolean(to, lua_toboolean(from, index));
        return true;
    case LUA_TNUMBER:
        if (to != NULL && lua_isinteger(from, index))
            lua_pushinteger(to, lua_tointeger(from, index));
        else if (to != NULL)
            lua_pushnumber(to, lua_tonumber(from, index));
        return true;
    case LUA_TSTRING:
        text = lua_tolstring(from, index, &length);
        walk->bytes += length;
        if (walk->bytes > KW_COPY_BYTES)
            return refuse(walk, "more than 4 MiB of text");
        if (to != NULL)
            lua_pushlstring(to, text, length);
        return true;
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(from, index) != NULL)
            return refuse(walk, "a pointer");
        if (to != NULL)
            lua_pushlightuserdata(to, NULL);
        return true;
    case LUA_TTABLE:
        return walk_table(walk, index, depth);
    default:
        return refuse(walk, "a function, coroutine or object (only data can go)");
    }
}

const char *kw_lua_copy(lua_State *from, int first, int count, lua_State *to)
{
    struct walk walk = { .from = from };
    first = lua_absindex(from, first);
    for (int i = 0; i < count; i++) {
        if (!walk_value(&walk, first + i, 0))
            return walk.why;
    }
    walk = (struct walk){ .from = from, .to = to };
    for (int i = 0; to != NULL && i < count; i++)
        (void)walk_value(&walk, first + i, 0);
    return NULL;
}
