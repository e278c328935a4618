/* live_internal.h - The inside of the live feed's sockets, shared by live.c and live_request.c. */
#ifndef KW_APP_LIVE_INTERNAL_H
#define KW_APP_LIVE_INTERNAL_H

#include "app/live.h"
#include "serve/ws.h"

#define KW_LIVE_PROTOCOL "kw.live.v1"
#define KW_LIVE_QUEUE_BYTES (8u * 1024 * 1024) /* a snapshot of 25,000 stations */
#define KW_SLOW_MS 10000                       /* a full outbox that does not drain for so long */

enum kw_close_code { /* api.md */
                     KW_CLOSE_SESSION_ENDED = 4401,
                     KW_CLOSE_NOT_ALLOWED = 4403,
                     KW_CLOSE_TOO_SLOW = 4408,
                     KW_CLOSE_TOO_MANY = 4429,
};

struct kw_session { /* what live_open returned */
    int ref;        /* its table */
    char id[80], account_id[80];
    int64_t expires_at_ms; /* KW_NONE: not told */
};

struct kw_socket {
    struct kw_socket *next, **at;
    struct kw_live *live;
    struct kw_ws *ws;
    struct kw_push_client *client;
    struct kw_session session;
    int64_t slow_since_ms; /* 0: keeps up */
    int64_t window_ms;     /* requests are counted by the second */
    unsigned window_requests;
};

struct kw_live {
    struct kw_service *service;
    struct kw_socket *first;
    size_t count, most, most_of_account;
    int open_ref; /* service.live_open */
    struct kw_turn_job flush_job;
    struct kw_timer *tick, *second;
    int64_t tick_most_ms, beat_ms;
    int64_t changed_us; /* first change that was not told yet; 0: none */
    bool stopped;
    struct kw_metric *push_seconds, *opened, *refused, *too_slow, *bad_requests;
};

/* live_request.c: one message of a client. */
void kw_live_request(struct kw_socket *socket, struct kw_str message);

#endif
