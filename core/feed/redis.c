/* redis.c - Commands out, replies in order, one arena for the reply being read. */
#include "feed/redis.h"

#include <stdio.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/conn.h"

#define KW_REDIS_PORT 6379
#define KW_CONNECT_MS 3000
#define KW_COMMAND_MS 5000
#define KW_PENDING_MAX 100000
#define KW_BACKOFF_LEAST_MS 200
#define KW_BACKOFF_MOST_MS 5000
#define KW_TICK_MS 200
#define KW_ARENA_CHUNK_BYTES 65536
#define KW_REDIS_OUT_BYTES (64u * 1024 * 1024)
#define KW_REDIS_ITEMS_MAX 1000000 /* elements of one array */

struct chunk {
    struct chunk *next;
    size_t used, size;
    char bytes[];
};

struct pending {
    kw_redis_on_reply *on_reply;
    void *arg;
    int64_t deadline_ms;
};

struct kw_redis {
    struct kw_loop *loop;
    struct kw_conn *conn; /* NULL: down */
    redisReader *reader;
    struct chunk *arena;
    struct kw_timer *retry, *tick;
    struct pending *queue; /* ring */
    size_t queue_size, queue_head, queue_count;
    unsigned max_pending;
    int64_t connect_timeout_ms, command_timeout_ms, backoff_ms;
    char host[256], user[64], password[256], name[64];
    uint16_t port;
    int database;
    unsigned greeting; /* replies of the greeting still to come */
    bool up, closing;
    void (*on_state)(bool up, const char *why, void *arg);
    void *arg;
    char why[160];
    struct kw_metric *commands, *reconnects;
};

/* --- arena replies --- */

static void *arena_take(struct kw_redis *redis, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    struct chunk *chunk = redis->arena;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t room = size > KW_ARENA_CHUNK_BYTES ? size : KW_ARENA_CHUNK_BYTES;
        chunk = kw_try_alloc(sizeof *chunk + room);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct chunk){ redis->arena, 0, room };
        redis->arena = chunk;
    }
    void *ptr = chunk->bytes + chunk->used;
    chunk->used += size;
    return ptr;
}

static void arena_reset(struct kw_redis *redis, bool all)
{
    while (redis->arena != NULL &&
           (all || redis->arena->next != NULL || redis->arena->size > KW_ARENA_CHUNK_BYTES)) {
        struct chunk *chunk = redis->arena;
        redis->arena = chunk->next;
        kw_free(chunk);
    }
    if (redis->arena != NULL)
        redis->arena->used = 0;
}

static struct kw_reply *make(const redisReadTask *task, enum kw_reply_type type)
{
    struct kw_redis *redis = task->privdata;
    struct kw_reply *reply = arena_take(redis, sizeof *reply);
    if (reply == NULL)
        return NULL;
    *reply = (struct kw_reply){ .type = type };
    if (task->parent != NULL)
        ((struct kw_reply *)task->parent->obj)->items[task->idx] = reply;
    return reply;
}

static void *make_string(const redisReadTask *task, char *text, size_t length)
{
    enum kw_reply_type type = task->type == REDIS_REPLY_ERROR    ? KW_REPLY_ERROR
                              : task->type == REDIS_REPLY_STATUS ? KW_REPLY_STATUS
                                                                 : KW_REPLY_TEXT;
    struct kw_reply *reply = make(task, type);
    char *copy = reply != NULL ? arena_take(task->privdata, length + 1) : NULL;
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = 0;
    reply->text = kw_str_n(copy, length);
    return reply;
}

static void *make_array_sized(const redisReadTask *task, size_t count)
{
    struct kw_reply *reply = count <= KW_REDIS_ITEMS_MAX ? make(task, KW_REPLY_ARRAY) : NULL;
    if (reply == NULL)
        return NULL;
    reply->items = arena_take(task->privdata, (count > 0 ? count : 1) * sizeof *reply->items);
    reply->count = count;
    return reply->items != NULL ? reply : NULL;
}

#if HIREDIS_MAJOR >= 1
static void *make_array(const redisReadTask *task, size_t count)
{
    return make_array_sized(task, count);
}
#else
static void *make_array(const redisReadTask *task, int count)
{
    return make_array_sized(task, (size_t)count);
}
#endif

static void *make_integer(const redisReadTask *task, long long value)
{
    struct kw_reply *reply = make(task, KW_REPLY_INT);
    if (reply != NULL)
        reply->number = value;
    return reply;
}

static void *make_nil(const redisReadTask *task)
{
    return make(task, KW_REPLY_NIL);
}

static void forget(void *reply)
{
    (void)reply; /* the arena's */
}

static redisReplyObjectFunctions arena_functions = { .createString = make_string,
                                                     .createArray = make_array,
                                                     .createInteger = make_integer,
                                                     .createNil = make_nil,
                                                     .freeObject = forget };

/* --- link --- */

static void dial(struct kw_redis *redis);

static void destroy(struct kw_redis *redis)
{
    if (redis->reader != NULL)
        redisReaderFree(redis->reader);
    arena_reset(redis, true);
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

static void fail_pending(struct kw_redis *redis, kw_err err)
{
    size_t count = redis->queue_count; /* callbacks cannot add: the link is down */
    for (size_t i = 0; i < count; i++) {
        struct pending pending = take_pending(redis);
        if (pending.on_reply != NULL)
            pending.on_reply(err, NULL, pending.arg);
    }
}

static void went_down(struct kw_redis *redis, kw_err err)
{
    bool was_up = redis->up;
    redis->up = false;
    redis->greeting = 0;
    if (redis->reader != NULL)
        redisReaderFree(redis->reader);
    redis->reader = NULL;
    arena_reset(redis, false);
    fail_pending(redis, redis->closing ? KW_ECANCELLED : err);
    if (redis->closing) {
        destroy(redis);
        return;
    }
    if (was_up) {
        KW_LOG(KW_LOG_WARN, "redis", "connection lost", KW_LC("link", redis->name),
               KW_LC("why", redis->why));
        redis->on_state(false, redis->why, redis->arg);
    }
    int64_t jitter = kw_loop_now_ms(redis->loop) % (redis->backoff_ms / 2 + 1);
    kw_timer_start(redis->retry, redis->backoff_ms / 2 + jitter, 0);
    redis->backoff_ms =
        redis->backoff_ms * 2 > KW_BACKOFF_MOST_MS ? KW_BACKOFF_MOST_MS : redis->backoff_ms * 2;
}

static void drop(struct kw_redis *redis, const char *why)
{
    (void)snprintf(redis->why, sizeof redis->why, "%s", why);
    if (redis->conn != NULL)
        kw_conn_close(redis->conn);
}

static void greeted(struct kw_redis *redis, const struct kw_reply *reply)
{
    if (reply->type == KW_REPLY_ERROR) {
        KW_LOG(KW_LOG_ERROR, "redis",
               "the server refused the greeting; check user, password and database number",
               KW_LT("error", reply->text));
        drop(redis, "refused by the server");
        return;
    }
    if (--redis->greeting > 0)
        return;
    redis->up = true;
    redis->backoff_ms = KW_BACKOFF_LEAST_MS;
    redis->on_state(true, "", redis->arg);
}

static void on_data(struct kw_conn *conn, const char *bytes, size_t length, void *arg)
{
    struct kw_redis *redis = arg;
    void *object = NULL;
    (void)conn;
    if (redisReaderFeed(redis->reader, bytes, length) != REDIS_OK) {
        drop(redis, redis->reader->errstr);
        return;
    }
    while (redis->conn != NULL && !redis->closing) {
        if (redisReaderGetReply(redis->reader, &object) != REDIS_OK) {
            drop(redis, redis->reader->errstr);
            return;
        }
        if (object == NULL)
            return;
        if (redis->greeting > 0) {
            greeted(redis, object);
        } else if (redis->queue_count == 0) {
            drop(redis, "a reply that nobody asked for");
            return;
        } else {
            struct pending pending = take_pending(redis);
            if (pending.on_reply != NULL)
                pending.on_reply(KW_OK, object, pending.arg);
        }
        arena_reset(redis, false);
    }
}

static void on_closed(struct kw_conn *conn, kw_err why, void *arg)
{
    struct kw_redis *redis = arg;
    (void)conn;
    redis->conn = NULL;
    if (why != KW_OK || redis->why[0] == 0)
        (void)snprintf(redis->why, sizeof redis->why, "%s",
                       kw_err_text(why == KW_OK ? KW_ECLOSED : why));
    went_down(redis, why == KW_OK ? KW_ECLOSED : why);
}

static kw_err send_command(struct kw_redis *redis, const struct kw_str *args, size_t count)
{
    struct kw_buf out;
    char number[24];
    kw_buf_init(&out, KW_REDIS_OUT_BYTES);
    kw_err err = KW_OK;
    for (size_t i = 0; err == KW_OK && i <= count; i++) {
        size_t value = i == 0 ? count : args[i - 1].len;
        number[0] = i == 0 ? '*' : '$';
        size_t length = 1 + kw_i64_to_text((int64_t)value, number + 1);
        err = kw_buf_append(&out, number, length);
        if (err == KW_OK)
            err = kw_buf_append(&out, "\r\n", 2);
        if (err == KW_OK && i > 0)
            err = kw_buf_append(&out, args[i - 1].ptr, args[i - 1].len);
        if (err == KW_OK && i > 0)
            err = kw_buf_append(&out, "\r\n", 2);
    }
    if (err == KW_OK)
        err = kw_conn_write(redis->conn, kw_buf_ptr(&out), kw_buf_len(&out));
    kw_buf_free(&out);
    return err;
}

static void greet(struct kw_redis *redis, const struct kw_str *args, size_t count)
{
    redis->greeting++;
    if (send_command(redis, args, count) != KW_OK)
        drop(redis, "the greeting could not be sent");
}

static void on_open(struct kw_conn *conn, void *arg)
{
    struct kw_redis *redis = arg;
    char database[12];
    (void)conn;
    redis->why[0] = 0;
    redis->reader = redisReaderCreateWithFunctions(&arena_functions);
    KW_ASSERT(redis->reader != NULL);
    redis->reader->privdata = redis;
    if (redis->password[0] != 0) {
        struct kw_str args[3] = { KW_STR("AUTH"), kw_str_of(redis->user),
                                  kw_str_of(redis->password) };
        if (redis->user[0] == 0)
            args[1] = args[2];
        greet(redis, args, redis->user[0] == 0 ? 2 : 3);
    }
    (void)snprintf(database, sizeof database, "%d", redis->database);
    struct kw_str select[2] = { KW_STR("SELECT"), kw_str_of(database) };
    greet(redis, select, 2);
    struct kw_str name[3] = { KW_STR("CLIENT"), KW_STR("SETNAME"), kw_str_of(redis->name) };
    greet(redis, name, 3);
}

static void dial(struct kw_redis *redis)
{
    static const struct kw_conn_events events = { on_open, on_data, NULL, on_closed };
    redis->conn = kw_conn_dial(redis->loop, redis->host, redis->port, NULL, NULL,
                               redis->connect_timeout_ms, &events, redis);
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
    (void)timer;
    if (redis->queue_count > 0 &&
        redis->queue[redis->queue_head].deadline_ms < kw_loop_now_ms(redis->loop))
        drop(redis, "a command got no answer in time");
}

static kw_err parse_url(struct kw_redis *redis, const char *url, char *error, size_t error_size)
{
    struct kw_str rest = kw_str_of(url), host, port, database, user;
    int64_t number = KW_REDIS_PORT;
    if (kw_str_starts(rest, KW_STR("rediss://"))) {
        (void)snprintf(error, error_size,
                       "rediss:// needs hiredis with TLS, which this build lacks; use a tunnel or "
                       "redis:// on a private network");
        return KW_EUNSUPPORTED;
    }
    if (!kw_str_starts(rest, KW_STR("redis://")))
        goto bad;
    rest = kw_str_n(rest.ptr + 8, rest.len - 8);
    const char *at = rest.len > 0 ? memrchr(rest.ptr, '@', rest.len) : NULL;
    if (at != NULL) {
        struct kw_str login = kw_str_n(rest.ptr, (size_t)(at - rest.ptr)), password;
        user = kw_str_cut(login, ':', &password);
        rest = kw_str_n(at + 1, rest.len - login.len - 1);
        if (kw_str_copy(user, redis->user, sizeof redis->user) != KW_OK ||
            kw_str_copy(password, redis->password, sizeof redis->password) != KW_OK)
            goto bad;
    }
    rest = kw_str_cut(rest, '/', &database);
    host = kw_str_cut(rest, ':', &port);
    if (host.len == 0 || kw_str_copy(host, redis->host, sizeof redis->host) != KW_OK ||
        (port.len > 0 && (kw_str_to_i64(port, &number) != KW_OK || number < 1 || number > 65535)))
        goto bad;
    redis->port = (uint16_t)number;
    number = 0;
    if (database.len > 0 &&
        (kw_str_to_i64(database, &number) != KW_OK || number < 0 || number > 1023))
        goto bad;
    redis->database = (int)number;
    return KW_OK;
bad:
    (void)snprintf(error, error_size,
                   "the Redis address must read redis://[user:password@]host[:port][/database]");
    return KW_EINVALID;
}

kw_err kw_redis_new(struct kw_loop *loop, const struct kw_redis_options *options,
                    void (*on_state)(bool up, const char *why, void *arg), void *arg,
                    struct kw_redis **out, char *error, size_t error_size)
{
    struct kw_redis *redis = kw_zalloc(sizeof *redis);
    kw_err err = parse_url(redis, options->url, error, error_size);
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
    redis->backoff_ms = KW_BACKOFF_LEAST_MS;
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
    redis->closing = true;
    kw_timer_close(redis->retry);
    kw_timer_close(redis->tick);
    if (redis->conn != NULL) {
        kw_conn_close(redis->conn);
        return;
    }
    /* Between attempts: nothing is pending, and nobody is inside a callback of ours. */
    destroy(redis);
}

bool kw_redis_up(const struct kw_redis *redis)
{
    return redis->up;
}

kw_err kw_redis_command_within(struct kw_redis *redis, const struct kw_str *args, size_t count,
                               int64_t timeout_ms, kw_redis_on_reply *on_reply, void *arg)
{
    if (!redis->up || redis->conn == NULL || redis->closing)
        return KW_ECLOSED;
    if (redis->queue_count >= redis->max_pending)
        return KW_EBUSY;
    kw_err err = send_command(redis, args, count);
    if (err != KW_OK)
        return err;
    kw_metric_add(redis->commands, 1);
    add_pending(redis, (struct pending){ on_reply, arg, kw_loop_now_ms(redis->loop) + timeout_ms });
    return KW_OK;
}

kw_err kw_redis_command(struct kw_redis *redis, const struct kw_str *args, size_t count,
                        kw_redis_on_reply *on_reply, void *arg)
{
    return kw_redis_command_within(redis, args, count, redis->command_timeout_ms, on_reply, arg);
}

unsigned kw_redis_pending(const struct kw_redis *redis)
{
    return (unsigned)redis->queue_count;
}
