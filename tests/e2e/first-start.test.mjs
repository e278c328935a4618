// first-start.test.mjs - A service of our own, from nothing: the first administrator, the empty pages, a
// station that appears, and what the page says when the service dies under it and comes back.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, isLive, NOT_SIGNED_IN, openPage, startBrowser, startService, until } from './support.mjs';

let browser;
let service;
let view;
let beat;
before(async () => {
  [browser, service] = await Promise.all([startBrowser(), startService()]);
  view = await openPage(browser, { url: service.url, locale: 'ru' });
});
after(async () => {
  clearInterval(beat);
  await browser?.close();
  await service?.stop();
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
  await page.getByLabel('Код установки').fill(service.setupCode().toLowerCase());
  await page.getByRole('button', { name: 'Создать администратора' }).click();
  await page.waitForURL(`${service.url}/`);
  await isLive(page);
  await page.getByRole('heading', { name: 'Станций пока нет' }).waitFor();
  await axe(page, 'empty overview');
  await page.goto('/setup');
  await page.waitForURL(/\/login/u); // there is no second first start
  await page.goto('/stations');
  await page.getByRole('heading', { name: 'Станций пока нет' }).waitFor();
  await axe(page, 'empty stations');
  view.check();
});

/** The stations' side of the contract, as a gateway would write it. */
function play(id, watts) {
  const alive = () => service.redis('HSET', 'kw:1:meta', 'aliveTs', String(Date.now()));
  const now = String(Date.now());
  service.redis('SADD', 'kw:1:stations', id);
  service.redis('HSET', `kw:1:station:${id}`, 'connected', '1', 'connectedTs', now, 'conGen', '1', 'status', 'Available', 'errorCode', 'NoError', 'statusTs', now, 'lastSeenTs', now);
  service.redis('HSET', `kw:1:conn:${id}:1:1`, 'status', 'Charging', 'state', 'charging', 'errorCode', 'NoError', 'statusTs', now, 'txId', '7', 'powerW', String(watts), 'currentL1', '16', 'currentL2', '16', 'currentL3', '16', 'energyWh', '1000', 'meterTs', now);
  service.redis('HSET', `kw:1:tx:${id}:7`, 'evseId', '1', 'connectorId', '1', 'idToken', '04A1', 'startTs', now, 'startRts', now, 'meterStartWh', '500', 'chargingState', 'Charging', 'lastTs', now);
  service.redis('ZADD', 'kw:1:tx:active', now, `${id}|7`);
  // Last: with it the service takes its snapshot of all the rest.
  service.redis('HSET', 'kw:1:meta', 'contract', 'kw', 'major', '1', 'minor', '0', 'producer', 'test', 'version', '1', 'epoch', 'e1', 'startedTs', now, 'aliveTs', now);
  beat ??= setInterval(alive, 2000);
}

const station = { id: 'EV-0001', name: 'EV-0001', phases: 3, rotation: 0, connectors: [{ id: 1 }] };

test('a registered station appears with its values, without a reload', async () => {
  const { page } = view;
  const made = await page.request.post('/api/v1/stations', { data: station, headers: { Origin: service.url } });
  assert.equal(made.status(), 201, await made.text());
  await page.locator('[data-row="EV-0001"]').waitFor();
  play('EV-0001', 11_040);
  await page.locator('[data-testid=feed][data-feed=live]').waitFor({ timeout: 20_000 });
  await page.locator('[data-row="EV-0001"]').getByText('11,0').waitFor({ timeout: 10_000 });
  view.check();
});

const colour = (page) =>
  page.locator('[data-row="EV-0001"] .live').first().evaluate((element) => getComputedStyle(element).color);

test('the service is killed: a banner within 3 s, grey values, no false zero; it comes back by itself', async () => {
  const { page } = view;
  view.expect(/WebSocket|ERR_CONNECTION_REFUSED|ERR_EMPTY|ERR_SOCKET|Failed to fetch/u);
  const fresh = await colour(page);
  await service.kill();
  const killed = Date.now();
  await page.getByTestId('link-banner').waitFor({ timeout: 3000 });
  assert.ok(Date.now() - killed <= 3000);
  await until('grey values', async () => (await colour(page)) !== fresh, 2);
  await page.locator('[data-row="EV-0001"]').getByText('11,0').waitFor(); // the digits stay
  await axe(page, 'lost link');
  await page.waitForTimeout(2500);
  await service.restart();
  await isLive(page);
  await page.getByTestId('link-banner').waitFor({ state: 'hidden' });
  await until('values in ink', async () => (await colour(page)) === fresh, 10);
  view.check();
});

test('a link that freezes without closing is found', async () => {
  const { page } = view;
  service.pause();
  const since = Date.now();
  await page.getByTestId('link-banner').waitFor({ timeout: 16_000 });
  assert.ok(Date.now() - since <= 15_500, `${Date.now() - since} ms`);
  service.goOn();
  await isLive(page);
  view.check();
});
