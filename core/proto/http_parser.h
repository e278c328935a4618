/* http_parser.h - HTTP/1.1 messages from bytes: llhttp in strict mode plus the checks it lacks.
 *
 * Bytes in, events out; no socket, no clock. Bounds are in base/limits.h. A message that is refused
 * is never half understood: the error carries the status to answer with, and the connection closes. */
#ifndef KW_PROTO_HTTP_PARSER_H
#define KW_PROTO_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct kw_http_parser;

enum kw_http_method {
    KW_HTTP_GET,
    KW_HTTP_HEAD,
    KW_HTTP_POST,
    KW_HTTP_PUT,
    KW_HTTP_PATCH,
    KW_HTTP_DELETE,
    KW_HTTP_OPTIONS,
};
const char *kw_http_method_name(enum kw_http_method method);

struct kw_http_header {
    struct kw_str name;  /* as sent; compare with kw_str_ieq */
    struct kw_str value; /* trimmed */
};

/* Head of a message; slices live until the next message begins (kw_http_parser_next). */
struct kw_http_head {
    enum kw_http_method method; /* requests */
    struct kw_str target;       /* origin-form; "*" only for OPTIONS */
    struct kw_str path, query;  /* target cut at '?'; path is not decoded */
    struct kw_str host;         /* checked */
    int status;                 /* responses */
    const struct kw_http_header *headers;
    size_t header_count;
    bool keep_alive;
    bool upgrade_websocket; /* GET with Connection: upgrade and Upgrade: websocket */
    bool has_body;
};
struct kw_str kw_http_header_get(const struct kw_http_head *head,
                                 const char *name); /* first; ptr NULL: absent */

struct kw_http_events {
    /* Head complete. Return the body limit in bytes for this message (0: default). */
    size_t (*on_head)(const struct kw_http_head *head, void *arg);
    void (*on_body)(struct kw_str piece, void *arg);
    void (*on_message)(
        void *arg); /* message complete; the parser pauses until kw_http_parser_next */
};

/* The client side reads response heads only: it is what a WebSocket dial needs (outbound HTTP is
 * libcurl's); on_message follows on_head at once and no body is read. */
enum kw_http_side {
    KW_HTTP_SERVER /* parses requests */,
    KW_HTTP_CLIENT /* parses response heads */
};

struct kw_http_parser *kw_http_parser_new(enum kw_http_side side,
                                          const struct kw_http_events *events, void *arg);
void kw_http_parser_free(struct kw_http_parser *parser);

struct kw_http_fault {
    int status;       /* 400 413 414 431 501 505 ... to answer with */
    const char *slug; /* "two-hosts", "bad-version", "smuggling", ... static, for metrics */
    const char *text; /* sentence, static */
};

/* Feed bytes. *used tells how many were taken: fewer than given after a complete message (feed the
 * rest after kw_http_parser_next) or after an upgrade head (the rest is WebSocket). Between a
 * message and kw_http_parser_next nothing is taken. The outcome never depends on how the bytes were
 * cut; trailers of a chunked body are dropped.
 * KW_EPROTO: *fault says why; the parser is dead. */
KW_MUST_USE kw_err kw_http_parser_feed(struct kw_http_parser *parser, const char *bytes,
                                       size_t length_bytes, size_t *used,
                                       struct kw_http_fault *fault);
void kw_http_parser_next(struct kw_http_parser *parser);
/* True between messages: a close here is in order. */
bool kw_http_parser_idle(const struct kw_http_parser *parser);

#endif
