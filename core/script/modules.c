/* modules.c - What every host has: kw.json, kw.log, kw.time. */
#include "base/clock.h"
#include "base/log.h"
#include "script/host_internal.h"
#include "script/lua_json.h"
#include "script/sandbox.h"

#define KW_LUA_JSON_BYTES (32u * 1024 * 1024)
#define KW_LOG_FIELDS 12
#define KW_SITE_LOG_LINES 100 /* a second */

struct encoding {
    struct kw_buf out;
    char error[200];
};

/* Value, light userdata -> text; protected, because what raises would leave the buffer behind. */
static int encode_inside(lua_State *L)
{
    struct encoding *encoding = lua_touserdata(L, 2);
    if (kw_lua_write_json(L, 1, &encoding->out, encoding->error, sizeof encoding->error) != KW_OK)
        return luaL_error(L, "json.encode: %s", encoding->error);
    lua_pushlstring(L, kw_buf_ptr(&encoding->out), kw_buf_len(&encoding->out));
    return 1;
}

static int encode(lua_State *L, size_t limit_bytes)
{
    struct encoding encoding;
    luaL_checkany(L, 1);
    kw_buf_init(&encoding.out, limit_bytes);
    lua_pushcfunction(L, encode_inside);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, &encoding);
    int status = lua_pcall(L, 2, 1, 0);
    kw_buf_free(&encoding.out);
    return status == LUA_OK ? 1 : lua_error(L);
}

/* json.encode(value) -> text; raises on what JSON cannot say. Stack [-0, +1]. */
static int l_encode(lua_State *L)
{
    return encode(L, KW_LUA_JSON_BYTES);
}

/* json.decode(text) -> value | nil, "line L column C: why". Stack [-0, +1|2]. */
static int l_decode(lua_State *L)
{
    char error[200] = "";
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    if (kw_lua_push_json(L, kw_str_n(text, length), error, sizeof error) == KW_OK)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, error);
    return 2;
}

/* json.array(table?) -> the table, marked to be written as [] even when empty. Stack [-0, +1]. */
static int l_array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    kw_lua_mark_array(L);
    return 1;
}

/* time.now_ms() -> Unix milliseconds UTC. Stack [-0, +1]. */
static int l_now_ms(lua_State *L)
{
    lua_pushinteger(L, kw_now_ms());
    return 1;
}

/* time.mono_us() -> monotonic microseconds. Stack [-0, +1]. */
static int l_mono_us(lua_State *L)
{
    lua_pushinteger(L, kw_mono_us());
    return 1;
}

/* time.rfc3339(ms) -> "2026-01-01T00:00:00.000Z". Stack [-0, +1]. */
static int l_rfc3339(lua_State *L)
{
    char text[KW_RFC3339_SIZE];
    kw_rfc3339(luaL_checkinteger(L, 1), text);
    lua_pushstring(L, text);
    return 1;
}

/* time.parse(text) -> ms, had_zone | nil. Stack [-0, +1|2]. */
static int l_parse(lua_State *L)
{
    size_t length;
    int64_t ms;
    bool zoned;
    const char *text = luaL_checklstring(L, 1, &length);
    if (kw_rfc3339_parse(kw_str_n(text, length), &ms, &zoned) != KW_OK) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, ms);
    lua_pushboolean(L, zoned);
    return 2;
}

static int write_log(lua_State *L, enum kw_log_level level)
{
    struct kw_log_field fields[KW_LOG_FIELDS];
    size_t count = 0, length;
    const char *text = luaL_checkstring(L, 1);
    lua_settop(L, 2);
    if (lua_istable(L, 2)) {
        for (lua_pushnil(L); lua_next(L, 2) != 0 && count < KW_LOG_FIELDS;) {
            if (lua_type(L, -2) != LUA_TSTRING) {
                lua_pop(L, 1);
                continue;
            }
            struct kw_log_field *field = &fields[count++];
            field->key = lua_tostring(L, -2);
            field->kind = lua_isinteger(L, -1) ? KW_FIELD_INT : KW_FIELD_TEXT;
            field->number = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
            const char *value = luaL_tolstring(L, -1, &length);
            field->text = kw_str_n(value, length);
            lua_pushvalue(L, -3); /* the next key on top; value and its text stay below, alive */
            luaL_checkstack(L, 8, "log");
        }
    }
    kw_log_fields(level, "lua", text, fields, count);
    return 0;
}

/* log.debug(text, fields?): one line; fields are a flat table. Stack [-0, +0]. */
static int l_debug(lua_State *L)
{
    return write_log(L, KW_LOG_DEBUG);
}

/* log.info(text, fields?): one line; fields are a flat table. Stack [-0, +0]. */
static int l_info(lua_State *L)
{
    return write_log(L, KW_LOG_INFO);
}

/* log.warn(text, fields?): one line; fields are a flat table. Stack [-0, +0]. */
static int l_warn(lua_State *L)
{
    return write_log(L, KW_LOG_WARN);
}

/* log.error(text, fields?): one line; fields are a flat table. Stack [-0, +0]. */
static int l_error(lua_State *L)
{
    return write_log(L, KW_LOG_ERROR);
}

void kw_open_basic_modules(struct kw_host *host)
{
    static const struct luaL_Reg json[] = {
        { "encode", l_encode }, { "decode", l_decode }, { "array", l_array }, { NULL, NULL }
    };
    static const struct luaL_Reg time[] = { { "now_ms", l_now_ms },
                                            { "mono_us", l_mono_us },
                                            { "rfc3339", l_rfc3339 },
                                            { "parse", l_parse },
                                            { NULL, NULL } };
    static const struct luaL_Reg log[] = { { "debug", l_debug },
                                           { "info", l_info },
                                           { "warn", l_warn },
                                           { "error", l_error },
                                           { NULL, NULL } };
    kw_lua_open_arrays(host->L);
    kw_host_module(host, "kw.json", json, host);
    kw_host_module(host, "kw.time", time, host);
    kw_host_module(host, "kw.log", log, host);
    lua_getglobal(host->L, "require");
    lua_pushliteral(host->L, "kw.json");
    lua_call(host->L, 1, 1);
    lua_pushlightuserdata(host->L, NULL);
    lua_setfield(host->L, -2, "null");
    lua_pop(host->L, 1);
}

/* A site's json.encode: smaller. */
static int l_site_encode(lua_State *L)
{
    return encode(L, KW_SITE_STRING_BYTES);
}

/* A site's json.decode: smaller, because nothing ends it half-way. */
static int l_site_decode(lua_State *L)
{
    size_t length;
    (void)luaL_checklstring(L, 1, &length);
    if (length <= KW_SITE_STRING_BYTES)
        return l_decode(L);
    lua_pushnil(L);
    lua_pushfstring(L, "larger than %d bytes", KW_SITE_STRING_BYTES);
    return 2;
}

/* A site may not flood the log. */
static int site_log(lua_State *L, enum kw_log_level level)
{
    struct kw_host *host = kw_host_of(L);
    int64_t second = kw_mono_us() / 1000000;
    if (second != host->log_second) {
        if (host->log_lines > KW_SITE_LOG_LINES)
            KW_LOG(KW_LOG_WARN, "lua", "lines of the site were left out", KW_LC("host", host->name),
                   KW_LI("lines", host->log_lines - KW_SITE_LOG_LINES));
        host->log_second = second;
        host->log_lines = 0;
    }
    return ++host->log_lines > KW_SITE_LOG_LINES ? 0 : write_log(L, level);
}

static int l_site_info(lua_State *L)
{
    return site_log(L, KW_LOG_INFO);
}

static int l_site_warn(lua_State *L)
{
    return site_log(L, KW_LOG_WARN);
}

static int l_site_error(lua_State *L)
{
    return site_log(L, KW_LOG_ERROR);
}

void kw_open_site_kw(lua_State *L)
{
    static const struct luaL_Reg json[] = { { "encode", l_site_encode },
                                            { "decode", l_site_decode },
                                            { "array", l_array },
                                            { NULL, NULL } };
    static const struct luaL_Reg log[] = {
        { "info", l_site_info }, { "warn", l_site_warn }, { "error", l_site_error }, { NULL, NULL }
    };
    kw_lua_open_arrays(L);
    luaL_newlib(L, json);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    lua_setfield(L, -2, "json");
    luaL_newlib(L, log);
    lua_setfield(L, -2, "log");
}
