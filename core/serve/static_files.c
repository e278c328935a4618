/* static_files.c - Reads a folder once; serves by exact name from memory. */
#include "serve/static_files.h"

#include <dirent.h>
#include <fcntl.h>
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
    char etag[48];
};

struct kw_static_files {
    struct kw_map *files; /* "/assets/x.js" -> struct file */
    size_t total_bytes;
};

static const char *type_of(struct kw_str name)
{
    static const struct {
        const char *suffix, *type;
    } table[] = { { ".html", "text/html; charset=utf-8" }, { ".js", "text/javascript; charset=utf-8" },
                  { ".css", "text/css; charset=utf-8" }, { ".json", "application/json" },
                  { ".svg", "image/svg+xml" }, { ".png", "image/png" }, { ".ico", "image/x-icon" },
                  { ".woff2", "font/woff2" }, { ".webmanifest", "application/manifest+json" },
                  { ".txt", "text/plain; charset=utf-8" } };
    for (size_t i = 0; i < KW_COUNT_OF(table); i++) {
        size_t length = strlen(table[i].suffix);
        if (name.len >= length && memcmp(name.ptr + name.len - length, table[i].suffix, length) == 0)
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
    file->bytes[variant] = blob;
    if (variant == PLAIN) {
        uint8_t digest[20];
        char hex[41];
        kw_sha1(blob->bytes, blob->length_bytes, digest);
        kw_hex_encode(digest, 10, hex);
        (void)snprintf(file->etag, sizeof file->etag, "\"%s\"", hex);
    }
}

static kw_err walk(struct kw_static_files *files, const char *root, const char *below, int depth, char *error,
                   size_t error_size)
{
    char path[1024], name[768];
    (void)snprintf(path, sizeof path, "%s%s", root, below);
    DIR *dir = opendir(path);
    kw_err err = dir != NULL ? KW_OK : KW_ENOTFOUND;
    if (dir == NULL)
        (void)snprintf(error, error_size, "cannot read the web folder %s: %m", path);
    for (struct dirent *entry; err == KW_OK && (entry = readdir(dir)) != NULL;) {
        struct stat st;
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%.500s/%.255s", below, entry->d_name);
        (void)snprintf(path, sizeof path, "%.255s%s", root, name);
        if (lstat(path, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < KW_STATIC_DEPTH) {
            err = walk(files, root, name, depth + 1, error, error_size);
        } else if (S_ISREG(st.st_mode)) {
            files->total_bytes += (size_t)st.st_size;
            struct kw_blob *blob = files->total_bytes <= KW_STATIC_TOTAL_BYTES ? read_whole(path, (size_t)st.st_size) : NULL;
            if (blob == NULL) {
                (void)snprintf(error, error_size, "cannot read %s (or the folder is over 64 MiB)", path);
                err = KW_EIO;
            } else {
                add(files, name, blob);
            }
        }
    }
    if (dir != NULL)
        (void)closedir(dir);
    return err;
}

kw_err kw_static_files_load(const char *directory, struct kw_static_files **out, char *error, size_t error_size)
{
    struct kw_static_files *files = kw_zalloc(sizeof *files);
    files->files = kw_map_new();
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

/* Accept-Encoding names the coding with a q that is not 0. */
static bool accepts(struct kw_str list, const char *coding)
{
    while (list.len > 0) {
        struct kw_str q, one = kw_str_trim(kw_str_cut(list, ',', &list));
        struct kw_str name = kw_str_trim(kw_str_cut(one, ';', &q));
        if (!kw_str_ieq(name, kw_str_of(coding)))
            continue;
        q = kw_str_trim(q);
        double weight = 1;
        if (q.len > 2 && kw_str_to_f64(kw_str_n(q.ptr + 2, q.len - 2), &weight) != KW_OK)
            weight = 0;
        return weight > 0;
    }
    return false;
}

static struct file *find(struct kw_static_files *files, struct kw_str path)
{
    char name[512];
    size_t length;
    if (path.len == 0 || path.len >= sizeof name || kw_percent_decode(path, false, name, &length) != KW_OK)
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
    struct kw_str wanted = kw_http_header_get(head, "accept-encoding");
    enum variant variant = file->bytes[BROTLI] != NULL && accepts(wanted, "br")   ? BROTLI
                           : file->bytes[GZIP] != NULL && accepts(wanted, "gzip") ? GZIP
                                                                                  : PLAIN;
    kw_exchange_header(exchange, "ETag", kw_str_of(file->etag));
    kw_exchange_header(exchange, "Vary", KW_STR("Accept-Encoding"));
    kw_exchange_header(exchange, "Cache-Control",
                       file->immutable ? KW_STR("public, max-age=31536000, immutable") : KW_STR("no-cache"));
    if (kw_str_eqc(kw_http_header_get(head, "if-none-match"), file->etag)) {
        kw_exchange_respond(exchange, 304, NULL, KW_STR_NONE);
        return true;
    }
    if (variant != PLAIN)
        kw_exchange_header(exchange, "Content-Encoding", variant == BROTLI ? KW_STR("br") : KW_STR("gzip"));
    kw_exchange_respond_blob(exchange, 200, file->type, file->bytes[variant]);
    return true;
}
