/* http_parser.c - Head collected whole, checked by us, then given to llhttp; bodies flow through
 * llhttp.
 *
 * Collecting the head first (it is bounded) makes every slice contiguous and lets us see what llhttp
 * hides: spaces of the request line, bare line feeds, the exact version. */
#include "proto/http_parser.h"

#include <string.h>

#include <llhttp.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "proto/http_checks.h"

enum phase { READ_HEAD, READ_BODY, MESSAGE_DONE, DEAD };

#define EMPTY_LINES_MAX 4 /* RFC 9112 2.2 asks for one */

struct kw_http_parser {
    llhttp_t llhttp;
    llhttp_settings_t settings;
    enum kw_http_side side;
    enum phase phase;
    const struct kw_http_events *events;
    void *arg;
    struct kw_buf head_bytes;
    struct kw_http_head head;
    struct kw_http_header headers[KW_HTTP_HEADERS];
    size_t line_at;       /* where the line begins that is being collected */
    unsigned empty_lines; /* before the request line */
    bool head_taken;      /* what llhttp calls a header from here on is a trailer */
    size_t body_limit, body_bytes;
    size_t wire_bytes; /* of the body with its chunk framing and trailers */
    struct kw_http_fault fault;
};

const char *kw_http_method_name(enum kw_http_method method)
{
    static const char *const names[] = {
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"
    };
    return names[method];
}

struct kw_str kw_http_header_get(const struct kw_http_head *head, const char *name)
{
    struct kw_str wanted = kw_str_of(name);
    for (size_t i = 0; i < head->header_count; i++) {
        if (kw_str_ieq(head->headers[i].name, wanted))
            return head->headers[i].value;
    }
    return KW_STR_NONE;
}

static kw_err refuse(struct kw_http_parser *parser, int status, const char *slug, const char *text,
                     struct kw_http_fault *fault)
{
    parser->phase = DEAD;
    parser->fault = (struct kw_http_fault){ status, slug, text };
    *fault = parser->fault;
    return KW_EPROTO;
}

/* --- llhttp callbacks: only the body and the end are taken from it --- */

static int on_field(llhttp_t *llhttp, const char *at, size_t length)
{
    struct kw_http_parser *parser = llhttp->data;
    struct kw_http_header *header = &parser->headers[parser->head.header_count];
    if (parser->head_taken)
        return 0; /* trailers are dropped: nobody may add a field after the checks */
    if (parser->head.header_count > 0 && header[-1].value.ptr == NULL) {
        header[-1].name.len += length; /* next piece of the same name */
        return 0;
    }
    if (parser->head.header_count == KW_HTTP_HEADERS) {
        parser->fault =
            (struct kw_http_fault){ 431, "too-many-headers", "More than 64 header fields." };
        return -1;
    }
    *header = (struct kw_http_header){ { at, length }, { NULL, 0 } };
    parser->head.header_count++;
    return 0;
}

static int on_value(llhttp_t *llhttp, const char *at, size_t length)
{
    struct kw_http_parser *parser = llhttp->data;
    struct kw_http_header *header = &parser->headers[parser->head.header_count - 1];
    if (parser->head_taken)
        return 0;
    if (header->value.ptr == NULL)
        header->value = kw_str_n(at, length);
    else
        header->value.len = (size_t)(at + length - header->value.ptr);
    return 0;
}

static int on_value_complete(llhttp_t *llhttp)
{
    struct kw_http_parser *parser = llhttp->data;
    struct kw_http_header *header = &parser->headers[parser->head.header_count - 1];
    if (parser->head_taken)
        return 0;
    if (header->value.ptr == NULL)
        header->value = KW_STR("");
    header->value = kw_str_trim(header->value);
    return 0;
}

static int on_headers_complete(llhttp_t *llhttp)
{
    struct kw_http_parser *parser = llhttp->data;
    struct kw_http_head *head = &parser->head;
    parser->head_taken = true;
    head->headers = parser->headers;
    head->keep_alive = llhttp_should_keep_alive(llhttp) != 0;
    head->status = llhttp->status_code;
    head->has_body = (llhttp->flags & F_CHUNKED) != 0 ||
                     ((llhttp->flags & F_CONTENT_LENGTH) != 0 && llhttp->content_length > 0);
    if (parser->side == KW_HTTP_SERVER &&
        !kw_http_check_fields(head, llhttp->http_major == 1 && llhttp->http_minor == 0,
                              llhttp->upgrade != 0, &parser->fault))
        return -1;
    size_t limit = parser->events->on_head != NULL ? parser->events->on_head(head, parser->arg) : 0;
    parser->body_limit = limit > 0 ? limit : KW_HTTP_BODY_BYTES;
    bool none_allowed = parser->body_limit == (size_t)-1;
    if (head->has_body && (none_allowed || ((llhttp->flags & F_CONTENT_LENGTH) != 0 &&
                                            llhttp->content_length > parser->body_limit))) {
        parser->fault = (struct kw_http_fault){ 413, "body-too-large",
                                                "The body is larger than this resource takes." };
        return -1;
    }
    return parser->side == KW_HTTP_CLIENT ? 1 : 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t length)
{
    struct kw_http_parser *parser = llhttp->data;
    if (length > parser->body_limit - parser->body_bytes) {
        parser->fault = (struct kw_http_fault){ 413, "body-too-large",
                                                "The body is larger than this resource takes." };
        return -1;
    }
    parser->body_bytes += length;
    if (parser->events->on_body != NULL)
        parser->events->on_body(kw_str_n(at, length), parser->arg);
    return 0;
}

static int on_message_complete(llhttp_t *llhttp)
{
    struct kw_http_parser *parser = llhttp->data;
    parser->phase = MESSAGE_DONE;
    return HPE_PAUSED;
}

struct kw_http_parser *kw_http_parser_new(enum kw_http_side side,
                                          const struct kw_http_events *events, void *arg)
{
    struct kw_http_parser *parser = kw_zalloc(sizeof *parser);
    parser->side = side;
    parser->events = events;
    parser->arg = arg;
    kw_buf_init(&parser->head_bytes, KW_HTTP_HEAD_BYTES);
    llhttp_settings_init(&parser->settings);
    parser->settings.on_header_field = on_field;
    parser->settings.on_header_value = on_value;
    parser->settings.on_header_value_complete = on_value_complete;
    parser->settings.on_headers_complete = on_headers_complete;
    parser->settings.on_body = on_body;
    parser->settings.on_message_complete = on_message_complete;
    return parser;
}

void kw_http_parser_free(struct kw_http_parser *parser)
{
    if (parser == NULL)
        return;
    kw_buf_free(&parser->head_bytes);
    kw_free(parser);
}

void kw_http_parser_next(struct kw_http_parser *parser)
{
    KW_ASSERT(parser->phase == MESSAGE_DONE);
    kw_buf_clear(&parser->head_bytes);
    if (parser->head_bytes.capacity > 4096)
        kw_buf_free(&parser->head_bytes); /* an idle connection stays small */
    parser->line_at = 0;
    parser->empty_lines = 0;
    parser->phase = READ_HEAD;
}

bool kw_http_parser_idle(const struct kw_http_parser *parser)
{
    return parser->phase == READ_HEAD && kw_buf_len(&parser->head_bytes) == 0;
}

static kw_err fault_of_llhttp(struct kw_http_parser *parser, llhttp_errno_t code,
                              struct kw_http_fault *fault)
{
    if (parser->fault.slug != NULL)
        return refuse(parser, parser->fault.status, parser->fault.slug, parser->fault.text, fault);
    switch (code) {
    case HPE_INVALID_METHOD:
        return refuse(parser, 501, "bad-method", "The method is unknown here.", fault);
    case HPE_INVALID_VERSION:
        return refuse(parser, 505, "bad-version", "Only HTTP/1.0 and HTTP/1.1 are spoken here.",
                      fault);
    case HPE_UNEXPECTED_CONTENT_LENGTH:
    case HPE_INVALID_CONTENT_LENGTH:
        return refuse(parser, 400, "bad-length",
                      "Content-Length is malformed, repeated, or beside Transfer-Encoding.", fault);
    case HPE_INVALID_TRANSFER_ENCODING:
    case HPE_INVALID_CHUNK_SIZE:
        return refuse(parser, 400, "bad-chunk", "The chunked body is malformed.", fault);
    default:
        return refuse(parser, 400, "malformed", "The message is not valid HTTP.", fault);
    }
}

static kw_err run_llhttp(struct kw_http_parser *parser, const char *bytes, size_t length,
                         size_t *used, struct kw_http_fault *fault)
{
    llhttp_errno_t code = llhttp_execute(&parser->llhttp, bytes, length);
    *used = length;
    if (code == HPE_OK)
        return KW_OK;
    if (code == HPE_PAUSED || code == HPE_PAUSED_UPGRADE) {
        *used = (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes);
        parser->phase = MESSAGE_DONE;
        return KW_OK;
    }
    return fault_of_llhttp(parser, code, fault);
}

static kw_err head_complete(struct kw_http_parser *parser, struct kw_http_fault *fault)
{
    struct kw_str bytes = kw_buf_str(&parser->head_bytes);
    size_t used;
    memset(&parser->head, 0, sizeof parser->head);
    parser->fault = (struct kw_http_fault){ 0, NULL, NULL };
    parser->body_bytes = 0;
    parser->wire_bytes = 0;
    parser->head_taken = false;
    if (parser->side == KW_HTTP_SERVER && !kw_http_check_line(bytes, &parser->head, fault)) {
        parser->phase = DEAD;
        return KW_EPROTO;
    }
    llhttp_init(&parser->llhttp, parser->side == KW_HTTP_SERVER ? HTTP_REQUEST : HTTP_RESPONSE,
                &parser->settings);
    parser->llhttp.data = parser;
    parser->phase = READ_BODY;
    kw_err err = run_llhttp(parser, bytes.ptr, bytes.len, &used, fault);
    if (err == KW_OK && parser->side == KW_HTTP_CLIENT)
        parser->phase = MESSAGE_DONE;
    return err;
}

/* One whole line is in the buffer. */
static kw_err check_head_line(struct kw_http_parser *parser, struct kw_http_fault *fault)
{
    struct kw_str head = kw_buf_str(&parser->head_bytes);
    struct kw_str line = kw_str_n(head.ptr + parser->line_at, head.len - parser->line_at);
    if (line.len < 2 || line.ptr[line.len - 2] != '\r')
        return refuse(parser, 400, "bare-lf", "A line ends without carriage return.", fault);
    if (parser->line_at > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
        return refuse(parser, 400, "folded-header", "A header is folded over lines.", fault);
    if (parser->line_at > 0 && line.ptr[0] == ':')
        return refuse(parser, 400, "bad-header", "A header has no name.", fault);
    if (head.len == 2) { /* RFC 9112 2.2: empty lines before a request line */
        if (++parser->empty_lines > EMPTY_LINES_MAX)
            return refuse(parser, 400, "bad-line", "Too many empty lines before the message.",
                          fault);
        kw_buf_clear(&parser->head_bytes);
        return KW_OK;
    }
    parser->line_at = head.len;
    return line.len == 2 ? head_complete(parser, fault) : KW_OK;
}

/* Take head bytes up to and including the empty line. Every check looks at whole lines or at the
 * count of bytes, so that the outcome does not depend on how the bytes were cut. */
static kw_err feed_head(struct kw_http_parser *parser, const char *bytes, size_t length,
                        size_t *used, struct kw_http_fault *fault)
{
    *used = 0;
    while (parser->phase == READ_HEAD && *used < length) {
        const char *line_end = memchr(bytes + *used, '\n', length - *used);
        size_t part = line_end != NULL ? (size_t)(line_end + 1 - bytes) - *used : length - *used;
        kw_err err = kw_buf_append(&parser->head_bytes, bytes + *used, part);
        if (err == KW_ENOMEM)
            return refuse(parser, 503, "no-memory", "Out of memory.", fault);
        if (err != KW_OK && parser->line_at == 0)
            return refuse(parser, 414, "target-too-long", "The request line is over 16 KiB.",
                          fault);
        if (err != KW_OK)
            return refuse(parser, 431, "head-too-large",
                          "The request line and headers are larger than 16 KiB.", fault);
        *used += part;
        err = line_end != NULL ? check_head_line(parser, fault) : KW_OK;
        if (err != KW_OK)
            return err;
    }
    return KW_OK;
}

/* A body through llhttp. What is not payload (chunk sizes, extensions, trailers) is bounded too. */
static kw_err feed_body(struct kw_http_parser *parser, const char *bytes, size_t length,
                        size_t *used, struct kw_http_fault *fault)
{
    kw_err err = run_llhttp(parser, bytes, length, used, fault);
    parser->wire_bytes += *used;
    if (err == KW_OK &&
        parser->wire_bytes - parser->body_bytes > parser->body_limit + KW_HTTP_HEAD_BYTES)
        return refuse(parser, 413, "body-too-large", "The chunk framing is larger than any body.",
                      fault);
    return err;
}

kw_err kw_http_parser_feed(struct kw_http_parser *parser, const char *bytes, size_t length_bytes,
                           size_t *used, struct kw_http_fault *fault)
{
    size_t part = 0;
    kw_err err = KW_OK;
    *used = 0;
    if (parser->phase == MESSAGE_DONE)
        return KW_OK; /* paused: not a byte is taken before kw_http_parser_next */
    while (err == KW_OK && *used < length_bytes &&
           (parser->phase == READ_HEAD || parser->phase == READ_BODY)) {
        err = parser->phase == READ_HEAD
                  ? feed_head(parser, bytes + *used, length_bytes - *used, &part, fault)
                  : feed_body(parser, bytes + *used, length_bytes - *used, &part, fault);
        *used += part;
    }
    if (parser->phase == DEAD) {
        *fault = parser->fault.slug != NULL ? parser->fault : *fault;
        return KW_EPROTO;
    }
    if (err == KW_OK && parser->phase == MESSAGE_DONE && parser->events->on_message != NULL)
        parser->events->on_message(parser->arg);
    return err;
}
