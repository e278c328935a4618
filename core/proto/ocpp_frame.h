/* ocpp_frame.h - The OCPP-J RPC frame: [2,id,action,{}], [3,id,{}], [4,id,code,text,{}].
 *
 * Cuts a frame into slices of the input; the payload is checked to be valid JSON and handed on raw.
 * Lenient where the field is (extra elements, id as a number), strict where meaning would be lost. */
#ifndef KW_PROTO_OCPP_FRAME_H
#define KW_PROTO_OCPP_FRAME_H

#include "base/buf.h"
#include "base/str.h"

enum kw_ocpp_kind { KW_OCPP_CALL = 2, KW_OCPP_RESULT = 3, KW_OCPP_ERROR = 4 };

struct kw_ocpp_frame {
    enum kw_ocpp_kind kind;
    struct kw_str id;          /* at most KW_MESSAGE_ID_BYTES */
    struct kw_str action;      /* CALL: action; ERROR: error code */
    struct kw_str description; /* ERROR only */
    struct kw_str payload;     /* raw JSON object; "{}" when absent in an ERROR */
    char text[256];            /* id, action with escapes live here */
};

struct kw_ocpp_fault {
    const char *slug; /* "bad-json", "not-array", "bad-type", "bad-id", "bad-payload" */
    const char *text; /* static sentence */
    size_t at;        /* byte in the input */
    bool has_id;      /* frame->id is usable for an answer */
};

/* KW_OK; KW_EPROTO: see fault; KW_EUNSUPPORTED: unknown message type number (ignore in 1.6). */
KW_MUST_USE kw_err kw_ocpp_frame_parse(struct kw_str input, struct kw_ocpp_frame *frame,
                                       struct kw_ocpp_fault *fault);

KW_MUST_USE kw_err kw_ocpp_call(struct kw_buf *out, struct kw_str id, struct kw_str action,
                                struct kw_str payload);
KW_MUST_USE kw_err kw_ocpp_result(struct kw_buf *out, struct kw_str id, struct kw_str payload);
KW_MUST_USE kw_err kw_ocpp_error(struct kw_buf *out, struct kw_str id, const char *code,
                                 const char *description);

#endif
