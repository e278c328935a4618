// live.ts - The one live link of the page, wired to the browser's WebSocket and to our session.
import { probeSession } from '@/api/session';
import { API_BASE } from '@/api/client';
import { LiveClient, PROTOCOL } from '@/live/client';
import { LiveStore } from '@/live/store';

/** What could not be read goes to the console, where a test and a developer find it. */
function report(error: unknown): void {
  // oxlint-disable-next-line no-console
  console.error('live feed:', error);
}

export function makeLive() {
  const store = new LiveStore();
  const client = new LiveClient({
    store,
    connect: () => new WebSocket(`wss://${window.location.host}${API_BASE}/live`, PROTOCOL),
    probeSession,
    onWireError: report,
  });
  return { store, client };
}
