// error-text.ts - Why a sign-in did not work, in words: what happened and what to do.
import { ApiError } from '@/api/problem';
import type { Translate } from '@/i18n/i18n';

export function signInErrorText(error: unknown, t: Translate): string {
  if (!(error instanceof ApiError)) return t('error.unexpected');
  switch (error.code) {
    case 'bad-credentials':
      return t('login.wrong');
    case 'too-many-attempts':
      return t('login.throttled', { seconds: error.retryAfterS ?? 60 });
    case 'unreachable':
      return t('error.unreachable');
    default:
      return error.requestId === null
        ? t('error.unexpected')
        : t('error.unexpected-with-id', { id: error.requestId });
  }
}
