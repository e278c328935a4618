/* words_test.c - The small readers of proto/: routes, cookies, OCPP frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "proto/cookie.h"
#include "proto/http_route.h"
#include "proto/ocpp_frame.h"

/* --- routes --- */

static struct kw_router *router_of(const char *const *patterns)
{
    struct kw_router *router = kw_router_new();
    for (; *patterns != NULL; patterns += 2) {
        enum kw_http_method method = KW_HTTP_GET;
        while (strcmp(kw_http_method_name(method), patterns[0]) != 0)
            method++;
        assert_int_equal(kw_router_add(router, method, patterns[1], (void *)(uintptr_t)patterns[1]),
                         KW_OK);
    }
    return router;
}

static const char *const routes[] = { "GET",    "/",
                                      "GET",    "/api/stations",
                                      "GET",    "/api/stations/{id}",
                                      "DELETE", "/api/stations/{id}",
                                      "GET",    "/api/stations/online",
                                      "POST",   "/api/stations/{id}/commands",
                                      "GET",    "/api/{a}/{b}/{c}",
                                      "GET",    "/files/{rest...}",
                                      NULL };

static void finds(const struct kw_router *router, enum kw_http_method method, const char *path,
                  kw_err err, const char *pattern, const char *value)
{
    struct kw_route_match match;
    kw_err got = kw_router_find(router, method, kw_str_of(path), &match);
    if (got != err)
        fail_msg("%s: %s, not %s", path, kw_err_slug(got), kw_err_slug(err));
    if (pattern != NULL)
        assert_string_equal((const char *)match.handler, pattern);
    if (value != NULL) {
        assert_true(match.param_count >= 1);
        assert_true(kw_str_eqc(match.params[0].value, value));
    }
}

static void test_routes(void **state)
{
    struct kw_router *router = router_of(routes);
    (void)state;
    finds(router, KW_HTTP_GET, "/", KW_OK, "/", NULL);
    finds(router, KW_HTTP_GET, "/api/stations", KW_OK, "/api/stations", NULL);
    finds(router, KW_HTTP_GET, "/api/stations/EV-1", KW_OK, "/api/stations/{id}", "EV-1");
    finds(router, KW_HTTP_GET, "/api/stations/online", KW_OK, "/api/stations/online", NULL);
    finds(router, KW_HTTP_GET, "/api/stations/a%2Fb%20%C3%A9", KW_OK, "/api/stations/{id}",
          "a/b \xc3\xa9");
    finds(router, KW_HTTP_HEAD, "/api/stations/x", KW_OK, "/api/stations/{id}", "x");
    finds(router, KW_HTTP_GET, "/files/a/b/c.js", KW_OK, "/files/{rest...}", "a/b/c.js");
    finds(router, KW_HTTP_GET, "/files/", KW_OK, "/files/{rest...}", "");
    finds(router, KW_HTTP_GET, "/files", KW_ENOTFOUND, NULL, NULL);
    finds(router, KW_HTTP_GET, "/api/stations/", KW_OK, "/api/stations/{id}", "");
    finds(router, KW_HTTP_GET, "/api/stations/x/", KW_OK, "/api/{a}/{b}/{c}", "stations");
    finds(router, KW_HTTP_GET, "/API/stations", KW_ENOTFOUND, NULL, NULL);
    finds(router, KW_HTTP_GET, "", KW_ENOTFOUND, NULL, NULL);
    finds(router, KW_HTTP_GET, "x", KW_ENOTFOUND, NULL, NULL);
    finds(router, KW_HTTP_GET, "/api/stations/%zz", KW_EINVALID, NULL, NULL);
    finds(router, KW_HTTP_GET, "/api/stations/%2", KW_EINVALID, NULL, NULL);
    finds(router, KW_HTTP_GET, "/api/stations/%00", KW_EINVALID, NULL, NULL);
    finds(router, KW_HTTP_GET, "/api/stations/%ff", KW_EINVALID, NULL, NULL); /* not UTF-8 */
    finds(router, KW_HTTP_GET, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", KW_ENOTFOUND, NULL, NULL);
    kw_router_free(router);
    kw_router_free(NULL);
}

static void test_other_methods(void **state)
{
    struct kw_router *router = router_of(routes);
    struct kw_route_match match;
    (void)state;
    assert_int_equal(kw_router_find(router, KW_HTTP_PUT, KW_STR("/api/stations/x"), &match),
                     KW_EDENIED);
    assert_string_equal(match.allow, "GET, DELETE");
    assert_int_equal(
        kw_router_find(router, KW_HTTP_HEAD, KW_STR("/api/stations/x/commands"), &match),
        KW_OK); /* as GET of the general pattern */
    kw_router_free(router);
}

static void test_route_limits(void **state)
{
    struct kw_router *router = kw_router_new();
    struct kw_route_match match;
    char path[700] = "/x/";
    (void)state;
    assert_int_equal(kw_router_add(router, KW_HTTP_GET, "x", path), KW_EINVALID);
    assert_int_equal(kw_router_add(router, KW_HTTP_GET, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}", path),
                     KW_EINVALID);
    assert_int_equal(kw_router_add(router, KW_HTTP_GET, "/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7", path),
                     KW_EINVALID);
    assert_int_equal(kw_router_add(router, KW_HTTP_GET, "/x/{a}", path), KW_OK);
    assert_int_equal(kw_router_add(router, KW_HTTP_GET, "/x/{a}", path), KW_EEXISTS);
    memset(path + 3, 'a', 600);
    assert_int_equal(kw_router_find(router, KW_HTTP_GET, kw_str_of(path), &match), KW_EINVALID);
    path[3 + 512] = 0;
    assert_int_equal(kw_router_find(router, KW_HTTP_GET, kw_str_of(path), &match), KW_OK);
    kw_router_free(router);
}

/* --- cookies --- */

static void cookie_is(const char *one, const char *two, const char *wanted)
{
    struct kw_http_header headers[] = { { KW_STR("X"), KW_STR("s=no") },
                                        { KW_STR("Cookie"), kw_str_of(one) },
                                        { KW_STR("cookie"), kw_str_of(two) } };
    struct kw_http_head head = { .headers = headers, .header_count = two != NULL ? 3 : 2 };
    struct kw_str value = kw_cookie_get(&head, "s");
    if (wanted == NULL)
        assert_null(value.ptr);
    else if (!kw_str_eqc(value, wanted))
        fail_msg("<%s>: <%.*s>", one, (int)value.len, value.ptr);
}

static void test_cookies(void **state)
{
    (void)state;
    cookie_is("s=abc", NULL, "abc");
    cookie_is("a=1; s=abc; b=2", NULL, "abc");
    cookie_is("a=1;s=a=b", NULL, "a=b");
    cookie_is("s=", NULL, "");
    cookie_is("s=\"q\"", NULL, "\"q\"");
    cookie_is("a=1", "s=x", "x");
    cookie_is("xs=1; S=2; s", NULL, NULL);
    cookie_is("", NULL, NULL);
    cookie_is(";;; ;", NULL, NULL);
    cookie_is("s=a; s=b", NULL, NULL); /* somebody injected one */
    cookie_is("s=a", "s=a", NULL);
}

/* --- OCPP frames --- */

static void frame_is(const char *text, const char *id, const char *action, const char *payload)
{
    struct kw_ocpp_frame frame;
    struct kw_ocpp_fault fault;
    if (kw_ocpp_frame_parse(kw_str_of(text), &frame, &fault) != KW_OK)
        fail_msg("%s: %s %s", text, fault.slug, fault.text);
    assert_true(kw_str_eqc(frame.id, id));
    assert_true(kw_str_eqc(frame.action, action));
    assert_true(kw_str_eqc(frame.payload, payload));
}

static void fault_is(const char *text, const char *slug, bool has_id, size_t at)
{
    struct kw_ocpp_frame frame;
    struct kw_ocpp_fault fault;
    kw_err err = kw_ocpp_frame_parse(kw_str_of(text), &frame, &fault);
    if (err == KW_OK)
        fail_msg("%s: taken", text);
    if (strcmp(fault.slug, slug) != 0 || fault.has_id != has_id || fault.at != at)
        fail_msg("%s: %s at %zu%s", text, fault.slug, fault.at, fault.has_id ? " with id" : "");
    assert_non_null(fault.text);
}

static void test_frames(void **state)
{
    (void)state;
    frame_is("[2,\"1\",\"Heartbeat\",{}]", "1", "Heartbeat", "{}");
    frame_is(" [ 2 , \"a\\u00e9\" , \"X\" , { \"b\" : [1] } ] ", "a\xc3\xa9", "X",
             "{ \"b\" : [1] }");
    frame_is("[2,17,\"X\",{}]", "17", "X", "{}"); /* some stations number their messages */
    frame_is("[2,\"1\",\"X\",{},\"extra\",[1]]", "1", "X", "{}");
    frame_is("[3,\"1\",{\"a\":1}]", "1", "", "{\"a\":1}");
    frame_is("[4,\"1\",\"GenericError\",\"words\",{}]", "1", "GenericError", "{}");
    frame_is("[4,\"1\",\"GenericError\",\"words\"]", "1", "GenericError", "{}");
    frame_is("[2,\"123456789012345678901234567890123456\",\"X\",{}]",
             "123456789012345678901234567890123456", "X", "{}");
}

static void test_bad_frames(void **state)
{
    struct kw_ocpp_frame frame;
    struct kw_ocpp_fault fault;
    (void)state;
    fault_is("", "bad-json", false, 0);
    fault_is("nonsense", "bad-json", false, 0);
    fault_is("{}", "not-array", false, 0);
    fault_is("\"text\"", "not-array", false, 0);
    fault_is("[]", "bad-type", false, 1);
    fault_is("[\"2\",\"1\",\"X\",{}]", "bad-type", false, 1);
    fault_is("[2.5,\"1\",\"X\",{}]", "bad-type", false, 1);
    fault_is("[2]", "bad-id", false, 2);
    fault_is("[2,null,\"X\",{}]", "bad-id", false, 3);
    fault_is("[2,\"\",\"X\",{}]", "bad-id", false, 3);
    fault_is("[2,\"1234567890123456789012345678901234567\",\"X\",{}]", "bad-id", false, 3);
    fault_is("[2,\"1\"]", "bad-payload", true, 6);
    fault_is("[2,\"1\",5,{}]", "bad-payload", true, 7);
    fault_is("[2,\"1\",\"X\"]", "bad-payload", true, 10);
    fault_is("[2,\"1\",\"X\",[]]", "bad-payload", true, 11);
    fault_is("[2,\"1\",\"X\",{]", "bad-json", true, 12);
    fault_is("[2,\"1\",\"X\",{}", "bad-json", true, 13);
    fault_is("[2,\"1\",\"X\",{}] x", "bad-json", true, 15);
    fault_is("[2,\"1\",\"X", "bad-json", true, 7);
    fault_is("[2,\"1", "bad-json", false, 3);
    fault_is("[2,\"1\",\"X\",{\"a\":\"\xff\"}]", "bad-json", true, 16);
    assert_int_equal(kw_ocpp_frame_parse(KW_STR("[5,\"1\",{}]"), &frame, &fault), KW_EUNSUPPORTED);
    assert_true(fault.has_id);
}

static void test_long_words(void **state)
{
    struct kw_ocpp_frame frame;
    struct kw_ocpp_fault fault;
    char text[900], action[200], words[400];
    (void)state;
    memset(action, 'A', 199);
    action[199] = 0;
    for (size_t i = 0; i + 2 < sizeof words; i += 2)
        memcpy(words + i, "\xd0\xb9", 3);
    (void)snprintf(text, sizeof text, "[4,\"1\",\"%s\",\"%s\",{}]", action, words);
    assert_int_equal(kw_ocpp_frame_parse(kw_str_of(text), &frame, &fault), KW_OK);
    assert_int_equal(frame.action.len, 64);
    assert_int_equal(frame.description.len, 120);
    assert_true(kw_utf8_valid(frame.description.ptr, frame.description.len));
}

static void test_frames_out(void **state)
{
    struct kw_buf out;
    (void)state;
    kw_buf_init(&out, 200);
    assert_int_equal(kw_ocpp_call(&out, KW_STR("a\"b"), KW_STR("Reset"), KW_STR("{\"type\":1}")),
                     KW_OK);
    assert_true(kw_str_eqc(kw_buf_str(&out), "[2,\"a\\\"b\",\"Reset\",{\"type\":1}]"));
    kw_buf_clear(&out);
    assert_int_equal(kw_ocpp_result(&out, KW_STR("7"), KW_STR("{}")), KW_OK);
    assert_true(kw_str_eqc(kw_buf_str(&out), "[3,\"7\",{}]"));
    kw_buf_clear(&out);
    assert_int_equal(kw_ocpp_error(&out, KW_STR("7"), "NotImplemented", "say \"what\""), KW_OK);
    assert_true(
        kw_str_eqc(kw_buf_str(&out), "[4,\"7\",\"NotImplemented\",\"say \\\"what\\\"\",{}]"));
    kw_buf_free(&out);
    kw_buf_init(&out, 5);
    assert_int_equal(kw_ocpp_result(&out, KW_STR("7"), KW_STR("{}")), KW_EFULL);
    kw_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),       cmocka_unit_test(test_other_methods),
        cmocka_unit_test(test_route_limits), cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_frames),       cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_long_words),   cmocka_unit_test(test_frames_out)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
