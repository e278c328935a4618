/* journal_record.h - One record of the journal: 4 bytes length, 4 bytes CRC-32C (of what follows), 8 bytes
 * sequence, payload; all little-endian. An empty payload means: numbers up to this one were refused. */
#ifndef KW_STORE_JOURNAL_RECORD_H
#define KW_STORE_JOURNAL_RECORD_H

#include "base/str.h"

#define KW_RECORD_HEADER_BYTES 16

uint32_t kw_record_sum(const unsigned char *bytes, size_t length);
/* Fill the header in front of a payload that stands behind it already. */
void kw_record_header(unsigned char *bytes, uint64_t sequence, size_t payload_bytes);
/* Length of the whole record at `at`; 0: there is none, it is cut or broken. */
size_t kw_record_whole(struct kw_str bytes, size_t at, size_t limit);
uint64_t kw_record_sequence(struct kw_str bytes, size_t at); /* a header is there */
/* A whole record somewhere behind a broken one at `at`: then it was no torn tail. Only numbers near `next`
 * are looked at, so that few places cost a checksum. */
bool kw_record_follows(struct kw_str bytes, size_t at, uint64_t next, size_t limit);

#endif
