// field.tsx - A labelled input: hint beside the label, error below, both announced with the field.
import { clsx } from 'clsx';
import { useId, type InputHTMLAttributes, type ReactNode } from 'react';
import css from './field.module.css';

export interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string;
  /** Beside the label, so that the form does not jump when it comes and goes. */
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  /** A control inside of the right edge. */
  readonly inside?: ReactNode;
}

export function Field({ label, hint, error, inside, className, ...input }: FieldProps) {
  const id = useId();
  const errorId = `${id}-error`;
  return (
    <div className={clsx(css.field, className)}>
      <div className={css.head}>
        <label htmlFor={id}>{label}</label>
        {hint}
      </div>
      <div className={clsx(css.box, error !== undefined && css.wrong)}>
        <input
          {...input}
          id={id}
          className={css.input}
          aria-invalid={error !== undefined || undefined}
          aria-describedby={error === undefined ? undefined : errorId}
        />
        {inside}
      </div>
      {error !== undefined && (
        <p className={css.error} id={errorId}>
          {error}
        </p>
      )}
    </div>
  );
}
