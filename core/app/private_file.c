/* private_file.c - Write beside, sync, rename: a reader sees the old text or the new one, never half. */
#include "app/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KW_PATH_BYTES 900

static kw_err path_of(const char *folder, const char *name, char out[KW_PATH_BYTES])
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    size_t length = strlen(name);
    if (length == 0 || length > 100 || name[0] == '.' || strspn(name, allowed) != length)
        return KW_EINVALID;
    return (size_t)snprintf(out, KW_PATH_BYTES, "%s/%s", folder, name) < KW_PATH_BYTES
               ? KW_OK
               : KW_EINVALID;
}

static kw_err write_all(int fd, struct kw_str text)
{
    while (text.len > 0) {
        ssize_t wrote = write(fd, text.ptr, text.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return KW_EIO;
        text.ptr += wrote;
        text.len -= (size_t)wrote;
    }
    return fsync(fd) == 0 ? KW_OK : KW_EIO;
}

kw_err kw_private_file_write_at(const char *path, struct kw_str text)
{
    char beside[KW_PATH_BYTES + 4];
    if ((size_t)snprintf(beside, sizeof beside, "%s.new", path) >= sizeof beside)
        return KW_EINVALID;
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return KW_EIO;
    kw_err err = write_all(fd, text);
    if (close(fd) != 0)
        err = KW_EIO;
    if (err == KW_OK && rename(beside, path) != 0)
        err = KW_EIO;
    if (err != KW_OK)
        (void)unlink(beside);
    return err;
}

kw_err kw_private_file_write(const char *folder, const char *name, struct kw_str text)
{
    char path[KW_PATH_BYTES];
    kw_err err = path_of(folder, name, path);
    return err == KW_OK ? kw_private_file_write_at(path, text) : err;
}

kw_err kw_private_file_remove(const char *folder, const char *name)
{
    char path[KW_PATH_BYTES];
    kw_err err = path_of(folder, name, path);
    if (err != KW_OK)
        return err;
    return unlink(path) == 0 || errno == ENOENT ? KW_OK : KW_EIO;
}
