/* journal_record.c - Bytes of the journal's records; no file, no thread. */
#include "store/journal_record.h"

#define KW_NUMBERS_AHEAD 1000000

uint32_t kw_record_sum(const unsigned char *bytes, size_t length)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82F63B78u & (0u - (crc & 1)));
    }
    return ~crc;
}

static void put32(unsigned char *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get_number(const unsigned char *in, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | in[i];
    return value;
}

uint64_t kw_record_sequence(struct kw_str bytes, size_t at)
{
    return get_number((const unsigned char *)bytes.ptr + at + 8, 8);
}

void kw_record_header(unsigned char *bytes, uint64_t sequence, size_t payload_bytes)
{
    put32(bytes, (uint32_t)payload_bytes);
    put32(bytes + 8, (uint32_t)sequence);
    put32(bytes + 12, (uint32_t)(sequence >> 32));
    put32(bytes + 4, kw_record_sum(bytes + 8, 8 + payload_bytes));
}

size_t kw_record_whole(struct kw_str bytes, size_t at, size_t limit)
{
    const unsigned char *header = (const unsigned char *)bytes.ptr + at;
    if (bytes.len - at < KW_RECORD_HEADER_BYTES)
        return 0;
    size_t length = (size_t)get_number(header, 4);
    if (length > limit || length > bytes.len - at - KW_RECORD_HEADER_BYTES ||
        kw_record_sum(header + 8, 8 + length) != (uint32_t)get_number(header + 4, 4))
        return 0;
    return KW_RECORD_HEADER_BYTES + length;
}

bool kw_record_follows(struct kw_str bytes, size_t at, uint64_t next, size_t limit)
{
    for (; bytes.len - at >= KW_RECORD_HEADER_BYTES; at++) {
        uint64_t sequence = kw_record_sequence(bytes, at);
        if (sequence >= next && sequence - next < KW_NUMBERS_AHEAD &&
            kw_record_whole(bytes, at, limit) > 0)
            return true;
    }
    return false;
}
