/* ws_floor.c - The floor of a WebSocket fan-out: one bare send() per delivery; the handshake by hand.
 *
 * Knows the sizes that ws_client sends: a masked frame of 200 bytes is 208 bytes. Every frame that
 * comes in goes out to all other sockets as 204 bytes. */
#include <sys/epoll.h>

#include "base/str.h"
#include "bench.h"
#include "proto/ws_frame.h"

#define EVENTS 256
#define SOCKETS 4096
#define IN_BYTES 208
#define OUT_BYTES 204

static int sockets[SOCKETS];
static unsigned char open_at[SOCKETS]; /* by descriptor: the handshake is done */
static size_t socket_count;
static size_t partial[SOCKETS]; /* bytes of an unfinished frame */

static void shake_hands(int fd, char *request, size_t length)
{
    char accept_key[29], answer[300];
    struct kw_str rest, all = kw_str_n(request, length);
    struct kw_str key = KW_STR_NONE;
    for (rest = all; rest.len > 0;) {
        struct kw_str line = kw_str_cut(rest, '\n', &rest), value;
        struct kw_str name = kw_str_cut(line, ':', &value);
        if (kw_str_ieq(name, KW_STR("sec-websocket-key")))
            key = kw_str_n(value.ptr + 1, 24);
    }
    MUST(kw_ws_accept_key(key, accept_key) == KW_OK);
    int bytes = snprintf(answer, sizeof answer,
                         "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                         "Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                         accept_key);
    MUST(send(fd, answer, (size_t)bytes, MSG_NOSIGNAL) == bytes);
    open_at[fd] = 1;
}

static void fan_out(int from, const char *frame)
{
    for (size_t i = 0; i < socket_count; i++) {
        if (sockets[i] != from && open_at[sockets[i]])
            (void)send(sockets[i], frame, OUT_BYTES, MSG_NOSIGNAL);
    }
}

static void take(int fd)
{
    static char bytes[65536];
    static char frame[OUT_BYTES] = "\x81\x7e\x00\xc8";
    ssize_t got = read(fd, bytes, sizeof bytes);
    if (got <= 0) {
        open_at[fd] = 0;
        for (size_t i = 0; i < socket_count; i++) {
            if (sockets[i] == fd)
                sockets[i] = sockets[--socket_count];
        }
        (void)close(fd);
        return;
    }
    if (!open_at[fd]) {
        shake_hands(fd, bytes, (size_t)got);
        return;
    }
    memset(frame + 4, 'm', OUT_BYTES - 4);
    partial[fd] += (size_t)got;
    for (; partial[fd] >= IN_BYTES; partial[fd] -= IN_BYTES)
        fan_out(fd, frame);
}

int main(void)
{
    struct epoll_event events[EVENTS], wanted = { .events = EPOLLIN };
    int listener = listen_raw(), epoll = epoll_create1(EPOLL_CLOEXEC);
    wanted.data.fd = listener;
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted) == 0);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != listener) {
                take(events[i].data.fd);
                continue;
            }
            int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0)
                continue;
            MUST(fd < SOCKETS && socket_count < SOCKETS);
            no_delay(fd);
            open_at[fd] = 0;
            partial[fd] = 0;
            sockets[socket_count++] = fd;
            wanted.data.fd = fd;
            MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) == 0);
        }
    }
}
