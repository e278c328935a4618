/* static_files.h - The web build, read once into memory, with its pre-compressed variants.
 *
 * FILE, FILE.br and FILE.gz are one resource; the client's Accept-Encoding chooses. ETag is the
 * content's hash. Names with a hash in them (assets/) are cached for ever, the rest revalidates.
 * Unknown paths without a dot fall back to index.html (the app's own routes). */
#ifndef KW_SERVE_STATIC_FILES_H
#define KW_SERVE_STATIC_FILES_H

#include "serve/http_server.h"

struct kw_static_files;

/* Reads every file under `directory` (at most 64 MiB in all; symbolic links are not followed). */
KW_MUST_USE kw_err kw_static_files_load(const char *directory, struct kw_static_files **out,
                                        char *error, size_t error_size);
void kw_static_files_free(struct kw_static_files *files);
/* True: answered (200, 304). False: no such file; the exchange is still the caller's. */
bool kw_static_files_serve(struct kw_static_files *files, struct kw_exchange *exchange);

#endif
