---@meta
-- kw.lua - what C offers to the core Lua, for editors. Made by tools/lua_types.lua from the comments in
-- core/app/bind_*.c and core/script/modules.c: change those. Each module is taken with require("NAME").

---@class kw.checking
local kw_checking = {}

--- checking.files() -> names of the scripts below the folder, sorted.
---@return any ...
function kw_checking.files() end

--- checking.load_test(file) -> names of its tests | nil, words.
---@param file any
---@return any ...
function kw_checking.load_test(file) end

--- checking.problems() -> { { file, text }, ... }: what did not load.
---@return any ...
function kw_checking.problems() end

--- checking.run_test(file, name) -> true | nil, words.
---@param file any
---@param name string
---@return any ...
function kw_checking.run_test(file, name) end

---@class kw.complex
local kw_complex = {}

--- complex.feed() -> {state, lag_ms, last_event_at}.
---@return any ...
function kw_complex.feed() end

--- complex.ids{state? = {..}, node_id?, online?, registered? = true} -> sorted array of ids. registered = false:
--- the discovered ones.
---@param options table
---@return any ...
function kw_complex.ids(options) end

--- complex.is_below(node_id, ancestor_id) -> boolean: the same node is below itself.
---@param node_id string
---@param ancestor_id string
---@return any ...
function kw_complex.is_below(node_id, ancestor_id) end

--- complex.json() -> the same as JSON text: what the live topic sends.
---@return any ...
function kw_complex.json() end

--- complex.node(id) -> table | nil.
---@param id string
---@return any ...
function kw_complex.node(id) end

--- complex.put_key(uid, driver_id, driver_name) -> true: whose key it is.
---@param uid string
---@param driver_id string
---@param driver_name string
---@return any ...
function kw_complex.put_key(uid, driver_id, driver_name) end

--- complex.put_node{id, parent_id?, kind, name, limit_ma?, limit_w?, revision?} -> true | nil, slug, words.; raises
--- on a wrong argument type.
---@param options table
---@return any ...
function kw_complex.put_node(options) end

--- complex.put_station{id, name, node_id?, phases, rotation?, connectors?, revision?} -> true | nil, slug, words.;
--- raises on a wrong argument type.
---@param options table
---@return any ...
function kw_complex.put_station(options) end

--- complex.remove_key(uid) -> true.
---@param uid string
---@return any ...
function kw_complex.remove_key(uid) end

--- complex.remove_node(id) -> true | nil, "busy"|"not-found", words.
---@param id string
---@return any ...
function kw_complex.remove_node(id) end

--- complex.remove_station(id) -> true | nil, "not-found", words.
---@param id string
---@return any ...
function kw_complex.remove_station(id) end

--- complex.station(id) -> table | nil.
---@param id string
---@return any ...
function kw_complex.station(id) end

--- complex.summary() -> the object of GET /complex as a table.
---@return any ...
function kw_complex.summary() end

---@class kw.crypto
local kw_crypto = {}

--- crypto.base64(bytes) -> text.
---@param bytes string
---@return any ...
function kw_crypto.base64(bytes) end

--- crypto.equal(a, b) -> boolean, in a time that depends on the lengths only.
---@param a string
---@param b string
---@return any ...
function kw_crypto.equal(a, b) end

--- crypto.hmac_sha256(key, text) -> 64 hex digits.
---@param key string
---@param text string
---@return any ...
function kw_crypto.hmac_sha256(key, text) end

--- crypto.open(secret, bytes) -> text | nil, "invalid" (other secret, or changed).
---@param secret string
---@param bytes string
---@return any ...
function kw_crypto.open(secret, bytes) end

--- crypto.password_hash(password) -> argon2id text | nil, "busy". Suspends.
---@param password string
---@return any ...
function kw_crypto.password_hash(password) end

--- crypto.password_verify(password, hash) -> boolean | nil, "busy". Suspends.
---@param password string
---@param hash string
---@return any ...
function kw_crypto.password_verify(password, hash) end

--- crypto.random(n) -> n random bytes (1..1024).
---@param n integer
---@return any ...
function kw_crypto.random(n) end

--- crypto.random_below(n) -> uniform integer 0..n-1 (n 1..2^31).
---@param n integer
---@return any ...
function kw_crypto.random_below(n) end

--- crypto.random_hex(n) -> 2n lower-case hex digits of n random bytes.
---@param n integer
---@return any ...
function kw_crypto.random_hex(n) end

--- crypto.seal(secret, text) -> bytes (random nonce first).
---@param secret string
---@param text string
---@return any ...
function kw_crypto.seal(secret, text) end

--- crypto.sha1(text) -> 40 hex digits, for protocols that demand it.
---@param text string
---@return any ...
function kw_crypto.sha1(text) end

--- crypto.sha256(text) -> 64 hex digits.
---@param text string
---@return any ...
function kw_crypto.sha256(text) end

--- crypto.unbase64(text) -> bytes | nil, "invalid".
---@param text string
---@return any ...
function kw_crypto.unbase64(text) end

---@class kw.gateway
local kw_gateway = {}

--- gateway.append(record) -> true | nil, slug, words: durable soon, nobody waits.
---@param record table
---@return any ...
function kw_gateway.append(record) end

--- gateway.call(handle, action, payload_json, timeout_ms) -> "result", payload | "error", code, description | nil,
--- slug, words: "offline", "full" (not sent), "timeout", "closed" (sent, outcome not known). Suspends.
---@param handle any
---@param action any
---@param payload_json any
---@param timeout_ms any
---@return any ...
function kw_gateway.call(handle, action, payload_json, timeout_ms) end

--- gateway.checkpoint(state, sequence) -> true | nil, slug, words: the state holds everything up to this record,
--- and nothing that is not on the disk. Blocks for some ms.
---@param state any
---@param sequence any
---@return any ...
function kw_gateway.checkpoint(state, sequence) end

--- gateway.close(handle, code, reason): starts the closing handshake.
---@param handle any
---@param code integer
---@param reason string
function kw_gateway.close(handle, code, reason) end

--- gateway.commit(record) -> true after its fsync | nil, slug, words. Suspends.
---@param record table
---@return any ...
function kw_gateway.commit(record) end

--- gateway.count(kind): one more fault of this kind in kw_gateway_faults_total.
---@param kind string
function kw_gateway.count(kind) end

--- gateway.handle(cs) -> handle of the station's connection | nil.
---@param cs string
---@return any ...
function kw_gateway.handle(cs) end

--- gateway.journal() -> {last, synced, confirmed, checkpointed, refused}: numbers of records.
---@return any ...
function kw_gateway.journal() end

--- gateway.option(name) -> value of a text, integer or boolean option. The kind is the second argument: "text",
--- "integer", "boolean".
---@param name string
---@return any ...
function kw_gateway.option(name) end

--- gateway.redis_up() -> boolean, of the link that writes events.
---@return any ...
function kw_gateway.redis_up() end

--- gateway.version() -> text.
---@return any ...
function kw_gateway.version() end

---@class kw.http
local kw_http = {}

--- http.mail{url, from, to, message (RFC 5322, CRLF), user?, password?, ca_file?, plain_ok?, timeout_s?} -> true |
--- nil, slug, words. Without plain_ok the server must speak TLS. Suspends.; raises on a wrong argument.
---@param options table
---@return any ...
function kw_http.mail(options) end

--- http.request{url, method?, headers? ("Name: value" list), body? | json?, timeout_s?, ca_file?, limit_bytes?} ->
--- reply | nil, slug, words. Suspends.; raises on a wrong argument.
---@param options table
---@return any ...
function kw_http.request(options) end

---@class kw.json
local kw_json = {}

--- json.array(table?) -> the table, marked to be written as [] even when empty.
---@param table? table
---@return any ...
function kw_json.array(table) end

--- json.decode(text) -> value | nil, "line L column C: why".
---@param text string
---@return any ...
function kw_json.decode(text) end

--- json.encode(value) -> text; raises on what JSON cannot say.
---@param value any
---@return any ...
function kw_json.encode(value) end

---@class kw.live
local kw_live = {}

--- live.end_account(account_id) -> number of sockets closed (4401).
---@param account_id string
---@return any ...
function kw_live.end_account(account_id) end

--- live.end_session(session_id) -> number of sockets closed (4401).
---@param session_id string
---@return any ...
function kw_live.end_session(session_id) end

--- live.publish(topic, account_id | nil, table) -> true | nil, slug, words: a document of a topic of events
--- (alerts, commands, keys.unknown).; raises on a wrong argument type.
---@param topic string
---@param account_id? string
---@param table table
---@return any ...
function kw_live.publish(topic, account_id, table) end

---@class kw.log
local kw_log = {}

--- log.debug(text, fields?): one line; fields are a flat table.
---@param text string
---@param fields? table
function kw_log.debug(text, fields) end

--- log.error(text, fields?): one line; fields are a flat table.
---@param text string
---@param fields? table
function kw_log.error(text, fields) end

--- log.info(text, fields?): one line; fields are a flat table.
---@param text string
---@param fields? table
function kw_log.info(text, fields) end

--- log.warn(text, fields?): one line; fields are a flat table.
---@param text string
---@param fields? table
function kw_log.warn(text, fields) end

---@class kw.metrics
local kw_metrics = {}

--- metrics.counter(name, labels_text, doc) -> counter.
---@param name string
---@param labels_text string
---@param doc string
---@return any ...
function kw_metrics.counter(name, labels_text, doc) end

---@class kw.redis
local kw_redis = {}

--- redis.connect(url) -> link; connects in the background. Raises on a bad URL.
---@param url string
---@return any ...
function kw_redis.connect(url) end

---@class kw.routes
local kw_routes = {}

--- routes.add(method, pattern, options, handler).; raises on a bad or repeated route.
---@param method string
---@param pattern string
---@param options table
---@param handler function
function kw_routes.add(method, pattern, options, handler) end

---@class kw.settings
local kw_settings = {}

--- settings.get(name) -> value; raises on an unknown option. data_dir is its real path.
---@param name string
---@return any ...
function kw_settings.get(name) end

--- settings.remove_file(name) -> true | nil, slug, words: DATA/name; absent is fine.
---@param name string
---@return any ...
function kw_settings.remove_file(name) end

--- settings.version() -> "0.1.0".
---@return any ...
function kw_settings.version() end

--- settings.write_private(name, text) -> true | nil, slug, words: DATA/name, mode 0600, replaced whole. Blocks for
--- an fsync: at start and on rare acts only.
---@param name string
---@param text string
---@return any ...
function kw_settings.write_private(name, text) end

---@class kw.site
local kw_site = {}

--- site.call(name, function, arguments...) -> results... | nil, slug, words. The slug is "not-found" (the site has
--- no such file or function), "off" (it did not load, or failed too often) or "failed" (now; it is in the log).
--- Raises when an argument is no data.
---@param name string
---@param function_name any
---@param ... any
---@return any ...
function kw_site.call(name, function_name, ...) end

--- site.refuse(name, words): the file's data is wrong; the shipped one serves until a reload.
---@param name string
---@param words string
function kw_site.refuse(name, words) end

--- site.reload() -> true | nil, slug, words: the folder is read again; a broken one is refused.
---@return any ...
function kw_site.reload() end

--- site.status() -> { state, dir?, entries = { { name, state, failures, error?, at? }, ... } }.
---@return any ...
function kw_site.status() end

--- site.value(name, key?) -> a copy of the field, or of all that the file returned | nil, slug, words.
---@param name string
---@param key? string
---@return any ...
function kw_site.value(name, key) end

---@class kw.store.raw
local kw_store_raw = {}

--- store.declare(schema table) -> true; raises with the reason. At start only (blocks).
---@param schema any
---@return any ...
function kw_store_raw.declare(schema) end

--- store.request(table) -> table | nil, slug, {error = words} | nil, "conflict", {doc = current}. Suspends.; raises
--- outside a task.
---@param table table
---@return any ...
function kw_store_raw.request(table) end

---@class kw.time
local kw_time = {}

--- time.mono_us() -> monotonic microseconds.
---@return any ...
function kw_time.mono_us() end

--- time.now_ms() -> Unix milliseconds UTC.
---@return any ...
function kw_time.now_ms() end

--- time.parse(text) -> ms, had_zone | nil.
---@param text string
---@return any ...
function kw_time.parse(text) end

--- time.rfc3339(ms) -> "2026-01-01T00:00:00.000Z".
---@param ms integer
---@return any ...
function kw_time.rfc3339(ms) end

---@class kw.timer
local kw_timer = {}

--- timer.after(seconds, fn) -> handle; fn runs once as a task.
---@param seconds number
---@param fn function
---@return any ...
function kw_timer.after(seconds, fn) end

--- timer.every(seconds, fn) -> handle; a tick is skipped while the last run waits.
---@param seconds number
---@param fn function
---@return any ...
function kw_timer.every(seconds, fn) end

--- timer.sleep(seconds) -> true. Suspends.; raises on a bad argument or outside a task.
---@param seconds number
---@return any ...
function kw_timer.sleep(seconds) end

--- timer.spawn(fn, ...) -> true | nil, "busy": run fn(...) as a task of its own, at once.
---@param fn function
---@param ... any
---@return any ...
function kw_timer.spawn(fn, ...) end

---@class kw.ws
local kw_ws = {}

--- ws.connect{url, protocols?, headers?, ca_file?, insecure?, timeout_s?} -> link | nil, slug, words, code.
--- Suspends.; raises on a wrong argument.
---@param options table
---@return any ...
function kw_ws.connect(options) end
