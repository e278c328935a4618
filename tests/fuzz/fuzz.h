/* fuzz.h - What the fuzz targets share: a digest of what came out, and exact copies of pieces.
 *
 * A target feeds the same bytes whole and in pieces; the digests must agree. Pieces are copied into
 * allocations of exactly their size, so that a read beyond them is seen by the sanitizer. */
#ifndef KW_TESTS_FUZZ_H
#define KW_TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition) \
    do { \
        if (!(condition)) { \
            (void)fprintf(stderr, "broken invariant: %s at %s:%d\n", #condition, __FILE__, \
                          __LINE__); \
            abort(); \
        } \
    } while (0)

struct digest {
    uint64_t value;
};

static inline void digest_add(struct digest *digest, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++)
        digest->value = (digest->value ^ at[i]) * 1099511628211u;
    digest->value = (digest->value ^ length) * 1099511628211u;
}

static inline void digest_number(struct digest *digest, uint64_t number)
{
    digest_add(digest, &number, sizeof number);
}

static inline char *exact_copy(const void *bytes, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);
    MUST(copy != NULL);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
