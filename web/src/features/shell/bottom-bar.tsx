// bottom-bar.tsx - On a phone: the pages under the thumb.
import { Link } from '@tanstack/react-router';
import { useT } from '@/i18n/i18n';
import { usePages } from './pages';
import css from './shell.module.css';

export function BottomBar() {
  const t = useT();
  const pages = usePages();
  return (
    <nav className={css.bottom} aria-label={t('rail.label')}>
      {pages.map(({ path, title, icon: Icon }) => (
        <Link key={path} to={path} activeOptions={{ exact: path === '/', includeSearch: false }} className={css.tab}>
          <Icon size={22} strokeWidth={1.75} aria-hidden />
          {t(title)}
        </Link>
      ))}
    </nav>
  );
}
