/* heap_test.c - Blocks of every size keep their bytes through a long random life, and overlap nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script/heap.h"

#define BLOCKS 500

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void check(const unsigned char *block, size_t size, unsigned char mark)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(block[i], mark);
}

static void test_random_life(void **state)
{
    struct kw_heap heap;
    unsigned char *blocks[BLOCKS] = { NULL };
    size_t sizes[BLOCKS] = { 0 };
    uint32_t seed = 7;
    (void)state;
    kw_heap_init(&heap);
    for (int turn = 0; turn < 60000; turn++) {
        size_t at = next_random(&seed) % BLOCKS;
        unsigned kind = next_random(&seed) % 4;
        size_t size = kind == 0 ? 0 : 1 + next_random(&seed) % (kind == 1 ? 3000 : 520);
        size_t kept = size < sizes[at] ? size : sizes[at];
        unsigned char mark = (unsigned char)(at * 7 + 1);
        check(blocks[at], sizes[at], mark);
        blocks[at] = kw_heap_realloc(&heap, blocks[at], sizes[at], size);
        assert_true((blocks[at] == NULL) == (size == 0));
        assert_int_equal((uintptr_t)blocks[at] % 16, 0);
        check(blocks[at], kept, mark);
        if (size > 0)
            memset(blocks[at], mark, size);
        sizes[at] = size;
    }
    for (size_t i = 0; i < BLOCKS; i++)
        assert_null(kw_heap_realloc(&heap, blocks[i], sizes[i], 0));
    assert_null(kw_heap_realloc(&heap, NULL, 5, 0)); /* Lua does this too */
    kw_heap_free(&heap);
}

static void test_used_again(void **state)
{
    struct kw_heap heap;
    (void)state;
    kw_heap_init(&heap);
    void *first = kw_heap_realloc(&heap, NULL, 0, 40);
    assert_ptr_equal(kw_heap_realloc(&heap, first, 40, 48), first); /* the same class: in place */
    assert_null(kw_heap_realloc(&heap, first, 48, 0));
    assert_ptr_equal(kw_heap_realloc(&heap, NULL, 0, 33), first);
    kw_heap_free(&heap);
    kw_heap_free(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_random_life),
                                        cmocka_unit_test(test_used_again) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
