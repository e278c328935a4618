/* site_table.c - The table functions of a site: raw, and bounded.
 *
 * Lua's own honour __index and __len, so `table.insert(t, 1, x)` on a table whose __len says 1e12
 * moves 1e12 slots inside C, where no deadline fires. These work on the table itself, like
 * rawlen and rawget: what a site keeps in a table is data. Sorting calls out for every comparison, so
 * it looks at the deadline there. */
#include <lualib.h>

#include "script/sandbox.h"

static lua_Integer check_table(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    return (lua_Integer)lua_rawlen(L, index);
}

static void check_count(lua_State *L, lua_Integer from, lua_Integer to, const char *function)
{
    if (from <= to && (lua_Unsigned)to - (lua_Unsigned)from >= KW_SITE_TABLE_SLOTS)
        luaL_error(L, "%s: more than %d elements", function, KW_SITE_TABLE_SLOTS);
}

/* table.insert(t, value) | (t, at, value) */
static int l_insert(lua_State *L)
{
    lua_Integer end = check_table(L, 1) + 1, at = end;
    switch (lua_gettop(L)) {
    case 2:
        break;
    case 3:
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)at - 1u < (lua_Unsigned)end, 2, "position out of bounds");
        for (lua_Integer i = end; i > at; i--) {
            lua_rawgeti(L, 1, i - 1);
            lua_rawseti(L, 1, i);
        }
        break;
    default:
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_rawseti(L, 1, at);
    return 0;
}

/* table.remove(t, at?) -> value */
static int l_remove(lua_State *L)
{
    lua_Integer size = check_table(L, 1), at = luaL_optinteger(L, 2, size);
    if (!lua_isnoneornil(L, 2))
        luaL_argcheck(L, (lua_Unsigned)at - 1u <= (lua_Unsigned)size || (size == 0 && at == 0), 2,
                      "position out of bounds");
    lua_rawgeti(L, 1, at);
    for (; at < size; at++) {
        lua_rawgeti(L, 1, at + 1);
        lua_rawseti(L, 1, at);
    }
    lua_pushnil(L);
    lua_rawseti(L, 1, at);
    return 1;
}

/* table.move(from, first, last, at, to?) -> to */
static int l_move(lua_State *L)
{
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3);
    lua_Integer at = luaL_checkinteger(L, 4);
    int to = lua_isnoneornil(L, 5) ? 1 : 5;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, to, LUA_TTABLE);
    check_count(L, first, last, "table.move");
    if (first <= last) {
        lua_Integer count = last - first + 1;
        luaL_argcheck(L, at <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        bool forward = at > last || at <= first || (to != 1 && !lua_rawequal(L, 1, to));
        for (lua_Integer i = 0; i < count; i++) {
            lua_Integer offset = forward ? i : count - 1 - i;
            lua_rawgeti(L, 1, first + offset);
            lua_rawseti(L, to, at + offset);
        }
    }
    lua_pushvalue(L, to);
    return 1;
}

/* table.concat(t, separator?, i?, j?) -> text */
static int l_concat(lua_State *L)
{
    luaL_Buffer out;
    size_t gap_length;
    lua_Integer size = check_table(L, 1);
    const char *gap = luaL_optlstring(L, 2, "", &gap_length);
    lua_Integer from = luaL_optinteger(L, 3, 1), to = luaL_optinteger(L, 4, size);
    check_count(L, from, to, "table.concat");
    lua_settop(L, 2); /* below the buffer, which may put values of its own on the stack */
    luaL_buffinit(L, &out);
    for (lua_Integer i = from; i <= to; i++) {
        lua_rawgeti(L, 1, i);
        if (!lua_isstring(L, -1))
            return luaL_error(L, "invalid value (at index %I) in table for 'concat'",
                              (LUAI_UACINT)i);
        luaL_addvalue(&out);
        if (i < to)
            luaL_addlstring(&out, gap, gap_length);
        if (luaL_bufflen(&out) > KW_SITE_STRING_BYTES)
            return luaL_error(L, "table.concat: the result is larger than %d bytes",
                              KW_SITE_STRING_BYTES);
        if (i == LUA_MAXINTEGER)
            break;
    }
    luaL_pushresult(&out);
    return 1;
}

/* table.unpack(t, i?, j?) -> values */
static int l_unpack(lua_State *L)
{
    lua_Integer from = luaL_optinteger(L, 2, 1);
    lua_Integer to = lua_isnoneornil(L, 3) ? check_table(L, 1) : luaL_checkinteger(L, 3);
    luaL_checktype(L, 1, LUA_TTABLE);
    if (from > to)
        return 0;
    if ((lua_Unsigned)to - (lua_Unsigned)from >= KW_SITE_UNPACK ||
        !lua_checkstack(L, (int)(to - from + 1)))
        return luaL_error(L, "too many results to unpack (at most %d)", KW_SITE_UNPACK);
    int count = (int)(to - from + 1);
    for (int i = 0; i < count; i++)
        lua_rawgeti(L, 1, from + i);
    return count;
}

/* The comparison that Lua's sort calls. Upvalue 1: the script's own, or nil for `<`. */
static int less(lua_State *L)
{
    kw_watch_check(L);
    if (lua_isnil(L, lua_upvalueindex(1))) {
        lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 2, 1);
    return 1;
}

/* table.sort(t, less?). Upvalue 1: Lua's own, which sees the table without its metatable. */
static int l_sort(lua_State *L)
{
    lua_Integer size = check_table(L, 1);
    check_count(L, 1, size, "table.sort");
    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    if (lua_getmetatable(L, 1)) {
        lua_pushliteral(L, "__len");
        luaL_argcheck(L, lua_rawget(L, -2) == LUA_TNIL, 1, "has a __len of its own");
        lua_settop(L, 2);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, less, 1);
    lua_call(L, 2, 0);
    return 0;
}

void kw_open_site_table(lua_State *L)
{
    static const struct luaL_Reg functions[] = { { "insert", l_insert }, { "remove", l_remove },
                                                 { "move", l_move },     { "concat", l_concat },
                                                 { "unpack", l_unpack }, { NULL, NULL } };
    luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "sort");
    lua_pushcclosure(L, l_sort, 1);
    lua_setfield(L, -2, "sort");
}
