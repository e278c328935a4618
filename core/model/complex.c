/* complex.c - Birth and death of the complex, its lists, and what changed since the last drain.
 *
 * Lists hold pointers and never shift on a removal from the middle: the entry becomes NULL and the
 * next drain forgets it. So marking and unmarking cost the same at 50 stations and at 50,000. */
#include "model/complex.h"

#include <string.h>

#include "model/internal.h"

#define KW_STALE_AFTER_MS 90000
#define KW_STATIONS_MAX 65536

void kw_list_add(struct pointer_list *list, void *item)
{
    if (list->count == list->room) {
        list->room = list->room > 0 ? list->room * 2 : 64;
        list->items = kw_realloc(list->items, list->room * sizeof *list->items);
    }
    list->items[list->count++] = item;
}

struct kw_complex *kw_complex_new(const struct kw_complex_options *options)
{
    struct kw_complex *complex = kw_zalloc(sizeof *complex);
    if (options != NULL)
        complex->options = *options;
    if (complex->options.stale_after_ms <= 0)
        complex->options.stale_after_ms = KW_STALE_AFTER_MS;
    if (complex->options.max_stations == 0)
        complex->options.max_stations = KW_STATIONS_MAX;
    complex->stations = kw_map_new();
    complex->nodes = kw_map_new();
    complex->last_gone = &complex->gone;
    complex->feed_lost = true; /* until the feed says that it lives, nothing is known */
    complex->now_ms = KW_NONE;
    return complex;
}

static void free_gone(struct kw_complex *complex)
{
    while (complex->gone != NULL) {
        struct gone *gone = complex->gone;
        complex->gone = gone->next;
        kw_free(gone);
    }
    complex->last_gone = &complex->gone;
}

void kw_complex_free(struct kw_complex *complex)
{
    size_t at = 0;
    struct kw_str key;
    void *value;
    if (complex == NULL)
        return;
    for (size_t i = 0; i < complex->list.count; i++) {
        struct station_slot *slot = complex->list.items[i];
        kw_free(slot->station.connectors);
        kw_free(slot);
    }
    while (kw_map_next(complex->nodes, &at, &key, &value))
        kw_free(value);
    free_gone(complex);
    kw_map_free(complex->stations);
    kw_map_free(complex->nodes);
    kw_free(complex->list.items);
    kw_free(complex->order);
    kw_free(complex->dirty_stations.items);
    kw_free(complex->dirty_nodes.items);
    kw_free(complex->active.items);
    kw_free(complex);
}

/* --- what changed --- */

static void mark(struct kw_complex *complex, struct pointer_list *list, void *item,
                 size_t *dirty_at)
{
    if (*dirty_at != KW_NOT_LISTED)
        return;
    *dirty_at = list->count;
    complex->dirty_count++;
    kw_list_add(list, item);
}

static void unmark(struct kw_complex *complex, struct pointer_list *list, size_t *dirty_at)
{
    if (*dirty_at == KW_NOT_LISTED)
        return;
    list->items[*dirty_at] = NULL;
    complex->dirty_count--;
    *dirty_at = KW_NOT_LISTED;
}

void kw_complex_mark_station(struct kw_complex *complex, struct station_slot *slot)
{
    slot->station.change = ++complex->change;
    mark(complex, &complex->dirty_stations, slot, &slot->dirty_at);
}

void kw_complex_mark_node(struct kw_complex *complex, struct kw_node *node)
{
    struct node_slot *slot = (struct node_slot *)(void *)node;
    node->change = ++complex->change;
    mark(complex, &complex->dirty_nodes, slot, &slot->dirty_at);
}

void kw_complex_unmark_station(struct kw_complex *complex, struct station_slot *slot)
{
    unmark(complex, &complex->dirty_stations, &slot->dirty_at);
}

void kw_complex_unmark_node(struct kw_complex *complex, struct kw_node *node)
{
    unmark(complex, &complex->dirty_nodes, &((struct node_slot *)(void *)node)->dirty_at);
}

void kw_complex_add_gone(struct kw_complex *complex, const char *id, bool is_node)
{
    struct gone *gone = kw_zalloc(sizeof *gone);
    gone->is_node = is_node;
    kw_copy_text(gone->id, sizeof gone->id, kw_str_of(id));
    *complex->last_gone = gone;
    complex->last_gone = &gone->next;
}

/* What is gone comes first: an id may have come back since, and is then dirty as well. */
void kw_complex_drain(struct kw_complex *complex, kw_station_visitor *on_station,
                      kw_node_visitor *on_node, kw_gone_visitor *on_gone, void *arg)
{
    kw_complex_renew_as_of(complex);
    for (struct gone *gone = complex->gone; gone != NULL; gone = gone->next)
        on_gone(kw_str_of(gone->id), gone->is_node, arg);
    free_gone(complex);
    for (size_t i = 0; i < complex->dirty_nodes.count; i++) {
        struct node_slot *slot = complex->dirty_nodes.items[i];
        if (slot == NULL)
            continue;
        slot->dirty_at = KW_NOT_LISTED;
        on_node(&slot->node, arg);
    }
    for (size_t i = 0; i < complex->dirty_stations.count; i++) {
        struct station_slot *slot = complex->dirty_stations.items[i];
        if (slot == NULL)
            continue;
        slot->dirty_at = KW_NOT_LISTED;
        on_station(&slot->station, arg);
    }
    complex->dirty_nodes.count = complex->dirty_stations.count = 0;
    complex->dirty_count = 0;
}

bool kw_complex_dirty(const struct kw_complex *complex)
{
    return complex->dirty_count > 0 || complex->gone != NULL;
}

/* --- reading --- */

struct kw_station *kw_complex_station(struct kw_complex *complex, struct kw_str id)
{
    return kw_map_get(complex->stations, id);
}

size_t kw_complex_station_count(const struct kw_complex *complex)
{
    return complex->list.count;
}

struct kw_station *kw_complex_station_at(struct kw_complex *complex, size_t index)
{
    KW_ASSERT(index < complex->list.count);
    return &((struct station_slot *)complex->list.items[index])->station;
}

void kw_complex_counts(const struct kw_complex *complex, struct kw_complex_counts *out)
{
    *out = complex->counts;
}

struct kw_load kw_complex_load(const struct kw_complex *complex)
{
    return complex->total;
}

bool kw_complex_feed_is_lost(const struct kw_complex *complex)
{
    return complex->feed_lost;
}

void kw_complex_new_day(struct kw_complex *complex, int64_t day_start_ms, int64_t drawn_wh)
{
    complex->day_start_ms = day_start_ms;
    complex->day_wh = drawn_wh;
}

int64_t kw_complex_energy_today_wh(const struct kw_complex *complex)
{
    return complex->day_wh;
}

void kw_copy_text(char *out, size_t size, struct kw_str text)
{
    if (text.len >= size) {
        text.len = size - 1;
        while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xC0) == 0x80)
            text.len--; /* never half a UTF-8 sequence */
    }
    KW_IGNORE(kw_str_copy(text, out, size));
}
