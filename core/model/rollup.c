/* rollup.c - What a station is, what it adds, and the sums above it, as differences.
 *
 * refresh() computes the station's tally anew from its few connectors, compares it with the tally
 * that is already in the sums, and walks up once with the difference: O(connectors + depth).
 * Believed values only: a station that is not connected adds no load; its open transactions count
 * as stale parts, so the sum above says "at least". */
#include <string.h>

#include "model/internal.h"

static enum kw_state effective_state(const struct kw_complex *complex,
                                     const struct kw_station *station)
{
    static const enum kw_state order[] = { KW_STATE_FAULTED,     KW_STATE_CHARGING,
                                           KW_STATE_SUSPENDED,   KW_STATE_PREPARING,
                                           KW_STATE_FINISHING,   KW_STATE_RESERVED,
                                           KW_STATE_UNAVAILABLE, KW_STATE_AVAILABLE };
    unsigned present = 1u << station->own_state; /* connector 0: the station itself */
    if (complex->feed_lost || !station->seen)
        return KW_STATE_UNKNOWN;
    if (!station->online)
        return KW_STATE_OFFLINE;
    for (size_t c = 0; c < station->connector_count; c++)
        present |= 1u << station->connectors[c].state;
    for (size_t i = 0; i < KW_COUNT_OF(order); i++) {
        if (present & (1u << order[i]))
            return order[i];
    }
    return KW_STATE_UNKNOWN;
}

/* Without a car that may draw, a meter value from before says nothing about now: it is zero. */
static void settle(struct kw_connector *connector)
{
    bool may_draw = connector->state == KW_STATE_CHARGING ||
                    connector->state == KW_STATE_SUSPENDED || connector->state == KW_STATE_UNKNOWN;
    if (connector->meter_ms == KW_NONE)
        return;
    if ((!may_draw && connector->status_ms >= connector->meter_ms) ||
        (connector->transaction[0] == 0 && connector->tx_event_ms >= connector->meter_ms))
        kw_connector_no_load(connector);
}

static bool too_old(const struct kw_complex *complex, const struct kw_station *station,
                    const struct kw_connector *connector)
{
    int64_t heard = connector->meter_ms > connector->tx_started_ms ? connector->meter_ms
                                                                   : connector->tx_started_ms;
    if (connector->transaction[0] == 0)
        return false;
    if (!station->online)
        return true;
    return heard != KW_NONE && complex->now_ms != KW_NONE &&
           complex->now_ms - heard > complex->options.stale_after_ms;
}

static void compute(struct kw_complex *complex, struct station_slot *slot, struct tally *tally)
{
    struct kw_station *station = &slot->station;
    memset(tally, 0, sizeof *tally);
    slot->value_ms = KW_NONE;
    tally->counted = station->registered;
    tally->state = station->state = effective_state(complex, station);
    tally->charging = station->state == KW_STATE_CHARGING;
    for (size_t c = 0; c < station->connector_count; c++) {
        struct kw_connector *connector = &station->connectors[c];
        settle(connector);
        connector->stale = too_old(complex, station, connector);
        tally->stale_parts += connector->stale;
        tally->transactions += connector->transaction[0] != 0;
        if (connector->meter_ms > slot->value_ms)
            slot->value_ms = connector->meter_ms;
        if (!station->online)
            continue;
        if (connector->power_w != KW_NONE)
            tally->load.power_w += connector->power_w;
        for (int phase = 0; phase < KW_PHASES; phase++) {
            if (connector->current_ma[phase] != KW_NONE)
                tally->load.current_ma[(phase + station->rotation) % KW_PHASES] +=
                    connector->current_ma[phase];
        }
    }
}

static void add_load(struct kw_load *sum, const struct kw_load *part, int sign)
{
    sum->power_w += sign * part->power_w;
    for (int phase = 0; phase < KW_PHASES; phase++)
        sum->current_ma[phase] += sign * part->current_ma[phase];
}

static void add_to_totals(struct kw_complex *complex, const struct tally *tally, int sign)
{
    if (!tally->counted)
        return;
    complex->counts.total += sign;
    complex->counts.by_state[tally->state] += sign;
    complex->counts.active_transactions += sign * tally->transactions;
    add_load(&complex->total, &tally->load, sign);
}

static void add_to_node(struct kw_node *node, const struct tally *tally, int sign)
{
    if (!tally->counted)
        return;
    node->stations += sign;
    node->charging += sign * tally->charging;
    node->stale_parts += sign * tally->stale_parts;
    add_load(&node->load, &tally->load, sign);
}

static bool same_for_nodes(const struct tally *a, const struct tally *b)
{
    return a->counted == b->counted && a->charging == b->charging &&
           a->stale_parts == b->stale_parts && a->load.power_w == b->load.power_w &&
           memcmp(a->load.current_ma, b->load.current_ma, sizeof a->load.current_ma) == 0;
}

static void list_active(struct kw_complex *complex, struct station_slot *slot, bool active)
{
    struct pointer_list *list = &complex->active;
    if (active && slot->active_at == KW_NOT_LISTED) {
        slot->active_at = list->count;
        kw_list_add(list, slot);
    } else if (!active && slot->active_at != KW_NOT_LISTED) {
        struct station_slot *last = list->items[--list->count];
        list->items[slot->active_at] = last;
        last->active_at = slot->active_at;
        slot->active_at = KW_NOT_LISTED;
    }
}

void kw_complex_refresh(struct kw_complex *complex, struct kw_station *station)
{
    struct station_slot *slot = kw_slot(station);
    struct tally before = slot->tally;
    compute(complex, slot, &slot->tally);
    list_active(complex, slot, slot->tally.transactions > 0);
    add_to_totals(complex, &before, -1);
    add_to_totals(complex, &slot->tally, 1);
    bool same = same_for_nodes(&before, &slot->tally);
    for (struct kw_node *node = station->node; node != NULL; node = node->parent) {
        bool newer = slot->tally.counted && slot->value_ms > node->as_of_ms;
        if (same && !newer)
            break; /* what is above is at least as new and adds the same */
        add_to_node(node, &before, -1);
        add_to_node(node, &slot->tally, 1);
        if (newer)
            node->as_of_ms = slot->value_ms;
        kw_complex_mark_node(complex, node);
    }
    kw_complex_mark_station(complex, slot);
}

void kw_complex_withdraw(struct kw_complex *complex, struct kw_station *station)
{
    struct station_slot *slot = kw_slot(station);
    add_to_totals(complex, &slot->tally, -1);
    for (struct kw_node *node = station->node; node != NULL; node = node->parent) {
        add_to_node(node, &slot->tally, -1);
        kw_complex_mark_node(complex, node);
    }
    if (station->node != NULL)
        complex->as_of_stale = true;
    list_active(complex, slot, false);
    memset(&slot->tally, 0, sizeof slot->tally);
}

/* A maximum cannot be taken back by a difference: after a move it is computed anew, once. */
void kw_complex_renew_as_of(struct kw_complex *complex)
{
    if (!complex->as_of_stale)
        return;
    complex->as_of_stale = false;
    for (size_t i = 0; i < complex->node_count; i++)
        complex->order[i]->as_of_ms = KW_NONE;
    for (size_t i = 0; i < complex->list.count; i++) {
        const struct station_slot *slot = complex->list.items[i];
        struct kw_node *node = slot->station.registered ? slot->station.node : NULL;
        for (; node != NULL && slot->value_ms > node->as_of_ms; node = node->parent)
            node->as_of_ms = slot->value_ms;
    }
}

void kw_complex_feed_lost(struct kw_complex *complex, bool lost)
{
    if (complex->feed_lost == lost)
        return;
    complex->feed_lost = lost;
    for (size_t i = 0; i < complex->list.count; i++)
        kw_complex_refresh(complex, kw_complex_station_at(complex, i));
    for (size_t i = 0; i < complex->node_count; i++)
        kw_complex_mark_node(complex, complex->order[i]);
}

static void age_station(struct kw_complex *complex, struct kw_station *station)
{
    for (size_t c = 0; c < station->connector_count; c++) {
        if (station->connectors[c].stale != too_old(complex, station, &station->connectors[c])) {
            kw_complex_refresh(complex, station);
            return;
        }
    }
}

void kw_complex_age(struct kw_complex *complex, int64_t now_ms)
{
    complex->now_ms = now_ms;
    kw_complex_renew_as_of(complex);
    for (size_t i = 0; i < complex->active.count; i++)
        age_station(complex, &((struct station_slot *)complex->active.items[i])->station);
    for (size_t i = 0; i < complex->node_count; i++) {
        struct kw_node *node = complex->order[i];
        bool fresh =
            node->meter_ms != KW_NONE && now_ms - node->meter_ms <= complex->options.stale_after_ms;
        if (fresh != node->meter_fresh) {
            node->meter_fresh = fresh;
            kw_complex_mark_node(complex, node);
        }
    }
}

/* --- reading --- */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b; /* KW_NONE is the smallest number */
}

struct kw_load kw_node_load(const struct kw_node *node)
{
    struct kw_load load = node->load;
    if (!node->meter_fresh)
        return load;
    load.power_w = larger(load.power_w, node->meter.power_w);
    for (int phase = 0; phase < KW_PHASES; phase++)
        load.current_ma[phase] = larger(load.current_ma[phase], node->meter.current_ma[phase]);
    return load;
}

static int64_t thousandths(int64_t value, int64_t limit)
{
    if (limit == KW_NONE)
        return KW_NONE;
    if (limit <= 0)
        return value > 0 ? KW_RATIO_MAX : 0; /* nothing is allowed here */
    if (value / limit >= KW_RATIO_MAX / 1000)
        return KW_RATIO_MAX;
    return value / limit * 1000 + value % limit * 1000 / limit;
}

int64_t kw_node_ratio(const struct kw_node *node)
{
    struct kw_load load = kw_node_load(node);
    int64_t worst = thousandths(load.power_w, node->limit_w);
    for (int phase = 0; phase < KW_PHASES; phase++)
        worst = larger(worst, thousandths(load.current_ma[phase], node->limit_ma[phase]));
    return worst;
}
