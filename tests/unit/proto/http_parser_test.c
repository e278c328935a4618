/* http_parser_test.c - A table of requests that a strict server takes or refuses, each fed whole, byte by byte
 * and in uneven pieces: the outcome may not depend on the cut (reliability.md R15). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "proto/http_parser.h"

/* Everything that came out of a parser, as text: "GET /path host=a keep body=hello;" per message. */
struct outcome {
    char text[2048];
    struct kw_buf body;
    size_t limit;
    int status;
    char slug[40];
};

static void add(struct outcome *outcome, const char *format, ...)
{
    size_t used = strlen(outcome->text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(outcome->text + used, sizeof outcome->text - used, format, args);
    va_end(args);
}

static size_t on_head(const struct kw_http_head *head, void *arg)
{
    struct outcome *outcome = arg;
    add(outcome, "%s %.*s host=%.*s%s%s", kw_http_method_name(head->method), (int)head->target.len,
        head->target.ptr, (int)head->host.len, head->host.ptr != NULL ? head->host.ptr : "",
        head->keep_alive ? " keep" : "", head->upgrade_websocket ? " ws" : "");
    return outcome->limit;
}

static void on_body(struct kw_str piece, void *arg)
{
    struct outcome *outcome = arg;
    assert_int_equal(kw_buf_append(&outcome->body, piece.ptr, piece.len), KW_OK);
}

static void on_message(void *arg)
{
    struct outcome *outcome = arg;
    if (kw_buf_len(&outcome->body) > 0)
        add(outcome, " body=%.*s", (int)kw_buf_len(&outcome->body), kw_buf_ptr(&outcome->body));
    add(outcome, ";");
    kw_buf_clear(&outcome->body);
}

static const struct kw_http_events events = { on_head, on_body, on_message };

/* Feed `bytes` in pieces of `step` (0: uneven). */
static void parse(struct outcome *outcome, const char *bytes, size_t length, size_t step)
{
    struct kw_http_parser *parser = kw_http_parser_new(KW_HTTP_SERVER, &events, outcome);
    size_t at = 0, turn = 1, idle = 0;
    while (at < length && outcome->status == 0) {
        struct kw_http_fault fault = { 0, NULL, NULL };
        size_t used = 0, part = step > 0 ? step : turn++ * 7 % 31 + 1;
        if (part > length - at)
            part = length - at;
        char *copy = malloc(part); /* exact, so that a read beyond it is seen */
        memcpy(copy, bytes + at, part);
        if (kw_http_parser_feed(parser, copy, part, &used, &fault) != KW_OK) {
            outcome->status = fault.status;
            (void)snprintf(outcome->slug, sizeof outcome->slug, "%s", fault.slug);
            assert_true(fault.status >= 400 && fault.slug != NULL && fault.text != NULL);
            assert_int_equal(kw_http_parser_feed(parser, copy, part, &used, &fault), KW_EPROTO);
        }
        free(copy);
        assert_true(used <= part);
        at += used;
        idle = used == 0 ? idle + 1 : 0;
        if (outcome->status == 0 && used < part)
            kw_http_parser_next(parser); /* a message is complete */
        assert_true(idle < 3);
    }
    kw_http_parser_free(parser);
}

static void outcome_of(struct outcome *outcome, const char *bytes, size_t length, size_t step)
{
    size_t limit = outcome->limit;
    memset(outcome, 0, sizeof *outcome);
    outcome->limit = limit;
    kw_buf_init(&outcome->body, 1 << 20);
    parse(outcome, bytes, length, step);
    kw_buf_free(&outcome->body);
}

/* The cuts agree; the outcome of the whole is left in `outcome`. */
static void check_cuts(struct outcome *outcome, const char *bytes, size_t length)
{
    static const size_t steps[] = { 1, 0, 2, 3 };
    struct outcome other = { .limit = outcome->limit };
    outcome_of(outcome, bytes, length, length > 0 ? length : 1);
    for (size_t i = 0; i < KW_COUNT_OF(steps); i++) {
        outcome_of(&other, bytes, length, steps[i]);
        if (other.status != outcome->status || strcmp(other.slug, outcome->slug) != 0 ||
            strcmp(other.text, outcome->text) != 0)
            fail_msg("cut %zu: %d %s <%s>, whole: %d %s <%s>", steps[i], other.status, other.slug,
                     other.text, outcome->status, outcome->slug, outcome->text);
    }
}

#define H "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" H
#define POST "POST / HTTP/1.1\r\n" H
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define END "0\r\n\r\n"

struct request {
    int status; /* 0: taken */
    const char *bytes;
    const char *says; /* outcome text, or slug; NULL: any */
};

/* clang-format off */
static const struct request table[] = {
    /* taken */
    { 0, GET "\r\n", "GET / host=a keep;" },
    { 0, "\r\n" GET "\r\n", "GET / host=a keep;" },
    { 0, "GET /a?b=c HTTP/1.1\r\nHost: x.y:8443\r\n\r\n", "GET /a?b=c host=x.y:8443 keep;" },
    { 0, "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / host=[::1]:80 keep;" },
    { 0, "GET / HTTP/1.0\r\n\r\n", "GET / host=;" },
    { 0, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / host= keep;" },
    { 0, GET "Connection: close\r\n\r\n", "GET / host=a;" },
    { 0, "OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * host=a keep;" },
    { 0, "GET http://a/x HTTP/1.1\r\n" H "\r\n", "GET /x host=a keep;" },
    { 0, "GET http://a HTTP/1.1\r\n" H "\r\n", "GET / host=a keep;" },
    { 0, POST "Content-Length: 5\r\n\r\nhello", "POST / host=a keep body=hello;" },
    { 0, POST "Content-Length: 0\r\n\r\n", "POST / host=a keep;" },
    { 0, POST "content-length:5 \r\n\r\nhello", "POST / host=a keep body=hello;" },
    { 0, CHUNKED "5\r\nhello\r\n" END, "POST / host=a keep body=hello;" },
    { 0, CHUNKED "2\r\nhe\r\n3;x=y\r\nllo\r\n" END, "POST / host=a keep body=hello;" },
    { 0, POST "Transfer-Encoding:\tCHUNKED\r\n\r\n1\r\nx\r\n" END, "POST / host=a keep body=x;" },
    { 0, CHUNKED "1\r\nx\r\n0\r\nHost: evil\r\nContent-Length: 9\r\n\r\n" GET "\r\n",
      "POST / host=a keep body=x;GET / host=a keep;" },
    { 0, POST "Content-Length: 2\r\n\r\nhi" GET "\r\n" GET "\r\n",
      "POST / host=a keep body=hi;GET / host=a keep;GET / host=a keep;" },
    { 0, GET "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n", "GET / host=a keep ws;" },
    { 0, GET "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", "GET / host=a keep;" },
    { 0, GET "X: \x80\xff obs-text\r\n\r\n", "GET / host=a keep;" },
    { 0, "DELETE /x HTTP/1.1\r\n" H "\r\n", "DELETE /x host=a keep;" },
    /* two lengths, or none that is clear: the smuggling group */
    { 400, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" END, NULL },
    { 400, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" END, NULL },
    { 400, POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", NULL },
    { 400, POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", NULL },
    { 400, POST "Content-Length: 5, 5\r\n\r\nhello", NULL },
    { 400, POST "Content-Length: +5\r\n\r\nhello", NULL },
    { 400, POST "Content-Length: -5\r\n\r\nhello", NULL },
    { 400, POST "Content-Length: 0x5\r\n\r\nhello", NULL },
    { 400, POST "Content-Length: 5 5\r\n\r\nhello", NULL },
    { 400, POST "Content-Length: 5.0\r\n\r\nhello", NULL },
    { 400, POST "Content-Length:\r\n\r\nhello", NULL },
    { 400, POST "Content-Length: five\r\n\r\nhello", NULL },
    { 400, POST "Content-Length : 5\r\n\r\nhello", NULL },
    { 400, POST "Content-Length: 99999999999999999999\r\n\r\n", NULL },
    { 413, POST "Content-Length: 99999999\r\n\r\n", "body-too-large" },
    { 501, POST "Transfer-Encoding: gzip, chunked\r\n\r\n" END, "bad-encoding" },
    { 400, POST "Transfer-Encoding: chunked, gzip\r\n\r\n" END, NULL },
    { 400, POST "Transfer-Encoding: chunked, chunked\r\n\r\n" END, NULL },
    { 501, POST "Transfer-Encoding: identity\r\n\r\n", "bad-encoding" },
    { 501, POST "Transfer-Encoding: xchunked\r\n\r\n" END, "bad-encoding" },
    { 501, POST "Transfer-Encoding: \"chunked\"\r\n\r\n" END, "bad-encoding" },
    { 501, POST "Transfer-Encoding:\r\n\r\n" END, "bad-encoding" },
    { 400, POST "Transfer-Encoding : chunked\r\n\r\n" END, NULL },
    { 400, POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" END, NULL },
    { 400, POST "Transfer-Encoding:\x0b" "chunked\r\n\r\n" END, NULL },
    { 400, "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n" END, "chunked-1-0" },
    /* chunks */
    { 400, CHUNKED "0x5\r\nhello\r\n" END, NULL },
    { 400, CHUNKED "g\r\nhello\r\n" END, NULL },
    { 400, CHUNKED "-1\r\nhello\r\n" END, NULL },
    { 400, CHUNKED " 5\r\nhello\r\n" END, NULL },
    { 400, CHUNKED "5\r\nhelloX\r\n" END, NULL },
    { 400, CHUNKED "5\nhello\n0\n\n", NULL },
    { 400, CHUNKED "\r\nhello\r\n" END, NULL },
    { 400, CHUNKED "FFFFFFFFFFFFFFFFF\r\nhello\r\n" END, NULL },
    /* Host */
    { 400, "GET / HTTP/1.1\r\n\r\n", "no-host" },
    { 400, GET "Host: b\r\n\r\n", "two-hosts" },
    { 400, GET "Host: a\r\n\r\n", "two-hosts" },
    { 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", "bad-host" },
    { 400, "GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", "bad-host" },
    { 400, "GET http://b/ HTTP/1.1\r\n" H "\r\n", "two-hosts" },
    /* versions */
    { 505, "GET / HTTP/2.0\r\n" H "\r\n", "bad-version" },
    { 505, "GET / HTTP/1.2\r\n" H "\r\n", "bad-version" },
    { 505, "GET / HTTP/0.9\r\n\r\n", "bad-version" },
    { 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad-version" },
    { 400, "GET / http/1.1\r\n" H "\r\n", "bad-version" },
    { 400, "GET / HTTP/1.10\r\n" H "\r\n", "bad-version" },
    { 400, "GET / HTTP/1\r\n" H "\r\n", "bad-version" },
    { 400, "GET / XTTP/1.1\r\n" H "\r\n", "bad-version" },
    { 400, "GET /\r\n\r\n", "bad-line" },
    /* spaces, line ends */
    { 400, "GET  / HTTP/1.1\r\n" H "\r\n", "bad-line" },
    { 400, "GET /  HTTP/1.1\r\n" H "\r\n", "bad-line" },
    { 400, "GET / HTTP/1.1 \r\n" H "\r\n", "bad-line" },
    { 400, " GET / HTTP/1.1\r\n" H "\r\n", "bad-line" },
    { 400, "GET\t/\tHTTP/1.1\r\n" H "\r\n", "bad-line" },
    { 400, "GET / HTTP/1.1\n" H "\r\n", "bare-lf" },
    { 400, "GET / HTTP/1.1\r\nHost: a\n\r\n", "bare-lf" },
    { 400, GET "\n", "bare-lf" },
    { 400, GET "X: a\r\n b\r\n\r\n", "folded-header" },
    { 400, GET "\tX: a\r\n\r\n", "folded-header" },
    { 400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "folded-header" },
    { 400, "\r\n\r\n\r\n\r\n\r\n" GET "\r\n", "bad-line" },
    { 400, "GET /a\rb HTTP/1.1\r\n" H "\r\n", NULL },
    /* methods and targets */
    { 501, "TRACE / HTTP/1.1\r\n" H "\r\n", "bad-method" },
    { 501, "CONNECT a:1 HTTP/1.1\r\n" H "\r\n", "bad-method" },
    { 501, "get / HTTP/1.1\r\n" H "\r\n", "bad-method" },
    { 501, "GETX / HTTP/1.1\r\n" H "\r\n", "bad-method" },
    { 501, "G\"T / HTTP/1.1\r\n" H "\r\n", "bad-method" },
    { 400, "GET x HTTP/1.1\r\n" H "\r\n", "bad-target" },
    { 400, "GET * HTTP/1.1\r\n" H "\r\n", "bad-target" },
    { 400, "GET /# HTTP/1.1\r\n" H "\r\n", "bad-target" },
    { 400, "GET /\x80 HTTP/1.1\r\n" H "\r\n", "bad-target" },
    { 400, "GET /\x7f HTTP/1.1\r\n" H "\r\n", "bad-target" },
    { 400, "GET /\\ HTTP/1.1\r\n" H "\r\n", "bad-target" },
    { 400, "GET ftp://a/ HTTP/1.1\r\n" H "\r\n", "bad-target" },
    { 400, "GET http:///x HTTP/1.1\r\n" H "\r\n", "bad-target" },
    { 400, "GET http://u@a/ HTTP/1.1\r\n" H "\r\n", "bad-target" },
    /* header fields */
    { 400, GET "Ho st: b\r\n\r\n", NULL },
    { 400, GET ": b\r\n\r\n", "bad-header" },
    { 400, "GET / HTTP/1.1\r\n: b\r\n\r\n", "bad-header" },
    { 400, GET "X\r\n\r\n", NULL },
    { 400, GET "X(: b\r\n\r\n", NULL },
    { 400, GET "\x80: b\r\n\r\n", NULL },
    { 400, GET "X: a\rb\r\n\r\n", NULL },
    { 400, GET "X: a\x01" "b\r\n\r\n", NULL },
    { 400, GET "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc", "upgrade-body" },
};
/* clang-format on */

static void test_table(void **state)
{
    struct outcome outcome = { .limit = 0 };
    unsigned wrong = 0;
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(table); i++) {
        const struct request *request = &table[i];
        check_cuts(&outcome, request->bytes, strlen(request->bytes));
        const char *said = outcome.status == 0 ? outcome.text : outcome.slug;
        if (outcome.status == request->status &&
            (request->says == NULL || strcmp(said, request->says) == 0))
            continue;
        wrong++;
        print_error("case %zu: wanted %d %s, got %d %s\n%s\n", i, request->status,
                    request->says != NULL ? request->says : "", outcome.status, said,
                    request->bytes);
    }
    assert_int_equal(wrong, 0);
}

static void test_nul_bytes(void **state)
{
    static const char line[] = "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char value[] = "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n";
    static const char name[] = "GET / HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n";
    struct outcome outcome = { .limit = 0 };
    (void)state;
    check_cuts(&outcome, line, sizeof line - 1);
    assert_int_equal(outcome.status, 400);
    check_cuts(&outcome, value, sizeof value - 1);
    assert_int_equal(outcome.status, 400);
    check_cuts(&outcome, name, sizeof name - 1);
    assert_int_equal(outcome.status, 400);
}

/* `before` + `count` times `unit` + `after`. */
static size_t repeat(char *out, const char *before, const char *unit, size_t count,
                     const char *after)
{
    char *at = out;
    size_t length = strlen(unit);
    memcpy(at, before, strlen(before));
    at += strlen(before);
    for (size_t i = 0; i < count; i++, at += length)
        memcpy(at, unit, length);
    memcpy(at, after, strlen(after) + 1);
    return (size_t)(at - out) + strlen(after);
}

static void check_limit(size_t limit, const char *before, const char *unit, size_t count,
                        const char *after, int status)
{
    struct outcome outcome = { .limit = limit };
    char *text = malloc(strlen(before) + strlen(unit) * count + strlen(after) + 1);
    size_t length = repeat(text, before, unit, count, after);
    check_cuts(&outcome, text, length);
    if (outcome.status != status)
        fail_msg("%zu times %s: %d, not %d", count, unit, outcome.status, status);
    free(text);
}

static void test_limits(void **state)
{
    (void)state;
    check_limit(0, "GET /", "a", 8191, " HTTP/1.1\r\n" H "\r\n", 0);
    check_limit(0, "GET /", "a", 8192, " HTTP/1.1\r\n" H "\r\n", 414);
    check_limit(0, "GET /", "a", 20000, " HTTP/1.1\r\n" H "\r\n", 414);
    check_limit(0, GET, "X: y\r\n", 63, "\r\n", 0);
    check_limit(0, GET, "X: y\r\n", 64, "\r\n", 431);
    check_limit(0, GET "X: ", "y", 17000, "\r\n\r\n", 431);
    check_limit(6, POST "Content-Length: 6\r\n\r\n", "x", 6, "", 0);
    check_limit(5, POST "Content-Length: 6\r\n\r\n", "x", 6, "", 413);
    check_limit(6, CHUNKED, "1\r\nx\r\n", 6, END, 0);
    check_limit(5, CHUNKED, "1\r\nx\r\n", 6, END, 413);
    check_limit((size_t)-1, POST "Content-Length: 1\r\n\r\n", "x", 1, "", 413); /* none at all */
    /* a chunk extension is not payload, but it is not free either */
    check_limit(5, CHUNKED "1;x=", "y", 40000, "\r\nx\r\n" END, 413);
    check_limit(5, CHUNKED "1\r\nx\r\n0\r\nX: ", "y", 40000, "\r\n\r\n", 413); /* nor a trailer */
}

static void test_one_message_at_a_time(void **state)
{
    static const char two[] = GET "\r\nGET /two HTTP/1.1\r\n" H "\r\n";
    struct outcome outcome = { .limit = 0 };
    struct kw_http_fault fault;
    size_t used, first = strlen(GET) + 2;
    (void)state;
    struct kw_http_parser *parser = kw_http_parser_new(KW_HTTP_SERVER, &events, &outcome);
    assert_true(kw_http_parser_idle(parser));
    assert_int_equal(kw_http_parser_feed(parser, two, sizeof two - 1, &used, &fault), KW_OK);
    assert_int_equal(used, first);
    assert_false(kw_http_parser_idle(parser));
    assert_int_equal(kw_http_parser_feed(parser, two + used, 5, &used, &fault), KW_OK);
    assert_int_equal(used, 0); /* paused */
    kw_http_parser_next(parser);
    assert_true(kw_http_parser_idle(parser));
    assert_int_equal(kw_http_parser_feed(parser, two + first, 5, &used, &fault), KW_OK);
    assert_false(kw_http_parser_idle(parser)); /* a close here would cut a request */
    assert_int_equal(
        kw_http_parser_feed(parser, two + first + 5, sizeof two - 1 - first - 5, &used, &fault),
        KW_OK);
    assert_string_equal(outcome.text, "GET / host=a keep;GET /two host=a keep;");
    kw_http_parser_free(parser);
    kw_http_parser_free(NULL);
}

/* Bytes behind an upgrade head are WebSocket's. */
static void test_upgrade_rest(void **state)
{
    static const char head[] = GET "Connection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
    struct outcome outcome = { .limit = 0 };
    struct kw_http_fault fault;
    char bytes[200];
    size_t used;
    (void)state;
    (void)snprintf(bytes, sizeof bytes, "%s\x81\x05hello", head);
    struct kw_http_parser *parser = kw_http_parser_new(KW_HTTP_SERVER, &events, &outcome);
    assert_int_equal(kw_http_parser_feed(parser, bytes, strlen(bytes), &used, &fault), KW_OK);
    assert_int_equal(used, sizeof head - 1);
    assert_string_equal(outcome.text, "GET / host=a keep ws;");
    kw_http_parser_free(parser);
}

static size_t on_response(const struct kw_http_head *head, void *arg)
{
    *(int *)arg = head->status;
    struct kw_str value = kw_http_header_get(head, "upgrade");
    assert_true(head->status != 101 || kw_str_ieq(value, KW_STR("websocket")));
    assert_null(kw_http_header_get(head, "x-none").ptr);
    return 0;
}

static void test_responses(void **state)
{
    static const struct kw_http_events response = { on_response, NULL, NULL };
    static const struct {
        int status;
        const char *bytes;
    } cases[] = {
        { 101, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" },
        { 404, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc" },
        { 0, "HTTP/1.1 abc\r\n\r\n" },
        { 0, "GET / HTTP/1.1\r\n\r\n" },
        { 0, "SSH-2.0-x\r\n\r\n" },
    };
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(cases); i++) {
        struct kw_http_fault fault;
        int status = 0;
        size_t used;
        struct kw_http_parser *parser = kw_http_parser_new(KW_HTTP_CLIENT, &response, &status);
        kw_err err =
            kw_http_parser_feed(parser, cases[i].bytes, strlen(cases[i].bytes), &used, &fault);
        assert_int_equal(err, cases[i].status > 0 ? KW_OK : KW_EPROTO);
        assert_int_equal(status, cases[i].status);
        kw_http_parser_free(parser);
    }
}

static void test_no_memory(void **state)
{
    struct outcome outcome = { .limit = 0 };
    struct kw_http_fault fault;
    size_t used;
    (void)state;
    struct kw_http_parser *parser = kw_http_parser_new(KW_HTTP_SERVER, &events, &outcome);
    kw_mem_fail_at(1);
    assert_int_equal(kw_http_parser_feed(parser, GET, strlen(GET), &used, &fault), KW_EPROTO);
    kw_mem_fail_at(0);
    assert_int_equal(fault.status, 503);
    kw_http_parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),        cmocka_unit_test(test_nul_bytes),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_one_message_at_a_time),
        cmocka_unit_test(test_upgrade_rest), cmocka_unit_test(test_responses),
        cmocka_unit_test(test_no_memory)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
