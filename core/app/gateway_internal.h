/* gateway_internal.h - The gateway's inside, for core/app/gateway*.c only.
 *
 *   gateway.c          assembly: listeners, start, stop
 *   gateway_accept.c   a handshake: identity, password, protocol, the second connection
 *   gateway_link.c     one station's connection: frames in arrival order, answers
 *   gateway_call.c     our calls to stations: one outstanding, deadline, late answers
 *   gateway_record.c   journal first, then Redis
 *   gateway_bind.c     `kw.gateway` for Lua
 *   gateway_control.c  the control API's listener, health, metrics */
#ifndef KW_APP_GATEWAY_INTERNAL_H
#define KW_APP_GATEWAY_INTERNAL_H

#include "app/gateway.h"
#include "app/lua_routes.h"
#include "app/site.h"
#include "base/limits.h"
#include "base/map.h"
#include "feed/writer.h"
#include "net/listener.h"
#include "net/tls.h"
#include "proto/ocpp_frame.h"
#include "serve/http_server.h"
#include "serve/ws.h"
#include "store/journal.h"

#define KW_LINK_QUEUE_MESSAGES 64          /* waiting calls of one station before reading pauses */
#define KW_LINK_QUEUE_BYTES (1024u * 1024) /* and their bytes */
#define KW_LINK_FAULTS_MAX 10              /* malformed frames of a connection, then it is closed */
#define KW_CALLS_WAITING_MAX 16            /* our calls behind the outstanding one */
#define KW_SECOND_WAIT_MS 2000             /* an old connection's time to show that it lives */
#define KW_GATEWAY_LINKS_MAX 20000
#define KW_BACKLOG_EVENTS \
    20000 /* events in memory for a Redis that is away; more stay in the journal */
#define KW_RECORD_BYTES_MAX (16u * 1024 * 1024) /* 1 MiB of tiny samples grows that much */
#define KW_BACKLOG_STEP 2000                    /* records read back at a time */
#define KW_BACKLOG_TICK_MS 200

/* Lua functions that C calls, in the order in which lua/ocpp/gateway.lua gives them. */
enum gateway_hook {
    HOOK_AUTHENTICATE,
    HOOK_CONNECTED,
    HOOK_DISCONNECTED,
    HOOK_MESSAGE,
    HOOK_COUNT
};

struct pending { /* a call of the station that waits for the one before it */
    struct pending *next;
    int64_t received_ms;
    size_t length;
    char text[];
};

struct out_call { /* a call of ours */
    struct out_call *next;
    struct link *link;
    struct kw_task_id task;
    bool sent, cancelled;
    int64_t timeout_ms;
    char id[KW_MESSAGE_ID_BYTES + 1];
    struct kw_buf frame;
};

/* One connection of one station. It lives until the socket is closed, nothing waits in its queue and no
 * task works for it. Lua holds `handle`, never the pointer. */
struct link {
    struct kw_gateway *gateway;
    uint32_t slot, round; /* handle = round << 32 | slot */
    struct kw_ws *ws;     /* NULL: closed */
    bool current;         /* this is the station's connection in the table */
    bool busy;            /* a task handles a message */
    bool pumping, paused, ending;
    char cs[KW_STATION_ID_BYTES + 1];
    char message_id[KW_MESSAGE_ID_BYTES + 1]; /* of the call being handled */
    bool is_account;                          /* that call is never answered with an error */
    int64_t began_us;
    const void *given; /* what the task that is being started gets; valid during its push only */
    struct pending *first, **last;
    size_t queued, queued_bytes;
    unsigned faults, next_id;
    struct out_call *calls, **last_call; /* the first is outstanding when sent */
    struct kw_timer *call_timer;
};

struct kw_gateway {
    struct kw_runtime *runtime;
    struct kw_site *site;
    struct kw_tls *tls;
    struct kw_listener *plain, *secure, *control;
    struct kw_http_server *stations, *control_server;
    struct kw_lua_routes *routes;
    struct kw_journal *journal;
    struct kw_event_writer *writer;
    struct kw_map *table; /* station id -> current link */
    struct link **slots;
    uint32_t slot_count;
    struct candidate *candidates; /* handshakes that are not decided yet */
    int hooks[HOOK_COUNT];
    bool hooked;
    unsigned commits_open; /* records on their way to the disk */
    bool journal_well, redis_up, redis_seen, stopping, stopped, writer_closed;
    uint64_t saved_confirmed;
    uint64_t synced;  /* last record on the disk */
    uint64_t refused; /* records that the disk did not take */
    uint64_t handed;  /* last record that the writer got; behind: the next ones are read back */
    bool behind;
    struct kw_timer *catch_up;
    struct kw_timer *housekeeping, *stop_timer;
    int64_t stop_before_ms;
    void (*on_stopped)(void *arg);
    void *stopped_arg;
    struct kw_metric *connections, *frames_in, *frames_out, *answer_seconds, *late_answers,
        *queue_paused, *calls_sent, *calls_timeout, *replaced, *rivals, *no_answer;
};

/* --- gateway_accept.c --- */
size_t gateway_no_body(const struct kw_http_head *head, void *arg);
void gateway_on_request(struct kw_exchange *exchange, void *arg);
void gateway_candidates_free(struct kw_gateway *gateway);

/* --- gateway_link.c --- */
struct link *gateway_link_new(struct kw_gateway *gateway, const char *cs); /* NULL: too many */
extern const struct kw_ws_events gateway_link_events;
struct link *gateway_link_by_handle(const struct kw_gateway *gateway, int64_t handle);
int64_t gateway_link_handle(const struct link *link);
/* The link becomes its station's connection; the one before it, if any, is closed as replaced. */
void gateway_link_enter(struct link *link, struct kw_ws *ws, const char *peer, bool is_tls,
                        int64_t profile);
void gateway_link_release(struct link *link); /* frees it when nothing needs it any more */
KW_MUST_USE kw_err gateway_link_send(struct link *link, const struct kw_buf *frame);
/* A fault by kind, counted; unknown kinds share "other". */
void gateway_count(struct kw_gateway *gateway, const char *kind);

/* --- gateway_call.c --- */
/* Suspends the Lua task: [-0, +n] see gateway_bind.c. KW_EFULL: too many wait. */
KW_MUST_USE kw_err gateway_call_start(struct link *link, struct kw_task_id task,
                                      struct kw_str action, struct kw_str payload,
                                      int64_t timeout_ms, struct out_call **out);
void gateway_call_cancelled(void *call);
void gateway_call_answered(struct link *link, const struct kw_ocpp_frame *frame);
void gateway_calls_closed(struct link *link);

/* --- gateway_record.c --- */
KW_MUST_USE kw_err gateway_record_open(struct kw_gateway *gateway, char *error, size_t error_size);
KW_MUST_USE kw_err gateway_record_replay(struct kw_gateway *gateway, char *error,
                                         size_t error_size);
void gateway_record_close(struct kw_gateway *gateway);
/* task NULL: nobody waits for it. */
KW_MUST_USE kw_err gateway_record_commit(struct kw_gateway *gateway, struct kw_str payload,
                                         const struct kw_task_id *task, void **out);
void gateway_record_cancelled(void *commit);
KW_MUST_USE kw_err gateway_record_checkpoint(struct kw_gateway *gateway, struct kw_str state,
                                             uint64_t sequence);

/* --- gateway_bind.c --- */
void gateway_bind(struct kw_gateway *gateway);

/* --- gateway_control.c --- */
KW_MUST_USE kw_err gateway_control_open(struct kw_gateway *gateway, char *error, size_t error_size);

#endif
