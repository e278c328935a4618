/* command_common.c - Arguments, configuration, data folder, pid and port files. */
#include "app/command_common.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/private_file.h"
#include "base/log.h"

static enum kw_log_level level_of(const char *name)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    for (int level = 0; level < 4; level++) {
        if (strcmp(names[level], name) == 0)
            return (enum kw_log_level)level;
    }
    return KW_LOG_INFO;
}

/* Like mkdir -p; the last part is for us alone. */
static bool make_folder(const char *path)
{
    char part[512];
    (void)snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at != 0; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return false;
        *at = '/';
    }
    return mkdir(part, 0700) == 0 || errno == EEXIST;
}

int kw_command_open(int argc, char **argv, const char *name, struct kw_config **out)
{
    char error[1024] = "";
    const char *file = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            file = argv[++i];
        } else {
            (void)fprintf(stderr,
                          "kilowatch %s: unknown argument '%s'\nusage: kilowatch %s "
                          "[--config FILE]\n",
                          name, argv[i], name);
            return 2;
        }
    }
    if (kw_config_load(file, name, out, error, sizeof error) != KW_OK) {
        (void)fprintf(stderr, "kilowatch %s: %s\n", name, error);
        return 2;
    }
    if (!kw_command_prepare(*out, error, sizeof error)) {
        (void)fprintf(stderr, "kilowatch %s: %s\n", name, error);
        kw_config_free(*out);
        *out = NULL;
        return 1;
    }
    return 0;
}

bool kw_command_prepare(const struct kw_config *config, char *error, size_t error_size)
{
    const struct rlimit no_core = { 0, 0 }; /* keys and passwords live in memory */
    const char *data_dir = kw_config_text(config, "data_dir");
    (void)setrlimit(RLIMIT_CORE, &no_core);
    kw_log_setup(level_of(kw_config_text(config, "log_level")), STDERR_FILENO);
    if (make_folder(data_dir))
        return true;
    (void)snprintf(error, error_size, "cannot make the data folder %s: %s", data_dir,
                   strerror(errno));
    return false;
}

kw_err kw_command_write(const struct kw_config *config, const char *name, struct kw_str text)
{
    const char *folder = kw_config_text(config, "data_dir");
    kw_err err = kw_private_file_write(folder, name, text);
    if (err != KW_OK)
        KW_LOG(KW_LOG_ERROR, "app", "cannot write a file", KW_LC("folder", folder),
               KW_LC("file", name), KW_LC("error", strerror(errno)));
    return err;
}

bool kw_command_write_pid(const struct kw_config *config)
{
    char text[24];
    const char *path = kw_config_text(config, "pid_file");
    if (path[0] == 0)
        return true;
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (kw_private_file_write_at(path, kw_str_n(text, (size_t)length)) == KW_OK)
        return true;
    KW_LOG(KW_LOG_ERROR, "app", "cannot write a file", KW_LC("file", path),
           KW_LC("error", strerror(errno)));
    return false;
}

void kw_command_remove_pid(const struct kw_config *config)
{
    const char *path = kw_config_text(config, "pid_file");
    if (path[0] != 0)
        (void)unlink(path);
}
