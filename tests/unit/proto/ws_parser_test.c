/* ws_parser_test.c - RFC 6455 as a table: framing, fragments, UTF-8, control frames, close codes, limits, on
 * both sides (reliability.md R16). Every case is fed whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "proto/ws_frame.h"
#include "proto/ws_parser.h"

/* What came out, as text: "T:hello;P:;C1000:bye;!1002". */
struct seen {
    char text[1024];
    uint16_t close_code;
};

static void add(struct seen *seen, const char *format, ...)
{
    size_t used = strlen(seen->text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(seen->text + used, sizeof seen->text - used, format, args);
    va_end(args);
}

static void on_message(bool is_text, struct kw_str message, void *arg)
{
    assert_non_null(message.ptr);
    if (message.len > 100)
        add(arg, "%c(%zu);", is_text ? 'T' : 'B', message.len);
    else
        add(arg, "%c:%.*s;", is_text ? 'T' : 'B', (int)message.len, message.ptr);
}

static void on_ping(struct kw_str payload, void *arg)
{
    add(arg, "P:%.*s;", (int)payload.len, payload.ptr);
}

static void on_pong(struct kw_str payload, void *arg)
{
    add(arg, "O:%.*s;", (int)payload.len, payload.ptr);
}

static void on_close(uint16_t code, struct kw_str reason, void *arg)
{
    add(arg, "C%u:%.*s;", code, (int)reason.len, reason.ptr);
}

static const struct kw_ws_parser_events events = { on_message, on_ping, on_pong, on_close };

#define LIMIT 70000
#define FRAGMENTS 8

static void feed(struct seen *seen, enum kw_ws_role role, const char *bytes, size_t length,
                 size_t step)
{
    struct kw_ws_parser *parser = kw_ws_parser_new(role, LIMIT, FRAGMENTS, &events, seen);
    memset(seen, 0, sizeof *seen);
    for (size_t at = 0; at < length; at += step) {
        size_t part = step < length - at ? step : length - at;
        const char *why = NULL;
        uint16_t code = 0;
        char *copy = malloc(part);
        memcpy(copy, bytes + at, part);
        kw_err err = kw_ws_parser_feed(parser, copy, part, &code, &why);
        free(copy);
        if (err != KW_OK) {
            assert_non_null(why);
            add(seen, "!%u", code);
            seen->close_code = code;
            break;
        }
    }
    kw_ws_parser_free(parser);
}

static void check(enum kw_ws_role role, const char *bytes, size_t length, const char *wanted)
{
    static struct seen whole, pieces;
    static const size_t steps[] = { 1, 2, 3, 7 };
    feed(&whole, role, bytes, length, length);
    if (strcmp(whole.text, wanted) != 0)
        fail_msg("wanted <%s>, got <%s>", wanted, whole.text);
    for (size_t i = 0; i < KW_COUNT_OF(steps); i++) {
        feed(&pieces, role, bytes, length, steps[i]);
        if (strcmp(whole.text, pieces.text) != 0)
            fail_msg("step %zu: <%s>, whole <%s>", steps[i], pieces.text, whole.text);
    }
}

/* Frames written as a server would (unmasked), so that tables can be read; the other side is made of them by
 * masking each with its own key. */
#define FRAME(text) text, sizeof(text) - 1

struct frames {
    const char *wanted;
    const char *bytes;
    size_t length;
};

/* A client's copy of unmasked frames; lengths must be in their shortest form. */
static size_t mask_all(const char *in, size_t length, char *out)
{
    size_t used = 0, at = 0;
    while (at < length) {
        unsigned char second = (unsigned char)in[at + 1];
        size_t header = (second & 127) == 126 ? 4 : (second & 127) == 127 ? 10 : 2;
        size_t payload = second & 127;
        if (header == 4)
            payload = (size_t)(unsigned char)in[at + 2] << 8 | (unsigned char)in[at + 3];
        if (payload > length - at - header)
            payload = length - at - header;
        memcpy(out + used, in + at, header);
        out[used + 1] = (char)(second | 0x80);
        used += header;
        memcpy(out + used, "\x11\xfe\x00\x9c", 4);
        for (size_t i = 0; i < payload; i++)
            out[used + 4 + i] = (char)(in[at + header + i] ^ "\x11\xfe\x00\x9c"[i % 4]);
        used += 4 + payload;
        at += header + payload;
    }
    return used;
}

static const struct frames table[] = {
    /* framing */
    { "T:hello;", FRAME("\x81\x05hello") },
    { "T:;", FRAME("\x81\x00") },
    { "B:\x01\xff;", FRAME("\x82\x02\x01\xff") },
    { "T:a;T:b;", FRAME("\x81\x01"
                        "a\x81\x01"
                        "b") },
    { "!1002", FRAME("\xc1\x01"
                     "a") }, /* RSV1 */
    { "!1002", FRAME("\xa1\x01"
                     "a") },
    { "!1002", FRAME("\x91\x01"
                     "a") },
    { "!1002", FRAME("\x83\x01"
                     "a") }, /* unknown data opcodes */
    { "!1002", FRAME("\x87\x01"
                     "a") },
    { "!1002", FRAME("\x8b\x00") }, /* unknown control opcodes */
    { "!1002", FRAME("\x8f\x00") },
    /* fragments */
    { "T:ab;", FRAME("\x01\x01"
                     "a\x80\x01"
                     "b") },
    { "T:abc;", FRAME("\x01\x01"
                      "a\x00\x01"
                      "b\x80\x01"
                      "c") },
    { "T:;", FRAME("\x01\x00\x80\x00") },
    { "P:x;T:ab;", FRAME("\x01\x01"
                         "a\x89\x01"
                         "x\x80\x01"
                         "b") }, /* a ping between */
    { "!1002", FRAME("\x80\x01"
                     "a") }, /* nothing to continue */
    { "!1002", FRAME("\x00\x01"
                     "a") },
    { "!1002", FRAME("\x01\x01"
                     "a\x81\x01"
                     "b") }, /* a new one inside */
    { "!1002", FRAME("\x01\x01"
                     "a\x02\x01"
                     "b") },
    { "T:a;!1002", FRAME("\x81\x01"
                         "a\x80\x01"
                         "b") },
    { "T:12345678;", FRAME("\x01\x01"
                           "1\x00\x01"
                           "2\x00\x01"
                           "3\x00\x01"
                           "4\x00\x01"
                           "5\x00\x01"
                           "6\x00\x01"
                           "7\x80\x01"
                           "8") },
    { "!1008", FRAME("\x01\x01"
                     "1\x00\x01"
                     "2\x00\x01"
                     "3\x00\x01"
                     "4\x00\x01"
                     "5\x00\x01"
                     "6\x00\x01"
                     "7\x00\x01"
                     "8\x80\x01"
                     "9") },
    { "!1008", FRAME("\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00") },
    /* UTF-8 */
    { "T:\xce\xba\xe1\xbd\xb9;", FRAME("\x81\x05\xce\xba\xe1\xbd\xb9") },
    { "T:\xf0\x9f\x98\x80;", FRAME("\x01\x02\xf0\x9f\x80\x02\x98\x80") }, /* cut inside */
    { "T:\xf4\x8f\xbf\xbf;", FRAME("\x81\x04\xf4\x8f\xbf\xbf") },         /* U+10FFFF */
    { "T:\xed\x9f\xbf;", FRAME("\x81\x03\xed\x9f\xbf") },
    { "!1007", FRAME("\x81\x01\xff") },
    { "!1007", FRAME("\x81\x02\xc0\x80") },         /* overlong */
    { "!1007", FRAME("\x81\x03\xe0\x80\x80") },     /* overlong */
    { "!1007", FRAME("\x81\x04\xf0\x80\x80\x80") }, /* overlong */
    { "!1007", FRAME("\x81\x03\xed\xa0\x80") },     /* surrogate */
    { "!1007", FRAME("\x81\x04\xf4\x90\x80\x80") }, /* above U+10FFFF */
    { "!1007", FRAME("\x81\x02\xce"
                     "a") },
    { "!1007", FRAME("\x81\x01\x80") },
    { "!1007", FRAME("\x81\x01\xce") }, /* the end is inside a character */
    { "!1007", FRAME("\x01\x01\xce\x80\x00") },
    { "!1007", FRAME("\x01\x01\xff\x00\x01"
                     "a") },              /* at its byte, not at the end of the message */
    { "B:\xff;", FRAME("\x82\x01\xff") }, /* bytes are bytes */
    { "T:a;T:b;", FRAME("\x81\x01"
                        "a\x01\x00\x80\x01"
                        "b") },
    /* control frames */
    { "P:;O:x;", FRAME("\x89\x00\x8a\x01"
                       "x") },
    { "P:\xff;", FRAME("\x89\x01\xff") },
    { "!1002", FRAME("\x09\x01"
                     "a") }, /* not final */
    { "!1002", FRAME("\x89\x7e\x00\x7e"
                     "a") }, /* 126 bytes */
    { "!1002", FRAME("\x88\x7e\x00\x7e"
                     "a") },
    /* close */
    { "C1005:;", FRAME("\x88\x00") },
    { "C1000:;", FRAME("\x88\x02\x03\xe8") },
    { "C1000:bye;", FRAME("\x88\x05\x03\xe8"
                          "bye") },
    { "C1001:;", FRAME("\x88\x02\x03\xe9") },
    { "C3000:;", FRAME("\x88\x02\x0b\xb8") },
    { "C4999:;", FRAME("\x88\x02\x13\x87") },
    { "C1000:;", FRAME("\x88\x02\x03\xe8\x81\x01"
                       "a") }, /* what follows is not looked at */
    { "!1002", FRAME("\x88\x01\x03") },
    { "!1002", FRAME("\x88\x02\x00\x00") },
    { "!1002", FRAME("\x88\x02\x03\xe7") }, /* 999 */
    { "!1002", FRAME("\x88\x02\x03\xec") }, /* 1004 */
    { "!1002", FRAME("\x88\x02\x03\xed") }, /* 1005 */
    { "!1002", FRAME("\x88\x02\x03\xee") }, /* 1006 */
    { "!1002", FRAME("\x88\x02\x03\xf7") }, /* 1015 */
    { "!1002", FRAME("\x88\x02\x04\x4c") }, /* 1100 */
    { "!1002", FRAME("\x88\x02\x0b\xb7") }, /* 2999 */
    { "!1002", FRAME("\x88\x02\x13\x88") }, /* 5000 */
    { "!1007", FRAME("\x88\x03\x03\xe8\xff") },
    { "C1000:;", FRAME("\x01\x01"
                       "a\x88\x02\x03\xe8") }, /* inside a message */
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(table); i++) {
        char masked[400];
        size_t length = mask_all(table[i].bytes, table[i].length, masked);
        check(KW_WS_CLIENT, table[i].bytes, table[i].length, table[i].wanted);
        check(KW_WS_SERVER, masked, length, table[i].wanted);
    }
}

static void test_masking_by_role(void **state)
{
    (void)state;
    check(KW_WS_SERVER, FRAME("\x81\x05hello"), "!1002");
    check(KW_WS_CLIENT, FRAME("\x81\x85\x01\x02\x03\x04hello"), "!1002");
    check(KW_WS_SERVER, FRAME("\x81\x80\x01\x02\x03\x04"), "T:;");
}

static void big(size_t payload, size_t wire_length, const char *head, size_t head_bytes,
                const char *wanted)
{
    char *bytes = calloc(1, head_bytes + payload);
    static struct seen seen;
    memcpy(bytes, head, head_bytes);
    memset(bytes + head_bytes, 'x', payload);
    for (size_t step = wire_length + 20; step > 100; step /= 7) {
        feed(&seen, KW_WS_CLIENT, bytes, head_bytes + payload, step);
        assert_string_equal(seen.text, wanted);
    }
    free(bytes);
}

static void test_lengths(void **state)
{
    (void)state;
    big(125, 125, FRAME("\x81\x7d"), "T(125);");
    big(126, 126, FRAME("\x81\x7e\x00\x7e"), "T(126);");
    big(65535, 65535, FRAME("\x81\x7e\xff\xff"), "T(65535);");
    big(65536, 65536, FRAME("\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"), "T(65536);");
    big(70000, 70000, FRAME("\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70"), "T(70000);");
    /* one byte over the limit is refused at its header, before a byte of it is stored */
    check(KW_WS_CLIENT, FRAME("\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x71"), "!1009");
    check(KW_WS_CLIENT, FRAME("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), "!1009");
    check(KW_WS_CLIENT, FRAME("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), "!1002");
    /* lengths that could be shorter */
    check(KW_WS_CLIENT, FRAME("\x81\x7e\x00\x05hello"), "!1002");
    check(KW_WS_CLIENT, FRAME("\x81\x7e\x00\x7dhello"), "!1002");
    check(KW_WS_CLIENT, FRAME("\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff"), "!1002");
}

/* The limit is of the message, not of a frame. */
static void test_limit_over_fragments(void **state)
{
    static char bytes[2 * 40004];
    static struct seen seen;
    (void)state;
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "\x01\x7e\x9c\x40", 4);
    memcpy(bytes + 40004, "\x80\x7e\x9c\x40", 4);
    feed(&seen, KW_WS_CLIENT, bytes, sizeof bytes, sizeof bytes);
    assert_string_equal(seen.text, "!1009");
    memcpy(bytes + 40004, "\x80\x7e\x75\x30", 4); /* 30,000: just right */
    feed(&seen, KW_WS_CLIENT, bytes, 40004 + 4 + 30000, 1000);
    assert_string_equal(seen.text, "T(70000);");
}

struct stopper {
    struct kw_ws_parser *parser;
    unsigned messages;
};

static void stop_at_first(bool is_text, struct kw_str message, void *arg)
{
    struct stopper *stopper = arg;
    (void)is_text;
    (void)message;
    stopper->messages++;
    kw_ws_parser_stop(stopper->parser);
}

static void test_stop_inside(void **state)
{
    static const struct kw_ws_parser_events stopping = { stop_at_first, NULL, NULL, on_close };
    struct stopper stopper = { NULL, 0 };
    const char *why;
    uint16_t code;
    (void)state;
    stopper.parser = kw_ws_parser_new(KW_WS_CLIENT, 100, 8, &stopping, &stopper);
    /* pings without a callback are fine */
    assert_int_equal(kw_ws_parser_feed(stopper.parser,
                                       FRAME("\x89\x00\x8a\x00\x81\x01"
                                             "a\x81\x01"
                                             "b"),
                                       &code, &why),
                     KW_OK);
    assert_int_equal(kw_ws_parser_feed(stopper.parser, FRAME("\xff\xff\xff"), &code, &why), KW_OK);
    assert_int_equal(stopper.messages, 1);
    kw_ws_parser_free(stopper.parser);
    kw_ws_parser_free(NULL);
}

static void test_no_memory(void **state)
{
    static struct seen seen;
    const char *why;
    uint16_t code;
    (void)state;
    memset(&seen, 0, sizeof seen);
    struct kw_ws_parser *parser = kw_ws_parser_new(KW_WS_CLIENT, 100, 8, &events, &seen);
    kw_mem_fail_at(1);
    assert_int_equal(kw_ws_parser_feed(parser, FRAME("\x81\x05hello"), &code, &why), KW_EPROTO);
    kw_mem_fail_at(0);
    assert_int_equal(code, 1009);
    kw_ws_parser_free(parser);
}

/* --- frames out --- */

static void test_frames_read_back(void **state)
{
    static const size_t lengths[] = { 0, 1, 125, 126, 65535, 65536 };
    static struct seen seen;
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(lengths); i++) {
        char *text = calloc(1, lengths[i] + 1), wanted[120];
        struct kw_buf out;
        memset(text, 'y', lengths[i]);
        if (lengths[i] > 100)
            (void)snprintf(wanted, sizeof wanted, "T(%zu);", lengths[i]);
        else
            (void)snprintf(wanted, sizeof wanted, "T:%s;", text);
        struct kw_blob *blob = kw_ws_frame_blob(KW_WS_TEXT, kw_str_n(text, lengths[i]));
        feed(&seen, KW_WS_CLIENT, blob->bytes, blob->length_bytes, 4096);
        assert_string_equal(seen.text, wanted);
        kw_blob_unref(blob);
        kw_buf_init(&out, 1 << 20);
        assert_int_equal(kw_ws_frame_masked(&out, KW_WS_TEXT, kw_str_n(text, lengths[i]),
                                            (const uint8_t *)"\x01\x80\x7f\xff"),
                         KW_OK);
        feed(&seen, KW_WS_SERVER, kw_buf_ptr(&out), kw_buf_len(&out), 4096);
        assert_string_equal(seen.text, wanted);
        kw_buf_free(&out);
        free(text);
    }
}

static void test_close_payload(void **state)
{
    char out[125], reason[200];
    (void)state;
    assert_int_equal(kw_ws_close_payload(1000, "", out), 2);
    assert_memory_equal(out, "\x03\xe8", 2);
    memset(reason, 'r', sizeof reason - 1);
    reason[sizeof reason - 1] = 0;
    assert_int_equal(kw_ws_close_payload(1001, reason, out), 125);
    memcpy(reason + 122, "\xd0\xb9", 2); /* a letter over the edge is left out whole */
    assert_int_equal(kw_ws_close_payload(1001, reason, out), 124);
}

static void test_handshake_words(void **state)
{
    static const char *const ours[] = { "ocpp1.6", "ocpp2.0.1", NULL };
    char accept[29];
    (void)state;
    assert_int_equal(kw_ws_accept_key(KW_STR("dGhlIHNhbXBsZSBub25jZQ=="), accept), KW_OK);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_int_equal(kw_ws_accept_key(KW_STR("dGhlIHNhbXBsZSBub25jZQ="), accept), KW_EINVALID);
    assert_int_equal(kw_ws_accept_key(KW_STR("dGhlIHNhbXBsZSBub25jZSE="), accept), KW_EINVALID);
    assert_int_equal(kw_ws_accept_key(KW_STR(""), accept), KW_EINVALID);
    assert_int_equal(kw_ws_accept_key(KW_STR("????????????????????????"), accept), KW_EINVALID);
    assert_string_equal(kw_ws_choose_protocol(KW_STR("ocpp2.1, ocpp2.0.1 ,ocpp1.6"), ours),
                        "ocpp2.0.1");
    assert_null(kw_ws_choose_protocol(KW_STR("ocpp1.5,OCPP1.6,,"), ours));
    assert_null(kw_ws_choose_protocol(KW_STR(""), ours));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_table),
                                        cmocka_unit_test(test_masking_by_role),
                                        cmocka_unit_test(test_lengths),
                                        cmocka_unit_test(test_limit_over_fragments),
                                        cmocka_unit_test(test_stop_inside),
                                        cmocka_unit_test(test_no_memory),
                                        cmocka_unit_test(test_frames_read_back),
                                        cmocka_unit_test(test_close_payload),
                                        cmocka_unit_test(test_handshake_words) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
