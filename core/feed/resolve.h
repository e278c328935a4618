/* resolve.h - A host name to addresses without stopping the loop.
 *
 * getaddrinfo() may take seconds, so it runs on a thread of its own; a request that nobody wants any more
 * is abandoned and frees itself. Addresses in digits and "localhost" never come here. */
#ifndef KW_FEED_RESOLVE_H
#define KW_FEED_RESOLVE_H

#include <netdb.h>

#include "net/loop.h"

struct kw_resolve;

/* on_done(found, arg) on the loop, never inside; found NULL: no address. The callback must not keep
 * `found`; the request is dead after it. NULL: no thread could be started. */
struct kw_resolve *kw_resolve_start(struct kw_loop *loop, const char *host, uint16_t port,
                                    void (*on_done)(const struct addrinfo *found, void *arg),
                                    void *arg);
void kw_resolve_cancel(struct kw_resolve *resolve); /* on_done will not come; NULL is fine */

#endif
