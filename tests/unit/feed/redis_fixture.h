/* redis_fixture.h - A redis-server of its own on a socket in a folder of its own, and a blocking client.
 *
 * The server dies with the test process. Where redis-server is not installed the tests are skipped by
 * name. */
#ifndef KW_TESTS_REDIS_FIXTURE_H
#define KW_TESTS_REDIS_FIXTURE_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <hiredis/hiredis.h>

#include "unit/net/net_fixture.h"

#include "base/log.h"
#include "base/metrics.h"
#include "feed/redis.h"

struct rig {
    struct kw_loop *loop;
    struct kw_metrics *metrics;
    redisContext *client; /* the test's own, blocking */
    pid_t pid;
    char folder[64], path[96], url[120];
};

static ANY bool rig_connect(struct rig *rig)
{
    for (int i = 0; i < 500; i++) {
        rig->client = redisConnectUnix(rig->path);
        if (rig->client != NULL && rig->client->err == 0)
            return true;
        redisFree(rig->client);
        rig->client = NULL;
        (void)usleep(20000);
    }
    return false;
}

static ANY void rig_server_up(struct rig *rig)
{
    rig->pid = fork();
    assert_true(rig->pid >= 0);
    if (rig->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", rig->path,
                     "--dir", rig->folder, "--save", "", "--appendonly", "no", "--logfile",
                     "server.log", (char *)NULL);
        _exit(127);
    }
    assert_true(rig_connect(rig));
}

static ANY void rig_server_down(struct rig *rig)
{
    int status;
    redisFree(rig->client);
    rig->client = NULL;
    (void)kill(rig->pid, SIGKILL);
    (void)waitpid(rig->pid, &status, 0);
    (void)unlink(rig->path);
}

static ANY int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    *state = rig;
    if (system("command -v redis-server >/dev/null") != 0)
        return 0;
    kw_log_setup(KW_LOG_ERROR, 2);
    (void)snprintf(rig->folder, sizeof rig->folder, "/tmp/kw-redis-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    (void)snprintf(rig->path, sizeof rig->path, "%s/s", rig->folder);
    (void)snprintf(rig->url, sizeof rig->url, "unix://%s", rig->path);
    rig_server_up(rig);
    rig->metrics = kw_metrics_new();
    rig->loop = kw_loop_new(rig->metrics);
    return 0;
}

static ANY int rig_teardown(void **state)
{
    struct rig *rig = *state;
    char command[120];
    if (rig->loop != NULL) {
        kw_loop_free(rig->loop);
        kw_metrics_free(rig->metrics);
        rig_server_down(rig);
        (void)snprintf(command, sizeof command, "rm -rf %s", rig->folder);
        assert_int_equal(system(command), 0);
    }
    free(rig);
    return 0;
}

#define RIG_OR_SKIP(rig, state) \
    struct rig *rig = *(state); \
    if (rig->loop == NULL) \
    skip() /* redis-server is not installed */

/* One command of the test's own client, printf-like as hiredis has it; its integer, or its length. */
static ANY long long ask(struct rig *rig, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(rig->client, format, args);
    va_end(args);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply->str);
    long long value = reply->type == REDIS_REPLY_INTEGER ? reply->integer
                      : reply->type == REDIS_REPLY_ARRAY ? (long long)reply->elements
                                                         : (long long)reply->len;
    freeReplyObject(reply);
    return value;
}

/* The text of a reply, "" for nil; into a static buffer. */
static ANY const char *text_of(struct rig *rig, const char *format, ...)
{
    static char text[1024];
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(rig->client, format, args);
    va_end(args);
    assert_non_null(reply);
    (void)snprintf(text, sizeof text, "%s", reply->str != NULL ? reply->str : "");
    freeReplyObject(reply);
    return text;
}

/* Value of the metric whose name and labels are `name`; -1: there is none. */
static ANY int64_t rig_metric(struct rig *rig, const char *name)
{
    struct kw_buf text;
    char line[128];
    int64_t value = -1;
    (void)snprintf(line, sizeof line, "\n%s ", name);
    kw_buf_init(&text, 1 << 20);
    assert_int_equal(kw_metrics_print(rig->metrics, &text), KW_OK);
    assert_int_equal(kw_buf_append(&text, "", 1), KW_OK);
    const char *found = strstr(kw_buf_ptr(&text), line);
    if (found != NULL)
        value = strtoll(found + strlen(line), NULL, 10);
    kw_buf_free(&text);
    return value;
}

#endif
