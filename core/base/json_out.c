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
    size_t length = strlen(key);
    separate(json);
    if (json->err == KW_OK)
        json->err = kw_buf_reserve(json->out, length + 3);
    if (json->err == KW_OK) {
        char *at = kw_buf_tail(json->out);
        at[0] = '"';
        memcpy(at + 1, key, length);
        at[length + 1] = '"';
        at[length + 2] = ':';
        kw_buf_commit(json->out, length + 3);
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

void kw_json_key_str(struct kw_json_out *json, struct kw_str key)
{
    separate(json);
    quoted(json, key);
    put(json, ":", 1);
    json->comma = false;
}

void kw_json_str(struct kw_json_out *json, struct kw_str text)
{
    separate(json);
    quoted(json, text);
}

void kw_json_i64(struct kw_json_out *json, int64_t value)
{
    char text[21];
    separate(json);
    put(json, text, kw_i64_to_text(value, text));
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
