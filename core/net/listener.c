/* listener.c - Accepts, counts, and pauses when descriptors run out. */
#include "net/listener.h"

#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "base/mem.h"
#include "net/conn_internal.h"

#define KW_ACCEPT_PAUSE_MS 100
#define KW_BACKLOG 1024 /* reconnect storms: ocpp.md 1.1 */
#define KW_CONNECTIONS_MAX 20000

struct kw_listener {
    uv_tcp_t tcp;
    struct kw_loop *loop;
    struct kw_tls *tls;
    void (*on_accept)(struct kw_conn *conn, void *arg);
    void *arg;
    struct kw_timer *pause;
    unsigned max_connections, open;
    bool closing, closed;
    int backlog;
    uint16_t port;
    struct kw_metric *accepted, *refused, *current;
};

static void settle(struct kw_listener *listener)
{
    if (listener->closed && listener->open == 0)
        kw_free(listener);
}

static void released(void *arg)
{
    struct kw_listener *listener = arg;
    listener->open--;
    kw_metric_add(listener->current, -1);
    settle(listener);
}

static void incoming(uv_stream_t *server, int status)
{
    struct kw_listener *listener = server->data;
    if (status < 0) { /* out of descriptors: try again later, libuv keeps the connection waiting */
        kw_metric_add(listener->refused, 1);
        if (!kw_timer_active(listener->pause))
            kw_timer_start(listener->pause, KW_ACCEPT_PAUSE_MS, 0);
        return;
    }
    struct kw_conn *conn = kw_conn_accept(listener->loop, server, listener->tls);
    if (conn == NULL)
        return;
    listener->open++;
    kw_metric_add(listener->current, 1);
    kw_conn_on_released(conn, released, listener);
    if (listener->open > listener->max_connections || listener->closing) {
        kw_metric_add(listener->refused, 1);
        kw_conn_close(conn);
        return;
    }
    kw_metric_add(listener->accepted, 1);
    listener->on_accept(conn, listener->arg);
}

static void resume(struct kw_timer *timer, void *arg)
{
    struct kw_listener *listener = arg;
    (void)timer;
    (void)uv_listen((uv_stream_t *)&listener->tcp, listener->backlog, incoming);
}

static void listener_closed(uv_handle_t *handle)
{
    struct kw_listener *listener = handle->data;
    listener->closed = true;
    settle(listener);
}

static kw_err bind_to(struct kw_listener *listener, const struct kw_listener_options *options, char *error,
                      size_t error_size)
{
    struct sockaddr_storage address;
    int size = sizeof address, code;
    memset(&address, 0, sizeof address);
    if (strchr(options->host, ':') != NULL)
        code = uv_ip6_addr(options->host, options->port, (struct sockaddr_in6 *)&address);
    else
        code = uv_ip4_addr(options->host, options->port, (struct sockaddr_in *)&address);
    if (code == 0)
        code = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)&address, 0);
    if (code == 0)
        code = uv_listen((uv_stream_t *)&listener->tcp, listener->backlog, incoming);
    if (code != 0) {
        (void)snprintf(error, error_size, "cannot listen on %s port %u: %s", options->host, options->port,
                       uv_strerror(code));
        return code == UV_EADDRINUSE ? KW_EEXISTS : KW_EIO;
    }
    (void)uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&address, &size);
    listener->port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                         : ((struct sockaddr_in *)&address)->sin_port);
    return KW_OK;
}

kw_err kw_listener_new(struct kw_loop *loop, const struct kw_listener_options *options,
                       void (*on_accept)(struct kw_conn *conn, void *arg), void *arg, struct kw_listener **out,
                       char *error, size_t error_size)
{
    char label[64];
    struct kw_listener *listener = kw_zalloc(sizeof *listener);
    listener->loop = loop;
    listener->tls = options->tls;
    listener->on_accept = on_accept;
    listener->arg = arg;
    listener->backlog = options->backlog > 0 ? options->backlog : KW_BACKLOG;
    listener->max_connections = options->max_connections > 0 ? options->max_connections : KW_CONNECTIONS_MAX;
    (void)snprintf(label, sizeof label, "listener=\"%s\"", options->metric_label != NULL ? options->metric_label : "");
    listener->accepted = kw_metrics_counter(options->metrics, "kw_connections_accepted_total", label,
                                            "Connections taken.");
    listener->refused = kw_metrics_counter(options->metrics, "kw_connections_refused_total", label,
                                           "Connections refused: too many, or out of descriptors.");
    listener->current = kw_metrics_gauge(options->metrics, "kw_connections_open", label, "Open connections.");
    KW_ASSERT(uv_tcp_init(kw_loop_uv(loop), &listener->tcp) == 0);
    listener->tcp.data = listener;
    listener->pause = kw_timer_new(loop, resume, listener);
    kw_err err = bind_to(listener, options, error, error_size);
    if (err != KW_OK) {
        kw_listener_close(listener);
        return err;
    }
    *out = listener;
    return KW_OK;
}

uint16_t kw_listener_port(const struct kw_listener *listener)
{
    return listener->port;
}

void kw_listener_close(struct kw_listener *listener)
{
    if (listener == NULL || listener->closing)
        return;
    listener->closing = true;
    kw_timer_close(listener->pause);
    uv_close((uv_handle_t *)&listener->tcp, listener_closed);
}
