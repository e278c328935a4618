/* private_file.h - Small files of ours in the data folder: mode 0600, replaced whole. */
#ifndef KW_APP_PRIVATE_FILE_H
#define KW_APP_PRIVATE_FILE_H

#include "base/str.h"

/* FOLDER/NAME gets the text (beside, synced, renamed). `name` is one plain file name (letters, digits,
 * '.', '-', '_'; no leading dot), else KW_EINVALID. KW_EIO: errno says why. */
KW_MUST_USE kw_err kw_private_file_write(const char *folder, const char *name, struct kw_str text);
/* The same for a path that the operator chose. */
KW_MUST_USE kw_err kw_private_file_write_at(const char *path, struct kw_str text);
KW_MUST_USE kw_err kw_private_file_remove(const char *folder, const char *name); /* absent: KW_OK */

#endif
