/* http_floor.c - The floor of an HTTP request: epoll, read, write of fixed bytes; nothing is parsed.
 *
 * usage: http_floor RESPONSE_BYTES. Every read is taken for one request (wrk sends no pipeline). */
#include <sys/epoll.h>

#include "bench.h"

#define EVENTS 256

static char *response_of(size_t bytes)
{
    char *response = malloc(bytes + 1);
    MUST(response != NULL && bytes > 100);
    memset(response, 'x', bytes);
    int head = snprintf(response, bytes, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                        bytes - 40); /* 40: length of this head with three digits */
    MUST(head == 40);
    response[head] = '{';
    return response;
}

int main(int count, char **args)
{
    struct epoll_event events[EVENTS], wanted = { .events = EPOLLIN };
    static char request[65536];
    size_t bytes = count > 1 ? strtoul(args[1], NULL, 10) : 600;
    char *response = response_of(bytes);
    int listener = listen_raw(), epoll = epoll_create1(EPOLL_CLOEXEC);
    wanted.data.fd = listener;
    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &wanted) == 0);
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                wanted.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                if (wanted.data.fd >= 0) {
                    no_delay(wanted.data.fd);
                    MUST(epoll_ctl(epoll, EPOLL_CTL_ADD, wanted.data.fd, &wanted) == 0);
                }
                continue;
            }
            ssize_t got = read(fd, request, sizeof request);
            if (got <= 0 || write(fd, response, bytes) != (ssize_t)bytes)
                (void)close(fd);
        }
    }
}
