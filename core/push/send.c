/* send.c - Bodies to frames, frames to clients.
 *
 * Subscribers of a view stand in the order of their subscription numbers, and clients mostly choose
 * the same ones: a frame is made when the number changes and shared until it changes again. */
#include <string.h>

#include "push/internal.h"

static struct kw_blob *frame_of(struct kw_push *push, const char *op, int64_t id,
                                struct kw_str body)
{
    char head[64], number[21];
    size_t length = 0, op_length = strlen(op), digits = kw_i64_to_text(id, number);
    memcpy(head, "{\"op\":\"", 7);
    length = 7;
    memcpy(head + length, op, op_length); /* one of ours: at most 8 letters */
    length += op_length;
    memcpy(head + length, "\",\"id\":", 7);
    length += 7;
    memcpy(head + length, number, digits);
    length += digits;
    memcpy(head + length, ",\"seq\":", 7);
    length += 7;
    kw_buf_clear(&push->text);
    if (kw_buf_append(&push->text, head, length) != KW_OK ||
        kw_buf_append(&push->text, body.ptr, body.len) != KW_OK)
        return NULL;
    return push->hooks.frame(kw_buf_str(&push->text), push->arg);
}

static bool listens(const struct kw_push_client *client)
{
    return !client->paused && !client->slow && !client->closed;
}

static void give(struct subscription *subscription, struct kw_blob *frame, uint64_t seq)
{
    struct kw_push_client *client = subscription->client;
    struct kw_push *push = client->push;
    kw_err err = push->hooks.send(client->socket, frame, push->arg);
    if (err == KW_OK) {
        subscription->sent_seq = seq;
        push->frames++;
        kw_metric_add(push->frames_total, 1);
    } else if (err == KW_EFULL) {
        client->slow = true;
        kw_metric_add(push->slow_total, 1);
    } else {
        client->closed = true;
    }
}

void kw_send_all(struct kw_push *push, struct view *view, const char *op, struct kw_str body)
{
    struct kw_blob *frame = NULL;
    int64_t frame_id = 0;
    for (struct subscription *at = view->first; at != NULL; at = at->next) {
        if (!listens(at->client))
            continue;
        if (frame == NULL || frame_id != at->id) {
            kw_blob_unref(frame);
            frame = frame_of(push, op, at->id, body);
            frame_id = at->id;
            if (frame == NULL)
                return;
        }
        give(at, frame, view->seq);
    }
    kw_blob_unref(frame);
}

void kw_send_error(struct subscription *subscription, const char *code)
{
    struct kw_push *push = subscription->client->push;
    kw_buf_clear(&push->text);
    if (!listens(subscription->client) ||
        kw_buf_printf(&push->text, "{\"op\":\"error\",\"id\":%lld,\"code\":\"%s\"}",
                      (long long)subscription->id, code) != KW_OK)
        return;
    struct kw_blob *frame = push->hooks.frame(kw_buf_str(&push->text), push->arg);
    give(subscription, frame, subscription->sent_seq);
    kw_blob_unref(frame);
}

/* Many clients that come at once (a link came back) share one encoding: what changes meanwhile is in
 * the next delta anyway. Documents are short and may differ each time: they are written anew. */
void kw_send_snapshot(struct subscription *subscription)
{
    struct view *view = subscription->view;
    struct kw_push *push = subscription->client->push;
    bool document = view->topic == KW_TOPIC_COMPLEX || view->topic == KW_TOPIC_FEED;
    if (!listens(subscription->client))
        return;
    if (!kw_view_find_root(push, view))
        return; /* its node is gone: the next flush ends it */
    if (view->snapshot == NULL || document) {
        if (kw_snapshot_body(push, view) != KW_OK) {
            kw_send_error(subscription, "busy");
            return;
        }
        kw_blob_unref(view->snapshot);
        view->snapshot = kw_blob_new(kw_buf_ptr(&push->body), kw_buf_len(&push->body));
    }
    struct kw_blob *frame = frame_of(push, "snapshot", subscription->id,
                                     kw_str_n(view->snapshot->bytes, view->snapshot->length_bytes));
    if (frame == NULL)
        kw_send_error(subscription, "busy");
    else
        give(subscription, frame, view->seq);
    kw_blob_unref(frame);
}

void kw_send_missed(struct subscription *subscription)
{
    struct view *view = subscription->view;
    struct kw_push *push = subscription->client->push;
    for (uint64_t seq = subscription->sent_seq + 1;
         seq <= view->seq && listens(subscription->client); seq++) {
        const struct kw_blob *body = view->ring[seq % KW_PUSH_RING];
        struct kw_blob *frame =
            frame_of(push, "delta", subscription->id, kw_str_n(body->bytes, body->length_bytes));
        if (frame != NULL)
            give(subscription, frame, seq);
        kw_blob_unref(frame);
    }
}

void kw_send_resumed(struct subscription *subscription)
{
    char body[32];
    size_t length = kw_i64_to_text((int64_t)subscription->sent_seq, body);
    body[length++] = '}';
    if (!listens(subscription->client))
        return;
    struct kw_blob *frame =
        frame_of(subscription->client->push, "resumed", subscription->id, kw_str_n(body, length));
    if (frame == NULL)
        return;
    give(subscription, frame, subscription->sent_seq);
    kw_blob_unref(frame);
    kw_send_missed(subscription);
}

void kw_send_again(struct kw_push_client *client)
{
    for (size_t i = 0; i < KW_PUSH_SUBSCRIPTIONS; i++) {
        struct subscription *subscription = client->subscriptions[i];
        if (subscription == NULL || !listens(client))
            continue;
        const struct view *view = subscription->view;
        if (kw_view_is_of_events(view) && kw_view_can_resume(view, (int64_t)subscription->sent_seq))
            kw_send_missed(subscription);
        else
            kw_send_snapshot(subscription);
    }
}
