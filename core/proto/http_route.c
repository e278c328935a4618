/* http_route.c - A list of patterns tried in order of literalness; tens of routes, so a list is enough. */
#include "proto/http_route.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define KW_ROUTE_SEGMENTS 16

struct pattern {
    struct pattern *next;
    enum kw_http_method method;
    char *text;
    struct kw_str segments[KW_ROUTE_SEGMENTS]; /* "{id}" for parameters */
    size_t count;
    bool rest; /* the last segment takes everything */
    void *handler;
};

struct kw_router {
    struct pattern *first;
};

struct kw_router *kw_router_new(void)
{
    return kw_zalloc(sizeof(struct kw_router));
}

void kw_router_free(struct kw_router *router)
{
    if (router == NULL)
        return;
    while (router->first != NULL) {
        struct pattern *pattern = router->first;
        router->first = pattern->next;
        kw_free(pattern->text);
        kw_free(pattern);
    }
    kw_free(router);
}

static bool is_parameter(struct kw_str segment)
{
    return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

/* Cut "/a/b" into segments; returns the count, or -1 if there are too many. */
static int cut(struct kw_str path, struct kw_str *segments, size_t limit)
{
    struct kw_str rest = kw_str_n(path.ptr + 1, path.len - 1);
    size_t count = 0;
    for (;;) {
        const char *slash = rest.len > 0 ? memchr(rest.ptr, '/', rest.len) : NULL;
        if (count == limit)
            return -1;
        segments[count++] =
            kw_str_n(rest.ptr, slash != NULL ? (size_t)(slash - rest.ptr) : rest.len);
        if (slash == NULL)
            return (int)count;
        rest = kw_str_n(slash + 1, rest.len - (size_t)(slash + 1 - rest.ptr));
    }
}

/* Literal segments come before parameters at the first difference. */
static bool before(const struct pattern *a, const struct pattern *b)
{
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        bool a_parameter = is_parameter(a->segments[i]), b_parameter = is_parameter(b->segments[i]);
        if (a_parameter != b_parameter)
            return b_parameter;
    }
    return !a->rest && b->rest;
}

kw_err kw_router_add(struct kw_router *router, enum kw_http_method method, const char *pattern,
                     void *handler)
{
    if (pattern[0] != '/')
        return KW_EINVALID;
    for (struct pattern *at = router->first; at != NULL; at = at->next) {
        if (at->method == method && strcmp(at->text, pattern) == 0)
            return KW_EEXISTS;
    }
    struct pattern *made = kw_zalloc(sizeof *made);
    made->method = method;
    made->text = kw_strdup(pattern);
    made->handler = handler;
    int count = cut(kw_str_of(made->text), made->segments, KW_ROUTE_SEGMENTS);
    size_t parameters = 0;
    for (int i = 0; i < count; i++)
        parameters += is_parameter(made->segments[i]);
    if (count < 0 || parameters > KW_ROUTE_PARAMS) {
        kw_free(made->text);
        kw_free(made);
        return KW_EINVALID;
    }
    made->count = (size_t)count;
    struct kw_str last = made->segments[count - 1];
    made->rest =
        is_parameter(last) && last.len > 5 && memcmp(last.ptr + last.len - 4, "...}", 4) == 0;
    struct pattern **at = &router->first;
    while (*at != NULL && !before(made, *at))
        at = &(*at)->next;
    made->next = *at;
    *at = made;
    return KW_OK;
}

static bool fits(const struct pattern *pattern, const struct kw_str *segments, size_t count)
{
    if (pattern->rest ? count < pattern->count : count != pattern->count)
        return false;
    for (size_t i = 0; i < pattern->count; i++) {
        if (!is_parameter(pattern->segments[i]) && !kw_str_eq(pattern->segments[i], segments[i]))
            return false;
    }
    return true;
}

static kw_err take_parameters(const struct pattern *pattern, const struct kw_str *segments,
                              struct kw_str path, struct kw_route_match *match)
{
    size_t used = 0, length;
    match->param_count = 0;
    for (size_t i = 0; i < pattern->count; i++) {
        struct kw_str name = pattern->segments[i], value = segments[i];
        if (!is_parameter(name))
            continue;
        name = kw_str_n(name.ptr + 1, name.len - 2);
        if (pattern->rest && i + 1 == pattern->count) {
            name.len -= 3;
            value.len = (size_t)(path.ptr + path.len - value.ptr);
        }
        if (value.len > sizeof match->decoded - used ||
            kw_percent_decode(value, false, match->decoded + used, &length) != KW_OK ||
            !kw_utf8_valid(match->decoded + used, length))
            return KW_EINVALID;
        match->params[match->param_count].name = name;
        match->params[match->param_count].value = kw_str_n(match->decoded + used, length);
        match->param_count++;
        used += length;
    }
    return KW_OK;
}

kw_err kw_router_find(const struct kw_router *router, enum kw_http_method method,
                      struct kw_str path, struct kw_route_match *match)
{
    struct kw_str segments[KW_ROUTE_SEGMENTS];
    size_t allowed = 0;
    int count = path.len > 0 && path.ptr[0] == '/' ? cut(path, segments, KW_ROUTE_SEGMENTS) : -1;
    match->allow[0] = 0;
    if (count < 0)
        return KW_ENOTFOUND;
    for (int pass = 0; pass < 2; pass++) { /* second: HEAD as GET */
        enum kw_http_method wanted = pass == 0 ? method : KW_HTTP_GET;
        if (pass == 1 && method != KW_HTTP_HEAD)
            break;
        for (const struct pattern *at = router->first; at != NULL; at = at->next) {
            if (at->method == wanted && fits(at, segments, (size_t)count)) {
                match->handler = at->handler;
                return take_parameters(at, segments, path, match);
            }
        }
    }
    for (const struct pattern *at = router->first; at != NULL; at = at->next) {
        if (fits(at, segments, (size_t)count) && allowed + 12 < sizeof match->allow &&
            strstr(match->allow, kw_http_method_name(at->method)) == NULL)
            allowed +=
                (size_t)snprintf(match->allow + allowed, sizeof match->allow - allowed, "%s%s",
                                 allowed > 0 ? ", " : "", kw_http_method_name(at->method));
    }
    return allowed > 0 ? KW_EDENIED : KW_ENOTFOUND;
}
