/* site_file.h - A file of a site as text: read with a limit, its first line understood. */
#ifndef KW_SCRIPT_SITE_FILE_H
#define KW_SCRIPT_SITE_FILE_H

#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

#define KW_SITE_API 1 /* the version of lua-api.md that this program speaks */

/* Append the file's bytes. KW_ENOTFOUND, KW_ETOOBIG, KW_EIO; error says why. */
KW_MUST_USE kw_err kw_site_file_read(const char *path, size_t limit_bytes, struct kw_buf *out,
                                     char *error, size_t error_size);

/* The version in a first line `--% api: 1`; 0: it names none. KW_EUNSUPPORTED: not one we know. */
KW_MUST_USE kw_err kw_site_file_version(struct kw_str text, int *version, char *error,
                                        size_t error_size);

/* The text for the compiler: without a byte-order mark. */
struct kw_str kw_site_file_source(struct kw_str text);

#endif
