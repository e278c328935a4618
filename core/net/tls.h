/* tls.h - TLS 1.2 and 1.3 contexts over memory BIOs; certificate files, reload, self-signed start. */
#ifndef KW_NET_TLS_H
#define KW_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct kw_tls;

struct kw_tls_options {
    const char *cert_file;     /* PEM chain */
    const char *key_file;      /* PEM, mode 0600 */
    const char *ca_file;       /* client: trust these instead of the system's; NULL: system */
    bool insecure_skip_verify; /* client, tests only */
};

/* `error` (may be NULL) gets what, where and what to do. */
KW_MUST_USE kw_err kw_tls_server_new(const struct kw_tls_options *options, struct kw_tls **out,
                                     char *error, size_t error_size);
KW_MUST_USE kw_err kw_tls_client_new(const struct kw_tls_options *options, struct kw_tls **out,
                                     char *error, size_t error_size);
void kw_tls_free(struct kw_tls *tls); /* connections keep what they need */

/* Read the files again; new handshakes use the new certificate, open connections stay. On failure
 * the old certificate stays in force. */
KW_MUST_USE kw_err kw_tls_reload(struct kw_tls *tls, char *error, size_t error_size);

/* Make an EC P-256 key (0600) and a self-signed certificate of 825 days for `names`
 * (comma-separated DNS names and IP addresses). Existing files are left alone (KW_EEXISTS). */
KW_MUST_USE kw_err kw_tls_make_self_signed(const char *cert_file, const char *key_file,
                                           const char *names, char *error, size_t error_size);

/* SHA-256 of the leaf certificate as "AB:CD:..." (96 bytes with the zero). */
KW_MUST_USE kw_err kw_tls_fingerprint(const struct kw_tls *tls, char out[96]);

#endif
