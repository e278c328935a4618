/* json.c - The pull parser. The writer is in json_out.c.
 *
 * `state` says what may come next; the stack remembers whether each open level is an array or an
 * object. Strings without escapes are returned as slices of the input. */
#include "base/json.h"

#include <string.h>

enum { WANT_VALUE, WANT_VALUE_OR_END, WANT_KEY, WANT_KEY_OR_END, WANT_COMMA_OR_END, DONE, FAILED };
enum { LEVEL_ARRAY = 1, LEVEL_OBJECT = 2 };

#define KW_JSON_STRING_BYTES (16u * 1024 * 1024) /* longest decoded string */

void kw_json_init(struct kw_json *json, struct kw_str input)
{
    memset(json, 0, sizeof *json);
    json->input = input;
    json->state = WANT_VALUE;
    kw_buf_init(&json->scratch, KW_JSON_STRING_BYTES);
}

void kw_json_free(struct kw_json *json)
{
    kw_buf_free(&json->scratch);
}

static enum kw_json_event fail(struct kw_json *json, size_t at, const char *text)
{
    json->state = FAILED;
    json->error_at = at;
    json->error_text = text;
    return KW_JSON_ERROR;
}

static void skip_space(struct kw_json *json)
{
    while (json->at < json->input.len) {
        char byte = json->input.ptr[json->at];
        if (byte != ' ' && byte != '\t' && byte != '\n' && byte != '\r')
            return;
        json->at++;
    }
}

static void after_value(struct kw_json *json)
{
    json->state = json->depth == 0 ? DONE : WANT_COMMA_OR_END;
}

static int hex4(const char *text)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char byte = text[i];
        int digit = byte >= '0' && byte <= '9'   ? byte - '0'
                    : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
                    : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static size_t utf8_encode(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}

/* \uXXXX at `at` (after the u); a surrogate must have its other half. Returns bytes used, 0 = bad. */
static size_t unicode_escape(const struct kw_json *json, size_t at, uint32_t *code)
{
    const char *text = json->input.ptr;
    int high = json->input.len - at >= 4 ? hex4(text + at) : -1;
    if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF))
        return 0;
    *code = (uint32_t)high;
    if (high < 0xD800 || high > 0xDBFF)
        return 4;
    if (json->input.len - at < 10 || text[at + 4] != '\\' || text[at + 5] != 'u')
        return 0;
    int low = hex4(text + at + 6);
    if (low < 0xDC00 || low > 0xDFFF)
        return 0;
    *code = 0x10000 + (((uint32_t)high - 0xD800) << 10) + ((uint32_t)low - 0xDC00);
    return 10;
}

static bool append(struct kw_json *json, const void *bytes, size_t count)
{
    return kw_buf_append(&json->scratch, bytes, count) == KW_OK;
}

/* The rest of a string that has escapes; `first` is its first byte, json->at the first backslash. */
static const char *escaped_string(struct kw_json *json, size_t first)
{
    static const char plain[] = "\"\\/bfnrt", meaning[] = "\"\\/\b\f\n\r\t";
    const char *text = json->input.ptr;
    size_t at = json->at, end = json->input.len, run = first;
    kw_buf_clear(&json->scratch);
    while (at < end && text[at] != '"') {
        if ((unsigned char)text[at] < 0x20)
            return "a control character in a string; write it as \\u00XX";
        if (text[at] != '\\') {
            at++;
            continue;
        }
        if (!append(json, text + run, at - run) || ++at >= end)
            return "the string does not end";
        const char *known = text[at] != 0 ? strchr(plain, text[at]) : NULL;
        if (known != NULL) {
            if (!append(json, meaning + (known - plain), 1))
                return "the string is too long";
            at++;
        } else if (text[at] == 'u') {
            uint32_t code = 0;
            char out[4];
            size_t used = unicode_escape(json, at + 1, &code);
            if (used == 0)
                return "a bad \\u escape";
            if (!append(json, out, utf8_encode(code, out)))
                return "the string is too long";
            at += 1 + used;
        } else {
            return "an unknown escape";
        }
        run = at;
    }
    if (at >= end)
        return "the string does not end";
    if (!append(json, text + run, at - run))
        return "the string is too long";
    json->at = at + 1;
    json->text = kw_buf_str(&json->scratch);
    if (json->text.ptr == NULL)
        json->text.ptr = "";
    return NULL;
}

static const char *string(struct kw_json *json)
{
    const unsigned char *text = (const unsigned char *)json->input.ptr;
    size_t first = ++json->at, end = json->input.len;
    bool ascii = true;
    const char *why = NULL;
    while (json->at < end && text[json->at] != '"' && text[json->at] != '\\' &&
           text[json->at] >= 0x20) {
        ascii = ascii && text[json->at] < 0x80;
        json->at++;
    }
    if (json->at >= end)
        return "the string does not end";
    if (text[json->at] < 0x20)
        return "a control character in a string; write it as \\u00XX";
    if (text[json->at] == '\\') {
        ascii = false;
        why = escaped_string(json, first);
    } else {
        json->text = kw_str_n(json->input.ptr + first, json->at - first);
        json->at++;
    }
    if (why == NULL && !ascii && !kw_utf8_valid(json->text.ptr, json->text.len))
        return "the string is not UTF-8";
    return why;
}

static enum kw_json_event number(struct kw_json *json)
{
    const char *text = json->input.ptr;
    size_t first = json->at, at = first, end = json->input.len;
    bool integer = true;
    if (at < end && text[at] == '-')
        at++;
    size_t digits = at;
    while (at < end && text[at] >= '0' && text[at] <= '9')
        at++;
    if (at == digits || (text[digits] == '0' && at - digits > 1))
        return fail(json, first, "a number is malformed");
    if (at < end && text[at] == '.') {
        integer = false;
        size_t fraction = ++at;
        while (at < end && text[at] >= '0' && text[at] <= '9')
            at++;
        if (at == fraction)
            return fail(json, first, "a number is malformed");
    }
    if (at < end && (text[at] == 'e' || text[at] == 'E')) {
        integer = false;
        at++;
        if (at < end && (text[at] == '+' || text[at] == '-'))
            at++;
        size_t exponent = at;
        while (at < end && text[at] >= '0' && text[at] <= '9')
            at++;
        if (at == exponent)
            return fail(json, first, "a number is malformed");
    }
    struct kw_str token = kw_str_n(text + first, at - first);
    json->at = at;
    after_value(json);
    if (integer && kw_str_to_i64(token, &json->i64) == KW_OK) {
        json->f64 = (double)json->i64;
        return KW_JSON_INT;
    }
    if (kw_str_to_f64(token, &json->f64) != KW_OK)
        return fail(json, first, "a number is out of range");
    return KW_JSON_NUMBER;
}

static enum kw_json_event literal(struct kw_json *json, const char *word, enum kw_json_event event)
{
    size_t length = strlen(word);
    if (json->input.len - json->at < length ||
        memcmp(json->input.ptr + json->at, word, length) != 0)
        return fail(json, json->at, "an unexpected character");
    json->at += length;
    after_value(json);
    return event;
}

static enum kw_json_event open_level(struct kw_json *json, unsigned char kind)
{
    if (json->depth >= KW_JSON_DEPTH_MAX)
        return fail(json, json->at, "nested too deeply");
    json->stack[json->depth++] = kind;
    json->at++;
    json->state = kind == LEVEL_ARRAY ? WANT_VALUE_OR_END : WANT_KEY_OR_END;
    return kind == LEVEL_ARRAY ? KW_JSON_ARRAY : KW_JSON_OBJECT;
}

static enum kw_json_event close_level(struct kw_json *json)
{
    unsigned char kind = json->stack[--json->depth];
    json->at++;
    after_value(json);
    return kind == LEVEL_ARRAY ? KW_JSON_ARRAY_END : KW_JSON_OBJECT_END;
}

static enum kw_json_event value(struct kw_json *json)
{
    switch (json->input.ptr[json->at]) {
    case '{':
        return open_level(json, LEVEL_OBJECT);
    case '[':
        return open_level(json, LEVEL_ARRAY);
    case '"': {
        size_t at = json->at;
        const char *why = string(json);
        if (why != NULL)
            return fail(json, at, why);
        after_value(json);
        return KW_JSON_STRING;
    }
    case 't':
        return literal(json, "true", KW_JSON_TRUE);
    case 'f':
        return literal(json, "false", KW_JSON_FALSE);
    case 'n':
        return literal(json, "null", KW_JSON_NULL);
    default:
        if (json->input.ptr[json->at] == '-' ||
            (json->input.ptr[json->at] >= '0' && json->input.ptr[json->at] <= '9'))
            return number(json);
        return fail(json, json->at, "an unexpected character");
    }
}

static enum kw_json_event key(struct kw_json *json)
{
    size_t at = json->at;
    if (json->input.ptr[at] != '"')
        return fail(json, at, "a key in double quotes is expected");
    const char *why = string(json);
    if (why != NULL)
        return fail(json, at, why);
    skip_space(json);
    if (json->at >= json->input.len || json->input.ptr[json->at] != ':')
        return fail(json, json->at, "a colon is expected");
    json->at++;
    json->state = WANT_VALUE;
    return KW_JSON_KEY;
}

enum kw_json_event kw_json_next(struct kw_json *json)
{
    if (json->state == FAILED)
        return KW_JSON_ERROR;
    skip_space(json);
    json->start_at = json->at;
    if (json->state == DONE)
        return json->at == json->input.len ? KW_JSON_END
                                           : fail(json, json->at, "text after the value");
    if (json->at >= json->input.len)
        return fail(json, json->at, "the text ends too early");
    char byte = json->input.ptr[json->at];
    bool in_array = json->depth > 0 && json->stack[json->depth - 1] == LEVEL_ARRAY;
    switch (json->state) {
    case WANT_COMMA_OR_END:
        if (byte == (in_array ? ']' : '}'))
            return close_level(json);
        if (byte != ',')
            return fail(json, json->at, "a comma is expected");
        json->at++;
        skip_space(json);
        json->start_at = json->at;
        if (json->at >= json->input.len)
            return fail(json, json->at, "the text ends too early");
        return in_array ? value(json) : key(json);
    case WANT_VALUE_OR_END:
        return byte == ']' ? close_level(json) : value(json);
    case WANT_KEY_OR_END:
        return byte == '}' ? close_level(json) : key(json);
    default:
        return value(json);
    }
}

kw_err kw_json_skip(struct kw_json *json, enum kw_json_event first, struct kw_str *raw)
{
    size_t from = json->start_at;
    if (first == KW_JSON_ARRAY || first == KW_JSON_OBJECT) {
        unsigned depth = json->depth;
        while (json->depth >= depth) {
            if (kw_json_next(json) == KW_JSON_ERROR)
                return KW_EINVALID;
        }
    } else if (first == KW_JSON_ERROR) {
        return KW_EINVALID;
    }
    if (raw != NULL)
        *raw = kw_str_n(json->input.ptr + from, json->at - from);
    return KW_OK;
}

void kw_json_place(struct kw_str input, size_t at, unsigned *line, unsigned *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < at && i < input.len; i++) {
        if (input.ptr[i] == '\n') {
            (*line)++;
            *column = 1;
        } else {
            (*column)++;
        }
    }
}
