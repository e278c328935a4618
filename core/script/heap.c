/* heap.c - See heap.h. Class n holds blocks of (n + 1) * 16 bytes. */
#include "script/heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PAGE_BYTES 32768

struct kw_heap_page {
    struct kw_heap_page *older;
    _Alignas(KW_HEAP_STEP) char bytes[PAGE_BYTES];
};

struct kw_heap_free {
    struct kw_heap_free *next;
};

void kw_heap_init(struct kw_heap *heap)
{
    memset(heap, 0, sizeof *heap);
}

void kw_heap_free(struct kw_heap *heap)
{
    while (heap->pages != NULL) {
        struct kw_heap_page *older = heap->pages->older;
        free(heap->pages);
        heap->pages = older;
    }
    kw_heap_init(heap);
}

static size_t class_of(size_t size)
{
    return (size - 1) / KW_HEAP_STEP;
}

static void give(struct kw_heap *heap, void *block, size_t size)
{
    if (size > KW_HEAP_BLOCK_BYTES) {
        free(block);
    } else if (size > 0) {
        struct kw_heap_free *freed = block;
        freed->next = heap->free[class_of(size)];
        heap->free[class_of(size)] = freed;
    }
}

static void *take_from_page(struct kw_heap *heap, size_t bytes)
{
    if ((size_t)(heap->end - heap->at) < bytes) {
        struct kw_heap_page *page = malloc(sizeof *page);
        if (page == NULL)
            return NULL;
        if (heap->end > heap->at) /* the rest becomes one block of its size */
            give(heap, heap->at, (size_t)(heap->end - heap->at));
        page->older = heap->pages;
        heap->pages = page;
        heap->at = page->bytes;
        heap->end = page->bytes + PAGE_BYTES;
    }
    void *block = heap->at;
    heap->at += bytes;
    return block;
}

static void *take(struct kw_heap *heap, size_t size)
{
    if (size > KW_HEAP_BLOCK_BYTES)
        return malloc(size);
    size_t class = class_of(size);
    struct kw_heap_free *block = heap->free[class];
    if (block == NULL)
        return take_from_page(heap, (class + 1) * KW_HEAP_STEP);
    heap->free[class] = block->next;
    return block;
}

void *kw_heap_realloc(struct kw_heap *heap, void *block, size_t old_size, size_t new_size)
{
    if (new_size == 0) {
        give(heap, block, block != NULL ? old_size : 0);
        return NULL;
    }
    if (block == NULL || old_size == 0)
        return take(heap, new_size);
    if (old_size > KW_HEAP_BLOCK_BYTES && new_size > KW_HEAP_BLOCK_BYTES)
        return realloc(block, new_size);
    if (old_size <= KW_HEAP_BLOCK_BYTES && new_size <= KW_HEAP_BLOCK_BYTES &&
        class_of(old_size) == class_of(new_size))
        return block;
    void *moved = take(heap, new_size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    give(heap, block, old_size);
    return moved;
}
