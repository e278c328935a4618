/* delta.c - The body of a delta or a snapshot of one view: what stands behind `"seq":`.
 *
 * A changed station is encoded at most once in a flush; views copy the same row. What a view was sent
 * is a bit per item, so "gone" is said exactly to those who were shown the thing: also when it left
 * the subtree, and also when the subtree was moved above it. */
#include <string.h>

#include "push/internal.h"

struct builder {
    struct kw_push *push;
    struct view *view;
    bool row, gone; /* a comma is due */
    kw_err err;
};

struct row_context kw_push_rows(const struct kw_push *push)
{
    return (struct row_context){ push->hooks.driver_of, push->arg,
                                 kw_complex_feed_is_lost(push->complex) };
}

static void append(struct builder *builder, const char *bytes, size_t length)
{
    if (builder->err == KW_OK)
        builder->err = kw_buf_append(&builder->push->body, bytes, length);
}

static struct builder begin(struct kw_push *push, struct view *view, uint64_t seq)
{
    struct builder builder = { push, view, false, false, KW_OK };
    char number[21];
    kw_buf_clear(&push->body);
    kw_buf_clear(&push->gone);
    append(&builder, number, kw_i64_to_text((int64_t)seq, number));
    append(&builder, ",\"data\":", 8);
    return builder;
}

static struct kw_json_out row_writer(struct builder *builder)
{
    struct kw_json_out json;
    kw_json_out_init(&json, &builder->push->body);
    json.comma = builder->row;
    json.err = builder->err;
    builder->row = true;
    return json;
}

static void add_gone(struct builder *builder, struct kw_str id)
{
    struct kw_json_out json;
    kw_json_out_init(&json, &builder->push->gone);
    json.comma = builder->gone;
    kw_json_str(&json, id);
    builder->gone = true;
    if (json.err != KW_OK)
        builder->err = json.err;
}

/* --- stations and nodes --- */

static void write_row(struct kw_push *push, struct kw_json_out *json, bool node, const void *thing)
{
    struct row_context context = kw_push_rows(push);
    if (node)
        kw_row_node(json, thing, &context);
    else
        kw_row_station(json, thing, &context);
}

static void add_row(struct builder *builder, struct item *item, bool node, const void *thing)
{
    struct kw_push *push = builder->push;
    if (!item->pending) {
        struct kw_json_out json = row_writer(builder);
        write_row(push, &json, node, thing);
        builder->err = json.err;
        return;
    }
    if (!item->encoded) {
        struct kw_json_out json;
        kw_json_out_init(&json, &push->rows);
        item->row_at = kw_buf_len(&push->rows);
        write_row(push, &json, node, thing);
        item->row_length = kw_buf_len(&push->rows) - item->row_at;
        item->encoded = true;
        if (json.err != KW_OK)
            builder->err = json.err;
    }
    if (builder->row)
        append(builder, ",", 1);
    append(builder, kw_buf_ptr(&push->rows) + item->row_at, item->row_length);
    builder->row = true;
}

static void show(struct builder *builder, struct item *item, bool node, const void *thing,
                 bool visible)
{
    bool was = kw_view_has(builder->view, item);
    if (visible && (item->pending || !was))
        add_row(builder, item, node, thing);
    else if (!visible && was)
        add_gone(builder, kw_str_of(item->id));
    if (visible != was)
        kw_view_set(builder->view, item, visible);
}

static void show_station(struct builder *builder, struct item *item,
                         const struct kw_station *station)
{
    show(builder, item, false, station, kw_view_shows_station(builder->view, station));
}

static void show_node(struct builder *builder, struct item *item, const struct kw_node *node)
{
    show(builder, item, true, node, kw_view_shows_node(builder->view, node));
}

/* --- transactions --- */

static bool is_open(const struct kw_station *station, const char *transaction)
{
    for (size_t c = 0; c < station->connector_count; c++) {
        if (strcmp(station->connectors[c].transaction, transaction) == 0)
            return true;
    }
    return false;
}

static bool add_transactions(struct builder *builder, struct item *item,
                             const struct kw_station *station)
{
    struct row_context context = kw_push_rows(builder->push);
    bool any = false;
    for (size_t c = 0; c < station->connector_count; c++) {
        const struct kw_connector *connector = &station->connectors[c];
        if (connector->transaction[0] == 0)
            continue;
        struct kw_json_out json = row_writer(builder);
        kw_row_transaction(&json, station, connector, &context);
        builder->err = json.err;
        kw_item_show(item, connector->transaction);
        any = true;
    }
    return any;
}

static void show_transactions(struct builder *builder, struct item *item,
                              const struct kw_station *station)
{
    bool was = kw_view_has(builder->view, item), any = false;
    bool visible = kw_view_shows_station(builder->view, station);
    for (size_t i = 0; was && i < item->shown_count; i++) {
        char id[KW_ROW_TX_ID_BYTES];
        if (!visible || !is_open(station, item->shown[i]))
            add_gone(builder, kw_row_transaction_id(item->id, item->shown[i], id));
    }
    if (visible && (item->pending || !was))
        any = add_transactions(builder, item, station);
    else
        any = visible && was;
    if (any != was)
        kw_view_set(builder->view, item, any);
}

/* --- the body of a delta --- */

/* The tree changed: what is below the root may differ without a change of its own. */
static void rescan(struct builder *builder)
{
    struct kw_push *push = builder->push;
    struct view *view = builder->view;
    uint64_t version = kw_complex_tree_version(push->complex);
    if (view->root == NULL || view->tree_version == version)
        return;
    view->tree_version = version;
    if (view->topic == KW_TOPIC_NODES) {
        for (size_t i = 0; i < kw_complex_node_count(push->complex); i++) {
            const struct kw_node *node = kw_complex_node_at(push->complex, i);
            struct item *item = kw_items_need(&push->nodes, kw_str_of(node->id));
            if (!item->pending)
                show_node(builder, item, node);
        }
        return;
    }
    for (size_t i = 0; i < kw_complex_station_count(push->complex); i++) {
        const struct kw_station *station = kw_complex_station_at(push->complex, i);
        struct item *item = station->registered
                                ? kw_items_need(&push->stations, kw_str_of(station->id))
                                : kw_items_find(&push->stations, kw_str_of(station->id));
        if (item == NULL || item->pending)
            continue;
        if (view->topic == KW_TOPIC_TRANSACTIONS)
            show_transactions(builder, item, station);
        else
            show_station(builder, item, station);
    }
}

static void add_rows(struct builder *builder)
{
    struct kw_push *push = builder->push;
    struct view *view = builder->view;
    append(builder, "[", 1);
    rescan(builder);
    if (view->topic == KW_TOPIC_NODES) {
        for (size_t i = 0; i < push->nodes.pending_count; i++)
            show_node(builder, push->nodes.pending[i], push->nodes.pending[i]->thing);
    } else if (view->topic == KW_TOPIC_STATION) {
        struct item *item = kw_items_find(&push->stations, kw_str_of(view->key));
        if (item != NULL && item->pending)
            show_station(builder, item, item->thing);
    } else {
        for (size_t i = 0; i < push->stations.pending_count; i++) {
            struct item *item = push->stations.pending[i];
            if (view->topic == KW_TOPIC_TRANSACTIONS)
                show_transactions(builder, item, item->thing);
            else
                show_station(builder, item, item->thing);
        }
    }
    append(builder, "]", 1);
}

static void add_document(struct builder *builder)
{
    struct kw_push *push = builder->push;
    size_t before = kw_buf_len(&push->body);
    if (builder->view->topic == KW_TOPIC_COMPLEX)
        push->hooks.write_complex(&push->body, push->arg);
    else
        push->hooks.write_feed(&push->body, push->arg);
    if (kw_buf_len(&push->body) == before)
        append(builder, "null", 4); /* the owner had nothing to say: still valid JSON */
}

static bool is_document(const struct view *view)
{
    return view->topic == KW_TOPIC_COMPLEX || view->topic == KW_TOPIC_FEED;
}

bool kw_delta_body(struct kw_push *push, struct view *view)
{
    struct builder builder = begin(push, view, view->seq + 1);
    if (is_document(view)) {
        if (view->topic == KW_TOPIC_COMPLEX ? !push->complex_marked : !push->feed_marked)
            return false;
        add_document(&builder);
    } else if (kw_view_is_of_events(view)) {
        if (kw_buf_len(&view->events) == 0)
            return false;
        append(&builder, "[", 1);
        append(&builder, kw_buf_ptr(&view->events), kw_buf_len(&view->events));
        append(&builder, "]", 1);
    } else {
        add_rows(&builder);
        if (!builder.row && !builder.gone)
            return false;
    }
    if (builder.gone) {
        append(&builder, ",\"gone\":[", 9);
        append(&builder, kw_buf_ptr(&push->gone), kw_buf_len(&push->gone));
        append(&builder, "]", 1);
    }
    append(&builder, "}", 1);
    if (builder.err != KW_OK)
        kw_buf_clear(&push->body); /* too large for a message: the caller falls back to snapshots */
    return true;
}

/* --- the body of a snapshot --- */

static void snapshot_station(struct builder *builder, const struct kw_station *station)
{
    struct kw_push *push = builder->push;
    if (!kw_view_shows_station(builder->view, station))
        return;
    struct item *item = kw_items_need(&push->stations, kw_str_of(station->id));
    if (builder->view->topic == KW_TOPIC_TRANSACTIONS) {
        if (add_transactions(builder, item, station))
            kw_view_set(builder->view, item, true);
        return;
    }
    struct kw_json_out json = row_writer(builder);
    write_row(push, &json, false, station);
    builder->err = json.err;
    kw_view_set(builder->view, item, true);
}

static void snapshot_node(struct builder *builder, const struct kw_node *node)
{
    if (!kw_view_shows_node(builder->view, node))
        return;
    struct item *item = kw_items_need(&builder->push->nodes, kw_str_of(node->id));
    struct kw_json_out json = row_writer(builder);
    write_row(builder->push, &json, true, node);
    builder->err = json.err;
    kw_view_set(builder->view, item, true);
}

kw_err kw_snapshot_body(struct kw_push *push, struct view *view)
{
    struct builder builder = begin(push, view, view->seq);
    if (is_document(view)) {
        add_document(&builder);
    } else {
        append(&builder, "[", 1);
        if (view->topic == KW_TOPIC_STATION) {
            const struct kw_station *station =
                kw_complex_station(push->complex, kw_str_of(view->key));
            if (station != NULL)
                snapshot_station(&builder, station);
        } else if (view->topic == KW_TOPIC_NODES) {
            for (size_t i = 0; i < kw_complex_node_count(push->complex); i++)
                snapshot_node(&builder, kw_complex_node_at(push->complex, i));
        } else if (!kw_view_is_of_events(view)) {
            for (size_t i = 0; i < kw_complex_station_count(push->complex); i++)
                snapshot_station(&builder, kw_complex_station_at(push->complex, i));
        }
        append(&builder, "]", 1);
    }
    append(&builder, "}", 1);
    return builder.err;
}
