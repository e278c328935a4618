/* journal_test.c - The gateway's journal: what was told as durable is there after any end; damage is seen. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "unit/store/store_fixture.h"

#include "store/journal.h"

struct told {
    struct kw_journal *journal;
    unsigned count, failed;
    uint64_t last;
    bool ordered;
};

static void on_synced(kw_err err, uint64_t sequence, void *arg)
{
    struct told *told = arg;
    told->ordered = told->ordered && sequence == told->last + 1;
    told->last = sequence;
    told->count++;
    told->failed += err != KW_OK;
}

/* What a replay gave: "C:state;1:one;2:two;". */
struct history {
    char text[4000];
    unsigned records;
    uint64_t first, last;
};

static kw_err on_checkpoint(struct kw_str state, void *arg)
{
    struct history *history = arg;
    (void)snprintf(history->text, sizeof history->text, "C:%.*s;", (int)state.len, state.ptr);
    return KW_OK;
}

static kw_err on_record(uint64_t sequence, struct kw_str payload, void *arg)
{
    struct history *history = arg;
    size_t used = strlen(history->text);
    assert_true(sequence > history->last);
    if (history->records++ == 0)
        history->first = sequence;
    history->last = sequence;
    (void)snprintf(history->text + used, sizeof history->text - used, "%llu:%.*s;",
                   (unsigned long long)sequence, (int)(payload.len < 20 ? payload.len : 20),
                   payload.ptr);
    return KW_OK;
}

static kw_err open_small(struct told *told, struct bench *bench, size_t segment_bytes, char *error,
                         size_t error_size)
{
    struct kw_journal_options options = { .directory = bench->folder,
                                          .segment_bytes = segment_bytes,
                                          .queue_limit = 100,
                                          .record_limit_bytes = 5000,
                                          .metrics = bench->metrics };
    memset(told, 0, sizeof *told);
    told->ordered = true;
    return kw_journal_open(bench->loop, &options, &told->journal, error, error_size);
}

static void start(struct told *told, struct bench *bench)
{
    char error[800] = "";
    if (open_small(told, bench, 0, error, sizeof error) != KW_OK)
        fail_msg("%s", error);
    told->last = kw_journal_last(told->journal);
}

static kw_err put(struct told *told, const char *text)
{
    uint64_t sequence;
    return kw_journal_append(told->journal, kw_str_of(text), &sequence, on_synced, told);
}

static bool all_told(void *arg)
{
    struct told *told = arg;
    return told->last == kw_journal_last(told->journal);
}

static void settle(struct told *told, struct bench *bench)
{
    assert_true(run_until(bench->loop, all_told, told, 5000));
}

static void replay(struct told *told, struct history *history)
{
    memset(history, 0, sizeof *history);
    assert_int_equal(kw_journal_replay(told->journal, on_checkpoint, on_record, history), KW_OK);
}

/* Path of the newest segment. */
static void newest(const struct bench *bench, char *out, size_t size)
{
    DIR *dir = opendir(bench->folder);
    char name[300] = "";
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strstr(entry->d_name, ".log") != NULL && strcmp(entry->d_name, name) > 0)
            (void)snprintf(name, sizeof name, "%s", entry->d_name);
    }
    (void)closedir(dir);
    (void)snprintf(out, size, "%s/%s", bench->folder, name);
}

static unsigned segment_count(const struct bench *bench)
{
    DIR *dir = opendir(bench->folder);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += strstr(entry->d_name, ".log") != NULL;
    (void)closedir(dir);
    return count;
}

static void test_write_and_replay(void **state)
{
    struct bench *bench = *state;
    struct told told;
    struct history history;
    start(&told, bench);
    replay(&told, &history);
    assert_string_equal(history.text, "");
    assert_int_equal(put(&told, "one"), KW_OK);
    assert_int_equal(put(&told, "two"), KW_OK);
    assert_int_equal(put(&told, "three"), KW_OK);
    assert_int_equal(told.count, 0); /* never inside */
    settle(&told, bench);
    assert_true(told.ordered && told.failed == 0);
    assert_int_equal(bench_metric(bench, "kw_journal_records_total"), 3);
    kw_journal_close(told.journal);
    start(&told, bench);
    replay(&told, &history);
    assert_string_equal(history.text, "1:one;2:two;3:three;");
    assert_int_equal(kw_journal_last(told.journal), 3);
    assert_int_equal(put(&told, "four"), KW_OK);
    kw_journal_close(told.journal); /* syncs what is queued and tells it */
    assert_int_equal(told.last, 4);
}

static void test_refused_lengths(void **state)
{
    struct bench *bench = *state;
    struct told told;
    static char big[6000];
    start(&told, bench);
    memset(big, 'x', 5001);
    assert_int_equal(put(&told, ""), KW_EINVALID);
    assert_int_equal(put(&told, big), KW_ETOOBIG);
    for (int i = 0; i < 1000; i++) {
        kw_err err = put(&told, "x");
        if (err == KW_EBUSY) /* 100 may wait */
            break;
        assert_int_equal(err, KW_OK);
        assert_true(i < 999 || told.count == 0);
    }
    settle(&told, bench);
    assert_int_equal(told.failed, 0);
    kw_journal_close(told.journal);
}

static void test_torn_tail(void **state)
{
    struct bench *bench = *state;
    struct told told;
    struct history history;
    struct stat st;
    char path[400];
    start(&told, bench);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put(&told, "record"), KW_OK);
    kw_journal_close(told.journal);
    newest(bench, path, sizeof path);
    assert_int_equal(stat(path, &st), 0);
    for (off_t cut = 1; cut < 22; cut++) { /* inside the last record, header and payload */
        assert_int_equal(truncate(path, st.st_size - cut), 0);
        start(&told, bench);
        replay(&told, &history);
        assert_int_equal(history.records, 2);
        assert_int_equal(put(&told, "record"), KW_OK); /* goes where the torn one was */
        kw_journal_close(told.journal);
        start(&told, bench);
        replay(&told, &history);
        assert_string_equal(history.text, "1:record;2:record;3:record;");
        kw_journal_close(told.journal);
    }
}

static void flip(const char *path, off_t at)
{
    char byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)(byte ^ 0x20);
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    (void)close(fd);
}

/* A broken record with whole ones behind it was acknowledged once: never cut it off in silence. */
static void test_broken_middle(void **state)
{
    struct bench *bench = *state;
    struct told told;
    char path[400], error[800];
    start(&told, bench);
    for (int i = 0; i < 4; i++)
        assert_int_equal(put(&told, "record"), KW_OK);
    kw_journal_close(told.journal);
    newest(bench, path, sizeof path);
    for (off_t at = 22; at < 44; at++) { /* every byte of the second record */
        flip(path, at);
        assert_int_equal(open_small(&told, bench, 0, error, sizeof error), KW_EIO);
        assert_non_null(strstr(error, path));
        assert_non_null(strstr(error, "byte 22"));
        flip(path, at);
    }
    start(&told, bench);
    assert_int_equal(kw_journal_last(told.journal), 4);
    kw_journal_close(told.journal);
    flip(path, 70); /* the last one: that may have been torn */
    start(&told, bench);
    assert_int_equal(kw_journal_last(told.journal), 3);
    kw_journal_close(told.journal);
}

static void fill(struct told *told, struct bench *bench, unsigned count)
{
    static char text[1001];
    memset(text, 'r', 1000);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(put(told, text), KW_OK);
        settle(told, bench); /* a batch of its own */
    }
}

static void test_segments_and_trim(void **state)
{
    struct bench *bench = *state;
    struct told told;
    struct history history;
    char error[800], path[400];
    assert_int_equal(open_small(&told, bench, 3000, error, sizeof error), KW_OK);
    fill(&told, bench, 20);
    unsigned before = segment_count(bench);
    assert_true(before >= 5);
    kw_journal_confirm(told.journal, 20);
    assert_int_equal(kw_journal_checkpoint(told.journal, KW_STR("state at 10"), 10), KW_OK);
    unsigned after = segment_count(bench);
    assert_true(after < before && after >= 3); /* 11..20 are not in the checkpoint */
    kw_journal_close(told.journal);

    assert_int_equal(open_small(&told, bench, 3000, error, sizeof error), KW_OK);
    replay(&told, &history);
    assert_int_equal(history.first, 11);
    assert_int_equal(history.last, 20);
    assert_non_null(strstr(history.text, "C:state at 10;"));
    assert_int_equal(kw_journal_checkpointed(told.journal), 10);
    assert_int_equal(kw_journal_confirmed(told.journal), 20);
    kw_journal_close(told.journal);

    (void)snprintf(path, sizeof path, "%s/%012d.log", bench->folder, 13);
    assert_int_equal(unlink(path), 0); /* a segment is missing in the middle */
    assert_int_equal(open_small(&told, bench, 3000, error, sizeof error), KW_EIO);
    assert_non_null(strstr(error, "newer records follow"));
}

struct reader {
    uint64_t first, last;
    unsigned count, stop_after;
};

static kw_err on_read(uint64_t sequence, struct kw_str payload, void *arg)
{
    struct reader *reader = arg;
    assert_int_equal(payload.len, 1000);
    if (reader->count == reader->stop_after)
        return KW_EFULL;
    if (reader->count++ == 0)
        reader->first = sequence;
    reader->last = sequence;
    return KW_OK;
}

/* What the memory did not keep is read back, over segments, while appending goes on. */
static void test_read_back(void **state)
{
    struct bench *bench = *state;
    struct told told;
    char error[800];
    assert_int_equal(open_small(&told, bench, 3000, error, sizeof error), KW_OK);
    fill(&told, bench, 12);
    struct reader reader = { .stop_after = 100 };
    assert_int_equal(kw_journal_read(told.journal, 3, 11, on_read, &reader), KW_OK);
    assert_true(reader.first == 4 && reader.last == 11 && reader.count == 8);
    reader = (struct reader){ .stop_after = 2 };
    assert_int_equal(kw_journal_read(told.journal, 0, 12, on_read, &reader), KW_OK);
    assert_true(reader.first == 1 && reader.last == 2);
    reader = (struct reader){ .stop_after = 100 };
    assert_int_equal(kw_journal_read(told.journal, 12, 12, on_read, &reader), KW_OK);
    assert_int_equal(reader.count, 0);
    kw_journal_close(told.journal);
}

/* Not yet confirmed records are replayed although the checkpoint contains them. */
static void test_unconfirmed(void **state)
{
    struct bench *bench = *state;
    struct told told;
    struct history history;
    start(&told, bench);
    for (int i = 0; i < 6; i++)
        assert_int_equal(put(&told, "x"), KW_OK);
    settle(&told, bench);
    assert_int_equal(kw_journal_checkpoint(told.journal, KW_STR("s"), 6), KW_OK);
    kw_journal_confirm(told.journal, 4);
    kw_journal_close(told.journal); /* keeps the confirmation too */
    start(&told, bench);
    replay(&told, &history);
    assert_string_equal(history.text, "C:s;5:x;6:x;");
    kw_journal_close(told.journal);
}

static void test_damaged_checkpoint(void **state)
{
    struct bench *bench = *state;
    struct told told;
    struct history history;
    char path[400];
    start(&told, bench);
    for (int i = 0; i < 3; i++)
        assert_int_equal(put(&told, "x"), KW_OK);
    settle(&told, bench);
    kw_journal_confirm(told.journal, 3);
    assert_int_equal(kw_journal_checkpoint(told.journal, KW_STR("state"), 3), KW_OK);
    kw_journal_close(told.journal);
    (void)snprintf(path, sizeof path, "%s/checkpoint", bench->folder);
    flip(path, 13);
    start(&told, bench);
    replay(&told, &history); /* the whole journal instead */
    assert_string_equal(history.text, "1:x;2:x;3:x;");
    kw_journal_close(told.journal);
}

/* The disk is full for a while: what it refused is told as not durable, what comes after it is kept. */
static void test_full_disk(void **state)
{
    struct bench *bench = *state;
    struct told told;
    struct history history;
    struct rlimit limit, before;
    start(&told, bench);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(put(&told, "one"), KW_OK);
    settle(&told, bench);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 30; /* the next record is written in part */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(put(&told, "refused"), KW_OK);
    assert_int_equal(put(&told, "refused"), KW_OK);
    settle(&told, bench);
    assert_int_equal(put(&told, "refused"), KW_OK);
    settle(&told, bench);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(told.failed, 3);
    assert_int_equal(bench_metric(bench, "kw_journal_faults_total"), 3);
    assert_int_equal(put(&told, "five"), KW_OK);
    assert_int_equal(put(&told, "six"), KW_OK);
    settle(&told, bench);
    assert_int_equal(told.failed, 3);
    assert_true(told.ordered);
    kw_journal_close(told.journal);
    start(&told, bench);
    replay(&told, &history);
    assert_string_equal(history.text, "1:one;5:five;6:six;");
    assert_int_equal(put(&told, "seven"), KW_OK);
    settle(&told, bench);
    kw_journal_close(told.journal);
}

/* Closed while the loop has not yet run the post of the last batch. */
static void test_close_before_the_loop_knows(void **state)
{
    struct bench *bench = *state;
    struct told told;
    start(&told, bench);
    assert_int_equal(put(&told, "x"), KW_OK);
    (void)usleep(50000); /* the writer has posted; the loop did not run */
    kw_journal_close(told.journal);
    assert_int_equal(told.count, 1);
    run_for(bench->loop, 10);
    assert_int_equal(told.count, 1);
}

static void test_no_folder(void **state)
{
    struct bench *bench = *state;
    struct told told;
    struct kw_journal_options options = { .directory = "/proc/nowhere", .metrics = bench->metrics };
    char error[800] = "";
    assert_int_equal(kw_journal_open(bench->loop, &options, &told.journal, error, sizeof error),
                     KW_EIO);
    assert_non_null(strstr(error, "/proc/nowhere"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_write_and_replay),  TEST(test_refused_lengths),
        TEST(test_torn_tail),         TEST(test_broken_middle),
        TEST(test_segments_and_trim), TEST(test_read_back),
        TEST(test_unconfirmed),       TEST(test_damaged_checkpoint),
        TEST(test_full_disk),         TEST(test_close_before_the_loop_knows),
        TEST(test_no_folder)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
