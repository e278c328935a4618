/* reader_snapshot.c - What the hashes of the contract say now, row by row.
 *
 * Everything is asked for at once; `waiting` counts the answers that are still to come, and one more for the
 * asking itself. An error in any answer abandons the whole snapshot: nothing is ever taken for gone because
 * Redis could not answer. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "feed/reader_internal.h"

#define KW_SCAN_COUNT "2000"

static void snapshot_part_done(struct kw_reader *reader)
{
    if (--reader->waiting > 0)
        return;
    kw_metric_add(reader->snapshots, 1);
    reader->need_snapshot = false;
    reader->following = true;
    reader->page_out = true;
    kw_reader_tell_state(reader);
    reader->events->on_snapshot_end(reader, &reader->cursor, reader->arg);
}

/* The texts of a hash, name, value, ...; the caller frees. */
static struct kw_str *fields_of(const struct kw_reply *reply)
{
    struct kw_str *fields = kw_alloc((reply->count + 1) * sizeof *fields);
    for (size_t i = 0; i < reply->count; i++)
        fields[i] = reply->items[i]->text;
    return fields;
}

static void on_hash(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    if (reply->type == KW_REPLY_ARRAY && reply->count > 0) {
        struct kw_str *fields = fields_of(reply);
        reader->events->on_snapshot_row(ask->kind, kw_str_of(ask->id), ask->connector,
                                        kw_str_of(ask->transaction), fields, reply->count,
                                        reader->arg);
        kw_free(fields);
    }
    snapshot_part_done(reader);
}

/* NULL: not an id of the contract. */
static struct ask *ask_about(struct kw_reader *reader,
                             void (*on_reply)(struct kw_reader *, const struct kw_reply *,
                                              const struct ask *),
                             struct kw_str id, struct kw_str transaction)
{
    struct ask *ask = kw_reader_ask(reader, on_reply);
    if (kw_str_copy(id, ask->id, sizeof ask->id) == KW_OK &&
        kw_str_copy(transaction, ask->transaction, sizeof ask->transaction) == KW_OK)
        return ask;
    kw_free(ask);
    return NULL;
}

static void ask_hash(struct kw_reader *reader, const char *kind, struct kw_str key,
                     struct kw_str id, int64_t connector, struct kw_str transaction)
{
    struct kw_str args[2] = { KW_STR("HGETALL"), key };
    struct ask *ask = ask_about(reader, on_hash, id, transaction);
    if (ask == NULL)
        return;
    ask->kind = kind;
    ask->connector = connector;
    reader->waiting++;
    kw_reader_send(reader, reader->control, args, 2, ask);
}

static struct kw_str tx_key(const struct kw_reader *reader, struct kw_str cs,
                            struct kw_str transaction, char *out, size_t size)
{
    int length =
        snprintf(out, size, "%stx:%.*s:%.*s", reader->prefix, (int)(cs.len < 60 ? cs.len : 60),
                 cs.ptr, (int)(transaction.len < 60 ? transaction.len : 60), transaction.ptr);
    return kw_str_n(out, (size_t)length);
}

static void on_members(struct kw_reader *reader, const struct kw_reply *reply,
                       const struct ask *ask)
{
    char key[256];
    for (size_t i = 0; reply->type == KW_REPLY_ARRAY && i < reply->count; i++) {
        struct kw_str id = reply->items[i]->text;
        int length = snprintf(key, sizeof key, "%s%s:%.*s", reader->prefix, ask->kind,
                              (int)(id.len < 100 ? id.len : 100), id.ptr);
        ask_hash(reader, ask->kind, kw_str_n(key, (size_t)length), id, KW_NONE, KW_STR(""));
    }
    snapshot_part_done(reader);
}

static void on_active(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    char key[256];
    (void)ask;
    for (size_t i = 0; reply->type == KW_REPLY_ARRAY && i < reply->count; i++) {
        struct kw_str transaction, cs = kw_str_cut(reply->items[i]->text, '|', &transaction);
        ask_hash(reader, "tx", tx_key(reader, cs, transaction, key, sizeof key), cs, KW_NONE,
                 transaction);
    }
    snapshot_part_done(reader);
}

static void on_transaction(struct kw_reader *reader, const struct kw_reply *reply,
                           const struct ask *ask)
{
    size_t count = reply->type == KW_REPLY_ARRAY ? reply->count : 0;
    struct kw_str *fields = count > 0 ? fields_of(reply) : NULL;
    reader->events->on_transaction(kw_str_of(ask->id), kw_str_of(ask->transaction), fields, count,
                                   reader->arg);
    kw_free(fields);
}

void kw_reader_ask_transaction(struct kw_reader *reader, struct kw_str cs,
                               struct kw_str transaction)
{
    char key[256];
    struct kw_str args[2] = { KW_STR("HGETALL"), tx_key(reader, cs, transaction, key, sizeof key) };
    struct ask *ask = ask_about(reader, on_transaction, cs, transaction);
    if (ask != NULL)
        kw_reader_send(reader, reader->control, args, 2, ask);
}

static void scan(struct kw_reader *reader, struct kw_str at);

static void on_scan(struct kw_reader *reader, const struct kw_reply *reply, const struct ask *ask)
{
    (void)ask;
    if (reply->type == KW_REPLY_ARRAY && reply->count == 2) {
        const struct kw_reply *keys = reply->items[1];
        size_t skip = strlen(reader->prefix) + 5; /* "conn:" */
        for (size_t i = 0; i < keys->count; i++) {
            struct kw_str evse, connector, rest, key = keys->items[i]->text;
            int64_t number = 0;
            struct kw_str cs = kw_str_cut(kw_str_n(key.ptr + skip, key.len - skip), ':', &rest);
            evse = kw_str_cut(rest, ':', &connector);
            if (kw_str_to_i64(evse, &number) == KW_OK) /* 1.6: evse is the connector */
                ask_hash(reader, "conn", key, cs, number, KW_STR(""));
        }
        if (!kw_str_eqc(reply->items[0]->text, "0"))
            scan(reader, reply->items[0]->text);
    }
    snapshot_part_done(reader);
}

static void scan(struct kw_reader *reader, struct kw_str at)
{
    char pattern[96];
    struct kw_str args[6] = {
        KW_STR("SCAN"),  at,
        KW_STR("MATCH"), kw_reader_key(reader, "conn:*", pattern, sizeof pattern),
        KW_STR("COUNT"), KW_STR(KW_SCAN_COUNT)
    };
    reader->waiting++;
    kw_reader_send(reader, reader->control, args, 6, kw_reader_ask(reader, on_scan));
}

static void members(struct kw_reader *reader, const char *set, const char *kind)
{
    char key[96];
    struct ask *ask = kw_reader_ask(reader, on_members);
    ask->kind = kind;
    struct kw_str args[2] = { KW_STR("SMEMBERS"), kw_reader_key(reader, set, key, sizeof key) };
    reader->waiting++;
    kw_reader_send(reader, reader->control, args, 2, ask);
}

void kw_reader_snapshot(struct kw_reader *reader)
{
    char key[96];
    unsigned attempt = reader->attempt;
    KW_LOG(KW_LOG_INFO, "feed", "reading a snapshot", KW_LC("why", reader->why));
    reader->events->on_snapshot_begin(reader->why, reader->arg);
    reader->waiting = 1; /* ours: the last part cannot be done before all were asked */
    members(reader, "stations", "station");
    members(reader, "nodes", "node");
    scan(reader, KW_STR("0"));
    struct kw_str args[4] = { KW_STR("ZRANGE"), kw_reader_key(reader, "tx:active", key, sizeof key),
                              KW_STR("0"), KW_STR("-1") };
    reader->waiting++;
    kw_reader_send(reader, reader->control, args, 4, kw_reader_ask(reader, on_active));
    if (attempt == reader->attempt)
        snapshot_part_done(reader);
}
