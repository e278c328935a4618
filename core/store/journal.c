/* journal.c - Append, group fsync, replay, checkpoint.
 *
 * Segment files are named by their first sequence, `000000000001.log`. The writer thread takes everything
 * that is queued, writes it and calls fdatasync() once, and posts the callbacks. After a failed write it cuts
 * the file back to the last good byte before the next try. A journal that is closed while such a post is on
 * its way is freed by that post. */
#include "store/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/journal_record.h"

#define KW_SEGMENT_BYTES (8u * 1024 * 1024)
#define KW_RECORD_BYTES (2u * 1024 * 1024)
#define KW_JOURNAL_QUEUE 20000
#define KW_SEGMENTS_MAX 65536

struct record {
    struct record *next;
    uint64_t sequence;
    void (*on_synced)(kw_err err, uint64_t sequence, void *arg);
    void *arg;
    kw_err err;
    size_t length;
    unsigned char bytes[]; /* header and payload */
};

struct kw_journal {
    struct kw_loop *loop;
    char directory[512];
    size_t segment_limit, record_limit;
    unsigned queue_limit;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct record *first, **last;           /* to be written */
    struct record *first_done, **last_done; /* to be told */
    unsigned waiting;
    uint64_t next_sequence, confirmed, checkpoint;
    uint64_t written; /* newest number in the file; the writer's once it runs */
    int fd;
    off_t size;
    bool stopping, thread_runs, posted, gone;
    struct kw_metric *records, *seconds, *faults;
};

static void sync_directory(const struct kw_journal *journal)
{
    int fd = open(journal->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        (void)close(fd);
    }
}

/* --- segments --- */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* First sequences of all segments, ascending. Caller frees. */
static uint64_t *segments(const struct kw_journal *journal, size_t *count)
{
    uint64_t *list = NULL;
    size_t room = 0;
    DIR *dir = opendir(journal->directory);
    *count = 0;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        char *end;
        uint64_t first = strtoull(entry->d_name, &end, 10);
        if (end == entry->d_name || strcmp(end, ".log") != 0 || *count == KW_SEGMENTS_MAX)
            continue;
        if (*count == room) {
            room = room > 0 ? room * 2 : 16;
            list = kw_realloc(list, room * sizeof *list);
        }
        list[(*count)++] = first;
    }
    if (dir != NULL)
        (void)closedir(dir);
    if (*count > 1)
        qsort(list, *count, sizeof *list, by_number);
    return list;
}

static void segment_path(const struct kw_journal *journal, uint64_t first, char *out, size_t size)
{
    (void)snprintf(out, size, "%s/%012llu.log", journal->directory, (unsigned long long)first);
}

static kw_err open_segment(struct kw_journal *journal, uint64_t first)
{
    char path[600];
    segment_path(journal, first, path, sizeof path);
    if (journal->fd >= 0)
        (void)close(journal->fd);
    journal->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (journal->fd < 0)
        return KW_EIO;
    journal->size = lseek(journal->fd, 0, SEEK_END);
    sync_directory(journal);
    return KW_OK;
}

static kw_err read_file(const char *path, struct kw_buf *out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? KW_ENOTFOUND : KW_EIO;
    kw_err err = fstat(fd, &st) == 0 ? kw_buf_reserve(out, (size_t)st.st_size + 1) : KW_EIO;
    while (err == KW_OK && kw_buf_len(out) < (size_t)st.st_size) {
        ssize_t got = read(fd, kw_buf_tail(out), (size_t)st.st_size - kw_buf_len(out));
        if (got <= 0)
            break;
        kw_buf_commit(out, (size_t)got);
    }
    (void)close(fd);
    return err;
}

/* Walk the records of a segment's bytes. Returns the length of the valid part; *next follows. */
static size_t walk(struct kw_journal *journal, struct kw_str bytes, uint64_t *next, uint64_t after,
                   kw_err (*on_record)(uint64_t sequence, struct kw_str payload, void *arg),
                   void *arg, kw_err *err)
{
    size_t at = 0;
    size_t length;
    while (*err == KW_OK && (length = kw_record_whole(bytes, at, journal->record_limit)) > 0) {
        uint64_t sequence = kw_record_sequence(bytes, at);
        bool is_skip = length == KW_RECORD_HEADER_BYTES;
        if (*next != 0 && (is_skip ? sequence + 1 < *next : sequence != *next))
            break;
        *next = sequence + 1;
        if (on_record != NULL && !is_skip && sequence > after)
            *err = on_record(
                sequence,
                kw_str_n(bytes.ptr + at + KW_RECORD_HEADER_BYTES, length - KW_RECORD_HEADER_BYTES),
                arg);
        at += length;
    }
    return at;
}

static kw_err scan(struct kw_journal *journal, uint64_t after,
                   kw_err (*on_record)(uint64_t sequence, struct kw_str payload, void *arg),
                   void *arg, char *error, size_t error_size)
{
    size_t count;
    uint64_t *list = segments(journal, &count), next = 0;
    kw_err err = KW_OK;
    for (size_t i = 0; err == KW_OK && i < count; i++) {
        char path[600];
        struct kw_buf bytes;
        kw_buf_init(&bytes, (size_t)1 << 30);
        segment_path(journal, list[i], path, sizeof path);
        next = next == 0 ? list[i] : next;
        err = read_file(path, &bytes);
        struct kw_str all = kw_buf_len(&bytes) > 0 ? kw_buf_str(&bytes) : KW_STR("");
        size_t valid = walk(journal, all, &next, after, on_record, arg, &err);
        if (err == KW_OK && valid < all.len) {
            if (i + 1 < count || kw_record_follows(all, valid, next, journal->record_limit)) {
                (void)snprintf(
                    error, error_size,
                    "the journal %s is damaged at byte %zu and newer records follow; restore it "
                    "from a backup or move it away by hand",
                    path, valid);
                err = KW_EIO;
            } else { /* a torn tail: it was never acknowledged */
                KW_LOG(KW_LOG_WARN, "journal", "cut a torn tail", KW_LC("file", path),
                       KW_LI("at", valid), KW_LI("bytes", all.len - valid));
                if (truncate(path, (off_t)valid) != 0)
                    err = KW_EIO;
            }
        }
        kw_buf_free(&bytes);
    }
    if (next > journal->next_sequence)
        journal->next_sequence = next;
    journal->written = journal->next_sequence - 1;
    kw_free(list);
    return err;
}

/* --- reading back --- */

struct reading {
    uint64_t up_to;
    kw_err (*on_record)(uint64_t sequence, struct kw_str payload, void *arg);
    void *arg;
};

static kw_err read_one(uint64_t sequence, struct kw_str payload, void *arg)
{
    const struct reading *reading = arg;
    return sequence > reading->up_to ? KW_EFULL
                                     : reading->on_record(sequence, payload, reading->arg);
}

kw_err kw_journal_read(struct kw_journal *journal, uint64_t after, uint64_t up_to,
                       kw_err (*on_record)(uint64_t sequence, struct kw_str payload, void *arg),
                       void *arg)
{
    struct reading reading = { up_to, on_record, arg };
    size_t count;
    uint64_t *list = segments(journal, &count), next = 0;
    kw_err err = KW_OK;
    for (size_t i = 0; err == KW_OK && i < count && list[i] <= up_to; i++) {
        char path[600];
        struct kw_buf bytes;
        if (i + 1 < count && list[i + 1] <= after + 1)
            continue; /* all of it is older */
        kw_buf_init(&bytes, (size_t)1 << 30);
        segment_path(journal, list[i], path, sizeof path);
        err = read_file(path, &bytes);
        if (err == KW_OK && kw_buf_len(&bytes) > 0)
            (void)walk(journal, kw_buf_str(&bytes), &next, after, read_one, &reading, &err);
        kw_buf_free(&bytes);
    }
    kw_free(list);
    return err == KW_EFULL ? KW_OK : err;
}

/* --- checkpoint and confirmation --- */

static kw_err write_beside(struct kw_journal *journal, const char *name, struct kw_str bytes,
                           bool durable)
{
    char path[600], beside[620];
    (void)snprintf(path, sizeof path, "%s/%s", journal->directory, name);
    (void)snprintf(beside, sizeof beside, "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return KW_EIO;
    bool ok =
        write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len && (!durable || fdatasync(fd) == 0);
    ok = close(fd) == 0 && ok && rename(beside, path) == 0;
    if (durable)
        sync_directory(journal);
    return ok ? KW_OK : KW_EIO;
}

static uint64_t read_number_file(const struct kw_journal *journal, const char *name)
{
    char path[600];
    struct kw_buf bytes;
    uint64_t number = 0;
    (void)snprintf(path, sizeof path, "%s/%s", journal->directory, name);
    kw_buf_init(&bytes, 64);
    if (read_file(path, &bytes) == KW_OK && kw_buf_append(&bytes, "", 1) == KW_OK)
        number = strtoull(kw_buf_ptr(&bytes), NULL, 10);
    kw_buf_free(&bytes);
    return number;
}

static void trim(struct kw_journal *journal)
{
    size_t count;
    uint64_t limit =
        journal->checkpoint < journal->confirmed ? journal->checkpoint : journal->confirmed;
    uint64_t *list = segments(journal, &count);
    for (size_t i = 0; i + 1 < count; i++) {
        char path[600];
        if (list[i + 1] > limit + 1)
            break;
        segment_path(journal, list[i], path, sizeof path);
        (void)unlink(path);
    }
    kw_free(list);
}

kw_err kw_journal_checkpoint(struct kw_journal *journal, struct kw_str state, uint64_t sequence)
{
    struct kw_buf text;
    kw_buf_init(&text, state.len + 64);
    kw_err err = kw_buf_printf(&text, "%llu %08x\n", (unsigned long long)sequence,
                               kw_record_sum((const unsigned char *)state.ptr, state.len));
    if (err == KW_OK)
        err = kw_buf_append(&text, state.ptr, state.len);
    if (err == KW_OK)
        err = write_beside(journal, "checkpoint", kw_buf_str(&text), true);
    kw_buf_free(&text);
    if (err != KW_OK)
        return err;
    journal->checkpoint = sequence;
    trim(journal);
    return KW_OK;
}

void kw_journal_confirm(struct kw_journal *journal, uint64_t sequence)
{
    journal->confirmed = sequence;
}

void kw_journal_save_confirmed(struct kw_journal *journal)
{
    char text[24];
    size_t length = kw_i64_to_text((int64_t)journal->confirmed, text);
    KW_IGNORE(write_beside(journal, "confirmed", kw_str_n(text, length),
                           false)); /* repeating is harmless */
}

uint64_t kw_journal_confirmed(const struct kw_journal *journal)
{
    return journal->confirmed;
}

uint64_t kw_journal_last(const struct kw_journal *journal)
{
    return journal->next_sequence - 1;
}

kw_err kw_journal_replay(struct kw_journal *journal,
                         kw_err (*on_checkpoint)(struct kw_str state, void *arg),
                         kw_err (*on_record)(uint64_t sequence, struct kw_str payload, void *arg),
                         void *arg)
{
    char path[600], error[700] = "";
    struct kw_buf bytes;
    kw_err err = KW_OK;
    kw_buf_init(&bytes, (size_t)1 << 30);
    (void)snprintf(path, sizeof path, "%s/checkpoint", journal->directory);
    if (read_file(path, &bytes) == KW_OK && kw_buf_len(&bytes) > 0) {
        struct kw_str state, head = kw_str_cut(kw_buf_str(&bytes), '\n', &state);
        struct kw_str sum, number = kw_str_cut(head, ' ', &sum);
        int64_t sequence = 0;
        uint8_t crc[4] = { 0 };
        size_t length = 0;
        if (kw_str_to_i64(number, &sequence) == KW_OK && sequence >= 0 &&
            kw_hex_decode(sum, crc, sizeof crc, &length) == KW_OK && length == 4 &&
            kw_record_sum((const unsigned char *)state.ptr, state.len) ==
                ((uint32_t)crc[0] << 24 | (uint32_t)crc[1] << 16 | (uint32_t)crc[2] << 8 |
                 crc[3])) {
            journal->checkpoint = (uint64_t)sequence;
            err = on_checkpoint(state, arg);
        } else {
            KW_LOG(KW_LOG_ERROR, "journal", "the checkpoint is damaged; reading the whole journal",
                   KW_LC("file", path));
        }
    }
    kw_buf_free(&bytes);
    uint64_t after =
        journal->checkpoint < journal->confirmed ? journal->checkpoint : journal->confirmed;
    if (err == KW_OK)
        err = scan(journal, after, on_record, arg, error, sizeof error);
    return err;
}

uint64_t kw_journal_checkpointed(const struct kw_journal *journal)
{
    return journal->checkpoint;
}

/* --- writer thread --- */

static void take_down(struct kw_journal *journal)
{
    (void)pthread_mutex_destroy(&journal->lock);
    (void)pthread_cond_destroy(&journal->wake);
    kw_free(journal);
}

static void deliver(void *arg)
{
    struct kw_journal *journal = arg;
    if (journal->gone) {
        take_down(journal);
        return;
    }
    (void)pthread_mutex_lock(&journal->lock);
    struct record *record = journal->first_done;
    journal->first_done = NULL;
    journal->last_done = &journal->first_done;
    journal->posted = false;
    (void)pthread_mutex_unlock(&journal->lock);
    while (record != NULL) {
        struct record *next = record->next;
        record->on_synced(record->err, record->sequence, record->arg);
        kw_free(record);
        record = next;
    }
}

static bool write_at_end(struct kw_journal *journal, const unsigned char *bytes, size_t length)
{
    if (pwrite(journal->fd, bytes, length, journal->size) != (ssize_t)length)
        return false;
    journal->size += (off_t)length;
    return true;
}

static bool write_records(struct kw_journal *journal, const struct record *batch)
{
    unsigned char skip[KW_RECORD_HEADER_BYTES];
    if (batch->sequence > journal->written + 1) { /* the disk refused the numbers between */
        kw_record_header(skip, batch->sequence - 1, 0);
        if (!write_at_end(journal, skip, sizeof skip))
            return false;
    }
    for (; batch != NULL; batch = batch->next) {
        if (!write_at_end(journal, batch->bytes, batch->length))
            return false;
    }
    return fdatasync(journal->fd) == 0;
}

static kw_err write_all(struct kw_journal *journal, const struct record *batch,
                        uint64_t last_sequence)
{
    bool need_segment = journal->fd < 0 || journal->size > (off_t)journal->segment_limit;
    if (need_segment && open_segment(journal, batch->sequence) != KW_OK)
        return KW_EIO;
    off_t before = journal->size;
    if (write_records(journal, batch)) {
        journal->written = last_sequence;
        return KW_OK;
    }
    KW_LOG(KW_LOG_ERROR, "journal",
           "the disk refused the journal; stations are not answered until it takes it",
           KW_LC("error", strerror(errno)));
    journal->size = before;
    if (ftruncate(journal->fd, before) != 0)
        KW_LOG(KW_LOG_ERROR, "journal", "the half-written record could not be cut off",
               KW_LC("error", strerror(errno)));
    return KW_EIO;
}

static void *writer(void *arg)
{
    struct kw_journal *journal = arg;
    (void)pthread_mutex_lock(&journal->lock);
    for (;;) {
        while (journal->first == NULL && !journal->stopping)
            (void)pthread_cond_wait(&journal->wake, &journal->lock);
        struct record *batch = journal->first;
        if (batch == NULL)
            break;
        struct record **end = journal->last;
        journal->first = NULL;
        journal->last = &journal->first;
        (void)pthread_mutex_unlock(&journal->lock);
        int64_t began = kw_mono_us();
        kw_err err = write_all(journal, batch, KW_CONTAINER_OF(end, struct record, next)->sequence);
        kw_metric_observe_us(journal->seconds, kw_mono_us() - began);
        (void)pthread_mutex_lock(&journal->lock);
        unsigned count = 0;
        for (struct record *record = batch; record != NULL; record = record->next) {
            record->err = err;
            count++;
        }
        journal->waiting -= count;
        kw_metric_add(err == KW_OK ? journal->records : journal->faults, count);
        *journal->last_done = batch;
        journal->last_done = end;
        if (!journal->posted && !journal->stopping) {
            journal->posted = true;
            kw_loop_post(journal->loop, deliver, journal);
        }
    }
    (void)pthread_mutex_unlock(&journal->lock);
    return NULL;
}

static bool is_full(struct kw_journal *journal)
{
    (void)pthread_mutex_lock(&journal->lock);
    bool full = journal->waiting >= journal->queue_limit;
    (void)pthread_mutex_unlock(&journal->lock);
    return full;
}

kw_err kw_journal_append(struct kw_journal *journal, struct kw_str payload, uint64_t *sequence,
                         void (*on_synced)(kw_err err, uint64_t sequence, void *arg), void *arg)
{
    if (payload.len == 0)
        return KW_EINVALID;
    if (payload.len > journal->record_limit)
        return KW_ETOOBIG;
    if (is_full(journal))
        return KW_EBUSY;
    struct record *record = kw_alloc(sizeof *record + KW_RECORD_HEADER_BYTES + payload.len);
    *record = (struct record){ .on_synced = on_synced,
                               .arg = arg,
                               .length = KW_RECORD_HEADER_BYTES + payload.len };
    record->sequence = journal->next_sequence++;
    memcpy(record->bytes + KW_RECORD_HEADER_BYTES, payload.ptr, payload.len);
    kw_record_header(record->bytes, record->sequence, payload.len);
    *sequence = record->sequence;
    (void)pthread_mutex_lock(&journal->lock);
    *journal->last = record;
    journal->last = &record->next;
    journal->waiting++;
    (void)pthread_cond_signal(&journal->wake);
    (void)pthread_mutex_unlock(&journal->lock);
    return KW_OK;
}

/* --- life --- */

kw_err kw_journal_open(struct kw_loop *loop, const struct kw_journal_options *options,
                       struct kw_journal **out, char *error, size_t error_size)
{
    struct kw_journal *journal = kw_zalloc(sizeof *journal);
    journal->loop = loop;
    journal->fd = -1;
    journal->segment_limit = options->segment_bytes > 0 ? options->segment_bytes : KW_SEGMENT_BYTES;
    journal->record_limit =
        options->record_limit_bytes > 0 ? options->record_limit_bytes : KW_RECORD_BYTES;
    journal->queue_limit = options->queue_limit > 0 ? options->queue_limit : KW_JOURNAL_QUEUE;
    journal->last = &journal->first;
    journal->last_done = &journal->first_done;
    journal->next_sequence = 1;
    (void)snprintf(journal->directory, sizeof journal->directory, "%s", options->directory);
    journal->records = kw_metrics_counter(options->metrics, "kw_journal_records_total", "",
                                          "Records made durable.");
    journal->faults = kw_metrics_counter(options->metrics, "kw_journal_faults_total", "",
                                         "Records that the disk refused.");
    journal->seconds = kw_metrics_histogram(options->metrics, "kw_journal_sync_seconds", "",
                                            "Time of a write and fdatasync.");
    (void)pthread_mutex_init(&journal->lock, NULL);
    (void)pthread_cond_init(&journal->wake, NULL);
    kw_err err = mkdir(journal->directory, 0700) == 0 || errno == EEXIST ? KW_OK : KW_EIO;
    if (err != KW_OK)
        (void)snprintf(error, error_size, "cannot make the journal folder %s: %m",
                       journal->directory);
    if (err == KW_OK)
        err = scan(journal, UINT64_MAX, NULL, NULL, error, error_size);
    size_t count = 0;
    uint64_t *list = err == KW_OK ? segments(journal, &count) : NULL;
    if (err == KW_OK && count > 0)
        err = open_segment(journal, list[count - 1]);
    kw_free(list);
    journal->confirmed = read_number_file(journal, "confirmed");
    if (journal->next_sequence <= journal->confirmed)
        journal->next_sequence = journal->confirmed + 1;
    if (err == KW_OK && pthread_create(&journal->thread, NULL, writer, journal) != 0)
        err = KW_ENOMEM;
    journal->thread_runs = err == KW_OK;
    if (err != KW_OK) {
        kw_journal_close(journal);
        return err;
    }
    *out = journal;
    return KW_OK;
}

void kw_journal_close(struct kw_journal *journal)
{
    (void)pthread_mutex_lock(&journal->lock);
    journal->stopping = true;
    (void)pthread_cond_signal(&journal->wake);
    (void)pthread_mutex_unlock(&journal->lock);
    if (journal->thread_runs)
        (void)pthread_join(journal->thread, NULL);
    bool posted = journal->posted;
    deliver(journal);
    kw_journal_save_confirmed(journal);
    if (journal->fd >= 0)
        (void)close(journal->fd);
    journal->gone = true;
    if (!posted)
        take_down(journal);
}
