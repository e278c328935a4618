/* request_find.c - Requests that read many rows: conditions, order, pages, sums, groups. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "store/request_internal.h"

#define KW_CONDITIONS 64
#define KW_SORT_FIELDS 6
#define KW_FIND_LIMIT 10000

/* --- conditions --- */

static kw_err condition(struct kw_request *run, const char *path)
{
    static const struct {
        const char *name, *sql;
    } table[] = {
        { "=", "\"%s\" = json_extract(?1,'%s[2]')" },
        { "!=", "\"%s\" IS NOT json_extract(?1,'%s[2]')" },
        { "<", "\"%s\" < json_extract(?1,'%s[2]')" },
        { "<=", "\"%s\" <= json_extract(?1,'%s[2]')" },
        { ">", "\"%s\" > json_extract(?1,'%s[2]')" },
        { ">=", "\"%s\" >= json_extract(?1,'%s[2]')" },
        { "in", "\"%s\" IN (SELECT value FROM json_each(?1,'%s[2]'))" },
        { "contains", "instr(kw_fold(\"%s\"),kw_fold(json_extract(?1,'%s[2]')))>0" },
        { "prefix",
          "\"%s\" GLOB replace(replace(replace(json_extract(?1,'%s[2]'),'[','[[]'),'*','[*]'),'?','[?]')||'*'" },
        { "is_null", "\"%s\" IS NULL" },
        { "not_null", "\"%s\" IS NOT NULL" }
    };
    char at[96], field[80], compare[16];
    (void)snprintf(at, sizeof at, "%s[0]", path);
    (void)kw_request_at(run, at, field, sizeof field);
    (void)snprintf(at, sizeof at, "%s[1]", path);
    (void)kw_request_at(run, at, compare, sizeof compare);
    if (!kw_request_has_field(run->collection, field))
        return kw_request_wrong(run, "unknown field in where: %s", field);
    for (size_t i = 0; i < KW_COUNT_OF(table); i++) {
        if (strcmp(compare, table[i].name) == 0)
            return kw_buf_printf(&run->sql, table[i].sql, field, path);
    }
    return kw_request_wrong(run, "unknown comparison: %s", compare);
}

static kw_err or_group(struct kw_request *run, const char *path)
{
    char at[96];
    int count = kw_request_length(run, path);
    kw_err err = count > 0 && count <= KW_CONDITIONS ? kw_buf_printf(&run->sql, "(")
                                                     : kw_request_wrong(run, "an empty or%s", "");
    for (int i = 0; err == KW_OK && i < count; i++) {
        (void)snprintf(at, sizeof at, "%s[%d]", path, i);
        err = i > 0 ? kw_buf_printf(&run->sql, " OR ") : KW_OK;
        if (err == KW_OK)
            err = condition(run, at);
    }
    return err == KW_OK ? kw_buf_printf(&run->sql, ")") : err;
}

static kw_err where(struct kw_request *run)
{
    char path[64], head[8], or_path[72];
    int count = kw_request_length(run, "$.where");
    kw_err err = count <= KW_CONDITIONS ? kw_buf_printf(&run->sql, " WHERE 1")
                                        : kw_request_wrong(run, "more than 64 conditions%s", "");
    for (int i = 0; err == KW_OK && i < count; i++) {
        (void)snprintf(path, sizeof path, "$.where[%d]", i);
        (void)snprintf(or_path, sizeof or_path, "%s[0]", path);
        (void)kw_request_at(run, or_path, head, sizeof head);
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

static kw_err read_sort(struct kw_request *run, struct sort *sort)
{
    char path[32], text[80];
    int count = kw_request_length(run, "$.sort");
    bool has_key = false;
    if (count > KW_SORT_FIELDS)
        return kw_request_wrong(run, "more than 6 sort fields%s", "");
    for (sort->count = 0; sort->count < count; sort->count++) {
        (void)snprintf(path, sizeof path, "$.sort[%d]", sort->count);
        (void)kw_request_at(run, path, text, sizeof text);
        bool down = text[0] == '-';
        if (!kw_request_has_field(run->collection, text + down))
            return kw_request_wrong(run, "unknown field in sort: %s", text);
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
static kw_err after(struct kw_request *run, const struct sort *sort)
{
    char path[32], text[8];
    if (kw_request_length(run, "$.after") != sort->count)
        return kw_request_length(run, "$.after") == 0
                   ? KW_OK
                   : kw_request_wrong(run, "after has another number of values than sort%s", "");
    kw_err err = kw_buf_printf(&run->sql, " AND (0");
    for (int i = 0; err == KW_OK && i < sort->count; i++) {
        err = kw_buf_printf(&run->sql, " OR (1");
        for (int j = 0; err == KW_OK && j < i; j++)
            err = kw_buf_printf(&run->sql, " AND \"%s\" IS json_extract(?1,'$.after[%d]')",
                                sort->fields[j].name, j);
        (void)snprintf(path, sizeof path, "$.after[%d]", i);
        bool is_null = !kw_request_at(run, path, text, sizeof text);
        const char *name = sort->fields[i].name;
        if (err != KW_OK)
            break;
        if (sort->fields[i].down)
            err = is_null ? kw_buf_printf(&run->sql, " AND 0)")
                          : kw_buf_printf(
                                &run->sql,
                                " AND (\"%s\" < json_extract(?1,'$.after[%d]') OR \"%s\" IS NULL))",
                                name, i, name);
        else
            err = is_null ? kw_buf_printf(&run->sql, " AND \"%s\" IS NOT NULL)", name)
                          : kw_buf_printf(&run->sql,
                                          " AND \"%s\" > json_extract(?1,'$.after[%d]'))", name, i);
    }
    return err == KW_OK ? kw_buf_printf(&run->sql, ")") : err;
}

static kw_err append_rows(struct kw_request *run, int64_t limit, bool *more)
{
    sqlite3_stmt *statement = NULL;
    int64_t count = 0;
    kw_err err = kw_buf_append(&run->sql, "", 1);
    int code =
        err == KW_OK ? kw_request_prepare(run, kw_buf_ptr(&run->sql), &statement) : SQLITE_NOMEM;
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
            err = kw_buf_append(run->out, sqlite3_column_text(statement, 0),
                                (size_t)sqlite3_column_bytes(statement, 0));
    }
    if (code != SQLITE_OK && err == KW_OK)
        err = kw_request_failed(run, code);
    (void)sqlite3_finalize(statement);
    return err;
}

static kw_err totals(struct kw_request *run)
{
    char path[32], name[80];
    bool more;
    int sums = kw_request_length(run, "$.sum");
    kw_buf_clear(&run->sql);
    kw_err err = kw_buf_printf(&run->sql, "SELECT json_object('total',count(*),'sum',json_object(");
    for (int i = 0; err == KW_OK && i < sums; i++) {
        (void)snprintf(path, sizeof path, "$.sum[%d]", i);
        (void)kw_request_at(run, path, name, sizeof name);
        if (!kw_request_has_field(run->collection, name))
            return kw_request_wrong(run, "unknown field in sum: %s", name);
        err = kw_buf_printf(&run->sql, "%s'%s',coalesce(sum(\"%s\"),0)", i > 0 ? "," : "", name,
                            name);
    }
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, ")) FROM \"%s\"", run->collection->name);
    if (err == KW_OK)
        err = where(run);
    if (err == KW_OK)
        err = kw_buf_append(run->out, ",\"totals\":", 10);
    return err == KW_OK ? append_rows(run, 0, &more) : err;
}

kw_err kw_request_find(struct kw_request *run)
{
    struct sort sort = { .count = 0 };
    char text[32];
    int64_t limit = 100;
    bool more;
    if (kw_request_at(run, "$.limit", text, sizeof text) &&
        (kw_str_to_i64(kw_str_of(text), &limit) != KW_OK || limit < 1 || limit > KW_FIND_LIMIT))
        return kw_request_wrong(run, "limit is 1..10000, not %s", text);
    kw_err err = read_sort(run, &sort);
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, "SELECT %s FROM \"%s\"", run->collection->select,
                            run->collection->name);
    if (err == KW_OK)
        err = where(run);
    if (err == KW_OK)
        err = after(run, &sort);
    for (int i = 0; err == KW_OK && i < sort.count; i++)
        err = kw_buf_printf(&run->sql, "%s\"%s\" %s", i == 0 ? " ORDER BY " : ",",
                            sort.fields[i].name, sort.fields[i].down ? "DESC" : "ASC");
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, " LIMIT %lld", (long long)limit + 1);
    if (err == KW_OK)
        err = kw_buf_printf(run->out, "{\"items\":[");
    if (err == KW_OK)
        err = append_rows(run, limit, &more);
    if (err == KW_OK)
        err = kw_buf_printf(run->out, "],\"more\":%s", more ? "true" : "false");
    if (err == KW_OK &&
        (kw_request_at(run, "$.count", text, sizeof text) || kw_request_length(run, "$.sum") > 0))
        err = totals(run);
    return err == KW_OK ? kw_buf_append(run->out, "}", 1) : err;
}

kw_err kw_request_group(struct kw_request *run)
{
    char path[32], name[80];
    bool more;
    int by = kw_request_length(run, "$.by"), sums = kw_request_length(run, "$.sum");
    kw_err err = kw_buf_printf(&run->sql, "SELECT json_object('count',count(*)");
    for (int i = 0; err == KW_OK && i < by + sums; i++) {
        (void)snprintf(path, sizeof path, i < by ? "$.by[%d]" : "$.sum[%d]", i < by ? i : i - by);
        (void)kw_request_at(run, path, name, sizeof name);
        if (!kw_request_has_field(run->collection, name))
            return kw_request_wrong(run, "unknown field in group: %s", name);
        err = kw_buf_printf(&run->sql, i < by ? ",'%s',\"%s\"" : ",'%s',coalesce(sum(\"%s\"),0)",
                            name, name);
    }
    if (err == KW_OK)
        err = kw_buf_printf(&run->sql, ") FROM \"%s\"", run->collection->name);
    if (err == KW_OK)
        err = where(run);
    for (int i = 0; err == KW_OK && i < by; i++) {
        (void)snprintf(path, sizeof path, "$.by[%d]", i);
        (void)kw_request_at(run, path, name, sizeof name);
        err = kw_buf_printf(&run->sql, "%s\"%s\"", i == 0 ? " GROUP BY " : ",", name);
    }
    if (err == KW_OK)
        err = kw_buf_printf(run->out, "{\"rows\":[");
    if (err == KW_OK)
        err = append_rows(run, KW_FIND_LIMIT, &more);
    return err == KW_OK ? kw_buf_append(run->out, "]}", 2) : err;
}
