/* http_client.h - Outbound HTTP(S) and SMTP through libcurl's multi interface on our loop.
 *
 * TLS is verified. The response body is bounded. No redirects are followed, no proxy of the
 * environment is used. */
#ifndef KW_NET_HTTP_CLIENT_H
#define KW_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "net/loop.h"

struct kw_http_client;
struct kw_http_call;

struct kw_http_call_options {
    const char *method;          /* "GET", ... */
    const char *url;             /* http or https only */
    const char *const *headers;  /* "Name: value", NULL-terminated; may be NULL */
    struct kw_str body;          /* copied */
    int64_t timeout_ms;          /* 0: 10 s */
    size_t response_limit_bytes; /* 0: 1 MiB */
    const char *ca_file;         /* NULL: system */
};

struct kw_http_reply {
    kw_err err;        /* KW_OK: a response came, whatever its status */
    const char *error; /* words for err */
    int status;
    struct kw_str content_type;
    struct kw_str headers; /* raw header block */
    struct kw_str body;
};

struct kw_http_client *kw_http_client_new(struct kw_loop *loop, unsigned max_calls); /* 0: 64 */
void kw_http_client_free(struct kw_http_client *client); /* open calls end with KW_ECANCELLED */

/* on_reply exactly once, never inside; the reply is valid during the call. KW_EBUSY: too many.
 * KW_EINVALID: a control character in method, URL or a header (or, for mail, an address). */
KW_MUST_USE kw_err kw_http_call(struct kw_http_client *client,
                                const struct kw_http_call_options *options,
                                void (*on_reply)(const struct kw_http_reply *reply, void *arg),
                                void *arg, struct kw_http_call **out /* may be NULL */);
void kw_http_call_cancel(struct kw_http_call *call); /* on_reply is not called any more */

struct kw_mail_options {
    const char *url; /* smtp://host:25, smtps://host:465; starttls is required unless plain_ok */
    const char *user, *password; /* NULL: none */
    bool plain_ok;
    const char *from;
    const char *const *to; /* NULL-terminated */
    struct kw_str message; /* RFC 5322, CRLF; copied */
    int64_t timeout_ms;    /* 0: 30 s */
    const char *ca_file;
};
KW_MUST_USE kw_err kw_mail_send(struct kw_http_client *client,
                                const struct kw_mail_options *options,
                                void (*on_sent)(kw_err err, const char *words, void *arg),
                                void *arg);

#endif
