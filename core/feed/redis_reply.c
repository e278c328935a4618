/* redis_reply.c - See redis_reply.h.
 *
 * An array allocates its elements in one piece, because their number is known before they come; each
 * element then only fills its place. Text is copied, since the reader moves its buffer between feeds. */
#include "feed/redis_reply.h"

#include <hiredis/read.h>
#include <string.h>

#include "base/mem.h"

#define KW_ARENA_FIRST_BYTES (256u * 1024)
#define KW_ARENA_KEEP_BYTES (4u * 1024 * 1024) /* a chunk this big is kept for the next page */

struct chunk {
    struct chunk *older;
    size_t used, size;
    _Alignas(16) char bytes[];
};

struct kw_reply_reader {
    redisReader *hiredis;
    struct chunk *chunk; /* newest; older ones are full */
    size_t taken, limit; /* bytes given out for the current reply */
    bool over;
};

static bool add_chunk(struct kw_reply_reader *reader, size_t need)
{
    size_t size = reader->chunk != NULL ? reader->chunk->size * 2 : KW_ARENA_FIRST_BYTES;
    if (size > reader->limit)
        size = reader->limit;
    if (size < need)
        size = need;
    struct chunk *chunk = kw_try_alloc(sizeof *chunk + size);
    if (chunk == NULL)
        return false;
    chunk->older = reader->chunk;
    chunk->used = 0;
    chunk->size = size;
    reader->chunk = chunk;
    return true;
}

static void *take(struct kw_reply_reader *reader, size_t count)
{
    struct chunk *chunk = reader->chunk;
    size_t size = (count + 7) & ~(size_t)7;
    if (size > reader->limit - reader->taken) { /* taken never passes limit */
        reader->over = true;
        return NULL;
    }
    if (chunk == NULL || size > chunk->size - chunk->used) {
        if (!add_chunk(reader, size))
            return NULL;
        chunk = reader->chunk;
    }
    void *place = chunk->bytes + chunk->used;
    chunk->used += size;
    reader->taken += size;
    return place;
}

static struct kw_reply *place_of(const redisReadTask *task)
{
    if (task->parent != NULL)
        return ((struct kw_reply *)task->parent->obj)->items[task->idx];
    struct kw_reply *reply = take(task->privdata, sizeof *reply);
    if (reply != NULL)
        memset(reply, 0, sizeof *reply);
    return reply;
}

static void *create_string(const redisReadTask *task, char *text, size_t length)
{
    struct kw_reply *reply = place_of(task);
    char *copy = take(task->privdata, length + 1);
    if (reply == NULL || copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = 0;
    reply->type = task->type == REDIS_REPLY_ERROR    ? KW_REPLY_ERROR
                  : task->type == REDIS_REPLY_STATUS ? KW_REPLY_STATUS
                                                     : KW_REPLY_TEXT;
    reply->text = (struct kw_str){ copy, length };
    return reply;
}

static void *create_array(const redisReadTask *task, int elements)
{
    struct kw_reply_reader *reader = task->privdata;
    struct kw_reply *reply = place_of(task);
    size_t count = elements > 0 ? (size_t)elements : 0;
    if (reply == NULL)
        return NULL;
    /* Checked before the product is made; the least element on the wire has 3 bytes. */
    if (count > reader->limit / (sizeof(struct kw_reply) + sizeof(struct kw_reply *))) {
        reader->over = true;
        return NULL;
    }
    struct kw_reply **items = take(reader, count * sizeof *items);
    struct kw_reply *places = take(reader, count * sizeof *places);
    if (items == NULL || places == NULL)
        return NULL;
    memset(places, 0, count * sizeof *places);
    for (size_t i = 0; i < count; i++)
        items[i] = &places[i];
    reply->type = KW_REPLY_ARRAY;
    reply->items = items;
    reply->count = count;
    return reply;
}

static void *create_integer(const redisReadTask *task, long long value)
{
    struct kw_reply *reply = place_of(task);
    if (reply != NULL) {
        reply->type = KW_REPLY_INT;
        reply->number = value;
    }
    return reply;
}

static void *create_nil(const redisReadTask *task)
{
    struct kw_reply *reply = place_of(task);
    if (reply != NULL)
        reply->type = KW_REPLY_NIL;
    return reply;
}

static void free_object(void *object)
{
    (void)object; /* the arena's */
}

static const redisReplyObjectFunctions functions = { create_string, create_array, create_integer,
                                                     create_nil, free_object };

struct kw_reply_reader *kw_reply_reader_new(size_t limit_bytes)
{
    struct kw_reply_reader *reader = kw_zalloc(sizeof *reader);
    KW_ASSERT(limit_bytes > 0);
    reader->limit = limit_bytes;
    reader->hiredis =
        redisReaderCreateWithFunctions((redisReplyObjectFunctions *)(uintptr_t)&functions);
    KW_ASSERT(reader->hiredis != NULL);
    reader->hiredis->privdata = reader;
    return reader;
}

void kw_reply_reader_free(struct kw_reply_reader *reader)
{
    if (reader == NULL)
        return;
    redisReaderFree(reader->hiredis);
    while (reader->chunk != NULL) {
        struct chunk *older = reader->chunk->older;
        kw_free(reader->chunk);
        reader->chunk = older;
    }
    kw_free(reader);
}

kw_err kw_reply_reader_feed(struct kw_reply_reader *reader, const char *bytes, size_t length_bytes)
{
    if (redisReaderFeed(reader->hiredis, bytes, length_bytes) != REDIS_OK)
        return KW_ENOMEM;
    if (reader->hiredis->len - reader->hiredis->pos > reader->limit) {
        reader->over = true;
        return KW_ETOOBIG;
    }
    return KW_OK;
}

kw_err kw_reply_reader_next(struct kw_reply_reader *reader, const struct kw_reply **reply)
{
    void *found = NULL;
    if (redisReaderGetReply(reader->hiredis, &found) != REDIS_OK)
        return reader->over                            ? KW_ETOOBIG
               : reader->hiredis->err == REDIS_ERR_OOM ? KW_ENOMEM
                                                       : KW_EPROTO;
    if (found == NULL)
        return KW_EAGAIN;
    *reply = found;
    return KW_OK;
}

void kw_reply_reader_done(struct kw_reply_reader *reader)
{
    struct chunk *chunk = reader->chunk;
    reader->taken = 0;
    if (chunk == NULL)
        return;
    chunk->used = 0;
    while (chunk->older != NULL) { /* the newest is the largest: it is enough for such a page */
        struct chunk *older = chunk->older;
        chunk->older = older->older;
        kw_free(older);
    }
    if (chunk->size > KW_ARENA_KEEP_BYTES) {
        kw_free(chunk);
        reader->chunk = NULL;
    }
}

const char *kw_reply_reader_error(const struct kw_reply_reader *reader)
{
    return reader->over ? "a reply is larger than its limit" : reader->hiredis->errstr;
}
