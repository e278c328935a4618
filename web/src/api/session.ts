// session.ts - Who is signed in. `null` is an answer (nobody), not an error.
import { queryOptions, useQuery, type QueryClient } from '@tanstack/react-query';
import { answer, api } from './client';
import { ApiError } from './problem';
import type { PublicInfo, Session } from './types';

async function readSession(): Promise<Session | null> {
  try {
    return await answer(api.GET('/session'));
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

export const sessionQuery = queryOptions({ queryKey: ['session'], queryFn: readSession, staleTime: Infinity });

/** What a page may know before the sign-in: name of the complex, version, whom to ask. */
export const publicQuery = queryOptions<PublicInfo>({
  queryKey: ['public'],
  queryFn: () => answer(api.GET('/public')),
  staleTime: 60_000,
});

export const useSession = (): Session | null => useQuery(sessionQuery).data ?? null;

export async function signIn(queries: QueryClient, email: string, password: string): Promise<Session> {
  const session = await answer(api.POST('/session', { body: { email, password } }));
  // The answer of POST may leave out what GET tells (the complex): ask once more.
  return queries.fetchQuery({ ...sessionQuery, staleTime: 0 }).then((read) => read ?? session);
}

export async function makeAdministrator(
  queries: QueryClient,
  form: { code: string; email: string; name: string; password: string },
): Promise<void> {
  await answer(api.POST('/setup', { body: form }));
  queries.removeQueries({ queryKey: publicQuery.queryKey });
  await queries.fetchQuery({ ...sessionQuery, staleTime: 0 });
}

/** Ends the session and loads the page anew: nothing of it stays in memory. */
export async function signOut(): Promise<void> {
  try {
    await answer(api.DELETE('/session'));
  } finally {
    window.location.assign('/login');
  }
}

/** For the live link: a browser hides why an upgrade was refused. */
export async function probeSession(): Promise<'signed-in' | 'signed-out' | 'unreachable'> {
  try {
    return (await readSession()) === null ? 'signed-out' : 'signed-in';
  } catch {
    return 'unreachable';
  }
}

export function hasRight(session: Session | null, right: string): boolean {
  return session?.rights.some((grant) => grant.right === right) ?? false;
}
