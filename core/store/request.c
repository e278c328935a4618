/* request.c - The request language on SQLite.
 *
 * Names are checked against the declaration; every value stays inside the request and is reached by
 * json_extract(?1, path), so no value ever becomes SQL. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "store/request_internal.h"

#define KW_RESULT_BYTES (64u * 1024 * 1024)

kw_err kw_request_wrong(struct kw_request *run, const char *format, const char *detail)
{
    (void)snprintf(run->error, sizeof run->error, format, detail);
    return KW_EINVALID;
}

kw_err kw_request_failed(struct kw_request *run, int code)
{
    (void)snprintf(run->error, sizeof run->error, "database: %s", sqlite3_errmsg(run->db));
    return kw_sqlite_err(code) == KW_OK ? KW_EINTERNAL : kw_sqlite_err(code);
}

int kw_request_prepare(struct kw_request *run, const char *sql, sqlite3_stmt **statement)
{
    int code = sqlite3_prepare_v2(run->db, sql, -1, statement, NULL);
    if (code == SQLITE_OK && sqlite3_bind_parameter_count(*statement) >= 1)
        code = sqlite3_bind_text(*statement, 1, run->request.ptr, (int)run->request.len,
                                 SQLITE_STATIC);
    return code;
}

/* Text at a path of the request, "" when absent. */
bool kw_request_at(struct kw_request *run, const char *path, char *out, size_t size)
{
    sqlite3_stmt *statement = NULL;
    bool found = false;
    out[0] = 0;
    if (kw_request_prepare(run, "SELECT json_extract(?1,?2)", &statement) == SQLITE_OK &&
        sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
        found = true;
        (void)snprintf(out, size, "%s", (const char *)sqlite3_column_text(statement, 0));
    }
    (void)sqlite3_finalize(statement);
    return found;
}

int kw_request_length(struct kw_request *run, const char *path)
{
    sqlite3_stmt *statement = NULL;
    int length = 0;
    if (kw_request_prepare(run, "SELECT json_array_length(?1,?2)", &statement) == SQLITE_OK &&
        sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        length = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return length;
}

bool kw_request_has_field(const struct kw_collection *collection, const char *name)
{
    for (size_t i = 0; i < collection->field_count; i++) {
        if (strcmp(collection->fields[i].name, name) == 0)
            return true;
    }
    return false;
}

/* --- one document --- */

static kw_err read_doc(struct kw_request *run, const char *key_path, struct kw_buf *out,
                       bool *found)
{
    char sql[400];
    sqlite3_stmt *statement = NULL;
    struct kw_buf text;
    (void)snprintf(sql, sizeof sql, " FROM \"%s\" WHERE \"%s\"=json_extract(?1,'%s')",
                   run->collection->name, run->collection->key, key_path);
    kw_buf_init(&text, KW_SQL_BYTES);
    kw_err err = kw_buf_printf(&text, "SELECT %s%s", run->collection->select, sql);
    int code = err == KW_OK ? kw_request_prepare(run, kw_buf_ptr(&text), &statement) : SQLITE_NOMEM;
    int step = code == SQLITE_OK ? sqlite3_step(statement) : code;
    *found = step == SQLITE_ROW;
    if (*found)
        err = kw_buf_append(out, sqlite3_column_text(statement, 0),
                            (size_t)sqlite3_column_bytes(statement, 0));
    else if (step != SQLITE_DONE)
        err = kw_request_failed(run, step);
    (void)sqlite3_finalize(statement);
    kw_buf_free(&text);
    return err;
}

static kw_err answer_doc(struct kw_request *run, const char *key_path, bool need)
{
    bool found;
    kw_err err = kw_buf_append(run->out, "{\"doc\":", 7);
    if (err == KW_OK)
        err = read_doc(run, key_path, run->out, &found);
    if (err == KW_OK && !found)
        err = need ? kw_request_wrong(run, "the document vanished%s", "")
                   : kw_buf_append(run->out, "null", 4);
    return err == KW_OK ? kw_buf_append(run->out, "}", 1) : err;
}

static kw_err execute(struct kw_request *run, int *changes)
{
    sqlite3_stmt *statement = NULL;
    kw_err err = kw_buf_append(&run->sql, "", 1);
    int code =
        err == KW_OK ? kw_request_prepare(run, kw_buf_ptr(&run->sql), &statement) : SQLITE_NOMEM;
    int step = code == SQLITE_OK ? sqlite3_step(statement) : code;
    if (step != SQLITE_DONE)
        err = kw_request_failed(run, step);
    *changes = step == SQLITE_DONE ? sqlite3_changes(run->db) : 0;
    (void)sqlite3_finalize(statement);
    return err;
}

/* Every field named in the object at `path` must be declared. */
static kw_err check_names(struct kw_request *run, const char *path)
{
    sqlite3_stmt *statement = NULL;
    kw_err err = KW_OK;
    if (kw_request_prepare(run, "SELECT key FROM json_each(?1,?2)", &statement) != SQLITE_OK ||
        sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC) != SQLITE_OK)
        err = KW_EINTERNAL;
    while (err == KW_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        if (!kw_request_has_field(run->collection, name))
            err = kw_request_wrong(run, "unknown field: %s", name);
    }
    (void)sqlite3_finalize(statement);
    return err;
}

static kw_err op_insert(struct kw_request *run, bool upsert)
{
    const struct kw_collection *collection = run->collection;
    int changes;
    kw_err err = check_names(run, "$.doc");
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, "INSERT INTO \"%s\"(\"revision\"", collection->name);
    for (size_t i = 0; err == KW_OK && i < collection->field_count; i++) {
        if (strcmp(collection->fields[i].name, "revision") != 0)
            err = kw_buf_printf(&run->sql, ",\"%s\"", collection->fields[i].name);
    }
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, ") VALUES(1");
    for (size_t i = 0; err == KW_OK && i < collection->field_count; i++) {
        if (strcmp(collection->fields[i].name, "revision") != 0)
            err = kw_buf_printf(&run->sql, ",json_extract(?1,'$.doc.%s')",
                                collection->fields[i].name);
    }
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, ")");
    if (err == KW_OK && upsert) {
        err = kw_buf_printf(&run->sql,
                            " ON CONFLICT(\"%s\") DO UPDATE SET \"revision\"=\"revision\"+1",
                            collection->key);
        for (size_t i = 0; err == KW_OK && i < collection->field_count; i++) {
            const char *name = collection->fields[i].name;
            if (strcmp(name, "revision") != 0 && strcmp(name, collection->key) != 0)
                err = kw_buf_printf(&run->sql, ",\"%s\"=excluded.\"%s\"", name, name);
        }
    }
    if (err == KW_OK)
        err = execute(run, &changes);
    char key_path[80];
    (void)snprintf(key_path, sizeof key_path, "$.doc.%s", collection->key);
    return err == KW_OK ? answer_doc(run, key_path, true) : err;
}

static kw_err not_changed(struct kw_request *run)
{
    bool found;
    kw_buf_clear(run->out);
    kw_err err = kw_buf_append(run->out, "{\"doc\":", 7);
    if (err == KW_OK)
        err = read_doc(run, "$.key", run->out, &found);
    if (err != KW_OK)
        return err;
    if (!found) {
        (void)snprintf(run->error, sizeof run->error, "no such document");
        return KW_ENOTFOUND;
    }
    err = kw_buf_append(run->out, "}", 1);
    return err == KW_OK ? KW_ECONFLICT : err;
}

static kw_err op_update(struct kw_request *run)
{
    char text[32];
    int changes;
    sqlite3_stmt *statement = NULL;
    kw_err err = check_names(run, "$.set");
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, "UPDATE \"%s\" SET \"revision\"=\"revision\"+1",
                            run->collection->name);
    if (err == KW_OK &&
        kw_request_prepare(run, "SELECT key FROM json_each(?1,'$.set')", &statement) != SQLITE_OK)
        err = KW_EINTERNAL;
    while (err == KW_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        if (strcmp(name, "revision") != 0 && strcmp(name, run->collection->key) != 0)
            err = kw_buf_printf(&run->sql, ",\"%s\"=json_extract(?1,'$.set.%s')", name, name);
    }
    (void)sqlite3_finalize(statement);
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, " WHERE \"%s\"=json_extract(?1,'$.key')%s",
                            run->collection->key,
                            kw_request_at(run, "$.revision", text, sizeof text)
                                ? " AND \"revision\"=json_extract(?1,'$.revision')"
                                : "");
    if (err == KW_OK)
        err = execute(run, &changes);
    if (err != KW_OK)
        return err;
    return changes == 0 ? not_changed(run) : answer_doc(run, "$.key", true);
}

static kw_err op_delete(struct kw_request *run)
{
    char text[32];
    int changes;
    kw_err err =
        kw_buf_printf(&run->sql, "DELETE FROM \"%s\" WHERE \"%s\"=json_extract(?1,'$.key')%s",
                      run->collection->name, run->collection->key,
                      kw_request_at(run, "$.revision", text, sizeof text)
                          ? " AND \"revision\"=json_extract(?1,'$.revision')"
                          : "");
    if (err == KW_OK)
        err = execute(run, &changes);
    if (err != KW_OK)
        return err;
    return changes == 0 ? not_changed(run) : kw_buf_append(run->out, "{}", 2);
}

static kw_err run_one(struct kw_request *run, bool inside_batch);

static kw_err op_batch(struct kw_request *run)
{
    struct kw_str whole = run->request;
    struct kw_buf results;
    int count = kw_request_length(run, "$.ops");
    kw_buf_init(&results, KW_RESULT_BYTES);
    kw_err err = kw_sqlite_exec(run->db, "SAVEPOINT kw_batch", run->error, sizeof run->error);
    for (int i = 0; err == KW_OK && i < count; i++) {
        char path[32];
        sqlite3_stmt *statement = NULL;
        (void)snprintf(path, sizeof path, "$.ops[%d]", i);
        run->request = whole;
        if (kw_request_prepare(run, "SELECT json_extract(?1,?2)", &statement) != SQLITE_OK ||
            sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC) != SQLITE_OK ||
            sqlite3_step(statement) != SQLITE_ROW) {
            err = kw_request_failed(run, SQLITE_ERROR);
        } else {
            run->request = kw_str_n((const char *)sqlite3_column_text(statement, 0),
                                    (size_t)sqlite3_column_bytes(statement, 0));
            kw_buf_clear(run->out);
            err = run_one(run, true);
            if (err == KW_OK && i > 0)
                err = kw_buf_append(&results, ",", 1);
            if (err == KW_OK)
                err = kw_buf_append(&results, kw_buf_ptr(run->out), kw_buf_len(run->out));
        }
        (void)sqlite3_finalize(statement);
    }
    run->request = whole;
    if (err == KW_OK) /* this is the commit */
        err = kw_sqlite_exec(run->db, "RELEASE kw_batch", run->error, sizeof run->error);
    if (err != KW_OK)
        KW_IGNORE(kw_sqlite_exec(run->db, "ROLLBACK TO kw_batch; RELEASE kw_batch", NULL, 0));
    if (err == KW_OK) {
        kw_buf_clear(run->out);
        err = kw_buf_printf(run->out, "{\"results\":[");
        if (err == KW_OK)
            err = kw_buf_append(run->out, kw_buf_ptr(&results), kw_buf_len(&results));
        if (err == KW_OK)
            err = kw_buf_append(run->out, "]}", 2);
    }
    kw_buf_free(&results);
    return err;
}

static kw_err run_one(struct kw_request *run, bool inside_batch)
{
    char op[16], from[80];
    kw_buf_clear(&run->sql);
    (void)kw_request_at(run, "$.op", op, sizeof op);
    if (strcmp(op, "batch") == 0 && !inside_batch)
        return op_batch(run);
    (void)kw_request_at(run, "$.from", from, sizeof from);
    run->collection = kw_map_get(run->collections, kw_str_of(from));
    if (run->collection == NULL)
        return kw_request_wrong(run, "unknown collection: %s", from);
    if (strcmp(op, "get") == 0)
        return answer_doc(run, "$.key", false);
    if (strcmp(op, "find") == 0)
        return kw_request_find(run);
    if (strcmp(op, "group") == 0)
        return kw_request_group(run);
    if (strcmp(op, "insert") == 0 || strcmp(op, "upsert") == 0)
        return op_insert(run, op[0] == 'u');
    if (strcmp(op, "update") == 0)
        return op_update(run);
    if (strcmp(op, "delete") == 0)
        return op_delete(run);
    return kw_request_wrong(run, "unknown operation: %s", op);
}

bool kw_request_is_write(struct kw_str request)
{
    struct kw_json json;
    bool write = true;
    kw_json_init(&json, request);
    if (kw_json_next(&json) == KW_JSON_OBJECT) {
        while (kw_json_next(&json) == KW_JSON_KEY) {
            bool is_op = kw_str_eqc(json.text, "op");
            enum kw_json_event event = kw_json_next(&json);
            if (is_op && event == KW_JSON_STRING) {
                write = !kw_str_eqc(json.text, "get") && !kw_str_eqc(json.text, "find") &&
                        !kw_str_eqc(json.text, "group");
                break;
            }
            if (kw_json_skip(&json, event, NULL) != KW_OK)
                break;
        }
    }
    kw_json_free(&json);
    return write;
}

kw_err kw_request_run(sqlite3 *db, struct kw_map *collections, struct kw_str request,
                      struct kw_buf *out)
{
    struct kw_request run = {
        .db = db, .collections = collections, .request = request, .out = out
    };
    kw_buf_init(&run.sql, KW_SQL_BYTES);
    kw_err err = run_one(&run, false);
    if (err != KW_OK && err != KW_ECONFLICT) {
        struct kw_json_out json;
        kw_buf_clear(out);
        kw_json_out_init(&json, out);
        kw_json_obj(&json);
        KW_JSON_KV(str, &json, "error",
                   kw_str_of(run.error[0] != 0 ? run.error : kw_err_text(err)));
        kw_json_obj_end(&json);
    }
    kw_buf_free(&run.sql);
    return err;
}
