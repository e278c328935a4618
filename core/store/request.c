/* request.c - The request language on SQLite.
 *
 * Names are checked against the declaration; every value stays inside the request and is reached by
 * json_extract(?1, path), so no value ever becomes SQL. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "store/sqlite.h"

#define KW_SQL_BYTES 262144
#define KW_RESULT_BYTES (64u * 1024 * 1024)
#define KW_CONDITIONS 64
#define KW_SORT_FIELDS 6
#define KW_FIND_LIMIT 10000

struct run {
    sqlite3 *db;
    struct kw_map *collections;
    struct kw_str request;
    struct kw_buf *out;
    const struct kw_collection *collection;
    struct kw_buf sql;
    char error[256];
};

static kw_err wrong(struct run *run, const char *format, const char *detail)
{
    (void)snprintf(run->error, sizeof run->error, format, detail);
    return KW_EINVALID;
}

static kw_err failed(struct run *run, int code)
{
    (void)snprintf(run->error, sizeof run->error, "database: %s", sqlite3_errmsg(run->db));
    return kw_sqlite_err(code) == KW_OK ? KW_EINTERNAL : kw_sqlite_err(code);
}

static int prepare(struct run *run, const char *sql, sqlite3_stmt **statement)
{
    int code = sqlite3_prepare_v2(run->db, sql, -1, statement, NULL);
    if (code == SQLITE_OK && sqlite3_bind_parameter_count(*statement) >= 1)
        code = sqlite3_bind_text(*statement, 1, run->request.ptr, (int)run->request.len, SQLITE_STATIC);
    return code;
}

/* Text at a path of the request, "" when absent. */
static bool at_path(struct run *run, const char *path, char *out, size_t size)
{
    sqlite3_stmt *statement = NULL;
    bool found = false;
    out[0] = 0;
    if (prepare(run, "SELECT json_extract(?1,?2)", &statement) == SQLITE_OK &&
        sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW &&
        sqlite3_column_type(statement, 0) != SQLITE_NULL) {
        found = true;
        (void)snprintf(out, size, "%s", (const char *)sqlite3_column_text(statement, 0));
    }
    (void)sqlite3_finalize(statement);
    return found;
}

static int length_at(struct run *run, const char *path)
{
    sqlite3_stmt *statement = NULL;
    int length = 0;
    if (prepare(run, "SELECT json_array_length(?1,?2)", &statement) == SQLITE_OK &&
        sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        length = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return length;
}

static bool has_field(const struct kw_collection *collection, const char *name)
{
    for (size_t i = 0; i < collection->field_count; i++) {
        if (strcmp(collection->fields[i].name, name) == 0)
            return true;
    }
    return false;
}

/* --- conditions --- */

static kw_err condition(struct run *run, const char *path)
{
    static const struct {
        const char *name, *sql;
    } table[] = { { "=", "\"%s\" = json_extract(?1,'%s[2]')" },
                  { "!=", "\"%s\" IS NOT json_extract(?1,'%s[2]')" },
                  { "<", "\"%s\" < json_extract(?1,'%s[2]')" },
                  { "<=", "\"%s\" <= json_extract(?1,'%s[2]')" },
                  { ">", "\"%s\" > json_extract(?1,'%s[2]')" },
                  { ">=", "\"%s\" >= json_extract(?1,'%s[2]')" },
                  { "in", "\"%s\" IN (SELECT value FROM json_each(?1,'%s[2]'))" },
                  { "contains", "instr(kw_fold(\"%s\"),kw_fold(json_extract(?1,'%s[2]')))>0" },
                  { "prefix", "\"%s\" GLOB replace(replace(replace(json_extract(?1,'%s[2]'),'[','[[]'),'*','[*]'),'?','[?]')||'*'" },
                  { "is_null", "\"%s\" IS NULL" },
                  { "not_null", "\"%s\" IS NOT NULL" } };
    char at[96], field[80], compare[16];
    (void)snprintf(at, sizeof at, "%s[0]", path);
    (void)at_path(run, at, field, sizeof field);
    (void)snprintf(at, sizeof at, "%s[1]", path);
    (void)at_path(run, at, compare, sizeof compare);
    if (!has_field(run->collection, field))
        return wrong(run, "unknown field in where: %s", field);
    for (size_t i = 0; i < KW_COUNT_OF(table); i++) {
        if (strcmp(compare, table[i].name) == 0)
            return kw_buf_printf(&run->sql, table[i].sql, field, path);
    }
    return wrong(run, "unknown comparison: %s", compare);
}

static kw_err or_group(struct run *run, const char *path)
{
    char at[96];
    int count = length_at(run, path);
    kw_err err = count > 0 && count <= KW_CONDITIONS ? kw_buf_printf(&run->sql, "(") : wrong(run, "an empty or%s", "");
    for (int i = 0; err == KW_OK && i < count; i++) {
        (void)snprintf(at, sizeof at, "%s[%d]", path, i);
        err = i > 0 ? kw_buf_printf(&run->sql, " OR ") : KW_OK;
        if (err == KW_OK)
            err = condition(run, at);
    }
    return err == KW_OK ? kw_buf_printf(&run->sql, ")") : err;
}

static kw_err where(struct run *run)
{
    char path[64], head[8], or_path[72];
    int count = length_at(run, "$.where");
    kw_err err = count <= KW_CONDITIONS ? kw_buf_printf(&run->sql, " WHERE 1") : wrong(run, "more than 64 conditions%s", "");
    for (int i = 0; err == KW_OK && i < count; i++) {
        (void)snprintf(path, sizeof path, "$.where[%d]", i);
        (void)snprintf(or_path, sizeof or_path, "%s[0]", path);
        (void)at_path(run, or_path, head, sizeof head);
        err = kw_buf_printf(&run->sql, " AND ");
        if (err == KW_OK && strcmp(head, "or") == 0) {
            (void)snprintf(or_path, sizeof or_path, "%s[1]", path);
            err = or_group(run, or_path);
        } else if (err == KW_OK) {
            err = condition(run, path);
        }
    }
    return err;
}

/* --- find --- */

struct sort {
    struct {
        char name[64];
        bool down;
    } fields[KW_SORT_FIELDS + 1];
    int count;
};

static kw_err read_sort(struct run *run, struct sort *sort)
{
    char path[32], text[80];
    int count = length_at(run, "$.sort");
    bool has_key = false;
    if (count > KW_SORT_FIELDS)
        return wrong(run, "more than 6 sort fields%s", "");
    for (sort->count = 0; sort->count < count; sort->count++) {
        (void)snprintf(path, sizeof path, "$.sort[%d]", sort->count);
        (void)at_path(run, path, text, sizeof text);
        bool down = text[0] == '-';
        if (!has_field(run->collection, text + down))
            return wrong(run, "unknown field in sort: %s", text);
        (void)snprintf(sort->fields[sort->count].name, 64, "%s", text + down);
        sort->fields[sort->count].down = down;
        has_key = has_key || strcmp(text + down, run->collection->key) == 0;
    }
    if (!has_key) {
        (void)snprintf(sort->fields[sort->count].name, 64, "%s", run->collection->key);
        sort->fields[sort->count].down = sort->count > 0 && sort->fields[0].down;
        sort->count++;
    }
    return KW_OK;
}

/* Rows after the given values: a ladder over the sort fields; SQLite sorts NULL first. */
static kw_err after(struct run *run, const struct sort *sort)
{
    char path[32], text[8];
    if (length_at(run, "$.after") != sort->count)
        return length_at(run, "$.after") == 0 ? KW_OK : wrong(run, "after has another number of values than sort%s", "");
    kw_err err = kw_buf_printf(&run->sql, " AND (0");
    for (int i = 0; err == KW_OK && i < sort->count; i++) {
        err = kw_buf_printf(&run->sql, " OR (1");
        for (int j = 0; err == KW_OK && j < i; j++)
            err = kw_buf_printf(&run->sql, " AND \"%s\" IS json_extract(?1,'$.after[%d]')", sort->fields[j].name, j);
        (void)snprintf(path, sizeof path, "$.after[%d]", i);
        bool is_null = !at_path(run, path, text, sizeof text);
        const char *name = sort->fields[i].name;
        if (err != KW_OK)
            break;
        if (sort->fields[i].down)
            err = is_null ? kw_buf_printf(&run->sql, " AND 0)")
                          : kw_buf_printf(&run->sql, " AND (\"%s\" < json_extract(?1,'$.after[%d]') OR \"%s\" IS NULL))", name,
                                          i, name);
        else
            err = is_null ? kw_buf_printf(&run->sql, " AND \"%s\" IS NOT NULL)", name)
                          : kw_buf_printf(&run->sql, " AND \"%s\" > json_extract(?1,'$.after[%d]'))", name, i);
    }
    return err == KW_OK ? kw_buf_printf(&run->sql, ")") : err;
}

static kw_err append_rows(struct run *run, int64_t limit, bool *more)
{
    sqlite3_stmt *statement = NULL;
    int64_t count = 0;
    kw_err err = kw_buf_append(&run->sql, "", 1);
    int code = err == KW_OK ? prepare(run, kw_buf_ptr(&run->sql), &statement) : SQLITE_NOMEM;
    *more = false;
    while (err == KW_OK && code == SQLITE_OK) {
        int step = sqlite3_step(statement);
        if (step == SQLITE_DONE)
            break;
        if (step != SQLITE_ROW) {
            code = step;
            break;
        }
        if (limit > 0 && count == limit) {
            *more = true;
            break;
        }
        err = count++ > 0 ? kw_buf_append(run->out, ",", 1) : KW_OK;
        if (err == KW_OK)
            err = kw_buf_append(run->out, sqlite3_column_text(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
    }
    if (code != SQLITE_OK && err == KW_OK)
        err = failed(run, code);
    (void)sqlite3_finalize(statement);
    return err;
}

static kw_err totals(struct run *run)
{
    char path[32], name[80];
    bool more;
    int sums = length_at(run, "$.sum");
    kw_buf_clear(&run->sql);
    kw_err err = kw_buf_printf(&run->sql, "SELECT json_object('total',count(*),'sum',json_object(");
    for (int i = 0; err == KW_OK && i < sums; i++) {
        (void)snprintf(path, sizeof path, "$.sum[%d]", i);
        (void)at_path(run, path, name, sizeof name);
        if (!has_field(run->collection, name))
            return wrong(run, "unknown field in sum: %s", name);
        err = kw_buf_printf(&run->sql, "%s'%s',coalesce(sum(\"%s\"),0)", i > 0 ? "," : "", name, name);
    }
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, ")) FROM \"%s\"", run->collection->name);
    if (err == KW_OK)
        err = where(run);
    if (err == KW_OK)
        err = kw_buf_append(run->out, ",\"totals\":", 10);
    return err == KW_OK ? append_rows(run, 0, &more) : err;
}

static kw_err op_find(struct run *run)
{
    struct sort sort;
    char text[32];
    int64_t limit = 100;
    bool more;
    if (at_path(run, "$.limit", text, sizeof text) &&
        (kw_str_to_i64(kw_str_of(text), &limit) != KW_OK || limit < 1 || limit > KW_FIND_LIMIT))
        return wrong(run, "limit is 1..10000, not %s", text);
    kw_err err = read_sort(run, &sort);
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, "SELECT %s FROM \"%s\"", run->collection->select, run->collection->name);
    if (err == KW_OK)
        err = where(run);
    if (err == KW_OK)
        err = after(run, &sort);
    for (int i = 0; err == KW_OK && i < sort.count; i++)
        err = kw_buf_printf(&run->sql, "%s\"%s\" %s", i == 0 ? " ORDER BY " : ",", sort.fields[i].name,
                            sort.fields[i].down ? "DESC" : "ASC");
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, " LIMIT %lld", (long long)limit + 1);
    if (err == KW_OK)
        err = kw_buf_printf(run->out, "{\"items\":[");
    if (err == KW_OK)
        err = append_rows(run, limit, &more);
    if (err == KW_OK)
        err = kw_buf_printf(run->out, "],\"more\":%s", more ? "true" : "false");
    if (err == KW_OK && (at_path(run, "$.count", text, sizeof text) || length_at(run, "$.sum") > 0))
        err = totals(run);
    return err == KW_OK ? kw_buf_append(run->out, "}", 1) : err;
}

static kw_err op_group(struct run *run)
{
    char path[32], name[80];
    bool more;
    int by = length_at(run, "$.by"), sums = length_at(run, "$.sum");
    kw_err err = kw_buf_printf(&run->sql, "SELECT json_object('count',count(*)");
    for (int i = 0; err == KW_OK && i < by + sums; i++) {
        (void)snprintf(path, sizeof path, i < by ? "$.by[%d]" : "$.sum[%d]", i < by ? i : i - by);
        (void)at_path(run, path, name, sizeof name);
        if (!has_field(run->collection, name))
            return wrong(run, "unknown field in group: %s", name);
        err = kw_buf_printf(&run->sql, i < by ? ",'%s',\"%s\"" : ",'%s',coalesce(sum(\"%s\"),0)", name, name);
    }
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, ") FROM \"%s\"", run->collection->name);
    if (err == KW_OK)
        err = where(run);
    for (int i = 0; err == KW_OK && i < by; i++) {
        (void)snprintf(path, sizeof path, "$.by[%d]", i);
        (void)at_path(run, path, name, sizeof name);
        err = kw_buf_printf(&run->sql, "%s\"%s\"", i == 0 ? " GROUP BY " : ",", name);
    }
    if (err == KW_OK)
        err = kw_buf_printf(run->out, "{\"rows\":[");
    if (err == KW_OK)
        err = append_rows(run, KW_FIND_LIMIT, &more);
    return err == KW_OK ? kw_buf_append(run->out, "]}", 2) : err;
}

/* --- one document --- */

static kw_err read_doc(struct run *run, const char *key_path, struct kw_buf *out, bool *found)
{
    char sql[400];
    sqlite3_stmt *statement = NULL;
    struct kw_buf text;
    (void)snprintf(sql, sizeof sql, " FROM \"%s\" WHERE \"%s\"=json_extract(?1,'%s')", run->collection->name,
                   run->collection->key, key_path);
    kw_buf_init(&text, KW_SQL_BYTES);
    kw_err err = kw_buf_printf(&text, "SELECT %s%s", run->collection->select, sql);
    int code = err == KW_OK ? prepare(run, kw_buf_ptr(&text), &statement) : SQLITE_NOMEM;
    int step = code == SQLITE_OK ? sqlite3_step(statement) : code;
    *found = step == SQLITE_ROW;
    if (*found)
        err = kw_buf_append(out, sqlite3_column_text(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
    else if (step != SQLITE_DONE)
        err = failed(run, step);
    (void)sqlite3_finalize(statement);
    kw_buf_free(&text);
    return err;
}

static kw_err answer_doc(struct run *run, const char *key_path, bool need)
{
    bool found;
    kw_err err = kw_buf_append(run->out, "{\"doc\":", 7);
    if (err == KW_OK)
        err = read_doc(run, key_path, run->out, &found);
    if (err == KW_OK && !found)
        err = need ? wrong(run, "the document vanished%s", "") : kw_buf_append(run->out, "null", 4);
    return err == KW_OK ? kw_buf_append(run->out, "}", 1) : err;
}

static kw_err execute(struct run *run, int *changes)
{
    sqlite3_stmt *statement = NULL;
    kw_err err = kw_buf_append(&run->sql, "", 1);
    int code = err == KW_OK ? prepare(run, kw_buf_ptr(&run->sql), &statement) : SQLITE_NOMEM;
    int step = code == SQLITE_OK ? sqlite3_step(statement) : code;
    if (step != SQLITE_DONE)
        err = failed(run, step);
    *changes = step == SQLITE_DONE ? sqlite3_changes(run->db) : 0;
    (void)sqlite3_finalize(statement);
    return err;
}

/* Every field named in the object at `path` must be declared. */
static kw_err check_names(struct run *run, const char *path)
{
    sqlite3_stmt *statement = NULL;
    kw_err err = KW_OK;
    if (prepare(run, "SELECT key FROM json_each(?1,?2)", &statement) != SQLITE_OK ||
        sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC) != SQLITE_OK)
        err = KW_EINTERNAL;
    while (err == KW_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        if (!has_field(run->collection, name))
            err = wrong(run, "unknown field: %s", name);
    }
    (void)sqlite3_finalize(statement);
    return err;
}

static kw_err op_insert(struct run *run, bool upsert)
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
            err = kw_buf_printf(&run->sql, ",json_extract(?1,'$.doc.%s')", collection->fields[i].name);
    }
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, ")");
    if (err == KW_OK && upsert) {
        err = kw_buf_printf(&run->sql, " ON CONFLICT(\"%s\") DO UPDATE SET \"revision\"=\"revision\"+1", collection->key);
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

static kw_err not_changed(struct run *run)
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

static kw_err op_update(struct run *run)
{
    char text[32];
    int changes;
    sqlite3_stmt *statement = NULL;
    kw_err err = check_names(run, "$.set");
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, "UPDATE \"%s\" SET \"revision\"=\"revision\"+1", run->collection->name);
    if (err == KW_OK && prepare(run, "SELECT key FROM json_each(?1,'$.set')", &statement) != SQLITE_OK)
        err = KW_EINTERNAL;
    while (err == KW_OK && sqlite3_step(statement) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        if (strcmp(name, "revision") != 0 && strcmp(name, run->collection->key) != 0)
            err = kw_buf_printf(&run->sql, ",\"%s\"=json_extract(?1,'$.set.%s')", name, name);
    }
    (void)sqlite3_finalize(statement);
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, " WHERE \"%s\"=json_extract(?1,'$.key')%s", run->collection->key,
                            at_path(run, "$.revision", text, sizeof text) ? " AND \"revision\"=json_extract(?1,'$.revision')"
                                                                          : "");
    if (err == KW_OK)
        err = execute(run, &changes);
    if (err != KW_OK)
        return err;
    return changes == 0 ? not_changed(run) : answer_doc(run, "$.key", true);
}

static kw_err op_delete(struct run *run)
{
    char text[32];
    int changes;
    kw_err err = kw_buf_printf(&run->sql, "DELETE FROM \"%s\" WHERE \"%s\"=json_extract(?1,'$.key')%s", run->collection->name,
                               run->collection->key,
                               at_path(run, "$.revision", text, sizeof text)
                                   ? " AND \"revision\"=json_extract(?1,'$.revision')" : "");
    if (err == KW_OK)
        err = execute(run, &changes);
    if (err != KW_OK)
        return err;
    return changes == 0 ? not_changed(run) : kw_buf_append(run->out, "{}", 2);
}

static kw_err run_one(struct run *run, bool inside_batch);

static kw_err op_batch(struct run *run)
{
    struct kw_str whole = run->request;
    struct kw_buf results;
    int count = length_at(run, "$.ops");
    kw_buf_init(&results, KW_RESULT_BYTES);
    kw_err err = kw_sqlite_exec(run->db, "SAVEPOINT kw_batch", run->error, sizeof run->error);
    for (int i = 0; err == KW_OK && i < count; i++) {
        char path[32];
        sqlite3_stmt *statement = NULL;
        (void)snprintf(path, sizeof path, "$.ops[%d]", i);
        run->request = whole;
        if (prepare(run, "SELECT json_extract(?1,?2)", &statement) != SQLITE_OK ||
            sqlite3_bind_text(statement, 2, path, -1, SQLITE_STATIC) != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW) {
            err = failed(run, SQLITE_ERROR);
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
    KW_IGNORE(kw_sqlite_exec(run->db, err == KW_OK ? "RELEASE kw_batch" : "ROLLBACK TO kw_batch; RELEASE kw_batch", NULL, 0));
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

static kw_err run_one(struct run *run, bool inside_batch)
{
    char op[16], from[80];
    kw_buf_clear(&run->sql);
    (void)at_path(run, "$.op", op, sizeof op);
    if (strcmp(op, "batch") == 0 && !inside_batch)
        return op_batch(run);
    (void)at_path(run, "$.from", from, sizeof from);
    run->collection = kw_map_get(run->collections, kw_str_of(from));
    if (run->collection == NULL)
        return wrong(run, "unknown collection: %s", from);
    if (strcmp(op, "get") == 0)
        return answer_doc(run, "$.key", false);
    if (strcmp(op, "find") == 0)
        return op_find(run);
    if (strcmp(op, "group") == 0)
        return op_group(run);
    if (strcmp(op, "insert") == 0 || strcmp(op, "upsert") == 0)
        return op_insert(run, op[0] == 'u');
    if (strcmp(op, "update") == 0)
        return op_update(run);
    if (strcmp(op, "delete") == 0)
        return op_delete(run);
    return wrong(run, "unknown operation: %s", op);
}

bool kw_request_is_write(struct kw_str request)
{
    struct kw_json json;
    bool write = true;
    kw_json_init(&json, request);
    if (kw_json_next(&json) == KW_JSON_OBJECT) {
        enum kw_json_event event;
        while ((event = kw_json_next(&json)) == KW_JSON_KEY) {
            bool is_op = kw_str_eqc(json.text, "op");
            event = kw_json_next(&json);
            if (is_op && event == KW_JSON_STRING) {
                write = !kw_str_eqc(json.text, "get") && !kw_str_eqc(json.text, "find") && !kw_str_eqc(json.text, "group");
                break;
            }
            if (kw_json_skip(&json, event, NULL) != KW_OK)
                break;
        }
    }
    kw_json_free(&json);
    return write;
}

kw_err kw_request_run(sqlite3 *db, struct kw_map *collections, struct kw_str request, struct kw_buf *out)
{
    struct run run = { .db = db, .collections = collections, .request = request, .out = out };
    kw_buf_init(&run.sql, KW_SQL_BYTES);
    kw_err err = run_one(&run, false);
    if (err != KW_OK && err != KW_ECONFLICT) {
        struct kw_json_out json;
        kw_buf_clear(out);
        kw_json_out_init(&json, out);
        kw_json_obj(&json);
        KW_JSON_KV(str, &json, "error", kw_str_of(run.error[0] != 0 ? run.error : kw_err_text(err)));
        kw_json_obj_end(&json);
    }
    kw_buf_free(&run.sql);
    return err;
}
