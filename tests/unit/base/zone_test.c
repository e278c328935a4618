/* zone_test.c - Zones against the C library, every few hours over decades; rules; broken files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/zone.h"
#include "base/zone_rule.h"

#define HOUR_MS 3600000

static struct kw_zone *load(const char *name)
{
    char error[300] = "";
    struct kw_zone *zone = NULL;
    kw_err err = kw_zone_load(name, &zone, error, sizeof error);
    if (err != KW_OK)
        fail_msg("%s: %s", name, error);
    return zone;
}

static void same_as_the_c_library(void **state)
{
    static const char *const names[] = { "Europe/Moscow",    "Europe/Berlin",  "America/New_York",
                                         "Australia/Sydney", "Asia/Kathmandu", "America/Sao_Paulo",
                                         "Africa/Casablanca" };
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(names); i++) {
        struct kw_zone *zone = load(names[i]);
        assert_int_equal(setenv("TZ", names[i], 1), 0);
        tzset();
        for (int64_t at_s = 0; at_s < INT64_C(2600000000); at_s += 20011) { /* 1970..2052 */
            struct tm parts;
            time_t at = (time_t)at_s;
            assert_non_null(localtime_r(&at, &parts));
            if (kw_zone_offset_s(zone, at_s) != parts.tm_gmtoff)
                fail_msg("%s at %lld: %lld, the library says %ld", names[i], (long long)at_s,
                         (long long)kw_zone_offset_s(zone, at_s), parts.tm_gmtoff);
        }
        kw_zone_free(zone);
    }
    assert_int_equal(unsetenv("TZ"), 0);
}

static void days_of_23_24_and_25_hours(void **state)
{
    (void)state;
    struct kw_zone *zone = load("Europe/Berlin");
    int64_t noon_ms = INT64_C(1774778400000); /* 2026-03-29T10:00Z: the clock went forward */
    int64_t start_ms = kw_zone_day_start_ms(zone, noon_ms);
    assert_int_equal(start_ms, INT64_C(1774738800000)); /* 2026-03-28T23:00Z */
    assert_int_equal(kw_zone_next_day_ms(zone, noon_ms) - start_ms, 23 * HOUR_MS);
    noon_ms = INT64_C(1792922400000); /* 2026-10-25T10:00Z */
    start_ms = kw_zone_day_start_ms(zone, noon_ms);
    assert_int_equal(kw_zone_next_day_ms(zone, noon_ms) - start_ms, 25 * HOUR_MS);
    assert_int_equal(kw_zone_day_start_ms(zone, start_ms), start_ms);
    assert_int_equal(kw_zone_next_day_ms(zone, start_ms - 1), start_ms);
    kw_zone_free(zone);
    zone = load("UTC");
    assert_int_equal(kw_zone_day_start_ms(zone, INT64_C(1774778400123)), INT64_C(1774742400000));
    kw_zone_free(zone);
}

/* In Sao Paulo the clock went from 00:00 to 01:00: that day had no midnight. */
static void a_day_without_midnight(void **state)
{
    (void)state;
    struct kw_zone *zone = load("America/Sao_Paulo");
    int64_t noon_ms = INT64_C(1541343600000); /* 2018-11-04T15:00Z */
    assert_int_equal(kw_zone_day_start_ms(zone, noon_ms), INT64_C(1541300400000)); /* 03:00Z */
    kw_zone_free(zone);
}

static void names_that_are_none(void **state)
{
    static const char *const names[] = { "",         "Europe/Nowhere", "../../etc/passwd",
                                         "/etc/tz",  "Europe",         "Europe/Moscow ",
                                         "zone.tab", "Europe/../UTC" };
    char error[300];
    struct kw_zone *zone;
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(names); i++) {
        error[0] = 0;
        assert_int_not_equal(kw_zone_load(names[i], &zone, error, sizeof error), KW_OK);
        assert_non_null(strstr(error, names[i]));
    }
}

static void rules(void **state)
{
    static const char *const good[] = { "MSK-3",
                                        "<+0545>-5:45",
                                        "EST5EDT,M3.2.0,M11.1.0",
                                        "IST-1GMT0,M10.5.0,M3.5.0/1",
                                        "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1",
                                        "AAA3BBB,J60/0,300/25" };
    static const char *const bad[] = { "",
                                       "UT",
                                       "MSK",
                                       "MSK-3X",
                                       "EST5EDT",
                                       "EST5EDT,M3.2.0",
                                       "EST5EDT,M13.2.0,M11.1.0",
                                       "EST5EDT,M3.2.7,M11.1.0",
                                       "EST5EDT,M3.2.0,M11.1.0,",
                                       "EST5EDT,J0,J365",
                                       "<+05-5",
                                       "EST999" };
    struct kw_zone_rule rule;
    (void)state;
    for (size_t i = 0; i < KW_COUNT_OF(good); i++)
        assert_int_equal(kw_zone_rule_parse(kw_str_of(good[i]), &rule), KW_OK);
    for (size_t i = 0; i < KW_COUNT_OF(bad); i++)
        assert_int_equal(kw_zone_rule_parse(kw_str_of(bad[i]), &rule), KW_EINVALID);
}

/* Any prefix and any changed byte of a real file: refused or answered, never out of bounds (ASan). */
static void broken_files(void **state)
{
    char *bytes = kw_alloc(65536);
    (void)state;
    FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, 65536, file);
    assert_int_equal(fclose(file), 0);
    for (size_t cut = 0; cut < length; cut += 7) {
        char *copy = kw_alloc(cut);
        struct kw_zone *zone = NULL;
        memcpy(copy, bytes, cut);
        if (kw_zone_parse(kw_str_n(copy, cut), &zone) == KW_OK)
            kw_zone_free(zone);
        kw_free(copy);
    }
    for (size_t at = 0; at < length; at++) {
        struct kw_zone *zone = NULL;
        char kept = bytes[at];
        bytes[at] = (char)(kept ^ 0xA5);
        if (kw_zone_parse(kw_str_n(bytes, length), &zone) == KW_OK) {
            (void)kw_zone_day_start_ms(zone, INT64_C(1774778400000));
            kw_zone_free(zone);
        }
        bytes[at] = kept;
    }
    kw_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_the_c_library),
        cmocka_unit_test(days_of_23_24_and_25_hours),
        cmocka_unit_test(a_day_without_midnight),
        cmocka_unit_test(names_that_are_none),
        cmocka_unit_test(rules),
        cmocka_unit_test(broken_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
