// shell.tsx - The frame around every page after the sign-in: rail, top bar, banner of a lost link, and on
// a phone the bottom bar. It owns the live link and marks the whole page when its values are not fresh.
import { useEffect, type ReactNode } from 'react';
import { useLive, useLiveClient, useNow, useTopic } from '@/live/react';
import { isFresh, type LiveState } from '@/live/reducer';
import { useT } from '@/i18n/i18n';
import { BottomBar } from './bottom-bar';
import { LinkBanner } from './link-banner';
import { Rail } from './rail';
import { TopBar } from './top-bar';
import css from './shell.module.css';

/** A restart of the service is over before anybody could read a banner. */
const GRACE_MS = 1000;

const selectLost = (state: LiveState) => ({
  fresh: isFresh(state) || state.link.is === 'connecting',
  sinceMs: state.link.is === 'reconnecting' ? state.link.sinceMs : null,
});

/** True when values may be old: at once for a session that ended, after the grace for a lost link. */
export function useIsStale(): boolean {
  const { fresh, sinceMs } = useLive(selectLost);
  const now = useNow();
  return !fresh && (sinceMs === null || now - sinceMs >= GRACE_MS);
}

export function Shell({ children, overlay }: { readonly children: ReactNode; readonly overlay: ReactNode }) {
  const t = useT();
  const client = useLiveClient();
  const stale = useIsStale();
  useTopic('complex');
  useTopic('feed');

  useEffect(() => {
    client.start();
    return () => client.stop();
  }, [client]);

  useEffect(() => {
    document.documentElement.dataset['live'] = stale ? 'stale' : 'fresh';
  }, [stale]);

  return (
    <div className={css.shell}>
      <a href="#main" className={css.skip}>
        {t('shell.skip')}
      </a>
      <Rail />
      <div className={css.column}>
        <TopBar />
        {stale && <LinkBanner />}
        <main id="main" className={css.main} tabIndex={-1}>
          {children}
        </main>
        <BottomBar />
      </div>
      {overlay}
    </div>
  );
}
