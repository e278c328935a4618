/* schema.c - Declared collections become STRICT tables; new fields are added, types do not change. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "store/sqlite.h"

#define KW_SQL_BYTES 65536

static const struct {
    const char *name, *sql;
} types[] = { { "string", "TEXT" },
              { "integer", "INTEGER" },
              { "number", "REAL" },
              { "boolean", "INTEGER" },
              { "json", "TEXT" } };

void kw_collection_free(struct kw_collection *collection)
{
    kw_free(collection->select);
    kw_free(collection);
}

static bool is_name(struct kw_str text)
{
    if (text.len == 0 || text.len > 60 || (text.ptr[0] >= '0' && text.ptr[0] <= '9'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_'))
            return false;
    }
    return true;
}

static kw_err add_field(struct kw_collection *collection, struct kw_str name, struct kw_str type)
{
    if (!is_name(name) || collection->field_count == KW_FIELDS_MAX)
        return KW_EINVALID;
    for (size_t i = 0; i < KW_COUNT_OF(types); i++) {
        if (kw_str_eqc(type, types[i].name)) {
            KW_IGNORE(kw_str_copy(name, collection->fields[collection->field_count].name, 64));
            collection->fields[collection->field_count++].type = (enum kw_field_type)i;
            return KW_OK;
        }
    }
    return KW_EINVALID;
}

/* json_object('a',"a",...) with booleans and JSON as such. */
static void make_select(struct kw_collection *collection)
{
    struct kw_buf sql;
    kw_buf_init(&sql, KW_SQL_BYTES);
    kw_err err = kw_buf_printf(&sql, "json_object(");
    for (size_t i = 0; i < collection->field_count && err == KW_OK; i++) {
        const char *name = collection->fields[i].name;
        enum kw_field_type type = collection->fields[i].type;
        const char *format =
            type == KW_COLUMN_BOOLEAN
                ? "%s'%s',json(iif(\"%s\" IS NULL,'null',iif(\"%s\",'true','false')))"
            : type == KW_COLUMN_JSON ? "%s'%s',json(coalesce(\"%s\",'null'))"
                                     : "%s'%s',\"%s\"";
        err = kw_buf_printf(&sql, format, i > 0 ? "," : "", name, name, name);
    }
    if (err == KW_OK)
        err = kw_buf_append(&sql, ")", 2);
    KW_ASSERT(err == KW_OK);
    collection->select = kw_strdup(kw_buf_ptr(&sql));
    kw_buf_free(&sql);
}

/* --- reading the declaration --- */

struct reading {
    struct kw_json json;
    struct kw_collection *collection;
    struct kw_buf indexes; /* SQL */
};

static kw_err read_fields(struct reading *reading)
{
    struct kw_json *json = &reading->json;
    if (kw_json_next(json) != KW_JSON_OBJECT)
        return KW_EINVALID;
    for (;;) {
        char field[64];
        enum kw_json_event event = kw_json_next(json);
        if (event == KW_JSON_OBJECT_END)
            return KW_OK;
        if (event != KW_JSON_KEY || kw_str_copy(json->text, field, sizeof field) != KW_OK ||
            kw_json_next(json) != KW_JSON_OBJECT)
            return KW_EINVALID;
        kw_err err = KW_EINVALID;
        while ((event = kw_json_next(json)) == KW_JSON_KEY) {
            bool is_type = kw_str_eqc(json->text, "type");
            event = kw_json_next(json);
            if (is_type && event == KW_JSON_STRING)
                err = add_field(reading->collection, kw_str_of(field), json->text);
            else if (kw_json_skip(json, event, NULL) != KW_OK)
                return KW_EINVALID;
        }
        if (err != KW_OK || event != KW_JSON_OBJECT_END)
            return KW_EINVALID;
    }
}

static kw_err read_indexes(struct reading *reading, struct kw_json *json)
{
    const char *table = reading->collection->name;
    if (kw_json_next(json) != KW_JSON_ARRAY)
        return KW_EINVALID;
    while (kw_json_next(json) == KW_JSON_ARRAY) {
        char columns[400] = "", name[200];
        size_t used = 0, named = (size_t)snprintf(name, sizeof name, "ix_%s", table);
        enum kw_json_event event;
        while ((event = kw_json_next(json)) == KW_JSON_STRING) {
            if (!is_name(json->text) || named + json->text.len + 2 > sizeof name)
                return KW_EINVALID;
            used += (size_t)snprintf(columns + used, sizeof columns - used, "%s\"%.*s\"",
                                     used > 0 ? "," : "", (int)json->text.len, json->text.ptr);
            named += (size_t)snprintf(name + named, sizeof name - named, "_%.*s",
                                      (int)json->text.len, json->text.ptr);
        }
        kw_err err =
            kw_buf_printf(&reading->indexes, "CREATE INDEX IF NOT EXISTS \"%s\" ON \"%s\"(%s);",
                          name, table, columns);
        if (event != KW_JSON_ARRAY_END || used == 0 || err != KW_OK)
            return KW_EINVALID;
    }
    return KW_OK;
}

static kw_err read_kept_indexes(struct reading *reading, struct kw_str text)
{
    struct kw_json json;
    kw_json_init(&json, text);
    kw_err err = read_indexes(reading, &json);
    kw_json_free(&json);
    return err;
}

static kw_err read_schema(struct reading *reading)
{
    struct kw_json *json = &reading->json;
    struct kw_str indexes = KW_STR_NONE; /* read last: their names need the collection's */
    struct kw_collection *collection = reading->collection;
    enum kw_json_event event;
    if (kw_json_next(json) != KW_JSON_OBJECT)
        return KW_EINVALID;
    while ((event = kw_json_next(json)) == KW_JSON_KEY) {
        kw_err err = KW_OK;
        if (kw_str_eqc(json->text, "name") || kw_str_eqc(json->text, "key")) {
            char *into = kw_str_eqc(json->text, "name") ? collection->name : collection->key;
            if (kw_json_next(json) != KW_JSON_STRING || !is_name(json->text))
                return KW_EINVALID;
            KW_IGNORE(kw_str_copy(json->text, into, sizeof collection->name));
        } else if (kw_str_eqc(json->text, "fields")) {
            err = read_fields(reading);
        } else if (kw_str_eqc(json->text, "indexes")) {
            err = kw_json_skip(json, kw_json_next(json), &indexes);
        } else {
            err = kw_json_skip(json, kw_json_next(json), NULL);
        }
        if (err != KW_OK)
            return err;
    }
    if (event != KW_JSON_OBJECT_END || collection->name[0] == 0 || collection->key[0] == 0)
        return KW_EINVALID;
    return indexes.len > 0 ? read_kept_indexes(reading, indexes) : KW_OK;
}

/* --- making the table --- */

static const char *column_type(sqlite3 *db, const char *table, const char *column, char *out,
                               size_t size)
{
    sqlite3_stmt *statement = NULL;
    out[0] = 0;
    if (sqlite3_prepare_v2(db, "SELECT type FROM pragma_table_info(?1) WHERE name=?2", -1,
                           &statement, NULL) == SQLITE_OK) {
        (void)sqlite3_bind_text(statement, 1, table, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(statement, 2, column, -1, SQLITE_STATIC);
        if (sqlite3_step(statement) == SQLITE_ROW)
            (void)snprintf(out, size, "%s", (const char *)sqlite3_column_text(statement, 0));
    }
    (void)sqlite3_finalize(statement);
    return out;
}

static kw_err make_table(sqlite3 *db, const struct kw_collection *collection, char *error,
                         size_t error_size)
{
    char sql[512], type[16];
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE IF NOT EXISTS \"%s\"(\"%s\" TEXT PRIMARY KEY NOT NULL) STRICT",
                   collection->name, collection->key);
    kw_err err = kw_sqlite_exec(db, sql, error, error_size);
    for (size_t i = 0; err == KW_OK && i < collection->field_count; i++) {
        const char *name = collection->fields[i].name,
                   *wanted = types[collection->fields[i].type].sql;
        column_type(db, collection->name, name, type, sizeof type);
        if (type[0] == 0) {
            (void)snprintf(sql, sizeof sql, "ALTER TABLE \"%s\" ADD COLUMN \"%s\" %s",
                           collection->name, name, wanted);
            err = kw_sqlite_exec(db, sql, error, error_size);
        } else if (strcmp(type, wanted) != 0) {
            (void)snprintf(
                error, error_size,
                "%s.%s is %s in the database and %s in the declaration; a type cannot change",
                collection->name, name, type, wanted);
            err = KW_EINVALID;
        }
    }
    return err;
}

kw_err kw_schema_declare(sqlite3 *db, struct kw_map *collections, struct kw_str schema, char *error,
                         size_t error_size)
{
    struct reading reading = { .collection = kw_zalloc(sizeof(struct kw_collection)) };
    struct kw_collection *collection = reading.collection;
    kw_buf_init(&reading.indexes, KW_SQL_BYTES);
    kw_json_init(&reading.json, schema);
    kw_err err = read_schema(&reading);
    if (err != KW_OK)
        (void)snprintf(error, error_size, "the declaration of %s is malformed at byte %zu",
                       collection->name[0] != 0 ? collection->name : "a collection",
                       reading.json.start_at);
    kw_json_free(&reading.json);
    if (err == KW_OK)
        err = add_field(collection, KW_STR("revision"), KW_STR("integer"));
    if (err == KW_OK)
        err = make_table(db, collection, error, error_size);
    if (err == KW_OK && kw_buf_len(&reading.indexes) > 0 &&
        kw_buf_append(&reading.indexes, "", 1) == KW_OK)
        err = kw_sqlite_exec(db, kw_buf_ptr(&reading.indexes), error, error_size);
    kw_buf_free(&reading.indexes);
    if (err != KW_OK) {
        kw_collection_free(collection);
        return err;
    }
    make_select(collection);
    struct kw_collection *before = kw_map_put(collections, kw_str_of(collection->name), collection);
    if (before != NULL)
        kw_collection_free(before);
    return KW_OK;
}

/* --- tables of the ingest, readable as collections --- */

static const char builtin_sql[] =
    "CREATE TABLE IF NOT EXISTS feed_cursor(one INTEGER PRIMARY KEY CHECK(one=1), epoch TEXT NOT NULL, ev_id TEXT NOT NULL,"
    " ev_n INTEGER NOT NULL, mv_id TEXT NOT NULL, mv_n INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS transactions(id TEXT PRIMARY KEY NOT NULL, station_id TEXT NOT NULL, transaction_id TEXT NOT NULL,"
    " connector_id INTEGER, key_uid TEXT, driver_id TEXT, driver_name TEXT, node_id TEXT, state TEXT NOT NULL,"
    " started_ms INTEGER, stopped_ms INTEGER, meter_start_wh INTEGER, meter_stop_wh INTEGER, last_register_wh INTEGER,"
    " energy_wh INTEGER, stop_reason TEXT, quality TEXT, flags TEXT, max_power_w INTEGER, revision INTEGER NOT NULL DEFAULT 1)"
    " STRICT;"
    "CREATE INDEX IF NOT EXISTS ix_transactions_started ON transactions(started_ms, id);"
    "CREATE INDEX IF NOT EXISTS ix_transactions_station ON transactions(station_id, started_ms);"
    "CREATE INDEX IF NOT EXISTS ix_transactions_key ON transactions(key_uid, stopped_ms, energy_wh);"
    "CREATE INDEX IF NOT EXISTS ix_transactions_state ON transactions(state, started_ms);"
    "CREATE TABLE IF NOT EXISTS meter_samples(station_id TEXT NOT NULL, connector_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " measurand TEXT NOT NULL, phase TEXT NOT NULL, location TEXT NOT NULL, context TEXT NOT NULL, transaction_id TEXT,"
    " value INTEGER NOT NULL, PRIMARY KEY(station_id, connector_id, at_ms, measurand, phase, location, context))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS status_history(station_id TEXT NOT NULL, connector_id INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " status TEXT NOT NULL, error_code TEXT NOT NULL, state TEXT, vendor_error_code TEXT, info TEXT, received_ms INTEGER,"
    " PRIMARY KEY(station_id, connector_id, at_ms, status, error_code)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS events(epoch TEXT NOT NULL, stream INTEGER NOT NULL, n INTEGER NOT NULL, type TEXT NOT NULL,"
    " station_id TEXT, transaction_id TEXT, connector_id INTEGER, at_ms INTEGER, received_ms INTEGER, detail TEXT,"
    " PRIMARY KEY(epoch, stream, n)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS ix_events_at ON events(at_ms);"
    "CREATE TABLE IF NOT EXISTS energy_quarter(station_id TEXT NOT NULL, transaction_id TEXT NOT NULL,"
    " quarter_start_ms INTEGER NOT NULL, first_wh INTEGER NOT NULL, last_wh INTEGER NOT NULL,"
    " PRIMARY KEY(station_id, transaction_id, quarter_start_ms)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS ix_energy_quarter_start ON energy_quarter(quarter_start_ms);";

static void add_builtin(struct kw_map *collections, const char *name, const char *key,
                        const char *const *fields)
{
    struct kw_collection *collection = kw_zalloc(sizeof *collection);
    KW_IGNORE(kw_str_copy(kw_str_of(name), collection->name, sizeof collection->name));
    KW_IGNORE(kw_str_copy(kw_str_of(key), collection->key, sizeof collection->key));
    for (; *fields != NULL; fields += 2)
        KW_ASSERT(add_field(collection, kw_str_of(fields[0]), kw_str_of(fields[1])) == KW_OK);
    make_select(collection);
    (void)kw_map_put(collections, kw_str_of(name), collection);
}

kw_err kw_schema_builtin(sqlite3 *db, struct kw_map *collections, char *error, size_t error_size)
{
    static const char *const transactions[] = { "id",
                                                "string",
                                                "station_id",
                                                "string",
                                                "transaction_id",
                                                "string",
                                                "connector_id",
                                                "integer",
                                                "key_uid",
                                                "string",
                                                "driver_id",
                                                "string",
                                                "driver_name",
                                                "string",
                                                "node_id",
                                                "string",
                                                "state",
                                                "string",
                                                "started_ms",
                                                "integer",
                                                "stopped_ms",
                                                "integer",
                                                "meter_start_wh",
                                                "integer",
                                                "meter_stop_wh",
                                                "integer",
                                                "last_register_wh",
                                                "integer",
                                                "energy_wh",
                                                "integer",
                                                "stop_reason",
                                                "string",
                                                "quality",
                                                "string",
                                                "flags",
                                                "json",
                                                "max_power_w",
                                                "integer",
                                                "revision",
                                                "integer",
                                                NULL };
    static const char *const samples[] = {
        "station_id",     "string", "connector_id", "integer",  "at_ms",  "integer", "measurand",
        "string",         "phase",  "string",       "location", "string", "context", "string",
        "transaction_id", "string", "value",        "integer",  NULL
    };
    static const char *const statuses[] = { "station_id",
                                            "string",
                                            "connector_id",
                                            "integer",
                                            "at_ms",
                                            "integer",
                                            "status",
                                            "string",
                                            "error_code",
                                            "string",
                                            "state",
                                            "string",
                                            "vendor_error_code",
                                            "string",
                                            "info",
                                            "string",
                                            "received_ms",
                                            "integer",
                                            NULL };
    static const char *const events[] = {
        "n",          "integer", "stream",         "integer", "type",         "string",
        "station_id", "string",  "transaction_id", "string",  "connector_id", "integer",
        "at_ms",      "integer", "received_ms",    "integer", "detail",       "json",
        NULL
    };
    add_builtin(collections, "transactions", "id", transactions);
    add_builtin(collections, "meter_samples", "at_ms", samples);
    add_builtin(collections, "status_history", "at_ms", statuses);
    add_builtin(collections, "events", "n", events);
    return kw_sqlite_exec(db, builtin_sql, error, error_size);
}
