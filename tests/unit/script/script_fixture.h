/* script_fixture.h - A host over a temporary folder, and short ways to run Lua in it. */
#ifndef TESTS_SCRIPT_FIXTURE_H
#define TESTS_SCRIPT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/metrics.h"
#include "script/host.h"
#include "script/watch.h"

struct fixture {
    char dir[64];
    struct kw_metrics *metrics;
    struct kw_host *host;
    char error[4096];
    struct kw_task_id waiting; /* of test.wait() */
    int cancelled;
    int done;
    kw_err done_err;
    char done_text[512];
};

__attribute__((unused)) static void fixture_write(struct fixture *f, const char *name,
                                                  const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    for (char *slash = strchr(path + strlen(f->dir) + 1, '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

__attribute__((unused)) static void fixture_open(struct fixture *f, enum kw_trust trust)
{
    memset(f, 0, sizeof *f);
    kw_log_setup(KW_LOG_ERROR + 1, 2); /* what is refused here is refused on purpose */
    snprintf(f->dir, sizeof f->dir, "/tmp/kw-script-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->metrics = kw_metrics_new();
    const char *roots[] = { f->dir, NULL };
    struct kw_host_options options = {
        .trust = trust, .name = "test", .roots = roots, .metrics = f->metrics
    };
    assert_int_equal(kw_host_new(&options, &f->host, f->error, sizeof f->error), KW_OK);
}

__attribute__((unused)) static void fixture_close(struct fixture *f)
{
    char command[128];
    kw_host_free(f->host);
    kw_metrics_free(f->metrics);
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
    kw_log_setup(KW_LOG_INFO, 2);
}

/* Write TEXT as NAME.lua and load it under NAME. */
__attribute__((unused)) static kw_err fixture_load(struct fixture *f, const char *name,
                                                   const char *text)
{
    char file[128];
    snprintf(file, sizeof file, "%s.lua", name);
    fixture_write(f, file, text);
    f->error[0] = 0;
    return kw_host_load(f->host, file, name, f->error, sizeof f->error);
}

__attribute__((unused)) static void fixture_read_text(lua_State *L, int n, void *arg)
{
    struct fixture *f = arg;
    f->done_text[0] = 0;
    if (n >= 1 && lua_type(L, -n) == LUA_TSTRING)
        snprintf(f->done_text, sizeof f->done_text, "%s", lua_tostring(L, -n));
    else if (n >= 1)
        snprintf(f->done_text, sizeof f->done_text, "(%s)", luaL_typename(L, -n));
}

/* Call FUNCTION of the loaded NAME under `slice_us`; its first result as text in f->done_text. */
__attribute__((unused)) static kw_err fixture_call(struct fixture *f, const char *name,
                                                   const char *function, int64_t slice_us)
{
    struct kw_run_limits limits = { slice_us, 0, 0 };
    f->error[0] = 0;
    return kw_host_call(f->host, name, function, &limits, NULL, fixture_read_text, f, f->error,
                        sizeof f->error);
}

/* A file `return { f = function() BODY end }`, loaded and called with a deadline of 50 ms. */
__attribute__((unused)) static kw_err fixture_body(struct fixture *f, const char *body)
{
    char text[4096];
    snprintf(text, sizeof text, "--%% api: 1\nlocal M = {}\nfunction M.f()\n%s\nend\nreturn M\n",
             body);
    kw_err err = fixture_load(f, "body", text);
    return err != KW_OK ? err : fixture_call(f, "body", "f", 50000);
}

/* Built with the thread sanitizer signals wait for the next call that it intercepts, which pure Lua
 * never makes: tests of the watchdog cannot end there. */
#if defined(__SANITIZE_THREAD__)
#define WATCHDOG_TESTS 0
#else
#define WATCHDOG_TESTS 1
#endif

#endif
