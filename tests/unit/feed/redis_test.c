/* redis_test.c - The link to a real Redis: greeting, order, time-outs, loss, limits, close in callbacks. */
#include "unit/feed/redis_fixture.h"

struct answers {
    struct rig *rig;
    struct kw_redis *redis;
    unsigned ups, downs, count, wanted, close_at;
    bool close_on_down;
    kw_err errs[4200];
    char last[128], why[200];
    int64_t numbers[4200];
    enum kw_reply_type type;
};

static void on_state(bool up, const char *why, void *arg)
{
    struct answers *answers = arg;
    answers->ups += up;
    answers->downs += !up;
    (void)snprintf(answers->why, sizeof answers->why, "%s", why);
    if (!up && answers->close_on_down) {
        kw_redis_close(answers->redis);
        answers->redis = NULL;
    }
}

static void on_reply(kw_err err, const struct kw_reply *reply, void *arg)
{
    struct answers *answers = arg;
    assert_true((err == KW_OK) == (reply != NULL));
    if (reply != NULL) {
        answers->type = reply->type;
        answers->numbers[answers->count] = reply->number;
        KW_IGNORE(kw_str_copy(reply->text, answers->last, sizeof answers->last));
    }
    answers->errs[answers->count++] = err;
    if (answers->count == answers->close_at) {
        kw_redis_close(answers->redis);
        answers->redis = NULL;
    }
}

static bool is_up(void *arg)
{
    struct answers *answers = arg;
    return answers->redis != NULL && kw_redis_up(answers->redis);
}

static bool has_answers(void *arg)
{
    struct answers *answers = arg;
    return answers->count >= answers->wanted;
}

static bool went_down(void *arg)
{
    return ((struct answers *)arg)->downs > 0;
}

static void link_new(struct answers *answers, struct rig *rig,
                     const struct kw_redis_options *options)
{
    char error[200];
    struct kw_redis_options filled = *options;
    memset(answers, 0, sizeof *answers);
    answers->rig = rig;
    if (filled.url == NULL)
        filled.url = rig->url;
    filled.metrics = rig->metrics;
    assert_int_equal(
        kw_redis_new(rig->loop, &filled, on_state, answers, &answers->redis, error, sizeof error),
        KW_OK);
}

static void link_up(struct answers *answers, struct rig *rig)
{
    struct kw_redis_options options = { .name = "test" };
    link_new(answers, rig, &options);
    assert_true(run_until(rig->loop, is_up, answers, 5000));
}

static kw_err send(struct answers *answers, const char *one, const char *two, const char *three)
{
    struct kw_str args[3] = { kw_str_of(one), kw_str_of(two), kw_str_of(three) };
    return kw_redis_command(answers->redis, args,
                            three != NULL ? 3
                            : two != NULL ? 2
                                          : 1,
                            on_reply, answers);
}

static void test_order(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct answers answers;
    link_up(&answers, rig);
    for (int i = 0; i < 4000; i++)
        assert_int_equal(send(&answers, "INCR", "counter", NULL), KW_OK);
    answers.wanted = 4000;
    assert_int_equal(kw_redis_pending(answers.redis), 4000);
    assert_true(run_until(rig->loop, has_answers, &answers, 10000));
    for (int i = 0; i < 4000; i++)
        assert_int_equal(answers.numbers[i], i + 1);
    assert_int_equal(kw_redis_pending(answers.redis), 0);
    assert_non_null(strstr(text_of(rig, "CLIENT LIST"), "name=test"));
    kw_redis_close(answers.redis);
}

static void test_binary_and_errors(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct answers answers;
    link_up(&answers, rig);
    struct kw_str set[3] = { KW_STR("SET"), KW_STR("k"), KW_STR("a\0b\r\nc") };
    assert_int_equal(kw_redis_command(answers.redis, set, 3, on_reply, &answers), KW_OK);
    assert_int_equal(send(&answers, "STRLEN", "k", NULL), KW_OK);
    assert_int_equal(send(&answers, "GET", "none", NULL), KW_OK);
    assert_int_equal(send(&answers, "NOSUCH", NULL, NULL), KW_OK);
    assert_int_equal(kw_redis_command_encoded(answers.redis,
                                              KW_STR("*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"), on_reply,
                                              &answers),
                     KW_OK);
    answers.wanted = 3;
    assert_true(run_until(rig->loop, has_answers, &answers, 3000));
    assert_int_equal(answers.numbers[1], 6);
    answers.wanted = 5;
    assert_true(run_until(rig->loop, has_answers, &answers, 3000));
    assert_int_equal(answers.numbers[4], 1);
    assert_int_equal(answers.errs[3], KW_OK); /* an error reply is a reply */
    kw_redis_close(answers.redis);
}

static void test_refused_then_served(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct answers answers;
    struct kw_redis_options options = { .name = "late" };
    rig_server_down(rig);
    link_new(&answers, rig, &options);
    assert_int_equal(send(&answers, "PING", NULL, NULL), KW_ECLOSED);
    assert_true(run_until(rig->loop, went_down, &answers, 3000)); /* limits.md 8: never a hang */
    run_for(rig->loop, 700);
    assert_int_equal(answers.downs, 1); /* the same reason is told once */
    assert_true(rig_metric(rig, "kw_redis_reconnects_total") >= 1);
    rig_server_up(rig);
    assert_true(run_until(rig->loop, is_up, &answers, 8000));
    assert_int_equal(answers.ups, 1);
    kw_redis_close(answers.redis);
}

static void test_loss_fails_what_waits(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct answers answers;
    link_up(&answers, rig);
    struct kw_str pop[3] = { KW_STR("BLPOP"), KW_STR("nothing"), KW_STR("0") };
    assert_int_equal(kw_redis_command_within(answers.redis, pop, 3, 60000, on_reply, &answers),
                     KW_OK);
    assert_int_equal(send(&answers, "PING", NULL, NULL), KW_OK);
    run_for(rig->loop, 50);
    assert_int_equal(answers.count, 0);
    (void)ask(rig, "CLIENT KILL TYPE normal SKIPME yes");
    answers.wanted = 2;
    assert_true(run_until(rig->loop, has_answers, &answers, 3000));
    assert_int_equal(answers.errs[0], KW_ECLOSED);
    assert_int_equal(answers.errs[1], KW_ECLOSED);
    assert_int_equal(answers.downs, 1);
    assert_true(run_until(rig->loop, is_up, &answers, 5000)); /* by itself */
    kw_redis_close(answers.redis);
}

static void test_silence(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct answers answers;
    struct kw_redis_options options = { .name = "test", .command_timeout_ms = 300 };
    link_new(&answers, rig, &options);
    assert_true(run_until(rig->loop, is_up, &answers, 5000));
    assert_int_equal(kill(rig->pid, SIGSTOP), 0);
    assert_int_equal(send(&answers, "PING", NULL, NULL), KW_OK);
    assert_int_equal(send(&answers, "PING", NULL, NULL), KW_OK);
    answers.wanted = 2;
    bool answered = run_until(rig->loop, has_answers, &answers, 5000);
    assert_int_equal(kill(rig->pid, SIGCONT), 0);
    assert_true(answered);
    assert_int_equal(answers.errs[0], KW_ETIMEOUT);
    assert_int_equal(answers.errs[1], KW_ECLOSED);
    assert_true(run_until(rig->loop, is_up, &answers, 8000));
    kw_redis_close(answers.redis);
}

static void test_reply_limit(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct answers answers;
    struct kw_redis_options options = { .name = "test", .reply_limit_bytes = 100000 };
    char *big = calloc(1, 200001);
    memset(big, 'x', 200000);
    (void)ask(rig, "SET big %s", big);
    free(big);
    link_new(&answers, rig, &options);
    assert_true(run_until(rig->loop, is_up, &answers, 5000));
    assert_int_equal(send(&answers, "GET", "big", NULL), KW_OK);
    assert_int_equal(send(&answers, "PING", NULL, NULL), KW_OK);
    answers.wanted = 2;
    assert_true(run_until(rig->loop, has_answers, &answers, 5000));
    assert_int_equal(answers.errs[0], KW_ETOOBIG);
    assert_int_equal(answers.errs[1], KW_ECLOSED);
    kw_redis_close(answers.redis);
}

static void test_pending_limit(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct answers answers;
    struct kw_redis_options options = { .name = "test", .max_pending = 3 };
    link_new(&answers, rig, &options);
    assert_true(run_until(rig->loop, is_up, &answers, 5000));
    for (int i = 0; i < 3; i++)
        assert_int_equal(send(&answers, "PING", NULL, NULL), KW_OK);
    assert_int_equal(send(&answers, "PING", NULL, NULL), KW_EFULL);
    kw_redis_close(answers.redis);
    run_for(rig->loop, 20);
    assert_int_equal(answers.count, 3);
    assert_int_equal(answers.errs[2], KW_ECANCELLED);
}

static void test_close_inside_callbacks(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct answers answers;
    link_up(&answers, rig);
    answers.close_at = 2; /* in a reply, others behind it */
    for (int i = 0; i < 5; i++)
        assert_int_equal(send(&answers, "PING", NULL, NULL), KW_OK);
    answers.wanted = 5;
    assert_true(run_until(rig->loop, has_answers, &answers, 3000));
    assert_int_equal(answers.errs[1], KW_OK);
    assert_int_equal(answers.errs[2], KW_ECANCELLED);

    link_up(&answers, rig);
    answers.close_on_down = true; /* in on_state, between two attempts */
    (void)ask(rig, "CLIENT KILL TYPE normal SKIPME yes");
    assert_true(run_until(rig->loop, went_down, &answers, 3000));

    link_up(&answers, rig);
    answers.close_at = 1; /* in the failure of a command, others behind it */
    assert_int_equal(send(&answers, "BLPOP", "nothing", "0"), KW_OK);
    assert_int_equal(send(&answers, "PING", NULL, NULL), KW_OK);
    run_for(rig->loop, 30);
    (void)ask(rig, "CLIENT KILL TYPE normal SKIPME yes");
    answers.wanted = 2;
    assert_true(run_until(rig->loop, has_answers, &answers, 3000));
    assert_int_equal(answers.errs[1], KW_ECANCELLED);
    kw_redis_close(NULL);
}

static void test_greeting_refused(void **state)
{
    RIG_OR_SKIP(rig, state);
    struct answers answers;
    char url[200];
    (void)ask(rig, "CONFIG SET requirepass secret");
    (void)snprintf(url, sizeof url, "unix://:wrong@%s", rig->path);
    struct kw_redis_options options = { .name = "test", .url = url };
    link_new(&answers, rig, &options);
    assert_true(run_until(rig->loop, went_down, &answers, 3000));
    assert_non_null(strstr(answers.why, "WRONGPASS"));
    assert_null(strstr(answers.why, "secret"));
    assert_int_equal(answers.ups, 0);
    kw_redis_close(answers.redis);
    (void)snprintf(url, sizeof url, "unix://:secret@%s?db=3", rig->path);
    link_new(&answers, rig, &options);
    assert_true(run_until(rig->loop, is_up, &answers, 3000));
    assert_int_equal(send(&answers, "SET", "there", "1"), KW_OK);
    answers.wanted = 1;
    assert_true(run_until(rig->loop, has_answers, &answers, 3000));
    (void)ask(rig, "SELECT 3");
    assert_int_equal(ask(rig, "EXISTS there"), 1);
    kw_redis_close(answers.redis);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = { TEST(test_order),
                                        TEST(test_binary_and_errors),
                                        TEST(test_refused_then_served),
                                        TEST(test_loss_fails_what_waits),
                                        TEST(test_silence),
                                        TEST(test_reply_limit),
                                        TEST(test_pending_limit),
                                        TEST(test_close_inside_callbacks),
                                        TEST(test_greeting_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
