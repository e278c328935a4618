// page.tsx - /setup: the first administrator, with the one-time code that the service printed. The page
// ends with its purpose: afterwards the server answers 404 and everybody is sent to /login.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Navigate } from '@tanstack/react-router';
import { useState, type FormEvent } from 'react';
import { ApiError } from '@/api/problem';
import { makeAdministrator, publicQuery } from '@/api/session';
import { Button } from '@/components/ui/button';
import { Field } from '@/components/ui/field';
import { useTitle } from '@/components/use-title';
import { useT, type MessageId, type Translate } from '@/i18n/i18n';
import css from './setup.module.css';

const FIELDS = ['code', 'name', 'email', 'password'] as const;
type FieldName = (typeof FIELDS)[number];

export const PASSWORD_MIN = 10;

type Faults = Partial<Record<FieldName | 'form', string>>;

const FIELD_FAULT: Readonly<Record<FieldName, MessageId>> = {
  code: 'setup.code-wrong',
  name: 'setup.name-wrong',
  email: 'setup.email-wrong',
  password: 'setup.password-wrong',
};

/** The server's refusal at the fields that it names; else above the button. */
function faultsOf(error: unknown, t: Translate): Faults {
  if (!(error instanceof ApiError)) return { form: t('error.unexpected') };
  if (error.code === 'unreachable') return { form: t('error.unreachable') };
  if (error.code === 'too-many-attempts') return { form: t('login.throttled', { seconds: error.retryAfterS ?? 60 }) };
  const faults: Faults = {};
  for (const { path } of error.problem?.errors ?? []) {
    const field = FIELDS.find((name) => path === name || path.endsWith(`/${name}`));
    if (field !== undefined) faults[field] = t(FIELD_FAULT[field], { min: PASSWORD_MIN });
  }
  if (Object.keys(faults).length > 0) return faults;
  if (error.status === 401 || error.status === 403 || error.code === 'bad-credentials') {
    return { code: t('setup.code-wrong') };
  }
  return { form: t('error.unexpected-with-id', { id: error.requestId ?? error.code }) };
}

export function SetupPage({ onDone }: { readonly onDone: () => void }) {
  const t = useT();
  const queries = useQueryClient();
  const { data } = useQuery(publicQuery);
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState<Faults>({});
  useTitle(t('setup.title'), data?.name);
  if (data?.setup_needed === false) return <Navigate to="/login" replace />;

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: FieldName) => String(form.get(name));
    setBusy(true);
    setFaults({});
    try {
      await makeAdministrator(queries, {
        code: value('code').trim().toUpperCase(),
        name: value('name').trim(),
        email: value('email').trim(),
        password: value('password'),
      });
      onDone();
    } catch (error) {
      setFaults(faultsOf(error, t));
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className={css.card}>
      <h1 className={css.title}>{t('setup.title')}</h1>
      <p className={css.lead}>{t('setup.lead')}</p>
      <form className={css.form} onSubmit={(event) => void submit(event)}>
        <Field
          label={t('setup.code')}
          name="code"
          placeholder="XXXX-XXXX-XXXX"
          autoComplete="one-time-code"
          spellCheck={false}
          required
          autoFocus
          error={faults.code}
        />
        <Field label={t('setup.name')} name="name" autoComplete="name" required maxLength={64} error={faults.name} />
        <Field label={t('login.email')} name="email" type="email" autoComplete="username" required error={faults.email} />
        <Field
          label={t('login.password')}
          name="password"
          type="password"
          autoComplete="new-password"
          required
          minLength={PASSWORD_MIN}
          hint={<span className={css.hint}>{t('setup.password-hint', { min: PASSWORD_MIN })}</span>}
          error={faults.password}
        />
        {faults.form !== undefined && (
          <p className={css.error} role="alert">
            {faults.form}
          </p>
        )}
        <Button look="primary" size="large" type="submit" disabled={busy}>
          {t('setup.submit')}
        </Button>
      </form>
      <p className={css.help}>{t('setup.where')}</p>
    </div>
  );
}
