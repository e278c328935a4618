// notice.tsx - The states a panel can be in when it has nothing to show: each says what, why, and the
// next step. And the skeleton, which has the final size and comes late enough not to flash.
import { clsx } from 'clsx';
import type { ReactNode } from 'react';
import css from './notice.module.css';

interface NoticeProps {
  readonly icon: ReactNode;
  readonly title: string;
  readonly children?: ReactNode;
  readonly actions?: ReactNode;
  readonly tone?: 'quiet' | 'error';
  /** `h1` where the notice is the whole page. */
  readonly heading?: 'h1' | 'h2';
}

export function Notice({ icon, title, children, actions, tone = 'quiet', heading: Heading = 'h2' }: NoticeProps) {
  return (
    <div className={css.notice} role={tone === 'error' ? 'alert' : undefined}>
      <span className={clsx(css.icon, css[tone])}>{icon}</span>
      <Heading className={css.title}>{title}</Heading>
      {children !== undefined && <p className={css.text}>{children}</p>}
      {actions !== undefined && <div className={css.actions}>{actions}</div>}
    </div>
  );
}

export function Skeleton({ width, height = 12 }: { readonly width: number | string; readonly height?: number }) {
  return <span className={css.skeleton} style={{ width, height }} aria-hidden />;
}
