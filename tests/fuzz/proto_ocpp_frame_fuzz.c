/* proto_ocpp_frame_fuzz.c - A frame that is taken can be written again and is read as the same. */
#include "fuzz.h"

#include "base/json.h"
#include "base/limits.h"
#include "proto/ocpp_frame.h"

static void check_json(struct kw_str text)
{
    struct kw_json json;
    enum kw_json_event event;
    kw_json_init(&json, text);
    while ((event = kw_json_next(&json)) != KW_JSON_END)
        MUST(event != KW_JSON_ERROR);
    kw_json_free(&json);
}

static void write_again(const struct kw_ocpp_frame *frame)
{
    struct kw_ocpp_frame again;
    struct kw_ocpp_fault fault;
    struct kw_buf out;
    kw_buf_init(&out, 16u << 20);
    kw_err err = frame->kind == KW_OCPP_CALL
                     ? kw_ocpp_call(&out, frame->id, frame->action, frame->payload)
                     : kw_ocpp_result(&out, frame->id, frame->payload);
    MUST(err == KW_OK);
    MUST(kw_ocpp_frame_parse(kw_buf_str(&out), &again, &fault) == KW_OK);
    MUST(again.kind == frame->kind && kw_str_eq(again.id, frame->id) &&
         kw_str_eq(again.action, frame->action) && kw_str_eq(again.payload, frame->payload));
    kw_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kw_ocpp_frame frame;
    struct kw_ocpp_fault fault;
    char *bytes = exact_copy(data, size);
    kw_err err = kw_ocpp_frame_parse(kw_str_n(bytes, size), &frame, &fault);
    if (err == KW_OK || fault.has_id)
        MUST(frame.id.len > 0 && frame.id.len <= KW_MESSAGE_ID_BYTES);
    if (err == KW_OK) {
        MUST(kw_utf8_valid(frame.action.ptr, frame.action.len));
        MUST(kw_utf8_valid(frame.description.ptr, frame.description.len));
        check_json(frame.payload);
        if (frame.kind != KW_OCPP_ERROR)
            write_again(&frame);
    } else {
        MUST(fault.slug != NULL && fault.text != NULL && fault.at <= size);
    }
    free(bytes);
    return 0;
}
