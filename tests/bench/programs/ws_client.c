/* ws_client.c - One publisher and N readers in a closed window of 32 messages of 200 bytes.
 *
 * usage: ws_client URL READERS SECONDS [CA_FILE]. Prints "open" when all are connected and, 100 ms later,
 * begins; at the end "deliveries seconds". Every delivery is checked byte by byte; the next window leaves
 * when every reader has the last one. */
#include "base/clock.h"
#include "bench.h"
#include "net/loop.h"
#include "serve/ws.h"

#define WINDOW 32
#define MESSAGE_BYTES 200

struct run {
    struct kw_loop *loop;
    struct kw_ws *publisher;
    unsigned readers, open;
    uint64_t deliveries, expected;
    int64_t began_us, until_us;
    char message[MESSAGE_BYTES];
};

static void publish(struct run *run)
{
    run->expected += (uint64_t)WINDOW * run->readers;
    for (int i = 0; i < WINDOW; i++)
        MUST(kw_ws_send_text(run->publisher, kw_str_n(run->message, MESSAGE_BYTES)) == KW_OK);
}

static void begin(struct kw_timer *timer, void *arg)
{
    struct run *run = arg;
    kw_timer_close(timer);
    run->began_us = kw_mono_us();
    run->until_us += run->began_us;
    publish(run);
}

static void on_open(struct kw_ws *ws, void *arg)
{
    struct run *run = arg;
    (void)ws;
    if (++run->open < run->readers + 1)
        return;
    (void)printf("open\n");
    (void)fflush(stdout);
    kw_timer_start(kw_timer_new(run->loop, begin, run), 100, 0);
}

static void on_message(struct kw_ws *ws, bool is_text, struct kw_str message, void *arg)
{
    struct run *run = arg;
    (void)ws;
    MUST(is_text && message.len == MESSAGE_BYTES);
    MUST(memcmp(message.ptr, run->message, MESSAGE_BYTES) == 0);
    if (++run->deliveries < run->expected)
        return;
    if (kw_mono_us() < run->until_us) {
        publish(run);
        return;
    }
    (void)printf("%llu %.3f\n", (unsigned long long)run->deliveries,
                 (double)(kw_mono_us() - run->began_us) / 1e6);
    exit(0);
}

static void on_close(struct kw_ws *ws, uint16_t code, struct kw_str why, void *arg)
{
    (void)ws;
    (void)arg;
    (void)fprintf(stderr, "closed: %u %.*s\n", code, (int)why.len, why.ptr);
    exit(1);
}

int main(int count, char **args)
{
    static const struct kw_ws_events events = { on_open, on_message, NULL, NULL, on_close };
    struct run run = { .loop = kw_loop_new(NULL) };
    struct kw_ws_dial_options dial = { .timeout_ms = 20000 };
    char error[300] = "";
    MUST(count >= 4);
    dial.url = args[1];
    dial.session.message_limit_bytes = 65536;
    run.readers = (unsigned)strtoul(args[2], NULL, 10);
    run.until_us = strtoll(args[3], NULL, 10) * 1000000;
    memset(run.message, 'm', sizeof run.message);
    if (count == 5) {
        struct kw_tls_options tls = { .ca_file = args[4] };
        MUST(kw_tls_client_new(&tls, &dial.tls, error, sizeof error) == KW_OK);
    }
    for (unsigned i = 0; i <= run.readers; i++) {
        struct kw_ws *ws;
        MUST(kw_ws_dial(run.loop, &dial, &events, &run, &ws) == KW_OK);
        run.publisher = ws;
    }
    kw_loop_run(run.loop);
    return 1;
}
