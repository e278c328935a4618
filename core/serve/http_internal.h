/* http_internal.h - What the parts of the HTTP server share; nobody outside serve/ includes it.
 *
 * http_server.c owns connections, reading and time; exchange.c is what a handler sees and how an
 * answer is written; http_status.c is the table of reasons. */
#ifndef KW_SERVE_HTTP_INTERNAL_H
#define KW_SERVE_HTTP_INTERNAL_H

#include <time.h>

#include "base/buf.h"
#include "net/loop.h"
#include "serve/http_server.h"
#include "serve/ws_internal.h"

#define KW_HTTP_EXTRA_BYTES 16384 /* header lines of one answer that a handler may add */

/* Where a connection stands; each phase but BUSY has a time by which it must end. */
enum kw_http_phase { KW_PHASE_HEAD, KW_PHASE_BODY, KW_PHASE_BUSY, KW_PHASE_IDLE, KW_PHASE_ENDING };

/* One connection and the one request that is open on it. It outlives the socket while a handler
 * still owes the answer. */
struct kw_exchange {
    struct kw_http_server *server;
    struct kw_exchange *next, **at; /* server's list */
    struct kw_conn *conn;           /* NULL: gone, or handed to a WebSocket */
    struct kw_http_parser *parser;
    const struct kw_http_head *head;
    struct kw_buf body;
    struct kw_buf waiting; /* bytes behind the open request */
    struct kw_buf extra;   /* header lines of the answer */
    struct kw_turn_job resume_job;
    void (*on_gone)(void *arg);
    void *gone_arg;
    struct kw_ws *session; /* upgraded: the exchange is over */
    int64_t deadline_ms;
    enum kw_http_phase phase;
    bool open;        /* a handler owes an answer */
    bool complete;    /* the parser has a whole request */
    bool in_feed;     /* feed() is running: it goes on by itself after an answer */
    bool in_body;     /* head done, body not */
    bool close_after; /* this answer is the last */
    bool extra_full;  /* a header line did not fit */
    bool is_tls;
    uint64_t number; /* of the request; the id is made of it when somebody asks */
    char peer[48], id[17];
};

struct kw_http_server {
    struct kw_loop *loop;
    struct kw_http_server_options options;
    const struct kw_http_handlers *handlers;
    void *arg;
    struct kw_exchange *connections;
    struct kw_ws_home home; /* WebSocket sessions */
    struct kw_timer *sweep; /* runs while there are connections */
    int64_t sweep_ms;
    bool draining;
    void (*on_drained)(void *arg);
    void *drained_arg;
    struct kw_turn_job drained_job;
    struct kw_timer *grace;
    struct kw_metric *requests[6], *bytes_in, *bytes_out, *sessions_open;
    int64_t date_checked_ms;
    time_t date_second;
    char date[48]; /* "Date: ...\r\n" */
    size_t date_bytes;
    uint64_t next_number;
};

/* "HTTP/1.1 200 OK\r\n"; unknown statuses get a plain reason. Static. */
struct kw_str kw_http_status_line(int status);
struct kw_str kw_http_reason(int status);

/* The answer is written, or had no reader: make ready for the next request, or end. */
void kw_exchange_answered(struct kw_exchange *exchange);
void kw_exchange_free(struct kw_exchange *exchange);
/* Answer on behalf of nobody's handler: a parser's fault, a time-out. The last on this connection. */
void kw_exchange_refuse(struct kw_exchange *exchange, int status, const char *slug,
                        const char *text);

#endif
