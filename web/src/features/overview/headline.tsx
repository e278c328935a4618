// headline.tsx - The state of the complex as one sentence, and a line with what else matters.
import { Skeleton } from '@/components/ui/notice';
import { ratioOf } from '@/components/station/load';
import { shortPath } from '@/components/station/path';
import { dayAndTime, zoneCity } from '@/format/time';
import { percent, power, text } from '@/format/units';
import { useLocale, useT, type Locale, type Translate } from '@/i18n/i18n';
import type { ComplexDocument, NodeRow } from '@/live/model';
import { useLive, useServerNow } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import css from './overview.module.css';

const selectComplex = (state: LiveState) => state.documents.complex;

/** The node closest to its limit, when it is close: name and ratio. */
const selectWorst = (state: LiveState): { name: string; ratio: number } | null => {
  let worst: NodeRow | null = null;
  for (const node of state.tables.nodes.values()) {
    if ((node.ratio ?? 0) > (worst?.ratio ?? 0)) worst = node;
  }
  return worst?.ratio != null && worst.ratio > 900
    ? { name: shortPath(state.tables.nodes, worst.id), ratio: worst.ratio }
    : null;
};

type Worst = ReturnType<typeof selectWorst>;

export function sentence(complex: ComplexDocument, worst: Worst, t: Translate, locale: Locale): string {
  if (complex.feed.state === 'lost') return t('overview.feed-lost');
  if (complex.total === 0) return t('overview.no-stations');
  if (complex.powerW === null) return t('overview.no-load');
  const values: Record<string, string> = { load: text(power(complex.powerW, locale), locale) };
  const ratio = ratioOf(complex);
  if (worst !== null && worst.ratio >= 1000) {
    return t('overview.overload', { ...values, node: worst.name, ratio: percent(worst.ratio, locale) });
  }
  if (ratio !== null && ratio >= 1000) return t('overview.overload-whole', { ...values, ratio: percent(ratio, locale) });
  if (complex.limitW !== null) {
    values['limit'] = text(power(complex.limitW, locale), locale);
    values['spare'] = text(power(complex.limitW - complex.powerW, locale), locale);
    return t('overview.no-overload-spare', values);
  }
  if (ratio !== null) return t('overview.no-overload-ratio', { ...values, ratio: percent(ratio, locale) });
  return t('overview.no-overload', values);
}

export function details(complex: ComplexDocument, worst: Worst, t: Translate, locale: Locale): string {
  const { total, counts } = complex;
  const parts = [t('overview.reporting', { reporting: total - counts.offline - counts.unknown, total })];
  if (counts.faulted > 0) parts.push(t('overview.faults', { count: counts.faulted }));
  if (worst !== null && worst.ratio < 1000) {
    parts.push(t('overview.near-limit', { node: worst.name, ratio: percent(worst.ratio, locale) }));
  }
  return parts.join(' · ');
}

export function Headline() {
  const t = useT();
  const locale = useLocale();
  const complex = useLive(selectComplex);
  const worst = useLive(selectWorst);
  const now = useServerNow();
  if (complex === null) {
    return (
      <div className={css.head}>
        <div>
          <h1 className="sr-only">{t('page.overview')}</h1>
          <p className={css.sentence}>
            <Skeleton width={420} height={20} />
          </p>
          <p className={css.details}>
            <Skeleton width={260} />
          </p>
        </div>
      </div>
    );
  }
  return (
    <div className={css.head}>
      <div>
        <h1 className={`${css.sentence} live`}>{sentence(complex, worst, t, locale)}</h1>
        {complex.total > 0 && <p className={css.details}>{details(complex, worst, t, locale)}</p>}
      </div>
      <p className={css.moment}>
        {dayAndTime(now, complex.zone, locale)} · {zoneCity(complex.zone, locale)}
      </p>
    </div>
  );
}
