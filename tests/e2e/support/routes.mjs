// routes.mjs - The pages of the product, once, for every suite: address, right, title, what shows that it is
// filled. routes.test.mjs fails when the router has an address that is not here, or lost one that is.
import { readFileSync } from 'node:fs';

const ROUTER = new URL('../../../web/src/app/router.tsx', import.meta.url);

/**
 * path: as the router spells it; open: an address to visit; right: who may; filled: a selector that appears
 * with the data; menu: it stands in the menu under its title; wide: more than a phone needs.
 */
export const ROUTES = [
  { path: '/', open: '/', right: 'monitoring.view', title: { en: 'Overview', ru: 'Обзор' }, filled: '[data-testid=node]', menu: true },
  { path: '/stations', open: '/stations', right: 'stations.view', title: { en: 'Stations', ru: 'Станции' }, filled: '[data-row]', menu: true },
];

/** Addresses outside of the frame: they have tests of their own (session, first-start). */
export const OUTSIDE = ['/login', '/setup'];

/** Addresses that the router really has. */
export function routerPaths() {
  const found = [...readFileSync(ROUTER, 'utf8').matchAll(/\bpath: '([^']+)'/gu)].map((match) => match[1]);
  return [...new Set(found)];
}
