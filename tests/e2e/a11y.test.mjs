// a11y.test.mjs - What axe cannot see: the main tasks by keyboard alone, where the focus goes, what a screen reader
// is told and how often, and the page for people who zoom, space out text, choose their own colours or no motion.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, demo, isLive, NOT_SIGNED_IN, openDemo, openPage, ROUTES, startBrowser, until } from './support.mjs';
import { look } from './support/look.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

/** What has the focus: role, name, whether anything around it shows that. */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return null;
    const style = getComputedStyle(element);
    const label = element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent;
    const ring = (each) => (getComputedStyle(each).outlineStyle !== 'none' && getComputedStyle(each).outlineWidth !== '0px') || getComputedStyle(each).boxShadow !== 'none';
    return {
      name: label.trim().slice(0, 60),
      tag: element.tagName.toLowerCase(),
      row: element.dataset.row,
      visible: element.checkVisibility() && style.opacity !== '0',
      ring: ring(element) || (element.parentElement !== null && ring(element.parentElement)),
    };
  });

async function tabTo(page, fits, limit = 60) {
  const order = [];
  for (let i = 0; i < limit; i += 1) {
    await page.keyboard.press('Tab');
    const at = await focused(page);
    order.push(at?.name ?? '(page)');
    if (at !== null && fits(at)) return order;
  }
  throw new Error(`not reached by Tab: ${order.join(' > ')}`);
}

test('by keyboard alone: sign in, look at the overview, find a station, read it, sign out', async () => {
  const view = await openPage(browser, { url: demo().url });
  view.expect(NOT_SIGNED_IN);
  const { page } = view;
  await page.goto('/');
  await page.locator('input[name=email]').waitFor();
  await tabTo(page, ({ name }) => name === 'E-mail', 8).catch(async (error) => {
    if ((await focused(page))?.name !== 'E-mail') throw error;
  });
  await page.keyboard.type(demo().email);
  await tabTo(page, ({ name }) => name === 'Password', 3);
  await page.keyboard.type(demo().password);
  await page.keyboard.press('Enter');
  await isLive(page);
  await page.locator(ROUTES[0].filled).first().waitFor();

  // The first stop of a page leads past the frame.
  await page.evaluate(() => document.activeElement?.blur());
  await tabTo(page, ({ name }) => name === 'To the content', 2);
  await page.keyboard.press('Enter');
  await until('the focus is in the page', () => page.evaluate(() => document.activeElement?.closest('main') !== null || location.hash === '#main'), 3);

  await page.goto('/');
  await isLive(page);
  await tabTo(page, ({ name, tag }) => tag === 'a' && name === 'Stations');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/stations/u);
  await page.locator('[data-row]').first().waitFor();
  await tabTo(page, ({ tag }) => tag === 'input', 60).catch(() => {});
  await page.getByRole('searchbox').focus();
  await page.keyboard.type('EV-0007');
  await page.waitForURL(/q=EV-0007/u);
  await page.locator('[data-row="EV-0007"]').waitFor();
  await tabTo(page, ({ row }) => row === 'EV-0007', 30);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await until('the focus is back on the row', async () => (await focused(page))?.row === 'EV-0007', 3);

  await tabTo(page, ({ name }) => /^(Account|D$)/u.test(name), 80);
  await page.keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'hidden' });
  assert.match((await focused(page))?.name ?? '', /^Account/u, 'the focus is back on the button of the menu');
  await page.keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/login/u);
  view.check();
  await view.close();
});

/** Texts of live regions that change from now on; ends with what was said. */
function listen() {
  const words = new Set();
  const observer = new MutationObserver((changes) => {
    for (const { target } of changes) {
      const element = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
      const region = element?.closest('[aria-live]:not([aria-live=off]), [role=status], [role=alert], [role=log], output');
      if (region) words.add(region.textContent.slice(0, 80));
    }
  });
  observer.observe(document.body, { subtree: true, childList: true, characterData: true });
  window.kwSaid = () => [...words];
}

const NAMELESS = /^\s*- (button|link|textbox|searchbox|checkbox|combobox|tab|menuitem|grid|treegrid|tree|dialog|slider|img)\s*(:|$|\[)/u;
const SILENT_MS = 6000;

for (const { open, filled } of ROUTES) {
  test(`${open}: each stop of Tab is seen and named, landmarks and headings are in order, nobody is talked to at every tick`, async () => {
    const view = await openDemo(browser, open);
    const { page } = view;
    await page.locator(filled).first().waitFor({ state: 'attached' });
    await page.waitForTimeout(500);
    await page.evaluate(listen);
    const since = Date.now();
    const stops = [];
    for (let i = 0; i < 120; i += 1) {
      await page.keyboard.press('Tab');
      const at = await focused(page);
      if (at === null) break; // out at the end: no trap
      stops.push(at);
    }
    assert.ok(stops.length > 3, JSON.stringify(stops));
    assert.ok(stops.length < 120, `${stops.length} stops and no end: ${stops.slice(-6).map(({ name }) => name)}`);
    assert.deepEqual(stops.filter(({ name }) => name === ''), [], 'stops without a name');
    assert.deepEqual(stops.filter(({ ring, visible }) => !ring || !visible), [], 'stops that do not show');

    assert.equal(await page.getByRole('main').count(), 1, 'main');
    const levels = await page.locator('h1, h2, h3, h4').filter({ visible: true }).evaluateAll((all) => all.map((each) => Number(each.tagName[1])));
    for (const [i, level] of levels.entries()) assert.ok(level <= (levels[i - 1] ?? 0) + 1, `headings ${levels}`);
    const tree = await page.locator('body').ariaSnapshot();
    assert.deepEqual(tree.split('\n').filter((line) => NAMELESS.test(line)), [], 'without a name');

    await page.waitForTimeout(Math.max(0, since + SILENT_MS - Date.now()));
    const said = await page.evaluate(() => window.kwSaid());
    assert.ok(said.length <= 1, `in ${SILENT_MS} ms: ${said.join(' | ')}`);
    view.check();
    await view.close();
  });

  test(`${open}: zoom of 200 and 400 %, wide spacing of text, nothing is lost`, async () => {
    for (const [width, height] of [[640, 512], [320, 256]]) {
      const view = await openDemo(browser, open, { width, height, locale: 'ru' });
      await view.page.locator(filled).first().waitFor({ state: 'attached' });
      await view.page.waitForTimeout(300);
      const { wide, clipped } = await view.page.evaluate(look);
      assert.ok(wide <= 0, `${width} px: ${wide} px wider than the window`);
      assert.deepEqual(clipped, [], `${width} px`);
      assert.ok(await view.page.locator('h1').first().evaluate((each) => each.getBoundingClientRect().width > 0), 'no h1');
      view.check();
      await view.close();
    }
    const view = await openDemo(browser, open);
    await view.page.locator(filled).first().waitFor({ state: 'attached' });
    await view.page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }');
      document.adoptedStyleSheets = [sheet];
    });
    await view.page.waitForTimeout(300);
    const { wide, clipped } = await view.page.evaluate(look);
    assert.deepEqual({ wide: Math.max(0, wide), clipped }, { wide: 0, clipped: [] }, 'with wide spacing');
    view.check();
    await view.close();
  });

  test(`${open}: colours of the system, and no motion`, async () => {
    const view = await openDemo(browser, open, { forcedColors: 'active', reducedMotion: 'reduce' });
    const { page } = view;
    await page.locator(filled).first().waitFor({ state: 'attached' });
    await page.waitForTimeout(500);
    // A bar is its fill: where the system paints all grounds alike it must keep its own or draw an edge.
    const bars = await page.locator('[data-load], [role=meter], [role=progressbar]').evaluateAll((all) =>
      all.filter((bar) => bar.checkVisibility()).map((bar) => {
        const parts = [bar, ...bar.querySelectorAll('*')];
        const grounds = new Set(parts.map((part) => getComputedStyle(part).backgroundColor));
        const { borderTopWidth, outlineStyle } = getComputedStyle(bar);
        const edged = borderTopWidth !== '0px' || outlineStyle !== 'none';
        return edged && (parts.length === 1 || grounds.size > 1); // a bar whose value is not known has no fill
      }),
    );
    if (open === '/') assert.ok(bars.length > 3, 'no bars to look at');
    assert.ok(bars.every(Boolean), `${bars.filter((seen) => !seen).length} of ${bars.length} bars cannot be seen`);
    const moving = await page.evaluate(() => document.getAnimations().filter((each) => each.effect.getComputedTiming().duration > 10).map((each) => each.animationName ?? each.transitionProperty));
    assert.deepEqual(moving, []);
    await axe(page, `${open} in colours of the system`, ['color-contrast']);
    view.check();
    await view.close();
  });
}
