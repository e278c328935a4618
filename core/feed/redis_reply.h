/* redis_reply.h - RESP2 bytes in, replies out, on a bump arena.
 *
 * hiredis' reader does the parsing; our five object functions put the reply into an arena that is empty
 * again after kw_reply_reader_done(): 1.6 times the rate of the stock replies (limits.md 5). The arena
 * grows for a big page up to `limit_bytes`; beyond it the reply fails as a whole (KW_ETOOBIG). */
#ifndef KW_FEED_REDIS_REPLY_H
#define KW_FEED_REDIS_REPLY_H

#include "feed/redis.h"

struct kw_reply_reader;

/* Never NULL. One reply may take limit_bytes (> 0), both as text and as arena. */
struct kw_reply_reader *kw_reply_reader_new(size_t limit_bytes);
void kw_reply_reader_free(struct kw_reply_reader *reader); /* NULL is fine */

/* Copy bytes in. KW_ENOMEM; KW_ETOOBIG: more unread bytes than the limit. Then the reader is dead. */
KW_MUST_USE kw_err kw_reply_reader_feed(struct kw_reply_reader *reader, const char *bytes,
                                        size_t length_bytes);
/* KW_OK and a reply, valid until done() or free(); KW_EAGAIN: feed more; KW_EPROTO, KW_ETOOBIG: dead. */
KW_MUST_USE kw_err kw_reply_reader_next(struct kw_reply_reader *reader,
                                        const struct kw_reply **reply);
/* Give the last reply back. Must be called between two replies. */
void kw_reply_reader_done(struct kw_reply_reader *reader);
const char *kw_reply_reader_error(const struct kw_reply_reader *reader); /* words for the log */

#endif
