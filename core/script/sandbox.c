/* sandbox.c - The environment of a site's files: the allow-list, load, require, setmetatable, kw. */
#include "script/sandbox.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lualib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "script/site_file.h"

static const char base_key = 0;    /* registry: what every file sees */
static const char modules_key = 0; /* registry: results of require by name; true while loading */

/* Upvalues: the file's globals, a table whose [1] says that they are locked. */
static int env_newindex(lua_State *L)
{
    lua_rawgeti(L, lua_upvalueindex(2), 1);
    if (lua_toboolean(L, -1))
        return luaL_error(L,
                          "cannot set the global '%s': globals are locked once a file has loaded "
                          "(use a local)",
                          luaL_tolstring(L, 2, NULL));
    lua_settop(L, 3);
    lua_rawset(L, lua_upvalueindex(1));
    return 0;
}

static int l_load(lua_State *L);

void kw_site_env_new(lua_State *L)
{
    lua_newtable(L); /* env: always empty, so that each write asks */
    int env = lua_gettop(L);
    lua_newtable(L); /* its metatable */
    lua_newtable(L); /* the file's globals */
    lua_newtable(L); /* their metatable */
    lua_rawgetp(L, LUA_REGISTRYINDEX, &base_key);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, env);
    lua_pushcclosure(L, l_load, 1);
    lua_setfield(L, -2, "load");
    lua_pushvalue(L, -1);
    lua_setfield(L, env + 1, "__index");
    lua_newtable(L); /* the lock */
    lua_pushvalue(L, -1);
    lua_rawsetp(L, env + 1, &base_key);
    lua_pushcclosure(L, env_newindex, 2);
    lua_setfield(L, env + 1, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, env + 1, "__metatable");
    lua_setmetatable(L, env);
}

void kw_site_env_lock(lua_State *L, int env)
{
    if (!lua_getmetatable(L, env))
        return;
    lua_rawgetp(L, -1, &base_key);
    lua_pushboolean(L, 1);
    lua_rawseti(L, -2, 1);
    lua_pop(L, 2);
}

/* The pieces that a reader function gives, as one string. [-0, +1] */
static void gather(lua_State *L, int reader)
{
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (;;) {
        lua_pushvalue(L, reader);
        lua_call(L, 0, 1);
        if (lua_isnil(L, -1) || (lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) == 0))
            break;
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "reader function must return a string");
        luaL_addvalue(&text);
        if (luaL_bufflen(&text) > KW_SITE_CHUNK_BYTES)
            luaL_error(L, "load: more than %d bytes of source", KW_SITE_CHUNK_BYTES);
    }
    lua_pop(L, 1);
    luaL_pushresult(&text);
}

/* load(text | reader, name?, mode?, env?) -> function | nil, error. Text only. Upvalue 1: the file's
 * environment. */
static int l_load(lua_State *L)
{
    size_t length;
    bool own_env = lua_gettop(L) < 4;
    const char *mode = luaL_optstring(L, 3, "t");
    const char *name =
        luaL_optstring(L, 2, lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : "=(load)");
    if (strchr(mode, 't') == NULL) {
        lua_pushnil(L);
        lua_pushliteral(L, "load: only source text is allowed here, no bytecode");
        return 2;
    }
    if (lua_type(L, 1) != LUA_TSTRING) {
        luaL_checktype(L, 1, LUA_TFUNCTION);
        gather(L, 1);
        lua_replace(L, 1);
    }
    const char *text = lua_tolstring(L, 1, &length);
    if (length > KW_SITE_CHUNK_BYTES) {
        lua_pushnil(L);
        lua_pushfstring(L, "load: more than %d bytes of source", KW_SITE_CHUNK_BYTES);
        return 2;
    }
    if (luaL_loadbufferx(L, text, length, name, "t") != LUA_OK) {
        kw_watch_check(L);
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    lua_pushvalue(L, own_env ? lua_upvalueindex(1) : 4);
    if (lua_setupvalue(L, -2, 1) == NULL)
        lua_pop(L, 1);
    return 1;
}

/* The path of `path` below its root, for messages. */
static const char *short_path(const struct kw_host *host, const char *path)
{
    for (size_t i = 0; i < host->root_count; i++) {
        size_t length = strlen(host->roots[i]);
        if (strncmp(path, host->roots[i], length) == 0 && path[length] == '/')
            return path + length + 1;
    }
    return path;
}

static int read_inside(lua_State *L)
{
    const struct kw_buf *text = lua_touserdata(L, 1);
    const char *name = lua_touserdata(L, 2);
    struct kw_str source = kw_site_file_source(kw_buf_str(text));
    lua_settop(L, 0);
    lua_pushfstring(L, "@%s", name);
    if (luaL_loadbufferx(L, source.ptr, source.len, lua_tostring(L, -1), "t") != LUA_OK)
        return lua_error(L);
    return 1;
}

/* The file's chunk, compiled; raises. [-0, +1] */
static void compile_file(lua_State *L, const char *path)
{
    char error[300];
    struct kw_buf text;
    const char *name = short_path(kw_host_of(L), path);
    int version = 0;
    kw_buf_init(&text, KW_SITE_CHUNK_BYTES + 1);
    kw_err err = kw_site_file_read(path, KW_SITE_CHUNK_BYTES, &text, error, sizeof error);
    if (err == KW_OK)
        err = kw_site_file_version(kw_buf_str(&text), &version, error, sizeof error);
    if (err != KW_OK) {
        kw_buf_free(&text);
        luaL_error(L, "%s:1: %s", name, error);
    }
    if (version == 0)
        KW_LOG(KW_LOG_WARN, "site", "the first line does not name the API version (--% api: 1)",
               KW_LC("file", name));
    lua_pushcfunction(L, read_inside); /* protected: the text is C's */
    lua_pushlightuserdata(L, &text);
    lua_pushlightuserdata(L, (void *)(uintptr_t)name);
    int status = lua_pcall(L, 2, 1, 0);
    kw_buf_free(&text);
    if (status != LUA_OK)
        (void)lua_error(L);
}

void kw_sandbox_run_file(lua_State *L, const char *path)
{
    compile_file(L, path);
    kw_site_env_new(L);
    int env = lua_gettop(L);
    lua_pushvalue(L, env);
    if (lua_setupvalue(L, env - 1, 1) == NULL)
        lua_pop(L, 1);
    lua_pushvalue(L, env - 1);
    lua_call(L, 0, 1);
    kw_site_env_lock(L, env);
    lua_replace(L, env - 1);
    lua_settop(L, env - 1);
}

/* The file that NAME means: lib/NAME.lua, else NAME.lua; '.' is a folder. False: none. */
static bool find_module(lua_State *L, const char *name, char *path, size_t size)
{
    static const char *const below[] = { "lib/", "" };
    const struct kw_host *host = kw_host_of(L);
    const char *file = luaL_gsub(L, name, ".", "/");
    for (size_t i = 0; i < 2 * host->root_count; i++) {
        int n = snprintf(path, size, "%s/%s%s.lua", host->roots[i / 2], below[i % 2], file);
        if (n > 0 && (size_t)n < size && access(path, R_OK) == 0)
            return true;
    }
    return false;
}

static void check_module_name(lua_State *L, const char *name)
{
    size_t good =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./");
    if (name[0] == 0 || name[good] != 0 || name[0] == '/' || name[0] == '.' ||
        strstr(name, "..") != NULL || strstr(name, "//") != NULL)
        luaL_error(L, "require: '%s' is not the name of a file of the site", name);
}

/* require "NAME" -> what lib/NAME.lua returned, loaded once. Raises: none, a cycle, its error. */
static int l_require(lua_State *L)
{
    char path[1024];
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    check_module_name(L, name);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &modules_key);
    lua_getfield(L, 2, name);
    if (lua_islightuserdata(L, 3))
        return luaL_error(L, "require: '%s' needs itself (a cycle)", name);
    if (!lua_isnil(L, 3))
        return 1;
    if (!find_module(L, name, path, sizeof path))
        return luaL_error(L, "require: the site has no lib/%s.lua", name);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&modules_key);
    lua_setfield(L, 2, name);
    lua_settop(L, 2);
    lua_pushcfunction(L, kw_sandbox_run_module);
    lua_pushstring(L, path);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        kw_watch_check(L);
        lua_pushnil(L);
        lua_setfield(L, 2, name);
        return lua_error(L);
    }
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    return 1;
}

/* Path -> the file's value. */
int kw_sandbox_run_module(lua_State *L)
{
    kw_sandbox_run_file(L, lua_tostring(L, 1));
    return 1;
}

/* setmetatable(t, m) -> t. A finaliser runs with hooks off: refused. */
static int l_setmetatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    lua_settop(L, 2);
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        lua_rawget(L, 2);
        if (!lua_isnil(L, -1))
            return luaL_error(L, "setmetatable: __gc is not allowed here");
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

/* kw.now() -> Unix milliseconds UTC. */
static int l_now(lua_State *L)
{
    lua_pushinteger(L, kw_now_ms());
    return 1;
}

/* kw.t(ru, en) -> { ru = ru, en = en } */
static int l_t(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "ru");
    lua_pushvalue(L, 2);
    lua_setfield(L, -2, "en");
    return 1;
}

/* `names` (NULL-terminated) of the table on top into the table below it; pops the former. */
static void take(lua_State *L, const char *const *names)
{
    for (; *names != NULL; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, -3, *names);
    }
    lua_pop(L, 1);
}

static void open_libraries(lua_State *L)
{
    static const char *const base[] = { "assert",       "error",    "ipairs",   "next",   "pairs",
                                        "select",       "tonumber", "tostring", "type",   "rawget",
                                        "getmetatable", "rawset",   "rawequal", "rawlen", NULL };
    static const char *const os[] = { "time", "date", "clock", "difftime", NULL };
    luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
    take(L, base);
    kw_open_guarded(L, lua_gettop(L));
    lua_pushcfunction(L, l_setmetatable);
    lua_setfield(L, -2, "setmetatable");
    lua_pushcfunction(L, l_require);
    lua_setfield(L, -2, "require");
    luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
    lua_setfield(L, -2, LUA_MATHLIBNAME);
    luaL_requiref(L, LUA_UTF8LIBNAME, luaopen_utf8, 0);
    lua_setfield(L, -2, LUA_UTF8LIBNAME);
    luaL_requiref(L, LUA_COLIBNAME, luaopen_coroutine, 0);
    kw_open_coroutines(L, lua_gettop(L));
    lua_setfield(L, -2, LUA_COLIBNAME);
    kw_open_site_string(L);
    lua_setfield(L, -2, LUA_STRLIBNAME);
    kw_open_site_table(L);
    lua_setfield(L, -2, LUA_TABLIBNAME);
    lua_newtable(L);
    luaL_requiref(L, LUA_OSLIBNAME, luaopen_os, 0);
    take(L, os);
    lua_setfield(L, -2, LUA_OSLIBNAME);
}

void kw_open_sandbox(struct kw_host *host)
{
    lua_State *L = host->L;
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &modules_key);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &base_key);
    open_libraries(L);
    lua_newtable(L);
    lua_pushliteral(L, KW_VERSION);
    lua_setfield(L, -2, "version");
    lua_pushstring(L, host->zone);
    lua_setfield(L, -2, "zone");
    lua_pushcfunction(L, l_now);
    lua_setfield(L, -2, "now");
    lua_pushcfunction(L, l_t);
    lua_setfield(L, -2, "t");
    kw_open_site_kw(L);
    lua_setfield(L, -2, "kw");
    lua_pop(L, 1);
}
