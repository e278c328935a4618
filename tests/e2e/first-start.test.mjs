// first-start.test.mjs - A service of our own, from nothing: the first administrator, the empty pages, and a
// station that appears. What happens when the service dies is link.test.mjs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, isLive, NOT_SIGNED_IN, openPage, ROUTES, startBrowser } from './support.mjs';
import { Complex } from './support/complex.mjs';

let browser;
let complex;
let view;
before(async () => {
  [browser, complex] = await Promise.all([startBrowser(), Complex.start()]);
  view = await openPage(browser, { url: complex.url, locale: 'ru' });
});
after(async () => {
  await browser?.close();
  await complex?.stop();
});

const PASSWORD = 'правильная лошадь';

test('the first administrator is made with the code of the service, once', async () => {
  const { page } = view;
  view.expect(NOT_SIGNED_IN, /40[0-9].*\/api\/v1\/setup/u, /42[0-9].*\/api\/v1\/setup/u);
  await page.goto('/');
  await page.waitForURL(/\/setup$/u);
  await axe(page, 'setup');
  await page.getByLabel('Код установки').fill('AAAA-BBBB-CCCC');
  await page.getByLabel('Ваше имя').fill('Котов Михаил');
  await page.getByLabel('Почта').fill('m.kotov@example.org');
  await page.getByLabel('Пароль').fill(PASSWORD);
  await page.getByRole('button', { name: 'Создать администратора' }).click();
  await page.getByText('Код не подходит').waitFor();
  await axe(page, 'setup with an error');
  assert.equal(await page.getByLabel('Почта').inputValue(), 'm.kotov@example.org'); // nothing typed is lost
  await page.getByLabel('Код установки').fill(complex.setupCode().toLowerCase());
  await page.getByRole('button', { name: 'Создать администратора' }).click();
  await page.waitForURL(`${complex.url}/`);
  await isLive(page);
  await page.getByRole('heading', { name: 'Станций пока нет' }).waitFor();
  await axe(page, 'empty overview');
  await page.goto('/setup');
  await page.waitForURL(/\/login/u); // there is no second first start
  view.check();
});

test('each page without a single station says so and stands', async () => {
  const { page } = view;
  for (const { open, title } of ROUTES.filter(({ path }) => !path.includes('$'))) {
    await page.goto(open);
    await isLive(page).catch(() => {});
    await page.locator('h1').first().waitFor({ state: 'attached' });
    assert.ok((await page.title()).startsWith(title.ru), `${open}: ${await page.title()}`);
    await page.waitForTimeout(400);
    await axe(page, `${open}, empty`);
    assert.doesNotMatch(await page.locator('body').innerText(), /⟦|undefined|NaN|\[object/u, open);
    view.check();
  }
});

test('a registered station appears with its values, without a reload', async () => {
  const { page } = view;
  await page.goto('/stations');
  await page.getByRole('heading', { name: 'Станций пока нет' }).waitFor();
  const station = { id: 'EV-0001', name: 'EV-0001', phases: 3, rotation: 0, connectors: [{ id: 1 }] };
  const made = await page.request.post('/api/v1/stations', { data: station, headers: { Origin: complex.url } });
  assert.equal(made.status(), 201, await made.text());
  await page.locator('[data-row="EV-0001"]').waitFor();
  await complex.produce();
  await complex.connect('EV-0001');
  await complex.charge('EV-0001', 11_040);
  await page.locator('[data-testid=feed][data-feed=live]').waitFor({ timeout: 20_000 });
  await page.locator('[data-row="EV-0001"]').getByText('11,0').waitFor({ timeout: 10_000 });
  view.check();
});
