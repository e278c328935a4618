/* buf.c - Growth by doubling up to the ceiling; the front moves by an offset. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void kw_buf_init(struct kw_buf *buf, size_t limit_bytes)
{
    *buf = (struct kw_buf){ .limit = limit_bytes };
}

void kw_buf_free(struct kw_buf *buf)
{
    kw_free(buf->bytes);
    *buf = (struct kw_buf){ .limit = buf->limit };
}

void kw_buf_clear(struct kw_buf *buf)
{
    buf->head = buf->tail = 0;
}

kw_err kw_buf_grow(struct kw_buf *buf, size_t length_bytes)
{
    size_t used = kw_buf_len(buf);
    if (length_bytes > buf->limit || used > buf->limit - length_bytes)
        return KW_EFULL;
    if (buf->capacity - buf->tail >= length_bytes)
        return KW_OK;
    if (buf->head > 0 && buf->capacity - used >= length_bytes && buf->head >= used) {
        memmove(buf->bytes, buf->bytes + buf->head, used);
        buf->head = 0;
        buf->tail = used;
        return KW_OK;
    }
    size_t capacity = buf->capacity > 0 ? buf->capacity : 256;
    while (capacity < used + length_bytes)
        capacity *= 2;
    char *bytes = kw_try_alloc(capacity);
    if (bytes == NULL)
        return KW_ENOMEM;
    if (used > 0)
        memcpy(bytes, buf->bytes + buf->head, used);
    kw_free(buf->bytes);
    buf->bytes = bytes;
    buf->capacity = capacity;
    buf->head = 0;
    buf->tail = used;
    return KW_OK;
}

kw_err kw_buf_append(struct kw_buf *buf, const void *bytes, size_t length_bytes)
{
    kw_err err = kw_buf_reserve(buf, length_bytes);
    if (err != KW_OK)
        return err;
    if (length_bytes > 0)
        memcpy(buf->bytes + buf->tail, bytes, length_bytes);
    buf->tail += length_bytes;
    return KW_OK;
}

void kw_buf_consume(struct kw_buf *buf, size_t length_bytes)
{
    KW_ASSERT(length_bytes <= kw_buf_len(buf));
    buf->head += length_bytes;
    if (buf->head == buf->tail)
        buf->head = buf->tail = 0;
}

kw_err kw_buf_printf(struct kw_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    kw_err err = needed < 0 ? KW_EINVALID : kw_buf_reserve(buf, (size_t)needed + 1);
    if (err == KW_OK) {
        (void)vsnprintf(kw_buf_tail(buf), (size_t)needed + 1, format, again);
        kw_buf_commit(buf, (size_t)needed);
    }
    va_end(again);
    return err;
}

size_t kw_i64_to_text(int64_t value, char *out)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[20];
    size_t at = sizeof digits, sign = value < 0 ? 1 : 0;
    uint64_t rest = value < 0 ? ~(uint64_t)value + 1 : (uint64_t)value;
    for (; rest >= 100; rest /= 100)
        memcpy(digits + (at -= 2), pairs + rest % 100 * 2, 2);
    if (rest >= 10)
        memcpy(digits + (at -= 2), pairs + rest * 2, 2);
    else
        digits[--at] = (char)('0' + rest);
    out[0] = '-';
    memcpy(out + sign, digits + at, sizeof digits - at);
    return sign + sizeof digits - at;
}

struct kw_blob *kw_blob_new_raw(size_t length_bytes)
{
    struct kw_blob *blob = kw_alloc(sizeof *blob + length_bytes);
    blob->references = 1;
    blob->length_bytes = length_bytes;
    return blob;
}

struct kw_blob *kw_blob_new(const void *bytes, size_t length_bytes)
{
    struct kw_blob *blob = kw_blob_new_raw(length_bytes);
    if (length_bytes > 0)
        memcpy(blob->bytes, bytes, length_bytes);
    return blob;
}

struct kw_blob *kw_blob_ref(struct kw_blob *blob)
{
    blob->references++;
    return blob;
}

void kw_blob_unref(struct kw_blob *blob)
{
    if (blob != NULL && --blob->references == 0)
        kw_free(blob);
}
