/* page.h - A page's rows in arrays, its texts in one arena; for store/ only. */
#ifndef KW_STORE_PAGE_H
#define KW_STORE_PAGE_H

#include "store/store.h"

struct kw_store_page {
    struct kw_store_tx *transactions;
    struct kw_store_sample *samples;
    struct kw_store_status *statuses;
    struct kw_store_fact *facts;
    size_t transaction_count, sample_count, status_count, fact_count;
    size_t transaction_room, sample_room, status_room, fact_room;
    struct kw_page_chunk *chunks;
};

#endif
