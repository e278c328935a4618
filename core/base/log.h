/* log.h - Structured log: one JSON object a line on a file descriptor.
 *
 * {"at":"...","level":"warn","area":"gateway","text":"station refused","station":"EV-1",...}
 * Values are escaped, so a peer cannot forge a line. Never pass a secret. Thread-safe: a line is
 * one write(). At most KW_LOG_LINE_BYTES a line (cut, with "cut":true). */
#ifndef KW_BASE_LOG_H
#define KW_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define KW_LOG_LINE_BYTES 8192

enum kw_log_level { KW_LOG_DEBUG, KW_LOG_INFO, KW_LOG_WARN, KW_LOG_ERROR };

struct kw_log_field {
    const char *key;
    enum { KW_FIELD_TEXT, KW_FIELD_INT } kind;
    struct kw_str text;
    int64_t number;
};
#define KW_LT(key_, str_) \
    { \
        (key_), KW_FIELD_TEXT, (str_), 0 \
    }
#define KW_LC(key_, cstr_) \
    { \
        (key_), KW_FIELD_TEXT, kw_str_of(cstr_), 0 \
    }
#define KW_LI(key_, number_) \
    { \
        (key_), KW_FIELD_INT, { NULL, 0 }, (int64_t)(number_) \
    }

/* Process-wide by nature (stderr is): level and descriptor are set once at start. */
void kw_log_setup(enum kw_log_level least, int fd);
/* Each line (without its line end) goes to `sink` instead, on the thread that logs; NULL: the descriptor again.
 * Set while nobody logs. */
void kw_log_sink(void (*sink)(const char *line, size_t length, void *arg), void *arg);
void kw_log_fields(enum kw_log_level level, const char *area, const char *text,
                   const struct kw_log_field *fields, size_t count);

/* KW_LOG(KW_LOG_WARN, "gateway", "station refused", KW_LT("station", id), KW_LI("status", 401)); */
#define KW_LOG(level, area, text, ...) \
    kw_log_fields((level), (area), (text), \
                  (const struct kw_log_field[]){ { 0 }, ##__VA_ARGS__ } + 1, \
                  sizeof((const struct kw_log_field[]){ { 0 }, ##__VA_ARGS__ }) / \
                          sizeof(struct kw_log_field) - \
                      1)

#endif
