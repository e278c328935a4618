/* ingest.c - One page into the tables, as upserts, with the cursor, in one transaction.
 *
 * Every write may be repeated: a replayed page changes nothing. Energy per quarter is kept as the first
 * and last register of a transaction in it (min and max), so it is idempotent too. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/page.h"
#include "store/sqlite.h"

#define KW_QUARTER_MS 900000

static void bind_text(sqlite3_stmt *statement, int at, struct kw_str text)
{
    if (text.len == 0)
        (void)sqlite3_bind_null(statement, at);
    else
        (void)sqlite3_bind_text(statement, at, text.ptr, (int)text.len, SQLITE_STATIC);
}

static void bind_word(sqlite3_stmt *statement, int at,
                      struct kw_str text) /* "" instead of NULL: part of a key */
{
    (void)sqlite3_bind_text(statement, at, text.len > 0 ? text.ptr : "", (int)text.len,
                            SQLITE_STATIC);
}

static void bind_number(sqlite3_stmt *statement, int at, int64_t number)
{
    if (number == KW_NONE)
        (void)sqlite3_bind_null(statement, at);
    else
        (void)sqlite3_bind_int64(statement, at, number);
}

static int run(sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

static const char tx_sql[] =
    "INSERT INTO transactions(id,station_id,transaction_id,connector_id,key_uid,driver_id,driver_name,node_id,state,started_ms,"
    " stopped_ms,meter_start_wh,meter_stop_wh,energy_wh,stop_reason,quality,flags)"
    " VALUES(?1||'~'||?2,?1,?2,?3,?4,?5,?6,?7,CASE WHEN ?9 IS NULL THEN 'active' WHEN coalesce(?14,'ok')='ok' THEN 'finished'"
    "  ELSE 'suspicious' END,?8,?9,?10,?11,?12,?13,?14,?15)"
    " ON CONFLICT(id) DO UPDATE SET connector_id=coalesce(connector_id,excluded.connector_id),"
    " key_uid=coalesce(key_uid,excluded.key_uid), driver_id=coalesce(driver_id,excluded.driver_id),"
    " driver_name=coalesce(driver_name,excluded.driver_name), node_id=coalesce(node_id,excluded.node_id),"
    " started_ms=min(coalesce(started_ms,excluded.started_ms),coalesce(excluded.started_ms,started_ms)),"
    " stopped_ms=max(coalesce(stopped_ms,excluded.stopped_ms),coalesce(excluded.stopped_ms,stopped_ms)),"
    " meter_start_wh=coalesce(meter_start_wh,excluded.meter_start_wh),"
    " meter_stop_wh=coalesce(excluded.meter_stop_wh,meter_stop_wh),"
    " stop_reason=coalesce(excluded.stop_reason,stop_reason), quality=coalesce(excluded.quality,quality),"
    " flags=CASE WHEN excluded.flags IS NULL THEN flags WHEN flags IS NULL THEN excluded.flags ELSE"
    "  (SELECT json_group_array(value) FROM (SELECT value FROM json_each(flags) UNION SELECT value FROM json_each(excluded.flags)))"
    "  END,"
    " energy_wh=coalesce(excluded.energy_wh, CASE WHEN coalesce(excluded.meter_stop_wh,meter_stop_wh) IS NOT NULL AND"
    "  coalesce(meter_start_wh,excluded.meter_start_wh) IS NOT NULL THEN max(0,coalesce(excluded.meter_stop_wh,meter_stop_wh)-"
    "  coalesce(meter_start_wh,excluded.meter_start_wh)) END, energy_wh),"
    " state=CASE WHEN coalesce(excluded.stopped_ms,stopped_ms) IS NULL THEN 'active'"
    "  WHEN coalesce(excluded.quality,quality,'ok')='ok' THEN 'finished' ELSE 'suspicious' END,"
    " revision=revision+1";

static const char register_sql[] =
    "INSERT INTO energy_quarter(station_id,transaction_id,quarter_start_ms,first_wh,last_wh) VALUES(?1,?2,?3,?4,?4)"
    " ON CONFLICT DO UPDATE SET first_wh=min(first_wh,excluded.first_wh), last_wh=max(last_wh,excluded.last_wh)";

static int put_register(sqlite3_stmt *statement, struct kw_str station, struct kw_str transaction,
                        int64_t at_ms, int64_t register_wh)
{
    if (transaction.len == 0 || register_wh == KW_NONE || at_ms == KW_NONE)
        return SQLITE_OK;
    bind_word(statement, 1, station);
    bind_word(statement, 2, transaction);
    bind_number(statement, 3, at_ms - at_ms % KW_QUARTER_MS);
    bind_number(statement, 4, register_wh);
    return run(statement);
}

static int put_transactions(sqlite3 *db, const struct kw_store_page *page, sqlite3_stmt *registers)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, tx_sql, -1, &statement, NULL);
    for (size_t i = 0; code == SQLITE_OK && i < page->transaction_count; i++) {
        const struct kw_store_tx *row = &page->transactions[i];
        bind_word(statement, 1, row->station_id);
        bind_word(statement, 2, row->id);
        bind_number(statement, 3, row->connector_id);
        bind_text(statement, 4, row->key_uid);
        bind_text(statement, 5, row->driver_id);
        bind_text(statement, 6, row->driver_name);
        bind_text(statement, 7, row->node_id);
        bind_number(statement, 8, row->started_ms);
        bind_number(statement, 9, row->stopped_ms);
        bind_number(statement, 10, row->meter_start_wh);
        bind_number(statement, 11, row->meter_stop_wh);
        bind_number(statement, 12, row->energy_wh);
        bind_text(statement, 13, row->stop_reason);
        bind_text(statement, 14, row->quality);
        bind_text(statement, 15, row->flags);
        code = run(statement);
        if (code == SQLITE_OK)
            code = put_register(registers, row->station_id, row->id, row->started_ms,
                                row->meter_start_wh);
        if (code == SQLITE_OK)
            code = put_register(registers, row->station_id, row->id, row->stopped_ms,
                                row->meter_stop_wh);
    }
    (void)sqlite3_finalize(statement);
    return code;
}

/* A sample may come before tx.started (two streams): then a stub is made. */
static const char touch_sql[] =
    "INSERT INTO transactions(id,station_id,transaction_id,connector_id,state,started_ms,last_register_wh,max_power_w)"
    " VALUES(?1||'~'||?2,?1,?2,?3,'active',?4,?5,?6)"
    " ON CONFLICT(id) DO UPDATE SET last_register_wh=max(coalesce(last_register_wh,excluded.last_register_wh),"
    "  coalesce(excluded.last_register_wh,last_register_wh)),"
    " max_power_w=max(coalesce(max_power_w,excluded.max_power_w),coalesce(excluded.max_power_w,max_power_w)),"
    " energy_wh=CASE WHEN stopped_ms IS NULL AND meter_start_wh IS NOT NULL AND excluded.last_register_wh>=meter_start_wh"
    "  THEN max(coalesce(energy_wh,0),excluded.last_register_wh-meter_start_wh) ELSE energy_wh END";

static int touch(sqlite3_stmt *statement, const struct kw_store_sample *row)
{
    bool energy =
        kw_str_eqc(row->measurand, "Energy.Active.Import.Register") && row->phase.len == 0;
    bool power = kw_str_eqc(row->measurand, "Power.Active.Import") && row->phase.len == 0;
    if (row->transaction_id.len == 0 || (!energy && !power))
        return SQLITE_OK;
    bind_word(statement, 1, row->station_id);
    bind_word(statement, 2, row->transaction_id);
    bind_number(statement, 3, row->connector_id);
    bind_number(statement, 4, row->at_ms);
    bind_number(statement, 5, energy ? row->value : KW_NONE);
    bind_number(statement, 6, power ? row->value : KW_NONE);
    return run(statement);
}

static int put_samples(sqlite3 *db, const struct kw_store_page *page, sqlite3_stmt *registers)
{
    sqlite3_stmt *statement = NULL, *touching = NULL;
    int code = sqlite3_prepare_v2(
        db,
        "INSERT INTO meter_samples(station_id,connector_id,at_ms,measurand,phase,location,context,"
        "transaction_id,value) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT DO UPDATE SET"
        " value=excluded.value",
        -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(db, touch_sql, -1, &touching, NULL);
    for (size_t i = 0; code == SQLITE_OK && i < page->sample_count; i++) {
        const struct kw_store_sample *row = &page->samples[i];
        bind_word(statement, 1, row->station_id);
        (void)sqlite3_bind_int64(statement, 2,
                                 row->connector_id == KW_NONE ? 0 : row->connector_id);
        bind_number(statement, 3, row->at_ms);
        bind_word(statement, 4, row->measurand);
        bind_word(statement, 5, row->phase);
        bind_word(statement, 6, row->location);
        bind_word(statement, 7, row->context);
        bind_text(statement, 8, row->transaction_id);
        bind_number(statement, 9, row->value);
        code = run(statement);
        if (code == SQLITE_OK)
            code = touch(touching, row);
        if (code == SQLITE_OK && kw_str_eqc(row->measurand, "Energy.Active.Import.Register") &&
            row->phase.len == 0)
            code = put_register(registers, row->station_id, row->transaction_id, row->at_ms,
                                row->value);
    }
    (void)sqlite3_finalize(statement);
    (void)sqlite3_finalize(touching);
    return code;
}

static int put_statuses(sqlite3 *db, const struct kw_store_page *page)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(
        db,
        "INSERT INTO status_history(station_id,connector_id,at_ms,status,error_code,state,"
        "vendor_error_code,info,received_ms) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)"
        " ON CONFLICT DO NOTHING",
        -1, &statement, NULL);
    for (size_t i = 0; code == SQLITE_OK && i < page->status_count; i++) {
        const struct kw_store_status *row = &page->statuses[i];
        bind_word(statement, 1, row->station_id);
        (void)sqlite3_bind_int64(statement, 2,
                                 row->connector_id == KW_NONE ? 0 : row->connector_id);
        bind_number(statement, 3, row->at_ms);
        bind_word(statement, 4, row->status);
        bind_word(statement, 5, row->error_code);
        bind_text(statement, 6, row->state);
        bind_text(statement, 7, row->vendor_error_code);
        bind_text(statement, 8, row->info);
        bind_number(statement, 9, row->received_ms);
        code = run(statement);
    }
    (void)sqlite3_finalize(statement);
    return code;
}

static int put_facts(sqlite3 *db, const struct kw_store_page *page, const char *epoch)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(
        db,
        "INSERT INTO events(epoch,stream,n,type,station_id,transaction_id,connector_id,at_ms,"
        "received_ms,detail) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10) ON CONFLICT DO NOTHING",
        -1, &statement, NULL);
    for (size_t i = 0; code == SQLITE_OK && i < page->fact_count; i++) {
        const struct kw_store_fact *row = &page->facts[i];
        bind_word(statement, 1, kw_str_of(epoch));
        bind_number(statement, 2, row->stream);
        bind_number(statement, 3, row->n);
        bind_word(statement, 4, row->type);
        bind_text(statement, 5, row->station_id);
        bind_text(statement, 6, row->transaction_id);
        bind_number(statement, 7, row->connector_id);
        bind_number(statement, 8, row->at_ms);
        bind_number(statement, 9, row->received_ms);
        bind_text(statement, 10, row->detail);
        code = run(statement);
    }
    (void)sqlite3_finalize(statement);
    return code;
}

static int put_cursor(sqlite3 *db, const struct kw_store_cursor *cursor)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(
        db,
        "INSERT OR REPLACE INTO feed_cursor(one,epoch,ev_id,ev_n,mv_id,mv_n) VALUES(1,?1,?2,?3,?4,?5)",
        -1, &statement, NULL);
    if (code == SQLITE_OK) {
        bind_word(statement, 1, kw_str_of(cursor->epoch));
        bind_word(statement, 2, kw_str_of(cursor->last_id[0]));
        bind_number(statement, 3, cursor->last_n[0]);
        bind_word(statement, 4, kw_str_of(cursor->last_id[1]));
        bind_number(statement, 5, cursor->last_n[1]);
        code = run(statement);
    }
    (void)sqlite3_finalize(statement);
    return code;
}

kw_err kw_ingest_run(sqlite3 *db, const struct kw_store_page *page,
                     const struct kw_store_cursor *cursor, char *error, size_t error_size)
{
    sqlite3_stmt *registers = NULL;
    kw_err err = kw_sqlite_exec(db, "BEGIN IMMEDIATE", error, error_size);
    if (err != KW_OK)
        return err;
    int code = sqlite3_prepare_v2(db, register_sql, -1, &registers, NULL);
    if (code == SQLITE_OK)
        code = put_transactions(db, page, registers);
    if (code == SQLITE_OK)
        code = put_samples(db, page, registers);
    if (code == SQLITE_OK)
        code = put_statuses(db, page);
    if (code == SQLITE_OK)
        code = put_facts(db, page, cursor->epoch);
    if (code == SQLITE_OK)
        code = put_cursor(db, cursor);
    if (code != SQLITE_OK)
        (void)snprintf(error, error_size, "database: %s", sqlite3_errmsg(db));
    (void)sqlite3_finalize(registers);
    if (code == SQLITE_OK)
        err = kw_sqlite_exec(db, "COMMIT", error, error_size);
    else
        err = kw_sqlite_err(code) == KW_OK ? KW_EINTERNAL : kw_sqlite_err(code);
    if (err != KW_OK)
        KW_IGNORE(kw_sqlite_exec(db, "ROLLBACK", NULL, 0));
    return err;
}

kw_err kw_ingest_cursor(sqlite3 *db, struct kw_store_cursor *out)
{
    sqlite3_stmt *statement = NULL;
    memset(out, 0, sizeof *out);
    int code = sqlite3_prepare_v2(db, "SELECT epoch,ev_id,ev_n,mv_id,mv_n FROM feed_cursor", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        (void)snprintf(out->epoch, sizeof out->epoch, "%s",
                       (const char *)sqlite3_column_text(statement, 0));
        (void)snprintf(out->last_id[0], sizeof out->last_id[0], "%s",
                       (const char *)sqlite3_column_text(statement, 1));
        out->last_n[0] = sqlite3_column_int64(statement, 2);
        (void)snprintf(out->last_id[1], sizeof out->last_id[1], "%s",
                       (const char *)sqlite3_column_text(statement, 3));
        out->last_n[1] = sqlite3_column_int64(statement, 4);
    }
    (void)sqlite3_finalize(statement);
    return kw_sqlite_err(code);
}

/* Per transaction: its highest register since then, less its highest before (or its start). */
kw_err kw_ingest_energy_since(sqlite3 *db, int64_t from_ms, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    *out = 0;
    int code = sqlite3_prepare_v2(
        db,
        "SELECT coalesce(sum(max(0,now.last-coalesce((SELECT max(b.last_wh) FROM energy_quarter b WHERE"
        " b.station_id=now.station_id AND b.transaction_id=now.transaction_id AND"
        " b.quarter_start_ms<?1),now.first))),0) FROM (SELECT station_id,transaction_id,max(last_wh) AS"
        " last,min(first_wh) AS first FROM energy_quarter WHERE quarter_start_ms>=?1 GROUP BY"
        " station_id,transaction_id) now",
        -1, &statement, NULL);
    if (code == SQLITE_OK) {
        (void)sqlite3_bind_int64(statement, 1, from_ms);
        if (sqlite3_step(statement) == SQLITE_ROW)
            *out = sqlite3_column_int64(statement, 0);
    }
    (void)sqlite3_finalize(statement);
    return kw_sqlite_err(code);
}
