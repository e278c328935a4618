/* ws_frame.c - Frames written by hand: 2, 4 or 10 bytes before the payload. */
#include "proto/ws_frame.h"

#include <string.h>

size_t kw_ws_frame_header(enum kw_ws_opcode opcode, size_t payload_bytes,
                          uint8_t out[KW_WS_HEADER_BYTES])
{
    out[0] = (uint8_t)(0x80 | opcode);
    if (payload_bytes < 126) {
        out[1] = (uint8_t)payload_bytes;
        return 2;
    }
    if (payload_bytes < 65536) {
        out[1] = 126;
        out[2] = (uint8_t)(payload_bytes >> 8);
        out[3] = (uint8_t)payload_bytes;
        return 4;
    }
    out[1] = 127;
    for (unsigned i = 0; i < 8; i++)
        out[2 + i] = (uint8_t)((uint64_t)payload_bytes >> (56 - 8 * i));
    return 10;
}

struct kw_blob *kw_ws_frame_blob(enum kw_ws_opcode opcode, struct kw_str payload)
{
    uint8_t header[KW_WS_HEADER_BYTES];
    size_t header_bytes = kw_ws_frame_header(opcode, payload.len, header);
    struct kw_blob *blob = kw_blob_new_raw(header_bytes + payload.len);
    memcpy(blob->bytes, header, header_bytes);
    if (payload.len > 0)
        memcpy(blob->bytes + header_bytes, payload.ptr, payload.len);
    return blob;
}

kw_err kw_ws_frame_masked(struct kw_buf *out, enum kw_ws_opcode opcode, struct kw_str payload,
                          const uint8_t mask[4])
{
    uint8_t header[KW_WS_HEADER_BYTES];
    size_t header_bytes = kw_ws_frame_header(opcode, payload.len, header);
    header[1] |= 0x80;
    memcpy(header + header_bytes, mask, 4);
    kw_err err = kw_buf_reserve(out, header_bytes + 4 + payload.len);
    if (err != KW_OK)
        return err;
    char *to = kw_buf_tail(out);
    memcpy(to, header, header_bytes + 4);
    to += header_bytes + 4;
    for (size_t i = 0; i < payload.len; i++)
        to[i] = (char)(payload.ptr[i] ^ (char)mask[i % 4]);
    kw_buf_commit(out, header_bytes + 4 + payload.len);
    return KW_OK;
}

size_t kw_ws_close_payload(uint16_t code, const char *reason, char out[125])
{
    size_t length = strlen(reason);
    if (length > 123)
        length = 123;
    while (length > 0 && !kw_utf8_valid(reason, length))
        length--;
    out[0] = (char)(code >> 8);
    out[1] = (char)(code & 255);
    memcpy(out + 2, reason, length);
    return length + 2;
}

kw_err kw_ws_accept_key(struct kw_str key, char out[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[24 + sizeof guid];
    uint8_t raw[18], digest[20];
    size_t length;
    if (key.len != 24 || kw_base64_decode(key, raw, sizeof raw, &length) != KW_OK || length != 16)
        return KW_EINVALID;
    memcpy(text, key.ptr, 24);
    memcpy(text + 24, guid, sizeof guid);
    kw_sha1(text, 24 + sizeof guid - 1, digest);
    (void)kw_base64_encode(digest, sizeof digest, out);
    return KW_OK;
}

const char *kw_ws_choose_protocol(struct kw_str offered, const char *const *ours)
{
    while (offered.len > 0) {
        struct kw_str one = kw_str_trim(kw_str_cut(offered, ',', &offered));
        for (const char *const *mine = ours; *mine != NULL; mine++) {
            if (kw_str_eqc(one, *mine))
                return *mine;
        }
    }
    return NULL;
}
