/* str.c - Slices: compare, cut, convert numbers. Encodings are in encoding.c. */
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct kw_str kw_str_of(const char *text)
{
    return (struct kw_str){ text, text != NULL ? strlen(text) : 0 };
}

struct kw_str kw_str_n(const char *bytes, size_t length_bytes)
{
    return (struct kw_str){ bytes, length_bytes };
}

bool kw_str_eq(struct kw_str a, struct kw_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool kw_str_eqc(struct kw_str a, const char *text)
{
    return kw_str_eq(a, kw_str_of(text));
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
}

bool kw_str_ieq(struct kw_str a, struct kw_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}

bool kw_str_starts(struct kw_str text, struct kw_str prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

int kw_str_cmp(struct kw_str a, struct kw_str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

struct kw_str kw_str_trim(struct kw_str text)
{
    while (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

struct kw_str kw_str_cut(struct kw_str text, char byte, struct kw_str *rest)
{
    const char *found = text.len > 0 ? memchr(text.ptr, byte, text.len) : NULL;
    if (found == NULL) {
        *rest = (struct kw_str){ text.len > 0 ? text.ptr + text.len : text.ptr, 0 };
        return text;
    }
    size_t head = (size_t)(found - text.ptr);
    *rest = (struct kw_str){ found + 1, text.len - head - 1 };
    return (struct kw_str){ text.ptr, head };
}

kw_err kw_str_to_i64(struct kw_str text, int64_t *out)
{
    uint64_t value = 0;
    size_t at = 0;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    at = negative ? 1 : 0;
    if (at == text.len || text.len - at > 19)
        return KW_EINVALID;
    for (; at < text.len; at++) {
        unsigned digit = (unsigned)(unsigned char)text.ptr[at] - '0';
        if (digit > 9)
            return KW_EINVALID;
        value = value * 10 + digit; /* 19 digits fit 64 bits unsigned */
    }
    if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return KW_EINVALID;
    *out = negative ? (int64_t)(~value + 1) : (int64_t)value;
    return KW_OK;
}

kw_err kw_str_to_f64(struct kw_str text, double *out)
{
    char copy[64];
    char *end;
    if (text.len == 0 || text.len >= sizeof copy)
        return KW_EINVALID;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (!((byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' ||
              byte == 'e' || byte == 'E'))
            return KW_EINVALID;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    double value = strtod(copy, &end);
    if (end != copy + text.len || value != value || value > 1.7e308 || value < -1.7e308)
        return KW_EINVALID;
    *out = value;
    return KW_OK;
}

kw_err kw_str_copy(struct kw_str text, char *out, size_t size)
{
    if (text.len >= size) {
        if (size > 0)
            out[0] = 0;
        return KW_ETOOBIG;
    }
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return KW_OK;
}
