/* history.h - What of an event is kept for ever: rows for the store's page (store.h has the merge rules). */
#ifndef KW_APP_HISTORY_H
#define KW_APP_HISTORY_H

#include "app/service.h"

void kw_history_event(const struct kw_service *service, struct kw_store_page *page,
                      const struct kw_event *event);
/* Events are missing: a fact of our own (stream 2, numbered by time), for the log of the feed. */
void kw_history_gap(struct kw_store_page *page, enum kw_stream stream, int64_t expected_n,
                    int64_t got_n, int64_t now_ms);
/* A transaction as Redis' hash has it, open or ended: its start or its end may have been in a gap. */
void kw_history_snapshot_transaction(const struct kw_service *service, struct kw_store_page *page,
                                     struct kw_str station_id, struct kw_str transaction,
                                     const struct kw_str *fields, size_t count);

#endif
