/* bench.h - Small words that the bench programs share: end with a reason, say the port, listen raw. */
#ifndef KW_TESTS_BENCH_H
#define KW_TESTS_BENCH_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BENCH_UNUSED __attribute__((unused))

#define MUST(condition) \
    do { \
        if (!(condition)) { \
            (void)fprintf(stderr, "%s:%d: %s (%m)\n", __FILE__, __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

/* The script that started us waits for this line. */
static BENCH_UNUSED void say_port(unsigned port)
{
    (void)printf("port %u\n", port);
    (void)fflush(stdout);
}

static BENCH_UNUSED int listen_raw(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    MUST(fd >= 0);
    MUST(bind(fd, (struct sockaddr *)&address, size) == 0);
    MUST(listen(fd, 1024) == 0);
    MUST(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    say_port(ntohs(address.sin_port));
    return fd;
}

static BENCH_UNUSED void no_delay(int fd)
{
    int on = 1;
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
}

#endif
