/* view.c - Views: who belongs to them, what they have sent, what they still remember.
 *
 * A number is never used twice for different content: a view that is made again starts above every
 * number that any view ever had, so an old `since` cannot match by accident. */
#include <string.h>

#include "push/internal.h"

/* One document for everybody, or one owner's: no subtree narrows it. */
static bool has_subtree(enum kw_topic topic)
{
    return topic != KW_TOPIC_COMPLEX && topic != KW_TOPIC_FEED && topic != KW_TOPIC_COMMANDS;
}

bool kw_view_find_root(struct kw_push *push, struct view *view)
{
    view->root = NULL;
    if (view->root_id[0] != 0)
        view->root = kw_complex_node(push->complex, kw_str_of(view->root_id));
    return view->root_id[0] == 0 || view->root != NULL;
}

static struct view *idlest(struct kw_push *push)
{
    struct view *found = NULL;
    for (struct view *view = push->views; view != NULL; view = view->next) {
        if (view->first == NULL && (found == NULL || view->idle_since_ms < found->idle_since_ms))
            found = view;
    }
    return found;
}

struct view *kw_view_need(struct kw_push *push, const struct kw_push_subscribe *sub)
{
    struct kw_str key = sub->topic == KW_TOPIC_STATION    ? sub->station_id
                        : sub->topic == KW_TOPIC_COMMANDS ? sub->owner
                                                          : KW_STR("");
    struct kw_str root =
        sub->root != NULL && has_subtree(sub->topic) ? kw_str_of(sub->root->id) : KW_STR("");
    for (struct view *view = push->views; view != NULL; view = view->next) {
        if (view->topic == sub->topic && kw_str_eqc(root, view->root_id) &&
            kw_str_eqc(key, view->key))
            return view;
    }
    if (push->view_count >= KW_PUSH_VIEWS) {
        struct view *idle = idlest(push);
        if (idle == NULL)
            return NULL;
        kw_view_free(push, idle);
    }
    struct view *view = kw_zalloc(sizeof *view);
    view->topic = sub->topic;
    KW_IGNORE(
        kw_str_copy(key, view->key, sizeof view->key)); /* both fit: checked by their owners */
    KW_IGNORE(kw_str_copy(root, view->root_id, sizeof view->root_id));
    view->seq = push->seq_floor;
    view->ring_from = view->seq + 1;
    view->tree_version = kw_complex_tree_version(push->complex);
    view->idle_since_ms = push->now_ms;
    kw_buf_init(&view->events, KW_OUT_QUEUE_BYTES);
    view->next = push->views;
    push->views = view;
    push->view_count++;
    kw_metric_set(push->views_gauge, (int64_t)push->view_count);
    return view;
}

static void forget_ring(struct view *view)
{
    for (int i = 0; i < KW_PUSH_RING; i++) {
        kw_blob_unref(view->ring[i]);
        view->ring[i] = NULL;
    }
    view->ring_bytes = 0;
    view->ring_from = view->seq + 1;
}

void kw_view_free(struct kw_push *push, struct view *view)
{
    struct view **at = &push->views;
    KW_ASSERT(view->first == NULL);
    while (*at != view)
        at = &(*at)->next;
    *at = view->next;
    push->view_count--;
    kw_metric_set(push->views_gauge, (int64_t)push->view_count);
    if (view->seq >= push->seq_floor)
        push->seq_floor = view->seq + 1;
    forget_ring(view);
    kw_blob_unref(view->snapshot);
    kw_buf_free(&view->events);
    kw_free(view->members);
    kw_free(view);
}

void kw_view_expire(struct kw_push *push)
{
    struct view *next;
    for (struct view *view = push->views; view != NULL; view = next) {
        next = view->next;
        if (view->first == NULL && push->now_ms - view->idle_since_ms > KW_PUSH_LINGER_MS)
            kw_view_free(push, view);
    }
}

void kw_view_attach(struct view *view, struct subscription *subscription)
{
    struct subscription **at = &view->first;
    while (*at != NULL && (*at)->id < subscription->id)
        at = &(*at)->next;
    subscription->next = *at;
    *at = subscription;
    subscription->view = view;
}

void kw_view_detach(struct kw_push *push, struct subscription *subscription)
{
    struct view *view = subscription->view;
    struct subscription **at = &view->first;
    while (*at != subscription)
        at = &(*at)->next;
    *at = subscription->next;
    if (view->first == NULL)
        view->idle_since_ms = push->now_ms;
    kw_free(subscription);
}

/* --- membership --- */

bool kw_view_shows_station(const struct view *view, const struct kw_station *station)
{
    if (station == NULL || !station->registered)
        return false;
    if (view->topic == KW_TOPIC_STATION && strcmp(view->key, station->id) != 0)
        return false;
    return view->root == NULL ||
           (station->node != NULL && kw_node_contains(view->root, station->node));
}

bool kw_view_shows_node(const struct view *view, const struct kw_node *node)
{
    return node != NULL && (view->root == NULL || kw_node_contains(view->root, node));
}

bool kw_view_is_of_events(const struct view *view)
{
    return view->topic == KW_TOPIC_ALERTS || view->topic == KW_TOPIC_COMMANDS ||
           view->topic == KW_TOPIC_KEYS_UNKNOWN;
}

bool kw_view_has(const struct view *view, const struct item *item)
{
    size_t word = item->slot / 64;
    return word < view->member_words && (view->members[word] >> (item->slot % 64) & 1) != 0;
}

void kw_view_set(struct view *view, const struct item *item, bool member)
{
    size_t word = item->slot / 64;
    if (word >= view->member_words) {
        if (!member)
            return;
        size_t words = word * 2 + 8;
        view->members = kw_realloc(view->members, words * sizeof *view->members);
        memset(view->members + view->member_words, 0,
               (words - view->member_words) * sizeof *view->members);
        view->member_words = words;
    }
    uint64_t bit = (uint64_t)1 << (item->slot % 64);
    view->members[word] = member ? view->members[word] | bit : view->members[word] & ~bit;
}

/* --- the ring --- */

static void forget_oldest(struct view *view)
{
    struct kw_blob **slot = &view->ring[view->ring_from % KW_PUSH_RING];
    view->ring_bytes -= (*slot)->length_bytes;
    kw_blob_unref(*slot);
    *slot = NULL;
    view->ring_from++;
}

void kw_view_store(struct view *view, struct kw_str body)
{
    kw_blob_unref(view->snapshot);
    view->snapshot = NULL;
    if (body.len == 0 || body.len > KW_PUSH_RING_BYTES) {
        forget_ring(view); /* whoever missed this one gets a snapshot */
        return;
    }
    while (view->ring_from < view->seq && (view->seq - view->ring_from >= KW_PUSH_RING ||
                                           view->ring_bytes + body.len > KW_PUSH_RING_BYTES))
        forget_oldest(view);
    view->ring[view->seq % KW_PUSH_RING] = kw_blob_new(body.ptr, body.len);
    view->ring_bytes += body.len;
}

bool kw_view_can_resume(const struct view *view, int64_t since_seq)
{
    return since_seq >= 0 && (uint64_t)since_seq <= view->seq &&
           (uint64_t)since_seq + 1 >= view->ring_from;
}
