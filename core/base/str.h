/* str.h - A slice of somebody else's bytes.
 *
 * Parsers return slices into the caller's buffer; a slice never owns and is not zero-terminated. */
#ifndef KW_BASE_STR_H
#define KW_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct kw_str {
    const char *ptr;
    size_t len;
};

#define KW_STR(literal) ((struct kw_str){ (literal), sizeof(literal) - 1 })
#define KW_STR_NONE ((struct kw_str){ NULL, 0 })

struct kw_str kw_str_of(const char *text); /* NULL gives the empty slice */
struct kw_str kw_str_n(const char *bytes, size_t length_bytes);
bool kw_str_eq(struct kw_str a, struct kw_str b);
bool kw_str_eqc(struct kw_str a, const char *text);
bool kw_str_ieq(struct kw_str a, struct kw_str b); /* ASCII case only */
bool kw_str_starts(struct kw_str text, struct kw_str prefix);
int kw_str_cmp(struct kw_str a, struct kw_str b); /* byte order */
struct kw_str kw_str_trim(struct kw_str text);    /* ASCII space and tab */

/* Cut at the first `byte`: head before it, `*rest` after it. No such byte: head = all, rest empty. */
struct kw_str kw_str_cut(struct kw_str text, char byte, struct kw_str *rest);

/* Whole-slice decimal integer, optional '-'. KW_EINVALID: empty, other bytes, or out of range. */
KW_MUST_USE kw_err kw_str_to_i64(struct kw_str text, int64_t *out);
/* Decimal with '.', exponent allowed; no inf, nan, hex, or spaces. */
KW_MUST_USE kw_err kw_str_to_f64(struct kw_str text, double *out);

/* Copy with a final zero into `out` of `size` bytes; KW_ETOOBIG if it does not fit (out = ""). */
KW_MUST_USE kw_err kw_str_copy(struct kw_str text, char *out, size_t size);

/* Strict UTF-8 (no surrogates, no overlong forms, <= U+10FFFF). */
bool kw_utf8_valid(const char *bytes, size_t length_bytes);

/* Percent-decoding of one path segment or query value ('+' kept when `plus_is_space` is false).
 * Writes at most text.len bytes to `out`; KW_EINVALID: bad escape or a NUL byte. */
KW_MUST_USE kw_err kw_percent_decode(struct kw_str text, bool plus_is_space, char *out,
                                     size_t *out_len);

/* Base64 (RFC 4648, padded). Encode needs 4*((n+2)/3)+1 bytes. Decode: KW_EINVALID on bad input. */
size_t kw_base64_encode(const void *bytes, size_t length_bytes, char *out);
KW_MUST_USE kw_err kw_base64_decode(struct kw_str text, void *out, size_t out_size,
                                    size_t *out_len);

/* Lower-case hex; `out` needs 2n+1 bytes. */
void kw_hex_encode(const void *bytes, size_t length_bytes, char *out);
KW_MUST_USE kw_err kw_hex_decode(struct kw_str text, void *out, size_t out_size, size_t *out_len);

/* SHA-1 (RFC 3174): only where a protocol demands it (WebSocket accept key, Redis script ids,
 * deduplication names). Never for secrets. */
void kw_sha1(const void *bytes, size_t length_bytes, uint8_t out[20]);

#endif
