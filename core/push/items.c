/* items.c - Ids to small numbers, and the list of what changed since the last flush. */
#include <string.h>

#include "push/internal.h"

void kw_items_init(struct items *items)
{
    memset(items, 0, sizeof *items);
    items->by_id = kw_map_new();
}

static void free_item(struct item *item)
{
    kw_free(item->shown);
    kw_free(item);
}

void kw_items_free(struct items *items)
{
    size_t at = 0;
    struct kw_str key;
    void *value;
    while (kw_map_next(items->by_id, &at, &key, &value))
        free_item(value);
    kw_map_free(items->by_id);
    kw_free(items->pending);
    kw_free(items->free_slots);
}

struct item *kw_items_find(const struct items *items, struct kw_str id)
{
    return kw_map_get(items->by_id, id);
}

struct item *kw_items_need(struct items *items, struct kw_str id)
{
    struct item *item = kw_map_get(items->by_id, id);
    if (item != NULL)
        return item;
    item = kw_zalloc(sizeof *item);
    KW_ASSERT(id.len < sizeof item->id);
    memcpy(item->id, id.ptr, id.len);
    item->slot =
        items->free_count > 0 ? items->free_slots[--items->free_count] : items->slot_count++;
    (void)kw_map_put(items->by_id, id, item);
    return item;
}

void kw_items_mark(struct items *items, struct item *item)
{
    if (item->pending)
        return;
    item->pending = true;
    if (items->pending_count == items->pending_room) {
        items->pending_room = items->pending_room > 0 ? items->pending_room * 2 : 64;
        items->pending = kw_realloc(items->pending, items->pending_room * sizeof(struct item *));
    }
    items->pending[items->pending_count++] = item;
}

void kw_items_drop(struct items *items, struct item *item)
{
    if (items->free_count == items->free_room) {
        items->free_room = items->free_room > 0 ? items->free_room * 2 : 64;
        items->free_slots = kw_realloc(items->free_slots, items->free_room * sizeof(size_t));
    }
    items->free_slots[items->free_count++] = item->slot;
    (void)kw_map_remove(items->by_id, kw_str_of(item->id));
    free_item(item);
}

/* What the model no longer has is in no view any more: its item goes. */
void kw_items_settle(struct items *items)
{
    for (size_t i = 0; i < items->pending_count; i++) {
        struct item *item = items->pending[i];
        item->pending = item->encoded = false;
        if (item->thing == NULL)
            kw_items_drop(items, item);
        else
            item->thing = NULL;
    }
    items->pending_count = 0;
}

bool kw_item_was_shown(const struct item *item, const char *transaction)
{
    for (size_t i = 0; i < item->shown_count; i++) {
        if (strcmp(item->shown[i], transaction) == 0)
            return true;
    }
    return false;
}

void kw_item_show(struct item *item, const char *transaction)
{
    if (kw_item_was_shown(item, transaction))
        return;
    item->shown = kw_realloc(item->shown, (item->shown_count + 1) * sizeof *item->shown);
    memcpy(item->shown[item->shown_count++], transaction, KW_TX_BYTES);
}
