/* proto_ws_fuzz.c - WebSocket frames on either side: the same messages and the same close code however cut. */
#include "fuzz.h"

#include "base/str.h"
#include "proto/ws_parser.h"

#define MESSAGE_LIMIT 5000
#define FRAGMENT_LIMIT 20

static void on_message(bool is_text, struct kw_str message, void *arg)
{
    MUST(message.len <= MESSAGE_LIMIT && message.ptr != NULL);
    MUST(!is_text || kw_utf8_valid(message.ptr, message.len));
    digest_number(arg, is_text);
    digest_add(arg, message.ptr, message.len);
}

static void on_control(struct kw_str payload, void *arg)
{
    MUST(payload.len <= 125);
    digest_add(arg, payload.ptr, payload.len);
}

static void on_close(uint16_t code, struct kw_str reason, void *arg)
{
    MUST(code >= 1000 && code < 5000 && kw_utf8_valid(reason.ptr, reason.len));
    digest_number(arg, code);
    digest_add(arg, reason.ptr, reason.len);
}

static uint64_t parse(enum kw_ws_role role, const uint8_t *data, size_t size, size_t step)
{
    static const struct kw_ws_parser_events events = { on_message, on_control, on_control,
                                                       on_close };
    struct digest digest = { 1469598103934665603u };
    struct kw_ws_parser *parser =
        kw_ws_parser_new(role, MESSAGE_LIMIT, FRAGMENT_LIMIT, &events, &digest);
    for (size_t at = 0; at < size; at += step) {
        size_t part = step < size - at ? step : size - at;
        uint16_t code = 0;
        const char *why = NULL;
        char *copy = exact_copy(data + at, part);
        kw_err err = kw_ws_parser_feed(parser, copy, part, &code, &why);
        free(copy);
        if (err != KW_OK) {
            MUST(code == 1002 || code == 1007 || code == 1008 || code == 1009);
            MUST(why != NULL);
            digest_number(&digest, code);
            break;
        }
    }
    kw_ws_parser_free(parser);
    return digest.value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int role = KW_WS_SERVER; role <= KW_WS_CLIENT; role++) {
        uint64_t whole = parse((enum kw_ws_role)role, data, size, size > 0 ? size : 1);
        MUST(parse((enum kw_ws_role)role, data, size, 1) == whole);
        MUST(parse((enum kw_ws_role)role, data, size, 5) == whole);
    }
    return 0;
}
