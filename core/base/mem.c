/* mem.c - malloc with two tempers: die (ours) or tell (a peer's size). */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_ulong fail_countdown; /* test double; 0 = off */

void kw_mem_fail_at(unsigned long nth_try_call)
{
    atomic_store(&fail_countdown, nth_try_call);
}

static int must_fail(void)
{
    unsigned long left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    if (left == 0)
        return 0;
    return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

_Noreturn static void out_of_memory(void)
{
    static const char text[] =
        "{\"level\":\"error\",\"area\":\"memory\",\"text\":\"out of memory; ending\"}\n";
    (void)fwrite(text, 1, sizeof text - 1, stderr);
    abort();
}

void *kw_alloc(size_t size_bytes)
{
    void *ptr = malloc(size_bytes > 0 ? size_bytes : 1);
    if (ptr == NULL)
        out_of_memory();
    return ptr;
}

void *kw_zalloc(size_t size_bytes)
{
    void *ptr = calloc(1, size_bytes > 0 ? size_bytes : 1);
    if (ptr == NULL)
        out_of_memory();
    return ptr;
}

void *kw_realloc(void *ptr, size_t size_bytes)
{
    void *moved = realloc(ptr, size_bytes > 0 ? size_bytes : 1);
    if (moved == NULL)
        out_of_memory();
    return moved;
}

char *kw_strdup(const char *text)
{
    return kw_strndup(text, strlen(text));
}

char *kw_strndup(const char *bytes, size_t length_bytes)
{
    char *copy = kw_alloc(length_bytes + 1);
    if (length_bytes > 0)
        memcpy(copy, bytes, length_bytes);
    copy[length_bytes] = 0;
    return copy;
}

void *kw_try_alloc(size_t size_bytes)
{
    return must_fail() ? NULL : malloc(size_bytes > 0 ? size_bytes : 1);
}

void *kw_try_realloc(void *ptr, size_t size_bytes)
{
    return must_fail() ? NULL : realloc(ptr, size_bytes > 0 ? size_bytes : 1);
}

void kw_free(void *ptr)
{
    free(ptr);
}

void kw_assert_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "assertion failed: %s at %s:%d\n", condition, file, line);
    abort();
}
