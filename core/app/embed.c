/* embed.c - The public face of libkilowatch (core/include/kilowatch.h) over service and gateway. */
#include "include/kilowatch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command_common.h"
#include "app/gateway.h"
#include "app/service.h"
#include "app/web.h"
#include "base/log.h"
#include "base/mem.h"

#define KW_EMBED_OPTIONS 128
#define KW_EMBED_MODULES 32
#define KW_EMBED_FUNCTIONS 64

struct module {
    char *name;
    struct luaL_Reg functions[KW_EMBED_FUNCTIONS + 1];
    void *data;
};

struct kw_program {
    enum kw_role role;
    char *lua_dir, *config_file;
    const char *options[2 * KW_EMBED_OPTIONS + 1]; /* name, value, ..., NULL */
    size_t option_count;
    struct module *modules[KW_EMBED_MODULES];
    size_t module_count;
    void (*on_ready)(const char *ports, void *arg);
    void *ready_arg;
    char error[2048];
    struct kw_service *service;
    struct kw_gateway *gateway;
    struct kw_runtime *runtime; /* the gateway's */
    pthread_mutex_t lock;       /* loop and stopping, which another thread may ask for */
    struct kw_loop *loop;
    bool stopping;
};

const char *kw_program_version(void)
{
    return KW_VERSION;
}

struct kw_program *kw_program_new(enum kw_role role)
{
    struct kw_program *program = kw_zalloc(sizeof *program);
    program->role = role;
    (void)pthread_mutex_init(&program->lock, NULL);
    return program;
}

static void replace(char **text, const char *with)
{
    kw_free(*text);
    *text = with != NULL ? kw_strdup(with) : NULL;
}

void kw_program_lua_dir(struct kw_program *program, const char *dir)
{
    replace(&program->lua_dir, dir);
}

void kw_program_config(struct kw_program *program, const char *file)
{
    replace(&program->config_file, file);
}

static void too_many(struct kw_program *program, const char *what)
{
    (void)snprintf(program->error, sizeof program->error, "too many %s", what);
}

void kw_program_set(struct kw_program *program, const char *option, const char *value)
{
    if (program->option_count == KW_EMBED_OPTIONS) {
        too_many(program, "options are set");
        return;
    }
    program->options[2 * program->option_count] = kw_strdup(option);
    program->options[2 * program->option_count++ + 1] = kw_strdup(value);
}

void kw_program_module(struct kw_program *program, const char *name,
                       const struct kw_function *functions, void *data)
{
    if (program->module_count == KW_EMBED_MODULES) {
        too_many(program, "modules");
        return;
    }
    struct module *module = kw_zalloc(sizeof *module);
    module->name = kw_strdup(name);
    module->data = data;
    program->modules[program->module_count++] = module;
    size_t count = 0;
    for (; functions[count].name != NULL && count < KW_EMBED_FUNCTIONS; count++)
        module->functions[count] =
            (struct luaL_Reg){ kw_strdup(functions[count].name), functions[count].call };
    if (functions[count].name != NULL)
        too_many(program, "functions in a module");
}

void kw_program_on_log(void (*on_line)(const char *line, size_t length, void *arg), void *arg)
{
    kw_log_sink(on_line, arg);
}

void kw_program_on_ready(struct kw_program *program, void (*on_ready)(const char *ports, void *arg),
                         void *arg)
{
    program->on_ready = on_ready;
    program->ready_arg = arg;
}

/* --- the run --- */

static void bind_modules(struct kw_host *host, void *arg)
{
    const struct kw_program *program = arg;
    for (size_t i = 0; i < program->module_count; i++)
        kw_host_module(host, program->modules[i]->name, program->modules[i]->functions,
                       program->modules[i]->data);
}

static void listening(const char *ports, void *arg)
{
    const struct kw_program *program = arg;
    if (program->on_ready != NULL)
        program->on_ready(ports, program->ready_arg);
}

static void gateway_stopped(void *arg)
{
    kw_loop_stop(((struct kw_program *)arg)->runtime->loop);
}

/* On the loop. The second call of a service's stop would be the impatient one: not ours. */
static void stop_now(void *arg)
{
    struct kw_program *program = arg;
    if (program->service != NULL && !program->service->stopping)
        kw_service_stop(program->service);
    if (program->gateway != NULL)
        kw_gateway_stop(program->gateway, gateway_stopped, program);
}

/* From now on stop() posts to the loop. False: it was asked for before. */
static bool begin(struct kw_program *program, struct kw_loop *loop)
{
    (void)pthread_mutex_lock(&program->lock);
    program->loop = loop;
    bool go = !program->stopping;
    (void)pthread_mutex_unlock(&program->lock);
    if (!go)
        kw_loop_post(loop, stop_now, program);
    return go;
}

static void end(struct kw_program *program)
{
    (void)pthread_mutex_lock(&program->lock);
    program->loop = NULL;
    (void)pthread_mutex_unlock(&program->lock);
}

void kw_program_stop(struct kw_program *program)
{
    (void)pthread_mutex_lock(&program->lock);
    if (program->loop != NULL && !program->stopping)
        kw_loop_post(program->loop, stop_now, program);
    program->stopping = true;
    (void)pthread_mutex_unlock(&program->lock);
}

static int run_service(struct kw_program *program, const struct kw_config *config)
{
    struct kw_service_hooks hooks = { bind_modules, listening, program };
    if (kw_service_new(config, &hooks, &program->service, program->error, sizeof program->error) !=
        KW_OK)
        return 1;
    (void)begin(program, program->service->runtime->loop);
    if (program->service->status == 0)
        kw_loop_run(program->service->runtime->loop);
    end(program);
    int status = program->service->status;
    if (status != 0)
        (void)snprintf(program->error, sizeof program->error, "%s", program->service->error);
    kw_service_free(program->service);
    program->service = NULL;
    return status;
}

static int run_gateway(struct kw_program *program, const struct kw_config *config)
{
    char ports[96];
    int status = 1;
    if (kw_runtime_new(config, NULL, &program->runtime, program->error, sizeof program->error) !=
        KW_OK)
        return 1;
    bind_modules(program->runtime->host, program);
    if (kw_gateway_new(program->runtime, &program->gateway, program->error,
                       sizeof program->error) == KW_OK) {
        kw_gateway_ports(program->gateway, ports, sizeof ports);
        KW_IGNORE(kw_command_write(config, "gateway-ports.json", kw_str_of(ports)));
        (void)begin(program, program->runtime->loop);
        listening(ports, program);
        kw_loop_run(program->runtime->loop);
        end(program);
        status = 0;
    }
    kw_gateway_free(program->gateway);
    kw_runtime_free(program->runtime);
    program->gateway = NULL;
    program->runtime = NULL;
    return status;
}

int kw_program_run(struct kw_program *program)
{
    const char *command = program->role == KW_ROLE_SERVICE ? "serve" : "gateway";
    struct kw_config *config = NULL;
    if (program->error[0] != 0)
        return 2;
    (void)pthread_mutex_lock(&program->lock);
    bool stopped = program->stopping;
    (void)pthread_mutex_unlock(&program->lock);
    if (stopped)
        return 0;
    if (program->lua_dir != NULL)
        (void)setenv("KW_LUA_DIR", program->lua_dir, 1);
    if (kw_config_load_with(program->config_file, command, program->options, &config,
                            program->error, sizeof program->error) != KW_OK)
        return 2;
    int status = 1;
    if (kw_command_prepare(config, program->error, sizeof program->error))
        status = program->role == KW_ROLE_SERVICE ? run_service(program, config)
                                                  : run_gateway(program, config);
    kw_config_free(config);
    return status;
}

const char *kw_program_error(const struct kw_program *program)
{
    return program->error;
}

void kw_program_free(struct kw_program *program)
{
    if (program == NULL)
        return;
    for (size_t i = 0; i < 2 * program->option_count; i++)
        kw_free((void *)(uintptr_t)program->options[i]);
    for (size_t i = 0; i < program->module_count; i++) {
        struct module *module = program->modules[i];
        for (size_t k = 0; module->functions[k].name != NULL; k++)
            kw_free((void *)(uintptr_t)module->functions[k].name);
        kw_free(module->name);
        kw_free(module);
    }
    replace(&program->lua_dir, NULL);
    replace(&program->config_file, NULL);
    (void)pthread_mutex_destroy(&program->lock);
    kw_free(program);
}
