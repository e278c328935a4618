/* clock.c - The two clocks, and civil time by days since 1970 (proleptic Gregorian). */
#include "base/clock.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

static _Atomic int64_t fixed_now_ms = -1, fixed_mono_us = -1; /* test double */

void kw_clock_fix(int64_t now_ms, int64_t mono_us)
{
    atomic_store(&fixed_now_ms, now_ms);
    atomic_store(&fixed_mono_us, mono_us);
}

int64_t kw_now_ms(void)
{
    struct timespec now;
    int64_t fixed = atomic_load_explicit(&fixed_now_ms, memory_order_relaxed);
    if (fixed >= 0)
        return fixed;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t kw_mono_us(void)
{
    struct timespec now;
    int64_t fixed = atomic_load_explicit(&fixed_mono_us, memory_order_relaxed);
    if (fixed >= 0)
        return fixed;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void put(char *out, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void kw_rfc3339(int64_t unix_ms, char out[KW_RFC3339_SIZE])
{
    const int64_t least = -62167219200000, most = 253402300799999;
    unix_ms = unix_ms < least ? least : unix_ms > most ? most : unix_ms;
    int64_t days = unix_ms / 86400000, in_day = unix_ms % 86400000;
    if (in_day < 0) {
        in_day += 86400000;
        days--;
    }
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t mp = (5 * of_year + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
    memcpy(out, "0000-00-00T00:00:00.000Z", KW_RFC3339_SIZE);
    put(out, year_of_era + era * 400 + (month <= 2), 4);
    put(out + 5, month, 2);
    put(out + 8, of_year - (153 * mp + 2) / 5 + 1, 2);
    put(out + 11, in_day / 3600000, 2);
    put(out + 14, in_day / 60000 % 60, 2);
    put(out + 17, in_day / 1000 % 60, 2);
    put(out + 20, in_day % 1000, 3);
}

static bool number(struct kw_str text, size_t at, size_t digits, int64_t *out)
{
    if (text.len < at + digits)
        return false;
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        char byte = text.ptr[at + i];
        if (byte < '0' || byte > '9')
            return false;
        *out = *out * 10 + (byte - '0');
    }
    return true;
}

/* Offset at `at`: Z, +hh:mm, +hhmm, or nothing. */
static bool zone(struct kw_str text, size_t at, int64_t *offset_ms, bool *had_zone)
{
    int64_t hours, minutes;
    *offset_ms = 0;
    *had_zone = at < text.len;
    if (at == text.len)
        return true;
    if ((text.ptr[at] == 'Z' || text.ptr[at] == 'z') && at + 1 == text.len)
        return true;
    if (text.ptr[at] != '+' && text.ptr[at] != '-')
        return false;
    size_t minutes_at = at + 3 + (at + 3 < text.len && text.ptr[at + 3] == ':');
    if (!number(text, at + 1, 2, &hours) || !number(text, minutes_at, 2, &minutes) ||
        minutes_at + 2 != text.len || hours > 23 || minutes > 59)
        return false;
    *offset_ms = (hours * 60 + minutes) * 60000 * (text.ptr[at] == '-' ? -1 : 1);
    return true;
}

kw_err kw_rfc3339_parse(struct kw_str text, int64_t *unix_ms, bool *had_zone)
{
    int64_t year, month, day, hour, minute, second, ms = 0, scale = 100, offset_ms;
    bool zoned;
    if (!number(text, 0, 4, &year) || !number(text, 5, 2, &month) || !number(text, 8, 2, &day) ||
        !number(text, 11, 2, &hour) || !number(text, 14, 2, &minute) ||
        !number(text, 17, 2, &second) || text.ptr[4] != '-' || text.ptr[7] != '-' ||
        (text.ptr[10] != 'T' && text.ptr[10] != 't' && text.ptr[10] != ' ') ||
        text.ptr[13] != ':' || text.ptr[16] != ':')
        return KW_EINVALID;
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60)
        return KW_EINVALID;
    size_t at = 19;
    if (at < text.len && (text.ptr[at] == '.' || text.ptr[at] == ',')) {
        size_t first = ++at;
        for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++) {
            ms += (text.ptr[at] - '0') * scale;
            scale /= 10;
        }
        if (at == first)
            return KW_EINVALID;
    }
    if (!zone(text, at, &offset_ms, &zoned))
        return KW_EINVALID;
    *unix_ms = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * 1000 +
               ms - offset_ms;
    if (had_zone != NULL)
        *had_zone = zoned;
    return KW_OK;
}
