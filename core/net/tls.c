/* tls.c - OpenSSL contexts: one policy for servers and clients, files read again on demand.
 *
 * A reload builds a whole new context beside the old one and swaps them: a bad file changes nothing,
 * and open sessions keep the context that they began with. No session cache (tickets resume without
 * memory of ours), no renegotiation, no compression. */
#include "net/tls.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "net/conn_internal.h"

/* TLS 1.2: forward secrecy and AEAD only (reliability.md 6; OCPP white paper asks for the GCM ones). */
#define KW_TLS12_CIPHERS \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

struct kw_tls {
    SSL_CTX *context;
    char *cert_file, *key_file;
};

static void explain(char *error, size_t error_size, const char *what, const char *where)
{
    char reason[160] = "unknown reason";
    unsigned long code = ERR_get_error();
    if (code != 0)
        ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    if (error != NULL)
        (void)snprintf(error, error_size, "%s %s: %s", what, where, reason);
}

/* A key under a pass phrase is refused; OpenSSL would ask on the terminal. */
static int no_password(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static SSL_CTX *new_context(bool server)
{
    SSL_CTX *context = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (context == NULL)
        return NULL;
    (void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    (void)SSL_CTX_set_cipher_list(context, KW_TLS12_CIPHERS);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                           (server ? SSL_OP_CIPHER_SERVER_PREFERENCE : 0));
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets need no memory */
    SSL_CTX_set_default_passwd_cb(context, no_password);
    if (server)
        (void)SSL_CTX_set_num_tickets(context, 1);
    return context;
}

static kw_err load_pair(SSL_CTX *context, const char *cert, const char *key, char *error,
                        size_t error_size)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, cert) != 1) {
        explain(error, error_size, "cannot read the certificate", cert);
        return KW_ETLS;
    }
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1) {
        explain(error, error_size, "cannot use the private key", key);
        return KW_ETLS;
    }
    return KW_OK;
}

kw_err kw_tls_server_new(const struct kw_tls_options *options, struct kw_tls **out, char *error,
                         size_t error_size)
{
    SSL_CTX *context = new_context(true);
    if (context == NULL)
        return KW_ENOMEM;
    kw_err err = load_pair(context, options->cert_file, options->key_file, error, error_size);
    if (err != KW_OK) {
        SSL_CTX_free(context);
        return err;
    }
    struct kw_tls *tls = kw_zalloc(sizeof *tls);
    tls->context = context;
    tls->cert_file = kw_strdup(options->cert_file);
    tls->key_file = kw_strdup(options->key_file);
    *out = tls;
    return KW_OK;
}

kw_err kw_tls_client_new(const struct kw_tls_options *options, struct kw_tls **out, char *error,
                         size_t error_size)
{
    SSL_CTX *context = new_context(false);
    if (context == NULL)
        return KW_ENOMEM;
    int loaded = options->ca_file != NULL
                     ? SSL_CTX_load_verify_locations(context, options->ca_file, NULL)
                     : SSL_CTX_set_default_verify_paths(context);
    if (loaded != 1) {
        explain(error, error_size, "cannot read the certificate authorities",
                options->ca_file != NULL ? options->ca_file : "of the system");
        SSL_CTX_free(context);
        return KW_ETLS;
    }
    SSL_CTX_set_verify(context, options->insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       NULL);
    struct kw_tls *tls = kw_zalloc(sizeof *tls);
    tls->context = context;
    *out = tls;
    return KW_OK;
}

void kw_tls_free(struct kw_tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    kw_free(tls->cert_file);
    kw_free(tls->key_file);
    kw_free(tls);
}

kw_err kw_tls_reload(struct kw_tls *tls, char *error, size_t error_size)
{
    KW_ASSERT(tls->cert_file != NULL); /* servers only */
    SSL_CTX *context = new_context(true);
    if (context == NULL)
        return KW_ENOMEM;
    kw_err err = load_pair(context, tls->cert_file, tls->key_file, error, error_size);
    if (err != KW_OK) {
        SSL_CTX_free(context);
        return err;
    }
    SSL_CTX_free(tls->context); /* open sessions hold their own reference */
    tls->context = context;
    return KW_OK;
}

/* --- what OpenSSL sends goes straight to the connection --- */

static BIO_METHOD *to_conn;

static int send_sealed(BIO *bio, const char *bytes, size_t count, size_t *taken)
{
    BIO_clear_retry_flags(bio);
    if (kw_conn_sealed(BIO_get_data(bio), bytes, count) != KW_OK)
        return 0; /* SSL_write() fails, and the connection with it */
    *taken = count;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH; /* the one that OpenSSL insists on */
}

static void make_to_conn(void)
{
    to_conn = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "kilowatch connection");
    if (to_conn == NULL)
        return;
    (void)BIO_meth_set_write_ex(to_conn, send_sealed);
    (void)BIO_meth_set_ctrl(to_conn, control);
}

static BIO *new_out(struct kw_conn *conn)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_to_conn);
    BIO *bio = to_conn != NULL ? BIO_new(to_conn) : NULL;
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, conn);
    BIO_set_init(bio, 1);
    return bio;
}

SSL *kw_tls_session(struct kw_tls *tls, bool server, struct kw_conn *conn)
{
    SSL *ssl = SSL_new(tls->context);
    BIO *in = BIO_new(BIO_s_mem()), *out = new_out(conn);
    if (ssl == NULL || in == NULL || out == NULL) {
        SSL_free(ssl);
        BIO_free(in);
        BIO_free(out);
        return NULL;
    }
    SSL_set_bio(ssl, in, out);
    if (server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

kw_err kw_tls_fingerprint(const struct kw_tls *tls, char out[96])
{
    unsigned char digest[32];
    unsigned length = 0;
    X509 *cert = SSL_CTX_get0_certificate(tls->context);
    if (cert == NULL || X509_digest(cert, EVP_sha256(), digest, &length) != 1 ||
        length != sizeof digest)
        return KW_ETLS;
    for (unsigned i = 0; i < length; i++)
        (void)snprintf(out + 3 * i, 4, i + 1 < length ? "%02X:" : "%02X", digest[i]);
    return KW_OK;
}

kw_err kw_tls_expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1)
        return KW_OK; /* an address is never sent as SNI */
    ERR_clear_error();
    if (SSL_set1_host(ssl, name) != 1 || SSL_set_tlsext_host_name(ssl, name) != 1)
        return KW_ETLS;
    return KW_OK;
}
