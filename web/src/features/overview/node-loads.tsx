// node-loads.tsx - The tree of nodes with the load of each against its own limit, on one scale.
import { Network } from 'lucide-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { worstPhase } from '@/components/station/load';
import { Button } from '@/components/ui/button';
import { LoadBar } from '@/components/ui/load-bar';
import { Notice, Skeleton } from '@/components/ui/notice';
import { current, percent, power, unitWord, NBSP } from '@/format/units';
import { useLocale, useT } from '@/i18n/i18n';
import type { NodeRow } from '@/live/model';
import { useLive, useRow } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import css from './overview.module.css';

/** More nodes than this are shown to the boards first. */
const MANY = 24;
const BOARD_DEPTH = 2;

/** Ids in the order of the tree, each with its depth: "0:grid|1:tp-1|2:db-1.1". */
export function treeOrder(nodes: ReadonlyMap<string, NodeRow>): string {
  const children = new Map<string, NodeRow[]>();
  for (const node of nodes.values()) {
    const parent = node.parentId !== null && nodes.has(node.parentId) ? node.parentId : '';
    children.set(parent, [...(children.get(parent) ?? []), node]);
  }
  const collator = new Intl.Collator(undefined, { numeric: true });
  const order: string[] = [];
  const walk = (parent: string, depth: number) => {
    const below = (children.get(parent) ?? []).toSorted((a, b) => collator.compare(a.name, b.name));
    for (const node of below) {
      order.push(`${depth}:${node.id}`);
      walk(node.id, depth + 1);
    }
  };
  walk('', 0);
  return order.join('|');
}

function entryOf(text: string): { id: string; depth: number } {
  const at = text.indexOf(':');
  return { depth: Number(text.slice(0, at)), id: text.slice(at + 1) };
}

const selectOrder = (state: LiveState) => treeOrder(state.tables.nodes);
const selectView = (state: LiveState) => state.views.nodes?.status ?? 'loading';

export function NodeLoads() {
  const t = useT();
  const order = useLive(selectOrder);
  const isLoading = useLive(selectView) === 'loading';
  const [all, setAll] = useState(false);
  const entries = order === '' ? [] : order.split('|').map(entryOf);
  const upper = entries.length > MANY ? entries.filter(({ depth }) => depth <= BOARD_DEPTH) : entries;
  return (
    <section className={css.card} aria-labelledby="node-loads">
      <header className={css.cardHead}>
        <h2 className={css.cardTitle} id="node-loads">
          {t('nodes.title')}
        </h2>
        <span className={css.cardNote}>{t('nodes.note')}</span>
        <ul className={css.scale} aria-hidden>
          {(['normal', 'edge', 'high', 'over'] as const).map((kind, index) => (
            <li key={kind}>
              <LoadBar permille={[600, 800, 950, 1000][index] ?? 0} height={8} className={css.swatch} />
              {['< 70', '70–90', '> 90', '≥ 100'][index]}
            </li>
          ))}
          <li>%</li>
        </ul>
      </header>
      {order !== '' && (
        <ul className={css.nodes}>
          {(all ? entries : upper).map(({ id, depth }) => (
            <NodeLoad key={id} id={id} depth={depth} />
          ))}
        </ul>
      )}
      {upper.length < entries.length && (
        <div className={css.more}>
          <Button look="quiet" size="small" aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? t('nodes.fewer') : t('nodes.all', { count: entries.length })}
          </Button>
        </div>
      )}
      {order === '' && isLoading && <NodesWaiting />}
      {order === '' && !isLoading && (
        <Notice icon={<Network size={18} aria-hidden />} title={t('nodes.empty')}>
          {t('nodes.empty-text')}
        </Notice>
      )}
    </section>
  );
}

const NodesWaiting = () => (
  <ul className={css.nodes}>
    {[220, 160, 180, 150, 170].map((width) => (
      <li key={width} className={css.node}>
        <Skeleton width={width} />
      </li>
    ))}
  </ul>
);

function NodeLoad({ id, depth }: { readonly id: string; readonly depth: number }) {
  const t = useT();
  const locale = useLocale();
  const node = useRow('nodes', id);
  if (node === undefined) return null;
  const phase = worstPhase(node);
  const inAmperes = node.limitW === null && phase !== null && phase.limitMa !== null;
  const value = inAmperes ? current(phase.currentMa, locale) : power(node.powerW, locale);
  const limit = inAmperes ? current(phase.limitMa, locale) : power(node.limitW, locale);
  const atLeast = node.stale && node.ratio !== null;
  return (
    <li className={css.node} data-testid="node">
      <span className={css.nodeName} style={{ paddingInlineStart: depth * 16 }}>
        <Link to="/stations" search={{ node: node.id }} title={t('nodes.stations', { count: node.stations })}>
          {node.name}
        </Link>
      </span>
      <LoadBar permille={node.ratio} height={6} />
      <span className={`${css.nodeValue} num live`}>
        {value.value}
        {limit.unit !== null && <span className="unit"> / {limit.value}</span>}
        {value.unit !== null && (
          <span className="unit">
            {NBSP}
            {unitWord(value.unit, locale)}
          </span>
        )}
      </span>
      <span className={`${css.nodeRatio} num live`} title={atLeast ? t('nodes.at-least') : undefined}>
        {atLeast && (
          <>
            <span aria-hidden>≥{NBSP}</span>
            <span className="sr-only">{t('nodes.at-least')} </span>
          </>
        )}
        {percent(node.ratio, locale)}
      </span>
    </li>
  );
}
