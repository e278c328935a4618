/* pattern.c - The matcher. Recursive like Lua's (a pattern item that may repeat tries the rest of the
 * pattern), with the same depth limit; every step is counted. */
#include "script/pattern.h"

#include <ctype.h>
#include <string.h>

#define ESCAPE '%'
#define UNFINISHED KW_CAPTURE_UNFINISHED

static const char *match_here(struct kw_pattern *m, const char *s, const char *p);

static unsigned char uchar(char c)
{
    return (unsigned char)c;
}

static const char *pattern_end(const struct kw_pattern *m)
{
    return m->pattern.ptr + m->pattern.len;
}

static const char *subject_end(const struct kw_pattern *m)
{
    return m->subject.ptr + m->subject.len;
}

/* The pattern's byte, 0 behind its end (as the final zero of a Lua string is). */
static char peek(const struct kw_pattern *m, const char *p)
{
    return p < pattern_end(m) ? *p : 0;
}

static const char *fail(struct kw_pattern *m, const char *error)
{
    if (m->error == NULL)
        m->error = error;
    return NULL;
}

/* False: give up. */
static bool step(struct kw_pattern *m)
{
    if (m->steps-- > 0 && (m->stop == NULL || *m->stop == 0))
        return true;
    (void)fail(m, "the pattern is too costly for this subject");
    return false;
}

static bool is_class(unsigned char c, unsigned char class)
{
    bool in;
    switch (tolower(class)) {
    case 'a':
        in = isalpha(c) != 0;
        break;
    case 'c':
        in = iscntrl(c) != 0;
        break;
    case 'd':
        in = isdigit(c) != 0;
        break;
    case 'g':
        in = isgraph(c) != 0;
        break;
    case 'l':
        in = islower(c) != 0;
        break;
    case 'p':
        in = ispunct(c) != 0;
        break;
    case 's':
        in = isspace(c) != 0;
        break;
    case 'u':
        in = isupper(c) != 0;
        break;
    case 'w':
        in = isalnum(c) != 0;
        break;
    case 'x':
        in = isxdigit(c) != 0;
        break;
    case 'z': /* as Lua still has it */
        in = c == 0;
        break;
    default:
        return class == c;
    }
    return isupper(class) != 0 ? !in : in;
}

/* Behind the single-character item at p. NULL: malformed. */
static const char *item_end(struct kw_pattern *m, const char *p)
{
    const char *end = pattern_end(m);
    char first = *p++;
    if (first == ESCAPE) {
        if (p == end)
            return fail(m, "malformed pattern (ends with '%')");
        return p + 1;
    }
    if (first != '[')
        return p;
    if (peek(m, p) == '^')
        p++;
    do { /* a ']' in the first place is an ordinary one */
        if (p == end)
            return fail(m, "malformed pattern (missing ']')");
        if (*p++ == ESCAPE && p < end)
            p++;
    } while (peek(m, p) != ']');
    return p + 1;
}

/* Is c in the set from '[' at p to ']' at `last`? */
static bool in_set(unsigned char c, const char *p, const char *last)
{
    bool found = true;
    if (p[1] == '^') {
        found = false;
        p++;
    }
    while (++p < last) {
        if (*p == ESCAPE) {
            p++;
            if (is_class(c, uchar(*p)))
                return found;
        } else if (p[1] == '-' && p + 2 < last) {
            p += 2;
            if (uchar(p[-2]) <= c && c <= uchar(*p))
                return found;
        } else if (uchar(*p) == c) {
            return found;
        }
    }
    return !found;
}

static bool single(const struct kw_pattern *m, const char *s, const char *p, const char *item_last)
{
    if (s >= subject_end(m))
        return false;
    unsigned char c = uchar(*s);
    switch (*p) {
    case '.':
        return true;
    case ESCAPE:
        return is_class(c, uchar(p[1]));
    case '[':
        return in_set(c, p, item_last - 1);
    default:
        return uchar(*p) == c;
    }
}

static const char *balance(struct kw_pattern *m, const char *s, const char *p)
{
    if (p + 1 >= pattern_end(m))
        return fail(m, "malformed pattern (missing arguments to '%b')");
    if (s >= subject_end(m) || *s != *p)
        return NULL;
    char open = p[0], close = p[1];
    int depth = 1;
    while (++s < subject_end(m)) {
        if (!step(m))
            return NULL;
        if (*s == close) {
            if (--depth == 0)
                return s + 1;
        } else if (*s == open) {
            depth++;
        }
    }
    return NULL;
}

static const char *most(struct kw_pattern *m, const char *s, const char *p, const char *item_last)
{
    ptrdiff_t count = 0;
    while (single(m, s + count, p, item_last)) {
        if (!step(m))
            return NULL;
        count++;
    }
    for (; count >= 0 && m->error == NULL; count--) {
        const char *end = match_here(m, s + count, item_last + 1);
        if (end != NULL)
            return end;
    }
    return NULL;
}

static const char *least(struct kw_pattern *m, const char *s, const char *p, const char *item_last)
{
    for (;;) {
        const char *end = match_here(m, s, item_last + 1);
        if (end != NULL)
            return end;
        if (m->error != NULL || !single(m, s, p, item_last))
            return NULL;
        s++;
    }
}

static const char *open_capture(struct kw_pattern *m, const char *s, const char *p, ptrdiff_t what)
{
    if (m->level >= KW_PATTERN_CAPTURES)
        return fail(m, "too many captures");
    m->capture[m->level++] = (struct kw_capture){ s, what };
    const char *end = match_here(m, s, p);
    if (end == NULL)
        m->level--;
    return end;
}

static const char *close_capture(struct kw_pattern *m, const char *s, const char *p)
{
    unsigned index = m->level;
    while (index > 0 && m->capture[index - 1].length != UNFINISHED)
        index--;
    if (index == 0)
        return fail(m, "invalid pattern capture");
    struct kw_capture *capture = &m->capture[index - 1];
    capture->length = s - capture->start;
    const char *end = match_here(m, s, p);
    if (end == NULL)
        capture->length = UNFINISHED;
    return end;
}

/* %1: the text of an earlier capture. */
static const char *again(struct kw_pattern *m, const char *s, char digit)
{
    int index = digit - '1';
    if (index < 0 || (unsigned)index >= m->level || m->capture[index].length == UNFINISHED) {
        m->bad_index = (unsigned)(index + 1);
        return fail(m, "invalid capture index");
    }
    const struct kw_capture *capture = &m->capture[index];
    if (capture->length < 0 || subject_end(m) - s < capture->length)
        return NULL;
    m->steps -= capture->length / 16;
    if (memcmp(capture->start, s, (size_t)capture->length) != 0)
        return NULL;
    return s + capture->length;
}

static bool frontier(const struct kw_pattern *m, const char *s, const char *p, const char *last)
{
    unsigned char before = s == m->subject.ptr ? 0 : uchar(s[-1]);
    unsigned char here = s < subject_end(m) ? uchar(*s) : 0;
    return !in_set(before, p, last - 1) && in_set(here, p, last - 1);
}

enum next { DONE, GO_ON };

/* One item that is a single character with what follows it. GO_ON: from *s, *p. */
static enum next ordinary(struct kw_pattern *m, const char **s, const char **p)
{
    const char *item_last = item_end(m, *p), *end;
    if (item_last == NULL) {
        *s = NULL;
        return DONE;
    }
    char repeat = peek(m, item_last);
    bool fits = single(m, *s, *p, item_last);
    switch (repeat) {
    case '?':
        if (fits) {
            end = match_here(m, *s + 1, item_last + 1);
            if (end != NULL || m->error != NULL) {
                *s = end;
                return DONE;
            }
        }
        *p = item_last + 1;
        return GO_ON;
    case '+':
        *s = fits ? most(m, *s + 1, *p, item_last) : NULL;
        return DONE;
    case '*':
    case '-':
        if (!fits) {
            *p = item_last + 1;
            return GO_ON;
        }
        *s = repeat == '*' ? most(m, *s, *p, item_last) : least(m, *s, *p, item_last);
        return DONE;
    default:
        if (!fits) {
            *s = NULL;
            return DONE;
        }
        (*s)++;
        *p = item_last;
        return GO_ON;
    }
}

/* %b, %f, %1 or an escaped character. */
static enum next escaped(struct kw_pattern *m, const char **s, const char **p)
{
    char kind = peek(m, *p + 1);
    const char *last;
    if (kind == 'b') {
        *s = balance(m, *s, *p + 2);
        *p += 4;
    } else if (kind == 'f') {
        *p += 2;
        if (peek(m, *p) != '[') {
            *s = fail(m, "missing '[' after '%f' in pattern");
            return DONE;
        }
        last = item_end(m, *p);
        if (last == NULL || !frontier(m, *s, *p, last))
            *s = NULL;
        *p = last;
    } else if (isdigit(uchar(kind))) {
        *s = again(m, *s, kind);
        *p += 2;
    } else {
        return ordinary(m, s, p);
    }
    return *s != NULL ? GO_ON : DONE;
}

static const char *match_here(struct kw_pattern *m, const char *s, const char *p)
{
    enum next next = GO_ON;
    if (m->depth == 0)
        return fail(m, "pattern too complex");
    m->depth--;
    while (next == GO_ON && p != pattern_end(m)) {
        if (!step(m)) {
            s = NULL;
            break;
        }
        switch (*p) {
        case '(':
            s = peek(m, p + 1) == ')' ? open_capture(m, s, p + 2, KW_CAPTURE_POSITION)
                                      : open_capture(m, s, p + 1, UNFINISHED);
            next = DONE;
            break;
        case ')':
            s = close_capture(m, s, p + 1);
            next = DONE;
            break;
        case '$':
            if (p + 1 == pattern_end(m)) {
                s = s == subject_end(m) ? s : NULL;
                next = DONE;
            } else {
                next = ordinary(m, &s, &p);
            }
            break;
        case ESCAPE:
            next = escaped(m, &s, &p);
            break;
        default:
            next = ordinary(m, &s, &p);
            break;
        }
    }
    m->depth++;
    return m->error != NULL ? NULL : s;
}

void kw_pattern_init(struct kw_pattern *match, struct kw_str subject, struct kw_str pattern,
                     const volatile sig_atomic_t *stop)
{
    memset(match, 0, sizeof *match);
    match->subject = subject;
    match->pattern = pattern;
    match->stop = stop;
    match->steps = KW_PATTERN_STEPS + (int64_t)subject.len * KW_PATTERN_STEPS_PER_BYTE;
}

const char *kw_pattern_at(struct kw_pattern *match, const char *at)
{
    match->level = 0;
    match->depth = KW_PATTERN_DEPTH;
    return match_here(match, at, match->pattern.ptr);
}

bool kw_pattern_is_plain(struct kw_str pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (strchr("^$*+?.([%-", pattern.ptr[i]) != NULL && pattern.ptr[i] != 0)
            return false;
    }
    return true;
}
