/* sqlite.c - Opening a connection: WAL, durable commits, own text folding. */
#include "store/sqlite.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

#define KW_BUSY_MS 5000
#define KW_FOLD_BYTES 4096

kw_err kw_sqlite_err(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return KW_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return KW_EBUSY;
    case SQLITE_CONSTRAINT:
        return KW_EEXISTS;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return KW_EIO;
    case SQLITE_NOMEM:
        return KW_ENOMEM;
    case SQLITE_TOOBIG:
        return KW_ETOOBIG;
    default:
        return KW_EINTERNAL;
    }
}

kw_err kw_sqlite_exec(sqlite3 *db, const char *sql, char *error, size_t error_size)
{
    char *text = NULL;
    int code = sqlite3_exec(db, sql, NULL, NULL, &text);
    if (code != SQLITE_OK && error != NULL)
        (void)snprintf(error, error_size, "database: %s",
                       text != NULL ? text : sqlite3_errstr(code));
    sqlite3_free(text);
    return kw_sqlite_err(code);
}

/* Lower case of ASCII, Latin-1 and Cyrillic letters (and yo as ye), enough for names of people and places. */
static size_t fold(const unsigned char *in, size_t length, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length && used + 2 < size; i++) {
        unsigned char byte = in[i], next = i + 1 < length ? in[i + 1] : 0;
        unsigned code = ((unsigned)byte & 0x1f) << 6 | (next & 0x3f);
        if (byte >= 'A' && byte <= 'Z') {
            out[used++] = (char)(byte + 32);
        } else if ((byte & 0xe0) == 0xc0 && (next & 0xc0) == 0x80) {
            if ((code >= 0x410 && code <= 0x42f) || (code >= 0xc0 && code <= 0xde && code != 0xd7))
                code += 32;
            else if (code == 0x401 || code == 0x451)
                code = 0x435;
            out[used++] = (char)(0xc0 | code >> 6);
            out[used++] = (char)(0x80 | (code & 63));
            i++;
        } else {
            out[used++] = (char)byte;
        }
    }
    return used;
}

static void sql_fold(sqlite3_context *context, int count, sqlite3_value **values)
{
    char out[KW_FOLD_BYTES];
    (void)count;
    if (sqlite3_value_type(values[0]) == SQLITE_NULL)
        return;
    const unsigned char *text = sqlite3_value_text(values[0]);
    size_t used = fold(text, (size_t)sqlite3_value_bytes(values[0]), out, sizeof out);
    sqlite3_result_text(context, out, (int)used, SQLITE_TRANSIENT);
}

sqlite3 *kw_sqlite_open(const char *file, bool writer, char *error, size_t error_size)
{
    sqlite3 *db = NULL;
    mode_t before = umask(0077); /* the database and its WAL are nobody else's business */
    int code =
        sqlite3_open_v2(file, &db,
                        SQLITE_OPEN_NOMUTEX | (writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                                      : SQLITE_OPEN_READWRITE),
                        NULL);
    (void)umask(before);
    kw_err err = kw_sqlite_err(code);
    if (err == KW_OK) {
        (void)sqlite3_busy_timeout(db, KW_BUSY_MS);
        err = kw_sqlite_exec(
            db,
            writer ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;"
                     "PRAGMA journal_size_limit=67108864; PRAGMA foreign_keys=ON;"
                   : "PRAGMA query_only=ON; PRAGMA cache_size=-8000;",
            error, error_size);
        code = sqlite3_create_function(db, "kw_fold", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                       sql_fold, NULL, NULL);
    } else {
        (void)snprintf(error, error_size, "cannot open the database %s: %s", file,
                       sqlite3_errmsg(db));
    }
    if (err != KW_OK || code != SQLITE_OK) {
        (void)sqlite3_close(db);
        return NULL;
    }
    return db;
}
