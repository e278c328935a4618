// use-media.ts - A media query as a hook, for the few places where layout alone cannot do it.
import { useCallback, useSyncExternalStore } from 'react';

export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (listener: () => void) => {
      const list = window.matchMedia(query);
      list.addEventListener('change', listener);
      return () => list.removeEventListener('change', listener);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => window.matchMedia(query).matches);
}

export const PHONE = '(max-width: 699px)';
/** No room for a panel beside the work. */
export const NARROW = '(max-width: 899px)';
/** No room for a rail with words. */
export const TABLET = '(max-width: 1099px)';
