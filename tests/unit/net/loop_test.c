/* loop_test.c - Turn jobs, posts, timers, polls, signals and the worker pool. */
#include "net_fixture.h"

#include <pthread.h>
#include <signal.h>

#include "net/pool.h"

static char order[64];

struct letter_job {
    struct kw_turn_job job;
    char letter;
    struct letter_job *then;
    struct kw_loop *loop;
};

static void run_letter(struct kw_turn_job *job)
{
    struct letter_job *letter = KW_CONTAINER_OF(job, struct letter_job, job);
    size_t length = strlen(order);
    order[length] = letter->letter;
    order[length + 1] = 0;
    if (letter->then != NULL)
        kw_loop_at_turn_end(letter->loop, &letter->then->job);
}

static void jobs_run_once_in_order_and_in_the_same_turn(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct letter_job c = { { .run = run_letter }, 'c', NULL, loop };
    struct letter_job a = { { .run = run_letter }, 'a', &c, loop };
    struct letter_job b = { { .run = run_letter }, 'b', NULL, loop };
    struct letter_job x = { { .run = run_letter }, 'x', NULL, loop };
    (void)state;
    order[0] = 0;
    kw_loop_at_turn_end(loop, &a.job);
    kw_loop_at_turn_end(loop, &a.job);
    kw_loop_at_turn_end(loop, &x.job);
    kw_loop_at_turn_end(loop, &b.job);
    kw_turn_job_cancel(&x.job);
    kw_turn_job_cancel(&x.job);
    run_for(loop, 5);
    assert_string_equal(order, "abc");
    kw_loop_free(loop);
}

static void last_cancelled_job_leaves_a_sound_queue(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct letter_job a = { { .run = run_letter }, 'a', NULL, loop };
    struct letter_job b = { { .run = run_letter }, 'b', NULL, loop };
    (void)state;
    order[0] = 0;
    kw_loop_at_turn_end(loop, &a.job);
    kw_turn_job_cancel(&a.job);
    kw_loop_at_turn_end(loop, &b.job);
    run_for(loop, 5);
    assert_string_equal(order, "b");
    kw_loop_free(loop);
}

struct restless {
    struct kw_turn_job job;
    struct kw_loop *loop;
    unsigned runs, limit;
};

static void run_restless(struct kw_turn_job *job)
{
    struct restless *restless = KW_CONTAINER_OF(job, struct restless, job);
    if (++restless->runs < restless->limit)
        kw_loop_at_turn_end(restless->loop, job);
}

static bool is_tired(void *arg)
{
    struct restless *restless = arg;
    return restless->runs == restless->limit;
}

static void a_job_that_requeues_itself_starves_nobody(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct restless restless = { { .run = run_restless }, loop, 0, 25000 };
    (void)state;
    kw_loop_at_turn_end(loop, &restless.job);
    assert_true(run_until(loop, is_tired, &restless, 3000)); /* the timer of run_until still ran */
    kw_loop_free(loop);
}

static void many_jobs_of_one_turn_all_run(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct restless *jobs = calloc(5000, sizeof *jobs);
    unsigned ran = 0;
    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        jobs[i] = (struct restless){ { .run = run_restless }, loop, 0, 1 };
        kw_loop_at_turn_end(loop, &jobs[i].job);
    }
    run_for(loop, 2);
    for (unsigned i = 0; i < 5000; i++)
        ran += jobs[i].runs;
    assert_int_equal(ran, 5000);
    free(jobs);
    kw_loop_free(loop);
}

static void mark(void *arg)
{
    *(bool *)arg = true;
}

struct poster {
    struct kw_loop *loop;
    bool arrived;
};

static void *post_from_outside(void *arg)
{
    struct poster *poster = arg;
    kw_loop_post(poster->loop, mark, &poster->arrived);
    return NULL;
}

static void posts_arrive_from_another_thread(void **state)
{
    pthread_t thread;
    struct poster poster = { kw_loop_new(NULL), false };
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, post_from_outside, &poster), 0);
    assert_true(run_until(poster.loop, is_set, &poster.arrived, 2000));
    (void)pthread_join(thread, NULL);
    kw_loop_free(poster.loop);
}

struct ticks {
    unsigned count;
    bool done;
};

static void tick(struct kw_timer *timer, void *arg)
{
    struct ticks *ticks = arg;
    if (++ticks->count == 3) {
        ticks->done = true;
        kw_timer_stop(timer);
    }
}

static void timers_repeat_and_stop(void **state)
{
    struct kw_loop *loop = kw_loop_new(NULL);
    struct ticks ticks = { 0, false };
    struct kw_timer *timer = kw_timer_new(loop, tick, &ticks);
    (void)state;
    kw_timer_start(timer, 1, 1);
    assert_true(kw_timer_active(timer));
    assert_true(run_until(loop, is_set, &ticks.done, 2000));
    run_for(loop, 10);
    assert_int_equal(ticks.count, 3);
    assert_false(kw_timer_active(timer));
    kw_timer_close(timer);
    kw_timer_close(NULL);
    kw_loop_free(loop);
}

static void on_pipe(void *arg, int events)
{
    *(bool *)arg = (events & KW_POLL_READ) != 0;
}

static void a_polled_descriptor_reports_input(void **state)
{
    int ends[2];
    bool readable = false;
    struct kw_loop *loop = kw_loop_new(NULL);
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct kw_poll *poll = kw_poll_new(loop, ends[0], on_pipe, &readable);
    assert_non_null(poll);
    kw_poll_set(poll, KW_POLL_READ);
    run_for(loop, 5);
    assert_false(readable);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_true(run_until(loop, is_set, &readable, 2000));
    kw_poll_close(poll);
    kw_poll_close(NULL);
    kw_loop_free(loop);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void on_signal(void *arg, int signum)
{
    *(bool *)arg = signum == SIGUSR1;
}

static void signals_come_on_the_loop(void **state)
{
    bool came = false;
    struct kw_loop *loop = kw_loop_new(NULL);
    (void)state;
    kw_loop_on_signal(loop, SIGUSR1, on_signal, &came);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_false(came);
    assert_true(run_until(loop, is_set, &came, 2000));
    kw_loop_free(loop);
}

struct work {
    pthread_t worker;
    unsigned *done_count;
    bool worked;
};

static void do_work(void *arg)
{
    struct work *work = arg;
    (void)usleep(1000);
    work->worker = pthread_self();
    work->worked = true;
}

static void work_done(void *arg)
{
    struct work *work = arg;
    assert_true(work->worked);
    (*work->done_count)++;
}

static void pool_works_elsewhere_and_keeps_the_loop_running(void **state)
{
    unsigned done = 0;
    struct work works[8];
    struct kw_loop *loop = kw_loop_new(NULL);
    struct kw_pool *pool = kw_pool_new(loop, "test", 2, 8);
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        works[i] = (struct work){ .done_count = &done };
        assert_int_equal(kw_pool_submit(pool, do_work, work_done, &works[i]), KW_OK);
    }
    kw_loop_run(loop); /* returns when there is nothing left to wait for */
    assert_int_equal(done, 8);
    assert_false(pthread_equal(works[0].worker, pthread_self()));
    kw_pool_free(pool);
    kw_loop_free(loop);
}

static void a_full_pool_says_busy_and_free_finishes_the_rest(void **state)
{
    unsigned done = 0, taken = 0;
    struct work works[20];
    struct kw_loop *loop = kw_loop_new(NULL);
    struct kw_pool *pool = kw_pool_new(loop, "test", 1, 4);
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        works[i] = (struct work){ .done_count = &done };
        kw_err err = kw_pool_submit(pool, do_work, work_done, &works[i]);
        assert_true(err == KW_OK || err == KW_EBUSY);
        taken += err == KW_OK;
    }
    assert_in_range(taken, 4, 6);
    assert_true(kw_pool_waiting(pool) <= 4);
    kw_pool_free(pool);
    assert_int_equal(done, taken);
    kw_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_run_once_in_order_and_in_the_same_turn),
        cmocka_unit_test(last_cancelled_job_leaves_a_sound_queue),
        cmocka_unit_test(a_job_that_requeues_itself_starves_nobody),
        cmocka_unit_test(many_jobs_of_one_turn_all_run),
        cmocka_unit_test(posts_arrive_from_another_thread),
        cmocka_unit_test(timers_repeat_and_stop),
        cmocka_unit_test(a_polled_descriptor_reports_input),
        cmocka_unit_test(signals_come_on_the_loop),
        cmocka_unit_test(pool_works_elsewhere_and_keeps_the_loop_running),
        cmocka_unit_test(a_full_pool_says_busy_and_free_finishes_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
