/* listener.c - Accepts, counts, and pauses when descriptors run out.
 *
 * The listening socket is ours and only watched by the loop. libuv's own listener would, out of
 * descriptors, accept and drop whoever is waiting; we leave them in the kernel's queue, stop looking
 * for 100 ms, and keep some descriptors back for files, Redis and the store. */
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "base/mem.h"
#include "net/conn_internal.h"

#define KW_ACCEPT_PAUSE_MS 100
#define KW_ACCEPTS_A_TURN 64 /* others get their turn too */
#define KW_BACKLOG 1024      /* reconnect storms: ocpp.md 1.1 */
#define KW_CONNECTIONS_MAX 20000
#define KW_DESCRIPTORS_KEPT 32 /* for everything that is not a connection */

struct kw_listener {
    struct kw_loop *loop;
    int fd;
    struct kw_poll *poll;
    struct kw_tls *tls;
    void (*on_accept)(struct kw_conn *conn, void *arg);
    void *arg;
    struct kw_timer *pause;
    unsigned max_connections, open;
    bool closing;
    uint16_t port;
    struct kw_metric *accepted, *refused, *paused, *current;
};

static void settle(struct kw_listener *listener)
{
    if (listener->closing && listener->open == 0)
        kw_free(listener);
}

static void released(void *arg)
{
    struct kw_listener *listener = arg;
    listener->open--;
    kw_metric_add(listener->current, -1);
    settle(listener);
}

static void pause_accepting(struct kw_listener *listener)
{
    kw_metric_add(listener->paused, 1);
    kw_poll_set(listener->poll, 0);
    kw_timer_start(listener->pause, KW_ACCEPT_PAUSE_MS, 0);
}

/* The lowest free descriptor is what the next accept would get. */
static bool descriptors_are_short(const struct kw_listener *listener)
{
    struct rlimit limit;
    int probe = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
    if (probe < 0)
        return true;
    (void)close(probe);
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 2 * KW_DESCRIPTORS_KEPT &&
           (rlim_t)probe >= limit.rlim_cur - KW_DESCRIPTORS_KEPT;
}

static void take(struct kw_listener *listener, int fd)
{
    struct kw_conn *conn = kw_conn_accept(listener->loop, fd, listener->tls);
    if (conn == NULL) {
        kw_metric_add(listener->refused, 1);
        return;
    }
    listener->open++; /* released() comes later, from the loop: the listener outlives this call */
    kw_metric_add(listener->current, 1);
    kw_conn_on_released(conn, released, listener);
    if (listener->open > listener->max_connections) {
        kw_metric_add(listener->refused, 1);
        kw_conn_close(conn);
        return;
    }
    kw_metric_add(listener->accepted, 1);
    listener->on_accept(conn, listener->arg);
}

static void incoming(void *arg, int events)
{
    struct kw_listener *listener = arg;
    (void)events;
    if (descriptors_are_short(listener)) {
        pause_accepting(listener);
        return;
    }
    for (int i = 0; i < KW_ACCEPTS_A_TURN && !listener->closing; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(listener, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(listener);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

static void resume(struct kw_timer *timer, void *arg)
{
    struct kw_listener *listener = arg;
    (void)timer;
    kw_poll_set(listener->poll, KW_POLL_READ);
}

static int open_socket(struct kw_listener *listener, const struct kw_listener_options *options)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int on = 1, off = 0;
    bool six = strchr(options->host, ':') != NULL;
    memset(&address, 0, sizeof address);
    int status = six ? uv_ip6_addr(options->host, options->port, (struct sockaddr_in6 *)&address)
                     : uv_ip4_addr(options->host, options->port, (struct sockaddr_in *)&address);
    if (status != 0)
        return status;
    listener->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return -errno;
    (void)setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (six)
        (void)setsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    size = six ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (bind(listener->fd, (struct sockaddr *)&address, size) != 0 ||
        listen(listener->fd, options->backlog > 0 ? options->backlog : KW_BACKLOG) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)&address, &size) != 0)
        return -errno;
    listener->port = ntohs(six ? ((struct sockaddr_in6 *)&address)->sin6_port
                               : ((struct sockaddr_in *)&address)->sin_port);
    return 0;
}

static void make_metrics(struct kw_listener *listener, const struct kw_listener_options *options)
{
    char label[64];
    struct kw_metrics *metrics = options->metrics;
    (void)snprintf(label, sizeof label, "listener=\"%s\"",
                   options->metric_label != NULL ? options->metric_label : "");
    listener->accepted =
        kw_metrics_counter(metrics, "kw_connections_accepted_total", label, "Connections taken.");
    listener->refused = kw_metrics_counter(metrics, "kw_connections_refused_total", label,
                                           "Connections refused because there were too many.");
    listener->paused =
        kw_metrics_counter(metrics, "kw_accept_pauses_total", label,
                           "Times that accepting paused because descriptors ran out.");
    listener->current =
        kw_metrics_gauge(metrics, "kw_connections_open", label, "Open connections.");
}

kw_err kw_listener_new(struct kw_loop *loop, const struct kw_listener_options *options,
                       void (*on_accept)(struct kw_conn *conn, void *arg), void *arg,
                       struct kw_listener **out, char *error, size_t error_size)
{
    struct kw_listener *listener = kw_zalloc(sizeof *listener);
    listener->loop = loop;
    listener->fd = -1;
    listener->tls = options->tls;
    listener->on_accept = on_accept;
    listener->arg = arg;
    listener->max_connections =
        options->max_connections > 0 ? options->max_connections : KW_CONNECTIONS_MAX;
    int status = open_socket(listener, options);
    if (status == 0) {
        listener->poll = kw_poll_new(loop, listener->fd, incoming, listener);
        status = listener->poll != NULL ? 0 : UV_EINVAL;
    }
    if (status != 0) {
        if (error != NULL)
            (void)snprintf(error, error_size, "cannot listen on %s port %u: %s", options->host,
                           options->port, uv_strerror(status));
        if (listener->fd >= 0)
            (void)close(listener->fd);
        kw_free(listener);
        return status == UV_EADDRINUSE ? KW_EEXISTS : KW_EIO;
    }
    make_metrics(listener, options);
    listener->pause = kw_timer_new(loop, resume, listener);
    kw_poll_set(listener->poll, KW_POLL_READ);
    *out = listener;
    return KW_OK;
}

uint16_t kw_listener_port(const struct kw_listener *listener)
{
    return listener->port;
}

void kw_listener_close(struct kw_listener *listener)
{
    if (listener == NULL)
        return;
    KW_ASSERT(!listener->closing);
    listener->closing = true;
    kw_timer_close(listener->pause);
    kw_poll_close(listener->poll);
    (void)close(listener->fd);
    settle(listener);
}
