/* script_pattern_fuzz.c - The bounded matcher finds what Lua's own string.find finds: place, end, captures.
 *
 * Input: a pattern, a line end, a subject; both short, because Lua's matcher has no bound. */
#include "fuzz.h"

#include <lauxlib.h>
#include <lualib.h>

#include "script/pattern.h"

#define LENGTH_MAX 14

static lua_State *lua(void)
{
    static lua_State *L;
    if (L == NULL) {
        L = luaL_newstate();
        luaL_openlibs(L);
    }
    lua_settop(L, 0);
    return L;
}

/* Lua's answer on the stack: start, end, captures. False: it raised. */
static bool ask_lua(lua_State *L, struct kw_str pattern, struct kw_str subject)
{
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "find");
    lua_remove(L, 1);
    lua_pushlstring(L, subject.ptr, subject.len);
    lua_pushlstring(L, pattern.ptr, pattern.len);
    return lua_pcall(L, 2, LUA_MULTRET, 0) == LUA_OK;
}

static void compare_captures(lua_State *L, const struct kw_pattern *match, const char *subject)
{
    MUST((unsigned)lua_gettop(L) == 2 + match->level);
    for (unsigned i = 0; i < match->level; i++) {
        const struct kw_capture *capture = &match->capture[i];
        size_t length;
        if (capture->length == KW_CAPTURE_POSITION) {
            MUST(lua_tointeger(L, (int)i + 3) == capture->start - subject + 1);
            continue;
        }
        const char *text = lua_tolstring(L, (int)i + 3, &length);
        MUST(capture->length >= 0 && length == (size_t)capture->length);
        MUST(memcmp(text, capture->start, length) == 0);
    }
}

static bool unfinished(const struct kw_pattern *match)
{
    for (unsigned i = 0; i < match->level; i++) {
        if (match->capture[i].length == KW_CAPTURE_UNFINISHED)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kw_str subject, pattern = kw_str_cut(kw_str_n((const char *)data, size), '\n', &subject);
    struct kw_pattern match;
    const char *end = NULL;
    size_t at = 0;
    if (pattern.len > LENGTH_MAX || subject.len > LENGTH_MAX || kw_pattern_is_plain(pattern))
        return 0;
    char *pattern_copy = exact_copy(pattern.ptr, pattern.len);
    char *subject_copy = exact_copy(subject.ptr, subject.len);
    pattern.ptr = pattern_copy;
    subject.ptr = subject_copy;
    lua_State *L = lua();
    bool taken = ask_lua(L, pattern, subject);
    bool anchor = pattern.len > 0 && pattern.ptr[0] == '^';
    struct kw_str rest = anchor ? kw_str_n(pattern.ptr + 1, pattern.len - 1) : pattern;
    kw_pattern_init(&match, subject, rest, NULL);
    do {
        end = kw_pattern_at(&match, subject.ptr + at);
    } while (end == NULL && match.error == NULL && at++ < subject.len && !anchor);
    if (match.error != NULL || (end != NULL && unfinished(&match))) {
        MUST(!taken); /* with so short inputs nothing is too costly */
    } else if (end == NULL) {
        MUST(taken && lua_isnil(L, 1));
    } else {
        MUST(taken && lua_tointeger(L, 1) == (lua_Integer)at + 1);
        MUST(lua_tointeger(L, 2) == end - subject.ptr);
        compare_captures(L, &match, subject.ptr);
    }
    free(pattern_copy);
    free(subject_copy);
    return 0;
}
