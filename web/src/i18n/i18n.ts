// i18n.ts - The languages of the page. Texts live in locales/*.po and are loaded one language at a
// time; the sources hold only ids. A switch needs no reload: whoever uses `useT` renders again.
import { setupI18n, type I18n } from '@lingui/core';
import { useLingui } from '@lingui/react';
import type { MessageId } from '@/locales/ids';

export type { MessageId };
export const LOCALES = ['ru', 'en'] as const;
export type Locale = (typeof LOCALES)[number];
export const LOCALE_NAME: Readonly<Record<Locale, string>> = { ru: 'Русский', en: 'English' };

const STORAGE_KEY = 'kw.locale';

/** Own instance: the global one of the library would be shared by tests. */
export const i18n: I18n = setupI18n({ missing: (_locale, id) => `⟦${id}⟧` });

const load: Readonly<Record<Locale, () => Promise<{ messages: Parameters<I18n['load']>[1] }>>> = {
  en: () => import('@/locales/en.po'),
  ru: () => import('@/locales/ru.po'),
};

export async function setLocale(locale: Locale): Promise<void> {
  const { messages } = await load[locale]();
  i18n.loadAndActivate({ locale, messages });
  document.documentElement.lang = locale;
  try {
    localStorage.setItem(STORAGE_KEY, locale);
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
}

export const currentLocale = (): Locale => (i18n.locale === 'ru' ? 'ru' : 'en');

export function firstLocale(): Locale {
  return document.documentElement.lang === 'ru' ? 'ru' : 'en';
}

export type Translate = (id: MessageId, values?: Record<string, unknown>) => string;

export const translate: Translate = (id, values) => i18n._(id, values);

/** The texts of the present language, as a hook. */
export function useT(): Translate {
  const lingui = useLingui();
  return (id, values) => lingui.i18n._(id, values);
}

export function useLocale(): Locale {
  return useLingui().i18n.locale === 'ru' ? 'ru' : 'en';
}
