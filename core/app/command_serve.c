/* command_serve.c - `kilowatch serve`: configuration, signals, process id, and the loop. */
#include "app/commands.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/service.h"
#include "base/log.h"
#include "base/mem.h"

static enum kw_log_level level_of(const char *name)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    for (size_t i = 0; i < KW_COUNT_OF(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum kw_log_level)i;
    }
    return KW_LOG_INFO;
}

static void on_signal(void *arg, int signum)
{
    struct kw_service *service = arg;
    if (signum == SIGHUP)
        kw_service_reload(service);
    else
        kw_service_stop(service);
}

/* --config FILE, or nothing. False: usage was printed. */
static bool read_arguments(int argc, char **argv, const char **file)
{
    *file = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            *file = argv[++i];
        } else {
            (void)fprintf(stderr, "usage: kilowatch %s [--config FILE]\n", argv[0]);
            return false;
        }
    }
    return true;
}

static kw_err write_pid(const struct kw_config *config)
{
    const char *path = kw_config_text(config, "pid_file");
    if (path[0] == 0)
        return KW_OK;
    FILE *file = fopen(path, "we");
    if (file == NULL || fprintf(file, "%d\n", (int)getpid()) < 0) {
        if (file != NULL)
            (void)fclose(file);
        return KW_EIO;
    }
    return fclose(file) == 0 ? KW_OK : KW_EIO;
}

static int serve(const struct kw_config *config)
{
    char error[2048] = "";
    struct kw_service *service = NULL;
    if (kw_service_new(config, &service, error, sizeof error) != KW_OK) {
        (void)fprintf(stderr, "kilowatch serve: %s\n", error);
        return 1;
    }
    struct kw_loop *loop = service->runtime->loop;
    kw_loop_on_signal(loop, SIGINT, on_signal, service);
    kw_loop_on_signal(loop, SIGTERM, on_signal, service);
    kw_loop_on_signal(loop, SIGHUP, on_signal, service);
    if (service->status == 0 && write_pid(config) != KW_OK) {
        (void)fprintf(stderr, "kilowatch serve: pid_file %s cannot be written\n",
                      kw_config_text(config, "pid_file"));
        service->status = 1;
    }
    if (service->status == 0)
        kw_loop_run(loop);
    int status = service->status;
    if (kw_config_text(config, "pid_file")[0] != 0)
        (void)unlink(kw_config_text(config, "pid_file"));
    kw_service_free(service);
    return status;
}

int kw_command_serve(int argc, char **argv)
{
    const struct rlimit no_core = { 0, 0 }; /* keys and passwords live in memory */
    const char *file;
    char error[1024] = "";
    struct kw_config *config = NULL;
    if (!read_arguments(argc, argv, &file))
        return 2;
    if (kw_config_load(file, "serve", &config, error, sizeof error) != KW_OK) {
        (void)fprintf(stderr, "kilowatch serve: %s\n", error);
        return 2;
    }
    kw_log_setup(level_of(kw_config_text(config, "log_level")), STDERR_FILENO);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGPIPE, SIG_IGN);
    int status = serve(config);
    kw_config_free(config);
    return status;
}
