/* ws_client.c - Dials, sends the handshake, checks the answer, then hands over to a session.
 *
 * Until the handshake is done the caller already has the kw_ws pointer; so the pointer is a session
 * from the start and the handshake is a guest on its connection. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/limits.h"
#include "base/mem.h"
#include "proto/http_parser.h"
#include "proto/ws_frame.h"
#include "serve/ws_internal.h"

#define KW_DIAL_TIMEOUT_MS 10000

struct url {
    bool secure;
    char host[256];
    uint16_t port;
    char path[2048];
    char authority[272];
};

static kw_err parse_url(const char *text, struct url *url)
{
    struct kw_str rest = kw_str_of(text), port = KW_STR_NONE;
    int64_t number;
    url->secure = kw_str_starts(rest, KW_STR("wss://"));
    if (!url->secure && !kw_str_starts(rest, KW_STR("ws://")))
        return KW_EINVALID;
    rest = kw_str_n(rest.ptr + (url->secure ? 6 : 5), rest.len - (url->secure ? 6 : 5));
    const char *slash = strpbrk(rest.ptr, "/?");
    struct kw_str authority =
        kw_str_n(rest.ptr, slash != NULL ? (size_t)(slash - rest.ptr) : rest.len);
    struct kw_str host = authority;
    const char *colon = memrchr(authority.ptr, ':', authority.len);
    if (colon != NULL &&
        memchr(colon, ']', (size_t)(authority.ptr + authority.len - colon)) == NULL) {
        host.len = (size_t)(colon - authority.ptr);
        port = kw_str_n(colon + 1, authority.len - host.len - 1);
    }
    if (host.len > 1 && host.ptr[0] == '[')
        host = kw_str_n(host.ptr + 1, host.len - 2);
    number = url->secure ? 443 : 80;
    if ((port.ptr != NULL && kw_str_to_i64(port, &number) != KW_OK) || number < 1 ||
        number > 65535 || host.len == 0)
        return KW_EINVALID;
    url->port = (uint16_t)number;
    struct kw_str path = slash != NULL ? kw_str_of(slash) : KW_STR("/");
    if (path.ptr[0] != '/') /* "ws://host?query" */
        return KW_EINVALID;
    if (kw_str_copy(host, url->host, sizeof url->host) != KW_OK ||
        kw_str_copy(authority, url->authority, sizeof url->authority) != KW_OK ||
        kw_str_copy(path, url->path, sizeof url->path) != KW_OK)
        return KW_EINVALID;
    return KW_OK;
}

/* A line break in a header would let its author write the rest of the request. */
static bool all_clean(const char *const *headers)
{
    for (; headers != NULL && *headers != NULL; headers++) {
        if (strpbrk(*headers, "\r\n") != NULL)
            return false;
    }
    return true;
}

static bool is_clean_path(const char *path)
{
    for (; *path != 0; path++) {
        if ((unsigned char)*path <= 0x20 || (unsigned char)*path >= 0x7f || *path == '#')
            return false;
    }
    return true;
}

static kw_err write_handshake(struct kw_ws_dialer *dialer, const struct kw_ws_dial_options *options,
                              const struct url *url)
{
    uint8_t raw[16];
    char key[25];
    if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
        return KW_EIO;
    (void)kw_base64_encode(raw, sizeof raw, key);
    KW_IGNORE(kw_ws_accept_key(kw_str_n(key, 24), dialer->accept)); /* the key is ours: valid */
    kw_err err = kw_buf_printf(&dialer->request,
                               "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                               "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                               "Sec-WebSocket-Version: 13\r\n",
                               url->path, url->authority, key);
    if (err == KW_OK && options->protocols != NULL) {
        err = kw_str_copy(kw_str_of(options->protocols), dialer->offered, sizeof dialer->offered);
        if (err == KW_OK)
            err = kw_buf_printf(&dialer->request, "Sec-WebSocket-Protocol: %s\r\n",
                                options->protocols);
    }
    for (const char *const *header = options->headers;
         err == KW_OK && header != NULL && *header != NULL; header++)
        err = kw_buf_printf(&dialer->request, "%s\r\n", *header);
    if (err == KW_OK)
        err = kw_buf_append(&dialer->request, "\r\n", 2);
    return err;
}

static bool was_offered(const struct kw_ws_dialer *dialer, struct kw_str protocol)
{
    struct kw_str rest = kw_str_of(dialer->offered);
    while (rest.len > 0) {
        if (kw_str_eq(kw_str_trim(kw_str_cut(rest, ',', &rest)), protocol))
            return true;
    }
    return false;
}

static size_t on_head(const struct kw_http_head *head, void *arg)
{
    struct kw_ws_dialer *dialer = arg;
    struct kw_str protocol = kw_http_header_get(head, "sec-websocket-protocol");
    const char *fault = NULL;
    dialer->status = head->status;
    if (head->status != 101) {
        (void)snprintf(dialer->why, sizeof dialer->why, "http %d", head->status);
        return 0;
    }
    if (!kw_str_ieq(kw_http_header_get(head, "upgrade"), KW_STR("websocket")))
        fault = "the server does not switch to WebSocket";
    else if (!kw_str_eqc(kw_http_header_get(head, "sec-websocket-accept"), dialer->accept))
        fault = "the server's accept key is wrong";
    else if (kw_http_header_get(head, "sec-websocket-extensions").ptr != NULL)
        fault = "the server chose an extension that was not offered";
    else if (protocol.ptr != NULL &&
             (!was_offered(dialer, protocol) ||
              kw_str_copy(protocol, dialer->protocol, sizeof dialer->protocol) != KW_OK))
        fault = "the server chose a protocol that was not offered";
    dialer->ok = fault == NULL;
    if (fault != NULL)
        (void)snprintf(dialer->why, sizeof dialer->why, "%s", fault);
    return 0;
}

bool kw_ws_dialer_feed(struct kw_ws_dialer *dialer, const char *bytes, size_t length, size_t *used,
                       bool *done)
{
    struct kw_http_fault fault = { 0, NULL, "" };
    *done = false;
    if (kw_http_parser_feed(dialer->parser, bytes, length, used, &fault) != KW_OK) {
        if (dialer->status == 0)
            (void)snprintf(dialer->why, sizeof dialer->why, "the server's answer is not HTTP: %s",
                           fault.text);
        return false;
    }
    if (dialer->status == 0)
        return true;
    *done = true;
    return dialer->ok;
}

void kw_ws_dialer_free(struct kw_ws_dialer *dialer)
{
    if (dialer == NULL)
        return;
    kw_http_parser_free(dialer->parser);
    kw_buf_free(&dialer->request);
    kw_free(dialer);
}

kw_err kw_ws_dial(struct kw_loop *loop, const struct kw_ws_dial_options *options,
                  const struct kw_ws_events *events, void *arg, struct kw_ws **out)
{
    static const struct kw_http_events http_events = { on_head, NULL, NULL };
    struct url url;
    kw_err err = parse_url(options->url, &url);
    if (err != KW_OK || (url.secure && options->tls == NULL) || !is_clean_path(url.path) ||
        !is_clean_path(url.authority) || !all_clean(options->headers) ||
        (options->protocols != NULL && strpbrk(options->protocols, "\r\n") != NULL))
        return KW_EINVALID;
    struct kw_ws_dialer *dialer = kw_zalloc(sizeof *dialer);
    kw_buf_init(&dialer->request, KW_HTTP_HEAD_BYTES);
    dialer->parser = kw_http_parser_new(KW_HTTP_CLIENT, &http_events, dialer);
    if (write_handshake(dialer, options, &url) != KW_OK) {
        kw_ws_dialer_free(dialer);
        return KW_EINVALID;
    }
    *out = kw_ws_begin_dial(loop, dialer, url.host, url.port, url.secure ? options->tls : NULL,
                            options->timeout_ms > 0 ? options->timeout_ms : KW_DIAL_TIMEOUT_MS,
                            &options->session, events, arg);
    return KW_OK;
}
