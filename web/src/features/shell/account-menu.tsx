// account-menu.tsx - Language, theme, and the way out. Language changes without a reload.
import { Menu } from '@base-ui/react/menu';
import { Check, LogOut, Monitor, Moon, Sun, type LucideIcon } from 'lucide-react';
import { signOut, useSession } from '@/api/session';
import { setTheme, THEMES, useTheme, type Theme } from '@/components/theme/theme';
import { LOCALE_NAME, LOCALES, setLocale, useLocale, useT, type Locale, type MessageId } from '@/i18n/i18n';
import css from './top-bar.module.css';

const THEME_WORD: Readonly<Record<Theme, MessageId>> = {
  light: 'theme.light',
  dark: 'theme.dark',
  system: 'theme.system',
};
const THEME_ICON: Readonly<Record<Theme, LucideIcon>> = { light: Sun, dark: Moon, system: Monitor };

const initials = (name: string): string =>
  name
    .split(/\s+/)
    .map((word) => word[0] ?? '')
    .slice(0, 2)
    .join('')
    .toUpperCase();

function Tick() {
  return (
    <Menu.RadioItemIndicator className={css.tick}>
      <Check size={16} aria-hidden />
    </Menu.RadioItemIndicator>
  );
}

export function AccountMenu() {
  const t = useT();
  const session = useSession();
  const locale = useLocale();
  const theme = useTheme();
  const name = session?.account.name ?? '';
  return (
    <Menu.Root>
      <Menu.Trigger className={css.account} aria-label={t('menu.account', { name })}>
        {initials(name) || '?'}
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className={css.positioner} align="end" sideOffset={8} collisionPadding={8}>
          <Menu.Popup className={css.menu}>
            <div className={css.who}>
              <strong>{name}</strong>
              <span>{session?.account.email}</span>
            </div>
            <Menu.RadioGroup value={locale} onValueChange={(value: Locale) => void setLocale(value)}>
              <Menu.GroupLabel className={css.group}>{t('menu.language')}</Menu.GroupLabel>
              {LOCALES.map((value) => (
                <Menu.RadioItem key={value} value={value} className={css.entry} lang={value}>
                  {LOCALE_NAME[value]}
                  <Tick />
                </Menu.RadioItem>
              ))}
            </Menu.RadioGroup>
            <Menu.RadioGroup value={theme} onValueChange={(value: Theme) => setTheme(value)}>
              <Menu.GroupLabel className={css.group}>{t('menu.theme')}</Menu.GroupLabel>
              {THEMES.map((value) => {
                const Icon = THEME_ICON[value];
                return (
                  <Menu.RadioItem key={value} value={value} className={css.entry}>
                    <Icon size={16} aria-hidden />
                    {t(THEME_WORD[value])}
                    <Tick />
                  </Menu.RadioItem>
                );
              })}
            </Menu.RadioGroup>
            <Menu.Separator className={css.line} />
            <Menu.Item className={css.entry} onClick={() => void signOut()}>
              <LogOut size={16} aria-hidden />
              {t('menu.sign-out')}
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
