/* push.h - Who watches what: encode a change once, send the same bytes to many.
 *
 * A view is a topic x a subtree (its root node, or all). It has a sequence number, a ring of the
 * last 256 deltas, and subscribers. A snapshot is made per subscriber on demand. A delta's rows are encoded
 * once a view, and framed once for each subscription number in use (clients mostly choose the same). The
 * socket is the owner's: push hands out framed blobs through `send`. Wire shapes: docs/api.md. */
#ifndef KW_PUSH_PUSH_H
#define KW_PUSH_PUSH_H

#include "base/buf.h"
#include "base/metrics.h"
#include "model/complex.h"

struct kw_push;
struct kw_push_client;

enum kw_topic { KW_TOPIC_COMPLEX, KW_TOPIC_NODES, KW_TOPIC_STATIONS, KW_TOPIC_STATION, KW_TOPIC_TRANSACTIONS,
                KW_TOPIC_ALERTS, KW_TOPIC_COMMANDS, KW_TOPIC_KEYS_UNKNOWN, KW_TOPIC_FEED, KW_TOPIC_COUNT };
KW_MUST_USE kw_err kw_topic_of(struct kw_str name, enum kw_topic *out);
const char *kw_topic_name(enum kw_topic topic);

struct kw_push_hooks {
    /* Make a frame of one message (the owner knows WebSocket); a new reference. */
    struct kw_blob *(*frame)(struct kw_str text, void *arg);
    /* Send a frame to a client. KW_EFULL: it does not keep up: push marks it slow, sends no more, and
     * when kw_push_client_drained() is called sends fresh snapshots of its state topics. */
    kw_err (*send)(void *socket, struct kw_blob *frame, void *arg);
    /* Append the JSON object of a document topic (complex, feed). */
    void (*write_complex)(struct kw_buf *out, void *arg);
    void (*write_feed)(struct kw_buf *out, void *arg);
    /* Name of the driver of a key uid, "" if unknown; slice valid during the call. Optional. */
    struct kw_str (*driver_of)(struct kw_str key_uid, void *arg);
};

struct kw_push *kw_push_new(struct kw_complex *complex, const struct kw_push_hooks *hooks, void *arg,
                            struct kw_metrics *metrics);
void kw_push_free(struct kw_push *push);
const char *kw_push_epoch(const struct kw_push *push); /* random, per process */

/* {"op":"welcome",...} for a new client; server time now_ms. */
KW_MUST_USE kw_err kw_push_welcome(struct kw_push *push, int64_t now_ms, struct kw_buf *out);

struct kw_push_client *kw_push_client_new(struct kw_push *push, void *socket);
void kw_push_client_free(struct kw_push_client *client);

struct kw_push_subscribe {
    int64_t id;            /* client's number, 1..1,000,000 */
    enum kw_topic topic;
    struct kw_node *root;  /* subtree, NULL: all; already checked against the account's rights */
    struct kw_str station_id; /* KW_TOPIC_STATION */
    struct kw_str owner;   /* KW_TOPIC_COMMANDS: account id */
    struct kw_str since_epoch;
    int64_t since_seq;     /* KW_NONE: none */
};
/* Sends snapshot (or resumed + deltas). KW_EEXISTS: id in use; KW_EFULL: over 16 subscriptions. */
KW_MUST_USE kw_err kw_push_subscribe(struct kw_push_client *client, const struct kw_push_subscribe *sub);
KW_MUST_USE kw_err kw_push_unsubscribe(struct kw_push_client *client, int64_t id);
void kw_push_client_pause(struct kw_push_client *client);
void kw_push_client_resume(struct kw_push_client *client);   /* fresh snapshots */
void kw_push_client_drained(struct kw_push_client *client);

/* Changes, between ticks (cheap: marks only). */
void kw_push_station(struct kw_push *push, struct kw_station *station);
void kw_push_node(struct kw_push *push, struct kw_node *node);
void kw_push_gone(struct kw_push *push, struct kw_str id, bool is_node);
void kw_push_complex(struct kw_push *push);
void kw_push_feed(struct kw_push *push);
/* A ready JSON object for a document topic's subscribers (commands of `owner`, alerts). */
void kw_push_document(struct kw_push *push, enum kw_topic topic, struct kw_str owner, struct kw_str json);

/* Encode and send what is marked, one delta a view. Returns the number of frames sent. */
size_t kw_push_flush(struct kw_push *push, int64_t now_ms);
bool kw_push_pending(const struct kw_push *push);

/* The same row encoders serve REST and tests. */
void kw_push_write_station_row(struct kw_push *push, const struct kw_station *station, struct kw_buf *out);
void kw_push_write_node_row(struct kw_push *push, const struct kw_node *node, struct kw_buf *out);

#endif
