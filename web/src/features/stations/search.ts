// search.ts - What the list shows, as it stands in the address: states, text, node, order, the open station.
// Unknown or hostile values are dropped, so any copied link opens a page.
import * as v from 'valibot';
import { GROUP_NAMES, type Group } from '@/components/station/words';

export const SORTABLE = ['state', 'station', 'node', 'power', 'energy', 'time', 'driver', 'limit', 'age'] as const;
export type SortColumn = (typeof SORTABLE)[number];
export interface Sort {
  readonly column: SortColumn;
  readonly desc: boolean;
}

/** How the list is shown; a phone has one way only. */
export const VIEWS = ['table', 'wall'] as const;
export type View = (typeof VIEWS)[number];
export const TILE_SIZES = ['s', 'm', 'l', 'xl'] as const;
export type TileSize = (typeof TILE_SIZES)[number];

const orNothing = <S extends v.GenericSchema<string, string>>(schema: S) =>
  v.optional(v.fallback(v.optional(schema), undefined));

export const stationsSearch = v.object({
  state: orNothing(v.pipe(v.string(), v.regex(/^[a-z]+(,[a-z]+)*$/u), v.maxLength(100))),
  q: orNothing(v.pipe(v.string(), v.maxLength(100))),
  node: orNothing(v.pipe(v.string(), v.minLength(1), v.maxLength(64))),
  sort: orNothing(v.pipe(v.string(), v.regex(/^-?[a-z]+$/u))),
  view: orNothing(v.picklist(VIEWS)),
  size: orNothing(v.picklist(TILE_SIZES)),
  open: orNothing(v.pipe(v.string(), v.minLength(1), v.maxLength(48))),
});
export type StationsSearch = v.InferOutput<typeof stationsSearch>;

export function readGroups(text: string | undefined): readonly Group[] {
  const words = (text ?? '').split(',');
  return GROUP_NAMES.filter((group) => words.includes(group));
}

export function writeGroups(groups: readonly Group[]): string | undefined {
  return groups.length === 0 ? undefined : groups.join(',');
}

export function readSort(text: string | undefined): Sort {
  const desc = text?.startsWith('-') ?? false;
  const name = desc ? text?.slice(1) : text;
  const column = SORTABLE.find((each) => each === name);
  return column === undefined ? { column: 'station', desc: false } : { column, desc };
}

/** The order that needs no word in the address. */
export function writeSort({ column, desc }: Sort): string | undefined {
  if (column === 'station' && !desc) return undefined;
  return `${desc ? '-' : ''}${column}`;
}
