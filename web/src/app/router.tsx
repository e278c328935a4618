// router.tsx - The map of the page: which address shows what, and who may. Addresses carry plain words
// (?state=charging&q=T2), checked by each route; unknown ones are dropped.
import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  useNavigate,
  useRouter,
  useSearch,
} from '@tanstack/react-router';
import { useCallback } from 'react';
import * as v from 'valibot';
import { hasRight, publicQuery, sessionQuery, useSession } from '@/api/session';
import { SessionOverlay } from '@/features/sign-in/overlay';
import { stationsSearch, type StationsSearch } from '@/features/stations/search';
import { Shell } from '@/features/shell/shell';
import { CrashPage, NoRightPage, NotFoundPage } from './edges';

interface Context {
  readonly queries: QueryClient;
}

const rootRoute = createRootRouteWithContext<Context>()({
  component: Outlet,
  notFoundComponent: NotFoundPage,
  errorComponent: CrashPage,
});

const SignIn = lazyRouteComponent(() => import('@/features/sign-in/page'), 'SignInPage');
const Frame = lazyRouteComponent(() => import('@/features/sign-in/frame'), 'Frame');
const Setup = lazyRouteComponent(() => import('@/features/setup/page'), 'SetupPage');
const Overview = lazyRouteComponent(() => import('@/features/overview/page'), 'OverviewPage');
const Stations = lazyRouteComponent(() => import('@/features/stations/page'), 'StationsPage');

/** Only a path of our own: a link must not carry somebody away after the sign-in. */
const localPath = v.pipe(v.string(), v.regex(/^\/(?![/\\])[^\\]*$/u), v.maxLength(500));

const loginRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/login',
  validateSearch: v.object({ next: v.optional(v.fallback(v.optional(localPath), undefined)) }),
  component: function Login() {
    const { next } = loginRoute.useSearch();
    const router = useRouter();
    return <SignIn onSignedIn={() => router.history.replace(next ?? '/')} />;
  },
});

const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/setup',
  component: function FirstRun() {
    const router = useRouter();
    return (
      <Frame>
        <Setup onDone={() => router.history.replace('/')} />
      </Frame>
    );
  },
});

const appRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'app',
  beforeLoad: async ({ context, location }) => {
    const session = await context.queries.ensureQueryData(sessionQuery);
    if (session !== null) return;
    const { setup_needed: setupNeeded } = await context.queries.ensureQueryData(publicQuery);
    if (setupNeeded) throw redirect({ to: '/setup' });
    throw redirect({ to: '/login', search: location.href === '/' ? {} : { next: location.href } });
  },
  component: function App() {
    return (
      <Shell overlay={<SessionOverlay />}>
        <Outlet />
      </Shell>
    );
  },
});

const overviewRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/',
  component: function OverviewRoute() {
    return hasRight(useSession(), 'monitoring.view') ? <Overview /> : <NoRightPage right="monitoring.view" />;
  },
});

const stationsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/stations',
  validateSearch: stationsSearch,
  component: function StationsRoute() {
    const search = useSearch({ from: stationsRoute.id });
    const navigate = useNavigate({ from: stationsRoute.fullPath });
    const onSearch = useCallback(
      (change: Partial<StationsSearch>, replace = false) =>
        void navigate({ search: (was) => ({ ...was, ...change }), replace }),
      [navigate],
    );
    if (!hasRight(useSession(), 'stations.view')) return <NoRightPage right="stations.view" />;
    return <Stations search={search} onSearch={onSearch} />;
  },
});

/** `?a=b` and nothing cleverer: what is in the address is text, and each route reads its own. */
function stringifySearch(search: Record<string, unknown>): string {
  const entries = Object.entries(search).filter(([, value]) => typeof value === 'string' && value !== '');
  const text = new URLSearchParams(entries as [string, string][]).toString();
  return text === '' ? '' : `?${text.replaceAll('%2C', ',')}`;
}

export function makeRouter(queries: QueryClient) {
  return createRouter({
    routeTree: rootRoute.addChildren([
      loginRoute,
      setupRoute,
      appRoute.addChildren([overviewRoute, stationsRoute]),
    ]),
    context: { queries },
    defaultPreload: 'intent',
    defaultPendingMs: 300,
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
