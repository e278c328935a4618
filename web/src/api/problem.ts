// problem.ts - A refused request as a value: what the server said, or that it could not be reached.
import type { Problem } from './types';

export class ApiError extends Error {
  constructor(
    /** The stable slug of the server, or `unreachable`. */
    readonly code: string,
    readonly status: number,
    readonly problem: Problem | null,
    readonly retryAfterS: number | null = null,
  ) {
    super(problem?.detail ?? problem?.title ?? code);
    this.name = 'ApiError';
  }
  get requestId(): string | null {
    return this.problem?.request_id ?? null;
  }
}

function isProblem(value: unknown): value is Problem {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Problem).code === 'string' &&
    typeof (value as Problem).status === 'number'
  );
}

/** The body of an answer that is not 2xx, whatever it turns out to be. */
export function problemOf(body: unknown, response: Response): ApiError {
  const problem = isProblem(body) ? body : null;
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ApiError(
    problem?.code ?? `http-${response.status}`,
    response.status,
    problem,
    Number.isFinite(retryAfter) ? retryAfter : null,
  );
}
