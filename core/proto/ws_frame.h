/* ws_frame.h - Frames out, and the handshake's accept key. */
#ifndef KW_PROTO_WS_FRAME_H
#define KW_PROTO_WS_FRAME_H

#include "base/buf.h"

enum kw_ws_opcode {
    KW_WS_TEXT = 1,
    KW_WS_BINARY = 2,
    KW_WS_CLOSE = 8,
    KW_WS_PING = 9,
    KW_WS_PONG = 10
};

#define KW_WS_HEADER_BYTES 14

/* Unmasked header (server side) of a final frame; returns its length (2, 4 or 10). */
size_t kw_ws_frame_header(enum kw_ws_opcode opcode, size_t payload_bytes,
                          uint8_t out[KW_WS_HEADER_BYTES]);

/* A whole unmasked frame as shared bytes: framed once, sent to many. */
struct kw_blob *kw_ws_frame_blob(enum kw_ws_opcode opcode, struct kw_str payload);

/* Append a whole masked frame (client side); `mask` should be random. */
KW_MUST_USE kw_err kw_ws_frame_masked(struct kw_buf *out, enum kw_ws_opcode opcode,
                                      struct kw_str payload, const uint8_t mask[4]);

/* Payload of a close frame: code and a reason cut to 123 bytes on a UTF-8 boundary. Returns bytes. */
size_t kw_ws_close_payload(uint16_t code, const char *reason, char out[125]);

/* Sec-WebSocket-Accept for a key (RFC 6455 4.2.2): 28 characters and a zero. KW_EINVALID: the key is
 * not 16 bytes in base64. */
KW_MUST_USE kw_err kw_ws_accept_key(struct kw_str key, char out[29]);

/* Choose from the comma-separated list the first of `ours` (NULL-terminated, in our order of the
 * client's preference: the client's list decides) — NULL: none in common. */
const char *kw_ws_choose_protocol(struct kw_str offered, const char *const *ours);

#endif
