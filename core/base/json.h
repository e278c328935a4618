/* json.h - Own JSON: a pull parser over slices and an append writer.
 *
 * Parser: strict RFC 8259, strict UTF-8, depth and size bounded, integers stay integers (a number
 * without '.', 'e' that fits int64 is INT), duplicate keys are the caller's matter. No allocation
 * except for strings with escapes, which are decoded into the parser's scratch buffer and are valid
 * until the next kw_json_next().
 *
 * Writer: commas are kept by the writer; the caller keeps the nesting right (asserted in debug). */
#ifndef KW_BASE_JSON_H
#define KW_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define KW_JSON_DEPTH_MAX 64

enum kw_json_event {
    KW_JSON_END,   /* the one value is complete and only space followed */
    KW_JSON_ERROR, /* see error_at, error_text */
    KW_JSON_NULL,
    KW_JSON_TRUE,
    KW_JSON_FALSE,
    KW_JSON_INT,    /* .i64 */
    KW_JSON_NUMBER, /* .f64 */
    KW_JSON_STRING, /* .text */
    KW_JSON_KEY,    /* .text; the value follows */
    KW_JSON_ARRAY,  /* [ */
    KW_JSON_ARRAY_END,
    KW_JSON_OBJECT, /* { */
    KW_JSON_OBJECT_END,
};

struct kw_json {
    struct kw_str input;
    size_t at;
    unsigned depth;
    unsigned char stack[KW_JSON_DEPTH_MAX];
    unsigned char state;
    struct kw_buf scratch;
    /* of the last event: */
    struct kw_str text;
    int64_t i64;
    double f64;      /* also set for INT */
    size_t start_at; /* byte where the last event's token begins */
    size_t error_at;
    const char *error_text; /* static */
};

void kw_json_init(struct kw_json *json, struct kw_str input);
void kw_json_free(struct kw_json *json);
enum kw_json_event kw_json_next(struct kw_json *json);

/* Skip the value whose first event was `first` (scalars: nothing to do). `raw` (may be NULL) gets the
 * value's bytes as they stand in the input. KW_EINVALID on a syntax error inside. */
KW_MUST_USE kw_err kw_json_skip(struct kw_json *json, enum kw_json_event first, struct kw_str *raw);

/* Line and column (1-based, bytes) of a place in the input, for error texts. */
void kw_json_place(struct kw_str input, size_t at, unsigned *line, unsigned *column);

struct kw_json_out {
    struct kw_buf *out;
    kw_err err; /* first failure of the buffer, sticky: check once at the end */
    bool comma; /* a value precedes: the next one needs a comma */
};

void kw_json_out_init(struct kw_json_out *json, struct kw_buf *out);
void kw_json_obj(struct kw_json_out *json);
void kw_json_obj_end(struct kw_json_out *json);
void kw_json_arr(struct kw_json_out *json);
void kw_json_arr_end(struct kw_json_out *json);
void kw_json_key(struct kw_json_out *json, const char *key); /* literal, needs no escapes */
void kw_json_key_str(struct kw_json_out *json, struct kw_str key);
void kw_json_str(struct kw_json_out *json, struct kw_str text); /* invalid UTF-8 becomes U+FFFD */
void kw_json_i64(struct kw_json_out *json, int64_t value);
void kw_json_f64(struct kw_json_out *json,
                 double value); /* shortest exact; nan, inf: null; -0: 0 */
void kw_json_bool(struct kw_json_out *json, bool value);
void kw_json_null(struct kw_json_out *json);
void kw_json_raw(struct kw_json_out *json, struct kw_str value); /* must be valid JSON */
void kw_json_at_ms(struct kw_json_out *json, int64_t unix_ms);   /* RFC 3339 text */

/* key + value in one call, for the many small objects of the API */
#define KW_JSON_KV(fn, json, key, value) (kw_json_key((json), (key)), kw_json_##fn((json), (value)))

#endif
