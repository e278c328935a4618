/* mem.h - Memory and assertions.
 *
 * Small memory that is ours: kw_alloc and friends, which end the process on failure (a server
 * that cannot allocate 100 bytes cannot do anything useful). Memory sized by a peer: kw_try_alloc,
 * under a limit of its own. */
#ifndef KW_BASE_MEM_H
#define KW_BASE_MEM_H

#include <stddef.h>

#include "base/err.h"

/* Never NULL; the process ends with a log line if memory is exhausted. Owner: caller. */
void *kw_alloc(size_t size_bytes);
void *kw_zalloc(size_t size_bytes); /* zeroed */
void *kw_realloc(void *ptr, size_t size_bytes);
char *kw_strdup(const char *text);                        /* text may not be NULL */
char *kw_strndup(const char *bytes, size_t length_bytes); /* adds the final zero */

/* NULL when exhausted (or when a test's allocator fails the call). */
KW_MUST_USE void *kw_try_alloc(size_t size_bytes);
KW_MUST_USE void *kw_try_realloc(void *ptr, size_t size_bytes);

void kw_free(void *ptr); /* kw_free(NULL) is fine */

/* Test double for failing memory: the n-th kw_try_* call from now (1 = next) fails once; 0 = off. */
void kw_mem_fail_at(unsigned long nth_try_call);

#define KW_ASSERT(condition) \
    ((condition) ? (void)0 : kw_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void kw_assert_failed(const char *condition, const char *file, int line);

#define KW_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define KW_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
