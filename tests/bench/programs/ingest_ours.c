/* ingest_ours.c - The same stream through our link (arena replies on the loop), and on request decoded.
 *
 * usage: ingest_ours SOCKET ENTRIES COUNT [decode]. Prints "entries seconds checksum". */
#include "base/clock.h"
#include "base/mem.h"
#include "bench.h"
#include "feed/decode.h"

struct run {
    struct kw_loop *loop;
    struct kw_redis *redis;
    struct kw_decoder *decoder; /* NULL: replies only */
    const char *count;
    char last_id[40];
    unsigned long entries, wanted, checksum;
    int64_t began_us;
};

static void ask(struct run *run);

static void decode(struct run *run, const struct kw_reply *entry)
{
    struct kw_str fields[64];
    struct kw_event event;
    const char *error = "";
    const struct kw_reply *pairs = entry->items[1];
    MUST(pairs->count <= KW_COUNT_OF(fields));
    for (size_t i = 0; i < pairs->count; i++)
        fields[i] = pairs->items[i]->text;
    if (kw_decode_entry(run->decoder, KW_STREAM_MV, entry->items[0]->text, fields, pairs->count,
                        &event, &error) != KW_OK) {
        (void)fprintf(stderr, "%s\n", error);
        exit(1);
    }
}

static void on_page(kw_err err, const struct kw_reply *reply, void *arg)
{
    struct run *run = arg;
    MUST(err == KW_OK && reply->type == KW_REPLY_ARRAY);
    const struct kw_reply *entries = reply->items[0]->items[1];
    for (size_t i = 0; i < entries->count; i++) {
        const struct kw_reply *entry = entries->items[i], *fields = entry->items[1];
        for (size_t j = 0; j < fields->count; j++)
            run->checksum +=
                fields->items[j]->text.len + (unsigned char)fields->items[j]->text.ptr[0];
        if (run->decoder != NULL)
            decode(run, entry);
    }
    MUST(kw_str_copy(entries->items[entries->count - 1]->items[0]->text, run->last_id,
                     sizeof run->last_id) == KW_OK);
    run->entries += entries->count;
    if (run->entries < run->wanted) {
        ask(run);
        return;
    }
    (void)printf("%lu %.4f %lu\n", run->entries, (double)(kw_mono_us() - run->began_us) / 1e6,
                 run->checksum);
    exit(0);
}

static void ask(struct run *run)
{
    struct kw_str args[6] = { KW_STR("XREAD"),   KW_STR("COUNT"),    kw_str_of(run->count),
                              KW_STR("STREAMS"), KW_STR("kw:bench"), kw_str_of(run->last_id) };
    MUST(kw_redis_command(run->redis, args, 6, on_page, run) == KW_OK);
}

static void on_state(bool up, const char *why, void *arg)
{
    struct run *run = arg;
    if (!up) {
        (void)fprintf(stderr, "%s\n", why);
        exit(1);
    }
    run->began_us = kw_mono_us();
    ask(run);
}

int main(int count, char **args)
{
    struct run run = { .loop = kw_loop_new(NULL), .last_id = "0-0" };
    char url[300], error[300] = "";
    MUST(count >= 4);
    (void)snprintf(url, sizeof url, "unix://%s", args[1]);
    struct kw_redis_options options = { .url = url };
    run.wanted = strtoul(args[2], NULL, 10);
    run.count = args[3];
    if (count == 5)
        run.decoder = kw_decoder_new();
    MUST(kw_redis_new(run.loop, &options, on_state, &run, &run.redis, error, sizeof error) ==
         KW_OK);
    kw_loop_run(run.loop);
    return 1;
}
