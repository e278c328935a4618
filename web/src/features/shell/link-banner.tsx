// link-banner.tsx - The link is lost: how old the page is, when the next try comes, and a way not to wait.
import { WifiOff } from 'lucide-react';
import { Button } from '@/components/ui/button';
import { age } from '@/format/time';
import { useLocale, useT } from '@/i18n/i18n';
import { useLive, useLiveClient, useNow } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import css from './shell.module.css';

const selectBanner = (state: LiveState) => ({
  is: state.link.is,
  retryAtMs: state.link.is === 'reconnecting' ? state.link.retryAtMs : null,
  lastFrameMs: state.lastFrameMs,
});

export function LinkBanner() {
  const t = useT();
  const locale = useLocale();
  const client = useLiveClient();
  const now = useNow();
  const { is, retryAtMs, lastFrameMs } = useLive(selectBanner);
  if (is !== 'reconnecting') return null;
  return (
    <div className={css.banner} data-testid="link-banner">
      <WifiOff size={16} aria-hidden />
      {/* Announced once: the running ages are not for a screen reader. */}
      <span role="alert" className="sr-only">
        {t('link.lost-alert')}
      </span>
      <strong aria-hidden>
        {lastFrameMs === null ? t('link.lost') : t('link.lost-age', { age: age(now - lastFrameMs, locale) })}
      </strong>
      <span className={css.retry} aria-hidden>
        {retryAtMs === null ? t('link.trying') : t('link.retry-in', { age: age(retryAtMs - now + 999, locale) })}
      </span>
      <Button size="small" onClick={client.retryNow} disabled={retryAtMs === null}>
        {t('link.retry-now')}
      </Button>
    </div>
  );
}
