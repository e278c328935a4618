/* ws_parser.c - A frame at a time; payloads of messages are collected, control frames are not split.
 *
 * UTF-8 is checked as bytes arrive (a small automaton), so that a bad message is refused at its bad
 * byte and not at its end. */
#include "proto/ws_parser.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "proto/ws_frame.h"

struct kw_ws_parser {
    enum kw_ws_role role;
    const struct kw_ws_parser_events *events;
    void *arg;
    size_t message_limit;
    unsigned fragment_limit, fragments;
    uint8_t header[KW_WS_HEADER_BYTES];
    size_t header_have, header_need;
    uint64_t payload_left;
    uint64_t payload_at; /* for the mask */
    uint8_t mask[4];
    uint8_t opcode;         /* of the frame */
    uint8_t message_opcode; /* 0: no message open */
    bool final, stopped, in_payload;
    struct kw_buf message;
    char control[125];
    size_t control_have;
    uint32_t utf8_need;          /* continuation bytes still wanted */
    uint8_t utf8_low, utf8_high; /* range of the next continuation byte */
};

struct kw_ws_parser *kw_ws_parser_new(enum kw_ws_role role, size_t message_limit_bytes,
                                      unsigned fragment_limit,
                                      const struct kw_ws_parser_events *events, void *arg)
{
    struct kw_ws_parser *parser = kw_zalloc(sizeof *parser);
    parser->role = role;
    parser->message_limit = message_limit_bytes;
    parser->fragment_limit = fragment_limit;
    parser->events = events;
    parser->arg = arg;
    parser->header_need = 2;
    kw_buf_init(&parser->message, message_limit_bytes);
    return parser;
}

void kw_ws_parser_free(struct kw_ws_parser *parser)
{
    if (parser == NULL)
        return;
    kw_buf_free(&parser->message);
    kw_free(parser);
}

void kw_ws_parser_stop(struct kw_ws_parser *parser)
{
    parser->stopped = true;
}

static kw_err broken(struct kw_ws_parser *parser, uint16_t code, const char *text,
                     uint16_t *close_code, const char **why)
{
    parser->stopped = true;
    *close_code = code;
    *why = text;
    return KW_EPROTO;
}

/* Feed bytes to the UTF-8 automaton; false at the first bad byte. */
static bool utf8_feed(struct kw_ws_parser *parser, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        unsigned char byte = bytes[i];
        if (parser->utf8_need > 0) {
            if (byte < parser->utf8_low || byte > parser->utf8_high)
                return false;
            parser->utf8_need--;
            parser->utf8_low = 0x80;
            parser->utf8_high = 0xBF;
        } else if (byte >= 0x80) {
            if (byte < 0xC2 || byte > 0xF4)
                return false;
            parser->utf8_need = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
            parser->utf8_low = byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
            parser->utf8_high = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
        }
    }
    return true;
}

static const char *check_start(const struct kw_ws_parser *parser)
{
    uint8_t first = parser->header[0], second = parser->header[1], opcode = first & 15;
    if (first & 0x70)
        return "reserved bits are set";
    if (((second & 0x80) != 0) != (parser->role == KW_WS_SERVER))
        return parser->role == KW_WS_SERVER ? "a client frame is not masked"
                                            : "a server frame is masked";
    if (opcode > 2 && (opcode < 8 || opcode > 10))
        return "an unknown opcode";
    if (opcode >= 8 && (!(first & 0x80) || (second & 0x7f) > 125))
        return "a control frame is split or too long";
    if (opcode == 0 && parser->message_opcode == 0)
        return "a continuation without a message";
    if ((opcode == 1 || opcode == 2) && parser->message_opcode != 0)
        return "a new message inside a message";
    return NULL;
}

static size_t header_size(const struct kw_ws_parser *parser)
{
    uint8_t length = parser->header[1] & 0x7f;
    return 2u +
           (length == 126   ? 2u
            : length == 127 ? 8u
                            : 0u) +
           (parser->header[1] & 0x80 ? 4u : 0u);
}

static kw_err begin_frame(struct kw_ws_parser *parser, uint16_t *close_code, const char **why)
{
    uint8_t length = parser->header[1] & 0x7f;
    size_t at = 2;
    uint64_t payload = length;
    if (length >= 126) {
        size_t bytes = length == 126 ? 2 : 8;
        payload = 0;
        for (size_t i = 0; i < bytes; i++)
            payload = payload << 8 | parser->header[at + i];
        at += bytes;
        if (payload < (length == 126 ? 126u : 65536u) || payload >> 63)
            return broken(parser, 1002, "a length is not in its shortest form", close_code, why);
    }
    if (parser->header[1] & 0x80)
        memcpy(parser->mask, parser->header + at, 4);
    else
        memset(parser->mask, 0, 4);
    parser->opcode = parser->header[0] & 15;
    parser->final = (parser->header[0] & 0x80) != 0;
    if (parser->opcode < 8) {
        if (payload > parser->message_limit - kw_buf_len(&parser->message))
            return broken(parser, 1009, "the message is too large", close_code, why);
        if (parser->opcode != 0) {
            parser->message_opcode = parser->opcode;
            parser->fragments = 0;
            parser->utf8_need = 0;
        }
        if (++parser->fragments > parser->fragment_limit)
            return broken(parser, 1008, "too many fragments", close_code, why);
    }
    parser->payload_left = payload;
    parser->payload_at = 0;
    parser->control_have = 0;
    parser->in_payload = true;
    return KW_OK;
}

static bool valid_close_code(uint16_t code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static kw_err close_frame(struct kw_ws_parser *parser, uint16_t *close_code, const char **why)
{
    uint16_t code = 1005;
    struct kw_str reason = KW_STR("");
    if (parser->control_have == 1)
        return broken(parser, 1002, "a close frame of one byte", close_code, why);
    if (parser->control_have >= 2) {
        code =
            (uint16_t)((unsigned char)parser->control[0] << 8 | (unsigned char)parser->control[1]);
        reason = kw_str_n(parser->control + 2, parser->control_have - 2);
        if (!valid_close_code(code))
            return broken(parser, 1002, "an invalid close code", close_code, why);
        if (!kw_utf8_valid(reason.ptr, reason.len))
            return broken(parser, 1007, "a close reason that is not UTF-8", close_code, why);
    }
    parser->stopped = true;
    parser->events->on_close(code, reason, parser->arg);
    return KW_OK;
}

static kw_err end_frame(struct kw_ws_parser *parser, uint16_t *close_code, const char **why)
{
    parser->in_payload = false;
    parser->header_have = 0;
    parser->header_need = 2;
    struct kw_str control = kw_str_n(parser->control, parser->control_have);
    switch (parser->opcode) {
    case KW_WS_CLOSE:
        return close_frame(parser, close_code, why);
    case KW_WS_PING:
        if (parser->events->on_ping != NULL)
            parser->events->on_ping(control, parser->arg);
        return KW_OK;
    case KW_WS_PONG:
        if (parser->events->on_pong != NULL)
            parser->events->on_pong(control, parser->arg);
        return KW_OK;
    default:
        break;
    }
    if (!parser->final)
        return KW_OK;
    if (parser->message_opcode == KW_WS_TEXT && parser->utf8_need > 0)
        return broken(parser, 1007, "a text message that is not UTF-8", close_code, why);
    bool is_text = parser->message_opcode == KW_WS_TEXT;
    parser->message_opcode = 0;
    struct kw_str message = kw_buf_str(&parser->message);
    if (message.ptr == NULL)
        message.ptr = "";
    parser->events->on_message(is_text, message, parser->arg);
    kw_buf_clear(&parser->message);
    if (parser->message.capacity > 4096)
        kw_buf_free(&parser->message); /* an idle session stays small */
    return KW_OK;
}

static kw_err take_payload(struct kw_ws_parser *parser, const char *bytes, size_t count,
                           uint16_t *close_code, const char **why)
{
    char *to;
    if (count == 0)
        return KW_OK;
    if (parser->opcode >= 8) {
        to = parser->control + parser->control_have;
        parser->control_have += count;
    } else {
        if (kw_buf_reserve(&parser->message, count) != KW_OK)
            return broken(parser, 1009, "the message is too large", close_code, why);
        to = kw_buf_tail(&parser->message);
        kw_buf_commit(&parser->message, count);
    }
    for (size_t i = 0; i < count; i++)
        to[i] = (char)(bytes[i] ^ (char)parser->mask[(parser->payload_at + i) & 3]);
    parser->payload_at += count;
    parser->payload_left -= count;
    if (parser->opcode < 8 && parser->message_opcode == KW_WS_TEXT &&
        !utf8_feed(parser, (unsigned char *)to, count))
        return broken(parser, 1007, "a text message that is not UTF-8", close_code, why);
    return KW_OK;
}

kw_err kw_ws_parser_feed(struct kw_ws_parser *parser, const char *bytes, size_t length_bytes,
                         uint16_t *close_code, const char **why)
{
    size_t at = 0;
    while (!parser->stopped &&
           (at < length_bytes || (parser->in_payload && parser->payload_left == 0))) {
        kw_err err = KW_OK;
        if (parser->in_payload) {
            size_t now = length_bytes - at;
            if (now > parser->payload_left)
                now = (size_t)parser->payload_left;
            err = take_payload(parser, bytes + at, now, close_code, why);
            at += now;
            if (err == KW_OK && parser->payload_left == 0)
                err = end_frame(parser, close_code, why);
        } else {
            parser->header[parser->header_have++] = (uint8_t)bytes[at++];
            if (parser->header_have == 2) {
                const char *fault = check_start(parser);
                if (fault != NULL)
                    return broken(parser, 1002, fault, close_code, why);
                parser->header_need = header_size(parser);
            }
            if (parser->header_have == parser->header_need)
                err = begin_frame(parser, close_code, why);
        }
        if (err != KW_OK)
            return err;
    }
    return KW_OK;
}
