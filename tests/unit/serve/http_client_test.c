/* http_client_test.c - The outbound HTTP client (net/) against our own server. */
#include "serve_fixture.h"

#include "net/http_client.h"
#include "net/tls.h"

struct outcome {
    bool done;
    unsigned count;
    kw_err err;
    int status;
    size_t body_bytes;
    char body[200], type[64], words[200];
};

static void on_reply(const struct kw_http_reply *reply, void *arg)
{
    struct outcome *outcome = arg;
    outcome->done = true;
    outcome->count++;
    outcome->err = reply->err;
    outcome->status = reply->status;
    outcome->body_bytes = reply->body.len;
    KW_IGNORE(kw_str_copy(reply->body, outcome->body, sizeof outcome->body));
    KW_IGNORE(kw_str_copy(reply->content_type, outcome->type, sizeof outcome->type));
    (void)snprintf(outcome->words, sizeof outcome->words, "%s", reply->error);
}

static void on_sent(kw_err err, const char *words, void *arg)
{
    struct outcome *outcome = arg;
    outcome->done = true;
    outcome->count++;
    outcome->err = err;
    (void)snprintf(outcome->words, sizeof outcome->words, "%s", words);
}

struct bench {
    struct site site;
    struct kw_http_client *client;
    char url[128];
};

static void open_bench(struct bench *bench, struct kw_tls *tls)
{
    memset(bench, 0, sizeof *bench);
    site_start(&bench->site, &(struct kw_http_server_options){ 0 }, tls);
    bench->client = kw_http_client_new(bench->site.loop, 4);
}

static void close_bench(struct bench *bench)
{
    kw_http_client_free(bench->client);
    site_stop(&bench->site);
}

static const char *url_of(struct bench *bench, const char *scheme, const char *path)
{
    (void)snprintf(bench->url, sizeof bench->url, "%s://localhost:%u%s", scheme,
                   kw_listener_port(bench->site.listener), path);
    return bench->url;
}

static void call(struct bench *bench, struct kw_http_call_options *options, struct outcome *outcome)
{
    memset(outcome, 0, sizeof *outcome);
    assert_int_equal(kw_http_call(bench->client, options, on_reply, outcome, NULL), KW_OK);
    assert_false(outcome->done); /* never inside */
    assert_true(run_until(bench->site.loop, is_set, &outcome->done, 5000));
    assert_int_equal(outcome->count, 1);
}

static void requests_reach_the_server_and_answers_come_back(void **state)
{
    struct bench bench;
    struct outcome outcome;
    (void)state;
    open_bench(&bench, NULL);
    struct kw_http_call_options get = { .method = "GET", .url = url_of(&bench, "http", "/a") };
    call(&bench, &get, &outcome);
    assert_int_equal(outcome.err, KW_OK);
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.body, "hello");
    assert_string_equal(outcome.type, "text/plain");
    struct kw_http_call_options post = { .method = "POST",
                                         .url = url_of(&bench, "http", "/problem"),
                                         .body = KW_STR("{\"a\":1}") };
    call(&bench, &post, &outcome);
    assert_int_equal(outcome.err, KW_OK);
    assert_int_equal(outcome.status, 409);
    assert_string_equal(bench.site.last_body, "{\"a\":1}");
    close_bench(&bench);
}

static void limits_time_and_refusals_are_errors_with_words(void **state)
{
    struct bench bench;
    struct outcome outcome;
    (void)state;
    open_bench(&bench, NULL);
    struct kw_http_call_options big = { .method = "GET",
                                        .url = url_of(&bench, "http", "/big"),
                                        .response_limit_bytes = 1000 };
    call(&bench, &big, &outcome);
    assert_int_equal(outcome.err, KW_ETOOBIG);
    struct kw_http_call_options late = { .method = "GET",
                                         .url = url_of(&bench, "http", "/later"),
                                         .timeout_ms = 100 };
    call(&bench, &late, &outcome);
    assert_int_equal(outcome.err, KW_ETIMEOUT);
    assert_true(outcome.words[0] != 0);
    assert_true(run_until(bench.site.loop, is_set, &bench.site.gone, 2000));
    kw_exchange_respond(bench.site.held, 200, NULL, KW_STR_NONE);
    struct kw_http_call_options nobody = { .method = "GET", .url = "http://127.0.0.1:1/" };
    call(&bench, &nobody, &outcome);
    assert_int_equal(outcome.err, KW_EREFUSED);
    struct kw_http_call_options file = { .method = "GET", .url = "file:///etc/hostname" };
    call(&bench, &file, &outcome);
    assert_true(outcome.err != KW_OK);
    close_bench(&bench);
}

static void line_breaks_are_refused(void **state)
{
    const char *const smuggled[] = { "X-A: b\r\nX-C: d", NULL }, *const to[] = { "a@b\r\nDATA",
                                                                                 NULL };
    struct bench bench;
    struct outcome outcome = { 0 };
    (void)state;
    open_bench(&bench, NULL);
    struct kw_http_call_options options = { .method = "GET",
                                            .url = url_of(&bench, "http", "/"),
                                            .headers = smuggled };
    assert_int_equal(kw_http_call(bench.client, &options, on_reply, &outcome, NULL), KW_EINVALID);
    struct kw_mail_options mail = {
        .url = "smtp://127.0.0.1:1", .from = "k@x", .to = to, .message = KW_STR("x")
    };
    assert_int_equal(kw_mail_send(bench.client, &mail, on_sent, &outcome), KW_EINVALID);
    assert_false(outcome.done);
    close_bench(&bench);
}

static struct kw_exchange *kept[4];
static unsigned kept_count;

static bool keep(struct site *site, struct kw_exchange *exchange)
{
    (void)site;
    assert_true(kept_count < 4);
    kept[kept_count++] = exchange;
    return true;
}

static void calls_are_bounded_cancelled_and_ended_with_the_client(void **state)
{
    struct bench bench;
    struct outcome outcomes[5] = { { 0 } };
    struct kw_http_call *calls[5] = { NULL };
    (void)state;
    open_bench(&bench, NULL);
    bench.site.on_other = keep;
    struct kw_http_call_options options = { .method = "GET",
                                            .url = url_of(&bench, "http", "/later") };
    for (int i = 0; i < 4; i++)
        assert_int_equal(kw_http_call(bench.client, &options, on_reply, &outcomes[i], &calls[i]),
                         KW_OK);
    assert_int_equal(kw_http_call(bench.client, &options, on_reply, &outcomes[4], &calls[4]),
                     KW_EBUSY);
    run_for(bench.site.loop, 30);
    kw_http_call_cancel(calls[0]);
    run_for(bench.site.loop, 20);
    assert_false(outcomes[0].done);
    assert_int_equal(kept_count, 4);
    kw_http_client_free(bench.client);
    for (int i = 1; i < 4; i++)
        assert_int_equal(outcomes[i].err, KW_ECANCELLED);
    assert_false(outcomes[0].done);
    for (unsigned i = 0; i < kept_count; i++)
        kw_exchange_respond(kept[i], 200, NULL, KW_STR_NONE);
    bench.client = kw_http_client_new(bench.site.loop, 0);
    close_bench(&bench);
}

static void certificates_are_verified(void **state)
{
    char folder[] = "/tmp/kw-client-XXXXXX", cert[64], key[64], error[200];
    struct kw_tls *tls = NULL;
    struct bench bench;
    struct outcome outcome;
    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(cert, sizeof cert, "%s/c", folder);
    (void)snprintf(key, sizeof key, "%s/k", folder);
    assert_int_equal(kw_tls_make_self_signed(cert, key, "localhost", error, sizeof error), KW_OK);
    assert_int_equal(
        kw_tls_server_new(&(struct kw_tls_options){ .cert_file = cert, .key_file = key }, &tls,
                          error, sizeof error),
        KW_OK);
    open_bench(&bench, tls);
    struct kw_http_call_options options = { .method = "GET", .url = url_of(&bench, "https", "/") };
    call(&bench, &options, &outcome);
    assert_int_equal(outcome.err, KW_ETLS);
    options.ca_file = cert;
    call(&bench, &options, &outcome);
    assert_int_equal(outcome.err, KW_OK);
    assert_string_equal(outcome.body, "hello");
    close_bench(&bench);
    kw_tls_free(tls);
    (void)unlink(cert);
    (void)unlink(key);
    (void)rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_reach_the_server_and_answers_come_back),
        cmocka_unit_test(limits_time_and_refusals_are_errors_with_words),
        cmocka_unit_test(line_breaks_are_refused),
        cmocka_unit_test(calls_are_bounded_cancelled_and_ended_with_the_client),
        cmocka_unit_test(certificates_are_verified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
