// demo.mjs - The running demo that ./kw test e2e (or a person, by KW_DEMO) gives to these tests.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isLive, openPage, withSession } from './browser.mjs';

export const demo = () => JSON.parse(readFileSync(process.env.KW_DEMO, 'utf8'));

/** GET or POST with the demo's token, as a program does. */
export async function rest(path, options = {}) {
  const { url, token, ca_file: ca } = demo();
  const out = execFileSync('curl', ['-sS', '--fail-with-body', '--cacert', ca, '-H', `Authorization: Bearer ${token}`, ...(options.args ?? []), `${url}${path}`]);
  return out.length === 0 ? null : JSON.parse(out);
}

export const post = (path, body, headers = []) =>
  rest(path, { args: ['-X', 'POST', '-H', 'Content-Type: application/json', ...headers.flatMap((head) => ['-H', head]), '-d', JSON.stringify(body)] });

export async function remove(path) {
  const { revision } = await rest(path);
  await rest(path, { args: ['-X', 'DELETE', '-H', `If-Match: "${revision}"`] });
}

/** A page of the demo, signed in, at an address (null: nowhere yet), with live values. */
export async function openDemo(browser, address = '/', { account = demo(), ...options } = {}) {
  const view = await openPage(browser, { url: demo().url, ...options });
  await withSession(view, account);
  if (address === null) return view;
  await view.page.goto(address);
  await isLive(view.page);
  return view;
}

/** An account that has these roles, by invitation as a person gets one. */
export async function makeAccount(name, roles) {
  const password = 'a long enough pass phrase';
  const email = `${name}@example.org`;
  const { items } = await rest('/api/v1/accounts?limit=100');
  if (items.some((account) => account.email === email)) return { email, password };
  const account = await post('/api/v1/accounts', { email, name, role_ids: roles });
  const { link } = await post(`/api/v1/accounts/${account.id}/invite`, {});
  assert.ok(link, 'no link of the invitation');
  const token = new URL(link).hash.replace('#token=', '');
  await rest('/api/v1/session/set-password', {
    args: ['-X', 'POST', '-H', 'Authorization:', '-H', 'Content-Type: application/json', '-d', JSON.stringify({ token, password })],
  });
  return { email, password };
}
