/* journal.h - The gateway's durable memory: an append-only file of records, fsynced in batches.
 *
 * Rule (ocpp.md 0.3): write to the journal, wait for the fsync, then answer the station. Records are
 * numbered from 1; a record is 4 bytes length, 4 bytes CRC-32C, 8 bytes sequence, payload. Numbers that the
 * disk refused are passed over by an empty record, so that a missing one is still seen. After a crash a torn
 * tail is cut off (it was never acknowledged); a broken record with whole ones behind it is refused loudly
 * with file and offset.
 *
 * Segments of 8 MiB. kw_journal_trim() drops whole segments whose records are all confirmed. The owner
 * writes a checkpoint of its state (one blob) now and then; replay starts from it.
 *
 * One thread of its own does write + fdatasync: everything queued meanwhile is one batch. */
#ifndef KW_STORE_JOURNAL_H
#define KW_STORE_JOURNAL_H

#include "base/metrics.h"
#include "base/str.h"
#include "net/loop.h"

struct kw_journal;

struct kw_journal_options {
    const char *directory;      /* made with mode 0700 */
    size_t segment_bytes;       /* 0: 8 MiB */
    size_t record_limit_bytes;  /* 0: 2 MiB */
    unsigned queue_limit;       /* 0: 20,000 records waiting for the disk */
    struct kw_metrics *metrics; /* fsync histogram, records, bytes, waiting */
};

/* Blocking: opens, checks, repairs the tail. */
KW_MUST_USE kw_err kw_journal_open(struct kw_loop *loop, const struct kw_journal_options *options,
                                   struct kw_journal **out, char *error, size_t error_size);
void kw_journal_close(struct kw_journal *journal); /* syncs what is queued; blocks */

/* Blocking, at start, before the first append: checkpoint (if there is one), then in order the records that
 * are newer than the checkpoint or not yet confirmed (see kw_journal_checkpointed()). */
KW_MUST_USE kw_err kw_journal_replay(
    struct kw_journal *journal, kw_err (*on_checkpoint)(struct kw_str state, void *arg),
    kw_err (*on_record)(uint64_t sequence, struct kw_str payload, void *arg), void *arg);

/* Read back, while appending goes on: records after `after` up to and including `up_to` (synced: on_synced has
 * told), in order. on_record may return KW_EFULL to stop there. Blocking (some ms for each 8 MiB). */
KW_MUST_USE kw_err kw_journal_read(struct kw_journal *journal, uint64_t after, uint64_t up_to,
                                   kw_err (*on_record)(uint64_t sequence, struct kw_str payload,
                                                       void *arg),
                                   void *arg);

/* Queue a record (copied, not empty); its number in *sequence. on_synced(KW_OK) on the loop after the fsync that
 * covers it, in order; on a disk error on_synced(KW_EIO): it is not durable and must not be
 * acknowledged. KW_EBUSY: queue full: refuse the station. KW_EINVALID, KW_ETOOBIG: its length. */
KW_MUST_USE kw_err kw_journal_append(struct kw_journal *journal, struct kw_str payload,
                                     uint64_t *sequence,
                                     void (*on_synced)(kw_err err, uint64_t sequence, void *arg),
                                     void *arg);

/* State at `sequence` (everything up to it is contained), written beside and renamed; then old segments
 * that are <= min(checkpoint, confirmed) go. Blocking (some ms): now and then only. */
KW_MUST_USE kw_err kw_journal_checkpoint(struct kw_journal *journal, struct kw_str state,
                                         uint64_t sequence);
uint64_t kw_journal_checkpointed(const struct kw_journal *journal); /* 0: none */
/* Everything up to `sequence` has reached Redis; kept in a small file by _save (lazily: repeating is
 * harmless). */
void kw_journal_confirm(struct kw_journal *journal, uint64_t sequence);
void kw_journal_save_confirmed(struct kw_journal *journal);
uint64_t kw_journal_confirmed(const struct kw_journal *journal);
uint64_t kw_journal_last(const struct kw_journal *journal);

#endif
