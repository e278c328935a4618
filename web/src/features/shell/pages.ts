// pages.ts - The pages of the frame, in the order of the rail. A page without its right is not listed.
import { EvCharger, LayoutDashboard, type LucideIcon } from 'lucide-react';
import { hasRight, useSession } from '@/api/session';
import type { MessageId } from '@/i18n/i18n';

export interface Page {
  readonly path: '/' | '/stations';
  readonly title: MessageId;
  readonly icon: LucideIcon;
  readonly right: string;
  /** Needs the width of the rail. */
  readonly wide?: boolean;
}

const PAGES: readonly Page[] = [
  { path: '/', title: 'page.overview', icon: LayoutDashboard, right: 'monitoring.view' },
  { path: '/stations', title: 'page.stations', icon: EvCharger, right: 'stations.view', wide: true },
];

export function usePages(): readonly Page[] {
  const session = useSession();
  return PAGES.filter((page) => hasRight(session, page.right));
}
