/* tls_self_signed.c - The first certificate of a new installation.
 *
 * It is its own authority (CA:TRUE), so that a browser or a client can be told to trust this one
 * file. A half-made pair is removed again: the next start would take it for a good one. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/str.h"
#include "net/tls.h"

#define KW_SELF_SIGNED_DAYS 825

static bool is_address(struct kw_str name)
{
    char text[64];
    unsigned char binary[16];
    return kw_str_copy(name, text, sizeof text) == KW_OK &&
           (inet_pton(AF_INET, text, binary) == 1 || inet_pton(AF_INET6, text, binary) == 1);
}

/* A name goes into OpenSSL's little configuration language: only what a name may hold. */
static bool is_dns_name(struct kw_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.ptr[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') &&
            !(byte >= '0' && byte <= '9') && byte != '-' && byte != '.' && byte != '*')
            return false;
    }
    return name.len > 0 && name.len <= 253;
}

/* "localhost,127.0.0.1" -> "DNS:localhost,IP:127.0.0.1"; false: a bad name, or too many. */
static bool alternative_names(const char *names, char *out, size_t size)
{
    struct kw_str rest = kw_str_of(names);
    size_t used = 0;
    out[0] = 0;
    while (rest.len > 0) {
        struct kw_str name = kw_str_trim(kw_str_cut(rest, ',', &rest));
        bool address = is_address(name);
        if (name.len == 0)
            continue;
        if (!address && !is_dns_name(name))
            return false;
        used += (size_t)snprintf(out + used, size - used, "%s%s%.*s", used > 0 ? "," : "",
                                 address ? "IP:" : "DNS:", (int)name.len, name.ptr);
        if (used >= size)
            return false;
    }
    return used > 0;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static X509 *make_certificate(EVP_PKEY *key, const char *alternatives)
{
    unsigned char serial[16] = { 0 };
    X509 *cert = X509_new();
    bool ok =
        cert != NULL && RAND_bytes(serial, sizeof serial) == 1 && X509_set_version(cert, 2) == 1;
    serial[0] &= 0x7f;
    BIGNUM *number = ok ? BN_bin2bn(serial, sizeof serial, NULL) : NULL;
    ok = ok && number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    ok = ok && X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL &&
         X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * KW_SELF_SIGNED_DAYS) != NULL &&
         X509_set_pubkey(cert, key) == 1;
    X509_NAME *name = ok ? X509_get_subject_name(cert) : NULL;
    ok = ok &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"Kilowatch",
                                    -1, -1, 0) == 1 &&
         X509_set_issuer_name(cert, name) == 1 &&
         add_extension(cert, NID_basic_constraints, "critical,CA:TRUE") &&
         add_extension(cert, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
         add_extension(cert, NID_ext_key_usage, "serverAuth") &&
         add_extension(cert, NID_subject_alt_name, alternatives) &&
         X509_sign(cert, key, EVP_sha256()) > 0;
    if (!ok) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static FILE *create(const char *path, mode_t mode, char *error, size_t error_size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (file == NULL)
        (void)snprintf(error, error_size, "cannot make %s: %m", path);
    return file;
}

kw_err kw_tls_make_self_signed(const char *cert_file, const char *key_file, const char *names,
                               char *error, size_t error_size)
{
    char alternatives[2048];
    if (access(cert_file, F_OK) == 0 || access(key_file, F_OK) == 0)
        return KW_EEXISTS;
    if (!alternative_names(names, alternatives, sizeof alternatives)) {
        (void)snprintf(error, error_size,
                       "cannot make a certificate for \"%s\": give DNS names and addresses, "
                       "separated by commas",
                       names);
        return KW_EINVALID;
    }
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = key != NULL ? make_certificate(key, alternatives) : NULL;
    kw_err err = KW_ETLS;
    (void)snprintf(error, error_size, "cannot make a certificate for %s", names);
    FILE *key_out = cert != NULL ? create(key_file, 0600, error, error_size) : NULL;
    FILE *cert_out = key_out != NULL ? create(cert_file, 0644, error, error_size) : NULL;
    if (cert_out != NULL && PEM_write_PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL) == 1 &&
        PEM_write_X509(cert_out, cert) == 1)
        err = KW_OK;
    if (key_out != NULL && fclose(key_out) != 0)
        err = KW_EIO;
    if (cert_out != NULL && fclose(cert_out) != 0)
        err = KW_EIO;
    if (err != KW_OK && key_out != NULL)
        (void)unlink(key_file);
    if (err != KW_OK && cert_out != NULL)
        (void)unlink(cert_file);
    X509_free(cert);
    EVP_PKEY_free(key);
    return err;
}
