/* sandbox.h - What a site's scripts see, and the limits of what they call. For script/ only.
 *
 * Each file of a site runs in an environment of its own: reads go to the file's globals, then to the
 * shared allow-list (lua-api.md); writes are kept until the file has run, and refused with their
 * line from then on. Nothing in the list reaches the outside: no io, debug, package, bytecode.
 *
 * Known gap: the collector takes quadratic time in one step on a long chain through a table with weak keys
 * (0.13 s at 16,000 links), where no hook fires. Refusing __mode in setmetatable would not close it, because a
 * metatable may be changed later. */
#ifndef KW_SCRIPT_SANDBOX_H
#define KW_SCRIPT_SANDBOX_H

#include "script/host_internal.h"

#define KW_SITE_STRING_BYTES 4194304 /* result of rep, gsub, format, concat: about 1 ms */
#define KW_SITE_TABLE_SLOTS 500000   /* elements that one call moves, joins or sorts */
#define KW_SITE_UNPACK 10000         /* results of one unpack */
#define KW_SITE_CHUNK_BYTES 262144   /* source text of load, and of a file: compiling has no hook */

void kw_open_site_string(lua_State *L); /* the bounded `string`. [-0, +1] */
void kw_open_site_table(lua_State *L);  /* the bounded `table`. [-0, +1] */

void kw_open_site_kw(lua_State *L); /* log and json into the table on top. [-0, +0] */

/* Path -> the file's value; a lua_CFunction. */
int kw_sandbox_run_module(lua_State *L);

/* A new environment on the stack, open for writing; kw_site_env_lock() closes it. [-0, +1] */
void kw_site_env_new(lua_State *L);
void kw_site_env_lock(lua_State *L, int env);

#endif
