// po.d.ts - What importing a catalog gives: the Vite plugin compiles it.
declare module '*.po' {
  import type { Messages } from '@lingui/core';
  export const messages: Messages;
}
