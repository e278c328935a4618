/* ocpp_frame.c - Cuts an OCPP-J array with the pull parser; the payload is skipped, so it is checked. */
#include "proto/ocpp_frame.h"

#include <stddef.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"

struct cutter {
    struct kw_json json;
    struct kw_ocpp_frame *frame;
    struct kw_ocpp_fault *fault;
    size_t text_used;
};

static kw_err wrong(struct cutter *cutter, const char *slug, const char *text)
{
    cutter->fault->slug = slug;
    cutter->fault->text = text;
    cutter->fault->at = cutter->json.start_at;
    return KW_EPROTO;
}

/* Copies a string into the frame's own text (escapes are decoded there). */
static bool keep(struct cutter *cutter, struct kw_str value, size_t limit, struct kw_str *out)
{
    struct kw_ocpp_frame *frame = cutter->frame;
    if (value.len > limit || value.len > sizeof frame->text - cutter->text_used)
        return false;
    memcpy(frame->text + cutter->text_used, value.ptr, value.len);
    *out = kw_str_n(frame->text + cutter->text_used, value.len);
    cutter->text_used += value.len;
    return true;
}

static kw_err take_id(struct cutter *cutter)
{
    struct kw_ocpp_frame *frame = cutter->frame;
    enum kw_json_event event = kw_json_next(&cutter->json);
    struct kw_str id = cutter->json.text;
    if (event == KW_JSON_INT) /* some stations number their messages */
        id = kw_str_n(cutter->json.input.ptr + cutter->json.start_at,
                      cutter->json.at - cutter->json.start_at);
    else if (event == KW_JSON_ERROR)
        return wrong(cutter, "bad-json", cutter->json.error_text);
    else if (event != KW_JSON_STRING)
        return wrong(cutter, "bad-id", "the message id is not a string");
    if (id.len == 0 || !keep(cutter, id, KW_MESSAGE_ID_BYTES, &frame->id))
        return wrong(cutter, "bad-id", "the message id is empty or longer than 36 characters");
    cutter->fault->has_id = true;
    return KW_OK;
}

static kw_err take_text(struct cutter *cutter, size_t limit, struct kw_str *out)
{
    enum kw_json_event event = kw_json_next(&cutter->json);
    if (event == KW_JSON_ERROR)
        return wrong(cutter, "bad-json", cutter->json.error_text);
    if (event != KW_JSON_STRING)
        return wrong(cutter, "bad-payload", "a string is expected");
    struct kw_str text = cutter->json.text;
    if (text.len > limit)
        text.len = limit;
    while (text.len > 0 && !kw_utf8_valid(text.ptr, text.len))
        text.len--;
    return keep(cutter, text, limit, out) ? KW_OK
                                          : wrong(cutter, "bad-payload", "a string is too long");
}

static kw_err take_payload(struct cutter *cutter)
{
    enum kw_json_event event = kw_json_next(&cutter->json);
    if (event == KW_JSON_ARRAY_END && cutter->frame->kind == KW_OCPP_ERROR) {
        cutter->frame->payload = KW_STR("{}");
        return KW_OK;
    }
    if (event == KW_JSON_ERROR)
        return wrong(cutter, "bad-json", cutter->json.error_text);
    if (event != KW_JSON_OBJECT && cutter->frame->kind != KW_OCPP_ERROR)
        return wrong(cutter, "bad-payload", "the payload is not an object");
    if (kw_json_skip(&cutter->json, event, &cutter->frame->payload) != KW_OK)
        return wrong(cutter, "bad-json", cutter->json.error_text);
    while ((event = kw_json_next(&cutter->json)) !=
           KW_JSON_ARRAY_END) { /* extra elements are ignored */
        if (event == KW_JSON_ERROR || kw_json_skip(&cutter->json, event, NULL) != KW_OK)
            return wrong(cutter, "bad-json", cutter->json.error_text);
    }
    return kw_json_next(&cutter->json) == KW_JSON_END
               ? KW_OK
               : wrong(cutter, "bad-json", "text after the frame");
}

static kw_err run(struct cutter *cutter)
{
    struct kw_ocpp_frame *frame = cutter->frame;
    enum kw_json_event event = kw_json_next(&cutter->json);
    if (event == KW_JSON_ERROR)
        return wrong(cutter, "bad-json", cutter->json.error_text);
    if (event != KW_JSON_ARRAY)
        return wrong(cutter, "not-array", "the frame is not a JSON array");
    event = kw_json_next(&cutter->json);
    if (event == KW_JSON_ERROR)
        return wrong(cutter, "bad-json", cutter->json.error_text);
    if (event != KW_JSON_INT)
        return wrong(cutter, "bad-type", "the message type is not a number");
    int64_t kind = cutter->json.i64;
    kw_err err = take_id(cutter);
    if (err != KW_OK)
        return err;
    if (kind < KW_OCPP_CALL || kind > KW_OCPP_ERROR) {
        (void)wrong(cutter, "bad-type", "an unknown message type");
        return KW_EUNSUPPORTED;
    }
    frame->kind = (enum kw_ocpp_kind)kind;
    if (frame->kind != KW_OCPP_RESULT)
        err = take_text(cutter, 64, &frame->action);
    if (err == KW_OK && frame->kind == KW_OCPP_ERROR)
        err = take_text(cutter, 120, &frame->description);
    return err == KW_OK ? take_payload(cutter) : err;
}

kw_err kw_ocpp_frame_parse(struct kw_str input, struct kw_ocpp_frame *frame,
                           struct kw_ocpp_fault *fault)
{
    struct cutter cutter = { .frame = frame, .fault = fault };
    memset(frame, 0, offsetof(struct kw_ocpp_frame, text));
    *fault = (struct kw_ocpp_fault){ NULL, NULL, 0, false };
    kw_json_init(&cutter.json, input);
    kw_err err = run(&cutter);
    if (fault->slug != NULL && strcmp(fault->slug, "bad-json") == 0)
        fault->at = cutter.json.error_at;
    kw_json_free(&cutter.json);
    return err;
}

static void begin(struct kw_json_out *json, struct kw_buf *out, int kind, struct kw_str id)
{
    kw_json_out_init(json, out);
    kw_json_arr(json);
    kw_json_i64(json, kind);
    kw_json_str(json, id);
}

kw_err kw_ocpp_call(struct kw_buf *out, struct kw_str id, struct kw_str action,
                    struct kw_str payload)
{
    struct kw_json_out json;
    begin(&json, out, KW_OCPP_CALL, id);
    kw_json_str(&json, action);
    kw_json_raw(&json, payload);
    kw_json_arr_end(&json);
    return json.err;
}

kw_err kw_ocpp_result(struct kw_buf *out, struct kw_str id, struct kw_str payload)
{
    struct kw_json_out json;
    begin(&json, out, KW_OCPP_RESULT, id);
    kw_json_raw(&json, payload);
    kw_json_arr_end(&json);
    return json.err;
}

kw_err kw_ocpp_error(struct kw_buf *out, struct kw_str id, const char *code,
                     const char *description)
{
    struct kw_json_out json;
    begin(&json, out, KW_OCPP_ERROR, id);
    kw_json_str(&json, kw_str_of(code));
    kw_json_str(&json, kw_str_of(description));
    kw_json_obj(&json);
    kw_json_obj_end(&json);
    kw_json_arr_end(&json);
    return json.err;
}
