/* command_check.c - `kilowatch check`: the configuration and every script of the site, without serving.
 *
 * The work on scripts is Lua's (lua/kw/site_check.lua); here is what it cannot do itself: list the folder,
 * and run a test file of the site in the sandbox. */
#include "app/commands.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/site.h"
#include "base/log.h"

#define KW_CHECK_DEPTH 6
#define KW_CHECK_FILES 1000
#define KW_TEST_SLICE_US 2000000
#define KW_CHECK_TEXT 4096

struct check {
    struct kw_site *site;
    const char *dir;
    bool failed;
};

static struct check *check_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* --- files --- */

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strlen(entry->d_name) < 100;
}

static void list_folder(lua_State *L, const char *dir, const char *below, int depth)
{
    char path[1200], name[600];
    struct dirent **entries = NULL;
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", dir, below);
    int count = depth < KW_CHECK_DEPTH ? scandir(path, &entries, visible, alphasort) : 0;
    for (int i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "%.480s%s%.100s", below, below[0] != 0 ? "/" : "",
                       entries[i]->d_name);
        (void)snprintf(path, sizeof path, "%.500s/%s", dir, name);
        free(entries[i]);
        size_t length = strlen(name);
        bool there = stat(path, &st) == 0;
        if (there && S_ISDIR(st.st_mode)) {
            list_folder(L, dir, name, depth + 1);
        } else if (there && length > 4 && strcmp(name + length - 4, ".lua") == 0 &&
                   lua_rawlen(L, -1) < KW_CHECK_FILES) {
            lua_pushstring(L, name);
            lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
        }
    }
    free(entries);
}

/* checking.files() -> names of the scripts below the folder, sorted. Stack [-0, +1]. */
static int l_files(lua_State *L)
{
    lua_newtable(L);
    list_folder(L, check_of(L)->dir, "", 0);
    return 1;
}

/* --- what did not load --- */

static void push_problem(const char *file, const char *text, void *arg)
{
    lua_State *L = arg;
    lua_createtable(L, 0, 2);
    lua_pushstring(L, file);
    lua_setfield(L, -2, "file");
    lua_pushstring(L, text);
    lua_setfield(L, -2, "text");
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* checking.problems() -> { { file, text }, ... }: what did not load. Stack [-0, +1]. */
static int l_problems(lua_State *L)
{
    lua_newtable(L);
    kw_site_each_problem(check_of(L)->site, push_problem, L);
    return 1;
}

/* --- tests --- */

static int no(lua_State *L, const char *words)
{
    lua_pushnil(L);
    lua_pushstring(L, words);
    return 2;
}

/* checking.load_test(file) -> names of its tests | nil, words. Stack [-0, +1|2]. */
static int l_load_test(lua_State *L)
{
    char error[KW_CHECK_TEXT] = "";
    const char *file = luaL_checkstring(L, 1);
    struct kw_host *host = kw_site_host(check_of(L)->site);
    if (host == NULL || kw_host_load(host, file, file, error, sizeof error) != KW_OK)
        return no(L, error);
    lua_State *site = kw_host_state(host);
    int top = lua_gettop(site);
    lua_newtable(L);
    if (kw_host_push_value(host, file, NULL) && lua_istable(site, -1)) {
        for (lua_pushnil(site); lua_next(site, top + 1) != 0; lua_pop(site, 1)) {
            if (lua_type(site, -2) == LUA_TSTRING && lua_isfunction(site, -1)) {
                lua_pushstring(L, lua_tostring(site, -2));
                lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
            }
        }
    }
    lua_settop(site, top);
    return 1;
}

/* checking.run_test(file, name) -> true | nil, words. Stack [-0, +1|2]. */
static int l_run_test(lua_State *L)
{
    static const struct kw_run_limits limits = { KW_TEST_SLICE_US, 0, 0 };
    char error[KW_CHECK_TEXT] = "";
    const char *file = luaL_checkstring(L, 1), *name = luaL_checkstring(L, 2);
    struct kw_host *host = kw_site_host(check_of(L)->site);
    if (kw_host_call(host, file, name, &limits, NULL, NULL, NULL, error, sizeof error) != KW_OK)
        return no(L, error);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- the command --- */

static int l_print(lua_State *L)
{
    (void)puts(luaL_checkstring(L, 1));
    return 0;
}

static int push_run(lua_State *L, void *arg)
{
    lua_pushstring(L, ((struct check *)arg)->dir);
    lua_pushcfunction(L, l_print);
    return 2;
}

static void read_run(lua_State *L, int n, void *arg)
{
    long long problems = lua_tointeger(L, -n), files = lua_tointeger(L, 1 - n);
    long long tests = lua_tointeger(L, 2 - n);
    ((struct check *)arg)->failed = problems > 0;
    (void)printf("%lld files, %lld tests, %lld problems\n", files, tests, problems);
}

static kw_err check_scripts(struct check *check, struct kw_host *core, char *error,
                            size_t error_size)
{
    static const struct luaL_Reg functions[] = { { "files", l_files },
                                                 { "problems", l_problems },
                                                 { "load_test", l_load_test },
                                                 { "run_test", l_run_test },
                                                 { NULL, NULL } };
    kw_bind_site(core, check->site);
    kw_host_module(core, "kw.checking", functions, check);
    kw_err err = kw_host_load(core, "kw/site_check.lua", "check", error, error_size);
    if (err == KW_OK)
        err =
            kw_host_call(core, "check", "run", NULL, push_run, read_run, check, error, error_size);
    return err;
}

static int check_site(const struct kw_config *config)
{
    char lua_dir[512], error[KW_CHECK_TEXT] = "";
    struct check check = { .dir = kw_config_text(config, "site_dir") };
    struct kw_metrics *metrics = kw_metrics_new();
    struct kw_host *core = NULL;
    kw_err err = kw_runtime_lua_dir(lua_dir, sizeof lua_dir, error, sizeof error);
    const char *roots[] = { lua_dir, NULL };
    struct kw_host_options options = {
        .trust = KW_TRUST_CORE, .name = "check", .roots = roots, .metrics = metrics
    };
    kw_log_setup(KW_LOG_ERROR + 1, 2); /* what the log would say is printed as a problem */
    if (err == KW_OK)
        err = kw_host_new(&options, &core, error, sizeof error);
    if (err == KW_OK)
        err = kw_site_new(metrics, check.dir, kw_config_text(config, "zone"), &check.site, error,
                          sizeof error);
    if (err == KW_OK)
        err = check_scripts(&check, core, error, sizeof error);
    if (err != KW_OK)
        (void)fprintf(stderr, "kilowatch check: %s\n", error);
    kw_host_free(core);
    kw_site_free(check.site);
    kw_metrics_free(metrics);
    return err != KW_OK || check.failed ? 1 : 0;
}

int kw_command_check(int argc, char **argv)
{
    char error[KW_CHECK_TEXT] = "";
    struct kw_config *config = NULL;
    bool named = argc == 3 && strcmp(argv[1], "--config") == 0;
    if (argc != 1 && !named) {
        (void)fprintf(stderr, "usage: kilowatch check [--config FILE]\n");
        return 2;
    }
    if (kw_config_load(named ? argv[2] : NULL, "check", &config, error, sizeof error) != KW_OK) {
        (void)printf("%s\n", error);
        return 2;
    }
    (void)printf("configuration: good\n");
    int status = kw_config_text(config, "site_dir")[0] != 0 ? check_site(config) : 0;
    kw_config_free(config);
    return status;
}
