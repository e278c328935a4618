/* static_files.c - Reads a folder once; serves by exact name from memory.
 *
 * A request chooses among names that were loaded: no path of a request ever reaches the file system,
 * so there is nothing to traverse. Each variant (plain, br, gzip) is a representation of its own and
 * has its own ETag. */
#include "serve/static_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"

#define KW_STATIC_TOTAL_BYTES (64u * 1024 * 1024)
#define KW_STATIC_DEPTH 8

enum variant { PLAIN, BROTLI, GZIP, VARIANTS };

struct file {
    struct kw_blob *bytes[VARIANTS];
    const char *type;
    bool immutable;
    char etag[VARIANTS][44]; /* quoted */
};

struct kw_static_files {
    struct kw_map *files; /* "/assets/x.js" -> struct file */
    size_t total_bytes;
};

static const char *type_of(struct kw_str name)
{
    static const struct {
        const char *suffix, *type;
    } table[] = { { ".html", "text/html; charset=utf-8" },
                  { ".js", "text/javascript; charset=utf-8" },
                  { ".css", "text/css; charset=utf-8" },
                  { ".json", "application/json" },
                  { ".svg", "image/svg+xml" },
                  { ".png", "image/png" },
                  { ".ico", "image/x-icon" },
                  { ".woff2", "font/woff2" },
                  { ".webmanifest", "application/manifest+json" },
                  { ".txt", "text/plain; charset=utf-8" } };
    for (size_t i = 0; i < KW_COUNT_OF(table); i++) {
        size_t length = strlen(table[i].suffix);
        if (name.len >= length &&
            memcmp(name.ptr + name.len - length, table[i].suffix, length) == 0)
            return table[i].type;
    }
    return "application/octet-stream";
}

static struct kw_blob *read_whole(const char *path, size_t size)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct kw_blob *blob = kw_blob_new_raw(size);
    size_t at = 0;
    while (at < size) {
        ssize_t got = read(fd, blob->bytes + at, size - at);
        if (got <= 0)
            break;
        at += (size_t)got;
    }
    (void)close(fd);
    if (at == size)
        return blob;
    kw_blob_unref(blob);
    return NULL;
}

static void add(struct kw_static_files *files, const char *name, struct kw_blob *blob)
{
    struct kw_str key = kw_str_of(name);
    enum variant variant = PLAIN;
    if (key.len > 3 && memcmp(key.ptr + key.len - 3, ".br", 3) == 0) {
        variant = BROTLI;
        key.len -= 3;
    } else if (key.len > 3 && memcmp(key.ptr + key.len - 3, ".gz", 3) == 0) {
        variant = GZIP;
        key.len -= 3;
    }
    struct file *file = kw_map_get(files->files, key);
    if (file == NULL) {
        file = kw_zalloc(sizeof *file);
        file->type = type_of(key);
        file->immutable = kw_str_starts(key, KW_STR("/assets/"));
        (void)kw_map_put(files->files, key, file);
    }
    uint8_t digest[20];
    char hex[41];
    kw_sha1(blob->bytes, blob->length_bytes, digest);
    kw_hex_encode(digest, 10, hex);
    (void)snprintf(file->etag[variant], sizeof file->etag[variant], "\"%s\"", hex);
    file->bytes[variant] = blob;
}

static kw_err walk(struct kw_static_files *files, const char *root, const char *below, int depth,
                   char *error, size_t error_size);

static kw_err load_entry(struct kw_static_files *files, const char *root, const char *name,
                         int depth, char *error, size_t error_size)
{
    char path[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof path, "%s%s", root, name) >= (int)sizeof path)
        return KW_ETOOBIG;
    if (lstat(path, &st) != 0)
        return KW_EIO;
    if (S_ISDIR(st.st_mode))
        return walk(files, root, name, depth + 1, error, error_size);
    if (!S_ISREG(st.st_mode))
        return KW_OK; /* links and devices are not ours to serve */
    if ((size_t)st.st_size > KW_STATIC_TOTAL_BYTES - files->total_bytes)
        return KW_ETOOBIG;
    struct kw_blob *blob = read_whole(path, (size_t)st.st_size);
    if (blob == NULL)
        return KW_EIO;
    files->total_bytes += (size_t)st.st_size;
    add(files, name, blob);
    return KW_OK;
}

static kw_err walk(struct kw_static_files *files, const char *root, const char *below, int depth,
                   char *error, size_t error_size)
{
    char path[PATH_MAX], name[PATH_MAX];
    kw_err err = depth > KW_STATIC_DEPTH ||
                         snprintf(path, sizeof path, "%s%s", root, below) >= (int)sizeof path
                     ? KW_ETOOBIG
                     : KW_OK;
    DIR *dir = err == KW_OK ? opendir(path) : NULL;
    if (dir == NULL) {
        (void)snprintf(error, error_size, "cannot read the web folder %s%s: %s", root, below,
                       err == KW_OK ? strerror(errno) : kw_err_text(err));
        return err == KW_OK ? KW_ENOTFOUND : err;
    }
    for (struct dirent *entry = readdir(dir); err == KW_OK && entry != NULL; entry = readdir(dir)) {
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(name, sizeof name, "%s/%s", below, entry->d_name) >= (int)sizeof name)
            err = KW_ETOOBIG;
        else
            err = load_entry(files, root, name, depth, error, error_size);
        if (err != KW_OK && error[0] == 0)
            (void)snprintf(error, error_size, "cannot load %s%s/%s: %s", root, below, entry->d_name,
                           err == KW_ETOOBIG ? "over 64 MiB in all, or too deep"
                                             : kw_err_text(err));
    }
    (void)closedir(dir);
    return err;
}

kw_err kw_static_files_load(const char *directory, struct kw_static_files **out, char *error,
                            size_t error_size)
{
    struct kw_static_files *files = kw_zalloc(sizeof *files);
    files->files = kw_map_new();
    error[0] = 0;
    kw_err err = walk(files, directory, "", 0, error, error_size);
    if (err != KW_OK) {
        kw_static_files_free(files);
        return err;
    }
    *out = files;
    return KW_OK;
}

void kw_static_files_free(struct kw_static_files *files)
{
    size_t at = 0;
    struct kw_str key;
    void *value;
    if (files == NULL)
        return;
    while (kw_map_next(files->files, &at, &key, &value)) {
        struct file *file = value;
        for (int variant = 0; variant < VARIANTS; variant++)
            kw_blob_unref(file->bytes[variant]);
        kw_free(file);
    }
    kw_map_free(files->files);
    kw_free(files);
}

/* The q of one member of Accept-Encoding, in thousandths; 1000 without one, 0 for nonsense. */
static int weight_of(struct kw_str parameters)
{
    while (parameters.len > 0) {
        double q;
        struct kw_str one = kw_str_trim(kw_str_cut(parameters, ';', &parameters));
        if (one.len < 2 || (one.ptr[0] != 'q' && one.ptr[0] != 'Q') || one.ptr[1] != '=')
            continue;
        if (kw_str_to_f64(kw_str_n(one.ptr + 2, one.len - 2), &q) != KW_OK || q < 0 || q > 1)
            return 0;
        return (int)(q * 1000);
    }
    return 1000;
}

/* What the client makes of a coding: its own member, else "*", else 0. */
static int accepts(struct kw_str list, const char *coding)
{
    int any = 0;
    while (list.len > 0) {
        struct kw_str parameters, one = kw_str_trim(kw_str_cut(list, ',', &list));
        struct kw_str name = kw_str_trim(kw_str_cut(one, ';', &parameters));
        if (kw_str_ieq(name, kw_str_of(coding)))
            return weight_of(parameters);
        if (kw_str_eqc(name, "*"))
            any = weight_of(parameters);
    }
    return any;
}

static enum variant choose(const struct file *file, struct kw_str wanted)
{
    int brotli = file->bytes[BROTLI] != NULL ? accepts(wanted, "br") : 0;
    int gzip = file->bytes[GZIP] != NULL ? accepts(wanted, "gzip") : 0;
    if (brotli > 0 && brotli >= gzip)
        return BROTLI;
    return gzip > 0 ? GZIP : PLAIN;
}

/* If-None-Match: "*" or a list; the weak prefix does not matter here (RFC 9110 13.1.2). */
static bool has_match(struct kw_str list, const char *etag)
{
    while (list.len > 0) {
        struct kw_str one = kw_str_trim(kw_str_cut(list, ',', &list));
        if (kw_str_starts(one, KW_STR("W/")))
            one = kw_str_n(one.ptr + 2, one.len - 2);
        if (kw_str_eqc(one, "*") || kw_str_eqc(one, etag))
            return true;
    }
    return false;
}

static struct file *find(struct kw_static_files *files, struct kw_str path)
{
    char name[512];
    size_t length;
    if (path.len == 0 || path.len >= sizeof name ||
        kw_percent_decode(path, false, name, &length) != KW_OK)
        return NULL;
    struct file *file = kw_map_get(files->files, kw_str_n(name, length));
    if (file == NULL && memchr(name, '.', length) == NULL) /* a route of the app */
        file = kw_map_get(files->files, KW_STR("/index.html"));
    return file;
}

bool kw_static_files_serve(struct kw_static_files *files, struct kw_exchange *exchange)
{
    const struct kw_http_head *head = kw_exchange_head(exchange);
    struct file *file = find(files, head->path);
    if (file == NULL || file->bytes[PLAIN] == NULL)
        return false;
    if (head->method != KW_HTTP_GET && head->method != KW_HTTP_HEAD) {
        kw_exchange_header(exchange, "Allow", KW_STR("GET, HEAD"));
        kw_exchange_problem(exchange, 405, "method-not-allowed", "Files are only read.");
        return true;
    }
    enum variant variant = choose(file, kw_http_header_get(head, "accept-encoding"));
    kw_exchange_header(exchange, "ETag", kw_str_of(file->etag[variant]));
    kw_exchange_header(exchange, "Vary", KW_STR("Accept-Encoding"));
    kw_exchange_header(exchange, "Cache-Control",
                       file->immutable ? KW_STR("public, max-age=31536000, immutable")
                                       : KW_STR("no-cache"));
    if (has_match(kw_http_header_get(head, "if-none-match"), file->etag[variant])) {
        kw_exchange_respond(exchange, 304, NULL, KW_STR_NONE);
        return true;
    }
    if (variant != PLAIN)
        kw_exchange_header(exchange, "Content-Encoding",
                           variant == BROTLI ? KW_STR("br") : KW_STR("gzip"));
    kw_exchange_respond_blob(exchange, 200, file->type, file->bytes[variant]);
    return true;
}
