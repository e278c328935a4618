/* site.h - The operator's `site/` folder: scripts that replace shipped rules, held in a state of their own.
 *
 * The one idea: a site script can be wrong, and nothing else is. Its file replaces the shipped one of the
 * same name; when it does not load, raises, or takes too long, that is logged with file and line, shown
 * here, and the shipped rule serves. An entry (file and function) that fails 5 times in 60 s is turned off
 * until the folder is read again.
 *
 * Loaded today: policies/NAME.lua, policies/balancing/, reports/, adapters/, ocpp/quirks.lua. What is in
 * modules/ is named in the log: it is not run by this version. */
#ifndef KW_APP_SITE_H
#define KW_APP_SITE_H

#include "app/runtime.h"
#include "base/json.h"

struct kw_site;

/* `dir` NULL or "": a site without files; every call is KW_ENOTFOUND. Broken scripts do not fail this.
 * `zone` is what scripts see as kw.zone. Owner: caller, until kw_site_free(), before the runtime goes. */
KW_MUST_USE kw_err kw_site_new(struct kw_metrics *metrics, const char *dir, const char *zone,
                               struct kw_site **out, char *error, size_t error_size);
void kw_site_free(struct kw_site *site);

/* Read the folder again, beside the running one. If a file does not load where all did before, the old
 * ones stay (KW_ESCRIPT; error names the file and line, also kept for the status). Not from a site call. */
KW_MUST_USE kw_err kw_site_reload(struct kw_site *site, char *error, size_t error_size);

/* Call FUNCTION of the file NAME ("policies/permissions"). `from` holds `count` arguments from stack index
 * `first`; the results are copied to it. KW_OK: *results of them are on top. KW_ENOTFOUND: there is no
 * such file or function (error untouched). KW_EDENIED: it is off, or did not load. KW_EINVALID: an
 * argument cannot be copied. KW_ESCRIPT, KW_ETIMEOUT: it failed; counted and logged.
 * May raise in `from` when that is out of memory. */
KW_MUST_USE kw_err kw_site_call(struct kw_site *site, const char *name, const char *function,
                                lua_State *from, int first, int count, int *results, char *error,
                                size_t error_size);

/* A copy of the file's field KEY (NULL: all it returned) on top of `to`. Errors as above. */
KW_MUST_USE kw_err kw_site_value(struct kw_site *site, const char *name, const char *key,
                                 lua_State *to, char *error, size_t error_size);

/* Somebody who reads the file's data found it wrong: the entry is failed with this text until a reload. */
void kw_site_refuse(struct kw_site *site, const char *name, const char *text);

bool kw_site_faulty(const struct kw_site *site);
/* One JSON object: {"state":"none|ok|faulty","dir":..,"reload_error":..?,"entries":[{"name":..,"state":
 * "ok|failed|off","error":..?,"failures":n,"at":..?}]}. */
void kw_site_write_status(const struct kw_site *site, struct kw_json_out *json);

/* Problems of the folder, for `kilowatch check`: file (below the folder) and text, from the last load. */
void kw_site_each_problem(const struct kw_site *site,
                          void (*tell)(const char *file, const char *text, void *arg), void *arg);
struct kw_host *kw_site_host(struct kw_site *site); /* NULL: no folder */

/* Module kw.site on the core host: call, value, status, reload, refuse. `site` may be NULL. */
void kw_bind_site(struct kw_host *core, struct kw_site *site);

#endif
