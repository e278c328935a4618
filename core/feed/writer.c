/* writer.c - The atomic script and the queue in front of it.
 *
 * One list, in order: [first .. unanswered) is in Redis and kept for a while, [unanswered .. next_to_send)
 * is under way, the rest waits. A new link starts again at `first`. */
#include "feed/writer.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define KW_IN_FLIGHT 512
#define KW_WRITER_RETRY_MS 500
#define KW_CONFIRM_STEP_MS 100

/* ARGV: prefix, event JSON, source. Numbers are written as integers where they are whole. Meter values
 * keep their marker for a quarter of an hour, and the last 120,000 entries, so that Redis stays small;
 * the store's keys absorb a later repetition anyway (docs/adr/0002). */
static const char script[] =
    "local P, e, src = ARGV[1], cjson.decode(ARGV[2]), ARGV[3]\n"
    "local function txt(v)\n"
    "  if type(v) == 'number' then\n"
    "    if v == math.floor(v) then return string.format('%.0f', v) end\n"
    "    return string.format('%.14g', v)\n"
    "  end\n"
    "  return tostring(v)\n"
    "end\n"
    "if e.k and redis.call('SET', P..'dd:'..redis.sha1hex(e.k), '1', 'NX', 'EX',\n"
    "    e.stream == 'mv' and 900 or 604800) == false then return 0 end\n"
    "local n = redis.call('INCR', P..'n:'..e.stream)\n"
    "local f = {'v', '1', 'n', txt(n), 'src', src}\n"
    "for _, name in ipairs({'type','cs','evse','con','tx','ts','rts','off','proto','mid'}) do\n"
    "  if e.f[name] ~= nil then f[#f+1] = name; f[#f+1] = txt(e.f[name]) end\n"
    "end\n"
    "if e.k then f[#f+1] = 'k'; f[#f+1] = e.k end\n"
    "f[#f+1] = 'd'; f[#f+1] = e.d\n"
    "local id = redis.call('XADD', P..e.stream, 'MAXLEN', '~', e.stream == 'mv' and 120000 or 500000, '*', unpack(f))\n"
    "for _, s in ipairs(e.set or {}) do\n"
    "  local key, at = P..s[1], tonumber(s[3])\n"
    "  local old = tonumber(redis.call('HGET', key, s[2]) or '')\n"
    "  if not old or at >= old then\n"
    "    local h = {}\n"
    "    for name, value in pairs(s[4]) do h[#h+1] = name; h[#h+1] = txt(value) end\n"
    "    h[#h+1] = 'eid'; h[#h+1] = id\n"
    "    redis.call('HSET', key, unpack(h))\n"
    "  end\n"
    "end\n"
    "for _, x in ipairs(e.del or {}) do\n"
    "  if not x[3] or redis.call('HGET', P..x[1], x[3]) == x[4] then redis.call('HDEL', P..x[1], unpack(x[2])) end\n"
    "end\n"
    "for _, x in ipairs(e.add or {}) do redis.call('SADD', P..x[1], x[2]) end\n"
    "for _, x in ipairs(e.zadd or {}) do redis.call('ZADD', P..x[1], txt(x[3]), x[2]) end\n"
    "for _, x in ipairs(e.zrem or {}) do redis.call('ZREM', P..x[1], x[2]) end\n"
    "for _, x in ipairs(e.expire or {}) do redis.call('EXPIRE', P..x[1], txt(x[2])) end\n"
    "return n\n";

struct item {
    struct item *next;
    uint64_t sequence;
    int64_t taken_ms; /* when Redis took it; meaningful before `unanswered` */
    size_t length;
    char json[];
};

struct kw_event_writer {
    struct kw_loop *loop;
    struct kw_redis *redis;
    struct kw_timer *confirm, *retry;
    int64_t keep_ms;
    struct item *first, **last; /* not confirmed yet, in order */
    struct item *unanswered, *next_to_send;
    size_t total, kept, in_flight;
    char prefix[64], source[64], sha[41];
    bool ready, closed, loading;
    void (*on_confirmed)(uint64_t sequence, void *arg);
    void (*on_link)(bool up, void *arg);
    void *arg;
    struct kw_metric *written, *repeated, *refused, *backlog;
};

static void pump(struct kw_event_writer *writer);

static void release(struct kw_event_writer *writer)
{
    if (!writer->closed || writer->in_flight > 0 || writer->loading)
        return;
    while (writer->first != NULL) {
        struct item *item = writer->first;
        writer->first = item->next;
        kw_free(item);
    }
    kw_free(writer);
}

static void tell_backlog(struct kw_event_writer *writer)
{
    kw_metric_set(writer->backlog, (int64_t)(writer->total - writer->kept));
}

static void confirm_first(struct kw_event_writer *writer)
{
    struct item *item = writer->first;
    uint64_t sequence = item->sequence;
    writer->first = item->next;
    if (writer->first == NULL)
        writer->last = &writer->first;
    writer->total--;
    writer->kept--;
    bool whole = writer->first == NULL || writer->first->sequence != sequence;
    kw_free(item);
    if (whole)
        writer->on_confirmed(sequence, writer->arg);
}

static void on_confirm_time(struct kw_timer *timer, void *arg)
{
    struct kw_event_writer *writer = arg;
    int64_t now = kw_loop_now_ms(writer->loop);
    writer->in_flight++; /* the owner may close the writer in there */
    while (!writer->closed && writer->kept > 0 && now - writer->first->taken_ms >= writer->keep_ms)
        confirm_first(writer);
    writer->in_flight--;
    if (writer->closed) {
        release(writer);
    } else if (writer->kept > 0) {
        int64_t left = writer->keep_ms - (now - writer->first->taken_ms);
        kw_timer_start(timer, left > KW_CONFIRM_STEP_MS ? left : KW_CONFIRM_STEP_MS, 0);
    }
}

/* Redis has the first unanswered one; whether its disk has it too, time will show. */
static void take_answer(struct kw_event_writer *writer)
{
    writer->unanswered->taken_ms = kw_loop_now_ms(writer->loop);
    writer->unanswered = writer->unanswered->next;
    writer->kept++;
    tell_backlog(writer);
    if (!kw_timer_active(writer->confirm))
        kw_timer_start(writer->confirm, writer->keep_ms, 0);
}

static void load_later(struct kw_event_writer *writer)
{
    writer->ready = false;
    writer->next_to_send = writer->unanswered;
    kw_timer_start(writer->retry, KW_WRITER_RETRY_MS, 0);
}

static void on_loaded(kw_err err, const struct kw_reply *reply, void *arg)
{
    struct kw_event_writer *writer = arg;
    writer->loading = false;
    if (writer->closed) {
        release(writer);
        return;
    }
    if (err != KW_OK)
        return; /* the link is gone; on_state comes again */
    if (reply->type != KW_REPLY_TEXT ||
        kw_str_copy(reply->text, writer->sha, sizeof writer->sha) != KW_OK) {
        KW_LOG(KW_LOG_ERROR, "feed", "Redis refused the script; trying again",
               KW_LT("error", reply->text));
        load_later(writer);
        return;
    }
    writer->ready = true;
    pump(writer);
}

static void load(struct kw_event_writer *writer)
{
    struct kw_str args[3] = { KW_STR("SCRIPT"), KW_STR("LOAD"),
                              kw_str_n(script, sizeof script - 1) };
    writer->ready = false;
    kw_timer_stop(writer->retry);
    if (!writer->loading && kw_redis_command(writer->redis, args, 3, on_loaded, writer) == KW_OK)
        writer->loading = true;
}

static void on_retry(struct kw_timer *timer, void *arg)
{
    (void)timer;
    load(arg);
}

static void count_answer(struct kw_event_writer *writer, const struct kw_reply *reply)
{
    const struct item *item = writer->unanswered;
    if (reply->type != KW_REPLY_ERROR) {
        kw_metric_add(reply->number == 0 ? writer->repeated : writer->written, 1);
        return;
    }
    kw_metric_add(writer->refused, 1);
    KW_LOG(KW_LOG_ERROR, "feed", "Redis refused an event; it stays in the journal only",
           KW_LT("error", reply->text), KW_LT("event", kw_str_n(item->json, item->length)));
}

/* The event itself is at fault: no repetition will help. Anything else (NOSCRIPT, LOADING, OOM, MISCONF,
 * READONLY, NOAUTH ...) says that Redis cannot write now. */
static bool is_final(struct kw_str error)
{
    return kw_str_starts(error, KW_STR("ERR ")) || kw_str_starts(error, KW_STR("WRONGTYPE"));
}

static void on_written(kw_err err, const struct kw_reply *reply, void *arg)
{
    struct kw_event_writer *writer = arg;
    writer->in_flight--;
    if (writer->closed) {
        release(writer);
        return;
    }
    if (err != KW_OK || !writer->ready)
        return; /* sent again after the reload or reconnect */
    if (reply->type == KW_REPLY_ERROR && !is_final(reply->text)) {
        bool forgotten = kw_str_starts(reply->text, KW_STR("NOSCRIPT"));
        load_later(writer);
        if (forgotten)
            load(writer);
        else
            KW_LOG(KW_LOG_ERROR, "feed", "Redis takes no events now; trying again",
                   KW_LT("error", reply->text));
        return;
    }
    count_answer(writer, reply);
    take_answer(writer);
    pump(writer);
}

static void pump(struct kw_event_writer *writer)
{
    while (writer->ready && writer->next_to_send != NULL && writer->in_flight < KW_IN_FLIGHT) {
        struct item *item = writer->next_to_send;
        struct kw_str args[6] = { KW_STR("EVALSHA"),
                                  kw_str_of(writer->sha),
                                  KW_STR("0"),
                                  kw_str_of(writer->prefix),
                                  kw_str_n(item->json, item->length),
                                  kw_str_of(writer->source) };
        if (kw_redis_command(writer->redis, args, 6, on_written, writer) != KW_OK)
            return;
        writer->in_flight++;
        writer->next_to_send = item->next;
    }
}

static void on_state(bool up, const char *why, void *arg)
{
    struct kw_event_writer *writer = arg;
    (void)why;
    if (writer->closed)
        return;
    writer->ready = false;
    writer->next_to_send = writer->unanswered = writer->first;
    writer->kept = 0;
    tell_backlog(writer);
    kw_timer_stop(writer->retry);
    if (up)
        load(writer);
    writer->on_link(up, writer->arg);
}

kw_err kw_event_writer_new(struct kw_loop *loop, const struct kw_event_writer_options *options,
                           void (*on_confirmed)(uint64_t sequence, void *arg),
                           void (*on_link)(bool up, void *arg), void *arg,
                           struct kw_event_writer **out, char *error, size_t error_size)
{
    struct kw_event_writer *writer = kw_zalloc(sizeof *writer);
    struct kw_redis_options redis = { .url = options->redis_url,
                                      .name = "kw-writer",
                                      .metrics = options->metrics };
    writer->loop = loop;
    writer->last = &writer->first;
    writer->on_confirmed = on_confirmed;
    writer->on_link = on_link;
    writer->arg = arg;
    (void)snprintf(writer->prefix, sizeof writer->prefix, "%s", options->prefix);
    (void)snprintf(writer->source, sizeof writer->source, "%s", options->source);
    writer->written = kw_metrics_counter(options->metrics, "kw_writer_events_total", "",
                                         "Events written to Redis.");
    writer->repeated = kw_metrics_counter(options->metrics, "kw_writer_repeated_total", "",
                                          "Events that Redis had already.");
    writer->refused = kw_metrics_counter(options->metrics, "kw_writer_refused_total", "",
                                         "Events that Redis refused.");
    writer->backlog =
        kw_metrics_gauge(options->metrics, "kw_writer_backlog", "", "Events waiting for Redis.");
    kw_err err = kw_redis_new(loop, &redis, on_state, writer, &writer->redis, error, error_size);
    if (err != KW_OK) {
        kw_free(writer);
        return err;
    }
    writer->confirm = kw_timer_new(loop, on_confirm_time, writer);
    writer->retry = kw_timer_new(loop, on_retry, writer);
    writer->keep_ms = options->keep_ms > 0 ? options->keep_ms : KW_WRITER_KEEP_MS;
    *out = writer;
    return KW_OK;
}

void kw_event_writer_put(struct kw_event_writer *writer, uint64_t sequence,
                         struct kw_str event_json)
{
    struct item *item = kw_alloc(sizeof *item + event_json.len);
    item->next = NULL;
    item->sequence = sequence;
    item->length = event_json.len;
    memcpy(item->json, event_json.ptr, event_json.len);
    *writer->last = item;
    writer->last = &item->next;
    writer->total++;
    tell_backlog(writer);
    if (writer->unanswered == NULL)
        writer->unanswered = item;
    if (writer->next_to_send == NULL)
        writer->next_to_send = item;
    pump(writer);
}

size_t kw_event_writer_waiting(const struct kw_event_writer *writer)
{
    return writer->total - writer->kept;
}

void kw_event_writer_close(struct kw_event_writer *writer)
{
    writer->closed = true;
    kw_timer_close(writer->confirm);
    kw_timer_close(writer->retry);
    kw_redis_close(writer->redis);
    release(writer);
}
