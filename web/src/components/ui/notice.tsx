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
}

export function Notice({ icon, title, children, actions, tone = 'quiet' }: NoticeProps) {
  return (
    <div className={css.notice} role={tone === 'error' ? 'alert' : undefined}>
      <span className={clsx(css.icon, css[tone])}>{icon}</span>
      <h2 className={css.title}>{title}</h2>
      {children !== undefined && <p className={css.text}>{children}</p>}
      {actions !== undefined && <div className={css.actions}>{actions}</div>}
    </div>
  );
}

export function Skeleton({ width, height = 12 }: { readonly width: number | string; readonly height?: number }) {
  return <span className={css.skeleton} style={{ width, height }} aria-hidden />;
}
