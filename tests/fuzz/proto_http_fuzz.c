/* proto_http_fuzz.c - HTTP messages: the same events and the same refusal however the bytes are cut. */
#include "fuzz.h"

#include "base/limits.h"
#include "proto/http_parser.h"

#define BODY_LIMIT 1000

struct run {
    struct digest digest;
    size_t body_bytes;
};

static size_t on_head(const struct kw_http_head *head, void *arg)
{
    struct run *run = arg;
    run->body_bytes = 0;
    MUST(head->header_count <= KW_HTTP_HEADERS && head->target.len <= KW_HTTP_TARGET_BYTES);
    digest_number(&run->digest, (uint64_t)head->method * 1000 + (uint64_t)head->status);
    digest_number(&run->digest, (uint64_t)head->keep_alive * 2 + head->upgrade_websocket);
    digest_add(&run->digest, head->target.ptr, head->target.len);
    digest_add(&run->digest, head->path.ptr, head->path.len);
    digest_add(&run->digest, head->host.ptr, head->host.len);
    for (size_t i = 0; i < head->header_count; i++) {
        MUST(head->headers[i].name.len > 0 || head->status > 0);
        digest_add(&run->digest, head->headers[i].name.ptr, head->headers[i].name.len);
        digest_add(&run->digest, head->headers[i].value.ptr, head->headers[i].value.len);
    }
    return BODY_LIMIT;
}

static void on_body(struct kw_str piece, void *arg)
{
    struct run *run = arg;
    run->body_bytes += piece.len;
    MUST(run->body_bytes <= BODY_LIMIT);
    for (size_t i = 0; i < piece.len; i++) /* pieces differ, their sum does not */
        run->digest.value = (run->digest.value ^ (unsigned char)piece.ptr[i]) * 1099511628211u;
}

static void on_message(void *arg)
{
    digest_number(&((struct run *)arg)->digest, 77);
}

static uint64_t parse(enum kw_http_side side, const uint8_t *data, size_t size, size_t step)
{
    static const struct kw_http_events events = { on_head, on_body, on_message };
    struct run run = { { 1469598103934665603u }, 0 };
    struct kw_http_parser *parser = kw_http_parser_new(side, &events, &run);
    size_t at = 0, idle = 0;
    while (at < size) {
        struct kw_http_fault fault = { 0, NULL, NULL };
        size_t used = 0, part = step < size - at ? step : size - at;
        char *copy = exact_copy(data + at, part);
        kw_err err = kw_http_parser_feed(parser, copy, part, &used, &fault);
        free(copy);
        MUST(used <= part);
        if (err != KW_OK) {
            MUST(fault.status >= 400 && fault.status <= 505 && fault.slug != NULL);
            digest_add(&run.digest, fault.slug, strlen(fault.slug));
            break;
        }
        at += used;
        idle = used == 0 ? idle + 1 : 0;
        MUST(idle < 3);
        if (used < part) {
            if (side == KW_HTTP_CLIENT)
                break;
            kw_http_parser_next(parser);
        }
    }
    kw_http_parser_free(parser);
    return run.digest.value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = parse(KW_HTTP_SERVER, data, size, size > 0 ? size : 1);
    MUST(parse(KW_HTTP_SERVER, data, size, 1) == whole);
    MUST(parse(KW_HTTP_SERVER, data, size, 7) == whole);
    whole = parse(KW_HTTP_CLIENT, data, size, size > 0 ? size : 1);
    MUST(parse(KW_HTTP_CLIENT, data, size, 3) == whole);
    return 0;
}
