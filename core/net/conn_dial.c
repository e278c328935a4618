/* conn_dial.c - Outgoing connections: resolve, try each address, TLS by name.
 *
 * One timer covers everything. The resolver of libuv cannot be stopped once it runs, so it holds its
 * own memory and a closed connection does not wait for it. A name with several addresses ("localhost"
 * is ::1 first on many machines) is tried in order; between two tries libuv's handle is closed and
 * made anew in the same place. A local socket connects at once or not at all; it takes the same way
 * through the resolver, so that nothing is reported inside kw_conn_dial(). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <uv.h>

#include "base/mem.h"
#include "net/conn_internal.h"

struct kw_dial {
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    struct kw_conn *conn; /* NULL: closed meanwhile */
    struct kw_tls *tls;
    char *server_name;
    char *path; /* of a local socket, or NULL */
    struct addrinfo *found, *next;
    bool resolving;
};

static void dial_release(struct kw_dial *dial)
{
    uv_freeaddrinfo(dial->found);
    kw_free(dial->server_name);
    kw_free(dial->path);
    kw_free(dial);
}

void kw_dial_free(struct kw_conn *conn)
{
    struct kw_dial *dial = conn->dial;
    if (dial == NULL)
        return;
    conn->dial = NULL;
    dial->conn = NULL;
    if (!dial->resolving)
        dial_release(dial);
}

static kw_err err_of(int status)
{
    switch (status) {
    case UV_ECONNREFUSED:
        return KW_EREFUSED;
    case UV_ETIMEDOUT:
        return KW_ETIMEOUT;
    default:
        return KW_ECLOSED;
    }
}

static void start_tls(struct kw_conn *conn)
{
    struct kw_dial *dial = conn->dial;
    conn->ssl = kw_tls_session(dial->tls, false, conn);
    if (conn->ssl == NULL || kw_tls_expect_name(conn->ssl, dial->server_name) != KW_OK) {
        kw_conn_close_with(conn, KW_ETLS);
        return;
    }
    ERR_clear_error();
    (void)SSL_do_handshake(conn->ssl);
    kw_conn_start_reading(conn);
    kw_loop_at_turn_end(conn->loop, &conn->flush_job);
}

static void attempt_failed(struct kw_conn *conn, kw_err why)
{
    if (conn->dial->next == NULL)
        kw_conn_close_with(conn, why);
    else
        uv_close((uv_handle_t *)&conn->tcp, kw_conn_handle_closed);
}

static void connected(uv_connect_t *request, int status)
{
    struct kw_conn *conn = request->data;
    if (conn->closing || status == UV_ECANCELED)
        return;
    if (status < 0) {
        attempt_failed(conn, err_of(status));
        return;
    }
    (void)uv_tcp_nodelay(&conn->tcp, 1);
    kw_conn_learn_peer(conn);
    if (conn->dial->tls != NULL) {
        start_tls(conn);
        return;
    }
    kw_conn_opened(conn);
    kw_conn_start_reading(conn);
}

static void connect_next(struct kw_conn *conn)
{
    struct kw_dial *dial = conn->dial;
    const struct addrinfo *address = dial->next;
    dial->next = address->ai_next;
    dial->connect.data = conn;
    int status = uv_tcp_connect(&dial->connect, &conn->tcp, address->ai_addr, connected);
    if (status != 0)
        attempt_failed(conn, err_of(status));
}

bool kw_dial_next(struct kw_conn *conn)
{
    if (conn->closing || conn->dial == NULL || conn->dial->next == NULL)
        return false;
    KW_ASSERT(uv_tcp_init(kw_loop_uv(conn->loop), &conn->tcp) == 0);
    conn->tcp.data = conn;
    connect_next(conn);
    return true;
}

static void connect_path(struct kw_conn *conn)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    kw_err err =
        kw_str_copy(kw_str_of(conn->dial->path), address.sun_path, sizeof address.sun_path) == KW_OK
            ? KW_OK
            : KW_ENOTFOUND;
    int fd = err == KW_OK ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
    if (fd < 0) {
        kw_conn_close_with(conn, err != KW_OK ? err : KW_EIO);
        return;
    }
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        err = errno == ECONNREFUSED ? KW_EREFUSED : errno == ENOENT ? KW_ENOTFOUND : KW_ECLOSED;
    if (err == KW_OK && uv_tcp_open(&conn->tcp, fd) != 0)
        err = KW_EIO;
    if (err != KW_OK) {
        (void)close(fd);
        kw_conn_close_with(conn, err);
        return;
    }
    kw_conn_opened(conn);
    kw_conn_start_reading(conn);
}

static void resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct kw_dial *dial = request->data;
    struct kw_conn *conn = dial->conn;
    dial->resolving = false;
    dial->found = dial->next = found;
    if (conn == NULL)
        dial_release(dial);
    else if (status != 0 || found == NULL)
        kw_conn_close_with(conn, KW_ENOTFOUND);
    else if (!conn->closing && dial->path != NULL)
        connect_path(conn);
    else if (!conn->closing)
        connect_next(conn);
}

static void dial_expired(struct kw_timer *timer, void *arg)
{
    (void)timer;
    kw_conn_close_with(arg, KW_ETIMEOUT);
}

struct kw_conn *kw_conn_dial(struct kw_loop *loop, const char *host, uint16_t port,
                             struct kw_tls *tls, const char *server_name, int64_t timeout_ms,
                             const struct kw_conn_events *events, void *arg)
{
    char service[8];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    bool is_path = host[0] == '/';
    KW_ASSERT(!is_path || tls == NULL);
    struct kw_conn *conn = kw_conn_new_raw(loop);
    struct kw_dial *dial = kw_zalloc(sizeof *dial);
    conn->events = events;
    conn->arg = arg;
    conn->dialled = true;
    conn->dial = dial;
    conn->timer = kw_timer_new(loop, dial_expired, conn);
    kw_timer_start(conn->timer, timeout_ms, 0);
    dial->conn = conn;
    dial->tls = tls;
    dial->server_name = kw_strdup(server_name != NULL ? server_name : host);
    dial->path = is_path ? kw_strdup(host) : NULL;
    dial->resolve.data = dial;
    dial->resolving = true;
    (void)snprintf(service, sizeof service, "%u", port);
    if (uv_getaddrinfo(kw_loop_uv(loop), &dial->resolve, resolved, is_path ? "127.0.0.1" : host,
                       service, &hints) != 0) {
        dial->resolving = false;
        kw_conn_close_with(conn, KW_ENOTFOUND);
    }
    return conn;
}
