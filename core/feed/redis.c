/* redis.c - Commands out, replies in order, one arena for the reply being read.
 *
 * A link is down, greeting (AUTH, SELECT, SETNAME, PING are under way) or up. Every end goes through
 * drop() and then on_closed(): there the waiting commands are failed, the owner is told, and the next
 * attempt is planned. Nothing is freed while one of our callbacks runs (`inside`). */
#include "feed/redis.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "feed/redis_reply.h"
#include "feed/redis_url.h"
#include "net/conn.h"

#define KW_CONNECT_MS 3000
#define KW_COMMAND_MS 5000
#define KW_PENDING_MAX 100000
#define KW_BACKOFF_LEAST_MS 200
#define KW_BACKOFF_MOST_MS 5000
#define KW_TICK_MS 200
#define KW_REDIS_OUT_BYTES (64u * 1024 * 1024)
#define KW_REDIS_REPLY_BYTES (64u * 1024 * 1024)
#define KW_REDIS_KEEP_BYTES 65536 /* of the buffer in which commands are written */

struct pending {
    kw_redis_on_reply *on_reply;
    void *arg;
    int64_t timeout_ms;
};

struct kw_redis {
    struct kw_loop *loop;
    struct kw_conn *conn; /* NULL: down */
    struct kw_reply_reader *replies;
    struct kw_timer *retry, *tick;
    struct pending *queue; /* ring */
    size_t queue_size, queue_head, queue_count;
    unsigned max_pending;
    size_t reply_limit;
    int64_t connect_timeout_ms, command_timeout_ms, backoff_ms;
    int64_t silent_since_ms; /* the next answer is waited for since then */
    struct kw_redis_url url;
    char name[64];
    struct kw_buf out; /* one command, reused */
    unsigned greeting; /* replies of the greeting still to come */
    unsigned inside;   /* depth of callbacks */
    bool up, dropping, closing;
    kw_err head_err; /* what the command that is the next to be answered gets when the link goes */
    void (*on_state)(bool up, const char *why, void *arg);
    void *arg;
    char why[160], told[160];
    struct kw_metric *commands, *reconnects;
};

static void dial(struct kw_redis *redis);

static void destroy(struct kw_redis *redis)
{
    kw_reply_reader_free(redis->replies);
    kw_buf_free(&redis->out);
    kw_free(redis->queue);
    kw_free(redis);
}

static struct pending take_pending(struct kw_redis *redis)
{
    struct pending pending = redis->queue[redis->queue_head];
    redis->queue_head = (redis->queue_head + 1) % redis->queue_size;
    redis->queue_count--;
    return pending;
}

static void add_pending(struct kw_redis *redis, struct pending pending)
{
    if (redis->queue_count == redis->queue_size) {
        size_t size = redis->queue_size > 0 ? redis->queue_size * 2 : 64;
        struct pending *queue = kw_alloc(size * sizeof *queue);
        for (size_t i = 0; i < redis->queue_count; i++)
            queue[i] = redis->queue[(redis->queue_head + i) % redis->queue_size];
        kw_free(redis->queue);
        redis->queue = queue;
        redis->queue_size = size;
        redis->queue_head = 0;
    }
    redis->queue[(redis->queue_head + redis->queue_count++) % redis->queue_size] = pending;
}

/* --- the end of a link --- */

static void drop(struct kw_redis *redis, kw_err head_err, const char *why)
{
    if (redis->dropping || redis->conn == NULL)
        return;
    redis->dropping = true;
    redis->head_err = head_err;
    (void)snprintf(redis->why, sizeof redis->why, "%s", why);
    kw_conn_close(redis->conn);
}

static void fail_pending(struct kw_redis *redis)
{
    size_t count = redis->queue_count; /* callbacks cannot add: the link is down */
    for (size_t i = 0; i < count; i++) {
        struct pending pending = take_pending(redis);
        kw_err err = redis->closing ? KW_ECANCELLED : i == 0 ? redis->head_err : KW_ECLOSED;
        if (pending.on_reply != NULL)
            pending.on_reply(err, NULL, pending.arg);
    }
}

static void tell_down(struct kw_redis *redis, bool was_up)
{
    if (!was_up && strcmp(redis->why, redis->told) == 0)
        return;
    memcpy(redis->told, redis->why, sizeof redis->told);
    KW_LOG(KW_LOG_WARN, "redis", was_up ? "connection lost" : "cannot connect",
           KW_LC("link", redis->name), KW_LC("why", redis->why));
    if (redis->on_state != NULL)
        redis->on_state(false, redis->why, redis->arg);
}

static void plan_retry(struct kw_redis *redis)
{
    int64_t jitter = kw_mono_us() % (redis->backoff_ms / 2 + 1);
    kw_timer_start(redis->retry, redis->backoff_ms / 2 + jitter, 0);
    redis->backoff_ms =
        redis->backoff_ms * 2 > KW_BACKOFF_MOST_MS ? KW_BACKOFF_MOST_MS : redis->backoff_ms * 2;
}

static void on_closed(struct kw_conn *conn, kw_err why, void *arg)
{
    struct kw_redis *redis = arg;
    bool was_up = redis->up;
    (void)conn;
    if (!redis->dropping) {
        redis->head_err = KW_ECLOSED;
        (void)snprintf(redis->why, sizeof redis->why, "%s",
                       kw_err_text(why == KW_OK ? KW_ECLOSED : why));
    }
    redis->conn = NULL;
    redis->up = false;
    redis->greeting = 0;
    kw_reply_reader_free(redis->replies);
    redis->replies = NULL;
    redis->inside++;
    fail_pending(redis);
    if (!redis->closing)
        tell_down(redis, was_up);
    redis->inside--;
    redis->dropping = false;
    if (redis->closing)
        destroy(redis);
    else
        plan_retry(redis);
}

/* --- replies --- */

static void greeted(struct kw_redis *redis, const struct kw_reply *reply)
{
    if (reply->type == KW_REPLY_ERROR) {
        char why[160];
        (void)snprintf(why, sizeof why, "the server refused the greeting: %.*s",
                       (int)(reply->text.len < 100 ? reply->text.len : 100), reply->text.ptr);
        drop(redis, KW_ECLOSED, why);
        return;
    }
    if (--redis->greeting > 0)
        return;
    redis->up = true;
    redis->told[0] = 0;
    redis->backoff_ms = KW_BACKOFF_LEAST_MS;
    if (redis->on_state != NULL)
        redis->on_state(true, "", redis->arg);
}

static void take_reply(struct kw_redis *redis, const struct kw_reply *reply)
{
    if (redis->greeting > 0) {
        greeted(redis, reply);
    } else if (redis->queue_count == 0) {
        drop(redis, KW_ECLOSED, "a reply that nobody asked for");
    } else {
        struct pending pending = take_pending(redis);
        if (pending.on_reply != NULL)
            pending.on_reply(KW_OK, reply, pending.arg);
    }
}

static void on_data(struct kw_conn *conn, const char *bytes, size_t length, void *arg)
{
    struct kw_redis *redis = arg;
    const struct kw_reply *reply;
    (void)conn;
    if (redis->dropping || redis->closing)
        return;
    redis->silent_since_ms = kw_loop_now_ms(redis->loop);
    kw_err err = kw_reply_reader_feed(redis->replies, bytes, length);
    redis->inside++;
    while (err == KW_OK && !redis->dropping && !redis->closing) {
        err = kw_reply_reader_next(redis->replies, &reply);
        if (err == KW_OK) {
            take_reply(redis, reply);
            kw_reply_reader_done(redis->replies);
        }
    }
    redis->inside--;
    if (err != KW_OK && err != KW_EAGAIN)
        drop(redis, err, kw_reply_reader_error(redis->replies));
}

/* --- commands --- */

static kw_err send_command(struct kw_redis *redis, const struct kw_str *args, size_t count)
{
    struct kw_buf *out = &redis->out;
    char number[24];
    kw_err err = KW_OK;
    kw_buf_clear(out);
    for (size_t i = 0; err == KW_OK && i <= count; i++) {
        size_t value = i == 0 ? count : args[i - 1].len;
        number[0] = i == 0 ? '*' : '$';
        size_t length = 1 + kw_i64_to_text((int64_t)value, number + 1);
        number[length++] = '\r';
        number[length++] = '\n';
        err = kw_buf_append(out, number, length);
        if (err == KW_OK && i > 0)
            err = kw_buf_append(out, args[i - 1].ptr, args[i - 1].len);
        if (err == KW_OK && i > 0)
            err = kw_buf_append(out, "\r\n", 2);
    }
    if (err == KW_OK)
        err = kw_conn_write(redis->conn, kw_buf_ptr(out), kw_buf_len(out));
    if (out->capacity > KW_REDIS_KEEP_BYTES)
        kw_buf_free(out);
    return err;
}

static void greet(struct kw_redis *redis, const struct kw_str *args, size_t count)
{
    redis->greeting++;
    if (send_command(redis, args, count) != KW_OK)
        drop(redis, KW_ECLOSED, "the greeting could not be sent");
}

static void on_open(struct kw_conn *conn, void *arg)
{
    struct kw_redis *redis = arg;
    char database[12];
    (void)conn;
    redis->silent_since_ms = kw_loop_now_ms(redis->loop);
    redis->replies = kw_reply_reader_new(redis->reply_limit);
    if (redis->url.password[0] != 0) {
        struct kw_str args[3] = { KW_STR("AUTH"), kw_str_of(redis->url.user),
                                  kw_str_of(redis->url.password) };
        bool has_user = redis->url.user[0] != 0;
        if (!has_user)
            args[1] = args[2];
        greet(redis, args, has_user ? 3 : 2);
    }
    (void)snprintf(database, sizeof database, "%u", redis->url.db);
    struct kw_str select[2] = { KW_STR("SELECT"), kw_str_of(database) };
    greet(redis, select, 2);
    struct kw_str name[3] = { KW_STR("CLIENT"), KW_STR("SETNAME"), kw_str_of(redis->name) };
    greet(redis, name, 3);
    struct kw_str ping[1] = { KW_STR("PING") }; /* refused while the data set is being loaded */
    greet(redis, ping, 1);
}

static void dial(struct kw_redis *redis)
{
    static const struct kw_conn_events events = { on_open, on_data, NULL, on_closed };
    bool is_path = redis->url.path[0] != 0;
    redis->conn =
        kw_conn_dial(redis->loop, is_path ? redis->url.path : redis->url.host, redis->url.port,
                     NULL, NULL, redis->connect_timeout_ms, &events, redis);
    kw_conn_set_queue_limit(redis->conn, KW_REDIS_OUT_BYTES);
}

static void retry(struct kw_timer *timer, void *arg)
{
    struct kw_redis *redis = arg;
    (void)timer;
    kw_metric_add(redis->reconnects, 1);
    dial(redis);
}

/* Replies come in order, so only the oldest command can be late; if it is, the link is not usable. */
static void tick(struct kw_timer *timer, void *arg)
{
    struct kw_redis *redis = arg;
    int64_t silent_ms = kw_loop_now_ms(redis->loop) - redis->silent_since_ms;
    (void)timer;
    if (redis->greeting > 0 && silent_ms > redis->connect_timeout_ms)
        drop(redis, KW_ETIMEOUT, "the greeting got no answer in time");
    else if (redis->queue_count > 0 && silent_ms > redis->queue[redis->queue_head].timeout_ms)
        drop(redis, KW_ETIMEOUT, "a command got no answer in time");
}

/* --- life --- */

kw_err kw_redis_new(struct kw_loop *loop, const struct kw_redis_options *options,
                    void (*on_state)(bool up, const char *why, void *arg), void *arg,
                    struct kw_redis **out, char *error, size_t error_size)
{
    struct kw_redis *redis = kw_zalloc(sizeof *redis);
    kw_err err = kw_redis_url_parse(options->url, &redis->url, error, error_size);
    if (err != KW_OK) {
        kw_free(redis);
        return err;
    }
    redis->loop = loop;
    redis->on_state = on_state;
    redis->arg = arg;
    redis->connect_timeout_ms =
        options->connect_timeout_ms > 0 ? options->connect_timeout_ms : KW_CONNECT_MS;
    redis->command_timeout_ms =
        options->command_timeout_ms > 0 ? options->command_timeout_ms : KW_COMMAND_MS;
    redis->max_pending = options->max_pending > 0 ? options->max_pending : KW_PENDING_MAX;
    redis->reply_limit =
        options->reply_limit_bytes > 0 ? options->reply_limit_bytes : KW_REDIS_REPLY_BYTES;
    redis->backoff_ms = KW_BACKOFF_LEAST_MS;
    kw_buf_init(&redis->out, KW_REDIS_OUT_BYTES);
    (void)snprintf(redis->name, sizeof redis->name, "%s",
                   options->name != NULL ? options->name : "kilowatch");
    redis->commands = kw_metrics_counter(options->metrics, "kw_redis_commands_total", "",
                                         "Commands sent to Redis.");
    redis->reconnects = kw_metrics_counter(options->metrics, "kw_redis_reconnects_total", "",
                                           "Attempts to reach Redis again.");
    redis->retry = kw_timer_new(loop, retry, redis);
    redis->tick = kw_timer_new(loop, tick, redis);
    kw_timer_start(redis->tick, KW_TICK_MS, KW_TICK_MS);
    dial(redis);
    *out = redis;
    return KW_OK;
}

void kw_redis_close(struct kw_redis *redis)
{
    if (redis == NULL)
        return;
    KW_ASSERT(!redis->closing);
    redis->closing = true;
    kw_timer_close(redis->retry);
    kw_timer_close(redis->tick);
    if (redis->conn != NULL)
        kw_conn_close(redis->conn); /* the rest in on_closed() */
    else if (redis->inside == 0)
        destroy(redis); /* between two attempts: nothing is pending */
}

bool kw_redis_up(const struct kw_redis *redis)
{
    return redis->up && !redis->dropping && !redis->closing;
}

static kw_err admit(const struct kw_redis *redis)
{
    if (!kw_redis_up(redis))
        return KW_ECLOSED;
    return redis->queue_count < redis->max_pending ? KW_OK : KW_EFULL;
}

static void sent(struct kw_redis *redis, struct pending pending)
{
    if (redis->queue_count == 0)
        redis->silent_since_ms = kw_loop_now_ms(redis->loop);
    kw_metric_add(redis->commands, 1);
    add_pending(redis, pending);
}

kw_err kw_redis_command_within(struct kw_redis *redis, const struct kw_str *args, size_t count,
                               int64_t timeout_ms, kw_redis_on_reply *on_reply, void *arg)
{
    kw_err err = admit(redis);
    if (err == KW_OK)
        err = send_command(redis, args, count);
    if (err == KW_OK)
        sent(redis, (struct pending){ on_reply, arg, timeout_ms });
    return err;
}

kw_err kw_redis_command(struct kw_redis *redis, const struct kw_str *args, size_t count,
                        kw_redis_on_reply *on_reply, void *arg)
{
    return kw_redis_command_within(redis, args, count, redis->command_timeout_ms, on_reply, arg);
}

kw_err kw_redis_command_encoded(struct kw_redis *redis, struct kw_str command,
                                kw_redis_on_reply *on_reply, void *arg)
{
    kw_err err = admit(redis);
    if (err == KW_OK)
        err = kw_conn_write(redis->conn, command.ptr, command.len);
    if (err == KW_OK)
        sent(redis, (struct pending){ on_reply, arg, redis->command_timeout_ms });
    return err;
}

unsigned kw_redis_pending(const struct kw_redis *redis)
{
    return (unsigned)redis->queue_count;
}
