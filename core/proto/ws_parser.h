/* ws_parser.h - WebSocket frames in, messages out (RFC 6455), either side.
 *
 * Strict: masking by role, no reserved bits, control frames whole and <= 125 bytes, UTF-8 checked
 * as it arrives, close codes checked, message size and number of fragments bounded. */
#ifndef KW_PROTO_WS_PARSER_H
#define KW_PROTO_WS_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum kw_ws_role { KW_WS_SERVER /* peer masks */, KW_WS_CLIENT /* peer must not mask */ };

struct kw_ws_parser;

struct kw_ws_parser_events {
    /* A whole message, unmasked; valid during the call. */
    void (*on_message)(bool is_text, struct kw_str message, void *arg);
    void (*on_ping)(struct kw_str payload, void *arg);
    void (*on_pong)(struct kw_str payload, void *arg);
    /* Close frame: code 1005 if it had none. Feeding stops after it. */
    void (*on_close)(uint16_t code, struct kw_str reason, void *arg);
};

struct kw_ws_parser *kw_ws_parser_new(enum kw_ws_role role, size_t message_limit_bytes,
                                      unsigned fragment_limit,
                                      const struct kw_ws_parser_events *events, void *arg);
void kw_ws_parser_free(struct kw_ws_parser *parser);

/* KW_OK, all taken. KW_EPROTO: *close_code (1002, 1007, 1009) and *why (static) say what to close
 * with; the parser is dead. A callback may free nothing; it may call kw_ws_parser_stop(). */
KW_MUST_USE kw_err kw_ws_parser_feed(struct kw_ws_parser *parser, const char *bytes,
                                     size_t length_bytes, uint16_t *close_code, const char **why);
void kw_ws_parser_stop(struct kw_ws_parser *parser); /* ignore everything from here */

#endif
