/* site_file.c - Reads a file of a site. */
#include "script/site_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

kw_err kw_site_file_read(const char *path, size_t limit_bytes, struct kw_buf *out, char *error,
                         size_t error_size)
{
    char piece[8192];
    kw_err err = KW_OK;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)snprintf(error, error_size, "cannot be read: %s", strerror(errno));
        return errno == ENOENT ? KW_ENOTFOUND : KW_EIO;
    }
    for (size_t n; err == KW_OK && (n = fread(piece, 1, sizeof piece, file)) > 0;) {
        if (kw_buf_len(out) + n > limit_bytes || kw_buf_append(out, piece, n) != KW_OK) {
            (void)snprintf(error, error_size, "is larger than %zu bytes", limit_bytes);
            err = KW_ETOOBIG;
        }
    }
    if (err == KW_OK && ferror(file) != 0) {
        (void)snprintf(error, error_size, "cannot be read: %s", strerror(errno));
        err = KW_EIO;
    }
    (void)fclose(file);
    return err;
}

struct kw_str kw_site_file_source(struct kw_str text)
{
    if (kw_str_starts(text, KW_STR("\xEF\xBB\xBF")))
        return kw_str_n(text.ptr + 3, text.len - 3);
    return text;
}

kw_err kw_site_file_version(struct kw_str text, int *version, char *error, size_t error_size)
{
    struct kw_str rest, line = kw_str_cut(kw_site_file_source(text), '\n', &rest);
    int64_t number = 0;
    *version = 0;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (!kw_str_starts(line, KW_STR("--%")))
        return KW_OK;
    struct kw_str value, key = kw_str_trim(kw_str_n(line.ptr + 3, line.len - 3));
    key = kw_str_trim(kw_str_cut(key, ':', &value));
    value = kw_str_trim(value);
    if (!kw_str_eqc(key, "api"))
        return KW_OK;
    if (kw_str_to_i64(value, &number) == KW_OK && number == KW_SITE_API) {
        *version = (int)number;
        return KW_OK;
    }
    (void)snprintf(error, error_size, "needs api %.*s, but this program speaks api %d",
                   (int)(value.len < 20 ? value.len : 20), value.len > 0 ? value.ptr : "",
                   KW_SITE_API);
    return KW_EUNSUPPORTED;
}
