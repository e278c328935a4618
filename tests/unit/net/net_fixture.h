/* net_fixture.h - A loop that runs until a condition holds, and an echoing listener. */
#ifndef KW_TESTS_NET_FIXTURE_H
#define KW_TESTS_NET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/loop.h"

#define ANY __attribute__((unused))

struct until {
    struct kw_loop *loop;
    bool (*holds)(void *arg);
    void *arg;
    int64_t deadline_us;
};

static ANY void until_tick(struct kw_timer *timer, void *arg)
{
    struct until *until = arg;
    (void)timer;
    if (until->holds(until->arg) || kw_mono_us() > until->deadline_us)
        kw_loop_stop(until->loop);
}

/* Run the loop until the condition holds; false after `limit_ms`. */
static ANY bool run_until(struct kw_loop *loop, bool (*holds)(void *arg), void *arg,
                          int64_t limit_ms)
{
    struct until until = { loop, holds, arg, kw_mono_us() + limit_ms * 1000 };
    struct kw_timer *timer = kw_timer_new(loop, until_tick, &until);
    kw_timer_start(timer, 1, 1);
    kw_loop_run(loop);
    kw_timer_close(timer);
    return holds(arg);
}

static ANY bool is_set(void *arg)
{
    return *(bool *)arg;
}

static ANY bool never(void *arg)
{
    (void)arg;
    return false;
}

static ANY void run_for(struct kw_loop *loop, int64_t ms)
{
    (void)run_until(loop, never, NULL, ms);
}

/* One side of a connection under test: what it saw, and what it does. */
struct side {
    struct kw_conn *conn;
    char *got;
    size_t got_bytes, room;
    bool open, closed, drained, echo, close_on_data;
    unsigned opens, closes;
    kw_err why;
};

static ANY void side_open(struct kw_conn *conn, void *arg)
{
    struct side *side = arg;
    (void)conn;
    side->open = true;
    side->opens++;
}

static ANY void side_data(struct kw_conn *conn, const char *bytes, size_t length, void *arg)
{
    struct side *side = arg;
    if (side->got_bytes + length + 1 > side->room) {
        side->room = (side->got_bytes + length + 1) * 2;
        side->got = realloc(side->got, side->room);
    }
    memcpy(side->got + side->got_bytes, bytes, length);
    side->got_bytes += length;
    side->got[side->got_bytes] = 0;
    if (side->echo)
        assert_int_equal(kw_conn_write(conn, bytes, length), KW_OK);
    if (side->close_on_data)
        kw_conn_close(conn);
}

static ANY void side_drain(struct kw_conn *conn, void *arg)
{
    (void)conn;
    ((struct side *)arg)->drained = true;
}

static ANY void side_close(struct kw_conn *conn, kw_err why, void *arg)
{
    struct side *side = arg;
    (void)conn;
    side->closed = true;
    side->closes++;
    side->why = why;
    side->conn = NULL;
}

static const ANY struct kw_conn_events side_events = { side_open, side_data, side_drain,
                                                       side_close };

/* Accepts into `sides`, one after the other. */
struct acceptor {
    struct kw_listener *listener;
    struct side sides[64];
    unsigned count;
    bool echo;
};

static ANY void accept_side(struct kw_conn *conn, void *arg)
{
    struct acceptor *acceptor = arg;
    struct side *side = &acceptor->sides[acceptor->count++];
    assert_true(acceptor->count <= 64);
    side->conn = conn;
    side->echo = acceptor->echo;
    kw_conn_listen(conn, &side_events, side);
}

static ANY void acceptor_start(struct acceptor *acceptor, struct kw_loop *loop,
                               const struct kw_listener_options *options)
{
    char error[200];
    struct kw_listener_options filled = *options;
    if (filled.host == NULL)
        filled.host = "127.0.0.1";
    assert_int_equal(kw_listener_new(loop, &filled, accept_side, acceptor, &acceptor->listener,
                                     error, sizeof error),
                     KW_OK);
}

static ANY void acceptor_stop(struct acceptor *acceptor)
{
    kw_listener_close(acceptor->listener);
    for (unsigned i = 0; i < acceptor->count; i++) {
        if (acceptor->sides[i].conn != NULL)
            kw_conn_close(acceptor->sides[i].conn);
    }
}

static ANY void acceptor_free(struct acceptor *acceptor)
{
    for (unsigned i = 0; i < acceptor->count; i++)
        free(acceptor->sides[i].got);
}

static ANY bool side_is_closed(void *arg)
{
    return ((struct side *)arg)->closed;
}

static ANY bool side_is_open(void *arg)
{
    return ((struct side *)arg)->open;
}

#endif
