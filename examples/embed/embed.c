/* embed.c - A program with the whole service inside: own options, own log, own Lua module.
 *
 *     cc embed.c $(pkg-config --cflags --libs kilowatch lua5.4) -o embed
 *     ./embed DATA-FOLDER REDIS-URL [LUA-FOLDER] [SECONDS]
 *
 * It starts `kilowatch serve` on a free port of loopback, prints the address, runs until SIGINT or SIGTERM
 * (or for SECONDS), and ends in order. A second thread waits for the signals, because all else here runs
 * on the loop's thread. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <lua.h>

#include <kilowatch.h>

/* require("embed").answer() -> what the embedding program knows. */
static int answer(lua_State *L)
{
    const int *number = lua_touserdata(L, lua_upvalueindex(1));
    lua_pushinteger(L, *number);
    return 1;
}

static void on_log(const char *line, size_t length, void *arg)
{
    (void)fprintf((FILE *)arg, "embedded: %.*s\n", (int)length, line);
}

static void on_ready(const char *ports, void *arg)
{
    (void)arg;
    (void)printf("ready %s\n", ports);
    (void)fflush(stdout);
}

struct ending {
    struct kw_program *program;
    long seconds; /* 0: until a signal */
    sigset_t signals;
};

static void *wait_for_end(void *arg)
{
    struct ending *ending = arg;
    struct timespec most = { .tv_sec = ending->seconds };
    int signum;
    if (ending->seconds > 0)
        (void)sigtimedwait(&ending->signals, NULL, &most);
    else
        (void)sigwait(&ending->signals, &signum);
    kw_program_stop(ending->program);
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct kw_function functions[] = { { "answer", answer }, { NULL, NULL } };
    int number = 42;
    pthread_t waiter;
    struct ending ending = { .seconds = argc > 4 ? strtol(argv[4], NULL, 10) : 0 };
    if (argc < 3) {
        (void)fprintf(stderr, "usage: %s DATA-FOLDER REDIS-URL [LUA-FOLDER] [SECONDS]\n", argv[0]);
        return 2;
    }
    (void)sigemptyset(&ending.signals);
    (void)sigaddset(&ending.signals, SIGINT);
    (void)sigaddset(&ending.signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &ending.signals, NULL); /* for all threads made from here */

    struct kw_program *program = kw_program_new(KW_ROLE_SERVICE);
    if (argc > 3)
        kw_program_lua_dir(program, argv[3]);
    kw_program_set(program, "data_dir", argv[1]);
    kw_program_set(program, "redis_url", argv[2]);
    kw_program_set(program, "listen_host", "127.0.0.1");
    kw_program_set(program, "listen_port", "0");
    kw_program_module(program, "embed", functions, &number);
    kw_program_on_log(on_log, stderr);
    kw_program_on_ready(program, on_ready, NULL);

    ending.program = program;
    if (pthread_create(&waiter, NULL, wait_for_end, &ending) != 0)
        return 1;
    int status = kw_program_run(program);
    if (status != 0) {
        (void)fprintf(stderr, "%s: %s\n", argv[0], kw_program_error(program));
        (void)pthread_kill(waiter, SIGTERM); /* it still waits */
    }
    (void)pthread_join(waiter, NULL);
    kw_program_free(program);
    return status;
}
