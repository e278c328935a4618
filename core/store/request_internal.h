/* request_internal.h - One request while it runs: shared by the files of the request language.
 *
 * request.c has the helpers, the single documents and the dispatch; request_find.c has what reads
 * many rows. */
#ifndef KW_STORE_REQUEST_INTERNAL_H
#define KW_STORE_REQUEST_INTERNAL_H

#include "store/sqlite.h"

#define KW_SQL_BYTES 262144

struct kw_request {
    sqlite3 *db;
    struct kw_map *collections;
    struct kw_str request;
    struct kw_buf *out;
    const struct kw_collection *collection;
    struct kw_buf sql;
    char error[256];
};

/* Say what is wrong with the request; `format` has one %s. KW_EINVALID. */
kw_err kw_request_wrong(struct kw_request *run, const char *format, const char *detail);
/* SQLite's failure as the request's error. Never KW_OK. */
kw_err kw_request_failed(struct kw_request *run, int code);
/* Prepare with the request's text bound to ?1. SQLite's code. */
int kw_request_prepare(struct kw_request *run, const char *sql, sqlite3_stmt **statement);
/* Text at a JSON path of the request, cut at `size`; false and "": there is none. */
bool kw_request_at(struct kw_request *run, const char *path, char *out, size_t size);
/* Length of the array at a JSON path; 0: there is none. */
int kw_request_length(struct kw_request *run, const char *path);
bool kw_request_has_field(const struct kw_collection *collection, const char *name);

/* request_find.c: the result is appended to run->out. */
KW_MUST_USE kw_err kw_request_find(struct kw_request *run);
KW_MUST_USE kw_err kw_request_group(struct kw_request *run);

#endif
