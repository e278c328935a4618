// button.tsx - Primary is ink, plain has an edge, quiet has neither. Colour is for states only.
import { clsx } from 'clsx';
import type { ButtonHTMLAttributes } from 'react';
import css from './button.module.css';

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: 'primary' | 'plain' | 'quiet';
  readonly size?: 'normal' | 'small' | 'large';
  /** An icon alone: square, needs an aria-label. */
  readonly icon?: boolean;
}

export function Button({ look = 'plain', size = 'normal', icon = false, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={clsx(css.button, css[look], css[size], icon && css.icon, className)}
    />
  );
}
