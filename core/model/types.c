/* types.c - The words of the model. */
#include "model/types.h"

const char *kw_state_name(enum kw_state state)
{
    static const char *const names[] = {
#define KW_STATE_NAME(code, name) name,
        KW_STATE_LIST(KW_STATE_NAME)
#undef KW_STATE_NAME
    };
    return (unsigned)state < KW_STATE_COUNT ? names[state] : "unknown";
}

enum kw_state kw_state_of(struct kw_str word)
{
    for (int state = 0; state < KW_STATE_COUNT; state++) {
        if (kw_str_ieq(word, kw_str_of(kw_state_name((enum kw_state)state))))
            return (enum kw_state)state;
    }
    if (kw_str_ieq(word, KW_STR("suspendedev")) || kw_str_ieq(word, KW_STR("suspendedevse")))
        return KW_STATE_SUSPENDED;
    return KW_STATE_UNKNOWN;
}

const char *kw_event_name(enum kw_event_type type)
{
    static const char *const names[] = {
#define KW_EVENT_NAME(code, name) name,
        KW_EVENT_LIST(KW_EVENT_NAME)
#undef KW_EVENT_NAME
    };
    return (unsigned)type < KW_EVENT_TYPE_COUNT ? names[type] : "";
}
