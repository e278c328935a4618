// measure.tsx - A number with its unit, the unit small and grey; tabular figures, never wrapped.
import { clsx } from 'clsx';
import { NBSP, unitWord, type Measure as Value } from '@/format/units';
import { useLocale } from '@/i18n/i18n';

export function Measure({ of, className, live = true }: { readonly of: Value; readonly className?: string | undefined; readonly live?: boolean }) {
  const locale = useLocale();
  return (
    <span className={clsx('num', live && 'live', className)}>
      {of.value}
      {of.unit !== null && (
        <span className="unit">
          {NBSP}
          {unitWord(of.unit, locale)}
        </span>
      )}
    </span>
  );
}
