/* push.h - Who watches what: encode a change once, send the same bytes to many.
 *
 * A view is a topic x a subtree (its root node, or all). It has a sequence number, a ring of its last
 * 256 deltas (at most KW_PUSH_RING_BYTES), and subscribers. Marks between two flushes only say what
 * changed: a station that changed ten times is encoded once, with its latest values, and its row
 * is shared by all views. A delta is framed once for each subscription number in use (clients mostly
 * choose the same). A view lives on for a minute after its last subscriber, so that a client which
 * lost its link finds its deltas. Only registered stations are shown.
 *
 * The socket is the owner's: push hands out framed blobs through `send`. Wire shapes: docs/api.md. */
#ifndef KW_PUSH_PUSH_H
#define KW_PUSH_PUSH_H

#include "base/buf.h"
#include "base/metrics.h"
#include "model/complex.h"

#define KW_PUSH_SUBSCRIPTIONS 16               /* of one client */
#define KW_PUSH_VIEWS 1024                     /* in all */
#define KW_PUSH_RING_BYTES (4u * 1024 * 1024)  /* deltas kept by one view */
#define KW_PUSH_TEXT_BYTES (64u * 1024 * 1024) /* one message */
#define KW_PUSH_LINGER_MS 60000                /* life of a view that nobody watches */
#define KW_PUSH_ID_MAX 1000000

struct kw_push;
struct kw_push_client;

enum kw_topic {
    KW_TOPIC_COMPLEX,
    KW_TOPIC_NODES,
    KW_TOPIC_STATIONS,
    KW_TOPIC_STATION,
    KW_TOPIC_TRANSACTIONS,
    KW_TOPIC_ALERTS,
    KW_TOPIC_COMMANDS,
    KW_TOPIC_KEYS_UNKNOWN,
    KW_TOPIC_FEED,
    KW_TOPIC_COUNT
};
KW_MUST_USE kw_err kw_topic_of(struct kw_str name, enum kw_topic *out);
const char *kw_topic_name(enum kw_topic topic);

struct kw_push_hooks {
    /* Make a frame of one message (the owner knows WebSocket); a new reference, never NULL. */
    struct kw_blob *(*frame)(struct kw_str text, void *arg);
    /* Send a frame to a client; the reference stays push's. KW_EFULL: it does not keep up: push marks it
     * slow and sends no more; kw_push_client_drained() then sends fresh snapshots (topics of events:
     * what was missed, while the ring has it). Any other error: nothing is sent to it again. May not
     * call back into push. */
    kw_err (*send)(void *socket, struct kw_blob *frame, void *arg);
    /* Append the JSON object of a document topic (complex, feed), at most a few kilobytes. */
    void (*write_complex)(struct kw_buf *out, void *arg);
    void (*write_feed)(struct kw_buf *out, void *arg);
    /* Name of the driver of a key uid, "" if unknown; slice valid during the call. Optional. */
    struct kw_str (*driver_of)(struct kw_str key_uid, void *arg);
};

/* Owner: caller, until kw_push_free(), which every client must precede. `hooks` is copied. */
struct kw_push *kw_push_new(struct kw_complex *complex, const struct kw_push_hooks *hooks,
                            void *arg, struct kw_metrics *metrics);
void kw_push_free(struct kw_push *push);
const char *kw_push_epoch(const struct kw_push *push); /* random, per process */

/* {"op":"welcome",...} for a new client; server time now_ms. */
KW_MUST_USE kw_err kw_push_welcome(struct kw_push *push, int64_t now_ms, struct kw_buf *out);

struct kw_push_client *kw_push_client_new(struct kw_push *push, void *socket);
void kw_push_client_free(struct kw_push_client *client);

struct kw_push_subscribe {
    int64_t id; /* client's number, 1..1,000,000 */
    enum kw_topic topic;
    /* Subtree, NULL: all; already checked against the account's rights. complex, feed and commands have
     * none: it is not looked at. */
    struct kw_node *root;
    struct kw_str station_id; /* KW_TOPIC_STATION */
    struct kw_str owner;      /* KW_TOPIC_COMMANDS: account id */
    struct kw_str since_epoch;
    int64_t since_seq; /* KW_NONE: none */
};
/* Sends a snapshot; or `resumed` with the client's own seq, then the deltas behind it. The snapshot of a
 * topic of events (alerts, commands, keys.unknown) is empty: REST has what was before. KW_EINVALID: id
 * out of range, or no station or owner where the topic needs one; KW_EEXISTS: id in use; KW_EFULL: over
 * KW_PUSH_SUBSCRIPTIONS; KW_EBUSY: over KW_PUSH_VIEWS. */
KW_MUST_USE kw_err kw_push_subscribe(struct kw_push_client *client,
                                     const struct kw_push_subscribe *sub);
KW_MUST_USE kw_err kw_push_unsubscribe(struct kw_push_client *client, int64_t id);
void kw_push_client_pause(struct kw_push_client *client);  /* nothing is sent until resume */
void kw_push_client_resume(struct kw_push_client *client); /* fresh snapshots */
void kw_push_client_drained(struct kw_push_client *client);

/* Changes, between ticks (cheap: marks only; nothing at all while there is no view). What is gone may be
 * freed: push keeps no pointer into the model between calls. */
void kw_push_station(struct kw_push *push, struct kw_station *station);
void kw_push_node(struct kw_push *push, struct kw_node *node);
void kw_push_gone(struct kw_push *push, struct kw_str id, bool is_node);
void kw_push_complex(struct kw_push *push);
void kw_push_feed(struct kw_push *push);
/* A ready JSON object for the subscribers of a topic of events: commands of `owner`; alerts and
 * keys.unknown go to views without a subtree only. */
void kw_push_document(struct kw_push *push, enum kw_topic topic, struct kw_str owner,
                      struct kw_str json);

/* Encode and send what is marked, one delta a view. Returns the number of frames sent. A view whose root
 * node is gone ends: {"op":"error","id":1,"code":"not-found"}. */
size_t kw_push_flush(struct kw_push *push, int64_t now_ms);
bool kw_push_pending(const struct kw_push *push);

/* The same row encoders serve REST and tests. A full `out` is left as it is (see its limit). */
void kw_push_write_station_row(struct kw_push *push, const struct kw_station *station,
                               struct kw_buf *out);
void kw_push_write_node_row(struct kw_push *push, const struct kw_node *node, struct kw_buf *out);

#endif
