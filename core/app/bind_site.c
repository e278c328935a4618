/* bind_site.c - `kw.site` for the core Lua: the site's own rule where there is one. */
#include <lauxlib.h>
#include <lua.h>

#include "app/site.h"

#define KW_SITE_STATUS_BYTES (512u * 1024)

static struct kw_site *site_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static int fail(lua_State *L, kw_err err, const char *error)
{
    const char *slug = err == KW_ENOTFOUND ? "not-found" : err == KW_EDENIED ? "off" : "failed";
    return kw_lua_fail(L, slug, error);
}

/* site.call(name, function, arguments...) -> results... | nil, slug, words. The slug is "not-found" (the
 * site has no such file or function), "off" (it did not load, or failed too often) or "failed" (now; it is
 * in the log). Raises when an argument is no data. Stack [-0, +n]. */
static int l_call(lua_State *L)
{
    char error[4096] = "";
    int results = 0;
    struct kw_site *site = site_of(L);
    const char *name = luaL_checkstring(L, 1), *function = luaL_checkstring(L, 2);
    if (site == NULL)
        return fail(L, KW_ENOTFOUND, error);
    kw_err err =
        kw_site_call(site, name, function, L, 3, lua_gettop(L) - 2, &results, error, sizeof error);
    if (err == KW_EINVALID)
        return luaL_error(L, "site.call: %s", error);
    return err == KW_OK ? results : fail(L, err, error);
}

/* site.value(name, key?) -> a copy of the field, or of all that the file returned | nil, slug, words.
 * Stack [-0, +1|3]. */
static int l_value(lua_State *L)
{
    char error[1024] = "";
    struct kw_site *site = site_of(L);
    const char *name = luaL_checkstring(L, 1), *key = luaL_optstring(L, 2, NULL);
    kw_err err =
        site == NULL ? KW_ENOTFOUND : kw_site_value(site, name, key, L, error, sizeof error);
    return err == KW_OK ? 1 : fail(L, err, error);
}

/* site.refuse(name, words): the file's data is wrong; the shipped one serves until a reload. [-0, +0] */
static int l_refuse(lua_State *L)
{
    if (site_of(L) != NULL)
        kw_site_refuse(site_of(L), luaL_checkstring(L, 1), luaL_checkstring(L, 2));
    return 0;
}

/* site.reload() -> true | nil, slug, words: the folder is read again; a broken one is refused. */
static int l_reload(lua_State *L)
{
    char error[1024] = "";
    kw_err err = site_of(L) == NULL ? KW_OK : kw_site_reload(site_of(L), error, sizeof error);
    if (err != KW_OK)
        return fail(L, err == KW_ENOTFOUND ? KW_EIO : err, error);
    lua_pushboolean(L, 1);
    return 1;
}

/* site.status() -> { state, dir?, entries = { { name, state, failures, error?, at? }, ... } }. [-0, +1] */
static int l_status(lua_State *L)
{
    struct kw_buf text;
    struct kw_json_out json;
    char error[100] = "";
    kw_buf_init(&text, KW_SITE_STATUS_BYTES);
    kw_json_out_init(&json, &text);
    if (site_of(L) != NULL)
        kw_site_write_status(site_of(L), &json);
    else
        kw_json_raw(&json, KW_STR("{\"state\":\"none\",\"entries\":[]}"));
    kw_err err = kw_lua_push_json(L, kw_buf_str(&text), error, sizeof error);
    kw_buf_free(&text);
    return err == KW_OK ? 1 : kw_lua_fail(L, kw_err_slug(err), error);
}

void kw_bind_site(struct kw_host *core, struct kw_site *site)
{
    static const struct luaL_Reg functions[] = { { "call", l_call },     { "value", l_value },
                                                 { "refuse", l_refuse }, { "reload", l_reload },
                                                 { "status", l_status }, { NULL, NULL } };
    kw_host_module(core, "kw.site", functions, site);
}
