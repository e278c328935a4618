/* over.c - Pages of open transactions from the store, each compared with the live model. */
#include "app/over.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define KW_OVER_PAGE 500
#define KW_OVER_ID_BYTES (KW_STATION_ID_BYTES + KW_TX_BYTES + 2)

struct over {
    struct kw_service *service;
    void (*on_over)(struct kw_str station_id, struct kw_str transaction, void *arg);
    void (*on_end)(kw_err err, void *arg);
    void *arg;
    char last_id[KW_OVER_ID_BYTES]; /* of the page before; "": the first */
};

struct row {
    char id[KW_OVER_ID_BYTES], station_id[KW_STATION_ID_BYTES + 1], transaction[KW_TX_BYTES];
};

static kw_err ask(struct over *over);

static bool is_open(struct kw_service *service, const struct row *row)
{
    const struct kw_station *station =
        kw_complex_station(service->complex, kw_str_of(row->station_id));
    if (station == NULL || !station->seen)
        return true; /* nothing is known of it: not for us to say */
    for (size_t i = 0; i < station->connector_count; i++) {
        if (strcmp(station->connectors[i].transaction, row->transaction) == 0)
            return true;
    }
    return false;
}

/* One object of the answer; a text that does not fit is none of ours and leaves the row empty. */
static bool read_row(struct kw_json *json, struct row *row)
{
    enum kw_json_event event;
    *row = (struct row){ "", "", "" };
    while ((event = kw_json_next(json)) == KW_JSON_KEY) {
        char unknown[1];
        char *out = unknown;
        size_t size = sizeof unknown;
        if (kw_str_eqc(json->text, "id")) {
            out = row->id;
            size = sizeof row->id;
        } else if (kw_str_eqc(json->text, "station_id")) {
            out = row->station_id;
            size = sizeof row->station_id;
        } else if (kw_str_eqc(json->text, "transaction_id")) {
            out = row->transaction;
            size = sizeof row->transaction;
        }
        event = kw_json_next(json);
        if (event == KW_JSON_STRING) {
            if (kw_str_copy(json->text, out, size) != KW_OK)
                out[0] = 0;
        } else if (kw_json_skip(json, event, NULL) != KW_OK) {
            return false;
        }
    }
    return event == KW_JSON_OBJECT_END;
}

static kw_err read_items(struct over *over, struct kw_json *json, size_t *count)
{
    struct row row;
    if (kw_json_next(json) != KW_JSON_ARRAY)
        return KW_EINVALID;
    for (*count = 0;; (*count)++) {
        enum kw_json_event event = kw_json_next(json);
        if (event == KW_JSON_ARRAY_END)
            return KW_OK;
        if (event != KW_JSON_OBJECT || !read_row(json, &row))
            return KW_EINVALID;
        memcpy(over->last_id, row.id, sizeof row.id);
        if (row.station_id[0] != 0 && row.transaction[0] != 0 && !is_open(over->service, &row))
            over->on_over(kw_str_of(row.station_id), kw_str_of(row.transaction), over->arg);
    }
}

static kw_err read_page(struct over *over, struct kw_str text, size_t *count)
{
    struct kw_json json;
    kw_err err = KW_EINVALID;
    kw_json_init(&json, text);
    if (kw_json_next(&json) == KW_JSON_OBJECT) {
        while (kw_json_next(&json) == KW_JSON_KEY) {
            if (kw_str_eqc(json.text, "items")) {
                err = read_items(over, &json, count);
                break;
            }
            if (kw_json_skip(&json, kw_json_next(&json), NULL) != KW_OK)
                break;
        }
    }
    kw_json_free(&json);
    return err;
}

static void found(kw_err err, struct kw_str json, void *arg)
{
    struct over *over = arg;
    size_t count = 0;
    if (err == KW_OK)
        err = read_page(over, json, &count);
    if (err == KW_OK && count == KW_OVER_PAGE && over->last_id[0] != 0) {
        err = ask(over);
        if (err == KW_OK)
            return;
    }
    over->on_end(err, over->arg);
    kw_free(over);
}

static kw_err ask(struct over *over)
{
    struct kw_buf text;
    struct kw_json_out json;
    kw_buf_init(&text, 1024);
    kw_json_out_init(&json, &text);
    kw_json_obj(&json);
    KW_JSON_KV(str, &json, "op", KW_STR("find"));
    KW_JSON_KV(str, &json, "from", KW_STR("transactions"));
    KW_JSON_KV(raw, &json, "where", KW_STR("[[\"state\",\"=\",\"active\"]]"));
    KW_JSON_KV(raw, &json, "sort", KW_STR("[\"id\"]"));
    KW_JSON_KV(i64, &json, "limit", KW_OVER_PAGE);
    if (over->last_id[0] != 0) {
        kw_json_key(&json, "after");
        kw_json_arr(&json);
        kw_json_str(&json, kw_str_of(over->last_id));
        kw_json_arr_end(&json);
    }
    kw_json_obj_end(&json);
    kw_err err = json.err;
    if (err == KW_OK)
        err = kw_store_request(over->service->runtime->store, kw_buf_str(&text), found, over);
    kw_buf_free(&text);
    return err;
}

kw_err kw_over_find(struct kw_service *service,
                    void (*on_over)(struct kw_str station_id, struct kw_str transaction, void *arg),
                    void (*on_end)(kw_err err, void *arg), void *arg)
{
    struct over *over = kw_zalloc(sizeof *over);
    *over = (struct over){ .service = service, .on_over = on_over, .on_end = on_end, .arg = arg };
    kw_err err = ask(over);
    if (err != KW_OK)
        kw_free(over);
    return err;
}
