/* feed_redis_reply_fuzz.c - RESP2 bytes on the arena: the same replies however cut, within the limit. */
#include "fuzz.h"

#include "feed/redis_reply.h"

#define LIMIT 20000

static void walk(struct digest *digest, const struct kw_reply *reply, unsigned depth)
{
    MUST(depth < 16);
    digest_number(digest, reply->type);
    switch (reply->type) {
    case KW_REPLY_NIL:
        break;
    case KW_REPLY_INT:
        digest_number(digest, (uint64_t)reply->number);
        break;
    case KW_REPLY_ARRAY:
        for (size_t i = 0; i < reply->count; i++)
            walk(digest, reply->items[i], depth + 1);
        break;
    case KW_REPLY_TEXT:
    case KW_REPLY_STATUS:
    case KW_REPLY_ERROR:
        MUST(reply->text.len <= LIMIT);
        digest_add(digest, reply->text.ptr, reply->text.len);
        break;
    }
}

static uint64_t parse(const uint8_t *data, size_t size, size_t step)
{
    struct digest digest = { 1469598103934665603u };
    struct kw_reply_reader *reader = kw_reply_reader_new(LIMIT);
    kw_err err = KW_OK;
    for (size_t at = 0; at < size && err == KW_OK; at += step) {
        size_t part = step < size - at ? step : size - at;
        const struct kw_reply *reply;
        char *copy = exact_copy(data + at, part);
        err = kw_reply_reader_feed(reader, copy, part);
        free(copy);
        while (err == KW_OK) {
            err = kw_reply_reader_next(reader, &reply);
            if (err == KW_OK) {
                walk(&digest, reply, 0);
                kw_reply_reader_done(reader);
            }
        }
        if (err == KW_EAGAIN)
            err = KW_OK;
        else
            MUST(strlen(kw_reply_reader_error(reader)) > 0);
    }
    digest_number(&digest, err != KW_OK);
    kw_reply_reader_free(reader);
    return digest.value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > LIMIT) /* unread bytes count against the limit: there the cut may matter */
        return 0;
    uint64_t whole = parse(data, size, size > 0 ? size : 1);
    MUST(parse(data, size, 1) == whole);
    MUST(parse(data, size, 11) == whole);
    return 0;
}
