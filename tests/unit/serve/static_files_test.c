/* static_files_test.c - The web folder in memory: names, variants, validators. */
#include "serve_fixture.h"

#include <sys/stat.h>

#include "serve/static_files.h"

static char folder[64];

static void put(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
    char path[128];
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/kw-web-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/assets", folder);
    if (mkdir(path, 0700) != 0)
        return -1;
    put("index.html", "<!doctype html>page");
    put("assets/app-1a2b.js", "let a = 1");
    put("assets/app-1a2b.js.br", "(brotli)");
    put("assets/app-1a2b.js.gz", "(gzip)");
    put(".secret", "hidden");
    (void)snprintf(path, sizeof path, "%s/link.txt", folder);
    return symlink("/etc/hostname", path);
}

static int drop_folder(void **state)
{
    static const char *const names[] = { "index.html",
                                         "assets/app-1a2b.js",
                                         "assets/app-1a2b.js.br",
                                         "assets/app-1a2b.js.gz",
                                         ".secret",
                                         "link.txt" };
    char path[128];
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/assets", folder);
    (void)rmdir(path);
    return rmdir(folder);
}

static bool serve_file(struct site *site, struct kw_exchange *exchange)
{
    if (!kw_static_files_serve(site->arg, exchange))
        kw_exchange_problem(exchange, 404, "not-found", "There is no such file.");
    return true;
}

struct desk {
    struct site site;
    struct side client;
    struct kw_static_files *files;
};

static void open_desk(struct desk *desk)
{
    char error[200];
    memset(desk, 0, sizeof *desk);
    assert_int_equal(kw_static_files_load(folder, &desk->files, error, sizeof error), KW_OK);
    desk->site.arg = desk->files;
    desk->site.on_other = serve_file;
    site_start(&desk->site, &(struct kw_http_server_options){ .web_headers = true }, NULL);
    site_dial(&desk->site, &desk->client, NULL);
}

static void close_desk(struct desk *desk)
{
    side_end(&desk->site, &desk->client);
    site_stop(&desk->site);
    kw_static_files_free(desk->files);
}

static const char *ask(struct desk *desk, const char *method, const char *path, const char *headers)
{
    char request[600];
    (void)snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, path,
                   headers);
    side_forget(&desk->client);
    send_text(&desk->client, request);
    assert_true(await_text(&desk->site, &desk->client, "\r\n\r\n"));
    run_for(desk->site.loop, 5);
    return desk->client.got;
}

static void names_are_exact_and_routes_of_the_app_get_the_page(void **state)
{
    struct desk desk;
    (void)state;
    open_desk(&desk);
    const char *got = ask(&desk, "GET", "/", "");
    assert_non_null(strstr(got, "<!doctype html>page"));
    assert_non_null(strstr(got, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_non_null(strstr(got, "Cache-Control: no-cache\r\n"));
    assert_non_null(strstr(got, "Content-Security-Policy: "));
    assert_non_null(strstr(ask(&desk, "GET", "/stations/7", ""), "<!doctype html>page"));
    assert_non_null(strstr(ask(&desk, "GET", "/assets/app%2D1a2b.js", ""), "let a = 1"));
    static const char *const absent[] = {
        "/.secret",        "/../index.html", "/%2e%2e/etc/hostname", "/assets/..%2findex.html",
        "/assets/none.js", "/link.txt",      "/index.html%00.js",    "/assets/app-1a2b.js.br"
    };
    for (size_t i = 0; i < KW_COUNT_OF(absent); i++)
        assert_memory_equal(ask(&desk, "GET", absent[i], ""), "HTTP/1.1 404", 12);
    assert_memory_equal(ask(&desk, "POST", "/index.html", ""), "HTTP/1.1 405", 12);
    close_desk(&desk);
}

static void the_client_chooses_the_coding(void **state)
{
    static const struct {
        const char *accept, *body;
    } cases[] = {
        { "", "let a = 1" },
        { "Accept-Encoding: gzip, br\r\n", "(brotli)" },
        { "Accept-Encoding: gzip;q=0.9, br;q=0.1\r\n", "(gzip)" },
        { "Accept-Encoding: br;q=0, gzip\r\n", "(gzip)" },
        { "Accept-Encoding: br;q=0.000, gzip;q=0\r\n", "let a = 1" },
        { "Accept-Encoding: *\r\n", "(brotli)" },
        { "Accept-Encoding: br;q=0, *;q=0.5\r\n", "(gzip)" },
        { "Accept-Encoding: BR ; Q=1\r\n", "(brotli)" },
        { "Accept-Encoding: br;q=2, gzip;q=x\r\n", "let a = 1" },
        { "Accept-Encoding: identity\r\n", "let a = 1" },
    };
    struct desk desk;
    (void)state;
    open_desk(&desk);
    for (size_t i = 0; i < KW_COUNT_OF(cases); i++) {
        const char *got = ask(&desk, "GET", "/assets/app-1a2b.js", cases[i].accept);
        assert_string_equal(strstr(got, "\r\n\r\n") + 4, cases[i].body);
        assert_non_null(strstr(got, "Vary: Accept-Encoding\r\n"));
        assert_non_null(strstr(got, "Cache-Control: public, max-age=31536000, immutable\r\n"));
        assert_non_null(strstr(got, "Content-Type: text/javascript; charset=utf-8\r\n"));
        assert_int_equal(strstr(got, "Content-Encoding: ") != NULL, cases[i].body[0] == '(');
    }
    close_desk(&desk);
}

static void a_validator_that_matches_saves_the_body(void **state)
{
    char etag[64], header[200];
    struct desk desk;
    (void)state;
    open_desk(&desk);
    const char *got = strstr(ask(&desk, "GET", "/", ""), "ETag: ");
    assert_int_equal(sscanf(got, "ETag: %60[^\r]", etag), 1);
    (void)snprintf(header, sizeof header, "If-None-Match: \"other\", W/%s\r\n", etag);
    got = ask(&desk, "GET", "/", header);
    assert_memory_equal(got, "HTTP/1.1 304", 12);
    assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n");
    assert_non_null(strstr(got, etag));
    assert_memory_equal(ask(&desk, "GET", "/", "If-None-Match: \"other\"\r\n"), "HTTP/1.1 200", 12);
    assert_memory_equal(ask(&desk, "HEAD", "/", "If-None-Match: *\r\n"), "HTTP/1.1 304", 12);
    got = ask(&desk, "GET", "/assets/app-1a2b.js", "Accept-Encoding: br\r\n");
    assert_null(strstr(got, etag)); /* each variant has its own */
    close_desk(&desk);
}

static void a_missing_folder_is_an_error_with_words(void **state)
{
    char error[200];
    struct kw_static_files *files = NULL;
    (void)state;
    assert_int_equal(kw_static_files_load("/nonexistent/web", &files, error, sizeof error),
                     KW_ENOTFOUND);
    assert_non_null(strstr(error, "/nonexistent/web"));
    kw_static_files_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_exact_and_routes_of_the_app_get_the_page),
        cmocka_unit_test(the_client_chooses_the_coding),
        cmocka_unit_test(a_validator_that_matches_saves_the_body),
        cmocka_unit_test(a_missing_folder_is_an_error_with_words),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
