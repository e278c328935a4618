/* zone_rule.h - The POSIX rule at the end of a TZif file: "CET-1CEST,M3.5.0,M10.5.0/3". */
#ifndef KW_BASE_ZONE_RULE_H
#define KW_BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct kw_zone_date { /* when in a year */
    char
        kind; /* 'M': weekday of a week of a month; 'J': day 1..365, no leap day; 'N': day 0..365 */
    int month, week, day;
    int64_t time_s; /* local, from midnight; may be negative or beyond a day */
};

struct kw_zone_rule {
    int64_t standard_s, summer_s; /* added to UTC */
    bool has_summer;
    struct kw_zone_date begin, end;
};

KW_MUST_USE kw_err kw_zone_rule_parse(struct kw_str text, struct kw_zone_rule *out);
int64_t kw_zone_rule_offset_s(const struct kw_zone_rule *rule, int64_t unix_s);

#endif
