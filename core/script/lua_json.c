/* lua_json.c - Lua values to JSON text and back, straight on the Lua stack.
 *
 * Reading keeps a small stack of open containers instead of recursing on a peer's data. Writing sorts
 * keys, so that the same table gives the same bytes (ETags, tests). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "script/host_internal.h"
#include "script/lua_json.h"

#define KW_SORT_ON_STACK 64

static const char array_key = 0; /* registry: the metatable of arrays, found without a string */

void kw_lua_open_arrays(lua_State *L)
{
    (void)luaL_newmetatable(L, KW_JSON_ARRAY_META);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key);
}

bool kw_lua_is_marked_array(lua_State *L, int index)
{
    if (!lua_checkstack(L, 2) || !lua_getmetatable(L, index))
        return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
    bool marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return marked;
}

void kw_lua_mark_array(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
    lua_setmetatable(L, -2);
}

struct container {
    bool array;
    lua_Integer count;
};

/* A scalar event's value on the stack. False: not a scalar. */
static bool push_scalar(lua_State *L, const struct kw_json *json, enum kw_json_event event)
{
    switch (event) {
    case KW_JSON_NULL:
        lua_pushlightuserdata(L, NULL);
        return true;
    case KW_JSON_TRUE:
    case KW_JSON_FALSE:
        lua_pushboolean(L, event == KW_JSON_TRUE);
        return true;
    case KW_JSON_INT:
        lua_pushinteger(L, json->i64);
        return true;
    case KW_JSON_NUMBER:
        lua_pushnumber(L, json->f64);
        return true;
    case KW_JSON_STRING:
        lua_pushlstring(L, json->text.ptr, json->text.len);
        return true;
    default:
        return false;
    }
}

/* The finished value on top goes into the container below it. */
static void store(lua_State *L, struct container *into)
{
    if (into->array)
        lua_rawseti(L, -2, ++into->count);
    else
        lua_rawset(L, -3);
}

static kw_err push_value(lua_State *L, struct kw_json *json)
{
    struct container open[KW_JSON_DEPTH_MAX] = { { false, 0 } };
    unsigned depth = 0;
    if (!lua_checkstack(L, 3 * KW_JSON_DEPTH_MAX))
        return KW_ENOMEM;
    for (;;) {
        enum kw_json_event event = kw_json_next(json);
        if (event == KW_JSON_ERROR)
            return KW_EINVALID;
        if (event == KW_JSON_END)
            return KW_OK;
        if (event == KW_JSON_KEY) {
            lua_pushlstring(L, json->text.ptr, json->text.len);
            continue;
        }
        if (event == KW_JSON_OBJECT || event == KW_JSON_ARRAY) {
            lua_newtable(L);
            if (event == KW_JSON_ARRAY)
                kw_lua_mark_array(L);
            open[depth++] = (struct container){ event == KW_JSON_ARRAY, 0 };
            continue;
        }
        if (event == KW_JSON_OBJECT_END || event == KW_JSON_ARRAY_END)
            depth--;
        else
            (void)push_scalar(L, json, event);
        if (depth > 0)
            store(L, &open[depth - 1]);
    }
}

struct reading {
    struct kw_json json;
    kw_err err;
};

static int read_inside(lua_State *L)
{
    struct reading *reading = lua_touserdata(L, 1);
    lua_settop(L, 0);
    reading->err = push_value(L, &reading->json);
    return reading->err == KW_OK ? 1 : 0;
}

kw_err kw_lua_push_json(lua_State *L, struct kw_str text, char *error, size_t error_size)
{
    struct reading reading = { .err = KW_ENOMEM };
    unsigned line, column;
    int top = lua_gettop(L);
    if (!lua_checkstack(L, 4)) {
        (void)snprintf(error, error_size, "out of memory");
        return KW_ENOMEM;
    }
    kw_json_init(&reading.json, text);
    lua_pushcfunction(L, read_inside); /* protected: what raises would leave the reader behind */
    lua_pushlightuserdata(L, &reading);
    if (lua_pcall(L, 1, LUA_MULTRET, 0) != LUA_OK)
        reading.err = KW_ENOMEM;
    if (reading.err == KW_ENOMEM) {
        (void)snprintf(error, error_size, "out of memory");
    } else if (reading.err != KW_OK) {
        kw_json_place(text, reading.json.error_at, &line, &column);
        (void)snprintf(error, error_size, "line %u column %u: %s", line, column,
                       reading.json.error_text != NULL ? reading.json.error_text : "not JSON");
    }
    if (reading.err != KW_OK)
        lua_settop(L, top);
    kw_json_free(&reading.json);
    return reading.err;
}

struct writer {
    lua_State *L;
    struct kw_json_out json;
    const char *error;
};

static int by_bytes(const void *a, const void *b)
{
    return kw_str_cmp(*(const struct kw_str *)a, *(const struct kw_str *)b);
}

static bool write_value(struct writer *writer, int index, unsigned depth);

/* The members of a small table. Their values wait on the stack in the order of lua_next(). */
struct members {
    struct kw_str keys[KW_SORT_ON_STACK];
    uint64_t prefixes[KW_SORT_ON_STACK]; /* of the keys, as numbers in the order of their bytes */
    uint8_t order[KW_SORT_ON_STACK];
    size_t count;
};

static uint64_t prefix_of(struct kw_str key)
{
    uint64_t prefix = 0;
    size_t length = key.len < 8 ? key.len : 8;
    for (size_t i = 0; i < length; i++)
        prefix = prefix << 8 | (unsigned char)key.ptr[i];
    return length == 0 ? 0 : prefix << (64 - 8 * length);
}

static bool comes_before(const struct members *members, size_t a, size_t b)
{
    return members->prefixes[a] != members->prefixes[b]
               ? members->prefixes[a] < members->prefixes[b]
               : kw_str_cmp(members->keys[a], members->keys[b]) < 0;
}

static void add_member(struct members *members, struct kw_str key)
{
    size_t made = members->count++, at = made;
    members->keys[made] = key;
    members->prefixes[made] = prefix_of(key);
    for (; at > 0 && comes_before(members, made, members->order[at - 1]); at--)
        members->order[at] = members->order[at - 1];
    members->order[at] = (uint8_t)made;
}

static bool write_large_object(struct writer *writer, int index, unsigned depth);

static bool write_object(struct writer *writer, int index, unsigned depth)
{
    lua_State *L = writer->L;
    struct members members;
    struct kw_str key;
    bool ok = true;
    int top = lua_gettop(L);
    members.count = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0;) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            writer->error = "a table has keys that are not strings";
            lua_settop(L, top);
            return false;
        }
        if (members.count == KW_SORT_ON_STACK || !lua_checkstack(L, 4)) {
            lua_settop(L, top);
            return write_large_object(writer, index, depth);
        }
        key.ptr = lua_tolstring(L, -2, &key.len);
        add_member(&members, key);
        lua_pushvalue(L, -2); /* key and value stay below, for the writing */
    }
    kw_json_obj(&writer->json);
    for (size_t i = 0; ok && i < members.count; i++) {
        kw_json_key_str(&writer->json, members.keys[members.order[i]]);
        ok = write_value(writer, top + 2 * members.order[i] + 2, depth + 1);
    }
    kw_json_obj_end(&writer->json);
    lua_settop(L, top);
    return ok;
}

static bool write_large_object(struct writer *writer, int index, unsigned depth)
{
    lua_State *L = writer->L;
    size_t count = 0, room = 4 * KW_SORT_ON_STACK;
    bool ok = true;
    int top = lua_gettop(L);
    struct kw_str *keys = lua_newuserdatauv(L, room * sizeof *keys, 0); /* Lua owns the list */
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            writer->error = "a table has keys that are not strings";
            ok = false;
            break;
        }
        if (count == room) {
            struct kw_str *more = lua_newuserdatauv(L, room * 2 * sizeof *more, 0);
            memcpy(more, keys, count * sizeof *more);
            lua_replace(L, top + 1);
            keys = more;
            room *= 2;
        }
        keys[count].ptr = lua_tolstring(L, -2, &keys[count].len);
        count++;
    }
    if (ok && count > 1)
        qsort(keys, count, sizeof *keys, by_bytes);
    kw_json_obj(&writer->json);
    for (size_t i = 0; ok && i < count; i++) {
        kw_json_key_str(&writer->json, keys[i]);
        lua_pushlstring(L, keys[i].ptr, keys[i].len);
        lua_rawget(L, index);
        ok = write_value(writer, lua_gettop(L), depth + 1);
        lua_pop(L, 1);
    }
    kw_json_obj_end(&writer->json);
    lua_settop(L, top);
    return ok;
}

static bool is_array(lua_State *L, int index)
{
    return kw_lua_is_marked_array(L, index) || lua_rawlen(L, index) > 0;
}

static bool write_table(struct writer *writer, int index, unsigned depth)
{
    lua_State *L = writer->L;
    if (depth >= KW_JSON_DEPTH_MAX || !lua_checkstack(L, 8)) {
        writer->error = "nested too deeply (a table inside itself?)";
        return false;
    }
    if (kw_watch_expired(&kw_host_of(L)->watch)) {
        writer->error = "the script's time is over";
        return false;
    }
    if (!is_array(L, index))
        return write_object(writer, index, depth);
    lua_Integer count = (lua_Integer)lua_rawlen(L, index);
    bool ok = true;
    kw_json_arr(&writer->json);
    for (lua_Integer i = 1; ok && i <= count; i++) {
        lua_rawgeti(L, index, i);
        ok = write_value(writer, lua_gettop(L), depth + 1);
        lua_pop(L, 1);
    }
    kw_json_arr_end(&writer->json);
    return ok;
}

static bool write_value(struct writer *writer, int index, unsigned depth)
{
    lua_State *L = writer->L;
    size_t length;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        kw_json_null(&writer->json);
        return true;
    case LUA_TLIGHTUSERDATA:
        kw_json_null(&writer->json);
        return lua_touserdata(L, index) == NULL;
    case LUA_TBOOLEAN:
        kw_json_bool(&writer->json, lua_toboolean(L, index));
        return true;
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            kw_json_i64(&writer->json, lua_tointeger(L, index));
        else
            kw_json_f64(&writer->json, lua_tonumber(L, index));
        return true;
    case LUA_TSTRING: {
        const char *text = lua_tolstring(L, index, &length);
        kw_json_str(&writer->json, kw_str_n(text, length));
        return true;
    }
    case LUA_TTABLE:
        return write_table(writer, index, depth);
    default:
        writer->error = "a function, coroutine or object cannot be JSON";
        return false;
    }
}

kw_err kw_lua_write_json(lua_State *L, int index, struct kw_buf *out, char *error,
                         size_t error_size)
{
    struct writer writer = { .L = L };
    kw_json_out_init(&writer.json, out);
    if (!write_value(&writer, lua_absindex(L, index), 0)) {
        (void)snprintf(error, error_size, "%s",
                       writer.error != NULL ? writer.error : "not a JSON value");
        return KW_EINVALID;
    }
    if (writer.json.err != KW_OK)
        (void)snprintf(error, error_size, "%s", kw_err_text(writer.json.err));
    return writer.json.err;
}
