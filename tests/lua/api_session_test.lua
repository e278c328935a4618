-- api_session_test.lua - Setup, sign-in, throttling, sign-out, passwords, tokens.

local fake = require("support.service_host")

return {
  { "setup", function(t)
    local host = fake.new()
    t.equal((host:call("GET", "/setup")), 200, "the setup is there")
    local code = host.files["setup-code"]:match("%S+")
    t.ok(code:find("^%w%w%w%w%-%w%w%w%w%-%w%w%w%w$"), "a code of three groups")
    local form = { code = "AAAA-AAAA-AAAA", email = "a@b.org", name = "A", password = "a long enough secret" }
    t.equal((host:call("POST", "/setup", { json = form })), 401, "a wrong code")
    form.code, form.password = code, "short"
    local status, body = host:call("POST", "/setup", { json = form })
    t.equal({ status, body.errors[1].path, body.errors[1].code }, { 422, "password", "too-short" }, "a short password")
    form.password = "password12345"
    t.equal((host:call("POST", "/setup", { json = form })), 422, "a common password")
    form.password = "a long enough secret"
    local made, session, _, cookie = host:call("POST", "/setup", { json = form })
    t.equal(made, 201, "the first administrator")
    t.equal(session.account.role_ids, { "administrator" }, "with its role")
    t.ok(#session.rights > 20 and cookie, "every right, and signed in")
    t.equal((host:call("GET", "/setup")), 404, "the setup is gone")
    t.equal((host:call("POST", "/setup", { json = form })), 404, "for good")
    t.equal(host.files["setup-code"], nil, "the file, too")
  end },

  { "sign in", function(t)
    local host = fake.new():sign_in_administrator()
    t.equal((host:call("GET", "/session")), 200, "signed in by the setup")
    t.equal((host:call("GET", "/session", { cookie = false })), 401, "without a cookie")
    t.equal((host:call("GET", "/session", { cookie = ("0"):rep(64) })), 401, "with a made-up one")
    local right = { email = "admin@example.ORG", password = "a long enough secret 1" }
    local status, body, headers, cookie = host:call("POST", "/session", { json = right, cookie = false })
    t.equal(status, 200, "the right password")
    t.ok(headers["Set-Cookie"]:find("HttpOnly; Secure; SameSite=Strict", 1, true), "the cookie's attributes")
    t.ok(not headers["Set-Cookie"]:find("Domain", 1, true), "no Domain")
    t.equal(body.complex, { name = "Test", zone = "UTC" }, "the complex")
    t.ok(#cookie == 64, "256 bits")
    local wrong, first = host:call("POST", "/session", { json = { email = right.email, password = "x" },
      cookie = false })
    local nobody, second = host:call("POST", "/session", { json = { email = "no@b.org", password = "x" },
      cookie = false })
    t.equal({ wrong, first.code, first.detail }, { nobody, second.code, second.detail }, "unknown and wrong look alike")
    t.equal((host:call("POST", "/session", { json = right, headers = { origin = "https://evil.test" },
      cookie = false })), 403,
      "from another site")
    t.equal((host:call("DELETE", "/session", { headers = { origin = false } })), 403, "a cookie without Origin")
    t.equal((host:call("DELETE", "/session", { cookie = cookie })), 204, "sign out")
    t.equal((host:call("GET", "/session", { cookie = cookie })), 401, "it is over")
    t.equal((host:call("GET", "/session")), 200, "the other one is not")
  end },

  { "throttle", function(t)
    local host = fake.new():sign_in_administrator()
    local form = { email = "admin@example.org", password = "wrong" }
    local last, headers
    for _ = 1, 6 do
      last, _, headers = host:call("POST", "/session", { json = form, cookie = false, peer = "192.0.2.7" })
    end
    t.equal(last, 429, "after five wrong ones")
    t.ok(tonumber(headers["Retry-After"]) > 0, "it says when")
    form.password = "a long enough secret 1"
    t.equal((host:call("POST", "/session", { json = form, cookie = false, peer = "192.0.2.7" })), 429,
      "also the right one")
    t.equal((host:call("POST", "/session", { json = form, cookie = false, peer = "192.0.2.8" })), 200,
      "not from elsewhere")
  end },

  { "password", function(t)
    local host = fake.new():sign_in_administrator()
    local _, _, _, other = host:call("POST", "/session", { json = { email = "admin@example.org",
                                                                     password = "a long enough secret 1" },
                                                                       cookie = false })
    local change = { current = "not it", new = "another long secret 2" }
    t.equal((host:call("POST", "/session/password", { json = change })), 422, "a wrong current password")
    change.current = "a long enough secret 1"
    t.equal((host:call("POST", "/session/password", { json = change })), 204, "changed")
    t.equal((host:call("GET", "/session")), 200, "this session goes on")
    t.equal((host:call("GET", "/session", { cookie = other })), 401, "the others end")
    local form = { email = "admin@example.org", password = "a long enough secret 1" }
    t.equal((host:call("POST", "/session", { json = form, cookie = false })), 401, "the old one is gone")
  end },

  { "accounts and invitations", function(t)
    local host = fake.new():sign_in_administrator()
    local status, account, headers = host:call("POST", "/accounts", { json = { email = "Op@Example.org", name = "Op",
                                                                              role_ids = { "viewer" } } })
    t.equal({ status, account.email, account.state, headers.ETag }, { 201, "op@example.org", "invited", '"1"' }, "made")
    t.ok(account.password_hash == nil and account.invite_hash == nil, "no hidden field")
    t.equal((host:call("POST", "/accounts", { json = { email = "OP@example.org", name = "Op2" } })), 409, "twice")
    local _, invitation = host:call("POST", "/accounts/" .. account.id .. "/invite", { json = {} })
    local token = invitation.link:match("#token=(%x+)$")
    t.ok(token, "a link to copy")
    local form = { token = token, password = "the operator's secret" }
    local done, session, _, cookie = host:call("POST", "/session/set-password", { json = form, cookie = false })
    t.equal({ done, session.account.state }, { 200, "active" }, "the first password signs in")
    t.equal((host:call("POST", "/session/set-password", { json = form, cookie = false })), 401, "a link works once")
    t.equal((host:call("GET", "/accounts", { cookie = cookie })), 403, "a viewer sees no accounts")
    local function disable(revision)
      return (host:call("PATCH", "/accounts/" .. account.id, { json = { state = "disabled" },
                                                               headers = { ["If-Match"] = revision or false } }))
    end
    t.equal(disable(), 428, "without If-Match")
    local _, now = host:call("GET", "/accounts/" .. account.id)
    t.equal(disable('"1"'), 412, "stale")
    t.equal(disable(('"%d"'):format(now.revision)), 200, "disabled")
    t.equal((host:call("GET", "/session", { cookie = cookie })), 401, "its session is over")
    local _, list = host:call("GET", "/accounts?state=active")
    local admin = list.items[1]
    t.equal({ list.total, (host:call("DELETE", "/accounts/" .. admin.id, { headers = { ["If-Match"] = "*" } })) },
      { 1, 409 }, "the last administrator stays")
  end },

  { "tokens", function(t)
    local host = fake.new():sign_in_administrator()
    local status, made = host:call("POST", "/tokens", { json = { name = "script", scopes = { "stations.view" } } })
    t.ok(status == 201 and made.token:find("^kwt_%x+$"), "shown once")
    local _, list = host:call("GET", "/tokens")
    t.ok(list.total == 1 and list.items[1].token == nil and list.items[1].token_hash == nil, "never again")
    t.equal((host:call("GET", "/stations", { token = made.token })), 200, "in scope")
    t.equal((host:call("GET", "/accounts", { token = made.token })), 403, "out of scope")
    t.equal((host:call("POST", "/tokens", { token = made.token, json = { name = "x", scopes = { "*" } } })), 403,
      "a token makes no token")
    t.equal((host:call("GET", "/stations", { token = "kwt_" .. ("0"):rep(64) })), 401, "a made-up one")
    t.equal((host:call("DELETE", "/tokens/" .. made.id)), 204, "revoked")
    t.equal((host:call("GET", "/stations", { token = made.token })), 401, "at once")
    t.ok(host.ended[made.id], "its sockets, too")
  end },
}
