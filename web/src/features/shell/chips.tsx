// chips.tsx - Two questions that must not be mixed: is our link alive (age of the last frame), and does the
// source of the stations speak (lag of the feed). The text says it before the colour does.
import { clsx } from 'clsx';
import { RadioTower } from 'lucide-react';
import { age, lag } from '@/format/time';
import { MISSING } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import { useLive, useNow, useServerNow } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import css from './top-bar.module.css';

const selectLink = (state: LiveState) => ({
  is: state.link.is,
  lastFrameMs: state.lastFrameMs,
  feedState: state.documents.feed?.state ?? null,
});

export function LinkChip() {
  const t = useT();
  const locale = useLocale();
  const now = useNow();
  const { is, lastFrameMs, feedState } = useLive(selectLink);
  const frameAge = lastFrameMs === null ? null : age(now - lastFrameMs, locale);
  const word = is === 'live' ? t('link.live') : is === 'connecting' ? t('link.connecting') : is === 'paused' ? t('link.paused') : is === 'signed-out' ? t('link.signed-out') : t('link.lost');
  const dot = is === 'live' ? (feedState === 'live' ? undefined : css.dotWait) : is === 'reconnecting' ? css.dotOff : css.dotWait;
  return (
    <span className={clsx(css.chip, is === 'reconnecting' && css.warn)} data-testid="link" data-link={is} title={t('link.about')}>
      <span className={clsx(css.dot, dot)} />
      <span className={is === 'live' ? css.chipWord : undefined}>{word}</span>
      {frameAge !== null && (is === 'live' || is === 'reconnecting') && <b className="num">{frameAge}</b>}
    </span>
  );
}

const selectFeed = (state: LiveState) => state.documents.feed;
const selectIsLive = (state: LiveState) => state.link.is === 'live';

export function FeedChip() {
  const t = useT();
  const locale = useLocale();
  const now = useServerNow();
  const feed = useLive(selectFeed);
  const isLive = useLive(selectIsLive);
  if (feed === null) return null;
  const silentMs = feed.lastEventMs === null ? null : now - feed.lastEventMs;
  // Without our own link nobody knows how the source is.
  const value = !isLive
    ? MISSING
    : feed.state === 'live'
      ? feed.lagMs === null
        ? null
        : lag(feed.lagMs, locale)
      : silentMs === null
        ? null
        : age(silentMs, locale);
  const word = feed.state === 'live' || !isLive ? t('feed.live') : feed.state === 'stale' ? t('feed.stale') : t('feed.lost');
  return (
    <span className={clsx(css.chip, isLive && feed.state !== 'live' && css.warn)} data-testid="feed" data-feed={isLive ? feed.state : 'unknown'} title={t('feed.about')}>
      <RadioTower size={15} strokeWidth={1.75} aria-hidden />
      <span className={feed.state === 'live' || !isLive ? css.chipWord : undefined}>{word}</span>
      {value !== null && <b className="num">{value}</b>}
    </span>
  );
}
