// top-bar.tsx - Where am I, is it alive, who am I.
import { Link, useRouterState } from '@tanstack/react-router';
import { ChevronRight } from 'lucide-react';
import { useSession } from '@/api/session';
import { Brand } from '@/components/icons/brand';
import { useT } from '@/i18n/i18n';
import { AccountMenu } from './account-menu';
import { FeedChip, LinkChip } from './chips';
import { usePages } from './pages';
import css from './top-bar.module.css';

export function TopBar() {
  const t = useT();
  const session = useSession();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const page = usePages().find((each) => each.path === path);
  return (
    <header className={css.bar}>
      <span className={css.mark} aria-hidden>
        <Brand />
      </span>
      <nav aria-label={t('shell.breadcrumb')} className={css.crumbs}>
        <Link to="/" className={css.complex}>
          {session?.complex.name ?? 'Kilowatch'}
        </Link>
        {page !== undefined && (
          <>
            <ChevronRight size={16} aria-hidden className={css.arrow} />
            <span aria-current="page" className={css.page}>
              {t(page.title)}
            </span>
          </>
        )}
      </nav>
      <LinkChip />
      <FeedChip />
      <AccountMenu />
    </header>
  );
}
