/* conn_test.c - Plain connections and listeners over real loopback sockets. */
#include "net_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

static struct kw_conn *dial(struct kw_loop *loop, struct acceptor *acceptor, struct side *side)
{
    side->conn = kw_conn_dial(loop, "127.0.0.1", kw_listener_port(acceptor->listener), NULL, NULL,
                              2000, &side_events, side);
    return side->conn;
}

static void bytes_come_back_and_both_ends_close_once(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct acceptor server = { .echo = true };
    struct side client = { 0 };
    (void)state;
    acceptor_start(&server, loop, &(struct kw_listener_options){ 0 });
    dial(loop, &server, &client);
    assert_true(run_until(loop, side_is_open, &client, 2000));
    assert_int_equal(kw_conn_write(client.conn, "hel", 3), KW_OK);
    assert_int_equal(kw_conn_write2(client.conn, "l", 1, "o", 1), KW_OK);
    run_for(loop, 30);
    assert_string_equal(client.got, "hello");
    assert_string_equal(kw_conn_peer(server.sides[0].conn), "127.0.0.1");
    assert_false(kw_conn_is_tls(client.conn));
    kw_conn_close(client.conn);
    kw_conn_close(client.conn);  /* a second close is nothing */
    assert_false(client.closed); /* never inside a call */
    assert_true(run_until(loop, side_is_closed, &server.sides[0], 2000));
    assert_int_equal(client.closes, 1);
    assert_int_equal(client.why, KW_OK);
    assert_int_equal(server.sides[0].why, KW_OK);
    acceptor_stop(&server);
    kw_loop_free(loop);
    acceptor_free(&server);
    free(client.got);
}

static void shutdown_sends_what_is_queued(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct acceptor server = { 0 };
    struct side client = { 0 };
    char *big = calloc(1, 900000);
    (void)state;
    acceptor_start(&server, loop, &(struct kw_listener_options){ 0 });
    dial(loop, &server, &client);
    assert_true(run_until(loop, side_is_open, &client, 2000));
    assert_int_equal(kw_conn_write(client.conn, big, 900000), KW_OK);
    kw_conn_shutdown(client.conn);
    assert_int_equal(kw_conn_write(client.conn, "late", 4), KW_ECLOSED);
    assert_true(run_until(loop, side_is_closed, &client, 4000));
    assert_int_equal(server.sides[0].got_bytes, 900000);
    assert_int_equal(client.why, KW_OK);
    acceptor_stop(&server);
    kw_loop_free(loop);
    acceptor_free(&server);
    free(client.got);
    free(big);
}

static void an_answer_reaches_a_client_that_half_closed(void **state)
{
    char got[8] = { 0 };
    struct sockaddr_in address = { .sin_family = AF_INET };
    struct kw_loop *loop = kw_loop_new(NULL);
    struct acceptor server = { .echo = true };
    (void)state;
    acceptor_start(&server, loop, &(struct kw_listener_options){ 0 });
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_port = htons(kw_listener_port(server.listener));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, "ping", 4, 0), 4);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    run_for(loop, 50);
    assert_int_equal(recv(fd, got, sizeof got - 1, 0), 4);
    assert_string_equal(got, "ping");
    assert_int_equal(recv(fd, got, sizeof got - 1, 0), 0);
    (void)close(fd);
    acceptor_stop(&server);
    kw_loop_free(loop);
    acceptor_free(&server);
}

static uint16_t a_port_that_nobody_serves(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static void a_refused_dial_says_so(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct side client = { 0 };
    (void)state;
    client.conn = kw_conn_dial(loop, "127.0.0.1", a_port_that_nobody_serves(), NULL, NULL, 2000,
                               &side_events, &client);
    assert_true(run_until(loop, side_is_closed, &client, 2000));
    assert_int_equal(client.why, KW_EREFUSED);
    assert_int_equal(client.opens, 0);
    kw_loop_free(loop);
}

static void a_dial_may_be_closed_at_once(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct side client = { 0 };
    (void)state;
    client.conn = kw_conn_dial(loop, "localhost", a_port_that_nobody_serves(), NULL, NULL, 2000,
                               &side_events, &client);
    assert_int_equal(kw_conn_write(client.conn, "early", 5), KW_OK);
    kw_conn_shutdown(client.conn);
    assert_true(run_until(loop, side_is_closed, &client, 2000));
    assert_int_equal(client.why, KW_OK);
    kw_loop_free(loop);
}

static void every_address_of_a_name_is_tried(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct acceptor server = { .echo = true };
    struct side client = { 0 };
    (void)state;
    acceptor_start(&server, loop, &(struct kw_listener_options){ 0 }); /* IPv4 only */
    client.conn = kw_conn_dial(loop, "localhost", kw_listener_port(server.listener), NULL, NULL,
                               2000, &side_events, &client);
    assert_true(run_until(loop, side_is_open, &client, 2000));
    kw_conn_close(client.conn);
    assert_true(run_until(loop, side_is_closed, &client, 2000));
    acceptor_stop(&server);
    kw_loop_free(loop);
    acceptor_free(&server);
}

static void the_outbox_is_bounded_and_drains(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct acceptor server = { 0 };
    struct side client = { 0 };
    char block[1024] = { 0 };
    size_t queued = 0;
    (void)state;
    acceptor_start(&server, loop, &(struct kw_listener_options){ 0 });
    dial(loop, &server, &client);
    assert_true(run_until(loop, side_is_open, &client, 2000));
    run_for(loop, 10);
    kw_conn_pause(server.sides[0].conn);
    kw_conn_set_queue_limit(client.conn, 65536);
    while (kw_conn_write(client.conn, block, sizeof block) == KW_OK)
        queued += sizeof block;
    assert_int_equal(queued, 65536);
    assert_int_equal(kw_conn_queued_bytes(client.conn), 65536);
    struct kw_blob *blob = kw_blob_new_raw(70000);
    memset(blob->bytes, 7, blob->length_bytes);
    assert_int_equal(kw_conn_write_blob(client.conn, blob), KW_EFULL);
    assert_true(run_until(loop, is_set, &client.drained, 2000));
    kw_conn_set_queue_limit(client.conn, 1 << 20);
    assert_int_equal(kw_conn_write_blob(client.conn, blob), KW_OK);
    kw_blob_unref(blob);
    kw_conn_resume(server.sides[0].conn);
    run_for(loop, 50);
    assert_int_equal(server.sides[0].got_bytes, 65536 + 70000);
    assert_int_equal(server.sides[0].got[65536], 7);
    kw_conn_close(client.conn);
    run_for(loop, 10);
    acceptor_stop(&server);
    kw_loop_free(loop);
    acceptor_free(&server);
}

static void a_peer_that_stops_reading_is_dropped(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct acceptor server = { 0 };
    struct side client = { 0 };
    char *big = calloc(1, 16 << 20);
    (void)state;
    acceptor_start(&server, loop, &(struct kw_listener_options){ 0 });
    dial(loop, &server, &client);
    assert_true(run_until(loop, side_is_open, &client, 2000));
    run_for(loop, 10);
    kw_conn_pause(server.sides[0].conn);
    kw_conn_set_queue_limit(client.conn, 32 << 20);
    kw_conn_set_stall_timeout(client.conn, 100);
    assert_int_equal(kw_conn_write(client.conn, big, 16 << 20), KW_OK);
    assert_true(run_until(loop, side_is_closed, &client, 3000));
    assert_int_equal(client.why, KW_ETIMEOUT);
    acceptor_stop(&server);
    kw_loop_free(loop);
    acceptor_free(&server);
    free(big);
}

static void too_many_connections_are_refused_and_counted(void **state)
{
    struct kw_metrics *metrics = kw_metrics_new();
    struct kw_loop *loop = kw_loop_new(metrics);
    struct acceptor server = { 0 };
    struct side clients[3] = { { 0 }, { 0 }, { 0 } };
    struct kw_buf text;
    (void)state;
    kw_buf_init(&text, 1 << 20);
    acceptor_start(&server, loop,
                   &(struct kw_listener_options){
                       .max_connections = 2, .metrics = metrics, .metric_label = "test" });
    for (int i = 0; i < 3; i++) {
        dial(loop, &server, &clients[i]);
        assert_true(run_until(loop, side_is_open, &clients[i], 2000));
    }
    assert_true(run_until(loop, side_is_closed, &clients[2], 2000));
    assert_false(clients[0].closed || clients[1].closed);
    assert_int_equal(kw_metrics_print(metrics, &text), KW_OK);
    assert_int_equal(kw_buf_append(&text, "", 1), KW_OK);
    assert_non_null(strstr(kw_buf_ptr(&text), "kw_connections_refused_total{listener=\"test\"} 1"));
    assert_non_null(strstr(kw_buf_ptr(&text), "kw_connections_open{listener=\"test\"} 2"));
    kw_conn_close(clients[0].conn);
    kw_conn_close(clients[1].conn);
    run_for(loop, 20);
    acceptor_stop(&server);
    kw_loop_free(loop);
    kw_buf_free(&text);
    kw_metrics_free(metrics);
    acceptor_free(&server);
}

static void a_taken_port_is_an_error_with_words(void **state)
{
    char error[200] = "";
    struct kw_loop *loop = kw_loop_new(NULL);
    struct acceptor server = { 0 };
    struct kw_listener *second = NULL;
    (void)state;
    acceptor_start(&server, loop, &(struct kw_listener_options){ 0 });
    struct kw_listener_options same = { .host = "127.0.0.1",
                                        .port = kw_listener_port(server.listener) };
    assert_int_equal(
        kw_listener_new(loop, &same, accept_side, &server, &second, error, sizeof error),
        KW_EEXISTS);
    assert_non_null(strstr(error, "cannot listen on 127.0.0.1 port"));
    struct kw_listener_options bad = { .host = "not-an-address" };
    assert_int_equal(
        kw_listener_new(loop, &bad, accept_side, &server, &second, error, sizeof error), KW_EIO);
    acceptor_stop(&server);
    kw_loop_free(loop);
}

static bool second_accepted(void *arg)
{
    return ((struct acceptor *)arg)->count == 2;
}

static void out_of_descriptors_pauses_and_recovers(void **state)
{
    struct rlimit before, tight;
    struct kw_loop *loop = kw_loop_new(NULL);
    struct acceptor server = { 0 };
    struct side first = { 0 }, second = { 0 };
    int held[128], count = 0;
    (void)state;
    acceptor_start(&server, loop, &(struct kw_listener_options){ 0 });
    dial(loop, &server, &first);
    assert_true(run_until(loop, side_is_open, &first, 2000));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = (struct rlimit){ .rlim_cur = 128, .rlim_max = before.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    while (count < 128 && (count == 0 || held[count - 1] < 100)) /* 32 are kept back */
        held[count++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dial(loop, &server, &second);
    run_for(loop, 250);
    assert_true(second.open); /* by the kernel: it waits in the queue */
    assert_int_equal(server.count, 1);
    assert_false(first.closed || second.closed);
    for (int i = 0; i < count; i++)
        (void)close(held[i]);
    assert_true(run_until(loop, second_accepted, &server, 2000));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    kw_conn_close(first.conn);
    kw_conn_close(second.conn);
    run_for(loop, 10);
    acceptor_stop(&server);
    kw_loop_free(loop);
    acceptor_free(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_and_both_ends_close_once),
        cmocka_unit_test(shutdown_sends_what_is_queued),
        cmocka_unit_test(an_answer_reaches_a_client_that_half_closed),
        cmocka_unit_test(a_refused_dial_says_so),
        cmocka_unit_test(a_dial_may_be_closed_at_once),
        cmocka_unit_test(every_address_of_a_name_is_tried),
        cmocka_unit_test(the_outbox_is_bounded_and_drains),
        cmocka_unit_test(a_peer_that_stops_reading_is_dropped),
        cmocka_unit_test(too_many_connections_are_refused_and_counted),
        cmocka_unit_test(a_taken_port_is_an_error_with_words),
        cmocka_unit_test(out_of_descriptors_pauses_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
