/* zone.h - Time zones of the IANA database (TZif files), without the process-wide TZ of the C library.
 *
 * A zone is loaded once and then only read: any thread may ask it. "UTC" needs no file. */
#ifndef KW_BASE_ZONE_H
#define KW_BASE_ZONE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct kw_zone;

/* `name` as "Europe/Moscow", read from $TZDIR or /usr/share/zoneinfo. KW_ENOTFOUND: no such zone;
 * KW_EINVALID: a name that is none, or a file that is no TZif. `error` says which and what to do. */
KW_MUST_USE kw_err kw_zone_load(const char *name, struct kw_zone **out, char *error,
                                size_t error_size);
/* The same from the bytes of a file (tests, fuzzing). */
KW_MUST_USE kw_err kw_zone_parse(struct kw_str bytes, struct kw_zone **out);
void kw_zone_free(struct kw_zone *zone); /* NULL is fine */

/* Seconds to add to UTC at that moment. */
int64_t kw_zone_offset_s(const struct kw_zone *zone, int64_t unix_s);

/* First moment of the local day that `unix_ms` lies in; of the next local day. */
int64_t kw_zone_day_start_ms(const struct kw_zone *zone, int64_t unix_ms);
int64_t kw_zone_next_day_ms(const struct kw_zone *zone, int64_t unix_ms);

#endif
