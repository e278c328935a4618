/* http_server_test.c - The HTTP server over real sockets: order, limits, time, TLS, draining. */
#include "serve_fixture.h"

#include "net/tls.h"

static const struct kw_http_server_options plain = { .web_headers = false };

static void requests_of_one_connection_are_answered_in_order(void **state)
{
    struct site site = { 0 };
    struct side client = { 0 };
    (void)state;
    site_start(&site, &plain, NULL);
    site_dial(&site, &client, NULL);
    send_text(&client, "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b?q HTTP/1.1\r\nHost: x\r\n\r\n"
                       "HEAD /c HTTP/1.1\r\nHost: x\r\n\r\nGET /empty HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(await_text(&site, &client, "204 No Content"));
    const char *a = strstr(client.got, "X-Path: /a\r\n"), *b = strstr(client.got, "X-Path: /b\r\n"),
               *c = strstr(client.got, "X-Path: /c\r\n");
    assert_true(a != NULL && b != NULL && c != NULL && a < b && b < c);
    assert_memory_equal(client.got, "HTTP/1.1 200 OK\r\nDate: ", 23);
    assert_non_null(strstr(client.got, "\r\nContent-Length: 5\r\n"));
    assert_non_null(strstr(a, "\r\n\r\nhelloHTTP/1.1 200"));
    assert_non_null(strstr(c, "\r\n\r\nHTTP/1.1 204")); /* HEAD: counted, not sent */
    assert_null(strstr(strstr(client.got, "204 No"), "Content-Length"));
    assert_int_equal(site.requests, 4);
    assert_false(client.closed);
    assert_int_equal(metric_of(&site, "kw_http_requests_total{server=\"test\",status=\"2xx\"} "),
                     4);
    side_end(&site, &client);
    site_stop(&site);
}

static void a_request_may_come_byte_by_byte(void **state)
{
    const char *text = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";
    struct site site = { 0 };
    struct side client = { 0 };
    (void)state;
    site_start(&site, &plain, NULL);
    site_dial(&site, &client, NULL);
    for (const char *at = text; *at != 0; at++) {
        assert_int_equal(kw_conn_write(client.conn, at, 1), KW_OK);
        run_for(site.loop, 1);
    }
    assert_true(await_text(&site, &client, "hello"));
    assert_string_equal(site.last_body, "body");
    side_forget(&client);
    send_text(&client, "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_true(await_text(&site, &client, "hello"));
    assert_string_equal(site.last_body, "abcde");
    side_end(&site, &client);
    site_stop(&site);
}

static void a_late_answer_holds_the_next_request_back(void **state)
{
    struct site site = { 0 };
    struct side client = { 0 };
    (void)state;
    site_start(&site, &plain, NULL);
    site_dial(&site, &client, NULL);
    send_text(&client,
              "GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    run_for(site.loop, 20);
    assert_non_null(site.held);
    assert_int_equal(site.requests, 1);
    assert_int_equal(client.got_bytes, 0);
    assert_string_equal(kw_exchange_peer(site.held), "127.0.0.1");
    assert_int_equal(strlen(kw_exchange_id(site.held)), 16);
    kw_exchange_respond(site.held, 202, "text/plain", KW_STR("late"));
    assert_true(await_text(&site, &client, "X-Path: /next"));
    assert_true(strstr(client.got, "late") < strstr(client.got, "X-Path: /next"));
    side_end(&site, &client);
    site_stop(&site);
}

static void a_client_that_leaves_is_reported_and_the_answer_is_still_owed(void **state)
{
    struct site site = { 0 };
    struct side client = { 0 };
    (void)state;
    site_start(&site, &plain, NULL);
    site_dial(&site, &client, NULL);
    send_text(&client, "GET /later HTTP/1.1\r\nHost: x\r\nX-Kept: yes\r\n\r\n");
    run_for(site.loop, 20);
    kw_conn_close(client.conn);
    assert_true(run_until(site.loop, is_set, &site.gone, 2000));
    assert_true(kw_exchange_gone(site.held));
    assert_true(kw_str_eqc(kw_http_header_get(kw_exchange_head(site.held), "x-kept"), "yes"));
    kw_exchange_respond(site.held, 200, "text/plain", KW_STR("nobody"));
    side_end(&site, &client);
    site_stop(&site);
}

static void faults_are_answered_counted_and_end_the_connection(void **state)
{
    static const struct {
        const char *request, *status, *code;
    } cases[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400", "\"code\":" },
        { "GET / HTTP/9.9\r\nHost: a\r\n\r\n", "HTTP/1.1 505", "bad-version" },
        { "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 501", "bad-method" },
        { "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "HTTP/1.1 413",
          "body-too-large" },
        { "POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 413",
          "body-too-large" },
    };
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(cases); i++) {
        struct site site = { 0 };
        struct side client = { 0 };
        site_start(&site, &(struct kw_http_server_options){ .web_headers = true }, NULL);
        site_dial(&site, &client, NULL);
        send_text(&client, cases[i].request);
        assert_true(run_until(site.loop, side_is_closed, &client, 3000));
        assert_memory_equal(client.got, cases[i].status, strlen(cases[i].status));
        assert_non_null(strstr(client.got, cases[i].code));
        assert_non_null(strstr(client.got, "Connection: close\r\n"));
        assert_non_null(strstr(client.got, "Content-Security-Policy: default-src 'none';"));
        assert_non_null(strstr(client.got, "application/problem+json"));
        assert_int_equal(site.requests, 0);
        assert_true(metric_of(&site, "kw_http_refused_total{server=\"test\",reason=\"") >= 0 ||
                    metric_of(&site, "status=\"4xx\"} ") + metric_of(&site, "status=\"5xx\"} ") ==
                        1);
        side_end(&site, &client);
        site_stop(&site);
    }
}

static void every_answer_carries_the_security_headers(void **state)
{
    static const char *const paths[] = { "/", "/problem", "/empty" };
    static const char *const lines[] = {
        "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n",
        "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n",
        "X-Content-Type-Options: nosniff\r\n",
        "Referrer-Policy: no-referrer\r\n",
        "Cross-Origin-Opener-Policy: same-origin\r\n",
        "Cross-Origin-Resource-Policy: same-origin\r\n",
        "Permissions-Policy: "
    };
    struct site site = { 0 };
    struct side client = { 0 };
    char request[100];
    (void)state;
    site_start(&site, &(struct kw_http_server_options){ .web_headers = true }, NULL);
    site_dial(&site, &client, NULL);
    for (size_t i = 0; i < KW_COUNT_OF(paths); i++) {
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", paths[i]);
        side_forget(&client);
        send_text(&client, request);
        assert_true(await_text(&site, &client, "\r\n\r\n"));
        for (size_t line = 0; line < KW_COUNT_OF(lines); line++)
            assert_non_null(strstr(client.got, lines[line]));
    }
    side_end(&site, &client);
    site_stop(&site);
}

static void slow_heads_bodies_and_silence_are_cut(void **state)
{
    static const struct kw_http_server_options hasty = { .head_timeout_ms = 80,
                                                         .body_timeout_ms = 80,
                                                         .idle_timeout_ms = 80 };
    struct site site = { 0 };
    struct side silent = { 0 }, slow_head = { 0 }, slow_body = { 0 }, idle = { 0 }, late = { 0 };
    (void)state;
    site_start(&site, &hasty, NULL);
    site_dial(&site, &silent, NULL);
    site_dial(&site, &slow_head, NULL);
    site_dial(&site, &slow_body, NULL);
    site_dial(&site, &idle, NULL);
    site_dial(&site, &late, NULL);
    send_text(&slow_head, "GET / HTTP/1.1\r\nHos");
    send_text(&slow_body, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
    send_text(&idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    send_text(&late, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(run_until(site.loop, side_is_closed, &silent, 2000));
    assert_true(run_until(site.loop, side_is_closed, &slow_head, 2000));
    assert_true(run_until(site.loop, side_is_closed, &slow_body, 2000));
    assert_true(run_until(site.loop, side_is_closed, &idle, 2000));
    assert_int_equal(silent.got_bytes, 0);
    assert_memory_equal(slow_head.got, "HTTP/1.1 408", 12);
    assert_memory_equal(slow_body.got, "HTTP/1.1 408", 12);
    assert_memory_equal(idle.got, "HTTP/1.1 200", 12);
    assert_false(late.closed); /* a handler may take its time */
    kw_exchange_respond(site.held, 200, "text/plain", KW_STR("at last"));
    assert_true(await_text(&site, &late, "at last"));
    assert_int_equal(
        metric_of(&site, "kw_http_refused_total{server=\"test\",reason=\"slow-head\"} "), 1);
    side_end(&site, &silent);
    side_end(&site, &slow_head);
    side_end(&site, &slow_body);
    side_end(&site, &idle);
    side_end(&site, &late);
    site_stop(&site);
}

static void an_expected_continue_is_given(void **state)
{
    struct site site = { 0 };
    struct side client = { 0 };
    (void)state;
    site_start(&site, &plain, NULL);
    site_dial(&site, &client, NULL);
    send_text(&client, "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                       "Content-Length: 2\r\n\r\n");
    assert_true(await_text(&site, &client, "HTTP/1.1 100 Continue\r\n\r\n"));
    send_text(&client, "ok");
    assert_true(await_text(&site, &client, "hello"));
    assert_string_equal(site.last_body, "ok");
    side_end(&site, &client);
    site_stop(&site);
}

static void a_reader_that_pipelines_and_does_not_read_holds_one_answer(void **state)
{
    struct site site = { 0 };
    struct side client = { 0 };
    (void)state;
    site_start(&site, &plain, NULL);
    site_dial(&site, &client, NULL);
    kw_conn_pause(client.conn);
    for (int i = 0; i < 40; i++)
        send_text(&client, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    run_for(site.loop, 100);
    assert_in_range(site.requests, 1, 6); /* the kernel takes some megabytes, we hold one answer */
    kw_conn_resume(client.conn);
    struct expectation all = { &client, NULL, 40u * (3u << 20) };
    assert_true(run_until(site.loop, has_text, &all, 20000));
    assert_int_equal(site.requests, 40);
    side_end(&site, &client);
    site_stop(&site);
}

static void draining_answers_what_is_open_and_closes_the_rest(void **state)
{
    struct site site = { 0 };
    struct side idle = { 0 }, busy = { 0 };
    (void)state;
    site_start(&site, &plain, NULL);
    site_dial(&site, &idle, NULL);
    site_dial(&site, &busy, NULL);
    send_text(&idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    send_text(&busy, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(await_text(&site, &idle, "hello"));
    kw_http_server_drain(site.server, 3000, site_drained, &site);
    assert_true(run_until(site.loop, side_is_closed, &idle, 2000));
    assert_false(busy.closed || site.drained);
    kw_exchange_respond(site.held, 200, "text/plain", KW_STR("last words"));
    assert_true(run_until(site.loop, side_is_closed, &busy, 2000));
    assert_non_null(strstr(busy.got, "last words"));
    assert_non_null(strstr(busy.got, "Connection: close"));
    assert_true(run_until(site.loop, is_set, &site.drained, 2000));
    side_end(&site, &idle);
    side_end(&site, &busy);
    site_stop(&site);
}

static char folder[64], cert[96], key[96];

static void tls_serves_and_tells_plain_clients_to_come_by_https(void **state)
{
    struct kw_tls *tls = NULL, *client_tls = NULL;
    struct site site = { 0 };
    struct side secure = { 0 }, lost = { 0 };
    char error[200];
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/kw-http-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(cert, sizeof cert, "%s/c", folder);
    (void)snprintf(key, sizeof key, "%s/k", folder);
    assert_int_equal(kw_tls_make_self_signed(cert, key, "localhost", error, sizeof error), KW_OK);
    struct kw_tls_options pair = { .cert_file = cert, .key_file = key },
                          trust = { .ca_file = cert };
    assert_int_equal(kw_tls_server_new(&pair, &tls, error, sizeof error), KW_OK);
    assert_int_equal(kw_tls_client_new(&trust, &client_tls, error, sizeof error), KW_OK);
    site_start(&site,
               &(struct kw_http_server_options){
                   .web_headers = true, .redirect_plain = true, .head_timeout_ms = 3000 },
               tls);
    site_dial(&site, &secure, client_tls);
    send_text(&secure, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    run_for(site.loop, 20);
    assert_true(kw_exchange_is_tls(site.held));
    kw_exchange_respond(site.held, 200, "text/plain", KW_STR("private"));
    assert_true(await_text(&site, &secure, "private"));
    site_dial(&site, &lost, NULL);
    send_text(&lost, "GET /a?b=c HTTP/1.1\r\nHost: box.example:8443\r\n\r\n");
    assert_true(run_until(site.loop, side_is_closed, &lost, 2000));
    assert_memory_equal(lost.got, "HTTP/1.1 308 Permanent Redirect\r\n", 33);
    assert_non_null(strstr(lost.got, "Location: https://box.example:8443/a?b=c\r\n"));
    assert_non_null(strstr(lost.got, "Content-Security-Policy: default-src 'none';"));
    assert_non_null(strstr(lost.got, "Strict-Transport-Security: "));
    assert_int_equal(site.requests, 1);
    side_end(&site, &secure);
    side_end(&site, &lost);
    site_stop(&site);
    kw_tls_free(tls);
    kw_tls_free(client_tls);
    (void)unlink(cert);
    (void)unlink(key);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_one_connection_are_answered_in_order),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(a_late_answer_holds_the_next_request_back),
        cmocka_unit_test(a_client_that_leaves_is_reported_and_the_answer_is_still_owed),
        cmocka_unit_test(faults_are_answered_counted_and_end_the_connection),
        cmocka_unit_test(every_answer_carries_the_security_headers),
        cmocka_unit_test(slow_heads_bodies_and_silence_are_cut),
        cmocka_unit_test(an_expected_continue_is_given),
        cmocka_unit_test(a_reader_that_pipelines_and_does_not_read_holds_one_answer),
        cmocka_unit_test(draining_answers_what_is_open_and_closes_the_rest),
        cmocka_unit_test(tls_serves_and_tells_plain_clients_to_come_by_https),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
