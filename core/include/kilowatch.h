/* kilowatch.h - libkilowatch: the service or the gateway inside your own program.
 *
 *     struct kw_program *program = kw_program_new(KW_ROLE_SERVICE);
 *     kw_program_set(program, "data_dir", "/var/lib/mine");
 *     kw_program_module(program, "mine", functions, my_data);
 *     int status = kw_program_run(program);            // until kw_program_stop()
 *     if (status != 0) puts(kw_program_error(program));
 *     kw_program_free(program);
 *
 * This header is the manual. It needs the C library only. Everything else of the library is its own
 * business and may change; these functions do not change within a major version.
 *
 * Threads: one program runs on one thread, the one that called kw_program_run(); its callbacks and the
 * registered functions run there. Only kw_program_stop() may be called from another. A process may run a
 * service and a gateway on two threads, each with a data folder of its own. The library takes the
 * signal SIGRTMIN+3 (script deadlines) and ignores SIGPIPE; all other signals are yours. With glibc it lets
 * malloc keep up to 8 MiB of free heap (mallopt M_TRIM_THRESHOLD, M_MMAP_THRESHOLD). */
#ifndef KILOWATCH_H
#define KILOWATCH_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kw_program;
struct lua_State; /* of <lua.h>, which you include to write functions for scripts */

enum kw_role {
    KW_ROLE_SERVICE, /* `kilowatch serve`: web, API, live feed, history */
    KW_ROLE_GATEWAY  /* `kilowatch gateway`: OCPP stations to the complex contract */
};

/* "0.1.0"; static. */
const char *kw_program_version(void);

/* Never NULL (the process ends when there is no memory). Owner: caller, until kw_program_free(). */
struct kw_program *kw_program_new(enum kw_role role);

/* Before the run, any number of times; all texts are copied.
 *
 * lua_dir:  the shipped Lua. Without it: KW_LUA_DIR of the environment, else beside the executable.
 *           `pkg-config --variable=luadir kilowatch` tells where the library's install put it.
 * config:   a configuration file, as `--config`.
 * set:      an option by name with its value as text; wins over the file and the environment. All options
 *           with their rules are in lua/kw/config.lua. A wrong name or value fails the run with its rule. */
void kw_program_lua_dir(struct kw_program *program, const char *dir);
void kw_program_config(struct kw_program *program, const char *file);
void kw_program_set(struct kw_program *program, const char *option, const char *value);

/* A function for scripts. It finds `data` as light userdata at lua_upvalueindex(1), returns the number of
 * its results, and may raise with lua_error. It must not block: everything waits for it. */
struct kw_function {
    const char *name;
    int (*call)(struct lua_State *L);
};
/* Shipped Lua (and yours in lua_dir) gets them as `require("NAME")`. `functions` ends with { NULL, NULL };
 * it is copied, `data` stays yours and must live until kw_program_free(). Before the run. Scripts of
 * the site folder do not see it. */
void kw_program_module(struct kw_program *program, const char *name,
                       const struct kw_function *functions, void *data);

/* Each line of the log: one JSON object without line end, valid during the call, instead of standard
 * error. Process-wide, like standard error. May be called from worker threads; must not log. NULL:
 * standard error again. */
void kw_program_on_log(void (*on_line)(const char *line, size_t length, void *arg), void *arg);

/* Once, on the run's thread, when the program accepts connections: `ports` is one JSON object, as in
 * DATA/ports.json ({"https":8443}) or DATA/gateway-ports.json. Valid during the call. */
void kw_program_on_ready(struct kw_program *program, void (*on_ready)(const char *ports, void *arg),
                         void *arg);

/* Runs until kw_program_stop(). Once a program. 0: stopped in order. 1: it failed. 2: the configuration is
 * wrong. What is wrong, where, and what to do: kw_program_error(). */
int kw_program_run(struct kw_program *program);

/* Any thread, any number of times, not from a signal handler: connections are closed in order, answers
 * finished (at most 8 s), pages stored, and kw_program_run() returns. Before the run: it returns at once. */
void kw_program_stop(struct kw_program *program);

/* "" while nothing went wrong. Valid until kw_program_free(). */
const char *kw_program_error(const struct kw_program *program);

/* After the run has returned (or was never begun). NULL is fine. */
void kw_program_free(struct kw_program *program);

#ifdef __cplusplus
}
#endif

#endif
