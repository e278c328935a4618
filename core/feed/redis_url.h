/* redis_url.h - Where a Redis is and who we are there, from one URL.
 *
 * redis://[user:password@]host[:port][/db]   unix://[user:password@]/path[?db=n]
 * User, password and path are percent-decoded. Error texts never repeat the URL: it may hold a password. */
#ifndef KW_FEED_REDIS_URL_H
#define KW_FEED_REDIS_URL_H

#include "base/str.h"

struct kw_redis_url {
    char host[256];                /* name or address, without brackets; "" for a socket path */
    char path[108];                /* as sun_path */
    char user[128], password[512]; /* "" = none */
    uint16_t port;
    unsigned db;
};

/* KW_EINVALID, KW_EUNSUPPORTED (rediss): `error` says what is wrong and what to write. */
KW_MUST_USE kw_err kw_redis_url_parse(const char *text, struct kw_redis_url *out, char *error,
                                      size_t error_size);

#endif
