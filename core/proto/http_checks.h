/* http_checks.h - The checks of a request head that llhttp lacks (reliability.md fact 4). */
#ifndef KW_PROTO_HTTP_CHECKS_H
#define KW_PROTO_HTTP_CHECKS_H

#include "proto/http_parser.h"

/* The request line: one space each, known method, clean target, HTTP/1.0 or 1.1. Fills method, target,
 * path, query of `head`. False: *fault says why. */
bool kw_http_check_line(struct kw_str bytes, struct kw_http_head *head,
                        struct kw_http_fault *fault);

/* The fields: exactly one valid Host (1.1), no chunked in 1.0, no body beside an upgrade. Fills host
 * and upgrade_websocket. */
bool kw_http_check_fields(struct kw_http_head *head, bool is_http_1_0, bool upgrade,
                          struct kw_http_fault *fault);

#endif
