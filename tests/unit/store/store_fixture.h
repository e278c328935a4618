/* store_fixture.h - A loop and a folder of its own for what is kept on disk. */
#ifndef KW_TESTS_STORE_FIXTURE_H
#define KW_TESTS_STORE_FIXTURE_H

#include "unit/net/net_fixture.h"

#include "base/log.h"
#include "base/metrics.h"

struct bench {
    struct kw_loop *loop;
    struct kw_metrics *metrics;
    char folder[64];
};

static ANY int bench_setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    kw_log_setup(KW_LOG_ERROR + 1, 2); /* faults are made on purpose here */
    (void)snprintf(bench->folder, sizeof bench->folder, "/tmp/kw-store-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    bench->metrics = kw_metrics_new();
    bench->loop = kw_loop_new(bench->metrics);
    *state = bench;
    return 0;
}

static ANY int bench_teardown(void **state)
{
    struct bench *bench = *state;
    char command[120];
    kw_loop_free(bench->loop);
    kw_metrics_free(bench->metrics);
    (void)snprintf(command, sizeof command, "rm -rf %s", bench->folder);
    assert_int_equal(system(command), 0);
    free(bench);
    return 0;
}

static ANY int64_t bench_metric(struct bench *bench, const char *name)
{
    struct kw_buf text;
    char line[128];
    int64_t value = -1;
    (void)snprintf(line, sizeof line, "\n%s ", name);
    kw_buf_init(&text, 1 << 20);
    assert_int_equal(kw_metrics_print(bench->metrics, &text), KW_OK);
    assert_int_equal(kw_buf_append(&text, "", 1), KW_OK);
    const char *found = strstr(kw_buf_ptr(&text), line);
    if (found != NULL)
        value = strtoll(found + strlen(line), NULL, 10);
    kw_buf_free(&text);
    return value;
}

#endif
