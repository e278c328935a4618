// stations.ts - What the live rows leave out of a station: as it said at boot, and what people wrote.
import { queryOptions } from '@tanstack/react-query';
import { answer, api } from './client';
import type { Station } from './types';

export const stationQuery = (id: string) =>
  queryOptions<Station>({
    queryKey: ['stations', id],
    queryFn: () => answer(api.GET('/stations/{id}', { params: { path: { id } } })),
    staleTime: 30_000,
  });
