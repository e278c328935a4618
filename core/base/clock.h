/* clock.h - Wall time (UTC, milliseconds) and monotonic time; RFC 3339 in and out.
 *
 * Intervals use the monotonic clock, facts use the wall clock. A test may fix both. */
#ifndef KW_BASE_CLOCK_H
#define KW_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

int64_t kw_now_ms(void);  /* Unix time, UTC */
int64_t kw_mono_us(void); /* since an arbitrary moment, never backwards */

/* Test double: both clocks show these values until (-1, -1). */
void kw_clock_fix(int64_t now_ms, int64_t mono_us);

#define KW_RFC3339_SIZE 25 /* "2026-01-01T00:00:00.000Z" and a zero */
void kw_rfc3339(int64_t unix_ms, char out[KW_RFC3339_SIZE]); /* years 0..9999, else clamped */

/* RFC 3339 with any fraction and Z or an offset. Missing zone, as some stations send: taken as UTC
 * and *had_zone = false (may be NULL). KW_EINVALID otherwise. */
KW_MUST_USE kw_err kw_rfc3339_parse(struct kw_str text, int64_t *unix_ms, bool *had_zone);

#endif
