/* config.h - The configuration: one Lua file with data only, overridden by KW_* variables.
 *
 * Every option, with type, default, range and doc, stands in lua/kw/config.lua; this is only the
 * typed reader. A file that breaks a rule is refused with its line and the option's rule. */
#ifndef KW_APP_CONFIG_H
#define KW_APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct kw_config;

/* `file` NULL: defaults and environment. `command`: "serve", "gateway", ... */
KW_MUST_USE kw_err kw_config_load(const char *file, const char *command, struct kw_config **out,
                                  char *error, size_t error_size);
/* The same with `given`: option, value as text, ..., NULL; these win over file and environment. */
KW_MUST_USE kw_err kw_config_load_with(const char *file, const char *command,
                                       const char *const *given, struct kw_config **out,
                                       char *error, size_t error_size);
void kw_config_free(struct kw_config *config);

/* The option must exist (asserts). Text of an unset option is "". Owned by the configuration. */
const char *kw_config_text(const struct kw_config *config, const char *option);
int64_t kw_config_int(const struct kw_config *config, const char *option);
enum kw_option_type { KW_OPTION_UNKNOWN, KW_OPTION_TEXT, KW_OPTION_INT, KW_OPTION_BOOL };
enum kw_option_type kw_config_type(const struct kw_config *config, const char *option);
bool kw_config_bool(const struct kw_config *config, const char *option);

#endif
