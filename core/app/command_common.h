/* command_common.h - What `serve` and `gateway` do alike before they differ: arguments, configuration,
 * the data folder, small files for whoever supervises the process. */
#ifndef KW_APP_COMMAND_COMMON_H
#define KW_APP_COMMAND_COMMON_H

#include "app/config.h"
#include "base/str.h"

/* `kilowatch NAME [--config FILE]`: reads the configuration, sets the log level, makes data_dir (0700),
 * allows no core dumps (memory holds secrets).
 * Returns 0 and *out (owner: caller), or the exit status; what is wrong stands on standard error. */
int kw_command_open(int argc, char **argv, const char *name, struct kw_config **out);

/* What follows a loaded configuration: log level, data_dir, no core dumps. False: `error` says why. */
bool kw_command_prepare(const struct kw_config *config, char *error, size_t error_size);

/* A small file, written beside and renamed. `name` is relative to data_dir. KW_EIO: logged. */
KW_MUST_USE kw_err kw_command_write(const struct kw_config *config, const char *name,
                                    struct kw_str text);

/* pid_file of the configuration, if it has one. False: it could not be written (logged). */
bool kw_command_write_pid(const struct kw_config *config);
void kw_command_remove_pid(const struct kw_config *config);

#endif
