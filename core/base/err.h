/* err.h - Expected failures as values.
 *
 * A function that can fail returns kw_err: KW_OK (0) or a negative code. Each code has a slug
 * that is stable (metrics, logs, API) and a sentence for people. Programmer mistakes are not
 * errors: they are assertions (mem.h). */
#ifndef KW_BASE_ERR_H
#define KW_BASE_ERR_H

#define KW_MUST_USE __attribute__((warn_unused_result))
/* For the rare call whose failure is seen elsewhere (a sticky error, a later check). */
#define KW_IGNORE(call) ((void)((call) == KW_OK))

/*        code            value  slug                sentence */
/* clang-format off */
#define KW_ERR_LIST(X) \
    X(KW_OK,              0,  "ok",               "Success.") \
    X(KW_EFULL,          -1,  "full",             "A limit is reached; nothing was taken.") \
    X(KW_EINVALID,       -2,  "invalid",          "The input is not valid.") \
    X(KW_ENOTFOUND,      -3,  "not-found",        "There is no such thing.") \
    X(KW_EEXISTS,        -4,  "exists",           "It exists already.") \
    X(KW_ENOMEM,         -5,  "no-memory",        "Memory is exhausted.") \
    X(KW_EIO,            -6,  "io",               "Reading or writing failed.") \
    X(KW_ETIMEOUT,       -7,  "timeout",          "No answer came in time.") \
    X(KW_ECLOSED,        -8,  "closed",           "The other side is gone.") \
    X(KW_EREFUSED,       -9,  "refused",          "The connection was refused.") \
    X(KW_ETLS,          -10,  "tls",              "The TLS handshake or a record failed.") \
    X(KW_EPROTO,        -11,  "protocol",         "The peer broke the protocol.") \
    X(KW_ETOOBIG,       -12,  "too-big",          "It is larger than its limit.") \
    X(KW_EBUSY,         -13,  "busy",             "Too much work is waiting already.") \
    X(KW_ECANCELLED,    -14,  "cancelled",        "It was cancelled.") \
    X(KW_ECONFLICT,     -15,  "conflict",         "It changed meanwhile.") \
    X(KW_EDENIED,       -16,  "denied",           "It is not allowed.") \
    X(KW_EUNSUPPORTED,  -17,  "unsupported",      "It is not supported.") \
    X(KW_EAGAIN,        -18,  "again",            "More input is needed.") \
    X(KW_ESCRIPT,       -19,  "script",           "A Lua script failed.") \
    X(KW_EINTERNAL,     -20,  "internal",         "An internal fault.")
/* clang-format on */

typedef enum kw_err {
#define KW_ERR_ENUM(code, value, slug, text) code = value,
    KW_ERR_LIST(KW_ERR_ENUM)
#undef KW_ERR_ENUM
} kw_err;

/* Stable slug of a code ("timeout"); "unknown-error" for a number that is no code. Static. */
const char *kw_err_slug(kw_err err);

/* One sentence for people. Static. */
const char *kw_err_text(kw_err err);

#endif
