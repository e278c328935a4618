/* map.c - Open addressing over a dense array of entries: small, ordered, safe to remove while iterating.
 *
 * `slots` hold entry numbers + 1; removed entries leave a hole in the dense array and a tombstone in
 * the slots until the next rebuild. The hash is SipHash-1-3 with a key from the kernel. */
#include "base/map.h"

#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

#define TOMBSTONE UINT32_MAX

struct entry {
    char *key; /* NULL: removed */
    size_t key_len;
    uint64_t hash;
    void *value;
};

struct kw_map {
    struct entry *entries;
    uint32_t *slots; /* 0 empty, TOMBSTONE, or index + 1 */
    size_t entry_count, entry_capacity, live, slot_count;
    uint64_t seed[2];
};

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define SIPROUND \
    do { \
        v0 += v1; \
        v1 = ROTL(v1, 13); \
        v1 ^= v0; \
        v0 = ROTL(v0, 32); \
        v2 += v3; \
        v3 = ROTL(v3, 16); \
        v3 ^= v2; \
        v0 += v3; \
        v3 = ROTL(v3, 21); \
        v3 ^= v0; \
        v2 += v1; \
        v1 = ROTL(v1, 17); \
        v1 ^= v2; \
        v2 = ROTL(v2, 32); \
    } while (0)

static uint64_t siphash(const uint64_t seed[2], struct kw_str key)
{
    uint64_t v0 = seed[0] ^ 0x736f6d6570736575ULL, v1 = seed[1] ^ 0x646f72616e646f6dULL;
    uint64_t v2 = seed[0] ^ 0x6c7967656e657261ULL, v3 = seed[1] ^ 0x7465646279746573ULL;
    size_t at = 0;
    for (; at + 8 <= key.len; at += 8) {
        uint64_t word;
        memcpy(&word, key.ptr + at, 8);
        v3 ^= word;
        SIPROUND;
        v0 ^= word;
    }
    uint64_t last = (uint64_t)key.len << 56;
    for (size_t i = 0; at + i < key.len; i++)
        last |= (uint64_t)(unsigned char)key.ptr[at + i] << (8 * i);
    v3 ^= last;
    SIPROUND;
    v0 ^= last;
    v2 ^= 0xff;
    SIPROUND;
    SIPROUND;
    SIPROUND;
    return v0 ^ v1 ^ v2 ^ v3;
}

struct kw_map *kw_map_new(void)
{
    struct kw_map *map = kw_zalloc(sizeof *map);
    if (getrandom(map->seed, sizeof map->seed, 0) != (ssize_t)sizeof map->seed)
        map->seed[0] = (uint64_t)(uintptr_t)map;
    map->slot_count = 16;
    map->slots = kw_zalloc(map->slot_count * sizeof *map->slots);
    return map;
}

void kw_map_free(struct kw_map *map)
{
    if (map == NULL)
        return;
    for (size_t i = 0; i < map->entry_count; i++)
        kw_free(map->entries[i].key);
    kw_free(map->entries);
    kw_free(map->slots);
    kw_free(map);
}

size_t kw_map_count(const struct kw_map *map)
{
    return map->live;
}

static void place(struct kw_map *map, size_t index)
{
    size_t mask = map->slot_count - 1, at = map->entries[index].hash & mask;
    while (map->slots[at] != 0)
        at = (at + 1) & mask;
    map->slots[at] = (uint32_t)index + 1;
}

static void rebuild(struct kw_map *map)
{
    size_t kept = 0;
    for (size_t i = 0; i < map->entry_count; i++) {
        if (map->entries[i].key != NULL)
            map->entries[kept++] = map->entries[i];
    }
    map->entry_count = kept;
    while (map->slot_count < kept * 2 + 16)
        map->slot_count *= 2;
    kw_free(map->slots);
    map->slots = kw_zalloc(map->slot_count * sizeof *map->slots);
    for (size_t i = 0; i < kept; i++)
        place(map, i);
}

static struct entry *find(const struct kw_map *map, struct kw_str key, uint64_t hash, size_t *slot)
{
    size_t mask = map->slot_count - 1;
    for (size_t at = hash & mask; map->slots[at] != 0; at = (at + 1) & mask) {
        if (map->slots[at] == TOMBSTONE)
            continue;
        struct entry *entry = &map->entries[map->slots[at] - 1];
        if (entry->hash == hash && entry->key_len == key.len &&
            memcmp(entry->key, key.ptr, key.len) == 0) {
            *slot = at;
            return entry;
        }
    }
    return NULL;
}

void *kw_map_get(const struct kw_map *map, struct kw_str key)
{
    size_t slot;
    if (key.len == 0)
        key.ptr = "";
    struct entry *entry = find(map, key, siphash(map->seed, key), &slot);
    return entry != NULL ? entry->value : NULL;
}

void *kw_map_put(struct kw_map *map, struct kw_str key, void *value)
{
    size_t slot;
    KW_ASSERT(value != NULL);
    if (key.len == 0)
        key.ptr = "";
    uint64_t hash = siphash(map->seed, key);
    struct entry *entry = find(map, key, hash, &slot);
    if (entry != NULL) {
        void *before = entry->value;
        entry->value = value;
        return before;
    }
    if ((map->entry_count + 1) * 2 > map->slot_count)
        rebuild(map);
    if (map->entry_count == map->entry_capacity) {
        map->entry_capacity = map->entry_capacity > 0 ? map->entry_capacity * 2 : 8;
        map->entries = kw_realloc(map->entries, map->entry_capacity * sizeof *map->entries);
    }
    map->entries[map->entry_count] =
        (struct entry){ kw_strndup(key.ptr, key.len), key.len, hash, value };
    place(map, map->entry_count++);
    map->live++;
    return NULL;
}

void *kw_map_remove(struct kw_map *map, struct kw_str key)
{
    size_t slot;
    if (key.len == 0)
        key.ptr = "";
    struct entry *entry = find(map, key, siphash(map->seed, key), &slot);
    if (entry == NULL)
        return NULL;
    void *value = entry->value;
    kw_free(entry->key);
    entry->key = NULL;
    map->slots[slot] = TOMBSTONE;
    map->live--;
    return value;
}

bool kw_map_next(const struct kw_map *map, size_t *at, struct kw_str *key, void **value)
{
    while (*at < map->entry_count) {
        const struct entry *entry = &map->entries[(*at)++];
        if (entry->key == NULL)
            continue;
        *key = (struct kw_str){ entry->key, entry->key_len };
        *value = entry->value;
        return true;
    }
    return false;
}
