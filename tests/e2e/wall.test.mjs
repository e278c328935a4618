// wall.test.mjs - The wall of stations: each has one place that no value and no filter moves, the keyboard walks by
// where things stand, and it holds to the same rules as every page.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, openDemo, rest, startBrowser } from './support.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

const WALL = '/stations?view=wall';
const places = (page) =>
  page.locator('[data-tile]').evaluateAll((tiles) =>
    tiles.map((tile) => {
      const { left, top, width, height } = tile.getBoundingClientRect();
      return `${tile.dataset.tile} ${[left, top, width, height].map(Math.round)}`;
    }),
  );

test('every station has one place; values, filters and the drawer do not move it', async () => {
  const { total } = await rest('/api/v1/stations?limit=1');
  const view = await openDemo(browser, WALL, { width: 1920, height: 1080 });
  const { page } = view;
  await page.locator('[data-tile]').nth(total - 1).waitFor();
  const before = await places(page);
  assert.equal(before.length, total);
  await page.waitForTimeout(2500);
  assert.deepEqual(await places(page), before, 'while values change');
  await page.getByRole('button', { name: /^\d+ available$/iu }).click();
  await page.waitForURL(/state=available/u);
  assert.deepEqual(await places(page), before, 'under a filter');
  await page.reload();
  await page.locator('[data-tile]').nth(total - 1).waitFor();
  assert.deepEqual(await places(page), before, 'after a reload');
  assert.equal(await page.getByRole('button', { name: /^\d+ available$/iu }).getAttribute('aria-pressed'), 'true');
  await page.locator('[data-tile]').first().click();
  await page.getByRole('dialog').waitFor();
  assert.deepEqual(await places(page), before, 'beside the drawer');
  view.check();
  await view.close();
});

test('arrows walk by where the tiles stand, Enter opens, one tile is in the order of Tab', async () => {
  const view = await openDemo(browser, WALL, { width: 1440, height: 900 });
  const { page } = view;
  await page.locator('[data-tile]').first().waitFor();
  assert.equal(await page.locator('[data-tile][tabindex="0"]').count(), 1);
  await page.locator('[data-tile]').first().focus();
  const at = () => page.evaluate(() => {
    const { left, top } = document.activeElement.getBoundingClientRect();
    return { id: document.activeElement.dataset.tile, left, top };
  });
  const first = await at();
  await page.keyboard.press('ArrowRight');
  const right = await at();
  assert.ok(right.left > first.left && right.top === first.top, JSON.stringify({ first, right }));
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowDown');
  const below = await at();
  assert.ok(below.top > first.top && below.left === first.left, JSON.stringify({ first, below }));
  await page.keyboard.press('ArrowUp');
  assert.deepEqual(await at(), first);
  assert.equal(await page.locator('[data-tile][tabindex="0"]').count(), 1);
  await page.keyboard.press('Enter');
  await page.waitForURL((address) => address.searchParams.get('open') === first.id);
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal((await at()).id, first.id, 'the focus is back');
  view.check();
  await view.close();
});

for (const theme of ['light', 'dark']) {
  for (const locale of ['en', 'ru']) {
    test(`axe, and nothing wider than the screen: ${locale} ${theme}`, async () => {
      const view = await openDemo(browser, WALL, { theme, locale, width: 1280 });
      const { page } = view;
      for (const search of ['', '&state=available,faulted&size=l']) {
        await page.goto(`${WALL}${search}`);
        await page.locator('[data-tile]').first().waitFor();
        await axe(page, `${WALL}${search}`);
        for (const width of [1280, 900, 700]) {
          await page.setViewportSize({ width, height: 800 });
          const over = await page.evaluate(() =>
            [...document.querySelectorAll('main header > *, main header button')]
              .filter((each) => each.getBoundingClientRect().right > window.innerWidth + 1)
              .map((each) => each.textContent));
          assert.deepEqual(over, [], `at ${width}`);
        }
        await page.setViewportSize({ width: 1280, height: 800 });
      }
      view.check();
      await view.close();
    });
  }
}
