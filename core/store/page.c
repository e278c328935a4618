/* page.c - Collects rows; every text is copied into the page's own chunks. */
#include "store/page.h"

#include <string.h>

#include "base/mem.h"

#define KW_CHUNK_BYTES 65536

struct kw_page_chunk {
    struct kw_page_chunk *next;
    size_t used, size;
    char bytes[];
};

struct kw_store_page *kw_store_page_new(void)
{
    return kw_zalloc(sizeof(struct kw_store_page));
}

void kw_store_page_free(struct kw_store_page *page)
{
    if (page == NULL)
        return;
    while (page->chunks != NULL) {
        struct kw_page_chunk *chunk = page->chunks;
        page->chunks = chunk->next;
        kw_free(chunk);
    }
    kw_free(page->transactions);
    kw_free(page->samples);
    kw_free(page->statuses);
    kw_free(page->facts);
    kw_free(page);
}

static void own(struct kw_store_page *page, struct kw_str *text)
{
    if (text->len == 0)
        return;
    struct kw_page_chunk *chunk = page->chunks;
    if (chunk == NULL || chunk->size - chunk->used < text->len) {
        size_t size = text->len > KW_CHUNK_BYTES ? text->len : KW_CHUNK_BYTES;
        chunk = kw_alloc(sizeof *chunk + size);
        *chunk = (struct kw_page_chunk){ page->chunks, 0, size };
        page->chunks = chunk;
    }
    memcpy(chunk->bytes + chunk->used, text->ptr, text->len);
    text->ptr = chunk->bytes + chunk->used;
    chunk->used += text->len;
}

static void *grow(void *rows, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return rows;
    *room = *room > 0 ? *room * 2 : 64;
    return kw_realloc(rows, *room * size);
}

void kw_store_page_tx(struct kw_store_page *page, const struct kw_store_tx *row)
{
    page->transactions =
        grow(page->transactions, page->transaction_count, &page->transaction_room, sizeof *row);
    struct kw_store_tx *kept = &page->transactions[page->transaction_count++];
    *kept = *row;
    own(page, &kept->station_id);
    own(page, &kept->id);
    own(page, &kept->key_uid);
    own(page, &kept->driver_id);
    own(page, &kept->driver_name);
    own(page, &kept->node_id);
    own(page, &kept->stop_reason);
    own(page, &kept->quality);
    own(page, &kept->flags);
}

void kw_store_page_sample(struct kw_store_page *page, const struct kw_store_sample *row)
{
    page->samples = grow(page->samples, page->sample_count, &page->sample_room, sizeof *row);
    struct kw_store_sample *kept = &page->samples[page->sample_count++];
    *kept = *row;
    own(page, &kept->station_id);
    own(page, &kept->transaction_id);
    own(page, &kept->measurand);
    own(page, &kept->phase);
    own(page, &kept->location);
    own(page, &kept->context);
}

void kw_store_page_status(struct kw_store_page *page, const struct kw_store_status *row)
{
    page->statuses = grow(page->statuses, page->status_count, &page->status_room, sizeof *row);
    struct kw_store_status *kept = &page->statuses[page->status_count++];
    *kept = *row;
    own(page, &kept->station_id);
    own(page, &kept->status);
    own(page, &kept->state);
    own(page, &kept->error_code);
    own(page, &kept->vendor_error_code);
    own(page, &kept->info);
}

void kw_store_page_fact(struct kw_store_page *page, const struct kw_store_fact *row)
{
    page->facts = grow(page->facts, page->fact_count, &page->fact_room, sizeof *row);
    struct kw_store_fact *kept = &page->facts[page->fact_count++];
    *kept = *row;
    own(page, &kept->type);
    own(page, &kept->station_id);
    own(page, &kept->transaction_id);
    own(page, &kept->detail);
}

size_t kw_store_page_rows(const struct kw_store_page *page)
{
    return page->transaction_count + page->sample_count + page->status_count + page->fact_count;
}
