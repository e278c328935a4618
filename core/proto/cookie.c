/* cookie.c - One cookie by name; a name that comes twice is nobody's. */
#include "proto/cookie.h"

struct kw_str kw_cookie_get(const struct kw_http_head *head, const char *name)
{
    struct kw_str found = KW_STR_NONE;
    for (size_t i = 0; i < head->header_count; i++) {
        struct kw_str rest = head->headers[i].value;
        if (!kw_str_ieq(head->headers[i].name, KW_STR("cookie")))
            continue;
        while (rest.len > 0) {
            struct kw_str value, pair = kw_str_trim(kw_str_cut(rest, ';', &rest));
            struct kw_str pair_name = kw_str_cut(pair, '=', &value);
            if (!kw_str_eqc(pair_name, name) || pair_name.len == pair.len)
                continue;
            if (found.ptr != NULL)
                return KW_STR_NONE;
            found = value;
        }
    }
    return found;
}
