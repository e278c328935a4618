// kpis.tsx - The strip of numbers: load with its limit and phases, energy of the day, stations by state.
import { Link } from '@tanstack/react-router';
import { clsx } from 'clsx';
import { StateIcon, TONE } from '@/components/icons/state-icon';
import { permilleOf, ratioOf } from '@/components/station/load';
import { GROUP_STATE, GROUPS, type Group } from '@/components/station/words';
import { LoadBar } from '@/components/ui/load-bar';
import { Measure } from '@/components/ui/measure';
import { Skeleton } from '@/components/ui/notice';
import { count, current, energy, percent, power, text } from '@/format/units';
import { useLocale, useT, type MessageId } from '@/i18n/i18n';
import type { ComplexDocument } from '@/live/model';
import { useLive } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import css from './kpis.module.css';

const selectComplex = (state: LiveState) => state.documents.complex;

export function Kpis() {
  const t = useT();
  const complex = useLive(selectComplex);
  return (
    <section className={css.strip} aria-label={t('overview.numbers')}>
      <div className={css.cell}>
        <h2 className={css.label}>{t('kpi.load')}</h2>
        {complex === null ? <Waiting /> : <Load complex={complex} />}
      </div>
      <div className={css.cell}>
        <h2 className={css.label}>{t('kpi.energy')}</h2>
        {complex === null ? <Waiting /> : <Energy complex={complex} />}
      </div>
      <div className={css.cell}>
        <h2 className={css.label}>{t('kpi.stations')}</h2>
        {complex === null ? <Waiting /> : <Stations complex={complex} />}
      </div>
    </section>
  );
}

const Waiting = () => (
  <div className={css.waiting}>
    <Skeleton width={120} height={24} />
    <Skeleton width={160} />
  </div>
);

function Load({ complex }: { readonly complex: ComplexDocument }) {
  const t = useT();
  const locale = useLocale();
  const ratio = ratioOf(complex);
  return (
    <div className={css.load}>
      <div className={css.main}>
        <p className={css.value} data-testid="load">
          <Measure of={power(complex.powerW, locale)} />
        </p>
        <LoadBar permille={ratio} height={6} />
        <p className={css.note}>
          {complex.limitW === null
            ? ratio === null
              ? t('kpi.no-limit')
              : t('kpi.of-limit', { ratio: percent(ratio, locale) })
            : t('kpi.of', { limit: text(power(complex.limitW, locale), locale), ratio: percent(ratio, locale) })}
        </p>
      </div>
      <dl className={css.phases} data-testid="phases">
        {([0, 1, 2] as const).map((phase) => (
          <div key={phase} className={css.phase}>
            <dt>L{phase + 1}</dt>
            <dd>
              <LoadBar permille={permilleOf(complex.currentMa[phase], complex.limitMa[phase])} height={4} />
              <Measure of={current(complex.currentMa[phase], locale)} className={css.amps} />
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function Energy({ complex }: { readonly complex: ComplexDocument }) {
  const t = useT();
  const locale = useLocale();
  const sessions = complex.activeTransactions;
  return (
    <>
      <p className={css.value} data-testid="energy">
        <Measure of={energy(complex.energyTodayWh, locale)} />
      </p>
      {sessions !== null && (
        <Link to="/stations" search={{ state: 'charging,paused' }} className={css.below}>
          {t('kpi.sessions', { count: sessions })}
        </Link>
      )}
    </>
  );
}

const countOf = (complex: ComplexDocument, groups: readonly Group[]): number =>
  groups.flatMap((group) => [...GROUPS[group]]).reduce((sum, state) => sum + complex.counts[state], 0);

/** Six words, always the same six, so that the strip never changes its shape. */
const PARTS: readonly { readonly id: string; readonly word: MessageId; readonly groups: readonly Group[] }[] = [
  { id: 'charging', word: 'group.charging', groups: ['charging'] },
  { id: 'paused', word: 'group.paused', groups: ['paused'] },
  { id: 'occupied', word: 'group.occupied', groups: ['occupied'] },
  { id: 'available', word: 'group.available', groups: ['available'] },
  { id: 'faulted', word: 'group.faulted', groups: ['faulted'] },
  { id: 'out', word: 'group.out', groups: ['offline', 'unavailable'] },
];

function Stations({ complex }: { readonly complex: ComplexDocument }) {
  const t = useT();
  const locale = useLocale();
  const parts = PARTS.map((part) => ({
    ...part,
    size: countOf(complex, part.groups),
    state: GROUP_STATE(part.groups[0] ?? 'offline'),
  }));
  return (
    <>
      <div className={css.states} aria-hidden>
        {parts
          .filter(({ size }) => size > 0)
          .map(({ id, size, state }) => (
            <span key={id} className={clsx(css.segment, css[TONE[state]])} style={{ flexGrow: size }} />
          ))}
      </div>
      <ul className={css.legend}>
        {parts.map(({ id, word, groups, size, state }) => (
          <li key={id}>
            <Link to="/stations" search={{ state: groups.join(',') }} className={css.group} data-testid={`count-${id}`}>
              <StateIcon state={state} size={14} />
              <b className="num live">{count(size, locale)}</b> {t(word)}
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
