/* zone_rule.c - Parse and apply the rule that holds after the last stored transition. */
#include "base/zone_rule.h"

#include <string.h>

#define KW_DAY_S 86400

struct cursor {
    const char *at, *end;
};

static char peek(const struct cursor *in)
{
    return in->at < in->end ? *in->at : 0;
}

static bool take(struct cursor *in, char byte)
{
    if (peek(in) != byte)
        return false;
    in->at++;
    return true;
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool skip_name(struct cursor *in)
{
    const char *from = in->at;
    if (take(in, '<')) {
        while (peek(in) != 0 && peek(in) != '>')
            in->at++;
        return take(in, '>');
    }
    while (is_letter(peek(in)))
        in->at++;
    return in->at - from >= 3;
}

static bool number(struct cursor *in, int most, int *out)
{
    int value = 0;
    if (!is_digit(peek(in)))
        return false;
    while (is_digit(peek(in)) && value <= most)
        value = value * 10 + (*in->at++ - '0');
    *out = value;
    return value <= most;
}

/* [+-]hh[:mm[:ss]] */
static bool clock_time(struct cursor *in, int64_t *out)
{
    int hours = 0, minutes = 0, seconds = 0;
    bool minus = take(in, '-');
    if (!minus)
        (void)take(in, '+');
    if (!number(in, 167, &hours))
        return false;
    if (take(in, ':') &&
        (!number(in, 59, &minutes) || (take(in, ':') && !number(in, 59, &seconds))))
        return false;
    *out = (int64_t)hours * 3600 + minutes * 60 + seconds;
    if (minus)
        *out = -*out;
    return true;
}

static bool date(struct cursor *in, struct kw_zone_date *out)
{
    bool ok;
    *out = (struct kw_zone_date){ .kind = 'N', .time_s = 7200 };
    if (take(in, 'M')) {
        out->kind = 'M';
        ok = number(in, 12, &out->month) && out->month >= 1 && take(in, '.') &&
             number(in, 5, &out->week) && out->week >= 1 && take(in, '.') &&
             number(in, 6, &out->day);
    } else if (take(in, 'J')) {
        out->kind = 'J';
        ok = number(in, 365, &out->day) && out->day >= 1;
    } else {
        ok = number(in, 365, &out->day);
    }
    return ok && (!take(in, '/') || clock_time(in, &out->time_s));
}

kw_err kw_zone_rule_parse(struct kw_str text, struct kw_zone_rule *out)
{
    struct cursor in = { text.ptr, text.ptr + text.len };
    memset(out, 0, sizeof *out);
    if (!skip_name(&in) || !clock_time(&in, &out->standard_s))
        return KW_EINVALID;
    out->standard_s = -out->standard_s; /* POSIX counts west of Greenwich */
    if (in.at == in.end)
        return KW_OK;
    out->has_summer = true;
    out->summer_s = out->standard_s + 3600;
    if (!skip_name(&in))
        return KW_EINVALID;
    if (peek(&in) != ',') {
        if (!clock_time(&in, &out->summer_s))
            return KW_EINVALID;
        out->summer_s = -out->summer_s;
    }
    bool ok = take(&in, ',') && date(&in, &out->begin) && take(&in, ',') && date(&in, &out->end) &&
              in.at == in.end;
    return ok ? KW_OK : KW_EINVALID;
}

/* --- the calendar --- */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first of January. */
static int64_t year_start(int64_t year)
{
    int64_t y = year - 1;
    return (year - 1970) * 365 + (y / 4 - 492) - (y / 100 - 19) + (y / 400 - 4);
}

static int64_t date_day(const struct kw_zone_date *date, int64_t year)
{
    static const int before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    static const int lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int64_t start = year_start(year);
    int leap = is_leap(year) ? 1 : 0;
    if (date->kind == 'N')
        return start + date->day;
    if (date->kind == 'J')
        return start + date->day - 1 + (leap && date->day >= 60 ? 1 : 0);
    int month = date->month - 1;
    int64_t first = start + before[month] + (leap && month >= 2 ? 1 : 0);
    int length = lengths[month] + (leap && month == 1 ? 1 : 0);
    int weekday = (int)(((first + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    int day = (date->day - weekday + 7) % 7 + (date->week - 1) * 7;
    while (day >= length)
        day -= 7; /* week 5 is the last one */
    return first + day;
}

int64_t kw_zone_rule_offset_s(const struct kw_zone_rule *rule, int64_t unix_s)
{
    if (!rule->has_summer)
        return rule->standard_s;
    int64_t local_s = unix_s + rule->standard_s;
    int64_t year = 1970 + local_s / (KW_DAY_S * INT64_C(146097)) * 400; /* 400 years are a cycle */
    while (year_start(year + 1) * KW_DAY_S <= local_s)
        year++;
    while (year_start(year) * KW_DAY_S > local_s)
        year--;
    int64_t begin_s =
        date_day(&rule->begin, year) * KW_DAY_S + rule->begin.time_s - rule->standard_s;
    int64_t end_s = date_day(&rule->end, year) * KW_DAY_S + rule->end.time_s - rule->summer_s;
    bool summer = begin_s <= end_s ? unix_s >= begin_s && unix_s < end_s
                                   : unix_s >= begin_s || unix_s < end_s; /* the south */
    return summer ? rule->summer_s : rule->standard_s;
}
