// page.tsx - / : is the complex all right, how much power is left, what needs me. One sentence first, then
// numbers with their limits, then the nodes by load and what needs attention.
import { EvCharger } from 'lucide-react';
import { Notice } from '@/components/ui/notice';
import { useTitle } from '@/components/use-title';
import { useT } from '@/i18n/i18n';
import { useLive, useTopic } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import { useSession } from '@/api/session';
import { Attention } from './attention';
import { Headline } from './headline';
import { Kpis } from './kpis';
import { NodeLoads } from './node-loads';
import css from './overview.module.css';

const selectIsEmpty = (state: LiveState) => state.documents.complex?.total === 0;

export function OverviewPage() {
  const t = useT();
  const session = useSession();
  const isEmpty = useLive(selectIsEmpty);
  useTopic('nodes');
  useTopic('stations');
  useTitle(t('page.overview'), session?.complex.name);
  return (
    <div className={css.page}>
      <Headline />
      {isEmpty ? (
        <section className={css.card}>
          <Notice icon={<EvCharger size={18} aria-hidden />} title={t('overview.empty')}>
            {t('overview.empty-text')}
          </Notice>
        </section>
      ) : (
        <>
          <Kpis />
          <div className={css.row}>
            <NodeLoads />
            <Attention />
          </div>
        </>
      )}
    </div>
  );
}
