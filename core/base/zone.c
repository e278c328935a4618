/* zone.c - TZif (RFC 9636): the 64-bit block's transitions, and behind them the rule of the footer.
 *
 * Days are found by search, not by arithmetic: some zones begin a day at one o'clock. */
#include "base/zone.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/zone_rule.h"

#define KW_ZONE_FILE_BYTES 262144
#define KW_ZONE_TRANSITIONS 4096
#define KW_DAY_S 86400

struct kw_zone {
    size_t count;
    int64_t *at_s;     /* moments of change, ascending */
    int32_t *offset_s; /* from then on */
    int32_t first_s;   /* before the first */
    bool has_rule;     /* after the last */
    struct kw_zone_rule rule;
};

/* --- reading --- */

static uint32_t read32(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int64_t read64(const unsigned char *at)
{
    return (int64_t)((uint64_t)read32(at) << 32 | read32(at + 4));
}

struct header {
    char version;
    uint32_t isut, isstd, leap, times, types, chars;
};

static bool read_header(const unsigned char *bytes, size_t length, struct header *header)
{
    if (length < 44 || memcmp(bytes, "TZif", 4) != 0)
        return false;
    *header = (struct header){ (char)bytes[4],     read32(bytes + 20), read32(bytes + 24),
                               read32(bytes + 28), read32(bytes + 32), read32(bytes + 36),
                               read32(bytes + 40) };
    return header->times <= KW_ZONE_TRANSITIONS && header->types >= 1 && header->types <= 256 &&
           header->chars <= 4096 && header->leap <= 256 && header->isut <= 256 &&
           header->isstd <= 256;
}

static size_t block_bytes(const struct header *header, size_t time_bytes)
{
    return header->times * (time_bytes + 1) + header->types * 6 + header->chars +
           header->leap * (time_bytes + 4) + header->isstd + header->isut;
}

static bool read_transitions(const unsigned char *block, const struct header *header,
                             struct kw_zone *zone)
{
    const unsigned char *index = block + (size_t)header->times * 8;
    const unsigned char *types = index + header->times;
    zone->count = header->times;
    zone->at_s = kw_alloc(header->times * sizeof *zone->at_s);
    zone->offset_s = kw_alloc(header->times * sizeof *zone->offset_s);
    zone->first_s = (int32_t)read32(types);
    for (size_t i = 0; i < header->times; i++) {
        if (index[i] >= header->types)
            return false;
        zone->at_s[i] = read64(block + i * 8);
        zone->offset_s[i] = (int32_t)read32(types + (size_t)index[i] * 6);
        if (i > 0 && zone->at_s[i] <= zone->at_s[i - 1])
            return false;
        if (zone->offset_s[i] < -KW_DAY_S * 2 || zone->offset_s[i] > KW_DAY_S * 2)
            return false;
    }
    return zone->first_s >= -KW_DAY_S * 2 && zone->first_s <= KW_DAY_S * 2;
}

kw_err kw_zone_parse(struct kw_str bytes, struct kw_zone **out)
{
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    size_t left = bytes.len;
    struct header header;
    if (!read_header(at, left, &header) || header.version < '2')
        return KW_EINVALID;
    size_t old = 44 + block_bytes(&header, 4); /* the 32-bit block is skipped */
    if (old > left || !read_header(at + old, left - old, &header))
        return KW_EINVALID;
    at += old + 44;
    left -= old + 44;
    size_t block = block_bytes(&header, 8);
    if (block > left)
        return KW_EINVALID;
    struct kw_zone *zone = kw_zalloc(sizeof *zone);
    bool ok = read_transitions(at, &header, zone);
    const char *footer = (const char *)at + block;
    left -= block;
    const char *end = left >= 2 && footer[0] == '\n' ? memchr(footer + 1, '\n', left - 1) : NULL;
    if (end != NULL && end > footer + 1) {
        zone->has_rule = true;
        ok = ok && kw_zone_rule_parse(kw_str_n(footer + 1, (size_t)(end - footer - 1)),
                                      &zone->rule) == KW_OK;
    }
    if (!ok) {
        kw_zone_free(zone);
        return KW_EINVALID;
    }
    *out = zone;
    return KW_OK;
}

static bool is_name(const char *name)
{
    if (name[0] == 0 || strlen(name) > 64 || strstr(name, "..") != NULL || name[0] == '/')
        return false;
    for (const char *at = name; *at != 0; at++) {
        if (!isalnum((unsigned char)*at) && strchr("/_+-", *at) == NULL)
            return false;
    }
    return true;
}

static kw_err load_file(const char *path, struct kw_zone **out)
{
    kw_err err = KW_ENOTFOUND;
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return err;
    char *bytes = kw_alloc(KW_ZONE_FILE_BYTES);
    size_t length = fread(bytes, 1, KW_ZONE_FILE_BYTES, file);
    err = kw_zone_parse(kw_str_n(bytes, length), out);
    kw_free(bytes);
    (void)fclose(file);
    return err;
}

kw_err kw_zone_load(const char *name, struct kw_zone **out, char *error, size_t error_size)
{
    char path[512];
    const char *folder = getenv("TZDIR");
    if (strcmp(name, "UTC") == 0) {
        *out = kw_zalloc(sizeof **out);
        return KW_OK;
    }
    if (!is_name(name)) {
        (void)snprintf(error, error_size, "zone %s: not a name as Europe/Moscow", name);
        return KW_EINVALID;
    }
    (void)snprintf(path, sizeof path, "%s/%s",
                   folder != NULL && folder[0] != 0 ? folder : "/usr/share/zoneinfo", name);
    kw_err err = load_file(path, out);
    if (err == KW_ENOTFOUND)
        (void)snprintf(error, error_size,
                       "zone %s: there is no %s (a misspelled name, or tzdata is not installed)",
                       name, path);
    else if (err != KW_OK)
        (void)snprintf(error, error_size, "zone %s: %s is not a time zone file", name, path);
    return err;
}

void kw_zone_free(struct kw_zone *zone)
{
    if (zone == NULL)
        return;
    kw_free(zone->at_s);
    kw_free(zone->offset_s);
    kw_free(zone);
}

/* --- asking --- */

int64_t kw_zone_offset_s(const struct kw_zone *zone, int64_t unix_s)
{
    size_t low = 0, high = zone->count;
    if (zone->has_rule && (zone->count == 0 || unix_s >= zone->at_s[zone->count - 1]))
        return kw_zone_rule_offset_s(&zone->rule, unix_s);
    while (low < high) { /* first transition after unix_s */
        size_t middle = low + (high - low) / 2;
        if (zone->at_s[middle] <= unix_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? zone->first_s : zone->offset_s[low - 1];
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t local_day(const struct kw_zone *zone, int64_t unix_s)
{
    return floor_div(unix_s + kw_zone_offset_s(zone, unix_s), KW_DAY_S);
}

/* First second in (low, high] whose local day is at least `day`; that of `high` is. */
static int64_t first_of(const struct kw_zone *zone, int64_t day, int64_t low, int64_t high)
{
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (local_day(zone, middle) >= day)
            high = middle;
        else
            low = middle;
    }
    return high;
}

int64_t kw_zone_day_start_ms(const struct kw_zone *zone, int64_t unix_ms)
{
    int64_t at_s = floor_div(unix_ms, 1000);
    return first_of(zone, local_day(zone, at_s), at_s - 2 * KW_DAY_S, at_s) * 1000;
}

int64_t kw_zone_next_day_ms(const struct kw_zone *zone, int64_t unix_ms)
{
    int64_t at_s = floor_div(unix_ms, 1000);
    return first_of(zone, local_day(zone, at_s) + 1, at_s, at_s + 2 * KW_DAY_S) * 1000;
}
