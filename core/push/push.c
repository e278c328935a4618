/* push.c - Views, their rings, their subscribers; one encoding of a change for everybody. */
#include "push/push.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/map.h"
#include "base/mem.h"
#include "push/rows.h"

#define KW_RING 256                       /* deltas kept for a resume (docs/api.md) */
#define KW_SUBSCRIPTIONS 16               /* per client */
#define KW_VIEW_TEXT_BYTES (64u * 1024 * 1024)

struct view;

struct subscription {
    struct subscription *next_of_view, **link_of_view;
    struct kw_push_client *client;
    struct view *view;
    int64_t id;
};

struct view {
    struct view *next;
    enum kw_topic topic;
    struct kw_node *root;            /* NULL: all */
    char key[KW_NAME_BYTES];         /* station id or owner */
    uint64_t seq;
    struct kw_blob *ring[KW_RING];   /* payload behind `"seq":`, by seq modulo KW_RING */
    struct subscription *first;
    struct kw_map *members;          /* rooted views and transactions: who is shown */
    struct kw_buf rows, gone;        /* of the delta being built */
    bool rows_comma, gone_comma, dirty;
};

struct kw_push {
    struct kw_complex *complex;
    const struct kw_push_hooks *hooks;
    void *arg;
    struct view *views;
    char epoch[33];
    struct kw_metric *frames, *slow, *encoded;
};

struct kw_push_client {
    struct kw_push *push;
    void *socket;
    struct subscription *subscriptions[KW_SUBSCRIPTIONS];
    bool paused, slow;
};

static const char *const topic_names[KW_TOPIC_COUNT] = { "complex", "nodes", "stations", "station", "transactions",
                                                         "alerts",  "commands", "keys.unknown", "feed" };

kw_err kw_topic_of(struct kw_str name, enum kw_topic *out)
{
    for (int topic = 0; topic < KW_TOPIC_COUNT; topic++) {
        if (kw_str_eqc(name, topic_names[topic])) {
            *out = (enum kw_topic)topic;
            return KW_OK;
        }
    }
    return KW_ENOTFOUND;
}

const char *kw_topic_name(enum kw_topic topic)
{
    return topic_names[topic];
}

struct kw_push *kw_push_new(struct kw_complex *complex, const struct kw_push_hooks *hooks, void *arg,
                            struct kw_metrics *metrics)
{
    uint8_t random[16] = { 0 };
    struct kw_push *push = kw_zalloc(sizeof *push);
    push->complex = complex;
    push->hooks = hooks;
    push->arg = arg;
    (void)!getrandom(random, sizeof random, 0);
    kw_hex_encode(random, sizeof random, push->epoch);
    push->frames = kw_metrics_counter(metrics, "kw_push_frames_total", "", "Frames given to clients.");
    push->encoded = kw_metrics_counter(metrics, "kw_push_deltas_total", "", "Deltas encoded.");
    push->slow = kw_metrics_counter(metrics, "kw_push_slow_total", "", "Times that a client did not keep up.");
    return push;
}

static void view_free(struct view *view)
{
    size_t at = 0;
    struct kw_str key;
    void *value;
    for (int i = 0; i < KW_RING; i++)
        kw_blob_unref(view->ring[i]);
    while (view->members != NULL && kw_map_next(view->members, &at, &key, &value))
        kw_free(value);
    kw_map_free(view->members);
    kw_buf_free(&view->rows);
    kw_buf_free(&view->gone);
    kw_free(view);
}

void kw_push_free(struct kw_push *push)
{
    while (push->views != NULL) {
        struct view *view = push->views;
        KW_ASSERT(view->first == NULL);
        push->views = view->next;
        view_free(view);
    }
    kw_free(push);
}

const char *kw_push_epoch(const struct kw_push *push)
{
    return push->epoch;
}

kw_err kw_push_welcome(struct kw_push *push, int64_t now_ms, struct kw_buf *out)
{
    struct kw_json_out json;
    kw_json_out_init(&json, out);
    kw_json_obj(&json);
    KW_JSON_KV(str, &json, "op", KW_STR("welcome"));
    KW_JSON_KV(str, &json, "epoch", kw_str_of(push->epoch));
    KW_JSON_KV(at_ms, &json, "server_at", now_ms);
    KW_JSON_KV(i64, &json, "heartbeat_s", 5);
    KW_JSON_KV(raw, &json, "schema", kw_str_of(kw_rows_schema));
    kw_json_obj_end(&json);
    return json.err;
}

static bool is_document(enum kw_topic topic)
{
    return topic == KW_TOPIC_COMPLEX || topic == KW_TOPIC_FEED;
}

/* --- membership --- */

static bool shows(const struct view *view, const struct kw_station *station)
{
    if (view->topic == KW_TOPIC_STATION)
        return strcmp(view->key, station->id) == 0;
    return station->registered && (view->root == NULL || (station->node != NULL && kw_node_contains(view->root, station->node)));
}

static void begin_row(struct view *view, struct kw_json_out *json)
{
    kw_json_out_init(json, &view->rows);
    json->comma = view->rows_comma;
    view->rows_comma = true;
    view->dirty = true;
}

static void add_gone(struct view *view, struct kw_str id)
{
    struct kw_json_out json;
    kw_json_out_init(&json, &view->gone);
    json.comma = view->gone_comma;
    kw_json_str(&json, id);
    view->gone_comma = true;
    view->dirty = true;
}

static void remember(struct view *view, struct kw_str key, const char *value)
{
    kw_free(kw_map_put(view->members, key, kw_strdup(value)));
}

static void forget(struct view *view, struct kw_str key)
{
    kw_free(kw_map_remove(view->members, key));
}

static void mark_transactions(struct kw_push *push, struct view *view, struct kw_station *station)
{
    char key[KW_STATION_ID_BYTES + 16], id[KW_STATION_ID_BYTES + KW_TX_BYTES + 2];
    bool visible = shows(view, station);
    for (size_t c = 0; c < station->connector_count; c++) {
        const struct kw_connector *connector = &station->connectors[c];
        int length = snprintf(key, sizeof key, "%s~%d", station->id, connector->id);
        struct kw_str name = kw_str_n(key, (size_t)length);
        const char *before = kw_map_get(view->members, name);
        const char *now = visible ? connector->transaction : "";
        if (before != NULL && strcmp(before, now) != 0) {
            (void)snprintf(id, sizeof id, "%s~%s", station->id, before);
            add_gone(view, kw_str_of(id));
            forget(view, name);
        }
        if (now[0] != 0) {
            struct kw_json_out json;
            begin_row(view, &json);
            kw_row_transaction(&json, station, connector, push->hooks->driver_of, push->arg);
            remember(view, name, now);
        }
    }
}

static void mark_station(struct kw_push *push, struct view *view, struct kw_station *station)
{
    struct kw_json_out json;
    struct kw_str id = kw_str_of(station->id);
    if (!shows(view, station)) {
        if (view->members != NULL && kw_map_get(view->members, id) != NULL) {
            forget(view, id);
            add_gone(view, id);
        }
        return;
    }
    begin_row(view, &json);
    kw_row_station(&json, station, push->hooks->driver_of, push->arg);
    if (view->members != NULL)
        remember(view, id, "1");
}

void kw_push_station(struct kw_push *push, struct kw_station *station)
{
    for (struct view *view = push->views; view != NULL; view = view->next) {
        if (view->first == NULL)
            continue;
        if (view->topic == KW_TOPIC_STATIONS || view->topic == KW_TOPIC_STATION)
            mark_station(push, view, station);
        else if (view->topic == KW_TOPIC_TRANSACTIONS)
            mark_transactions(push, view, station);
    }
}

void kw_push_node(struct kw_push *push, struct kw_node *node)
{
    for (struct view *view = push->views; view != NULL; view = view->next) {
        struct kw_json_out json;
        if (view->first == NULL || view->topic != KW_TOPIC_NODES ||
            (view->root != NULL && !kw_node_contains(view->root, node)))
            continue;
        begin_row(view, &json);
        kw_row_node(&json, node);
    }
}

void kw_push_gone(struct kw_push *push, struct kw_str id, bool is_node)
{
    for (struct view *view = push->views; view != NULL; view = view->next) {
        if (view->first == NULL || view->topic != (is_node ? KW_TOPIC_NODES : KW_TOPIC_STATIONS))
            continue;
        if (view->members != NULL)
            forget(view, id);
        add_gone(view, id);
    }
}

static void mark_document(struct kw_push *push, enum kw_topic topic)
{
    for (struct view *view = push->views; view != NULL; view = view->next)
        view->dirty = view->dirty || (view->topic == topic && view->first != NULL);
}

void kw_push_complex(struct kw_push *push)
{
    mark_document(push, KW_TOPIC_COMPLEX);
}

void kw_push_feed(struct kw_push *push)
{
    mark_document(push, KW_TOPIC_FEED);
}

void kw_push_document(struct kw_push *push, enum kw_topic topic, struct kw_str owner, struct kw_str text)
{
    for (struct view *view = push->views; view != NULL; view = view->next) {
        struct kw_json_out json;
        if (view->topic != topic || view->first == NULL || (topic == KW_TOPIC_COMMANDS && !kw_str_eqc(owner, view->key)))
            continue;
        begin_row(view, &json);
        kw_json_raw(&json, text);
    }
}

/* --- sending --- */

static void send_payload(struct kw_push *push, struct subscription *subscription, const char *op, struct kw_str payload,
                         struct kw_blob **cached, int64_t *cached_id)
{
    struct kw_push_client *client = subscription->client;
    if (client->paused || client->slow)
        return;
    if (*cached == NULL || *cached_id != subscription->id) {
        struct kw_buf text;
        kw_buf_init(&text, KW_VIEW_TEXT_BYTES);
        kw_err err = kw_buf_printf(&text, "{\"op\":\"%s\",\"id\":%lld,\"seq\":", op, (long long)subscription->id);
        if (err == KW_OK)
            err = kw_buf_append(&text, payload.ptr, payload.len);
        kw_blob_unref(*cached);
        *cached = err == KW_OK ? push->hooks->frame(kw_buf_str(&text), push->arg) : NULL;
        *cached_id = subscription->id;
        kw_buf_free(&text);
        if (*cached == NULL)
            return;
    }
    kw_err err = push->hooks->send(client->socket, *cached, push->arg);
    kw_metric_add(push->frames, err == KW_OK);
    if (err == KW_EFULL) {
        client->slow = true;
        kw_metric_add(push->slow, 1);
    }
}

static void write_document(struct kw_push *push, enum kw_topic topic, struct kw_buf *out)
{
    if (topic == KW_TOPIC_COMPLEX)
        push->hooks->write_complex(out, push->arg);
    else
        push->hooks->write_feed(out, push->arg);
}

static kw_err build_delta(struct kw_push *push, struct view *view, struct kw_buf *out)
{
    kw_err err = kw_buf_printf(out, "%llu,\"data\":", (unsigned long long)view->seq);
    if (err == KW_OK && is_document(view->topic)) {
        write_document(push, view->topic, out);
    } else if (err == KW_OK) {
        err = kw_buf_append(out, "[", 1);
        if (err == KW_OK)
            err = kw_buf_append(out, kw_buf_ptr(&view->rows), kw_buf_len(&view->rows));
        if (err == KW_OK)
            err = kw_buf_append(out, "]", 1);
        if (err == KW_OK && kw_buf_len(&view->gone) > 0)
            err = kw_buf_printf(out, ",\"gone\":[%.*s]", (int)kw_buf_len(&view->gone), kw_buf_ptr(&view->gone));
    }
    return err == KW_OK ? kw_buf_append(out, "}", 1) : err;
}

static void flush_view(struct kw_push *push, struct view *view)
{
    struct kw_buf text;
    struct kw_blob *cached = NULL;
    int64_t cached_id = 0;
    kw_buf_init(&text, KW_VIEW_TEXT_BYTES);
    view->seq++;
    view->dirty = false;
    if (build_delta(push, view, &text) == KW_OK) {
        struct kw_blob **slot = &view->ring[view->seq % KW_RING];
        kw_blob_unref(*slot);
        *slot = kw_blob_new(kw_buf_ptr(&text), kw_buf_len(&text));
        kw_metric_add(push->encoded, 1);
        for (struct subscription *at = view->first; at != NULL; at = at->next_of_view)
            send_payload(push, at, "delta", kw_buf_str(&text), &cached, &cached_id);
    }
    kw_blob_unref(cached);
    kw_buf_free(&text);
    kw_buf_clear(&view->rows);
    kw_buf_clear(&view->gone);
    view->rows_comma = view->gone_comma = false;
}

size_t kw_push_flush(struct kw_push *push, int64_t now_ms)
{
    int64_t before = kw_metric_value(push->frames);
    (void)now_ms;
    for (struct view *view = push->views; view != NULL; view = view->next) {
        if (view->dirty)
            flush_view(push, view);
    }
    return (size_t)(kw_metric_value(push->frames) - before);
}

bool kw_push_pending(const struct kw_push *push)
{
    for (const struct view *view = push->views; view != NULL; view = view->next) {
        if (view->dirty)
            return true;
    }
    return false;
}

static void snapshot_rows(struct kw_push *push, struct view *view, struct kw_json_out *json)
{
    kw_json_arr(json);
    if (view->topic == KW_TOPIC_NODES) {
        for (size_t i = 0; i < kw_complex_node_count(push->complex); i++) {
            const struct kw_node *node = kw_complex_node_at(push->complex, i);
            if (view->root == NULL || kw_node_contains(view->root, node))
                kw_row_node(json, node);
        }
    }
    bool stations = view->topic == KW_TOPIC_STATIONS || view->topic == KW_TOPIC_STATION;
    for (size_t i = 0; i < kw_complex_station_count(push->complex); i++) {
        struct kw_station *station = kw_complex_station_at(push->complex, i);
        if (!shows(view, station))
            continue;
        if (stations) {
            kw_row_station(json, station, push->hooks->driver_of, push->arg);
            if (view->members != NULL)
                remember(view, kw_str_of(station->id), "1");
        }
        for (size_t c = 0; view->topic == KW_TOPIC_TRANSACTIONS && c < station->connector_count; c++) {
            char key[KW_STATION_ID_BYTES + 16];
            const struct kw_connector *connector = &station->connectors[c];
            if (connector->transaction[0] == 0)
                continue;
            (void)snprintf(key, sizeof key, "%s~%d", station->id, connector->id);
            kw_row_transaction(json, station, connector, push->hooks->driver_of, push->arg);
            remember(view, kw_str_of(key), connector->transaction);
        }
    }
    kw_json_arr_end(json);
}

static void send_snapshot(struct subscription *subscription)
{
    struct kw_push *push = subscription->client->push;
    struct view *view = subscription->view;
    struct kw_buf text;
    struct kw_json_out json;
    struct kw_blob *cached = NULL;
    int64_t cached_id = 0;
    kw_buf_init(&text, KW_VIEW_TEXT_BYTES);
    kw_err err = kw_buf_printf(&text, "%llu,\"data\":", (unsigned long long)view->seq);
    kw_json_out_init(&json, &text);
    if (is_document(view->topic))
        write_document(push, view->topic, &text);
    else if (err == KW_OK)
        snapshot_rows(push, view, &json);
    err = err != KW_OK ? err : json.err != KW_OK ? json.err : kw_buf_append(&text, "}", 1);
    if (err == KW_OK)
        send_payload(push, subscription, "snapshot", kw_buf_str(&text), &cached, &cached_id);
    kw_blob_unref(cached);
    kw_buf_free(&text);
}

static bool resume(struct subscription *subscription, const struct kw_push_subscribe *sub)
{
    struct kw_push *push = subscription->client->push;
    struct view *view = subscription->view;
    char text[96];
    if (sub->since_seq == KW_NONE || !kw_str_eqc(sub->since_epoch, push->epoch) || sub->since_seq < 0 ||
        (uint64_t)sub->since_seq > view->seq || view->seq - (uint64_t)sub->since_seq > KW_RING)
        return false;
    for (uint64_t seq = (uint64_t)sub->since_seq + 1; seq <= view->seq; seq++) {
        if (view->ring[seq % KW_RING] == NULL)
            return false;
    }
    int length = snprintf(text, sizeof text, "{\"op\":\"resumed\",\"id\":%lld,\"seq\":%llu}", (long long)sub->id,
                          (unsigned long long)view->seq);
    struct kw_blob *frame = push->hooks->frame(kw_str_n(text, (size_t)length), push->arg);
    KW_IGNORE(push->hooks->send(subscription->client->socket, frame, push->arg));
    kw_blob_unref(frame);
    for (uint64_t seq = (uint64_t)sub->since_seq + 1; seq <= view->seq; seq++) {
        struct kw_blob *cached = NULL, *delta = view->ring[seq % KW_RING];
        int64_t cached_id = 0;
        send_payload(push, subscription, "delta", kw_str_n(delta->bytes, delta->length_bytes), &cached, &cached_id);
        kw_blob_unref(cached);
    }
    return true;
}

/* --- clients --- */

struct kw_push_client *kw_push_client_new(struct kw_push *push, void *socket)
{
    struct kw_push_client *client = kw_zalloc(sizeof *client);
    client->push = push;
    client->socket = socket;
    return client;
}

static void unsubscribe(struct subscription *subscription)
{
    *subscription->link_of_view = subscription->next_of_view;
    if (subscription->next_of_view != NULL)
        subscription->next_of_view->link_of_view = subscription->link_of_view;
    kw_free(subscription);
}

void kw_push_client_free(struct kw_push_client *client)
{
    for (int i = 0; i < KW_SUBSCRIPTIONS; i++) {
        if (client->subscriptions[i] != NULL)
            unsubscribe(client->subscriptions[i]);
    }
    kw_free(client);
}

static struct view *need_view(struct kw_push *push, const struct kw_push_subscribe *sub)
{
    char key[KW_NAME_BYTES] = "";
    struct kw_str wanted = sub->topic == KW_TOPIC_STATION ? sub->station_id
                           : sub->topic == KW_TOPIC_COMMANDS ? sub->owner
                                                             : KW_STR("");
    KW_IGNORE(kw_str_copy(wanted, key, sizeof key));
    for (struct view *view = push->views; view != NULL; view = view->next) {
        if (view->topic == sub->topic && view->root == sub->root && strcmp(view->key, key) == 0)
            return view;
    }
    struct view *view = kw_zalloc(sizeof *view);
    view->topic = sub->topic;
    view->root = sub->root;
    memcpy(view->key, key, sizeof key);
    kw_buf_init(&view->rows, KW_VIEW_TEXT_BYTES);
    kw_buf_init(&view->gone, KW_VIEW_TEXT_BYTES);
    if (sub->topic == KW_TOPIC_TRANSACTIONS || (sub->topic == KW_TOPIC_STATIONS && sub->root != NULL))
        view->members = kw_map_new();
    view->next = push->views;
    push->views = view;
    return view;
}

kw_err kw_push_subscribe(struct kw_push_client *client, const struct kw_push_subscribe *sub)
{
    struct subscription **slot = NULL;
    for (int i = 0; i < KW_SUBSCRIPTIONS; i++) {
        if (client->subscriptions[i] != NULL && client->subscriptions[i]->id == sub->id)
            return KW_EEXISTS;
        if (client->subscriptions[i] == NULL && slot == NULL)
            slot = &client->subscriptions[i];
    }
    if (slot == NULL)
        return KW_EFULL;
    struct view *view = need_view(client->push, sub);
    if (view->first == NULL && view->seq > 0) {
        /* Nobody watched: what changed meanwhile is in no ring, so old numbers must not resume. */
        for (int i = 0; i < KW_RING; i++) {
            kw_blob_unref(view->ring[i]);
            view->ring[i] = NULL;
        }
        view->seq += KW_RING;
    }
    struct subscription *subscription = kw_zalloc(sizeof *subscription);
    *subscription = (struct subscription){ view->first, &view->first, client, view, sub->id };
    if (view->first != NULL)
        view->first->link_of_view = &subscription->next_of_view;
    view->first = subscription;
    *slot = subscription;
    if (!resume(subscription, sub))
        send_snapshot(subscription);
    return KW_OK;
}

kw_err kw_push_unsubscribe(struct kw_push_client *client, int64_t id)
{
    for (int i = 0; i < KW_SUBSCRIPTIONS; i++) {
        if (client->subscriptions[i] != NULL && client->subscriptions[i]->id == id) {
            unsubscribe(client->subscriptions[i]);
            client->subscriptions[i] = NULL;
            return KW_OK;
        }
    }
    return KW_ENOTFOUND;
}

static void send_snapshots(struct kw_push_client *client)
{
    for (int i = 0; i < KW_SUBSCRIPTIONS; i++) {
        if (client->subscriptions[i] != NULL)
            send_snapshot(client->subscriptions[i]);
    }
}

void kw_push_client_pause(struct kw_push_client *client)
{
    client->paused = true;
}

void kw_push_client_resume(struct kw_push_client *client)
{
    if (!client->paused)
        return;
    client->paused = false;
    send_snapshots(client);
}

void kw_push_client_drained(struct kw_push_client *client)
{
    if (!client->slow)
        return;
    client->slow = false;
    send_snapshots(client);
}

void kw_push_write_station_row(struct kw_push *push, const struct kw_station *station, struct kw_buf *out)
{
    struct kw_json_out json;
    kw_json_out_init(&json, out);
    kw_row_station(&json, station, push->hooks->driver_of, push->arg);
}

void kw_push_write_node_row(struct kw_push *push, const struct kw_node *node, struct kw_buf *out)
{
    struct kw_json_out json;
    (void)push;
    kw_json_out_init(&json, out);
    kw_row_node(&json, node);
}
