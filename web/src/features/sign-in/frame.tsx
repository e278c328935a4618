// frame.tsx - What the pages before the sign-in share: brand, language and theme in the open, the state
// of the service at the foot, and the silhouette at the right.
import { useQuery } from '@tanstack/react-query';
import { Moon, Sun } from 'lucide-react';
import type { ReactNode } from 'react';
import { publicQuery } from '@/api/session';
import { Brand } from '@/components/icons/brand';
import { setTheme, useIsDark } from '@/components/theme/theme';
import { Button } from '@/components/ui/button';
import { Segmented } from '@/components/ui/segmented';
import { clock, zoneCity } from '@/format/time';
import { LOCALE_NAME, LOCALES, setLocale, useLocale, useT } from '@/i18n/i18n';
import { useNow } from '@/live/react';
import { Silhouette } from './silhouette';
import css from './sign-in.module.css';

export function Frame({ children }: { readonly children: ReactNode }) {
  const t = useT();
  const locale = useLocale();
  const dark = useIsDark();
  return (
    <div className={css.page}>
      <main className={css.side}>
        <header className={css.head}>
          <span className={css.brand}>
            <Brand />
            Kilowatch
          </span>
          <span className={css.choices}>
            <Segmented
              label={t('menu.language')}
              value={locale}
              options={LOCALES.map((value) => ({ value, label: LOCALE_NAME[value], lang: value }))}
              onChange={(value) => void setLocale(value)}
            />
            <Button
              look="quiet"
              icon
              aria-label={dark ? t('theme.to-light') : t('theme.to-dark')}
              onClick={() => setTheme(dark ? 'light' : 'dark')}
            >
              {dark ? <Sun size={16} aria-hidden /> : <Moon size={16} aria-hidden />}
            </Button>
          </span>
        </header>
        <div className={css.middle}>{children}</div>
        <Foot />
      </main>
      <div className={css.picture} aria-hidden>
        <Silhouette />
      </div>
    </div>
  );
}

function Foot() {
  const t = useT();
  const locale = useLocale();
  const now = useNow();
  const { data, isError } = useQuery({ ...publicQuery, refetchInterval: 15_000 });
  return (
    <footer className={css.foot}>
      <span className={isError ? css.down : css.up}>{isError ? t('login.service-down') : t('login.service-up')}</span>
      {data !== undefined && <span>{t('login.version', { version: data.version })}</span>}
      {data !== undefined && (
        <span className={css.clock}>
          {zoneCity(data.zone, locale)}, <span className="num">{clock(now, data.zone, locale)}</span>
        </span>
      )}
    </footer>
  );
}
