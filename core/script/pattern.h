/* pattern.h - Lua patterns with a step budget: what a site's string.find and friends run on.
 *
 * Lua's own matcher may backtrack for years inside one C function, where no hook fires (five `a-` on
 * 3,000 letters are enough). This one means the same (checked against Lua's by tests and a fuzzer),
 * counts its steps, and gives up. Bytes in, positions out: no Lua state, no allocation. */
#ifndef KW_SCRIPT_PATTERN_H
#define KW_SCRIPT_PATTERN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define KW_PATTERN_CAPTURES 32
#define KW_PATTERN_DEPTH 200        /* as Lua's MAXCCALLS */
#define KW_PATTERN_STEPS 1000000    /* about 5 ms */
#define KW_PATTERN_STEPS_PER_BYTE 8 /* more for long subjects, so that a plain scan always ends */
#define KW_CAPTURE_UNFINISHED ((ptrdiff_t)-1) /* its ')' is missing: an error for who reads it */
#define KW_CAPTURE_POSITION ((ptrdiff_t)-2)

struct kw_capture {
    const char *start;
    ptrdiff_t length; /* or one of KW_CAPTURE_... */
};

struct kw_pattern {
    struct kw_str subject, pattern;
    int64_t steps;                     /* left; shared by all tries on one subject */
    const volatile sig_atomic_t *stop; /* gives up when it becomes true; may be NULL */
    unsigned depth;
    unsigned level; /* captures of the last match */
    struct kw_capture capture[KW_PATTERN_CAPTURES];
    const char *error;  /* set: the pattern is malformed or too costly; static text */
    unsigned bad_index; /* the capture that the error "invalid capture index" speaks of */
};

void kw_pattern_init(struct kw_pattern *match, struct kw_str subject, struct kw_str pattern,
                     const volatile sig_atomic_t *stop);

/* Match at exactly `at` (inside the subject or its end), `pattern` without a leading '^'. The end of
 * the match, or NULL: none, or match->error. */
const char *kw_pattern_at(struct kw_pattern *match, const char *at);

/* Nothing but ordinary characters: a plain search does. */
bool kw_pattern_is_plain(struct kw_str pattern);

#endif
