/* runtime.h - What every command of the program stands on: loop, metrics, workers, Lua.
 *
 * One struct, made once by main and handed down; there are no other globals. `serve`, `gateway` and
 * `run` each build one, register their own modules on the host, and run the loop. */
#ifndef KW_APP_RUNTIME_H
#define KW_APP_RUNTIME_H

#include "app/config.h"
#include "base/metrics.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "net/pool.h"
#include "script/host.h"
#include "store/store.h"

struct kw_runtime {
    struct kw_loop *loop;
    struct kw_metrics *metrics;
    struct kw_pool *passwords; /* argon2id only: two threads, short queue (limits.md 7) */
    struct kw_http_client *http;
    struct kw_host *host; /* core Lua */
    struct kw_timer
        *wait_timer; /* ends the waits of tasks that took too long; runs while there are any */
    struct kw_store *store;         /* NULL where a command has none */
    const struct kw_config *config; /* NULL for `run` */
    struct ticker *tickers;         /* timers that Lua made (bind_timer.c) */
    char lua_dir[512];              /* the shipped Lua */
    int64_t started_ms;
};

/* Folder of the shipped Lua: $KW_LUA_DIR, else beside the program (../share/kilowatch/lua or the source
 * tree's lua/). KW_ENOTFOUND: error says where it looked. */
KW_MUST_USE kw_err kw_runtime_lua_dir(char *out, size_t out_size, char *error, size_t error_size);

/* `script_dir` (may be NULL) is searched by require before the shipped folder. */
KW_MUST_USE kw_err kw_runtime_new(const struct kw_config *config, const char *script_dir,
                                  struct kw_runtime **out, char *error, size_t error_size);
void kw_runtime_free(struct kw_runtime *runtime);

/* Registers kw.timer, kw.http, kw.redis, kw.ws, kw.store, kw.crypto on the host. */
void kw_bind_all(struct kw_runtime *runtime);
void kw_bind_timer(struct kw_runtime *runtime);
void kw_unbind_timer(struct kw_runtime *runtime); /* before the host goes */
void kw_bind_http(struct kw_runtime *runtime);
void kw_bind_redis(struct kw_runtime *runtime);
void kw_bind_ws(struct kw_runtime *runtime);
void kw_bind_store(struct kw_runtime *runtime);
void kw_bind_crypto(struct kw_runtime *runtime);

/* A binding's failure: nil, slug, detail. Stack [-0, +3]. */
int kw_lua_fail(lua_State *L, const char *slug, const char *detail);

#endif
