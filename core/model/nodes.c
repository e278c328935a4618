/* nodes.c - The tree: insert, move, remove, and its depth-first order. */
#include <string.h>

#include "model/internal.h"

struct kw_node *kw_complex_node(struct kw_complex *complex, struct kw_str id)
{
    return kw_map_get(complex->nodes, id);
}

static void unlink_node(struct kw_complex *complex, struct kw_node *node)
{
    struct kw_node **at = node->parent != NULL ? &node->parent->first_child : &complex->first_root;
    while (*at != NULL && *at != node)
        at = &(*at)->next_sibling;
    if (*at == node)
        *at = node->next_sibling;
    node->next_sibling = NULL;
}

/* Siblings are kept in the order of their names, so that a list looks the same each time. */
static void link_node(struct kw_complex *complex, struct kw_node *node)
{
    struct kw_node **at = node->parent != NULL ? &node->parent->first_child : &complex->first_root;
    while (*at != NULL && strcmp((*at)->name, node->name) < 0)
        at = &(*at)->next_sibling;
    node->next_sibling = *at;
    *at = node;
}

/* Depth-first without recursion: down to the first child, else right, else up. */
static void reorder(struct kw_complex *complex)
{
    int number = 0;
    complex->node_count = 0;
    complex->order = kw_realloc(complex->order, (kw_map_count(complex->nodes) + 1) * sizeof *complex->order);
    struct kw_node *node = complex->first_root;
    while (node != NULL) {
        node->enter = number++;
        node->depth = node->parent != NULL ? node->parent->depth + 1 : 0;
        complex->order[complex->node_count++] = node;
        if (node->first_child != NULL) {
            node = node->first_child;
            continue;
        }
        node->leave = number;
        while (node != NULL && node->next_sibling == NULL) {
            node = node->parent;
            if (node != NULL)
                node->leave = number;
        }
        if (node != NULL)
            node = node->next_sibling;
    }
}

/* Add or take a node's own sums to all of its ancestors. */
static void carry(struct kw_complex *complex, const struct kw_node *node, int sign)
{
    for (struct kw_node *at = node->parent; at != NULL; at = at->parent) {
        at->load.power_w += sign * node->load.power_w;
        for (int phase = 0; phase < KW_PHASES; phase++)
            at->load.current_ma[phase] += sign * node->load.current_ma[phase];
        at->stations += sign * node->stations;
        at->charging += sign * node->charging;
        at->stale_parts += sign * node->stale_parts;
        kw_complex_mark_node(complex, at);
    }
}

static int height(const struct kw_complex *complex, const struct kw_node *node)
{
    int most = 0;
    for (size_t i = 0; i < complex->node_count; i++) {
        if (kw_node_contains(node, complex->order[i]) && complex->order[i]->depth - node->depth > most)
            most = complex->order[i]->depth - node->depth;
    }
    return most;
}

kw_err kw_complex_put_node(struct kw_complex *complex, const struct kw_node_spec *spec)
{
    struct kw_node *parent = spec->parent_id.len > 0 ? kw_complex_node(complex, spec->parent_id) : NULL;
    struct kw_node *node = kw_complex_node(complex, spec->id);
    if (spec->parent_id.len > 0 && parent == NULL)
        return KW_ENOTFOUND;
    if (spec->id.len == 0 || spec->id.len >= KW_NAME_BYTES)
        return KW_EINVALID;
    if (node != NULL && parent != NULL && kw_node_contains(node, parent))
        return KW_EINVALID;
    if (parent != NULL && parent->depth + 1 + (node != NULL ? height(complex, node) : 0) >= KW_NODE_DEPTH)
        return KW_EINVALID;
    if (node == NULL) {
        node = kw_zalloc(sizeof *node);
        KW_IGNORE(kw_str_copy(spec->id, node->id, sizeof node->id));
        node->meter.power_w = node->meter_ms = KW_NONE;
        for (int phase = 0; phase < KW_PHASES; phase++)
            node->meter.current_ma[phase] = KW_NONE;
        (void)kw_map_put(complex->nodes, spec->id, node);
    } else {
        carry(complex, node, -1);
        unlink_node(complex, node);
    }
    node->parent = parent;
    KW_IGNORE(kw_str_copy(spec->kind, node->kind, sizeof node->kind));
    KW_IGNORE(kw_str_copy(spec->name, node->name, sizeof node->name));
    memcpy(node->limit_ma, spec->limit_ma, sizeof node->limit_ma);
    node->limit_w = spec->limit_w;
    node->revision = spec->revision;
    link_node(complex, node);
    carry(complex, node, 1);
    reorder(complex);
    kw_complex_mark_node(complex, node);
    return KW_OK;
}

kw_err kw_complex_remove_node(struct kw_complex *complex, struct kw_str id)
{
    struct kw_node *node = kw_complex_node(complex, id);
    if (node == NULL)
        return KW_ENOTFOUND;
    if (node->first_child != NULL || node->stations > 0)
        return KW_EBUSY;
    for (size_t i = 0; i < complex->station_count; i++) {
        if (complex->list[i]->station.node == node)
            return KW_EBUSY;
    }
    for (size_t i = 0; i < complex->dirty_node_count; i++) {
        if (complex->dirty_nodes[i] == node) {
            complex->dirty_nodes[i] = complex->dirty_nodes[--complex->dirty_node_count];
            break;
        }
    }
    unlink_node(complex, node);
    (void)kw_map_remove(complex->nodes, id);
    struct gone *gone = kw_zalloc(sizeof *gone);
    gone->is_node = true;
    KW_IGNORE(kw_str_copy(kw_str_of(node->id), gone->id, sizeof gone->id));
    *complex->last_gone = gone;
    complex->last_gone = &gone->next;
    kw_free(node);
    reorder(complex);
    return KW_OK;
}

size_t kw_complex_node_count(const struct kw_complex *complex)
{
    return complex->node_count;
}

struct kw_node *kw_complex_node_at(struct kw_complex *complex, size_t index)
{
    return complex->order[index];
}

bool kw_node_contains(const struct kw_node *node, const struct kw_node *below)
{
    return below != NULL && node->enter <= below->enter && below->enter < node->leave;
}

int64_t kw_node_ratio(const struct kw_node *node)
{
    int64_t worst = KW_NONE;
    if (node->limit_w != KW_NONE && node->limit_w > 0)
        worst = node->load.power_w * 1000 / node->limit_w;
    for (int phase = 0; phase < KW_PHASES; phase++) {
        int64_t limit = node->limit_ma[phase];
        int64_t ratio = limit != KW_NONE && limit > 0 ? node->load.current_ma[phase] * 1000 / limit : KW_NONE;
        if (ratio > worst)
            worst = ratio;
    }
    return worst;
}
