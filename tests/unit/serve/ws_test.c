/* ws_test.c - WebSocket sessions, our server against our client and against raw frames. */
#include "serve_fixture.h"

#include "net/tls.h"
#include "proto/ws_frame.h"

#define CLIENTS 50

struct end {
    struct kw_ws *ws;
    struct kw_buf text; /* messages, one a line */
    unsigned opens, messages, pongs, closes;
    uint16_t code;
    bool opened, closed, drained, echo, close_in_message;
    char why[128], protocol[32];
};

static void end_open(struct kw_ws *ws, void *arg)
{
    struct end *end = arg;
    end->opened = true;
    end->opens++;
    (void)snprintf(end->protocol, sizeof end->protocol, "%s", kw_ws_protocol(ws));
}

static void end_message(struct kw_ws *ws, bool is_text, struct kw_str message, void *arg)
{
    struct end *end = arg;
    end->messages++;
    assert_true(is_text);
    if (end->text.limit == 0)
        kw_buf_init(&end->text, 4 << 20);
    assert_int_equal(kw_buf_append(&end->text, message.ptr, message.len), KW_OK);
    assert_int_equal(kw_buf_append(&end->text, "\n", 1), KW_OK);
    if (end->echo)
        assert_int_equal(kw_ws_send_text(ws, message), KW_OK);
    if (end->close_in_message)
        kw_ws_close(ws, 4401, "session ended");
}

static void end_pong(struct kw_ws *ws, void *arg)
{
    (void)ws;
    ((struct end *)arg)->pongs++;
}

static void end_drain(struct kw_ws *ws, void *arg)
{
    (void)ws;
    ((struct end *)arg)->drained = true;
}

static void end_close(struct kw_ws *ws, uint16_t code, struct kw_str why, void *arg)
{
    struct end *end = arg;
    assert_int_equal(kw_ws_send_text(ws, KW_STR("late")), KW_ECLOSED);
    assert_non_null(kw_ws_peer(ws));
    end->closed = true;
    end->closes++;
    end->code = code;
    end->ws = NULL;
    KW_IGNORE(kw_str_copy(why, end->why, sizeof end->why));
}

static const struct kw_ws_events end_events = { end_open, end_message, end_pong, end_drain,
                                                end_close };

struct hall {
    struct end ends[CLIENTS + 4];
    unsigned count;
    bool echo;
    struct kw_ws_options options;
    const char *protocol;
};

static void take_upgrade(struct site *site, struct kw_exchange *exchange)
{
    struct hall *hall = site->arg;
    struct end *end = &hall->ends[hall->count];
    end->echo = hall->echo;
    end->ws = kw_exchange_upgrade(exchange, hall->protocol, &hall->options, &end_events, end);
    if (end->ws != NULL)
        hall->count++;
}

static void start(struct site *site, struct hall *hall, struct kw_tls *tls)
{
    site->arg = hall;
    site->on_upgrade = take_upgrade;
    site_start(site, &(struct kw_http_server_options){ .web_headers = true }, tls);
}

static void stop(struct site *site, struct hall *hall)
{
    site_stop(site);
    for (unsigned i = 0; i < hall->count; i++)
        kw_buf_free(&hall->ends[i].text);
}

static void dial(struct site *site, struct end *client, const char *protocols, struct kw_tls *tls)
{
    char url[100];
    (void)snprintf(url, sizeof url, "%s://localhost:%u/live?x=1", tls != NULL ? "wss" : "ws",
                   kw_listener_port(site->listener));
    struct kw_ws_dial_options options = {
        .url = url, .protocols = protocols, .tls = tls, .timeout_ms = 3000
    };
    options.session.message_limit_bytes = 4 << 20;
    assert_int_equal(kw_ws_dial(site->loop, &options, &end_events, client, &client->ws), KW_OK);
}

static bool is_opened(void *arg)
{
    return ((struct end *)arg)->opened;
}

static bool is_closed(void *arg)
{
    return ((struct end *)arg)->closed;
}

static bool has_message(void *arg)
{
    return ((struct end *)arg)->messages > 0;
}

static void messages_go_both_ways_and_the_close_is_answered(void **state)
{
    struct site site = { 0 };
    struct hall hall = { .echo = true, .protocol = "ocpp1.6" };
    struct end client = { 0 };
    char *large = malloc(100000);
    (void)state;
    memset(large, 'x', 100000);
    hall.options.message_limit_bytes = 200000;
    start(&site, &hall, NULL);
    dial(&site, &client, "ocpp2.0.1, ocpp1.6", NULL);
    assert_int_equal(kw_ws_send_text(client.ws, KW_STR("early")), KW_ECLOSED);
    assert_true(run_until(site.loop, is_opened, &client, 3000));
    assert_string_equal(client.protocol, "ocpp1.6");
    assert_string_equal(kw_ws_protocol(hall.ends[0].ws), "ocpp1.6");
    assert_int_equal(kw_ws_send_text(client.ws, KW_STR("one")), KW_OK);
    assert_int_equal(kw_ws_send_text(client.ws, kw_str_n(large, 100000)), KW_OK);
    assert_int_equal(kw_ws_ping(client.ws), KW_OK);
    run_for(site.loop, 100);
    assert_int_equal(client.messages, 2);
    assert_int_equal(kw_buf_len(&client.text), 4 + 100001);
    assert_memory_equal(kw_buf_ptr(&client.text), "one\nxxx", 7);
    assert_int_equal(client.pongs, 1);
    assert_int_equal(metric_of(&site, "kw_ws_sessions_open{server=\"test\"} "), 1);
    kw_ws_close(client.ws, 4408, "too slow");
    assert_false(client.closed);
    assert_true(run_until(site.loop, is_closed, &client, 3000));
    assert_true(run_until(site.loop, is_closed, &hall.ends[0], 3000));
    assert_int_equal(hall.ends[0].code, 4408);
    assert_string_equal(hall.ends[0].why, "too slow");
    assert_int_equal(client.code, 4408); /* the server echoes it */
    assert_int_equal(client.closes, 1);
    assert_int_equal(metric_of(&site, "kw_ws_closed_total{server=\"test\",code=\"4408\"} "), 1);
    assert_int_equal(metric_of(&site, "kw_ws_sessions_open{server=\"test\"} "), 0);
    kw_buf_free(&client.text);
    free(large);
    stop(&site, &hall);
}

static void one_framed_blob_reaches_fifty_clients(void **state)
{
    static struct end clients[CLIENTS];
    struct site site = { 0 };
    struct hall *hall = calloc(1, sizeof *hall);
    (void)state;
    memset(clients, 0, sizeof clients);
    start(&site, hall, NULL);
    for (int i = 0; i < CLIENTS; i++)
        dial(&site, &clients[i], NULL, NULL);
    for (int i = 0; i < CLIENTS; i++)
        assert_true(run_until(site.loop, is_opened, &clients[i], 3000));
    for (int round = 0; round < 20; round++) {
        char text[3000];
        int length = snprintf(text, sizeof text, "round %d %*s", round, round * 150, "");
        struct kw_blob *frame = kw_ws_frame_blob(KW_WS_TEXT, kw_str_n(text, (size_t)length));
        for (int i = 0; i < CLIENTS; i++)
            assert_int_equal(kw_ws_send_frame(hall->ends[i].ws, frame), KW_OK);
        kw_blob_unref(frame);
    }
    run_for(site.loop, 200);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(clients[i].messages, 20);
        assert_int_equal(kw_buf_len(&clients[i].text), kw_buf_len(&clients[0].text));
        assert_memory_equal(kw_buf_ptr(&clients[i].text), kw_buf_ptr(&clients[0].text),
                            kw_buf_len(&clients[0].text));
    }
    kw_http_server_drain(site.server, 2000, site_drained, &site);
    for (int i = 0; i < CLIENTS; i++) {
        assert_true(run_until(site.loop, is_closed, &clients[i], 3000));
        assert_int_equal(clients[i].code, 1012);
        kw_buf_free(&clients[i].text);
    }
    assert_true(run_until(site.loop, is_set, &site.drained, 3000));
    stop(&site, hall);
    free(hall);
}

static void a_session_that_does_not_read_is_bounded(void **state)
{
    struct site site = { 0 };
    struct hall hall = { .options = { .queue_limit_bytes = 100000 } };
    struct end client = { 0 };
    char text[1000];
    (void)state;
    memset(text, 't', sizeof text);
    start(&site, &hall, NULL);
    dial(&site, &client, NULL, NULL);
    assert_true(run_until(site.loop, is_opened, &client, 3000));
    kw_ws_pause(client.ws);
    unsigned sent = 0;
    while (sent < 100000 && kw_ws_send_text(hall.ends[0].ws, kw_str_n(text, sizeof text)) == KW_OK)
        sent++;
    assert_int_equal(sent, 99); /* 1004 bytes a frame */
    assert_int_equal(kw_ws_queued_bytes(hall.ends[0].ws), 99 * 1004);
    assert_int_equal(metric_of(&site, "kw_ws_queue_full_total{server=\"test\"} "), 1);
    assert_true(run_until(site.loop, is_set, &hall.ends[0].drained, 3000));
    kw_ws_resume(client.ws);
    run_for(site.loop, 50);
    assert_int_equal(client.messages, 99);
    kw_ws_abort(client.ws);
    assert_true(run_until(site.loop, is_closed, &hall.ends[0], 3000));
    assert_int_equal(hall.ends[0].code, 1006);
    assert_int_equal(client.code, 1006);
    kw_buf_free(&client.text);
    stop(&site, &hall);
}

static void a_peer_that_answers_no_ping_is_dropped(void **state)
{
    struct site site = { 0 };
    struct hall hall = { .options = { .ping_interval_ms = 200, .missed_pongs = 2 } };
    struct end client = { 0 }, deaf = { 0 };
    (void)state;
    start(&site, &hall, NULL);
    dial(&site, &client, NULL, NULL);
    assert_true(run_until(site.loop, is_opened, &client, 3000));
    dial(&site, &deaf, NULL, NULL);
    assert_true(run_until(site.loop, is_opened, &deaf, 3000));
    kw_ws_pause(deaf.ws);
    assert_true(run_until(site.loop, is_closed, &hall.ends[1], 10000));
    assert_int_equal(hall.ends[1].code, 1006);
    assert_string_equal(hall.ends[1].why, "no answer to pings");
    run_for(site.loop, 500);
    assert_false(hall.ends[0].closed); /* the other answers */
    assert_true(hall.ends[0].pongs >= 3);
    kw_ws_resume(deaf.ws);
    assert_true(run_until(site.loop, is_closed, &deaf, 3000));
    kw_ws_close(client.ws, 1000, "");
    assert_true(run_until(site.loop, is_closed, &client, 3000));
    stop(&site, &hall);
}

#define HANDSHAKE \
    "GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

static void frames_in_the_same_piece_as_the_handshake_count(void **state)
{
    struct site site = { 0 };
    struct hall hall = { .echo = true };
    struct side raw = { 0 };
    (void)state;
    start(&site, &hall, NULL);
    site_dial(&site, &raw, NULL);
    /* "Hi" masked with zeros, then an unmasked frame: a breach */
    static const char both[] = HANDSHAKE "\x81\x82\0\0\0\0Hi\x81\x01x";
    assert_int_equal(kw_conn_write(raw.conn, both, sizeof both - 1), KW_OK);
    assert_true(run_until(site.loop, side_is_closed, &raw, 3000));
    assert_non_null(strstr(raw.got, "HTTP/1.1 101 Switching Protocols\r\n"));
    assert_non_null(strstr(raw.got, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert_int_equal(hall.ends[0].messages, 1);
    assert_true(run_until(site.loop, is_closed, &hall.ends[0], 3000));
    assert_int_equal(hall.ends[0].code, 1002);
    const char *frames = strstr(raw.got, "\r\n\r\n") + 4;
    assert_memory_equal(frames, "\x81\x02Hi\x88", 5);
    assert_int_equal((unsigned char)frames[6] << 8 | (unsigned char)frames[7], 1002);
    side_end(&site, &raw);
    stop(&site, &hall);
}

static void bad_handshakes_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *request, *status;
    } cases[] = {
        { "GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
          "HTTP/1.1 400" },
        { "GET /live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
          "HTTP/1.1 426" },
    };
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(cases); i++) {
        struct site site = { 0 };
        struct hall hall = { 0 };
        struct side raw = { 0 };
        start(&site, &hall, NULL);
        site_dial(&site, &raw, NULL);
        send_text(&raw, cases[i].request);
        assert_true(await_text(&site, &raw, "request_id"));
        assert_memory_equal(raw.got, cases[i].status, 12);
        assert_int_equal(hall.count, 0);
        side_end(&site, &raw);
        stop(&site, &hall);
    }
}

static bool refuse_401(struct site *site, struct kw_exchange *exchange)
{
    (void)site;
    kw_exchange_problem(exchange, 401, "not-signed-in", "Sign in first.");
    return true;
}

static void a_refused_dial_tells_the_status(void **state)
{
    struct site site = { 0 };
    struct hall hall = { 0 };
    struct end client = { 0 }, nobody = { 0 };
    (void)state;
    start(&site, &hall, NULL);
    site.on_upgrade = NULL;
    site.on_other = refuse_401;
    dial(&site, &client, NULL, NULL);
    assert_true(run_until(site.loop, is_closed, &client, 3000));
    assert_int_equal(client.code, 1006);
    assert_string_equal(client.why, "http 401");
    assert_int_equal(client.opens, 0);
    static const char *const bad[] = { "http://x/",     "ws://",      "ws://h:0/",
                                       "ws://h:99999/", "ws://h/a b", "wss://h/" };
    for (size_t i = 0; i < KW_COUNT_OF(bad); i++) {
        struct kw_ws_dial_options options = { .url = bad[i] };
        assert_int_equal(kw_ws_dial(site.loop, &options, &end_events, &nobody, &nobody.ws),
                         KW_EINVALID);
    }
    const char *const smuggled[] = { "X: a\r\nY: b", NULL };
    struct kw_ws_dial_options options = { .url = "ws://localhost/", .headers = smuggled };
    assert_int_equal(kw_ws_dial(site.loop, &options, &end_events, &nobody, &nobody.ws),
                     KW_EINVALID);
    stop(&site, &hall);
}

static void a_session_may_be_closed_inside_its_own_message(void **state)
{
    struct site site = { 0 };
    struct hall hall = { 0 };
    struct end client = { 0 };
    (void)state;
    start(&site, &hall, NULL);
    dial(&site, &client, NULL, NULL);
    assert_true(run_until(site.loop, is_opened, &client, 3000));
    hall.ends[0].close_in_message = true;
    assert_int_equal(kw_ws_send_text(client.ws, KW_STR("a")), KW_OK);
    assert_int_equal(kw_ws_send_text(client.ws, KW_STR("b")), KW_OK);
    assert_true(run_until(site.loop, is_closed, &client, 3000));
    assert_int_equal(client.code, 4401);
    assert_string_equal(client.why, "session ended");
    assert_true(run_until(site.loop, is_closed, &hall.ends[0], 3000));
    assert_int_equal(hall.ends[0].messages, 1);
    stop(&site, &hall);
}

static void a_peer_that_ignores_our_close_is_cut(void **state)
{
    struct site site = { 0 };
    struct hall hall = { 0 };
    struct side raw = { 0 };
    (void)state;
    start(&site, &hall, NULL);
    site_dial(&site, &raw, NULL);
    send_text(&raw, HANDSHAKE);
    assert_true(await_text(&site, &raw, "101 Switching"));
    int64_t before_us = kw_mono_us();
    kw_ws_close(hall.ends[0].ws, 1000, "bye");
    assert_true(run_until(site.loop, is_closed, &hall.ends[0], 5000));
    assert_in_range(kw_mono_us() - before_us, 1500000, 3500000);
    assert_int_equal(hall.ends[0].code, 1006);
    side_end(&site, &raw);
    stop(&site, &hall);
}

static void it_works_over_tls(void **state)
{
    char folder[] = "/tmp/kw-ws-XXXXXX", cert[64], key[64], error[200];
    struct kw_tls *server = NULL, *trust = NULL;
    struct site site = { 0 };
    struct hall hall = { .echo = true };
    struct end client = { 0 };
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(cert, sizeof cert, "%s/c", folder);
    (void)snprintf(key, sizeof key, "%s/k", folder);
    assert_int_equal(kw_tls_make_self_signed(cert, key, "localhost", error, sizeof error), KW_OK);
    assert_int_equal(
        kw_tls_server_new(&(struct kw_tls_options){ .cert_file = cert, .key_file = key }, &server,
                          error, sizeof error),
        KW_OK);
    assert_int_equal(
        kw_tls_client_new(&(struct kw_tls_options){ .ca_file = cert }, &trust, error, sizeof error),
        KW_OK);
    start(&site, &hall, server);
    dial(&site, &client, NULL, trust);
    assert_true(run_until(site.loop, is_opened, &client, 3000));
    assert_int_equal(kw_ws_send_text(client.ws, KW_STR("secret")), KW_OK);
    assert_true(run_until(site.loop, has_message, &client, 3000));
    kw_ws_close(client.ws, 1000, "");
    assert_true(run_until(site.loop, is_closed, &client, 3000));
    assert_int_equal(client.code, 1000);
    kw_buf_free(&client.text);
    stop(&site, &hall);
    kw_tls_free(server);
    kw_tls_free(trust);
    (void)unlink(cert);
    (void)unlink(key);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_both_ways_and_the_close_is_answered),
        cmocka_unit_test(one_framed_blob_reaches_fifty_clients),
        cmocka_unit_test(a_session_that_does_not_read_is_bounded),
        cmocka_unit_test(a_peer_that_answers_no_ping_is_dropped),
        cmocka_unit_test(frames_in_the_same_piece_as_the_handshake_count),
        cmocka_unit_test(bad_handshakes_are_refused_with_a_reason),
        cmocka_unit_test(a_refused_dial_tells_the_status),
        cmocka_unit_test(a_session_may_be_closed_inside_its_own_message),
        cmocka_unit_test(a_peer_that_ignores_our_close_is_cut),
        cmocka_unit_test(it_works_over_tls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
