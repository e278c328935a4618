/* store.c - Threads: one writer, some readers, each with connections of its own. */
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/pool.h"
#include "store/page.h"
#include "store/sqlite.h"

#define KW_READERS 2
#define KW_READERS_MAX 8
#define KW_QUEUE 10000
#define KW_RESULT_BYTES (64u * 1024 * 1024)
#define KW_RETRY_US 1000000

struct kw_store {
    struct kw_loop *loop;
    struct kw_pool *writer, *readers;
    sqlite3 *db; /* the writer's */
    sqlite3 *idle[KW_READERS_MAX];
    unsigned reader_count, idle_count;
    pthread_mutex_t idle_lock;
    struct kw_map *collections; /* changed only before the threads work */
    struct kw_metric *rows, *seconds, *faults;
    atomic_bool closing; /* read by the writer */
};

struct job {
    struct kw_store *store;
    struct kw_buf result;
    char *request;
    size_t request_length;
    kw_err err;
    kw_store_on_result *on_result;
    void (*on_done)(kw_err err, void *arg);
    void (*on_energy)(kw_err err, int64_t energy_wh, void *arg);
    void *arg;
    bool write;
    struct kw_store_page *page;
    struct kw_store_cursor cursor;
    int64_t number;
    char error[256];
};

static kw_err make_directory(const char *path, char *error, size_t error_size)
{
    char part[512];
    (void)snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1; *at != 0; at++) {
        if (*at == '/') {
            *at = 0;
            (void)mkdir(part, 0700);
            *at = '/';
        }
    }
    (void)mkdir(part, 0700);
    if (access(path, W_OK | X_OK) == 0)
        return KW_OK;
    (void)snprintf(error, error_size, "cannot write into the data folder %s: %m", path);
    return KW_EIO;
}

static kw_err open_readers(struct kw_store *store, const char *file, char *error, size_t error_size)
{
    for (unsigned i = 0; i < store->reader_count; i++) {
        store->idle[i] = kw_sqlite_open(file, false, error, error_size);
        if (store->idle[i] == NULL)
            return KW_EIO;
        store->idle_count++;
    }
    return KW_OK;
}

kw_err kw_store_open(struct kw_loop *loop, const struct kw_store_options *options,
                     struct kw_store **out, char *error, size_t error_size)
{
    char file[600];
    unsigned queue = options->queue_limit > 0 ? options->queue_limit : KW_QUEUE;
    struct kw_store *store = kw_zalloc(sizeof *store);
    store->loop = loop;
    store->reader_count =
        options->readers > 0 && options->readers <= KW_READERS_MAX ? options->readers : KW_READERS;
    store->collections = kw_map_new();
    (void)pthread_mutex_init(&store->idle_lock, NULL);
    store->rows = kw_metrics_counter(options->metrics, "kw_store_rows_total", "", "Rows ingested.");
    store->seconds = kw_metrics_histogram(options->metrics, "kw_store_page_seconds", "",
                                          "Time to commit a page.");
    store->faults = kw_metrics_counter(options->metrics, "kw_store_faults_total", "",
                                       "Pages that had to be tried again.");
    (void)snprintf(file, sizeof file, "%s/kilowatch.db", options->path);
    kw_err err = make_directory(options->path, error, error_size);
    if (err == KW_OK)
        store->db = kw_sqlite_open(file, true, error, error_size);
    if (err == KW_OK && store->db == NULL)
        err = KW_EIO;
    if (err == KW_OK)
        err = kw_schema_builtin(store->db, store->collections, error, error_size);
    if (err == KW_OK)
        err = open_readers(store, file, error, error_size);
    if (err == KW_OK) {
        store->writer = kw_pool_new(loop, "store-writer", 1, queue);
        store->readers = kw_pool_new(loop, "store-reader", store->reader_count, queue);
        *out = store;
        return KW_OK;
    }
    kw_store_close(store);
    return err;
}

void kw_store_close(struct kw_store *store)
{
    size_t at = 0;
    struct kw_str key;
    void *value;
    atomic_store(&store->closing, true);
    if (store->readers != NULL)
        kw_pool_free(store->readers);
    if (store->writer != NULL)
        kw_pool_free(store->writer);
    for (unsigned i = 0; i < store->idle_count; i++)
        (void)sqlite3_close(store->idle[i]);
    if (store->db != NULL) {
        KW_IGNORE(kw_sqlite_exec(store->db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, 0));
        (void)sqlite3_close(store->db);
    }
    while (kw_map_next(store->collections, &at, &key, &value))
        kw_collection_free(value);
    kw_map_free(store->collections);
    (void)pthread_mutex_destroy(&store->idle_lock);
    kw_free(store);
}

kw_err kw_store_declare(struct kw_store *store, struct kw_str schema, char *error,
                        size_t error_size)
{
    return kw_schema_declare(store->db, store->collections, schema, error, error_size);
}

/* --- requests --- */

static sqlite3 *take_reader(struct kw_store *store)
{
    (void)pthread_mutex_lock(&store->idle_lock);
    sqlite3 *db = store->idle[--store->idle_count]; /* as many as threads: never empty */
    (void)pthread_mutex_unlock(&store->idle_lock);
    return db;
}

static void give_reader(struct kw_store *store, sqlite3 *db)
{
    (void)pthread_mutex_lock(&store->idle_lock);
    store->idle[store->idle_count++] = db;
    (void)pthread_mutex_unlock(&store->idle_lock);
}

static void request_work(void *arg)
{
    struct job *job = arg;
    struct kw_store *store = job->store;
    sqlite3 *db = job->write ? store->db : take_reader(store);
    if (!job->write) /* rows, total and sum are several statements: they see one moment */
        KW_IGNORE(kw_sqlite_exec(db, "BEGIN", NULL, 0));
    job->err = kw_request_run(db, store->collections, kw_str_n(job->request, job->request_length),
                              &job->result);
    if (!job->write) {
        KW_IGNORE(kw_sqlite_exec(db, "COMMIT", NULL, 0));
        give_reader(store, db);
    }
}

static void request_done(void *arg)
{
    struct job *job = arg;
    job->on_result(job->err, kw_buf_str(&job->result), job->arg);
    kw_buf_free(&job->result);
    kw_free(job->request);
    kw_free(job);
}

kw_err kw_store_request(struct kw_store *store, struct kw_str request,
                        kw_store_on_result *on_result, void *arg)
{
    struct job *job = kw_zalloc(sizeof *job);
    job->store = store;
    job->on_result = on_result;
    job->arg = arg;
    job->request = kw_strndup(request.ptr, request.len);
    job->request_length = request.len;
    job->write = kw_request_is_write(request);
    kw_buf_init(&job->result, KW_RESULT_BYTES);
    kw_err err = kw_pool_submit(job->write ? store->writer : store->readers, request_work,
                                request_done, job);
    if (err != KW_OK) {
        kw_free(job->request);
        kw_free(job);
    }
    return err;
}

/* --- ingest --- */

static void ingest_work(void *arg)
{
    struct job *job = arg;
    int64_t began = kw_mono_us();
    for (;;) {
        job->err =
            kw_ingest_run(job->store->db, job->page, &job->cursor, job->error, sizeof job->error);
        bool again = job->err == KW_EBUSY || job->err == KW_EIO;
        if (!again || atomic_load(&job->store->closing))
            break;
        kw_metric_add(job->store->faults, 1);
        KW_LOG(KW_LOG_ERROR, "store", "a page could not be stored; trying again every second",
               KW_LC("error", job->error));
        (void)usleep(KW_RETRY_US);
    }
    kw_metric_observe_us(job->store->seconds, kw_mono_us() - began);
    if (job->err == KW_OK)
        kw_metric_add(job->store->rows, (int64_t)kw_store_page_rows(job->page));
}

static void ingest_done(void *arg)
{
    struct job *job = arg;
    if (job->err != KW_OK)
        KW_LOG(KW_LOG_ERROR, "store", "a page was refused by the database",
               KW_LC("error", job->error));
    job->on_done(job->err, job->arg);
    kw_store_page_free(job->page);
    kw_free(job);
}

kw_err kw_store_ingest(struct kw_store *store, struct kw_store_page *page,
                       const struct kw_store_cursor *cursor, void (*on_done)(kw_err err, void *arg),
                       void *arg)
{
    struct job *job = kw_zalloc(sizeof *job);
    job->store = store;
    job->page = page;
    job->cursor = *cursor;
    job->on_done = on_done;
    job->arg = arg;
    kw_err err = kw_pool_submit(store->writer, ingest_work, ingest_done, job);
    if (err != KW_OK)
        kw_free(job);
    return err;
}

kw_err kw_store_read_cursor(struct kw_store *store, struct kw_store_cursor *out)
{
    return kw_ingest_cursor(store->db, out);
}

static void energy_work(void *arg)
{
    struct job *job = arg;
    sqlite3 *db = take_reader(job->store);
    job->err = kw_ingest_energy_since(db, job->number, &job->number);
    give_reader(job->store, db);
}

static void energy_done(void *arg)
{
    struct job *job = arg;
    job->on_energy(job->err, job->number, job->arg);
    kw_free(job);
}

kw_err kw_store_energy_since(struct kw_store *store, int64_t from_ms,
                             void (*on_done)(kw_err err, int64_t energy_wh, void *arg), void *arg)
{
    struct job *job = kw_zalloc(sizeof *job);
    job->store = store;
    job->number = from_ms;
    job->on_energy = on_done;
    job->arg = arg;
    kw_err err = kw_pool_submit(store->readers, energy_work, energy_done, job);
    if (err != KW_OK)
        kw_free(job);
    return err;
}
