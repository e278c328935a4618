/* json_out.c - The append writer: commas kept, failures sticky, bytes straight into a buffer. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"

void kw_json_out_init(struct kw_json_out *json, struct kw_buf *out)
{
    *json = (struct kw_json_out){ out, KW_OK, false };
}

static void put(struct kw_json_out *json, const void *bytes, size_t count)
{
    if (json->err == KW_OK)
        json->err = kw_buf_append(json->out, bytes, count);
}

static void separate(struct kw_json_out *json)
{
    if (json->comma)
        put(json, ",", 1);
    json->comma = true;
}

void kw_json_obj(struct kw_json_out *json)
{
    separate(json);
    put(json, "{", 1);
    json->comma = false;
}

void kw_json_obj_end(struct kw_json_out *json)
{
    put(json, "}", 1);
    json->comma = true;
}

void kw_json_arr(struct kw_json_out *json)
{
    separate(json);
    put(json, "[", 1);
    json->comma = false;
}

void kw_json_arr_end(struct kw_json_out *json)
{
    put(json, "]", 1);
    json->comma = true;
}

void kw_json_key(struct kw_json_out *json, const char *key)
{
    size_t length = strlen(key), comma = json->comma ? 1 : 0;
    if (json->err == KW_OK)
        json->err = kw_buf_reserve(json->out, length + 3 + comma);
    if (json->err == KW_OK) {
        char *at = kw_buf_tail(json->out);
        at[0] = ',';
        at += comma;
        at[0] = '"';
        memcpy(at + 1, key, length);
        at[length + 1] = '"';
        at[length + 2] = ':';
        kw_buf_commit(json->out, length + 3 + comma);
    }
    json->comma = false;
}

static void escape(struct kw_json_out *json, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    const char *known = byte != 0 ? strchr(from, byte) : NULL;
    if (known != NULL) {
        char pair[2] = { '\\', to[known - from] };
        put(json, pair, 2);
    } else {
        char code[6] = { '\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15] };
        put(json, code, 6);
    }
}

/* Length of the valid UTF-8 sequence at `text`, 0 if it is broken. */
static size_t sequence(const unsigned char *text, size_t left)
{
    size_t length = text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;
    return text[0] >= 0xC2 && left >= length && kw_utf8_valid((const char *)text, length) ? length
                                                                                          : 0;
}

static void quoted(struct kw_json_out *json, struct kw_str text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    size_t run = 0, at = 0;
    put(json, "\"", 1);
    while (at < text.len) {
        unsigned char byte = bytes[at];
        if (byte >= 0x20 && byte != '"' && byte != '\\' && byte < 0x80) {
            at++;
            continue;
        }
        size_t whole = byte >= 0x80 ? sequence(bytes + at, text.len - at) : 0;
        if (whole > 0) {
            at += whole;
            continue;
        }
        put(json, bytes + run, at - run);
        if (byte >= 0x80)
            put(json, "\xEF\xBF\xBD", 3);
        else
            escape(json, byte);
        run = ++at;
    }
    put(json, bytes + run, at - run);
    put(json, "\"", 1);
}

/* Copy while no byte needs an escape or a look at its neighbours; eight bytes at a time. */
static bool copy_plain(char *to, const char *from, size_t length)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    size_t at = 0;
    for (; at + 8 <= length; at += 8) {
        uint64_t word;
        memcpy(&word, from + at, 8);
        uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
        /* a top bit where a byte is below 0x20, is one of the two, or is no ASCII */
        if (((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & tops)
            return false;
        memcpy(to + at, &word, 8);
    }
    if (at + 4 <= length) {
        uint32_t word;
        memcpy(&word, from + at, 4);
        uint32_t quote = word ^ (uint32_t)ones * '"', backslash = word ^ (uint32_t)ones * '\\';
        if (((word - (uint32_t)ones * 0x20) | (quote - (uint32_t)ones) |
             (backslash - (uint32_t)ones) | word) &
            (uint32_t)tops)
            return false;
        memcpy(to + at, &word, 4);
        at += 4;
    }
    for (; at < length; at++) {
        unsigned char byte = (unsigned char)from[at];
        if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\')
            return false;
        to[at] = (char)byte;
    }
    return true;
}

/* Nearly every string is plain ASCII: comma, quotes and text at once, without a look back. False:
 * nothing was written, the careful way must be taken. */
static bool put_plain(struct kw_json_out *json, struct kw_str text, bool is_key)
{
    if (json->err != KW_OK || kw_buf_reserve(json->out, text.len + 4) != KW_OK)
        return false;
    char *at = kw_buf_tail(json->out), *start = at;
    if (json->comma)
        *at++ = ',';
    *at++ = '"';
    if (!copy_plain(at, text.ptr, text.len))
        return false;
    at += text.len;
    *at++ = '"';
    if (is_key)
        *at++ = ':';
    kw_buf_commit(json->out, (size_t)(at - start));
    json->comma = !is_key;
    return true;
}

void kw_json_key_str(struct kw_json_out *json, struct kw_str key)
{
    if (put_plain(json, key, true))
        return;
    separate(json);
    quoted(json, key);
    put(json, ":", 1);
    json->comma = false;
}

void kw_json_str(struct kw_json_out *json, struct kw_str text)
{
    if (put_plain(json, text, false))
        return;
    separate(json);
    quoted(json, text);
}

void kw_json_i64(struct kw_json_out *json, int64_t value)
{
    char text[22];
    size_t comma = json->comma ? 1 : 0;
    json->comma = true;
    if (json->err == KW_OK && kw_buf_reserve(json->out, sizeof text) == KW_OK) {
        char *at = kw_buf_tail(json->out);
        *at = ',';
        kw_buf_commit(json->out, comma + kw_i64_to_text(value, at + comma));
        return;
    }
    text[0] = ','; /* close to the ceiling: it may still fit */
    size_t length = kw_i64_to_text(value, text + 1);
    put(json, text + 1 - comma, length + comma);
}

void kw_json_f64(struct kw_json_out *json, double value)
{
    char text[40];
    separate(json);
    if (value != value || value > 1.7976931348623157e308 || value < -1.7976931348623157e308) {
        put(json, "null", 4);
        return;
    }
    if (value == 0)
        value = 0; /* not "-0", which would read back as the integer 0 */
    for (int digits = 15; digits <= 17; digits++) {
        double again = 0;
        int length = snprintf(text, sizeof text, "%.*g", digits, value);
        if (kw_str_to_f64(kw_str_n(text, (size_t)length), &again) == KW_OK && again == value)
            break;
    }
    put(json, text, strlen(text));
}

void kw_json_bool(struct kw_json_out *json, bool value)
{
    separate(json);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

void kw_json_null(struct kw_json_out *json)
{
    separate(json);
    put(json, "null", 4);
}

void kw_json_raw(struct kw_json_out *json, struct kw_str value)
{
    separate(json);
    put(json, value.ptr, value.len);
}

void kw_json_at_ms(struct kw_json_out *json, int64_t unix_ms)
{
    char text[KW_RFC3339_SIZE];
    kw_rfc3339(unix_ms, text);
    separate(json);
    put(json, "\"", 1);
    put(json, text, KW_RFC3339_SIZE - 1);
    put(json, "\"", 1);
}
