/* samples.h - Reading tests/wire/NAME.json, the samples that the tests of the page read too.
 *
 * A sample is looked up by key; texts and arrays come as slices of the file, so nothing here needs to
 * be freed. A file or key that is not there fails the test. */
#ifndef KW_TESTS_SAMPLES_H
#define KW_TESTS_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define SAMPLES_BYTES 65536

/* The file without the space between its values; `text` is the caller's and must outlive the slices. */
static inline struct kw_str samples_read(const char *name, char text[SAMPLES_BYTES])
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/tests/wire/%s.json", KW_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("no %s", path);
    size_t length = fread(text, 1, SAMPLES_BYTES, file), kept = 0;
    bool in_string = false, escaped = false;
    fclose(file);
    assert_true(length > 0 && length < SAMPLES_BYTES);
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '"' && !escaped)
            in_string = !in_string;
        escaped = in_string && c == '\\' && !escaped;
        if (in_string || (c != ' ' && c != '\n'))
            text[kept++] = c;
    }
    return kw_str_n(text, kept);
}

/* The value of a key of an object as it stands there; empty when there is no such key. */
static inline struct kw_str samples_maybe(struct kw_str object, const char *key)
{
    struct kw_json json;
    struct kw_str raw = KW_STR(""), found = KW_STR("");
    kw_json_init(&json, object);
    assert_int_equal(kw_json_next(&json), KW_JSON_OBJECT);
    while (found.len == 0 && kw_json_next(&json) == KW_JSON_KEY) {
        bool wanted = kw_str_eqc(json.text, key);
        assert_int_equal(kw_json_skip(&json, kw_json_next(&json), &raw), KW_OK);
        if (wanted)
            found = raw;
    }
    kw_json_free(&json);
    return found;
}

static inline struct kw_str samples_member(struct kw_str object, const char *key)
{
    struct kw_str found = samples_maybe(object, key);
    if (found.len == 0)
        fail_msg("no '%s' in the samples", key);
    return found;
}

/* Calls back with each value of an array; returns how many there were. */
static inline size_t samples_each(struct kw_str array, void (*each)(struct kw_str value, void *arg),
                                  void *arg)
{
    struct kw_json json;
    size_t count = 0;
    enum kw_json_event event;
    kw_json_init(&json, array);
    assert_int_equal(kw_json_next(&json), KW_JSON_ARRAY);
    while ((event = kw_json_next(&json)) != KW_JSON_ARRAY_END) {
        struct kw_str raw;
        assert_int_not_equal(event, KW_JSON_ERROR);
        assert_int_equal(kw_json_skip(&json, event, &raw), KW_OK);
        each(raw, arg);
        count++;
    }
    kw_json_free(&json);
    return count;
}

/* A JSON string without quotes and escapes, copied to `out`. */
static inline struct kw_str samples_text(struct kw_str raw, char *out, size_t size)
{
    struct kw_json json;
    kw_json_init(&json, raw);
    assert_int_equal(kw_json_next(&json), KW_JSON_STRING);
    assert_int_equal(kw_str_copy(json.text, out, size), KW_OK);
    kw_json_free(&json);
    return kw_str_of(out);
}

static inline int64_t samples_integer(struct kw_str raw)
{
    struct kw_json json;
    kw_json_init(&json, raw);
    assert_int_equal(kw_json_next(&json), KW_JSON_INT);
    int64_t value = json.i64;
    kw_json_free(&json);
    return value;
}

#endif
