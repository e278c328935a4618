// theme.ts - Light, dark, or as the system has it. The page carries data-theme; the choice is kept in
// the browser, and public/before-paint.js reads it before the first paint.
import { useSyncExternalStore } from 'react';

export const THEMES = ['light', 'dark', 'system'] as const;
export type Theme = (typeof THEMES)[number];

const STORAGE_KEY = 'kw.theme';
const listeners = new Set<() => void>();
const darkQuery = () => window.matchMedia('(prefers-color-scheme: dark)');

export function readTheme(): Theme {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return stored === 'light' || stored === 'dark' ? stored : 'system';
  } catch {
    return 'system';
  }
}

function apply(theme: Theme): void {
  const dark = theme === 'dark' || (theme === 'system' && darkQuery().matches);
  document.documentElement.dataset['theme'] = dark ? 'dark' : 'light';
}

export function setTheme(theme: Theme): void {
  try {
    if (theme === 'system') localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, theme);
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
  apply(theme);
  for (const listener of listeners) listener();
}

/** Follow the system while the choice is "system". */
export function watchSystemTheme(): void {
  darkQuery().addEventListener('change', () => apply(readTheme()));
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, readTheme);
}

export function useIsDark(): boolean {
  useTheme();
  return document.documentElement.dataset['theme'] === 'dark';
}
