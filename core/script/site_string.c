/* site_string.c - The string functions of a site: Lua's meaning, bounded cost.
 *
 * A deadline cannot fire inside a C function, so each function here either counts its steps
 * (pattern.h) or refuses sizes that would take long. The rest of `string` is Lua's own: linear in
 * strings that the memory cap already bounds. */
#include <string.h>

#include <lualib.h>

#include "script/pattern.h"
#include "script/sandbox.h"

/* Raise what the matcher found wrong, or nothing. */
static void check_match(lua_State *L, const struct kw_pattern *match)
{
    if (match->error == NULL)
        return;
    kw_watch_check(L);
    if (match->bad_index > 0 || strcmp(match->error, "invalid capture index") == 0)
        luaL_error(L, "invalid capture index %%%d", (int)match->bad_index);
    luaL_error(L, "%s", match->error);
}

static void start_match(lua_State *L, struct kw_pattern *match, struct kw_str subject,
                        struct kw_str pattern)
{
    kw_pattern_init(match, subject, pattern, &kw_host_of(L)->watch.expired);
}

static struct kw_str check_str(lua_State *L, int index)
{
    struct kw_str text;
    text.ptr = luaL_checklstring(L, index, &text.len);
    return text;
}

/* Capture `index` (from 0) on the stack; without captures, 0 is the whole match. Stack [-0, +1]. */
static void push_capture(lua_State *L, const struct kw_pattern *match, unsigned index,
                         const char *start, const char *end)
{
    if (index >= match->level) {
        if (index != 0)
            luaL_error(L, "invalid capture index %%%d", (int)index + 1);
        lua_pushlstring(L, start, (size_t)(end - start));
        return;
    }
    const struct kw_capture *capture = &match->capture[index];
    if (capture->length == KW_CAPTURE_POSITION)
        lua_pushinteger(L, capture->start - match->subject.ptr + 1);
    else if (capture->length == KW_CAPTURE_UNFINISHED)
        luaL_error(L, "unfinished capture");
    else
        lua_pushlstring(L, capture->start, (size_t)capture->length);
}

/* All captures; `whole` also when there are none. Stack [-0, +n]. */
static int push_captures(lua_State *L, const struct kw_pattern *match, const char *start,
                         const char *end)
{
    unsigned count = match->level == 0 && start != NULL ? 1 : match->level;
    luaL_checkstack(L, (int)count, "too many captures");
    for (unsigned i = 0; i < count; i++)
        push_capture(L, match, i, start, end);
    return (int)count;
}

/* The start offset that argument `index` means; SIZE_MAX: behind the end. */
static size_t start_offset(lua_State *L, int index, size_t length)
{
    lua_Integer at = luaL_optinteger(L, index, 1);
    if (at < 0)
        at = at < -(lua_Integer)length ? 1 : (lua_Integer)length + at + 1;
    else if (at == 0)
        at = 1;
    return at > (lua_Integer)length + 1 ? SIZE_MAX : (size_t)at - 1;
}

static int find_plain(lua_State *L, struct kw_str subject, struct kw_str text, size_t from)
{
    const char *at = subject.ptr + from;
    if (text.len > 0) /* two-way search: linear whatever the strings are */
        at = memmem(at, subject.len - from, text.ptr, text.len);
    if (at == NULL) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, at - subject.ptr + 1);
    lua_pushinteger(L, at - subject.ptr + (lua_Integer)text.len);
    return 2;
}

static int find_or_match(lua_State *L, bool find)
{
    struct kw_pattern match;
    struct kw_str subject = check_str(L, 1), pattern = check_str(L, 2);
    size_t from = start_offset(L, 3, subject.len);
    if (from == SIZE_MAX) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || kw_pattern_is_plain(pattern)))
        return find_plain(L, subject, pattern, from);
    bool anchor = pattern.len > 0 && pattern.ptr[0] == '^';
    if (anchor)
        pattern = kw_str_n(pattern.ptr + 1, pattern.len - 1);
    start_match(L, &match, subject, pattern);
    const char *start = subject.ptr + from, *last = subject.ptr + subject.len;
    for (; start <= last; start++) {
        const char *end = kw_pattern_at(&match, start);
        check_match(L, &match);
        if (end != NULL && find) {
            lua_pushinteger(L, start - subject.ptr + 1);
            lua_pushinteger(L, end - subject.ptr);
            return push_captures(L, &match, NULL, NULL) + 2;
        }
        if (end != NULL)
            return push_captures(L, &match, start, end);
        if (anchor)
            break;
    }
    lua_pushnil(L);
    return 1;
}

/* string.find(s, pattern, init?, plain?) -> start, end, captures... | nil */
static int l_find(lua_State *L)
{
    return find_or_match(L, true);
}

/* string.match(s, pattern, init?) -> captures... | nil */
static int l_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* Upvalues: subject, pattern, next offset, end offset of the last match (-1: none). */
static int gmatch_next(lua_State *L)
{
    struct kw_pattern match;
    struct kw_str subject, pattern;
    subject.ptr = lua_tolstring(L, lua_upvalueindex(1), &subject.len);
    pattern.ptr = lua_tolstring(L, lua_upvalueindex(2), &pattern.len);
    lua_Integer from = lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last_end = lua_tointeger(L, lua_upvalueindex(4));
    start_match(L, &match, subject, pattern);
    for (; from <= (lua_Integer)subject.len; from++) {
        const char *start = subject.ptr + from;
        const char *end = kw_pattern_at(&match, start);
        check_match(L, &match);
        if (end == NULL || end - subject.ptr == last_end)
            continue;
        lua_pushinteger(L, end - subject.ptr);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return push_captures(L, &match, start, end);
    }
    return 0;
}

/* string.gmatch(s, pattern, init?) -> iterator */
static int l_gmatch(lua_State *L)
{
    struct kw_str subject = check_str(L, 1);
    (void)check_str(L, 2);
    size_t from = start_offset(L, 3, subject.len);
    lua_settop(L, 2);
    lua_pushinteger(L, from == SIZE_MAX ? (lua_Integer)subject.len + 1 : (lua_Integer)from);
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

/* The replacement text of argument 3 with its %0..%9. */
static void add_text(lua_State *L, luaL_Buffer *out, const struct kw_pattern *match,
                     const char *start, const char *end)
{
    size_t length;
    const char *text = lua_tolstring(L, 3, &length);
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '%') {
            luaL_addchar(out, text[i]);
            continue;
        }
        char kind = ++i < length ? text[i] : 0;
        if (kind == '%') {
            luaL_addchar(out, '%');
        } else if (kind == '0') {
            luaL_addlstring(out, start, (size_t)(end - start));
        } else if (kind >= '1' && kind <= '9') {
            push_capture(L, match, (unsigned)(kind - '1'), start, end);
            (void)luaL_tolstring(L, -1, NULL);
            lua_remove(L, -2);
            luaL_addvalue(out);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
}

/* What replaces this match goes into `out`. True: it changed. */
static bool add_replacement(lua_State *L, luaL_Buffer *out, const struct kw_pattern *match,
                            const char *start, const char *end, int kind)
{
    if (kind == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(L, match, start, end), 1);
    } else if (kind == LUA_TTABLE) {
        push_capture(L, match, 0, start, end);
        lua_gettable(L, 3);
    } else {
        add_text(L, out, match, start, end);
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, start, (size_t)(end - start));
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out);
    return true;
}

/* string.gsub(s, pattern, replacement, n?) -> text, count */
static int l_gsub(lua_State *L)
{
    struct kw_pattern match;
    luaL_Buffer out;
    struct kw_str subject = check_str(L, 1), pattern = check_str(L, 2);
    int kind = lua_type(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)subject.len + 1), count = 0;
    luaL_argexpected(L,
                     kind == LUA_TNUMBER || kind == LUA_TSTRING || kind == LUA_TFUNCTION ||
                         kind == LUA_TTABLE,
                     3, "string/function/table");
    bool anchor = pattern.len > 0 && pattern.ptr[0] == '^', changed = false;
    if (anchor)
        pattern = kw_str_n(pattern.ptr + 1, pattern.len - 1);
    start_match(L, &match, subject, pattern);
    luaL_buffinit(L, &out);
    const char *at = subject.ptr, *last = subject.ptr + subject.len, *last_end = NULL;
    while (count < most) {
        const char *end = kw_pattern_at(&match, at);
        check_match(L, &match);
        if (end != NULL && end != last_end) {
            count++;
            changed |= add_replacement(L, &out, &match, at, end, kind);
            at = last_end = end;
        } else if (at < last) {
            luaL_addchar(&out, *at++);
        } else {
            break;
        }
        if (luaL_bufflen(&out) > KW_SITE_STRING_BYTES)
            luaL_error(L, "string.gsub: the result is larger than %d bytes", KW_SITE_STRING_BYTES);
        if (anchor)
            break;
    }
    if (!changed) {
        lua_pushvalue(L, 1);
    } else {
        luaL_addlstring(&out, at, (size_t)(last - at));
        luaL_pushresult(&out);
    }
    lua_pushinteger(L, count);
    return 2;
}

/* string.rep(s, n, separator?) -> text */
static int l_rep(lua_State *L)
{
    struct kw_str text = check_str(L, 1);
    lua_Integer count = luaL_checkinteger(L, 2);
    size_t gap_length;
    const char *gap = luaL_optlstring(L, 3, "", &gap_length);
    if (count <= 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    size_t each = text.len + gap_length;
    if (each > 0 && (size_t)count > KW_SITE_STRING_BYTES / each)
        return luaL_error(L, "string.rep: the result is larger than %d bytes",
                          KW_SITE_STRING_BYTES);
    if (each == 0)
        count = 1; /* nothing, however often */
    luaL_Buffer out;
    luaL_buffinitsize(L, &out, each * (size_t)count);
    for (lua_Integer i = 1; i <= count; i++) {
        luaL_addlstring(&out, text.ptr, text.len);
        if (i < count)
            luaL_addlstring(&out, gap, gap_length);
    }
    luaL_pushresult(&out);
    return 1;
}

/* string.format(format, ...) -> text. Upvalue 1: Lua's own. The arguments bound the result before it
 * is made: a width or a precision has at most two digits. */
static int l_format(lua_State *L)
{
    size_t sum, length;
    int count = lua_gettop(L);
    (void)luaL_checklstring(L, 1, &sum);
    for (int i = 2; i <= count; i++) {
        if (lua_type(L, i) == LUA_TSTRING) {
            (void)lua_tolstring(L, i, &length);
            sum += length;
        }
        if (sum > KW_SITE_STRING_BYTES)
            return luaL_error(L, "string.format: the result is larger than %d bytes",
                              KW_SITE_STRING_BYTES);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, count, 1);
    return 1;
}

void kw_open_site_string(lua_State *L)
{
    static const struct luaL_Reg functions[] = { { "find", l_find },     { "match", l_match },
                                                 { "gmatch", l_gmatch }, { "gsub", l_gsub },
                                                 { "rep", l_rep },       { NULL, NULL } };
    luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "format");
    lua_pushcclosure(L, l_format, 1);
    lua_setfield(L, -2, "format");
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1); /* its __index is this very table */
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}
