// client.ts - REST through fetch, typed by the schema. A refused or failed request is an ApiError, so that
// callers have one kind of failure to show.
import createClient from 'openapi-fetch';
import { ApiError, problemOf } from './problem';
import type { paths } from './schema.gen';

export const API_BASE = '/api/v1';

export const api = createClient<paths>({ baseUrl: `${window.location.origin}${API_BASE}` });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer, or an ApiError. */
export async function answer<T>(request: Promise<Answer<T>>): Promise<T> {
  let result: Answer<T>;
  try {
    result = await request;
  } catch {
    throw new ApiError('unreachable', 0, null);
  }
  if (!result.response.ok) throw problemOf(result.error, result.response);
  return result.data as T;
}
