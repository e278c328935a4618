// rail.tsx - The left rail: open with words or closed to icons. Pages that need the width start with it
// closed; once somebody has chosen, the choice is remembered for all pages. `[` toggles.
import { Link, useRouterState } from '@tanstack/react-router';
import { PanelLeftClose, PanelLeftOpen } from 'lucide-react';
import { useCallback, useEffect, useState } from 'react';
import { Brand } from '@/components/icons/brand';
import { TABLET, useMedia } from '@/components/use-media';
import { useT } from '@/i18n/i18n';
import { usePages } from './pages';
import css from './rail.module.css';

const STORAGE_KEY = 'kw.rail';

type Choice = 'open' | 'closed';

function readChoice(): Choice | null {
  try {
    const stored = localStorage.getItem(STORAGE_KEY);
    return stored === 'open' || stored === 'closed' ? stored : null;
  } catch {
    return null;
  }
}

function keepChoice(choice: Choice): void {
  try {
    localStorage.setItem(STORAGE_KEY, choice);
  } catch {
    // Not remembered then.
  }
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest('input, textarea, select, [contenteditable]') !== null;

export function Rail() {
  const t = useT();
  const pages = usePages();
  const here = useRouterState({ select: (state) => state.location.pathname });
  const isWide = pages.some((page) => page.path === here && page.wide === true);
  const [choice, setChoice] = useState(readChoice);
  const isTablet = useMedia(TABLET);
  const open = choice === null ? !isWide && !isTablet : choice === 'open';

  const toggle = useCallback(() => {
    const next = open ? 'closed' : 'open';
    setChoice(next);
    keepChoice(next);
  }, [open]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== '[' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      toggle();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [toggle]);

  const Toggle = open ? PanelLeftClose : PanelLeftOpen;
  const toggleWord = open ? t('rail.close') : t('rail.open');
  return (
    <aside className={css.rail} data-open={open} aria-label="Kilowatch">
      <Link to="/" className={css.brand} aria-label={t('rail.home')}>
        <Brand />
        {open && <span>Kilowatch</span>}
      </Link>
      <nav aria-label={t('rail.label')}>
        <ul className={css.list}>
          {pages.map(({ path, title, icon: Icon }) => (
            <li key={path}>
              <Link
                to={path}
                activeOptions={{ exact: path === '/', includeSearch: false }}
                className={css.item}
                title={open ? undefined : t(title)}
              >
                <Icon size={18} strokeWidth={1.75} aria-hidden />
                <span className={open ? undefined : 'sr-only'}>{t(title)}</span>
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <button
        type="button"
        className={css.toggle}
        aria-expanded={open}
        aria-label={toggleWord}
        aria-keyshortcuts="["
        title={open ? undefined : toggleWord}
        onClick={toggle}
      >
        <Toggle size={18} strokeWidth={1.75} aria-hidden />
        {open && <span>{toggleWord}</span>}
        {open && <kbd className={css.key}>[</kbd>}
      </button>
    </aside>
  );
}
