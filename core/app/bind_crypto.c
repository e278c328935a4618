/* bind_crypto.c - `kw.crypto` for Lua: randomness, hashes, comparison, sealing, passwords.
 *
 * All of it is libsodium's. argon2id runs on the password pool, never on the loop: 19 MiB, t = 2
 * (OWASP's second setting, 12..15 ms here). Comparison of secrets is constant-time. */
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <sodium.h>

#include "app/runtime.h"
#include "base/mem.h"

#define KW_ARGON2_OPS 2
#define KW_ARGON2_BYTES ((size_t)19 * 1024 * 1024)
#define KW_PASSWORD_BYTES_MAX 1024
#define KW_RANDOM_BYTES_MAX 1024

static struct kw_runtime *runtime_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static void push_hex(lua_State *L, const unsigned char *bytes, size_t count)
{
    char text[2 * KW_RANDOM_BYTES_MAX + 1];
    kw_hex_encode(bytes, count, text);
    lua_pushlstring(L, text, 2 * count);
}

/* crypto.random(n) -> n random bytes (1..1024). Stack [-0, +1]. */
static int l_random(lua_State *L)
{
    unsigned char bytes[KW_RANDOM_BYTES_MAX];
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 1 && n <= KW_RANDOM_BYTES_MAX, 1, "1 to 1024 bytes");
    randombytes_buf(bytes, (size_t)n);
    lua_pushlstring(L, (const char *)bytes, (size_t)n);
    sodium_memzero(bytes, sizeof bytes);
    return 1;
}

/* crypto.random_hex(n) -> 2n lower-case hex digits of n random bytes. Stack [-0, +1]. */
static int l_random_hex(lua_State *L)
{
    unsigned char bytes[KW_RANDOM_BYTES_MAX];
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 1 && n <= KW_RANDOM_BYTES_MAX, 1, "1 to 1024 bytes");
    randombytes_buf(bytes, (size_t)n);
    push_hex(L, bytes, (size_t)n);
    sodium_memzero(bytes, sizeof bytes);
    return 1;
}

/* crypto.random_below(n) -> uniform integer 0..n-1 (n 1..2^31). Stack [-0, +1]. */
static int l_random_below(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 1 && n <= INT32_MAX, 1, "1 to 2^31 - 1");
    lua_pushinteger(L, (lua_Integer)randombytes_uniform((uint32_t)n));
    return 1;
}

/* crypto.sha256(text) -> 64 hex digits. Stack [-0, +1]. */
static int l_sha256(lua_State *L)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    crypto_hash_sha256(digest, (const unsigned char *)text, length);
    push_hex(L, digest, sizeof digest);
    return 1;
}

/* crypto.hmac_sha256(key, text) -> 64 hex digits. Stack [-0, +1]. */
static int l_hmac(lua_State *L)
{
    unsigned char digest[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    size_t key_length, length;
    const char *key = luaL_checklstring(L, 1, &key_length);
    const char *text = luaL_checklstring(L, 2, &length);
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key, key_length);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, length);
    crypto_auth_hmacsha256_final(&state, digest);
    push_hex(L, digest, sizeof digest);
    return 1;
}

/* crypto.sha1(text) -> 40 hex digits, for protocols that demand it. Stack [-0, +1]. */
static int l_sha1(lua_State *L)
{
    uint8_t digest[20];
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    kw_sha1(text, length, digest);
    push_hex(L, digest, sizeof digest);
    return 1;
}

/* crypto.equal(a, b) -> boolean, in a time that depends on the lengths only. Stack [-0, +1]. */
static int l_equal(lua_State *L)
{
    size_t a_length, b_length;
    const char *a = luaL_checklstring(L, 1, &a_length);
    const char *b = luaL_checklstring(L, 2, &b_length);
    lua_pushboolean(L, a_length == b_length && sodium_memcmp(a, b, a_length) == 0);
    return 1;
}

/* crypto.base64(bytes) -> text. Stack [-0, +1]. */
static int l_base64(lua_State *L)
{
    size_t length;
    const char *bytes = luaL_checklstring(L, 1, &length);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, 4 * ((length + 2) / 3) + 1);
    luaL_pushresultsize(&buffer, kw_base64_encode(bytes, length, out));
    return 1;
}

/* crypto.unbase64(text) -> bytes | nil, "invalid". Stack [-0, +1|3]. */
static int l_unbase64(lua_State *L)
{
    size_t length, out_length = 0;
    const char *text = luaL_checklstring(L, 1, &length);
    luaL_Buffer buffer;
    char *out = luaL_buffinitsize(L, &buffer, length + 1);
    kw_err err = kw_base64_decode(kw_str_n(text, length), out, length + 1, &out_length);
    luaL_pushresultsize(&buffer, err == KW_OK ? out_length : 0);
    return err == KW_OK ? 1 : kw_lua_fail(L, "invalid", "not base64");
}

/* --- sealing: what is kept so that only the holder of `secret` can read it --- */

static void seal_key(lua_State *L, int index, unsigned char key[crypto_secretbox_KEYBYTES])
{
    size_t length;
    const char *secret = luaL_checklstring(L, index, &length);
    _Static_assert(crypto_secretbox_KEYBYTES == crypto_hash_sha256_BYTES, "a digest is a key");
    crypto_hash_sha256(key, (const unsigned char *)secret, length);
}

/* crypto.seal(secret, text) -> bytes (random nonce first). Stack [-0, +1]. */
static int l_seal(lua_State *L)
{
    unsigned char key[crypto_secretbox_KEYBYTES];
    size_t length;
    luaL_Buffer buffer;
    const char *text = luaL_checklstring(L, 2, &length);
    size_t sealed = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + length;
    unsigned char *out = (unsigned char *)luaL_buffinitsize(L, &buffer, sealed);
    seal_key(L, 1, key);
    randombytes_buf(out, crypto_secretbox_NONCEBYTES);
    (void)crypto_secretbox_easy(out + crypto_secretbox_NONCEBYTES, (const unsigned char *)text,
                                length, out, key);
    sodium_memzero(key, sizeof key);
    luaL_pushresultsize(&buffer, sealed);
    return 1;
}

/* crypto.open(secret, bytes) -> text | nil, "invalid" (other secret, or changed). [-0, +1|3]. */
static int l_open(lua_State *L)
{
    unsigned char key[crypto_secretbox_KEYBYTES];
    size_t length;
    luaL_Buffer buffer;
    const unsigned char *sealed = (const unsigned char *)luaL_checklstring(L, 2, &length);
    const size_t around = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    if (length < around)
        return kw_lua_fail(L, "invalid", "too short to be sealed");
    unsigned char *out = (unsigned char *)luaL_buffinitsize(L, &buffer, length);
    seal_key(L, 1, key);
    int code = crypto_secretbox_open_easy(out, sealed + crypto_secretbox_NONCEBYTES,
                                          length - crypto_secretbox_NONCEBYTES, sealed, key);
    sodium_memzero(key, sizeof key);
    luaL_pushresultsize(&buffer, code == 0 ? length - around : 0);
    return code == 0 ? 1 : kw_lua_fail(L, "invalid", "sealed with another secret, or changed");
}

/* --- passwords, off the loop --- */

struct password_job {
    struct kw_runtime *runtime;
    struct kw_task_id task;
    bool cancelled, verify, ok;
    size_t length;
    char password[KW_PASSWORD_BYTES_MAX];
    char hash[crypto_pwhash_STRBYTES];
};

static void password_work(void *arg)
{
    struct password_job *job = arg;
    if (job->verify)
        job->ok = crypto_pwhash_str_verify(job->hash, job->password, job->length) == 0;
    else
        job->ok = crypto_pwhash_str_alg(job->hash, job->password, job->length, KW_ARGON2_OPS,
                                        KW_ARGON2_BYTES, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static int push_password_result(lua_State *L, void *arg)
{
    struct password_job *job = arg;
    if (job->verify) {
        lua_pushboolean(L, job->ok);
        return 1;
    }
    if (!job->ok)
        return kw_lua_fail(L, "no-memory", "argon2id needs 19 MiB");
    lua_pushstring(L, job->hash);
    return 1;
}

static void password_done(void *arg)
{
    struct password_job *job = arg;
    if (!job->cancelled)
        (void)kw_task_resume(job->runtime->host, job->task, push_password_result, job);
    sodium_memzero(job, sizeof *job);
    kw_free(job);
}

static void password_cancelled(void *arg)
{
    ((struct password_job *)arg)->cancelled = true;
}

static int start_password_job(lua_State *L, bool verify)
{
    size_t length, hash_length = 0;
    const char *password = luaL_checklstring(L, 1, &length);
    const char *hash = verify ? luaL_checklstring(L, 2, &hash_length) : NULL;
    luaL_argcheck(L, length <= KW_PASSWORD_BYTES_MAX, 1, "password longer than 1024 bytes");
    luaL_argcheck(L, hash_length < crypto_pwhash_STRBYTES, 2, "not a password hash");
    if (!kw_task_can_wait(L))
        return luaL_error(L, "crypto.password_*: cannot wait here (not inside a task)");
    struct password_job *job = kw_zalloc(sizeof *job);
    job->runtime = runtime_of(L);
    job->task = kw_task_current(L);
    job->verify = verify;
    job->length = length;
    memcpy(job->password, password, length);
    if (hash != NULL)
        memcpy(job->hash, hash, hash_length);
    if (kw_pool_submit(job->runtime->passwords, password_work, password_done, job) != KW_OK) {
        sodium_memzero(job, sizeof *job);
        kw_free(job);
        return kw_lua_fail(L, "busy", "too many sign-ins at once; try again in a moment");
    }
    return kw_task_suspend(L, password_cancelled, job);
}

/* crypto.password_hash(password) -> argon2id text | nil, "busy". Suspends. Stack [-0, +1|3]. */
static int l_password_hash(lua_State *L)
{
    return start_password_job(L, false);
}

/* crypto.password_verify(password, hash) -> boolean | nil, "busy". Suspends. Stack [-0, +1|3]. */
static int l_password_verify(lua_State *L)
{
    return start_password_job(L, true);
}

void kw_bind_crypto(struct kw_runtime *runtime)
{
    static const struct luaL_Reg functions[] = { { "random", l_random },
                                                 { "random_hex", l_random_hex },
                                                 { "random_below", l_random_below },
                                                 { "sha256", l_sha256 },
                                                 { "sha1", l_sha1 },
                                                 { "hmac_sha256", l_hmac },
                                                 { "equal", l_equal },
                                                 { "base64", l_base64 },
                                                 { "unbase64", l_unbase64 },
                                                 { "seal", l_seal },
                                                 { "open", l_open },
                                                 { "password_hash", l_password_hash },
                                                 { "password_verify", l_password_verify },
                                                 { NULL, NULL } };
    kw_host_module(runtime->host, "kw.crypto", functions, runtime);
}
