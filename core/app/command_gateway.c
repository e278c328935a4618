/* command_gateway.c - `kilowatch gateway`: one gateway on one loop, until SIGTERM or SIGINT. */
#include <signal.h>
#include <stdio.h>

#include "app/command_common.h"
#include "app/commands.h"
#include "app/gateway.h"
#include "base/log.h"

struct running {
    struct kw_runtime *runtime;
    struct kw_gateway *gateway;
};

static void stopped(void *arg)
{
    kw_loop_stop(((struct running *)arg)->runtime->loop);
}

static void on_signal(void *arg, int signum)
{
    struct running *running = arg;
    if (signum == SIGHUP) {
        kw_gateway_reload(running->gateway);
        return;
    }
    KW_LOG(KW_LOG_INFO, "gateway", "stopping", KW_LI("signal", signum));
    kw_gateway_stop(running->gateway, stopped, running);
}

static int run(const struct kw_config *config)
{
    char error[1024] = "", ports[96];
    struct running running = { NULL, NULL };
    int status = 1;
    if (kw_runtime_new(config, NULL, &running.runtime, error, sizeof error) != KW_OK) {
        (void)fprintf(stderr, "kilowatch gateway: %s\n", error);
        return 1;
    }
    if (kw_gateway_new(running.runtime, &running.gateway, error, sizeof error) != KW_OK) {
        (void)fprintf(stderr, "kilowatch gateway: %s\n", error);
    } else {
        kw_gateway_ports(running.gateway, ports, sizeof ports);
        if (kw_command_write(config, "gateway-ports.json", kw_str_of(ports)) == KW_OK &&
            kw_command_write_pid(config)) {
            static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
            for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
                kw_loop_on_signal(running.runtime->loop, signals[i], on_signal, &running);
            KW_LOG(KW_LOG_INFO, "gateway", "listening", KW_LC("ports", ports));
            kw_loop_run(running.runtime->loop);
            kw_command_remove_pid(config);
            status = 0;
        }
    }
    kw_gateway_free(running.gateway);
    kw_runtime_free(running.runtime);
    return status;
}

int kw_command_gateway(int argc, char **argv)
{
    struct kw_config *config = NULL;
    int status = kw_command_open(argc, argv, "gateway", &config);
    if (status == 0)
        status = run(config);
    kw_config_free(config);
    return status;
}
