// sign-in-form.tsx - E-mail and password; used by the page and by the overlay of an ended session. One
// text for both wrong fields: it must not tell which of the two was right.
import { ArrowBigUp, Eye, EyeOff } from 'lucide-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent, type KeyboardEvent } from 'react';
import { signIn } from '@/api/session';
import { Button } from '@/components/ui/button';
import { Field } from '@/components/ui/field';
import { useT } from '@/i18n/i18n';
import { signInErrorText } from './error-text';
import css from './sign-in.module.css';

interface SignInFormProps {
  readonly email?: string;
  readonly onSignedIn: () => void;
}

export function SignInForm({ email = '', onSignedIn }: SignInFormProps) {
  const t = useT();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [shown, setShown] = useState(false);
  const [capsLock, setCapsLock] = useState(false);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(null);
    try {
      await signIn(queries, String(form.get('email')).trim(), String(form.get('password')));
      onSignedIn();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }

  const watchCapsLock = (event: KeyboardEvent) => setCapsLock(event.getModifierState('CapsLock'));

  return (
    <form className={css.form} onSubmit={(event) => void submit(event)}>
      <Field
        label={t('login.email')}
        name="email"
        type="email"
        autoComplete="username"
        defaultValue={email}
        required
        autoFocus={email === ''}
      />
      <Field
        label={t('login.password')}
        name="password"
        type={shown ? 'text' : 'password'}
        autoComplete="current-password"
        required
        autoFocus={email !== ''}
        onKeyDown={watchCapsLock}
        onKeyUp={watchCapsLock}
        hint={
          capsLock && (
            <span className={css.capsLock}>
              <ArrowBigUp size={14} aria-hidden />
              {t('login.caps-lock')}
            </span>
          )
        }
        inside={
          <Button
            look="quiet"
            icon
            aria-label={shown ? t('login.hide-password') : t('login.show-password')}
            onClick={() => setShown(!shown)}
          >
            {shown ? <EyeOff size={16} aria-hidden /> : <Eye size={16} aria-hidden />}
          </Button>
        }
      />
      {error !== null && (
        <p className={css.error} role="alert">
          {signInErrorText(error, t)}
        </p>
      )}
      <Button look="primary" size="large" type="submit" disabled={busy}>
        {t('login.submit')}
      </Button>
    </form>
  );
}
