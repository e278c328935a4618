// pages.test.mjs - Each page of the table of routes in both languages and themes, on a desk and on a phone: one
// heading, a title, no axe violation, nothing untranslated, nothing wider than the screen, no fault of any
// kind. And who may see it: the menu and the addresses of an account with few rights.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, demo, isLive, makeAccount, openDemo, openPage, post, rest, ROUTES, SIZES, startBrowser } from './support.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

async function holds(page, where, title) {
  assert.equal(await page.locator('h1').count(), 1, `${where}: one h1`);
  assert.ok((await page.title()).startsWith(title), `${where}: title ${await page.title()}`);
  const text = await page.evaluate(() => document.body.innerText);
  assert.ok(!/⟦|undefined|NaN|\[object/u.test(text), `${where}: ${text.match(/.*(⟦|undefined|NaN|\[object).*/u)?.[0]}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `${where}: ${wide} px wider than the screen`);
}

/** To an address without loading the page again, as a link does. */
async function go(page, address) {
  await page.evaluate((to) => {
    window.history.pushState({}, '', to);
    window.dispatchEvent(new PopStateEvent('popstate'));
  }, address);
}

// All routes in all looks on a desk; on a phone what differs is the layout, so two looks are enough.
const LOOKS = [
  ['desk', 'en', 'light'],
  ['desk', 'en', 'dark'],
  ['desk', 'ru', 'light'],
  ['desk', 'ru', 'dark'],
  ['phone', 'ru', 'light'],
  ['phone', 'en', 'dark'],
];

for (const [size, locale, theme] of LOOKS) {
  test(`every page: ${size} ${locale} ${theme}`, async () => {
    const view = await openDemo(browser, '/', { locale, theme, ...SIZES[size] });
    const { page } = view;
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
    assert.equal(await page.evaluate(() => document.documentElement.lang), locale);
    for (const { open, title, filled } of ROUTES) {
      const where = `${open} ${size} ${locale} ${theme}`;
      await go(page, open);
      await page.locator(filled).first().waitFor({ state: 'attached' }).catch((error) => {
        throw new Error(`${where}: ${error.message}`);
      });
      await holds(page, where, title[locale]);
      await axe(page, where);
      view.check();
    }
    await view.close();
  });
}

test('every page opens from its own address, too', async () => {
  const view = await openDemo(browser, '/', { locale: 'ru' });
  for (const { open, title, filled } of ROUTES) {
    await view.page.goto(open);
    await isLive(view.page).catch(() => {});
    await view.page.locator(filled).first().waitFor({ state: 'attached' });
    await holds(view.page, open, title.ru);
  }
  view.check();
  await view.close();
});

for (const [locale, theme] of [['en', 'light'], ['ru', 'dark']]) {
  test(`drawer and account menu: ${locale} ${theme}`, async () => {
    const view = await openDemo(browser, '/stations', { locale, theme });
    const { page } = view;
    await page.locator('[data-row]').first().click();
    await page.getByRole('dialog').waitFor();
    await page.waitForTimeout(300); // it slides in
    await axe(page, 'drawer');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: locale === 'ru' ? /^Учётная запись/u : /^Account/u }).click();
    await page.getByRole('menu').waitFor();
    await axe(page, 'account menu', ['region']);
    view.check();
    await view.close();
  });
}

test('an address that is none', async () => {
  const view = await openPage(browser, { url: demo().url });
  await view.page.goto('/no/such/page');
  await view.page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await axe(view.page, 'not found');
  view.check();
  await view.close();
});

test('an account with few rights: the menu has only its pages, other addresses say which right they need', async () => {
  const { items } = await rest('/api/v1/roles');
  if (!items.some(({ id }) => id === 'guard')) await post('/api/v1/roles', { id: 'guard', name: 'Guard', rights: [{ right: 'stations.view' }] });
  const account = await makeAccount('guard', ['guard']);
  const view = await openDemo(browser, '/stations', { account });
  view.expect(/403/u);
  const { page } = view;
  await page.locator('[data-row]').first().waitFor();
  const menu = await page.getByRole('navigation').getByRole('link').filter({ visible: true }).allTextContents();
  const hidden = ROUTES.filter(({ right }) => right !== 'stations.view');
  for (const { title } of hidden) assert.ok(!menu.some((text) => text.trim() === title.en), `${title.en} is in the menu: ${menu}`);
  assert.ok(menu.some((text) => text.trim() === 'Stations'), `menu: ${menu}`);
  for (const { open, right } of hidden) {
    await page.goto(open);
    await page.getByRole('heading', { level: 1, name: 'This page is not open to you' }).waitFor();
    assert.match(await page.locator('main').innerText(), new RegExp(right.replace('.', '\\.'), 'u'));
  }
  await axe(page, 'no right');
  view.check();
  await view.close();
});
