// table.tsx - The virtualised grid: only the rows in sight are in the document. Arrows or j and k walk,
// Enter opens, Home and End jump; one row at a time is in the order of Tab.
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { clsx } from 'clsx';
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { useT } from '@/i18n/i18n';
import { HEADS } from './columns';
import { Row } from './row';
import type { Sort, SortColumn } from './search';
import css from './table.module.css';

const ROW_PX = 32;
const HEAD_PX = 34;

interface TableProps {
  readonly ids: readonly string[];
  readonly sort: Sort;
  readonly openId: string | undefined;
  readonly scaleMa: number;
  readonly onSort: (sort: Sort) => void;
  readonly onOpen: (id: string | undefined) => void;
  readonly onHold: (held: boolean) => void;
}

/** Where a key moves to; undefined: not one of ours. */
export function targetOf(key: string, at: number, last: number): number | undefined {
  switch (key) {
    case 'ArrowDown':
    case 'j':
      return Math.min(last, at + 1);
    case 'ArrowUp':
    case 'k':
      return Math.max(0, at - 1);
    case 'PageDown':
      return Math.min(last, at + 10);
    case 'PageUp':
      return Math.max(0, at - 10);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}

export function StationsTable({ ids, sort, openId, scaleMa, onSort, onOpen, onHold }: TableProps) {
  const t = useT();
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState(0);
  const [focusOn, setFocusOn] = useState<number | null>(null);
  const at = Math.min(active, Math.max(0, ids.length - 1));
  const virtual = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => ids[index] ?? index,
    overscan: 8,
    scrollPaddingStart: HEAD_PX,
    paddingEnd: 8,
  });

  const items = virtual.getVirtualItems();
  // A row that was scrolled into sight exists only after the next render: focus it then.
  useEffect(() => {
    if (focusOn === null) return;
    const id = ids[focusOn];
    const row = id === undefined ? null : scroller.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"]`);
    if (row == null) return;
    row.focus({ preventScroll: true });
    setFocusOn(null);
  }, [focusOn, ids, items]);

  function onKeyDown(event: KeyboardEvent) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(event.target instanceof HTMLElement) || event.target.dataset['row'] === undefined) return;
    if (event.key === 'Enter' || event.key === 'o') {
      event.preventDefault();
      onOpen(ids[at]);
      return;
    }
    const to = targetOf(event.key, at, ids.length - 1);
    if (to === undefined) return;
    event.preventDefault();
    setActive(to);
    setFocusOn(to);
    virtual.scrollToIndex(to);
    if (openId !== undefined) onOpen(ids[to]);
  }

  return (
    <div
      ref={scroller}
      className={css.scroller}
      role="grid"
      aria-label={t('page.stations')}
      aria-rowcount={ids.length + 1}
      aria-colcount={HEADS.length}
      onKeyDown={onKeyDown}
      onPointerEnter={() => onHold(true)}
      onPointerLeave={() => onHold(scroller.current?.contains(document.activeElement) ?? false)}
      onFocus={() => onHold(true)}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) onHold(event.currentTarget.matches(':hover'));
      }}
      tabIndex={ids.length === 0 ? 0 : -1}
    >
      <div role="row" aria-rowindex={1} className={clsx(css.row, css.head)}>
        {HEADS.map((head) => (
          <Head key={head.title} {...head} current={sort} onSort={onSort} />
        ))}
      </div>
      <div role="rowgroup" className={css.body} style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const id = ids[item.index];
          if (id === undefined) return null;
          return (
            <Row
              key={item.key}
              id={id}
              index={item.index}
              top={item.start}
              scaleMa={scaleMa}
              active={item.index === at}
              open={id === openId}
              onOpen={onOpen}
              onActive={setActive}
            />
          );
        })}
      </div>
    </div>
  );
}

interface HeadProps {
  readonly title: (typeof HEADS)[number]['title'];
  readonly sort?: SortColumn;
  readonly align?: 'end' | 'text';
  readonly current: Sort;
  readonly onSort: (sort: Sort) => void;
}

function Head({ title, sort, align, current, onSort }: HeadProps) {
  const t = useT();
  const isSorted = sort !== undefined && current.column === sort;
  const Arrow = current.desc ? ArrowDown : ArrowUp;
  return (
    <span
      role="columnheader"
      className={clsx(css.cell, align === 'end' && css.end, align === 'text' && css.text)}
      aria-sort={isSorted ? (current.desc ? 'descending' : 'ascending') : undefined}
    >
      {sort === undefined ? (
        t(title)
      ) : (
        <button type="button" className={css.sort} onClick={() => onSort({ column: sort, desc: isSorted && !current.desc })}>
          {t(title)}
          {isSorted && <Arrow size={13} aria-hidden />}
        </button>
      )}
    </span>
  );
}
