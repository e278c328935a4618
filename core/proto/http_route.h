/* http_route.h - Method and path to a handler, by a table of patterns.
 *
 * Pattern: "/api/v1/stations/{id}/commands"; a parameter is one segment, percent-decoded; a last
 * segment "{rest...}" takes everything. Literal segments win over parameters. */
#ifndef KW_PROTO_HTTP_ROUTE_H
#define KW_PROTO_HTTP_ROUTE_H

#include "proto/http_parser.h"

#define KW_ROUTE_PARAMS 6

struct kw_router;

struct kw_route_match {
    void *handler;
    size_t param_count;
    struct {
        struct kw_str name, value;
    } params[KW_ROUTE_PARAMS];
    char decoded[512]; /* values point in here */
    char allow[64];    /* for KW_EDENIED: value of the Allow header */
};

struct kw_router *kw_router_new(void);
void kw_router_free(struct kw_router *router);
/* KW_EEXISTS: same method and pattern. KW_EINVALID: bad pattern. `handler` is not owned. */
KW_MUST_USE kw_err kw_router_add(struct kw_router *router, enum kw_http_method method,
                                 const char *pattern, void *handler);
/* KW_OK; KW_ENOTFOUND: no such path (404); KW_EDENIED: other methods only (405); KW_EINVALID: bad
 * escape (400). HEAD falls back to GET. */
KW_MUST_USE kw_err kw_router_find(const struct kw_router *router, enum kw_http_method method,
                                  struct kw_str path, struct kw_route_match *match);

#endif
