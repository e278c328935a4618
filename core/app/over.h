/* over.h - Which open transactions of the store no connector shows any more.
 *
 * An end that was in a gap of the stream never comes: Redis' hash of the transaction still has it
 * (complex-contract.md 2: 30 days). The owner asks after a snapshot, when the feed has caught up. */
#ifndef KW_APP_OVER_H
#define KW_APP_OVER_H

#include "app/service.h"

/* Looks through the store, a page at a time, and names each open transaction that its connector does not
 * show (stations that the feed has not mentioned are left alone), then on_end(err) once: KW_OK, or what the
 * store said. The model is looked at when a page comes. Both on the loop. */
KW_MUST_USE kw_err kw_over_find(struct kw_service *service,
                                void (*on_over)(struct kw_str station_id, struct kw_str transaction,
                                                void *arg),
                                void (*on_end)(kw_err err, void *arg), void *arg);

#endif
