/* base_json_fuzz.c - What the parser takes, the writer writes back, and it reads the same again. */
#include "fuzz.h"

#include "base/json.h"

/* Copy every event of `json` to the writer; the digest of what was read. */
static bool copy(struct kw_json *json, struct kw_json_out *out, uint64_t *value)
{
    struct digest digest = { 1469598103934665603u };
    for (;;) {
        enum kw_json_event event = kw_json_next(json);
        digest_number(&digest, event);
        MUST(json->at <= json->input.len && json->depth <= KW_JSON_DEPTH_MAX);
        switch (event) {
        case KW_JSON_END:
            *value = digest.value;
            return true;
        case KW_JSON_ERROR:
            MUST(json->error_text != NULL && json->error_at <= json->input.len);
            MUST(kw_json_next(json) == KW_JSON_ERROR);
            return false;
        case KW_JSON_NULL:
            kw_json_null(out);
            break;
        case KW_JSON_TRUE:
        case KW_JSON_FALSE:
            kw_json_bool(out, event == KW_JSON_TRUE);
            break;
        case KW_JSON_INT:
            digest_number(&digest, (uint64_t)json->i64);
            kw_json_i64(out, json->i64);
            break;
        case KW_JSON_NUMBER:
            MUST(json->f64 == json->f64);
            kw_json_f64(out, json->f64);
            break;
        case KW_JSON_STRING:
        case KW_JSON_KEY:
            MUST(kw_utf8_valid(json->text.ptr, json->text.len));
            digest_add(&digest, json->text.ptr, json->text.len);
            if (event == KW_JSON_KEY)
                kw_json_key_str(out, json->text);
            else
                kw_json_str(out, json->text);
            break;
        case KW_JSON_ARRAY:
            kw_json_arr(out);
            break;
        case KW_JSON_ARRAY_END:
            kw_json_arr_end(out);
            break;
        case KW_JSON_OBJECT:
            kw_json_obj(out);
            break;
        case KW_JSON_OBJECT_END:
            kw_json_obj_end(out);
            break;
        }
    }
}

/* A number such as 1e2 comes back as 100 and is an integer then: such digests are not compared. */
static bool has_fraction(const uint8_t *data, size_t size)
{
    return memchr(data, '.', size) != NULL || memchr(data, 'e', size) != NULL ||
           memchr(data, 'E', size) != NULL;
}

static bool has_long_number(const uint8_t *data, size_t size)
{
    size_t run = 0;
    for (size_t i = 0; i < size; i++) {
        run = data[i] >= '0' && data[i] <= '9' ? run + 1 : 0;
        if (run > 18)
            return true;
    }
    return false;
}

static void check_skip(const char *bytes, size_t size)
{
    struct kw_json json;
    struct kw_str raw;
    kw_json_init(&json, kw_str_n(bytes, size));
    if (kw_json_skip(&json, kw_json_next(&json), &raw) == KW_OK)
        MUST(raw.ptr >= bytes && raw.len <= size && raw.ptr + raw.len <= bytes + size);
    kw_json_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kw_json json;
    struct kw_json_out out;
    struct kw_buf text, again;
    uint64_t first, second;
    char *bytes = exact_copy(data, size);
    kw_buf_init(&text, 64u << 20);
    kw_buf_init(&again, 64u << 20);
    kw_json_init(&json, kw_str_n(bytes, size));
    kw_json_out_init(&out, &text);
    bool taken = copy(&json, &out, &first);
    kw_json_free(&json);
    if (taken) {
        MUST(out.err == KW_OK);
        kw_json_init(&json, kw_buf_str(&text));
        kw_json_out_init(&out, &again);
        MUST(copy(&json, &out, &second));
        kw_json_free(&json);
        if (!has_fraction(data, size) && !has_long_number(data, size))
            MUST(first == second);
        MUST(kw_str_eq(kw_buf_str(&text), kw_buf_str(&again)));
    }
    check_skip(bytes, size);
    kw_buf_free(&text);
    kw_buf_free(&again);
    free(bytes);
    return 0;
}
