/* ingest_raw.c - The bound of reading a stream: a blocking socket and a walker over RESP2 in place.
 *
 * usage: ingest_raw SOCKET ENTRIES COUNT. Reads kw:bench from its start; prints "entries seconds". */
#include <sys/un.h>
#include <time.h>

#include "bench.h"

#define BUFFER_BYTES (8u << 20)

struct walker {
    int fd;
    char *bytes;
    size_t at, end;
    char last_id[40];
};

static void need(struct walker *walker, size_t bytes)
{
    while (walker->end - walker->at < bytes) {
        MUST(walker->end < BUFFER_BYTES);
        ssize_t got = read(walker->fd, walker->bytes + walker->end, BUFFER_BYTES - walker->end);
        MUST(got > 0);
        walker->end += (size_t)got;
    }
}

/* The number of a `*n` or `$n` line. */
static long header(struct walker *walker, char kind)
{
    long value = 0;
    need(walker, 1);
    MUST(walker->bytes[walker->at] == kind);
    for (walker->at++;; walker->at++) {
        need(walker, 1);
        char byte = walker->bytes[walker->at];
        if (byte == '\r')
            break;
        value = value * 10 + (byte - '0');
    }
    need(walker, 2);
    walker->at += 2;
    return value;
}

static char *text(struct walker *walker, size_t *length)
{
    *length = (size_t)header(walker, '$');
    need(walker, *length + 2);
    char *at = walker->bytes + walker->at;
    walker->at += *length + 2;
    return at;
}

static unsigned long page(struct walker *walker, const char *count, unsigned long *checksum)
{
    char command[200];
    size_t length;
    int bytes = snprintf(
        command, sizeof command,
        "*6\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$%zu\r\n%s\r\n$7\r\nSTREAMS\r\n$8\r\nkw:bench\r\n"
        "$%zu\r\n%s\r\n",
        strlen(count), count, strlen(walker->last_id), walker->last_id);
    walker->at = walker->end = 0;
    MUST(write(walker->fd, command, (size_t)bytes) == bytes);
    (void)header(walker, '*');
    (void)header(walker, '*');
    (void)text(walker, &length);
    unsigned long entries = (unsigned long)header(walker, '*');
    for (unsigned long i = 0; i < entries; i++) {
        (void)header(walker, '*');
        char *id = text(walker, &length);
        MUST(length < sizeof walker->last_id);
        memcpy(walker->last_id, id, length);
        walker->last_id[length] = 0;
        for (long fields = header(walker, '*'); fields > 0; fields--) {
            char *value = text(walker, &length);
            *checksum += length + (unsigned char)value[0];
        }
    }
    return entries;
}

int main(int count, char **args)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct walker walker = { .last_id = "0-0" };
    struct timespec from, to;
    unsigned long entries = 0, wanted, checksum = 0;
    MUST(count == 4);
    wanted = strtoul(args[2], NULL, 10);
    walker.bytes = malloc(BUFFER_BYTES);
    walker.fd = socket(AF_UNIX, SOCK_STREAM, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", args[1]);
    MUST(connect(walker.fd, (struct sockaddr *)&address, sizeof address) == 0);
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    while (entries < wanted)
        entries += page(&walker, args[3], &checksum);
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    (void)printf("%lu %.4f %lu\n", entries,
                 (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
                 checksum);
    return 0;
}
