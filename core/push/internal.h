/* internal.h - The inside of push, shared by its files only.
 *
 * An item stands for one station or node that somebody may be shown. It has a small number (slot),
 * so that what a view has sent is one bit for each item. Items are found by id, never by pointer:
 * the model may free what push was told of before the next flush. */
#ifndef KW_PUSH_INTERNAL_H
#define KW_PUSH_INTERNAL_H

#include "base/map.h"
#include "base/mem.h"
#include "push/push.h"
#include "push/rows.h"

#define KW_PUSH_RING 256

struct item {
    char id[KW_NAME_BYTES];
    size_t slot;
    bool pending;
    bool encoded; /* row_at and row_length are of this flush */
    size_t row_at, row_length;
    void *thing;                /* station or node; only during a call */
    char (*shown)[KW_TX_BYTES]; /* stations: transactions that some view has been sent */
    size_t shown_count;
};

/* Everything of one kind (stations, nodes) that push knows. */
struct items {
    struct kw_map *by_id;
    struct item **pending;
    size_t pending_count, pending_room;
    size_t *free_slots;
    size_t free_count, free_room, slot_count;
};

struct subscription {
    struct subscription *next; /* of the view, ordered by id: equal ids share a frame */
    struct kw_push_client *client;
    struct view *view;
    int64_t id;
    uint64_t sent_seq; /* newest that this client was given */
};

struct view {
    struct view *next;
    enum kw_topic topic;
    char root_id[KW_NAME_BYTES]; /* "" = all */
    struct kw_node *root;        /* only during a call */
    char key[KW_NAME_BYTES];     /* station id or owner */
    uint64_t seq;
    uint64_t tree_version;
    struct kw_blob *ring[KW_PUSH_RING]; /* bodies behind `"seq":`, by seq modulo the size */
    uint64_t ring_from;                 /* oldest seq in it; seq + 1: empty */
    size_t ring_bytes;
    struct kw_blob *snapshot; /* body of the snapshot at `seq`, if one was made since */
    struct subscription *first;
    int64_t idle_since_ms;
    uint64_t *members; /* bits by slot: the item was sent and not taken back */
    size_t member_words;
    struct kw_buf events; /* documents that wait for the flush, comma between */
    bool lost_events;
};

struct kw_push {
    struct kw_complex *complex;
    struct kw_push_hooks hooks;
    void *arg;
    struct view *views;
    size_t view_count;
    struct items stations, nodes;
    bool complex_marked, feed_marked;
    uint64_t seq_floor; /* a new view starts here: above every number that was ever used */
    int64_t now_ms;
    struct kw_buf rows, body, gone, text; /* reused by every flush */
    size_t frames;
    char epoch[33];
    struct kw_metric *frames_total, *deltas_total, *slow_total, *views_gauge;
};

struct kw_push_client {
    struct kw_push *push;
    void *socket;
    struct subscription *subscriptions[KW_PUSH_SUBSCRIPTIONS];
    bool paused, slow, closed;
};

/* items.c */
void kw_items_init(struct items *items);
void kw_items_free(struct items *items);
struct item *kw_items_find(const struct items *items, struct kw_str id);
struct item *kw_items_need(struct items *items, struct kw_str id);
void kw_items_mark(struct items *items, struct item *item);
void kw_items_drop(struct items *items, struct item *item); /* its slot may be used again */
void kw_items_settle(struct items *items);                  /* after a flush: nothing is pending */
bool kw_item_was_shown(const struct item *item, const char *transaction);
void kw_item_show(struct item *item, const char *transaction);

/* view.c */
struct view *kw_view_need(struct kw_push *push,
                          const struct kw_push_subscribe *sub); /* NULL: too many */
void kw_view_free(struct kw_push *push, struct view *view);
bool kw_view_find_root(struct kw_push *push, struct view *view); /* false: its node is gone */
void kw_view_expire(struct kw_push *push);
void kw_view_attach(struct view *view, struct subscription *subscription);
void kw_view_detach(struct kw_push *push, struct subscription *subscription);
bool kw_view_shows_station(const struct view *view, const struct kw_station *station);
bool kw_view_shows_node(const struct view *view, const struct kw_node *node);
bool kw_view_is_of_events(const struct view *view);
bool kw_view_has(const struct view *view, const struct item *item);
void kw_view_set(struct view *view, const struct item *item, bool member);
void kw_view_store(struct view *view, struct kw_str body); /* the body of seq, into the ring */
bool kw_view_can_resume(const struct view *view, int64_t since_seq);

/* delta.c */
struct row_context kw_push_rows(const struct kw_push *push);
bool kw_delta_body(struct kw_push *push, struct view *view); /* into push->body; false: nothing */
kw_err kw_snapshot_body(struct kw_push *push, struct view *view); /* into push->body */

/* send.c */
void kw_send_all(struct kw_push *push, struct view *view, const char *op, struct kw_str body);
void kw_send_snapshot(struct subscription *subscription);
void kw_send_missed(struct subscription *subscription);  /* deltas behind sent_seq, from the ring */
void kw_send_resumed(struct subscription *subscription); /* `resumed` with sent_seq, then those */
void kw_send_error(struct subscription *subscription, const char *code);
void kw_send_again(struct kw_push_client *client);

#endif
