// pages.test.mjs - Each page in both languages and themes, on a desk and on a phone: one heading, a title,
// no axe violation, nothing untranslated, nothing wider than the screen, no fault of any kind.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, demo, isLive, openPage, signIn, startBrowser } from './support.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const SIZES = {
  desk: { width: 1280, height: 800 },
  phone: { width: 360, height: 740, isMobile: true, hasTouch: true },
};
const TITLES = {
  en: { overview: 'Overview', stations: 'Stations' },
  ru: { overview: 'Обзор', stations: 'Станции' },
};

async function holds(page, where, title) {
  assert.equal(await page.locator('h1').count(), 1, `${where}: one h1`);
  assert.ok((await page.title()).startsWith(title), `${where}: title ${await page.title()}`);
  const text = await page.evaluate(() => document.body.innerText);
  assert.ok(!/⟦|undefined|NaN|\[object/u.test(text), `${where}: ${text.match(/.*(⟦|undefined|NaN|\[object).*/u)?.[0]}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `${where}: ${wide} px wider than the screen`);
}

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const locale of ['en', 'ru']) {
    for (const theme of ['light', 'dark']) {
      test(`${size} ${locale} ${theme}`, async () => {
        const view = await openPage(browser, { url: demo().url, locale, theme, ...viewport });
        const { page } = view;
        await signIn(view);
        await isLive(page);
        await page.getByTestId('node').first().waitFor();
        assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), theme);
        await holds(page, 'overview', TITLES[locale].overview);
        await axe(page, 'overview');

        await page.getByRole('link', { name: TITLES[locale].stations, exact: true }).filter({ visible: true }).first().click();
        await page.locator('[data-row]').first().waitFor();
        await holds(page, 'stations', TITLES[locale].stations);
        await axe(page, 'stations');

        await page.locator('[data-row]').first().click();
        await page.getByRole('dialog').waitFor();
        await page.waitForTimeout(300); // it slides in
        await holds(page, 'drawer', TITLES[locale].stations);
        // Their colours are those of the theme, their words were looked at above: once a theme is enough.
        const once = (locale === 'en') === (theme === 'light');
        if (once) await axe(page, 'drawer');
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'hidden' });

        await page.getByRole('button', { name: locale === 'ru' ? /^Учётная запись/u : /^Account/u }).click();
        await page.getByRole('menu').waitFor();
        if (once) await axe(page, 'account menu', ['region']);
        view.check();
        await view.close();
      });
    }
  }
}

test('an address that is none', async () => {
  const view = await openPage(browser, { url: demo().url });
  await view.page.goto('/no/such/page');
  await view.page.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await axe(view.page, 'not found');
  view.check();
  await view.close();
});

test('the language changes without a reload and keeps what is on the page', async () => {
  const view = await openPage(browser, { url: demo().url });
  const { page } = view;
  await signIn(view);
  await page.goto('/stations');
  await page.locator('[data-row]').first().waitFor();
  await page.getByRole('searchbox').fill('EV-000');
  await page.waitForURL(/q=EV-000/u);
  await page.evaluate(() => {
    window.kwSamePage = true;
  });
  await page.getByRole('button', { name: /^Account/u }).click();
  await page.getByRole('menuitemradio', { name: 'Русский' }).click();
  await page.getByRole('heading', { name: 'Станции' }).waitFor();
  assert.equal(await page.getByRole('searchbox').inputValue(), 'EV-000');
  assert.equal(await page.evaluate(() => window.kwSamePage), true);
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'ru');
  view.check();
  await view.close();
});
