/* store.h - History and registers: documents with a declared schema, energy, one atomic batch.
 *
 * What both databases do (SQLite now; MongoDB behind the same header later). Every call is
 * asynchronous: work happens on the store's own threads (one writer, some readers), the callback
 * comes on the loop. Queries and answers are JSON text, so that nothing is shared between threads and
 * a Lua table goes in and out unchanged.
 *
 * Ingest is exactly-once: kw_store_ingest() commits a page of events together with the feed cursor. */
#ifndef KW_STORE_STORE_H
#define KW_STORE_STORE_H

#include "base/metrics.h"
#include "base/str.h"
#include "model/types.h"
#include "net/loop.h"

struct kw_store;

struct kw_store_options {
    const char *path;     /* directory; the database is PATH/kilowatch.db (mode 0600) */
    unsigned readers;     /* 0: 2 */
    unsigned queue_limit; /* 0: 10,000 requests */
    struct kw_metrics *metrics;
};

KW_MUST_USE kw_err kw_store_open(struct kw_loop *loop, const struct kw_store_options *options,
                                 struct kw_store **out, char *error, size_t error_size);
/* Finishes what is queued, checkpoints, closes. Blocks. */
void kw_store_close(struct kw_store *store);

/* Declare a collection before its first use (blocking; at start only). `schema` is JSON:
 *   {"name":"stations","fields":{"id":{"type":"string"},"phases":{"type":"integer"},
 *    "tags":{"type":"json"},"enabled":{"type":"boolean"}},"key":"id","indexes":[["node_id"],["name"]]}
 * types: string, integer, number, boolean, json. `key` is the primary key. Every collection also has
 * `revision` (integer, 1 at insert, +1 at each update). A missing table is made; new fields are added;
 * a changed type or a removed key is refused (KW_EINVALID, error says which). */
KW_MUST_USE kw_err kw_store_declare(struct kw_store *store, struct kw_str schema, char *error,
                                    size_t error_size);

/* One request, JSON in, JSON out. Operations:
 *   {"op":"get","from":C,"key":K}                                -> {"doc":{...}|null}
 *   {"op":"find","from":C,"where":[[field,cmp,value],...],"sort":["-a","b"],"limit":n,
 *    "after":[values of the sort fields and the key],"count":true,"sum":["energy_wh"]}
 *        cmp: = != < <= > >= in (value is an array) prefix contains (case-insensitive, Unicode)
 *        is_null not_null; [["or",[cond,...]]] one level
 *                                                  -> {"items":[...],"total":n?,"sum":{...}?,"more":bool}
 *   {"op":"insert","from":C,"doc":{...}}                         -> {"doc":{...}}       KW_EEXISTS
 *   {"op":"upsert","from":C,"doc":{...}}                         -> {"doc":{...}}
 *   {"op":"update","from":C,"key":K,"set":{...},"revision":r?}   -> {"doc":{...}}       KW_ENOTFOUND,
 *                                     KW_ECONFLICT with {"doc": current}
 *   {"op":"delete","from":C,"key":K,"revision":r?}               -> {}
 *   {"op":"batch","ops":[...]}  all or nothing                   -> {"results":[...]}
 *   {"op":"group","from":C,"where":[...],"by":[fields],"sum":[fields],"count":true} -> {"rows":[...]}
 * Field and collection names are checked against the declaration: KW_EINVALID names the wrong one.
 * Writes are durable (synchronous=FULL) when the callback comes. */
typedef void kw_store_on_result(kw_err err, struct kw_str json /* result, or {"error":"words"} */,
                                void *arg);
KW_MUST_USE kw_err kw_store_request(struct kw_store *store, struct kw_str request,
                                    kw_store_on_result *on_result,
                                    void *arg); /* KW_EBUSY: queue full */

/* --- ingest --- */
struct kw_store_cursor { /* the same content as the feed's cursor; copied by app */
    char epoch[64];
    char last_id[2][40];
    int64_t last_n[2];
};
/* Blocking, at start: the cursor that was committed last (all empty: none). */
KW_MUST_USE kw_err kw_store_read_cursor(struct kw_store *store, struct kw_store_cursor *out);

/* Rows of one page, collected while events are applied: each call copies what it is given. Tables and
 * merge rules (complex-contract.md 6): */
struct kw_store_page;
struct
    kw_store_tx { /* `transactions`, key (station_id, transaction id): earliest start, latest end */
    struct kw_str station_id, id, key_uid, driver_id, driver_name, node_id, stop_reason, quality;
    struct kw_str flags;            /* JSON array, united with what is stored; empty: none */
    int64_t connector_id;           /* KW_NONE: not known */
    int64_t started_ms, stopped_ms; /* KW_NONE: not known by this event */
    int64_t meter_start_wh, meter_stop_wh, energy_wh;
};
struct
    kw_store_sample { /* `meter_samples`, key (station, connector, at, measurand, phase, location, context) */
    struct kw_str station_id, transaction_id, measurand, phase, location, context;
    int64_t connector_id, at_ms, value;
};
struct kw_store_status { /* `status_history`, key (station, connector, at, status, error) */
    struct kw_str station_id, status, state, error_code, vendor_error_code, info;
    int64_t connector_id, at_ms, received_ms;
};
struct kw_store_fact { /* `events`, key (epoch, stream, n): everything, as received */
    struct kw_str type, station_id, transaction_id, detail /* JSON */;
    int64_t stream, n, connector_id, at_ms, received_ms;
};
struct kw_store_page *kw_store_page_new(void);
void kw_store_page_free(struct kw_store_page *page); /* only of a page that was not ingested */
void kw_store_page_tx(struct kw_store_page *page, const struct kw_store_tx *row);
void kw_store_page_sample(struct kw_store_page *page, const struct kw_store_sample *row);
void kw_store_page_status(struct kw_store_page *page, const struct kw_store_status *row);
void kw_store_page_fact(struct kw_store_page *page, const struct kw_store_fact *row);
size_t kw_store_page_rows(const struct kw_store_page *page);

/* One database transaction on the writer thread, with the cursor. Takes the page over on KW_OK.
 * on_done(KW_OK) after commit; while the database is locked or the disk is full the page is tried again
 * every second and on_done waits. KW_EBUSY: queue full, the page is still the caller's. */
KW_MUST_USE kw_err kw_store_ingest(struct kw_store *store, struct kw_store_page *page,
                                   const struct kw_store_cursor *cursor,
                                   void (*on_done)(kw_err err, void *arg), void *arg);

/* Energy drawn since `from_ms` by all transactions, from the quarter-hour registers kept by ingest
 * (integers, idempotent: per transaction and quarter the first and the last register). Async. */
KW_MUST_USE kw_err kw_store_energy_since(struct kw_store *store, int64_t from_ms,
                                         void (*on_done)(kw_err err, int64_t energy_wh, void *arg),
                                         void *arg);

#endif
