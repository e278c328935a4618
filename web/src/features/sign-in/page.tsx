// page.tsx - /login. Goes back to the page that was asked for; to /setup when nobody can sign in yet.
import { useQuery } from '@tanstack/react-query';
import { Navigate } from '@tanstack/react-router';
import { publicQuery } from '@/api/session';
import { useTitle } from '@/components/use-title';
import { useT } from '@/i18n/i18n';
import { Frame } from './frame';
import { SignInForm } from './sign-in-form';
import css from './sign-in.module.css';

interface SignInPageProps {
  readonly onSignedIn: () => void;
}

export function SignInPage({ onSignedIn }: SignInPageProps) {
  const t = useT();
  const { data } = useQuery(publicQuery);
  useTitle(t('login.title'), data?.name);
  if (data?.setup_needed === true) return <Navigate to="/setup" replace />;
  return (
    <Frame>
      <div className={css.card}>
        <h1 className={css.title}>{data?.name ?? '\u00a0'}</h1>
        <p className={css.lead}>{t('login.lead')}</p>
        <SignInForm onSignedIn={onSignedIn} />
        <p className={css.help}>
          {t('login.help')} {data?.contact != null && data.contact !== '' && <strong>{data.contact}</strong>}
        </p>
      </div>
    </Frame>
  );
}
