// lingui.config.ts - Where the texts of the page are: one .po a language, keyed by our own ids.
import { formatter } from '@lingui/format-po';

export default {
  locales: ['en', 'ru'],
  sourceLocale: 'en',
  catalogs: [{ path: '<rootDir>/src/locales/{locale}', include: ['src'] }],
  // The ids are written by hand and the sources hold only them, so every entry is an explicit one.
  format: formatter({ explicitIdAsDefault: true, lineNumbers: false, origins: false }),
};
