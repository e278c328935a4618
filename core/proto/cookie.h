/* cookie.h - Read one cookie out of Cookie headers (RFC 6265 5.4: no quotes removed). */
#ifndef KW_PROTO_COOKIE_H
#define KW_PROTO_COOKIE_H

#include "proto/http_parser.h"

/* ptr NULL: absent. Twice the same name: absent too (somebody injected one). */
struct kw_str kw_cookie_get(const struct kw_http_head *head, const char *name);

#endif
