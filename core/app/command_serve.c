/* command_serve.c - `kilowatch serve`: configuration, signals, process id, and the loop. */
#include "app/commands.h"

#include <signal.h>
#include <stdio.h>

#include "app/command_common.h"
#include "app/service.h"

static void on_signal(void *arg, int signum)
{
    struct kw_service *service = arg;
    if (signum == SIGHUP)
        kw_service_reload(service);
    else
        kw_service_stop(service);
}

static int serve(const struct kw_config *config)
{
    char error[2048] = "";
    struct kw_service *service = NULL;
    if (kw_service_new(config, NULL, &service, error, sizeof error) != KW_OK) {
        (void)fprintf(stderr, "kilowatch serve: %s\n", error);
        return 1;
    }
    struct kw_loop *loop = service->runtime->loop;
    kw_loop_on_signal(loop, SIGINT, on_signal, service);
    kw_loop_on_signal(loop, SIGTERM, on_signal, service);
    kw_loop_on_signal(loop, SIGHUP, on_signal, service);
    if (service->status == 0 && !kw_command_write_pid(config))
        service->status = 1;
    if (service->status == 0)
        kw_loop_run(loop);
    int status = service->status;
    if (service->error[0] != 0)
        (void)fprintf(stderr, "kilowatch serve: %s\n", service->error);
    kw_command_remove_pid(config);
    kw_service_free(service);
    return status;
}

int kw_command_serve(int argc, char **argv)
{
    struct kw_config *config = NULL;
    int status = kw_command_open(argc, argv, "serve", &config);
    if (status != 0)
        return status;
    status = serve(config);
    kw_config_free(config);
    return status;
}
