/* push.c - Marks, flushes, and the clients' own verbs. */
#include "push/push.h"

#include <string.h>
#include <sys/random.h>

#include "push/internal.h"

static const char *const topic_names[KW_TOPIC_COUNT] = { "complex",  "nodes",        "stations",
                                                         "station",  "transactions", "alerts",
                                                         "commands", "keys.unknown", "feed" };

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
    KW_ASSERT((unsigned)topic < KW_TOPIC_COUNT);
    return topic_names[topic];
}

struct kw_push *kw_push_new(struct kw_complex *complex, const struct kw_push_hooks *hooks,
                            void *arg, struct kw_metrics *metrics)
{
    uint8_t random[16];
    struct kw_push *push = kw_zalloc(sizeof *push);
    push->complex = complex;
    push->hooks = *hooks;
    push->arg = arg;
    ssize_t got = getrandom(random, sizeof random, 0);
    KW_ASSERT(got == (ssize_t)sizeof random);
    kw_hex_encode(random, sizeof random, push->epoch);
    kw_items_init(&push->stations);
    kw_items_init(&push->nodes);
    kw_buf_init(&push->rows, KW_PUSH_TEXT_BYTES);
    kw_buf_init(&push->body, KW_PUSH_TEXT_BYTES);
    kw_buf_init(&push->gone, KW_PUSH_TEXT_BYTES);
    kw_buf_init(&push->text, KW_PUSH_TEXT_BYTES + 64);
    push->frames_total =
        kw_metrics_counter(metrics, "kw_push_frames_total", "", "Frames given to clients.");
    push->deltas_total = kw_metrics_counter(metrics, "kw_push_deltas_total", "", "Deltas encoded.");
    push->slow_total = kw_metrics_counter(metrics, "kw_push_slow_total", "",
                                          "Times that a client did not keep up.");
    push->views_gauge = kw_metrics_gauge(metrics, "kw_push_views", "", "Views that are kept.");
    return push;
}

void kw_push_free(struct kw_push *push)
{
    if (push == NULL)
        return;
    while (push->views != NULL)
        kw_view_free(push, push->views);
    kw_items_free(&push->stations);
    kw_items_free(&push->nodes);
    kw_buf_free(&push->rows);
    kw_buf_free(&push->body);
    kw_buf_free(&push->gone);
    kw_buf_free(&push->text);
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

/* --- marks --- */

void kw_push_station(struct kw_push *push, struct kw_station *station)
{
    struct kw_str id = kw_str_of(station->id);
    if (push->views == NULL)
        return;
    struct item *item = station->registered ? kw_items_need(&push->stations, id)
                                            : kw_items_find(&push->stations, id);
    if (item != NULL) /* a discovered station that nobody was shown needs no news */
        kw_items_mark(&push->stations, item);
}

void kw_push_node(struct kw_push *push, struct kw_node *node)
{
    if (push->views != NULL)
        kw_items_mark(&push->nodes, kw_items_need(&push->nodes, kw_str_of(node->id)));
}

void kw_push_gone(struct kw_push *push, struct kw_str id, bool is_node)
{
    struct items *items = is_node ? &push->nodes : &push->stations;
    struct item *item = kw_items_find(items, id);
    if (item != NULL)
        kw_items_mark(items, item);
}

void kw_push_complex(struct kw_push *push)
{
    push->complex_marked = push->views != NULL;
}

void kw_push_feed(struct kw_push *push)
{
    push->feed_marked = push->views != NULL;
}

static void add_event(struct view *view, struct kw_str json)
{
    size_t comma = kw_buf_len(&view->events) > 0;
    if (view->lost_events)
        return;
    if (kw_buf_reserve(&view->events, comma + json.len) != KW_OK) {
        view->lost_events = true;
        kw_buf_clear(&view->events);
        return;
    }
    KW_IGNORE(kw_buf_append(&view->events, ",", comma));
    KW_IGNORE(kw_buf_append(&view->events, json.ptr, json.len));
}

void kw_push_document(struct kw_push *push, enum kw_topic topic, struct kw_str owner,
                      struct kw_str json)
{
    for (struct view *view = push->views; view != NULL; view = view->next) {
        if (view->topic != topic || !kw_view_is_of_events(view) || view->root_id[0] != 0)
            continue;
        if (topic != KW_TOPIC_COMMANDS || kw_str_eqc(owner, view->key))
            add_event(view, json);
    }
}

bool kw_push_pending(const struct kw_push *push)
{
    if (push->stations.pending_count > 0 || push->nodes.pending_count > 0 || push->complex_marked ||
        push->feed_marked)
        return true;
    for (const struct view *view = push->views; view != NULL; view = view->next) {
        if (kw_buf_len(&view->events) > 0 || view->lost_events)
            return true;
    }
    return false;
}

/* --- flush --- */

/* Pointers into the model live from here to the end of the flush, and nowhere else. */
static void resolve(struct kw_push *push)
{
    for (size_t i = 0; i < push->stations.pending_count; i++) {
        struct item *item = push->stations.pending[i];
        struct kw_station *station = kw_complex_station(push->complex, kw_str_of(item->id));
        item->thing = station != NULL && station->registered ? station : NULL;
    }
    for (size_t i = 0; i < push->nodes.pending_count; i++) {
        struct item *item = push->nodes.pending[i];
        item->thing = kw_complex_node(push->complex, kw_str_of(item->id));
    }
}

static void end_view(struct kw_push *push, struct view *view)
{
    while (view->first != NULL) {
        struct kw_push_client *client = view->first->client;
        kw_send_error(view->first, "not-found");
        KW_IGNORE(kw_push_unsubscribe(client, view->first->id));
    }
    kw_view_free(push, view);
}

static void snapshot_to_all(struct view *view)
{
    for (struct subscription *at = view->first; at != NULL; at = at->next)
        kw_send_snapshot(at);
}

static void flush_view(struct kw_push *push, struct view *view)
{
    bool lost = view->lost_events;
    if (!lost && !kw_delta_body(push, view))
        return;
    view->seq++;
    if (lost || kw_buf_len(&push->body) == 0) { /* no delta can say it: everybody starts anew */
        view->lost_events = false;
        kw_buf_clear(&view->events);
        kw_view_store(view, KW_STR(""));
        snapshot_to_all(view);
        return;
    }
    kw_metric_add(push->deltas_total, 1);
    kw_view_store(view, kw_buf_str(&push->body));
    kw_send_all(push, view, "delta", kw_buf_str(&push->body));
    kw_buf_clear(&view->events);
}

/* Every view has been told: of the transactions that were shown, only the open ones stay so. */
static void forget_ended(struct kw_push *push)
{
    for (size_t i = 0; i < push->stations.pending_count; i++) {
        struct item *item = push->stations.pending[i];
        struct kw_station *station = item->thing;
        size_t kept = 0;
        for (size_t s = 0; s < item->shown_count && station != NULL; s++) {
            bool open = false;
            for (size_t c = 0; c < station->connector_count && !open; c++)
                open = strcmp(station->connectors[c].transaction, item->shown[s]) == 0;
            if (open)
                memmove(item->shown[kept++], item->shown[s], KW_TX_BYTES);
        }
        item->shown_count = kept;
    }
}

size_t kw_push_flush(struct kw_push *push, int64_t now_ms)
{
    struct view *next;
    push->now_ms = now_ms;
    push->frames = 0;
    kw_view_expire(push);
    resolve(push);
    kw_buf_clear(&push->rows);
    for (struct view *view = push->views; view != NULL; view = next) {
        next = view->next;
        if (kw_view_find_root(push, view))
            flush_view(push, view);
        else
            end_view(push, view);
    }
    forget_ended(push);
    kw_items_settle(&push->stations);
    kw_items_settle(&push->nodes);
    push->complex_marked = push->feed_marked = false;
    return push->frames;
}

/* --- clients --- */

struct kw_push_client *kw_push_client_new(struct kw_push *push, void *socket)
{
    struct kw_push_client *client = kw_zalloc(sizeof *client);
    client->push = push;
    client->socket = socket;
    return client;
}

void kw_push_client_free(struct kw_push_client *client)
{
    if (client == NULL)
        return;
    for (size_t i = 0; i < KW_PUSH_SUBSCRIPTIONS; i++) {
        if (client->subscriptions[i] != NULL)
            kw_view_detach(client->push, client->subscriptions[i]);
    }
    kw_free(client);
}

static kw_err check(const struct kw_push_subscribe *sub)
{
    if (sub->id < 1 || sub->id > KW_PUSH_ID_MAX || (unsigned)sub->topic >= KW_TOPIC_COUNT)
        return KW_EINVALID;
    if (sub->topic == KW_TOPIC_STATION &&
        (sub->station_id.len == 0 || sub->station_id.len > KW_STATION_ID_BYTES))
        return KW_EINVALID;
    if (sub->topic == KW_TOPIC_COMMANDS && (sub->owner.len == 0 || sub->owner.len >= KW_NAME_BYTES))
        return KW_EINVALID;
    return KW_OK;
}

kw_err kw_push_subscribe(struct kw_push_client *client, const struct kw_push_subscribe *sub)
{
    struct kw_push *push = client->push;
    struct subscription **slot = NULL;
    kw_err err = check(sub);
    if (err != KW_OK)
        return err;
    for (size_t i = 0; i < KW_PUSH_SUBSCRIPTIONS; i++) {
        struct subscription **at = &client->subscriptions[i];
        if (*at != NULL && (*at)->id == sub->id)
            return KW_EEXISTS;
        if (*at == NULL && slot == NULL)
            slot = at;
    }
    if (slot == NULL)
        return KW_EFULL;
    struct view *view = kw_view_need(push, sub);
    if (view == NULL)
        return KW_EBUSY;
    struct subscription *subscription = kw_zalloc(sizeof *subscription);
    subscription->client = client;
    subscription->id = sub->id;
    subscription->sent_seq = view->seq;
    kw_view_attach(view, subscription);
    *slot = subscription;
    if (kw_str_eqc(sub->since_epoch, push->epoch) && kw_view_can_resume(view, sub->since_seq)) {
        subscription->sent_seq = (uint64_t)sub->since_seq;
        kw_send_resumed(subscription);
    } else {
        kw_send_snapshot(subscription);
    }
    return KW_OK;
}

kw_err kw_push_unsubscribe(struct kw_push_client *client, int64_t id)
{
    for (size_t i = 0; i < KW_PUSH_SUBSCRIPTIONS; i++) {
        if (client->subscriptions[i] != NULL && client->subscriptions[i]->id == id) {
            kw_view_detach(client->push, client->subscriptions[i]);
            client->subscriptions[i] = NULL;
            return KW_OK;
        }
    }
    return KW_ENOTFOUND;
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
    kw_send_again(client);
}

void kw_push_client_drained(struct kw_push_client *client)
{
    if (!client->slow)
        return;
    client->slow = false;
    kw_send_again(client);
}

/* --- rows for others --- */

void kw_push_write_station_row(struct kw_push *push, const struct kw_station *station,
                               struct kw_buf *out)
{
    struct row_context context = kw_push_rows(push);
    struct kw_json_out json;
    kw_json_out_init(&json, out);
    kw_row_station(&json, station, &context);
}

void kw_push_write_node_row(struct kw_push *push, const struct kw_node *node, struct kw_buf *out)
{
    struct row_context context = kw_push_rows(push);
    struct kw_json_out json;
    kw_json_out_init(&json, out);
    kw_row_node(&json, node, &context);
}
