/* log.c - Builds a line in a stack buffer and writes it at once. */
#include "base/log.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

static _Atomic int log_fd = 2;
static _Atomic int log_least = KW_LOG_INFO;

/* As process-wide as standard error, which it stands for. */
static void (*log_sink)(const char *line, size_t length, void *arg);
static void *log_sink_arg;

void kw_log_sink(void (*sink)(const char *line, size_t length, void *arg), void *arg)
{
    log_sink_arg = arg;
    log_sink = sink;
}

void kw_log_setup(enum kw_log_level least, int fd)
{
    atomic_store(&log_least, (int)least);
    atomic_store(&log_fd, fd);
}

void kw_log_fields(enum kw_log_level level, const char *area, const char *text,
                   const struct kw_log_field *fields, size_t count)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };
    struct kw_buf line;
    struct kw_json_out json;
    if ((int)level < atomic_load_explicit(&log_least, memory_order_relaxed))
        return;
    kw_buf_init(&line, KW_LOG_LINE_BYTES);
    kw_json_out_init(&json, &line);
    kw_json_obj(&json);
    kw_json_key(&json, "at");
    kw_json_at_ms(&json, kw_now_ms());
    KW_JSON_KV(str, &json, "level", kw_str_of(names[level]));
    KW_JSON_KV(str, &json, "area", kw_str_of(area));
    KW_JSON_KV(str, &json, "text", kw_str_of(text));
    for (size_t i = 0; i < count; i++) {
        struct kw_str value = fields[i].text;
        if (fields[i].kind == KW_FIELD_INT) {
            KW_JSON_KV(i64, &json, fields[i].key, fields[i].number);
        } else {
            size_t room =
                KW_LOG_LINE_BYTES / 6 / (count > 0 ? count : 1); /* worst case of escaping */
            bool cut = value.len > room;
            KW_JSON_KV(str, &json, fields[i].key, kw_str_n(value.ptr, cut ? room : value.len));
            if (cut)
                KW_JSON_KV(bool, &json, "cut", true);
        }
    }
    kw_json_obj_end(&json);
    if (json.err == KW_OK && log_sink != NULL) {
        log_sink(kw_buf_ptr(&line), kw_buf_len(&line), log_sink_arg);
    } else if (json.err == KW_OK && kw_buf_append(&line, "\n", 1) == KW_OK) {
        ssize_t written = write(atomic_load(&log_fd), kw_buf_ptr(&line), kw_buf_len(&line));
        (void)written; /* nowhere to complain */
    }
    kw_buf_free(&line);
}
