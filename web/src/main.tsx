// main.tsx - The entry: language first, then the page. Providers from the outside in: content policy,
// texts, server data, live data, routes.
import './styles/base.css';
import './styles/tokens.css';
import { CSPProvider } from '@base-ui/react/csp-provider';
import { I18nProvider } from '@lingui/react';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/problem';
import { makeLive } from './app/live';
import { makeRouter } from './app/router';
import { watchSystemTheme } from './components/theme/theme';
import { firstLocale, i18n, setLocale } from './i18n/i18n';
import { LiveProvider } from './live/react';

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // A refusal does not become an answer by asking again.
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});
const router = makeRouter(queries);
const live = makeLive();
const root = document.querySelector('#root');
if (root === null) throw new Error('index.html has no #root');

watchSystemTheme();
await setLocale(firstLocale());

createRoot(root).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <I18nProvider i18n={i18n}>
        <QueryClientProvider client={queries}>
          <LiveProvider live={live}>
            <RouterProvider router={router} />
          </LiveProvider>
        </QueryClientProvider>
      </I18nProvider>
    </CSPProvider>
  </StrictMode>,
);
