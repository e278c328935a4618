/* decode.h - One stream entry of the contract to one kw_event.
 *
 * Unknown fields and types are ignored (KW_EVENT_OTHER); a malformed entry is KW_EINVALID with the
 * field and the reason, and the caller counts it, logs it, and goes on: the entry is not lost for
 * history (its id and raw fields are reported). No allocation: samples and scratch are the decoder's. */
#ifndef KW_FEED_DECODE_H
#define KW_FEED_DECODE_H

#include "feed/redis.h"
#include "model/types.h"

struct kw_decoder;
struct kw_decoder *kw_decoder_new(void);
void kw_decoder_free(struct kw_decoder *decoder);

/* fields: name, value, name, value... `event` is valid until the next call. error: static or the
 * decoder's text. */
KW_MUST_USE kw_err kw_decode_entry(struct kw_decoder *decoder, enum kw_stream stream,
                                   struct kw_str entry_id, const struct kw_str *fields,
                                   size_t field_count, struct kw_event *event, const char **error);

#endif
