/* nodes.c - The tree: insert, move, remove, and its depth-first order.
 *
 * A node carries its own sums, so moving it with everything below is one subtraction along the old
 * ancestors and one addition along the new. The order is renumbered at each edit: edits are rare,
 * reading is not. */
#include <string.h>

#include "model/internal.h"

struct kw_node *kw_complex_node(struct kw_complex *complex, struct kw_str id)
{
    return kw_map_get(complex->nodes, id);
}

size_t kw_complex_node_count(const struct kw_complex *complex)
{
    return complex->node_count;
}

struct kw_node *kw_complex_node_at(struct kw_complex *complex, size_t index)
{
    KW_ASSERT(index < complex->node_count);
    return complex->order[index];
}

bool kw_node_contains(const struct kw_node *node, const struct kw_node *below)
{
    return below != NULL && node->enter <= below->enter && below->enter < node->leave;
}

uint64_t kw_complex_tree_version(const struct kw_complex *complex)
{
    return complex->tree_version;
}

static struct kw_node **first_of(struct kw_complex *complex, struct kw_node *parent)
{
    return parent != NULL ? &parent->first_child : &complex->first_root;
}

static void unlink_node(struct kw_complex *complex, struct kw_node *node)
{
    struct kw_node **at = first_of(complex, node->parent);
    while (*at != node)
        at = &(*at)->next_sibling;
    *at = node->next_sibling;
    node->next_sibling = NULL;
}

static void link_node(struct kw_complex *complex, struct kw_node *node)
{
    struct kw_node **at = first_of(complex, node->parent);
    while (*at != NULL && strcmp((*at)->name, node->name) <= 0)
        at = &(*at)->next_sibling;
    node->next_sibling = *at;
    *at = node;
}

/* Down to the first child, else right, else up: no recursion. */
static void renumber(struct kw_complex *complex)
{
    int number = 0;
    size_t count = kw_map_count(complex->nodes);
    complex->node_count = 0;
    complex->order = kw_realloc(complex->order, (count + 1) * sizeof *complex->order);
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
    KW_ASSERT(complex->node_count == count);
}

/* Add (or take) a node's own sums to all of its ancestors. */
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

static int levels_below(const struct kw_complex *complex, const struct kw_node *node)
{
    int deepest = node->depth;
    for (int i = node->enter; i < node->leave; i++) {
        if (complex->order[i]->depth > deepest)
            deepest = complex->order[i]->depth;
    }
    return deepest - node->depth;
}

static struct kw_node *new_node(struct kw_complex *complex, struct kw_str id)
{
    struct node_slot *slot = kw_zalloc(sizeof *slot);
    struct kw_node *node = &slot->node;
    slot->dirty_at = KW_NOT_LISTED;
    kw_copy_text(node->id, sizeof node->id, id);
    node->meter.power_w = node->meter_ms = node->as_of_ms = KW_NONE;
    for (int phase = 0; phase < KW_PHASES; phase++)
        node->meter.current_ma[phase] = KW_NONE;
    (void)kw_map_put(complex->nodes, id, node);
    return node;
}

static bool valid_limit(int64_t limit)
{
    return limit == KW_NONE || (limit >= 0 && limit <= KW_VALUE_MAX);
}

static kw_err check(struct kw_complex *complex, const struct kw_node_spec *spec,
                    const struct kw_node *parent, const struct kw_node *node)
{
    if (spec->parent_id.len > 0 && parent == NULL)
        return KW_ENOTFOUND;
    if (spec->id.len == 0 || spec->id.len >= sizeof node->id ||
        spec->kind.len >= sizeof node->kind || spec->name.len >= sizeof node->name)
        return KW_EINVALID;
    if (!valid_limit(spec->limit_w) || !valid_limit(spec->limit_ma[0]) ||
        !valid_limit(spec->limit_ma[1]) || !valid_limit(spec->limit_ma[2]))
        return KW_EINVALID;
    if (node == NULL && complex->node_count >= KW_NODES_MAX)
        return KW_EFULL;
    if (parent == NULL)
        return KW_OK;
    if (node != NULL && kw_node_contains(node, parent))
        return KW_EINVALID; /* below itself */
    int deepest = parent->depth + 1 + (node != NULL ? levels_below(complex, node) : 0);
    return deepest < KW_NODE_DEPTH ? KW_OK : KW_EINVALID;
}

kw_err kw_complex_put_node(struct kw_complex *complex, const struct kw_node_spec *spec)
{
    struct kw_node *parent =
        spec->parent_id.len > 0 ? kw_complex_node(complex, spec->parent_id) : NULL;
    struct kw_node *node = kw_complex_node(complex, spec->id);
    kw_err err = check(complex, spec, parent, node);
    if (err != KW_OK)
        return err;
    if (node == NULL) {
        node = new_node(complex, spec->id);
    } else {
        carry(complex, node, -1);
        unlink_node(complex, node);
        if (node->parent != parent) {
            complex->as_of_stale = true;
            complex->tree_version++;
        }
    }
    node->parent = parent;
    kw_copy_text(node->kind, sizeof node->kind, spec->kind);
    kw_copy_text(node->name, sizeof node->name, spec->name);
    memcpy(node->limit_ma, spec->limit_ma, sizeof node->limit_ma);
    node->limit_w = spec->limit_w;
    node->revision = spec->revision;
    link_node(complex, node);
    carry(complex, node, 1);
    renumber(complex);
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
    kw_complex_unmark_node(complex, node);
    unlink_node(complex, node);
    (void)kw_map_remove(complex->nodes, kw_str_of(node->id));
    kw_complex_add_gone(complex, node->id, true);
    complex->tree_version++;
    kw_free(node);
    renumber(complex);
    return KW_OK;
}
