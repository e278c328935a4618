// types.ts - Short names for what the page reads of the API. The shapes are written by the server's own
// schema into schema.gen.ts (`npm run types`).
import type { components } from './schema.gen';

type Schemas = components['schemas'];

export type Session = Schemas['Session'];
export type PublicInfo = Schemas['Public'];
export type Station = Schemas['Station'];
/** RFC 9457, the only shape of an error. */
export type Problem = Schemas['Problem'];
