/* redis_url.c - See redis_url.h. One pass from left to right: scheme, userinfo, place, database. */
#include "feed/redis_url.h"

#include <stdio.h>
#include <string.h>

#define KW_REDIS_PORT 6379
#define KW_REDIS_DB_MAX 65535

static kw_err refuse(char *error, size_t error_size, const char *why)
{
    (void)snprintf(error, error_size, "Redis URL: %s", why);
    return KW_EINVALID;
}

static bool decode(struct kw_str text, char *out, size_t size)
{
    size_t length;
    if (text.len >= size || kw_percent_decode(text, false, out, &length) != KW_OK)
        return false;
    out[length] = 0;
    return true;
}

static const char *read_user(struct kw_str text, struct kw_redis_url *out)
{
    struct kw_str password;
    struct kw_str user = kw_str_cut(text, ':', &password);
    if (user.len == text.len)
        return "write user:password@ (or :password@ for the default user)";
    if (!decode(user, out->user, sizeof out->user))
        return "the user is too long or has a bad %XX";
    if (password.len == 0 || !decode(password, out->password, sizeof out->password))
        return "the password is empty, too long or has a bad %XX";
    return NULL;
}

static const char *read_db(struct kw_str text, struct kw_redis_url *out)
{
    int64_t db;
    if (kw_str_to_i64(text, &db) != KW_OK || db < 0 || db > KW_REDIS_DB_MAX)
        return "the database must be a number from 0";
    out->db = (unsigned)db;
    return NULL;
}

static const char *read_path(struct kw_str text, struct kw_redis_url *out)
{
    struct kw_str query;
    struct kw_str path = kw_str_cut(text, '?', &query);
    if (path.len < 2 || path.ptr[0] != '/')
        return "a socket needs an absolute path: unix:///path/to/redis.sock";
    if (!decode(path, out->path, sizeof out->path))
        return "the socket path is longer than 107 bytes or has a bad %XX";
    if (query.len == 0)
        return NULL;
    if (!kw_str_starts(query, KW_STR("db=")))
        return "the only parameter is ?db=n";
    return read_db((struct kw_str){ query.ptr + 3, query.len - 3 }, out);
}

static const char *read_port(struct kw_str text, struct kw_redis_url *out)
{
    int64_t port;
    if (kw_str_to_i64(text, &port) != KW_OK || port < 1 || port > 65535)
        return "the port must be 1..65535";
    out->port = (uint16_t)port;
    return NULL;
}

static const char *read_host(struct kw_str text, struct kw_redis_url *out)
{
    struct kw_str db, host, port = KW_STR_NONE;
    struct kw_str place = kw_str_cut(text, '/', &db);
    const char *why = NULL;
    out->port = KW_REDIS_PORT;
    if (place.len > 0 && place.ptr[0] == '[') {
        const char *end = memchr(place.ptr, ']', place.len);
        if (end == NULL)
            return "an IPv6 address needs its closing bracket";
        host = kw_str_n(place.ptr + 1, (size_t)(end - place.ptr) - 1);
        port = kw_str_n(end + 1, place.len - host.len - 2);
        if (port.len > 0 && *port.ptr++ != ':')
            return "only :port may follow the bracket";
        port.len -= port.len > 0;
    } else {
        host = kw_str_cut(place, ':', &port);
    }
    if (host.len == 0 || kw_str_copy(host, out->host, sizeof out->host) != KW_OK)
        return "the host is missing or too long";
    if (port.len > 0)
        why = read_port(port, out);
    if (why == NULL && db.len > 0)
        why = read_db(db, out);
    return why;
}

kw_err kw_redis_url_parse(const char *text, struct kw_redis_url *out, char *error,
                          size_t error_size)
{
    struct kw_str url = kw_str_of(text), rest;
    const char *why = NULL;
    bool is_path = kw_str_starts(url, KW_STR("unix://"));
    memset(out, 0, sizeof *out);
    if (kw_str_starts(url, KW_STR("rediss://"))) {
        (void)snprintf(error, error_size,
                       "Redis URL: rediss:// needs a hiredis with TLS, which Debian 12 does not "
                       "have; keep Redis on loopback or a socket and write redis:// or unix://");
        return KW_EUNSUPPORTED;
    }
    if (!is_path && !kw_str_starts(url, KW_STR("redis://")))
        return refuse(error, error_size, "write redis://host:port or unix:///path");
    rest = is_path ? kw_str_n(url.ptr + 7, url.len - 7) : kw_str_n(url.ptr + 8, url.len - 8);
    const char *at = rest.len > 0 ? memchr(rest.ptr, '@', rest.len) : NULL;
    if (at != NULL) {
        size_t length = (size_t)(at - rest.ptr);
        why = read_user(kw_str_n(rest.ptr, length), out);
        rest = kw_str_n(at + 1, rest.len - length - 1);
    }
    if (why == NULL)
        why = is_path ? read_path(rest, out) : read_host(rest, out);
    return why == NULL ? KW_OK : refuse(error, error_size, why);
}
