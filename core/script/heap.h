/* heap.h - Small blocks for one Lua state, by size and from pages that are kept.
 *
 * A request makes and drops some twenty small tables and strings; taking them from a list of free blocks
 * of their size costs a tenth of malloc(). Lua tells the size of what it gives back, so a block needs no
 * header. Pages go back only with the heap: it stays as large as Lua's small blocks ever were.
 *
 * Under the address sanitizer Lua does not use it (host.c): there every block is malloc's. */
#ifndef KW_SCRIPT_HEAP_H
#define KW_SCRIPT_HEAP_H

#include <stddef.h>

#define KW_HEAP_STEP 16
#define KW_HEAP_BLOCK_BYTES 512 /* larger ones are malloc's */
#define KW_HEAP_CLASSES (KW_HEAP_BLOCK_BYTES / KW_HEAP_STEP)

struct kw_heap_page;
struct kw_heap_free;

struct kw_heap {
    struct kw_heap_page *pages;
    char *at, *end; /* the unused rest of the newest page */
    struct kw_heap_free *free[KW_HEAP_CLASSES];
};

void kw_heap_init(struct kw_heap *heap);
void kw_heap_free(
    struct kw_heap *heap); /* every small block dies with it; usable again after init */

/* As lua_Alloc: new_size 0 gives `block` back; NULL: no memory, `block` stays as it was. */
void *kw_heap_realloc(struct kw_heap *heap, void *block, size_t old_size, size_t new_size);

#endif
