// support.mjs - All that a file of tests needs, from one place.
export * from './support/browser.mjs';
export * from './support/demo.mjs';
export * from './support/routes.mjs';
