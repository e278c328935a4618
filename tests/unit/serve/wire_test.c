/* wire_test.c - A refusal of the core is the document that tests/wire/problems.json shows the page. */
#include "serve_fixture.h"

#include "support/samples.h"

static char file[SAMPLES_BYTES];

static void a_problem_has_the_members_of_the_sample(void **state)
{
    static const char *const keys[] = { "type", "title", "status", "detail", "code" };
    struct site site = { 0 };
    struct side client = { 0 };
    (void)state;
    site_start(&site, &(struct kw_http_server_options){ .web_headers = false }, NULL);
    site_dial(&site, &client, NULL);
    send_text(&client, "GET /problem HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_true(await_text(&site, &client, "request_id"));
    const char *body = strstr(client.got, "\r\n\r\n");
    assert_non_null(body);
    struct kw_str written = kw_str_of(body + 4);
    struct kw_str sample = samples_member(samples_read("problems", file), "of_the_core");
    for (size_t i = 0; i < KW_COUNT_OF(keys); i++) {
        struct kw_str wanted = samples_member(sample, keys[i]);
        struct kw_str value = samples_member(written, keys[i]);
        if (!kw_str_eq(wanted, value))
            fail_msg("%s: written %.*s, sample %.*s", keys[i], (int)value.len, value.ptr,
                     (int)wanted.len, wanted.ptr);
    }
    assert_int_equal(samples_member(written, "request_id").len, 18);
    side_end(&site, &client);
    site_stop(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_problem_has_the_members_of_the_sample) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
