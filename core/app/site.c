/* site.c - Loads the site's folder, calls into it, remembers what failed. */
#include "app/site.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define KW_SITE_ENTRIES 256
#define KW_BREAKER_FAILURES 5
#define KW_BREAKER_WINDOW_US 60000000
#define KW_SITE_ERROR_BYTES 1024

enum entry_state { ENTRY_OK, ENTRY_FAILED, ENTRY_OFF };

/* A file, or one function of it that has failed. */
struct entry {
    char *name; /* "policies/permissions", "policies/permissions.grants" */
    bool file;
    enum entry_state state;
    char error[KW_SITE_ERROR_BYTES];
    int64_t failures, at_ms;
    int64_t recent_us[KW_BREAKER_FAILURES]; /* the last failures, oldest first */
};

/* One reading of the folder. */
struct bundle {
    struct kw_host *host;
    struct entry *entries[KW_SITE_ENTRIES];
    size_t count;
    int64_t loaded_ms;
};

struct kw_site {
    struct kw_metrics *metrics;
    struct kw_metric *failures, *off;
    char *dir, *zone;
    struct bundle *bundle;
    char folder_error[256], reload_error[KW_SITE_ERROR_BYTES];
};

/* What is loaded, and how long one call into it may take. lua-api.md "Limits by kind of entry". */
static const struct kind {
    const char *folder;
    int64_t slice_us;
} kinds[] = {
    { "policies", 5000 }, { "policies/balancing", 50000 }, { "ocpp", 5000 }, { "reports", 2000000 },
    { "adapters", 5000 },
};

static int64_t slice_us(const char *name)
{
    const struct kind *best = &kinds[0];
    for (size_t i = 0; i < KW_COUNT_OF(kinds); i++) {
        size_t length = strlen(kinds[i].folder);
        if (strncmp(name, kinds[i].folder, length) == 0 && name[length] == '/' &&
            length >= strlen(best->folder))
            best = &kinds[i];
    }
    return best->slice_us;
}

/* --- entries --- */

static struct entry *find(const struct bundle *bundle, const char *name)
{
    for (size_t i = 0; i < bundle->count; i++) {
        if (strcmp(bundle->entries[i]->name, name) == 0)
            return bundle->entries[i];
    }
    return NULL;
}

static struct entry *add(struct bundle *bundle, const char *name, bool file)
{
    if (bundle->count == KW_SITE_ENTRIES)
        return NULL;
    struct entry *entry = kw_zalloc(sizeof *entry);
    entry->name = kw_strdup(name);
    entry->file = file;
    bundle->entries[bundle->count++] = entry;
    return entry;
}

/* The first line of an error; the traceback behind it goes to the log. */
static void keep_error(struct entry *entry, const char *error)
{
    (void)snprintf(entry->error, sizeof entry->error, "%.*s", (int)strcspn(error, "\n"), error);
    entry->failures++;
    entry->at_ms = kw_now_ms();
}

/* A call failed. The fifth time within a minute the entry goes off. */
static void failed(struct kw_site *site, const char *name, const char *function, const char *error)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s.%s", name, function);
    kw_metric_add(site->failures, 1);
    KW_LOG(KW_LOG_ERROR, "site", "script failed; the shipped rule serves", KW_LC("entry", full),
           KW_LC("error", error));
    struct entry *entry = find(site->bundle, full);
    if (entry == NULL)
        entry = add(site->bundle, full, false);
    if (entry == NULL)
        return;
    keep_error(entry, error);
    entry->state = ENTRY_FAILED;
    memmove(entry->recent_us, entry->recent_us + 1, sizeof entry->recent_us - sizeof(int64_t));
    entry->recent_us[KW_BREAKER_FAILURES - 1] = kw_mono_us();
    if (entry->failures < KW_BREAKER_FAILURES ||
        kw_mono_us() - entry->recent_us[0] > KW_BREAKER_WINDOW_US)
        return;
    entry->state = ENTRY_OFF;
    kw_metric_add(site->off, 1);
    KW_LOG(KW_LOG_ERROR, "site", "entry turned off after repeated failures", KW_LC("entry", full),
           KW_LI("failures", entry->failures));
}

/* --- loading --- */

static void bundle_free(struct bundle *bundle)
{
    if (bundle == NULL)
        return;
    kw_host_free(bundle->host);
    for (size_t i = 0; i < bundle->count; i++) {
        kw_free(bundle->entries[i]->name);
        kw_free(bundle->entries[i]);
    }
    kw_free(bundle);
}

static void load_file(struct bundle *bundle, const char *folder, const char *file)
{
    char name[200], path[220], error[4096] = "";
    (void)snprintf(name, sizeof name, "%.80s/%.*s", folder, (int)(strlen(file) - 4), file);
    (void)snprintf(path, sizeof path, "%.80s/%.110s", folder, file);
    struct entry *entry = add(bundle, name, true);
    if (entry == NULL) {
        KW_LOG(KW_LOG_ERROR, "site", "too many files: left out", KW_LC("file", path));
        return;
    }
    if (kw_host_load(bundle->host, path, name, error, sizeof error) == KW_OK)
        return;
    keep_error(entry, error);
    entry->state = ENTRY_OFF;
    KW_LOG(KW_LOG_ERROR, "site", "file does not load; the shipped one serves", KW_LC("file", path),
           KW_LC("error", error));
}

static int is_script(const struct dirent *file)
{
    size_t length = strlen(file->d_name);
    return length > 4 && length < 100 && strcmp(file->d_name + length - 4, ".lua") == 0;
}

static void load_folder(const struct kw_site *site, struct bundle *bundle, const char *folder)
{
    char path[1024];
    struct dirent **files = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", site->dir, folder);
    int count = scandir(path, &files, is_script, alphasort);
    for (int i = 0; i < count; i++) {
        load_file(bundle, folder, files[i]->d_name);
        free(files[i]);
    }
    free(files);
}

static kw_err bundle_load(const struct kw_site *site, struct bundle **out, char *error,
                          size_t error_size)
{
    const char *roots[] = { site->dir, NULL };
    struct kw_host_options options = { .trust = KW_TRUST_SITE,
                                       .name = "site",
                                       .roots = roots,
                                       .zone = site->zone,
                                       .metrics = site->metrics };
    struct bundle *bundle = kw_zalloc(sizeof *bundle);
    kw_err err = kw_host_new(&options, &bundle->host, error, error_size);
    if (err != KW_OK) {
        kw_free(bundle);
        return err;
    }
    for (size_t i = 0; i < KW_COUNT_OF(kinds); i++)
        load_folder(site, bundle, kinds[i].folder);
    bundle->loaded_ms = kw_now_ms();
    *out = bundle;
    return KW_OK;
}

static const struct entry *first_broken(const struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++) {
        if (bundle->entries[i]->file && bundle->entries[i]->state != ENTRY_OK)
            return bundle->entries[i];
    }
    return NULL;
}

static bool folder_there(struct kw_site *site)
{
    struct stat st;
    char path[1024];
    site->folder_error[0] = 0;
    if (stat(site->dir, &st) != 0 || !S_ISDIR(st.st_mode)) {
        (void)snprintf(site->folder_error, sizeof site->folder_error, "site_dir %s: %s", site->dir,
                       errno != 0 ? strerror(errno) : "not a folder");
        KW_LOG(KW_LOG_ERROR, "site", "folder cannot be read; shipped rules serve",
               KW_LC("error", site->folder_error));
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/modules", site->dir);
    if (stat(path, &st) == 0)
        KW_LOG(KW_LOG_WARN, "site", "modules/ is not run by this version", KW_LC("folder", path));
    return true;
}

kw_err kw_site_new(struct kw_metrics *metrics, const char *dir, const char *zone,
                   struct kw_site **out, char *error, size_t error_size)
{
    struct kw_site *site = kw_zalloc(sizeof *site);
    kw_err err = KW_OK;
    site->metrics = metrics;
    site->failures =
        kw_metrics_counter(metrics, "kw_site_failures_total", "", "Failed calls of site scripts.");
    site->off = kw_metrics_gauge(metrics, "kw_site_entries_off", "",
                                 "Site functions turned off after repeated failures.");
    if (dir != NULL && dir[0] != 0) {
        site->dir = kw_strdup(dir);
        site->zone = kw_strdup(zone != NULL ? zone : "UTC");
        if (folder_there(site))
            err = bundle_load(site, &site->bundle, error, error_size);
    }
    if (err != KW_OK) {
        kw_site_free(site);
        return err;
    }
    *out = site;
    return KW_OK;
}

void kw_site_free(struct kw_site *site)
{
    if (site == NULL)
        return;
    bundle_free(site->bundle);
    kw_free(site->dir);
    kw_free(site->zone);
    kw_free(site);
}

kw_err kw_site_reload(struct kw_site *site, char *error, size_t error_size)
{
    struct bundle *next = NULL;
    if (site->dir == NULL)
        return KW_OK;
    kw_err err = folder_there(site) ? bundle_load(site, &next, error, error_size) : KW_ENOTFOUND;
    if (err == KW_ENOTFOUND)
        (void)snprintf(error, error_size, "%s", site->folder_error);
    if (err != KW_OK)
        return err;
    const struct entry *broken = first_broken(next);
    if (broken != NULL && site->bundle != NULL && first_broken(site->bundle) == NULL) {
        (void)snprintf(site->reload_error, sizeof site->reload_error, "%s", broken->error);
        (void)snprintf(error, error_size, "%s", broken->error);
        KW_LOG(KW_LOG_ERROR, "site", "reload refused; the scripts loaded before stay",
               KW_LC("error", broken->error));
        bundle_free(next);
        return KW_ESCRIPT;
    }
    site->reload_error[0] = 0;
    bundle_free(site->bundle);
    site->bundle = next;
    kw_metric_set(site->off, 0);
    KW_LOG(KW_LOG_INFO, "site", "scripts loaded", KW_LI("files", next->count));
    return KW_OK;
}

/* --- calls --- */

/* KW_OK: the file is there and loaded. */
static kw_err usable(const struct kw_site *site, const char *name, const char *function,
                     char *error, size_t error_size)
{
    char full[256];
    const struct entry *entry = site->bundle != NULL ? find(site->bundle, name) : NULL;
    if (entry == NULL)
        return KW_ENOTFOUND;
    if (entry->state == ENTRY_OK && function != NULL) {
        (void)snprintf(full, sizeof full, "%s.%s", name, function);
        entry = find(site->bundle, full);
    }
    if (entry == NULL || entry->state != ENTRY_OFF)
        return KW_OK;
    (void)snprintf(error, error_size, "%s", entry->error);
    return KW_EDENIED;
}

struct site_call {
    lua_State *from;
    int first, count, results;
    const char *refused;
};

static int push_arguments(lua_State *L, void *arg)
{
    struct site_call *call = arg;
    call->refused = kw_lua_copy(call->from, call->first, call->count, L);
    return call->count;
}

/* Outside of the site's protected call: what raises, raises in the caller's state. */
static void read_results(lua_State *L, int n, void *arg)
{
    struct site_call *call = arg;
    call->refused = kw_lua_copy(L, lua_gettop(L) - n + 1, n, NULL);
    if (call->refused != NULL)
        return;
    (void)kw_lua_copy(L, lua_gettop(L) - n + 1, n, call->from);
    call->results = n;
}

kw_err kw_site_call(struct kw_site *site, const char *name, const char *function, lua_State *from,
                    int first, int count, int *results, char *error, size_t error_size)
{
    struct kw_run_limits limits = { slice_us(name), 0, 0 };
    struct site_call call = { from, first, count, 0, NULL };
    kw_err err = usable(site, name, function, error, error_size);
    if (err != KW_OK)
        return err;
    const char *refused = kw_lua_copy(from, first, count, NULL);
    if (refused != NULL) {
        (void)snprintf(error, error_size, "an argument is %s", refused);
        return KW_EINVALID;
    }
    err = kw_host_call(site->bundle->host, name, function, &limits, push_arguments, read_results,
                       &call, error, error_size);
    if (err == KW_OK && call.refused != NULL) {
        (void)snprintf(error, error_size, "%s.lua: what %s returns is %s", name, function,
                       call.refused);
        err = KW_ESCRIPT;
    }
    if (err != KW_OK && err != KW_ENOTFOUND)
        failed(site, name, function, error);
    *results = call.results;
    return err;
}

kw_err kw_site_value(struct kw_site *site, const char *name, const char *key, lua_State *to,
                     char *error, size_t error_size)
{
    kw_err err = usable(site, name, NULL, error, error_size);
    if (err != KW_OK)
        return err;
    struct kw_host *host = site->bundle->host;
    lua_State *L = kw_host_state(host);
    int top = lua_gettop(L);
    if (!kw_host_push_value(host, name, key))
        return KW_ENOTFOUND;
    const char *refused = kw_lua_copy(L, top + 1, 1, NULL);
    if (refused == NULL) {
        (void)kw_lua_copy(L, top + 1, 1, to);
    } else {
        (void)snprintf(error, error_size, "%s.lua: %s holds %s", name, key != NULL ? key : "it",
                       refused);
        kw_site_refuse(site, name, error);
        err = KW_ESCRIPT;
    }
    lua_settop(L, top);
    return err;
}

void kw_site_refuse(struct kw_site *site, const char *name, const char *text)
{
    struct entry *entry = site->bundle != NULL ? find(site->bundle, name) : NULL;
    if (entry == NULL)
        return;
    keep_error(entry, text);
    entry->state = ENTRY_OFF;
    kw_metric_add(site->failures, 1);
    KW_LOG(KW_LOG_ERROR, "site", "file refused; the shipped one serves", KW_LC("file", name),
           KW_LC("error", text));
}

/* --- status --- */

/* A function that works again for a minute is no longer called faulty. */
static enum entry_state state_of(const struct entry *entry)
{
    int64_t since_us = kw_mono_us() - entry->recent_us[KW_BREAKER_FAILURES - 1];
    return entry->state == ENTRY_FAILED && since_us > KW_BREAKER_WINDOW_US ? ENTRY_OK
                                                                           : entry->state;
}

bool kw_site_faulty(const struct kw_site *site)
{
    if (site->folder_error[0] != 0 || site->reload_error[0] != 0)
        return true;
    for (size_t i = 0; site->bundle != NULL && i < site->bundle->count; i++) {
        if (state_of(site->bundle->entries[i]) != ENTRY_OK)
            return true;
    }
    return false;
}

void kw_site_write_status(const struct kw_site *site, struct kw_json_out *json)
{
    static const char *const states[] = { "ok", "failed", "off" };
    kw_json_obj(json);
    KW_JSON_KV(str, json, "state",
               kw_str_of(site->dir == NULL      ? "none"
                         : kw_site_faulty(site) ? "faulty"
                                                : "ok"));
    if (site->dir != NULL)
        KW_JSON_KV(str, json, "dir", kw_str_of(site->dir));
    if (site->folder_error[0] != 0)
        KW_JSON_KV(str, json, "error", kw_str_of(site->folder_error));
    if (site->reload_error[0] != 0)
        KW_JSON_KV(str, json, "reload_error", kw_str_of(site->reload_error));
    kw_json_key(json, "entries");
    kw_json_arr(json);
    for (size_t i = 0; site->bundle != NULL && i < site->bundle->count; i++) {
        const struct entry *entry = site->bundle->entries[i];
        kw_json_obj(json);
        KW_JSON_KV(str, json, "name", kw_str_of(entry->name));
        KW_JSON_KV(str, json, "state", kw_str_of(states[state_of(entry)]));
        KW_JSON_KV(i64, json, "failures", entry->failures);
        if (entry->failures > 0) {
            KW_JSON_KV(str, json, "error", kw_str_of(entry->error));
            KW_JSON_KV(at_ms, json, "at", entry->at_ms);
        }
        kw_json_obj_end(json);
    }
    kw_json_arr_end(json);
    kw_json_obj_end(json);
}

void kw_site_each_problem(const struct kw_site *site,
                          void (*tell)(const char *file, const char *text, void *arg), void *arg)
{
    char file[256];
    if (site->folder_error[0] != 0)
        tell("", site->folder_error, arg);
    for (size_t i = 0; site->bundle != NULL && i < site->bundle->count; i++) {
        const struct entry *entry = site->bundle->entries[i];
        if (entry->state == ENTRY_OK || !entry->file)
            continue;
        (void)snprintf(file, sizeof file, "%s.lua", entry->name);
        tell(file, entry->error, arg);
    }
}

struct kw_host *kw_site_host(struct kw_site *site)
{
    return site->bundle != NULL ? site->bundle->host : NULL;
}
