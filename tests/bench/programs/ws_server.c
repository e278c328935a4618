/* ws_server.c - Our WebSocket fan-out: what comes in from one socket goes to all others, framed once.
 *
 * usage: ws_server [CERT KEY]: with a certificate over TLS. */
#include "base/mem.h"
#include "bench.h"
#include "net/listener.h"
#include "proto/ws_frame.h"
#include "serve/http_server.h"
#include "serve/ws.h"

#define SOCKETS 4096

struct hub {
    struct kw_ws *sockets[SOCKETS];
    size_t count;
};

static void on_message(struct kw_ws *ws, bool is_text, struct kw_str message, void *arg)
{
    struct hub *hub = arg;
    struct kw_blob *frame = kw_ws_frame_blob(is_text ? KW_WS_TEXT : KW_WS_BINARY, message);
    for (size_t i = 0; i < hub->count; i++) {
        if (hub->sockets[i] != ws)
            MUST(kw_ws_send_frame(hub->sockets[i], frame) != KW_EFULL);
    }
    kw_blob_unref(frame);
}

static void on_close(struct kw_ws *ws, uint16_t code, struct kw_str why, void *arg)
{
    struct hub *hub = arg;
    (void)code;
    (void)why;
    for (size_t i = 0; i < hub->count; i++) {
        if (hub->sockets[i] == ws)
            hub->sockets[i] = hub->sockets[--hub->count];
    }
}

static void on_request(struct kw_exchange *exchange, void *arg)
{
    static const struct kw_ws_options options = { .message_limit_bytes = 65536 };
    static const struct kw_ws_events events = { NULL, on_message, NULL, NULL, on_close };
    struct hub *hub = arg;
    MUST(hub->count < SOCKETS);
    struct kw_ws *ws = kw_exchange_upgrade(exchange, NULL, &options, &events, hub);
    if (ws != NULL)
        hub->sockets[hub->count++] = ws;
}

int main(int count, char **args)
{
    static const struct kw_http_handlers handlers = { NULL, on_request };
    static struct hub hub;
    struct kw_metrics *metrics = kw_metrics_new();
    struct kw_loop *loop = kw_loop_new(metrics);
    struct kw_http_server_options options = { .server_kind = "bench", .metrics = metrics };
    struct kw_http_server *http = kw_http_server_new(loop, &options, &handlers, &hub);
    struct kw_listener_options where = { .host = "127.0.0.1", .metrics = metrics };
    struct kw_listener *listener;
    char error[300] = "";
    if (count == 3) {
        struct kw_tls_options tls = { .cert_file = args[1], .key_file = args[2] };
        kw_err made =
            kw_tls_make_self_signed(args[1], args[2], "localhost,127.0.0.1", error, sizeof error);
        MUST(made == KW_OK || made == KW_EEXISTS);
        MUST(kw_tls_server_new(&tls, &where.tls, error, sizeof error) == KW_OK);
    }
    MUST(kw_listener_new(loop, &where, kw_http_server_accept, http, &listener, error,
                         sizeof error) == KW_OK);
    say_port(kw_listener_port(listener));
    kw_loop_run(loop);
    return 0;
}
