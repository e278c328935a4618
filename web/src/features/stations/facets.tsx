// facets.tsx - Filter by state, with how many each choice would show. A panel beside the table, chips in
// one line on a phone.
import { clsx } from 'clsx';
import { StateIcon } from '@/components/icons/state-icon';
import { GROUP_NAMES, GROUP_STATE, GROUP_WORD, type Group } from '@/components/station/words';
import { Button } from '@/components/ui/button';
import { count } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import { useLive } from '@/live/react';
import { countGroups, type Scope } from './filter';
import css from './stations.module.css';

interface FacetsProps {
  readonly groups: readonly Group[];
  readonly scope: Scope;
  readonly onGroups: (groups: readonly Group[]) => void;
}

const toggled = (groups: readonly Group[], group: Group): readonly Group[] =>
  groups.includes(group) ? groups.filter((each) => each !== group) : [...groups, group];

const useGroupCounts = (scope: Scope) =>
  useLive((state) => countGroups(state.tables.stations, state.tables.nodes, scope));

export function Facets({ groups, scope, onGroups }: FacetsProps) {
  const t = useT();
  const locale = useLocale();
  const counts = useGroupCounts(scope);
  return (
    <aside className={css.facets} aria-label={t('filter.title')}>
      <div className={css.facetsHead}>
        <strong>{t('filter.title')}</strong>
        {groups.length > 0 && (
          <Button look="quiet" size="small" onClick={() => onGroups([])}>
            {t('filter.clear')}
          </Button>
        )}
      </div>
      <fieldset className={css.facet}>
        <legend>{t('column.state')}</legend>
        {GROUP_NAMES.map((group) => (
          <label key={group} className={css.choice}>
            <input
              type="checkbox"
              checked={groups.includes(group)}
              onChange={() => onGroups(toggled(groups, group))}
            />
            <StateIcon state={GROUP_STATE(group)} size={14} />
            <span className={css.choiceWord}>{t(GROUP_WORD[group])}</span>
            <span className={clsx('num', 'live', css.choiceCount)}>{count(counts[group], locale)}</span>
          </label>
        ))}
      </fieldset>
    </aside>
  );
}

export function FacetChips({ groups, scope, onGroups }: FacetsProps) {
  const t = useT();
  const locale = useLocale();
  const counts = useGroupCounts(scope);
  return (
    <div className={css.chips} role="group" aria-label={t('filter.title')}>
      {GROUP_NAMES.filter((group) => counts[group] > 0 || groups.includes(group)).map((group) => (
        <button
          key={group}
          type="button"
          className={css.chip}
          aria-pressed={groups.includes(group)}
          onClick={() => onGroups(toggled(groups, group))}
        >
          {t(GROUP_WORD[group])} <span className="num">{count(counts[group], locale)}</span>
        </button>
      ))}
    </div>
  );
}

/** The counts of all states in one line, each a switch: the legend of the wall and its filter. */
export function FacetLine({ groups, scope, onGroups }: FacetsProps) {
  const t = useT();
  const locale = useLocale();
  const counts = useGroupCounts(scope);
  return (
    <div className={css.line} role="group" aria-label={t('filter.title')}>
      {GROUP_NAMES.map((group) => (
        <button
          key={group}
          type="button"
          className={css.lineChoice}
          aria-pressed={groups.includes(group)}
          onClick={() => onGroups(toggled(groups, group))}
        >
          <StateIcon state={GROUP_STATE(group)} size={14} />
          <b className="num live">{count(counts[group], locale)}</b>
          <span className={css.lineWord}>{t(GROUP_WORD[group])}</span>
        </button>
      ))}
    </div>
  );
}
