/* map.h - Hash map from bytes to a pointer (open addressing, keyed SipHash-1-3: a peer cannot
 * choose colliding keys).
 *
 * Keys are copied in; values are the caller's. Iteration order is the order of insertion as long
 * as nothing was removed. One owner, no threads. */
#ifndef KW_BASE_MAP_H
#define KW_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct kw_map;

struct kw_map *kw_map_new(void);
void kw_map_free(struct kw_map *map); /* values are not touched; NULL is fine */
size_t kw_map_count(const struct kw_map *map);
void *kw_map_get(const struct kw_map *map, struct kw_str key); /* NULL: absent */
/* Returns the value that was there before, or NULL. `value` may not be NULL. */
void *kw_map_put(struct kw_map *map, struct kw_str key, void *value);
void *kw_map_remove(struct kw_map *map, struct kw_str key); /* returns the removed value or NULL */

/* for (size_t at = 0; kw_map_next(map, &at, &key, &value);) — removing while iterating is allowed. */
bool kw_map_next(const struct kw_map *map, size_t *at, struct kw_str *key, void **value);

#endif
