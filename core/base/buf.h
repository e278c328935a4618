/* buf.h - A growable run of bytes, born with a ceiling.
 *
 * Append until the ceiling; at the ceiling nothing is taken and the caller decides. Consuming from
 * the front is cheap (an offset moves; bytes are moved only when room is needed).
 *
 * Not thread-safe; one owner. */
#ifndef KW_BASE_BUF_H
#define KW_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct kw_buf {
    char *bytes;     /* allocation, or NULL */
    size_t head;     /* first unread byte */
    size_t tail;     /* one past the last byte */
    size_t capacity; /* bytes allocated */
    size_t limit;    /* most bytes it may hold unread */
};

void kw_buf_init(struct kw_buf *buf, size_t limit_bytes); /* allocates nothing */
void kw_buf_free(struct kw_buf *buf);                     /* usable again after init */
void kw_buf_clear(struct kw_buf *buf);                    /* keeps the allocation */

static inline size_t kw_buf_len(const struct kw_buf *buf)
{
    return buf->tail - buf->head;
}
static inline const char *kw_buf_ptr(const struct kw_buf *buf)
{
    return buf->bytes != NULL ? buf->bytes + buf->head : NULL; /* NULL + 0 is not defined in C */
}
static inline struct kw_str kw_buf_str(const struct kw_buf *buf)
{
    return (struct kw_str){ kw_buf_ptr(buf), kw_buf_len(buf) };
}

/* KW_EFULL: over the ceiling; KW_ENOMEM. In both cases nothing was taken. */
KW_MUST_USE kw_err kw_buf_append(struct kw_buf *buf, const void *bytes, size_t length_bytes);

/* Room for `length_bytes` more at kw_buf_tail(); then kw_buf_commit(n <= length_bytes). */
KW_MUST_USE kw_err kw_buf_grow(struct kw_buf *buf, size_t length_bytes); /* the rare half of it */
KW_MUST_USE static inline kw_err kw_buf_reserve(struct kw_buf *buf, size_t length_bytes)
{
    if (length_bytes <= buf->capacity - buf->tail &&
        kw_buf_len(buf) + length_bytes <= buf->limit) /* cannot wrap: both are parts of memory */
        return KW_OK;
    return kw_buf_grow(buf, length_bytes);
}
static inline char *kw_buf_tail(struct kw_buf *buf)
{
    return buf->bytes + buf->tail; /* after a reserve of one byte at least */
}
static inline void kw_buf_commit(struct kw_buf *buf, size_t length_bytes)
{
    buf->tail += length_bytes;
}

void kw_buf_consume(struct kw_buf *buf, size_t length_bytes); /* <= kw_buf_len() */

/* printf-like append for cold paths (errors, metrics, configuration). */
KW_MUST_USE kw_err kw_buf_printf(struct kw_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Decimal text of a number; returns the length. `out` needs 21 bytes; no final zero. */
size_t kw_i64_to_text(int64_t value, char *out);

/* Immutable shared bytes with a reference count (loop thread only): one frame, many sockets. */
struct kw_blob {
    unsigned references;
    size_t length_bytes;
    char bytes[];
};
struct kw_blob *kw_blob_new(const void *bytes,
                            size_t length_bytes);     /* one reference, the caller's */
struct kw_blob *kw_blob_new_raw(size_t length_bytes); /* contents to be filled */
struct kw_blob *kw_blob_ref(struct kw_blob *blob);    /* returns blob */
void kw_blob_unref(struct kw_blob *blob);             /* NULL is fine */

#endif
