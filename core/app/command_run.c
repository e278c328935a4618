/* command_run.c - `kilowatch run`: any Lua program as one task on the host. */
#include "app/commands.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/runtime.h"
#include "base/mem.h"

struct program {
    struct kw_runtime *runtime;
    int argc;
    char **argv;
    int status;
    bool ended;
};

static int push_arguments(lua_State *L, void *arg)
{
    const struct program *program = arg;
    luaL_checkstack(L, program->argc, "too many arguments");
    for (int i = 2; i < program->argc; i++)
        lua_pushstring(L, program->argv[i]);
    return program->argc > 2 ? program->argc - 2 : 0;
}

static void program_done(kw_err err, lua_State *L, int results, const char *error, void *arg)
{
    struct program *program = arg;
    program->ended = true;
    if (err == KW_OK) {
        if (results >= 1 && lua_isinteger(L, -results))
            program->status = (int)lua_tointeger(L, -results);
    } else if (err != KW_ECANCELLED) {
        (void)fprintf(stderr, "kilowatch run: %s\n", error);
        program->status = 1;
    }
    kw_loop_stop(program->runtime->loop);
}

static void on_signal(void *arg, int signum)
{
    (void)signum;
    kw_loop_stop(((struct program *)arg)->runtime->loop);
}

/* The program's folder, for its own require. */
static void folder_of(const char *file, char *out, size_t size)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        (void)snprintf(out, size, ".");
    else
        (void)snprintf(out, size, "%.*s", (int)(slash - file), file);
}

static void start(struct program *program)
{
    struct kw_host *host = program->runtime->host;
    lua_State *L = kw_host_state(host);
    if (luaL_loadfilex(L, program->argv[1], "t") != LUA_OK) {
        (void)fprintf(stderr, "kilowatch run: %s\n", lua_tostring(L, -1));
        lua_pop(L, 1);
        program->status = 1;
        program->ended = true;
        return;
    }
    int ref = kw_host_ref(host, L);
    kw_err err = kw_task_start(host, ref, NULL, push_arguments, program_done, program, NULL);
    KW_ASSERT(err == KW_OK); /* the first task of a new host */
    kw_host_unref(host, ref);
}

int kw_command_run(int argc, char **argv)
{
    char folder[1024], error[1024] = "";
    struct program program = { .argc = argc, .argv = argv };
    if (argc < 2) {
        (void)fprintf(stderr, "usage: kilowatch run FILE.lua [ARGUMENTS...]\n");
        return 2;
    }
    folder_of(argv[1], folder, sizeof folder);
    if (kw_runtime_new(NULL, folder, &program.runtime, error, sizeof error) != KW_OK) {
        (void)fprintf(stderr, "kilowatch run: %s\n", error);
        return 1;
    }
    kw_loop_on_signal(program.runtime->loop, SIGINT, on_signal, &program);
    kw_loop_on_signal(program.runtime->loop, SIGTERM, on_signal, &program);
    start(&program);
    if (!program.ended)
        kw_loop_run(program.runtime->loop);
    kw_runtime_free(program.runtime);
    return program.status;
}
