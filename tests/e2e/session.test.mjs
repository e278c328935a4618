// session.test.mjs - Signing in and out, as a person and as an attacker would.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, demo, isLive, NOT_SIGNED_IN, openPage, signIn, startBrowser } from './support.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const WRONG = /401.*\/api\/v1\/session/u;

test('a wrong password is told in one text, a right one opens the page that was asked for', async () => {
  const view = await openPage(browser, { url: demo().url });
  view.expect(WRONG);
  const { page } = view;
  await page.goto('/stations?state=charging');
  await page.waitForURL(/\/login\?next=/u);
  await page.getByLabel('E-mail').fill(demo().email);
  await page.getByLabel('Password', { exact: true }).fill('not the password');
  await page.keyboard.press('Enter');
  assert.equal(await page.getByRole('alert').textContent(), 'E-mail or password is wrong.');
  await axe(page, 'login with an error');
  await page.getByLabel('E-mail').fill('nobody@example.org');
  await page.keyboard.press('Enter');
  assert.equal(await page.getByRole('alert').textContent(), 'E-mail or password is wrong.');
  await page.getByLabel('E-mail').fill(demo().email);
  await page.getByLabel('Password', { exact: true }).fill(demo().password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL(/\/stations\?state=charging$/u);
  await isLive(page);
  view.check();
  await view.close();
});

test('language and theme are chosen before the sign-in, and stay', async () => {
  const view = await openPage(browser, { url: demo().url });
  view.expect(NOT_SIGNED_IN);
  const { page } = view;
  await page.goto('/login');
  await page.getByText('Русский').click();
  await page.getByRole('button', { name: 'Войти' }).waitFor();
  await page.getByRole('button', { name: 'Тёмная тема' }).click();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
  await axe(page, 'login ru dark');
  await page.reload();
  await page.getByRole('button', { name: 'Войти' }).waitFor();
  assert.deepEqual(
    await page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme]),
    ['ru', 'dark'],
  );
  view.check();
  await view.close();
});

test('the password can be looked at', async () => {
  const view = await openPage(browser, { url: demo().url });
  view.expect(NOT_SIGNED_IN);
  const { page } = view;
  await page.goto('/login');
  const field = page.locator('input[name=password]');
  await field.fill('secret');
  await page.getByRole('button', { name: 'Show the password' }).click();
  assert.equal(await field.getAttribute('type'), 'text');
  await page.getByRole('button', { name: 'Hide the password' }).click();
  assert.equal(await field.getAttribute('type'), 'password');
  view.check();
  await view.close();
});

test('nobody is carried to another place after the sign-in', async () => {
  for (const next of ['//evil.example', '/\\evil.example']) {
    const view = await openPage(browser, { url: demo().url });
    view.expect(NOT_SIGNED_IN);
    await view.page.goto(`/login?next=${encodeURIComponent(next)}`);
    await view.page.locator('input[name=email]').fill(demo().email);
    await view.page.locator('input[name=password]').fill(demo().password);
    await view.page.keyboard.press('Enter');
    await isLive(view.page);
    assert.equal(new URL(view.page.url()).href, `${demo().url}/`);
    view.check();
    await view.close();
  }
});

test('the session is a cookie that scripts cannot read, and nothing of it is stored', async () => {
  const view = await openPage(browser, { url: demo().url });
  await signIn(view, demo());
  await isLive(view.page);
  const cookies = await view.context.cookies();
  const cookie = cookies.find(({ name }) => name === '__Host-kw_session');
  assert.ok(cookie, 'no session cookie');
  assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite, cookie.path], [true, true, 'Strict', '/']);
  const stored = await view.page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
  assert.ok(!stored.includes(cookie.value) && !/kwt_|token/u.test(stored), stored);
  const answer = await view.page.request.get('/');
  assert.match(answer.headers()['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self';/u);
  assert.doesNotMatch(answer.headers()['content-security-policy'], /unsafe/u);
  view.check();
  await view.close();
});

test('signing out ends every tab of the session', async () => {
  const view = await openPage(browser, { url: demo().url });
  await signIn(view, demo());
  await isLive(view.page);
  const other = await view.context.newPage();
  await other.goto('/stations');
  await isLive(other);
  await view.page.getByRole('button', { name: /^Account/u }).click();
  await view.page.getByRole('menuitem', { name: 'Sign out' }).click();
  await view.page.waitForURL(/\/login/u);
  // The other tab keeps its page under the overlay and goes on after a new sign-in.
  await other.getByRole('dialog', { name: 'Your session has ended' }).waitFor({ timeout: 5000 });
  assert.ok((await other.locator('[data-row]').count()) > 0, 'the page is gone');
  await axe(other, 'overlay of an ended session');
  await other.locator('input[name=password]').fill(demo().password);
  await other.getByRole('button', { name: 'Sign in' }).click();
  await isLive(other);
  await other.getByRole('dialog').waitFor({ state: 'hidden' });
  view.check();
  await view.close();
});
