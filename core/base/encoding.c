/* encoding.c - UTF-8, percent, base64, hex, SHA-1: the encodings that protocols ask for. */
#include <string.h>

#include "base/str.h"

bool kw_utf8_valid(const char *bytes, size_t length_bytes)
{
    if (length_bytes == 0)
        return true; /* of no bytes, perhaps of no place */
    const unsigned char *at = (const unsigned char *)bytes, *end = at + length_bytes;
    while (at < end) {
        unsigned char lead = *at++;
        if (lead < 0x80)
            continue;
        unsigned more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
        if (lead < 0xC2 || lead > 0xF4 || (size_t)(end - at) < more)
            return false;
        unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
        unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
        if (at[0] < low || at[0] > high)
            return false;
        for (unsigned i = 1; i < more; i++) {
            if ((at[i] & 0xC0) != 0x80)
                return false;
        }
        at += more;
    }
    return true;
}

static int hex_value(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

kw_err kw_percent_decode(struct kw_str text, bool plus_is_space, char *out, size_t *out_len)
{
    size_t used = 0;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        if (byte == '%') {
            int high = i + 2 < text.len ? hex_value(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_value(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return KW_EINVALID;
            byte = (char)(high * 16 + low);
            i += 2;
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        if (byte == 0)
            return KW_EINVALID;
        out[used++] = byte;
    }
    *out_len = used;
    return KW_OK;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t kw_base64_encode(const void *bytes, size_t length_bytes, char *out)
{
    const unsigned char *in = bytes;
    size_t used = 0;
    for (size_t i = 0; i < length_bytes; i += 3) {
        size_t left = length_bytes - i;
        unsigned long group = (unsigned long)in[i] << 16;
        if (left > 1)
            group |= (unsigned long)in[i + 1] << 8;
        if (left > 2)
            group |= in[i + 2];
        out[used++] = base64_digits[group >> 18 & 63];
        out[used++] = base64_digits[group >> 12 & 63];
        out[used++] = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        out[used++] = left > 2 ? base64_digits[group & 63] : '=';
    }
    out[used] = 0;
    return used;
}

static int base64_value(char byte)
{
    const char *found = byte != 0 ? strchr(base64_digits, byte) : NULL;
    return found != NULL ? (int)(found - base64_digits) : -1;
}

kw_err kw_base64_decode(struct kw_str text, void *out, size_t out_size, size_t *out_len)
{
    unsigned char *to = out;
    size_t used = 0;
    if (text.len % 4 != 0)
        return KW_EINVALID;
    for (size_t i = 0; i < text.len; i += 4) {
        bool last = i + 4 == text.len;
        unsigned pad =
            last ? (unsigned)(text.ptr[i + 3] == '=') + (unsigned)(text.ptr[i + 2] == '=') : 0;
        unsigned long group = 0;
        for (unsigned j = 0; j < 4; j++) {
            int value = j >= 4 - pad ? 0 : base64_value(text.ptr[i + j]);
            if (value < 0)
                return KW_EINVALID;
            group = group << 6 | (unsigned long)value;
        }
        if (pad == 2 && text.ptr[i + 3] != '=')
            return KW_EINVALID;
        for (unsigned j = 0; j < 3 - pad; j++) {
            if (used >= out_size)
                return KW_ETOOBIG;
            to[used++] = (unsigned char)(group >> (16 - 8 * j));
        }
    }
    *out_len = used;
    return KW_OK;
}

void kw_hex_encode(const void *bytes, size_t length_bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = bytes;
    for (size_t i = 0; i < length_bytes; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * length_bytes] = 0;
}

kw_err kw_hex_decode(struct kw_str text, void *out, size_t out_size, size_t *out_len)
{
    unsigned char *to = out;
    if (text.len % 2 != 0)
        return KW_EINVALID;
    if (text.len / 2 > out_size)
        return KW_ETOOBIG;
    for (size_t i = 0; i < text.len / 2; i++) {
        int high = hex_value(text.ptr[2 * i]), low = hex_value(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return KW_EINVALID;
        to[i] = (unsigned char)(high * 16 + low);
    }
    *out_len = text.len / 2;
    return KW_OK;
}

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value << bits | value >> (32 - bits);
}

static void sha1_block(uint32_t state[5], const unsigned char *block)
{
    uint32_t w[80];
    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (unsigned i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (unsigned i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) {
            f = (b & c) | (~b & d);
            k = 0x5A827999;
        } else if (i < 40) {
            f = b ^ c ^ d;
            k = 0x6ED9EBA1;
        } else if (i < 60) {
            f = (b & c) | (b & d) | (c & d);
            k = 0x8F1BBCDC;
        } else {
            f = b ^ c ^ d;
            k = 0xCA62C1D6;
        }
        uint32_t next = rotate(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void kw_sha1(const void *bytes, size_t length_bytes, uint8_t out[20])
{
    uint32_t state[5] = { 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0 };
    const unsigned char *in = bytes;
    unsigned char tail[128] = { 0 };
    size_t whole = length_bytes / 64 * 64, rest = length_bytes - whole;
    for (size_t i = 0; i < whole; i += 64)
        sha1_block(state, in + i);
    if (rest > 0)
        memcpy(tail, in + whole, rest);
    tail[rest] = 0x80;
    size_t tail_bytes = rest < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)length_bytes * 8;
    for (unsigned i = 0; i < 8; i++)
        tail[tail_bytes - 1 - i] = (unsigned char)(bits >> (8 * i));
    for (size_t i = 0; i < tail_bytes; i += 64)
        sha1_block(state, tail + i);
    for (unsigned i = 0; i < 20; i++)
        out[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}
