// use-title.ts - The title of the browser's tab: the page first, then the complex.
import { useEffect } from 'react';

export function useTitle(...parts: readonly (string | null | undefined)[]): void {
  const title = [...parts.filter(Boolean), 'Kilowatch'].join(' · ');
  useEffect(() => {
    document.title = title;
  }, [title]);
}
