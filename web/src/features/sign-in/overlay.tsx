// overlay.tsx - The session ended while somebody worked. The page stays, greyed, with all that was
// typed; signing in again goes on where it was.
import { Dialog } from '@base-ui/react/dialog';
import { useQueryClient } from '@tanstack/react-query';
import { sessionQuery, useSession } from '@/api/session';
import { useT } from '@/i18n/i18n';
import { useLive, useLiveClient } from '@/live/react';
import type { LiveState } from '@/live/reducer';
import { SignInForm } from './sign-in-form';
import css from './sign-in.module.css';

const selectSignedOut = (state: LiveState) => state.link.is === 'signed-out';

export function SessionOverlay() {
  const t = useT();
  const client = useLiveClient();
  const queries = useQueryClient();
  const signedOut = useLive(selectSignedOut);
  const session = useSession();

  function goOn() {
    void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== sessionQuery.queryKey[0] });
    client.signedIn();
  }

  return (
    <Dialog.Root open={signedOut}>
      <Dialog.Portal>
        <Dialog.Backdrop className={css.scrim} />
        <Dialog.Popup className={css.dialog}>
          <Dialog.Title className={css.dialogTitle}>{t('session.ended')}</Dialog.Title>
          <Dialog.Description className={css.dialogText}>{t('session.ended-text')}</Dialog.Description>
          <SignInForm email={session?.account.email ?? ''} onSignedIn={goOn} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
