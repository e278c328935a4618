/* sqlite.h - One SQLite connection set up our way; for the files of store/ only. */
#ifndef KW_STORE_SQLITE_H
#define KW_STORE_SQLITE_H

#include <sqlite3.h>

#include "base/map.h"
#include "store/store.h"

#define KW_FIELDS_MAX 60 /* of one collection: json_object() takes 127 arguments */

enum kw_field_type {
    KW_COLUMN_STRING,
    KW_COLUMN_INTEGER,
    KW_COLUMN_NUMBER,
    KW_COLUMN_BOOLEAN,
    KW_COLUMN_JSON
};

struct kw_collection {
    char name[64], key[64];
    size_t field_count;
    struct {
        char name[64];
        enum kw_field_type type;
    } fields[KW_FIELDS_MAX];
    char *select; /* json_object(...) of all fields */
};

/* writer: may create; else query_only. NULL on failure, error says why. */
sqlite3 *kw_sqlite_open(const char *file, bool writer, char *error, size_t error_size);
KW_MUST_USE kw_err kw_sqlite_exec(sqlite3 *db, const char *sql, char *error, size_t error_size);
kw_err kw_sqlite_err(int code); /* SQLite's code as ours */

/* schema.c */
KW_MUST_USE kw_err kw_schema_builtin(sqlite3 *db, struct kw_map *collections, char *error,
                                     size_t error_size);
KW_MUST_USE kw_err kw_schema_declare(sqlite3 *db, struct kw_map *collections, struct kw_str schema,
                                     char *error, size_t error_size);
void kw_collection_free(struct kw_collection *collection);

/* request.c: runs one request; the result or {"error":...} is appended to out. */
KW_MUST_USE kw_err kw_request_run(sqlite3 *db, struct kw_map *collections, struct kw_str request,
                                  struct kw_buf *out);
bool kw_request_is_write(struct kw_str request);

/* ingest.c */
KW_MUST_USE kw_err kw_ingest_run(sqlite3 *db, const struct kw_store_page *page,
                                 const struct kw_store_cursor *cursor, char *error,
                                 size_t error_size);
KW_MUST_USE kw_err kw_ingest_cursor(sqlite3 *db, struct kw_store_cursor *out);
KW_MUST_USE kw_err kw_ingest_energy_since(sqlite3 *db, int64_t from_ms, int64_t *out);

#endif
