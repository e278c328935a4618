/* site.h - The operator's folder: which file serves, the shipped one or the site's.
 *
 * A file `site/policies/permissions.lua` replaces `lua/policies/permissions.lua`. It is compiled and
 * run in the site state first; if that fails (syntax, run time, limits, `--% api:` version), the error
 * is kept with file and line for /healthz, logged, counted, and the shipped file serves. A call that
 * fails at run time falls back to the shipped function for that call; 5 failures in 60 s switch the
 * site's file off until the next load. */
#ifndef KW_SCRIPT_SITE_H
#define KW_SCRIPT_SITE_H

#include "script/host.h"

struct kw_site;

KW_MUST_USE kw_err kw_site_new(struct kw_host *core, const char *shipped_dir, const char *site_dir /* NULL: none */,
                               struct kw_metrics *metrics, struct kw_site **out, char *error, size_t error_size);
void kw_site_free(struct kw_site *site);

/* Load "policies/permissions" (without .lua). KW_OK even when the shipped one had to serve; see faults. */
KW_MUST_USE kw_err kw_site_load(struct kw_site *site, const char *name);
/* Call a function of it with fall-back as above. */
KW_MUST_USE kw_err kw_site_call(struct kw_site *site, const char *name, const char *function,
                                const struct kw_run_limits *limits, int (*push)(lua_State *L, void *arg),
                                void (*read)(lua_State *L, int n, void *arg), void *arg);
/* Build a new site state beside, load everything that was loaded, then swap. KW_ESCRIPT: at least one
 * file has a fault (it is served by the shipped one). */
KW_MUST_USE kw_err kw_site_reload(struct kw_site *site);

struct kw_site_fault {
    const char *file; /* "policies/permissions.lua" */
    int line;         /* 0: unknown */
    const char *text;
    int64_t at_ms;
    bool off;         /* switched off by the breaker */
};
size_t kw_site_faults(const struct kw_site *site, const struct kw_site_fault **out);

#endif
