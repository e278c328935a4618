// problem.test.ts - Refused requests as values, against tests/wire/problems.json.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answer } from '@/api/client';
import { ApiError, problemOf } from '@/api/problem';

interface Sample {
  status: number;
  retry_after_s?: number;
  body: { code: string; request_id: string };
}
const wire = JSON.parse(readFileSync('../tests/wire/problems.json', 'utf8')) as { samples: Sample[]; of_the_core: Sample['body'] };
const samples = [...wire.samples, { status: 409, body: wire.of_the_core }];

describe('problem documents', () => {
  it.each<Sample>(samples)('$body.code', ({ status, body, retry_after_s: wait }) => {
    const headers = new Headers(wait === undefined ? {} : { 'retry-after': String(wait) });
    const error = problemOf(body, new Response(null, { status, headers }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ code: body.code, status, requestId: body.request_id, retryAfterS: wait ?? null });
  });

  it('an answer of something that is not our server', () => {
    const error = problemOf('<html>', new Response(null, { status: 502 }));
    expect(error).toMatchObject({ code: 'http-502', status: 502, problem: null, requestId: null });
  });

  it('no answer at all', async () => {
    await expect(answer(Promise.reject(new TypeError('failed')))).rejects.toMatchObject({ code: 'unreachable', status: 0 });
  });

  it('a good answer is its body', async () => {
    await expect(answer(Promise.resolve({ data: 7, response: new Response() }))).resolves.toBe(7);
  });
});
