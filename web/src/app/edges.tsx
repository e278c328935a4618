// edges.tsx - Where the map ends: no such page, no right to it, or the page itself broke.
import { Link, type ErrorComponentProps } from '@tanstack/react-router';
import { Compass, Lock, TriangleAlert } from 'lucide-react';
import { ApiError } from '@/api/problem';
import { Button } from '@/components/ui/button';
import { Notice } from '@/components/ui/notice';
import { useTitle } from '@/components/use-title';
import { useT } from '@/i18n/i18n';
import css from './edges.module.css';

export function NotFoundPage() {
  const t = useT();
  useTitle(t('edge.not-found'));
  return (
    <main className={css.page}>
      <Notice
        heading="h1"
        icon={<Compass size={18} aria-hidden />}
        title={t('edge.not-found')}
        actions={
          <Link to="/" className={css.link}>
            {t('edge.to-overview')}
          </Link>
        }
      >
        {t('edge.not-found-text')}
      </Notice>
    </main>
  );
}

export function NoRightPage({ right }: { readonly right: string }) {
  const t = useT();
  useTitle(t('edge.no-right'));
  return (
    <Notice heading="h1" icon={<Lock size={18} aria-hidden />} title={t('edge.no-right')}>
      {t('edge.no-right-text', { right })}
    </Notice>
  );
}

export function CrashPage({ error }: ErrorComponentProps) {
  const t = useT();
  const words = error instanceof Error ? error.message : String(error);
  const unreachable = error instanceof ApiError && error.code === 'unreachable';
  const requestId = error instanceof ApiError ? error.requestId : null;
  useTitle(t('edge.crash'));
  return (
    <main className={css.page}>
      <Notice
        tone="error"
        heading="h1"
        icon={<TriangleAlert size={18} aria-hidden />}
        title={unreachable ? t('edge.unreachable') : t('edge.crash')}
        actions={
          <Button look="primary" onClick={() => window.location.reload()}>
            {t('edge.reload')}
          </Button>
        }
      >
        {unreachable ? t('error.unreachable') : requestId === null ? words : t('error.unexpected-with-id', { id: requestId })}
      </Notice>
    </main>
  );
}
