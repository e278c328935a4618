// tables.test.mjs - The state of a list is its address: what one sees comes back by reload, back, forward and from a
// copied link; what is not a filter is dropped; the list stays what it was while its values change.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { demo, isLive, openDemo, rest, ROUTES, startBrowser, until } from './support.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const rowIds = (page) => page.locator('[data-row]').evaluateAll((rows) => rows.map((row) => row.dataset.row));

/** What a person sees of a list: its rows, the order, the choices, the text, the open station. */
const state = (page) =>
  page.evaluate(() => ({
    address: location.pathname + location.search,
    rows: [...document.querySelectorAll('[data-row]')].map((row) => row.dataset.row),
    sort: [...document.querySelectorAll('[aria-sort]')].map((head) => `${head.textContent} ${head.getAttribute('aria-sort')}`),
    chosen: [...document.querySelectorAll('aside input:checked')].map((input) => input.closest('label')?.textContent.replaceAll(/[\d\s]+$/gu, '')),
    text: document.querySelector('input[type=search]')?.value,
    dialog: document.querySelector('[role=dialog] h2, [role=dialog] h3')?.textContent ?? null,
  }));

async function settled(page) {
  await isLive(page);
  await page.locator('[data-row]').first().waitFor();
  await page.waitForTimeout(200);
  return state(page);
}

test('a copied link shows another person the same list', async () => {
  const view = await openDemo(browser, '/stations');
  const { page } = view;
  await page.getByRole('checkbox', { name: /^Available/u }).check();
  await page.getByRole('searchbox').fill('EV-00');
  await page.waitForURL(/q=EV-00/u);
  await page.getByRole('button', { name: 'Station', exact: true }).click();
  await page.waitForURL(/sort=-station/u);
  await page.locator('[data-row]').nth(1).click();
  await page.getByRole('dialog').waitFor();
  const seen = await settled(page);
  assert.equal(seen.chosen.length, 1);
  const other = await openDemo(browser, page.url().replace(demo().url, ''));
  await other.page.getByRole('dialog').waitFor();
  assert.deepEqual(await settled(other.page), seen);
  await page.reload();
  await page.getByRole('dialog').waitFor();
  assert.deepEqual(await settled(page), seen);
  for (const each of [view, other]) {
    each.check();
    await each.close();
  }
});

test('back and forward go through the filters, not through letters that were typed', async () => {
  const view = await openDemo(browser, '/stations');
  const { page } = view;
  const steps = [await settled(page)];
  await page.getByRole('checkbox', { name: /^Available/u }).check();
  await page.waitForURL(/state=available/u);
  steps.push(await settled(page));
  await page.getByRole('button', { name: 'Station', exact: true }).click();
  await page.waitForURL(/sort=/u);
  steps.push(await settled(page));
  for (const letter of 'EV-00') await page.getByRole('searchbox').press(letter);
  await page.waitForURL(/q=EV-00/u);
  const typed = await settled(page);
  await page.goBack();
  await until('the step before', async () => (await state(page)).address === steps[1].address, 5);
  assert.deepEqual((await settled(page)).chosen, steps[1].chosen);
  await page.goBack();
  await until('the first step', async () => (await state(page)).address === steps[0].address, 5);
  await page.goForward();
  await page.goForward();
  await until('the last step', async () => (await state(page)).address === typed.address, 5);
  assert.deepEqual((await settled(page)).text, 'EV-00');
  view.check();
  await view.close();
});

const HOSTILE = [
  '?state=%00&sort=constructor',
  '?state=__proto__,toString&sort=-hasOwnProperty&open=__proto__',
  `?q=${'x'.repeat(5000)}`,
  '?q=%F0%9F%92%A9%E2%80%AE%00',
  '?state=available&state=faulted&sort[]=x&q[a]=b',
  '?node=../../etc/passwd&view=javascript:alert(1)&cols=__proto__,constructor&density=9',
  '?open=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E',
  '?from=NaN&to=Infinity&cursor=%FF&tab=..%2f..',
];

test('hostile values of an address are dropped, and the page stands', async () => {
  const view = await openDemo(browser, '/');
  view.expect(/40[04].*\/api\/v1\/stations\//u); // a station that is none
  for (const { open } of ROUTES) {
    for (const search of HOSTILE) {
      await view.page.goto(`${open}${search}`);
      await view.page.locator('h1').first().waitFor({ state: 'attached' });
      const text = await view.page.locator('body').innerText();
      assert.doesNotMatch(text, /undefined|NaN|\[object|⟦/u, `${open}${search}`);
      assert.doesNotMatch(await view.page.locator('h1').first().innerText(), /wrong|broke/iu, `${open}${search}`);
      assert.ok(await view.page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${open}${search} is wider than the screen`);
    }
  }
  view.check();
  await view.close();
});

test('the list is what the API says, filter for filter', async () => {
  const view = await openDemo(browser, '/stations');
  for (const [search, query] of [['?state=available', 'state=available'], ['?q=EV-001', 'q=EV-001'], ['?q=EV-001&state=charging', 'q=EV-001&state=charging']]) {
    await view.page.goto(`/stations${search}`);
    await isLive(view.page);
    await until(`the same stations for ${search}`, async () => {
      const { items } = await rest(`/api/v1/stations?${query}&limit=100`);
      const shown = Number(await view.page.getByRole('grid').getAttribute('aria-rowcount').catch(() => 1)) - 1;
      const ids = new Set(items.map(({ id }) => id));
      return shown === items.length && (await rowIds(view.page)).every((id) => ids.has(id));
    }, 20);
  }
  view.check();
  await view.close();
});

test('no row moves under the pointer while values change, on any way to sort', async () => {
  const view = await openDemo(browser, '/stations?sort=-power');
  const { page } = view;
  await page.locator('[data-row]').nth(4).hover();
  await page.getByTestId('sort-paused').waitFor();
  for (const sort of ['-power', 'age', '-energy']) {
    await page.goto(`/stations?sort=${sort}`);
    await isLive(page);
    await page.locator('[data-row]').nth(4).hover();
    await page.getByTestId('sort-paused').waitFor();
    const place = () => page.locator('[data-row]').evaluateAll((rows) => rows.map((row) => `${row.dataset.row} ${Math.round(row.getBoundingClientRect().top)}`).toSorted());
    const before = await place();
    await page.waitForTimeout(2500);
    assert.deepEqual(await place(), before, sort);
  }
  view.check();
  await view.close();
});
