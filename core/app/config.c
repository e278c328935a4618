/* config.c - Runs lua/kw/config.lua once, in a state of its own, and keeps its flat answer. */
#include "app/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "app/runtime.h"
#include "base/map.h"
#include "base/mem.h"

struct option {
    struct option *next;
    char *text;
    int64_t number;
    bool flag;
    enum kw_option_type type;
};

struct kw_config {
    struct kw_map *options;
    struct option *all;
};

static void keep(struct kw_config *config, lua_State *L)
{
    size_t name_length;
    const char *name = lua_tolstring(L, -2, &name_length); /* keys are strings: no conversion */
    struct option *option = kw_zalloc(sizeof *option);
    option->next = config->all;
    config->all = option;
    option->type = lua_isboolean(L, -1)   ? KW_OPTION_BOOL
                   : lua_isinteger(L, -1) ? KW_OPTION_INT
                                          : KW_OPTION_TEXT;
    option->flag = lua_toboolean(L, -1);
    option->number = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
    option->text = kw_strdup(lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "");
    (void)kw_map_put(config->options, kw_str_n(name, name_length), option);
}

/* Stack: the module's load function's results: table, or nil and the error text. */
static kw_err run(lua_State *L, const char *lua_dir, const char *file, const char *command,
                  const char *const *given, char *error, size_t error_size)
{
    lua_getglobal(L, "package");
    lua_pushfstring(L, "%s/?.lua", lua_dir);
    lua_setfield(L, -2, "path");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "cpath");
    lua_settop(L, 0);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "kw.config");
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
        (void)snprintf(error, error_size, "%s", lua_tostring(L, -1));
        return KW_EINTERNAL;
    }
    lua_getfield(L, -1, "load");
    lua_pushstring(L, file);
    lua_pushstring(L, command);
    lua_newtable(L);
    for (; given[0] != NULL; given += 2) {
        lua_pushstring(L, given[1]);
        lua_setfield(L, -2, given[0]);
    }
    if (lua_pcall(L, 3, 2, 0) != LUA_OK || lua_isnil(L, -2)) {
        (void)snprintf(error, error_size, "%s", lua_tostring(L, -1));
        return KW_EINVALID;
    }
    lua_pop(L, 1);
    return KW_OK;
}

kw_err kw_config_load(const char *file, const char *command, struct kw_config **out, char *error,
                      size_t error_size)
{
    static const char *const nothing[] = { NULL };
    return kw_config_load_with(file, command, nothing, out, error, error_size);
}

kw_err kw_config_load_with(const char *file, const char *command, const char *const *given,
                           struct kw_config **out, char *error, size_t error_size)
{
    char lua_dir[512];
    kw_err err = kw_runtime_lua_dir(lua_dir, sizeof lua_dir, error, error_size);
    if (err != KW_OK)
        return err;
    lua_State *L = luaL_newstate();
    if (L == NULL)
        return KW_ENOMEM;
    luaL_openlibs(L);
    err = run(L, lua_dir, file, command, given, error, error_size);
    if (err == KW_OK) {
        struct kw_config *config = kw_zalloc(sizeof *config);
        config->options = kw_map_new();
        lua_pushnil(L);
        while (lua_next(L, -2) != 0) {
            keep(config, L);
            lua_pop(L, 1);
        }
        *out = config;
    }
    lua_close(L);
    return err;
}

void kw_config_free(struct kw_config *config)
{
    if (config == NULL)
        return;
    kw_map_free(config->options);
    while (config->all != NULL) {
        struct option *option = config->all;
        config->all = option->next;
        kw_free(option->text);
        kw_free(option);
    }
    kw_free(config);
}

static const struct option *find(const struct kw_config *config, const char *name)
{
    const struct option *option = kw_map_get(config->options, kw_str_of(name));
    KW_ASSERT(option != NULL);
    return option;
}

const char *kw_config_text(const struct kw_config *config, const char *option)
{
    return find(config, option)->text;
}

int64_t kw_config_int(const struct kw_config *config, const char *option)
{
    return find(config, option)->number;
}

bool kw_config_bool(const struct kw_config *config, const char *option)
{
    return find(config, option)->flag;
}

enum kw_option_type kw_config_type(const struct kw_config *config, const char *name)
{
    const struct option *option = kw_map_get(config->options, kw_str_of(name));
    return option != NULL ? option->type : KW_OPTION_UNKNOWN;
}
