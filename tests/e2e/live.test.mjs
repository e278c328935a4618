// live.test.mjs - What the page shows is what the server says: values, order, filters, hostile names.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openDemo, post, remove, rest, startBrowser, until } from './support.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

async function openStations(search = '') {
  const view = await openDemo(browser, `/stations${search}`);
  await view.page.locator('[data-row]').first().waitFor();
  return view;
}

const rowIds = (page) => page.locator('[data-row]').evaluateAll((rows) => rows.map((row) => row.dataset.row));
const number = (text) => Number(text.replaceAll(/[^\d.]/gu, ''));

test('the overview counts what the API counts', async () => {
  const view = await openDemo(browser);
  const shown = async (id) => number(await view.page.getByTestId(`count-${id}`).innerText());
  await until('the same counts on both sides', async () => {
    const { stations } = await rest('/api/v1/complex');
    const sum =
      (await shown('charging')) + (await shown('paused')) + (await shown('occupied')) + (await shown('available')) +
      (await shown('faulted')) + (await shown('out'));
    return (
      sum === stations.total &&
      (await shown('charging')) === stations.charging &&
      (await shown('available')) === stations.available &&
      (await shown('out')) === stations.offline + stations.unknown + stations.unavailable
    );
  });
  view.check();
  await view.close();
});

test('the load changes by itself and equals that of the API', async () => {
  const view = await openDemo(browser);
  const load = () => view.page.getByTestId('load').innerText();
  // A load of hundreds of kilowatts may stand for a minute; phases and the energy of the day do not.
  const all = async () => [await load(), await view.page.getByTestId('energy').innerText(), await view.page.getByTestId('phases').innerText()].join();
  const first = await all();
  await until('other values', async () => (await all()) !== first, 30);
  await until('the load of the API', async () => {
    const before = await rest('/api/v1/complex');
    const shown = number(await load());
    const kw = before.power_w / 1000;
    return Math.abs(shown - kw) <= (kw < 10 ? 0.006 : kw < 100 ? 0.06 : 0.6);
  });
  view.check();
  await view.close();
});

test('a row and the API say the same of a station that charges', async () => {
  const view = await openStations('?state=charging&sort=-power');
  const { page } = view;
  await until('the same power on both sides', async () => {
    const [id] = await rowIds(page);
    if (id === undefined) return false;
    const station = await rest(`/api/v1/stations/${id}`);
    const watts = station.connectors.reduce((sum, connector) => sum + (connector.power_w ?? 0), 0);
    const shown = number(await page.locator(`[data-row="${id}"] [role=gridcell]`).nth(3).innerText());
    return watts > 0 && Math.abs(shown - watts / 1000) <= (watts < 10_000 ? 0.006 : watts < 100_000 ? 0.06 : 0.6);
  }, 20);
  view.check();
  await view.close();
});

test('no row moves under the pointer or the keyboard', async () => {
  const view = await openStations('?sort=age');
  const { page } = view;
  const top = async () => (await rowIds(page)).join();
  await page.mouse.move(2, 2);
  const first = await top();
  await until('another order while nobody points', async () => (await top()) !== first, 30);
  await page.locator('[data-row]').nth(3).hover();
  await page.getByTestId('sort-paused').waitFor();
  const held = await top();
  await page.waitForTimeout(5000);
  assert.equal(await top(), held);
  await page.mouse.move(2, 2);
  await page.getByTestId('sort-paused').waitFor({ state: 'hidden' });
  await page.locator('[data-row]').first().focus();
  await page.getByTestId('sort-paused').waitFor();
  view.check();
  await view.close();
});

test('filters, order and the open station stand in the address and come back from it', async () => {
  const view = await openStations();
  const { page } = view;
  await page.getByRole('checkbox', { name: /^Available/u }).check();
  await page.waitForURL(/state=available/u);
  await page.getByRole('button', { name: 'Station', exact: true }).click();
  await page.waitForURL(/sort=-station/u);
  await page.getByRole('searchbox').fill('EV-00');
  await page.waitForURL(/q=EV-00/u);
  await page.locator('[data-row]').first().click();
  await page.waitForURL(/open=EV-/u);
  await page.getByRole('dialog').waitFor();
  const ids = await rowIds(page);
  assert.deepEqual(ids, ids.toSorted().toReversed());
  const url = page.url();
  await page.reload();
  await page.getByRole('dialog').waitFor();
  assert.equal(page.url(), url);
  assert.ok(await page.getByRole('checkbox', { name: /^Available/u }).isChecked());
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Clear' }).click();
  await page.goBack();
  await page.waitForURL(/state=available/u);
  await page.goto('/stations?state=%3Cscript%3E&sort=__proto__&q=zzzz');
  await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
  await page.getByRole('button', { name: /^Show all/u }).click();
  await page.locator('[data-row]').first().waitFor();
  view.check();
  await view.close();
});

test('the whole list by keyboard: walk, open, walk on, close', async () => {
  const view = await openStations();
  const { page } = view;
  await page.locator('[data-row]').first().focus();
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  const drawer = page.getByRole('dialog');
  await drawer.waitFor();
  const opened = async () => new URL(page.url()).searchParams.get('open');
  const ids = await rowIds(page);
  assert.equal(await opened(), ids[2]);
  await page.keyboard.press('k');
  await until('the drawer follows', async () => (await opened()) === ids[1]);
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'hidden' });
  await page.locator(`[data-row="${ids[1]}"]`).focus();
  await page.keyboard.press('End');
  await until('the last row has the focus', () =>
    page.evaluate(() => document.activeElement?.getAttribute('aria-rowindex') === document.querySelector('[role=grid]')?.getAttribute('aria-rowcount')),
  );
  view.check();
  await view.close();
});

test('a hostile name is a name', async () => {
  const id = 'EV-XSS';
  const name = '<img src=x onerror=alert(1)> "&amp; \u202e⚡';
  await post('/api/v1/stations', { id, name, phases: 3, rotation: 0, connectors: [{ id: 1 }] });
  try {
    const view = await openStations(`?q=${id}&open=${id}`);
    await view.page.locator(`[data-row="${id}"]`).getByText('<img src=x').waitFor();
    assert.equal(await view.page.getByRole('dialog').getByRole('heading').first().textContent(), name);
    assert.equal(await view.page.locator('img').count(), 0);
    view.check();
    await view.close();
  } finally {
    await remove(`/api/v1/stations/${id}`);
  }
});
