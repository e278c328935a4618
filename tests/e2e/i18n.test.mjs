// i18n.test.mjs - Languages as a person meets them: a made-up language shows what is not translated and what
// is too narrow; a switch keeps the state; numbers, units, dates and order are those of the language.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isLive, openDemo, ROUTES, startBrowser } from './support.mjs';
import { look } from './support/look.mjs';
import { Complex } from './support/complex.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const ACCENTS = { a: 'á', e: 'é', i: 'í', o: 'ó', u: 'ú', c: 'ç', n: 'ñ', y: 'ý', A: 'Á', E: 'É', O: 'Ó', U: 'Ú', S: 'Š', N: 'Ñ', C: 'Č' };

/** A text of no language: every letter that can be is accented, and it is a third longer, as Russian is. */
export function pseudo(text) {
  if (text.trim() === '') return text;
  const accented = text.replaceAll(/[a-zA-Z]/gu, (letter) => ACCENTS[letter] ?? letter);
  const letters = text.replaceAll(/[^a-zA-Z]/gu, '').length;
  return `${accented}${'ẋ'.repeat(letters === 0 ? 0 : Math.ceil(letters * 0.3))}`;
}

/** Compiled messages: texts, [name] or [name, kind, {case: message}] for values, '#' for the count. */
function pseudoMessage(parts) {
  return parts.map((part) => {
    if (typeof part === 'string') return part === '#' ? part : pseudo(part);
    if (part.length < 3) return part;
    const [name, kind, cases] = part;
    return [name, kind, Object.fromEntries(Object.entries(cases).map(([key, value]) => [key, Array.isArray(value) ? pseudoMessage(value) : value]))];
  });
}

/** The English catalog of the build, as the page gets it, made into pseudo. */
async function speakPseudo(page) {
  let count = 0;
  await page.route(/\/assets\/en-[^/]*\.js$/u, async (route) => {
    const body = await (await route.fetch()).text();
    const whole = body.match(/JSON\.parse\((`[\s\S]*`|'[\s\S]*'|"[\s\S]*")\)/u);
    assert.ok(whole, 'the catalog of the build looks different');
    const messages = JSON.parse(new Function(`return ${whole[1]}`)());
    const made = Object.fromEntries(Object.entries(messages).map(([id, message]) => [id, Array.isArray(message) ? pseudoMessage(message) : pseudo(message)]));
    count = Object.keys(made).length;
    await route.fulfill({ contentType: 'text/javascript', body: body.replace(whole[0], `JSON.parse(${JSON.stringify(JSON.stringify(made))})`) });
  });
  return () => count;
}

for (const size of [{ width: 1280, height: 800 }, { width: 390, height: 844, isMobile: true, hasTouch: true }]) {
  test(`made-up language at ${size.width}: every text is translated and none is cut`, async () => {
    const view = await openDemo(browser, null, size);
    const { page } = view;
    const count = await speakPseudo(page);
    for (const { open, filled } of ROUTES) {
      await page.goto(open);
      await isLive(page).catch(() => {});
      await page.locator(filled).first().waitFor({ state: 'attached' });
      await page.waitForTimeout(300);
      assert.ok(count() > 100, 'the made-up language was not loaded');
      assert.match(await page.title(), /[áéíóúçñýẋ]/u);
      const seen = await page.evaluate(look);
      assert.deepEqual({ open, ...seen }, { open, clipped: [], foreign: [], wide: Math.min(0, seen.wide) });
      assert.doesNotMatch(await page.locator('body').innerText(), /⟦/u, open);
    }
    view.check();
    await view.close();
  });
}

test('the language changes without a reload and keeps what is on the page', async () => {
  const view = await openDemo(browser, '/stations');
  const { page } = view;
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

test('Russian numbers, units, plurals, dates and order, on the page', async () => {
  const ids = Array.from({ length: 21 }, (_, i) => `EV-${String(i + 1).padStart(4, '0')}`);
  const complex = await Complex.start({ stations: ids });
  try {
    const names = ['Ёлка', 'Ель', 'Жук', 'Йод', 'Ива', 'Енот'];
    for (const [i, name] of names.entries()) {
      const { revision } = await complex.service.expect(200, 'GET', `/api/v1/stations/${ids[i]}`);
      await complex.service.expect(200, 'PATCH', `/api/v1/stations/${ids[i]}`, { name: `${name} ${i}` }, { 'If-Match': `"${revision}"` });
    }
    await complex.charge('EV-0010', 12_345);
    const view = await complex.open(browser, '/stations?sort=station', { locale: 'ru' });
    const { page } = view;
    await page.locator('[data-row="EV-0010"]').getByText('12,3', { exact: true }).first().waitFor();
    // Order of the language: ё beside е, й after и; capitals and digits where people look for them.
    const order = await page.locator('[data-row]').evaluateAll((rows) => rows.map((row) => row.innerText.match(/(Ёлка|Ель|Жук|Йод|Ива|Енот) \d/u)?.[0]).filter(Boolean));
    assert.deepEqual(order, order.toSorted(new Intl.Collator('ru', { numeric: true }).compare));
    assert.equal(order.length, names.length);
    assert.match(await page.locator('main').innerText(), /кВт/u);
    assert.doesNotMatch(await page.locator('main').innerText(), /\bkW\b/u);
    for (const [q, count] of [['', 21], ['EV-0021', 1], ['EV-002', 2], ['EV-001', 10]]) {
      await page.goto(q === '' ? '/stations' : `/stations?q=${q}`);
      await isLive(page);
      await page.locator('[data-row]').first().waitFor();
      const form = { one: 'станция', few: 'станции', many: 'станций' }[new Intl.PluralRules('ru').select(count)];
      await page.locator('main').getByText(new RegExp(`(^|\\s)${count} ${form}`, 'u')).first().waitFor();
    }
    view.check();
    await view.close();
  } finally {
    await complex.stop();
  }
});
