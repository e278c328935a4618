/* err.c - Slugs and sentences of the error list. */
#include "base/err.h"

const char *kw_err_slug(kw_err err)
{
    switch (err) {
#define KW_ERR_CASE(code, value, slug, text) \
    case code: \
        return slug;
        KW_ERR_LIST(KW_ERR_CASE)
#undef KW_ERR_CASE
    }
    return "unknown-error";
}

const char *kw_err_text(kw_err err)
{
    switch (err) {
#define KW_ERR_CASE(code, value, slug, text) \
    case code: \
        return text;
        KW_ERR_LIST(KW_ERR_CASE)
#undef KW_ERR_CASE
    }
    return "Unknown error.";
}
