// What a slice is given, read from what a user wrote: one reading for plans, for herds' defaults and for their minimum.
import { QuantityError, quantityMillis, quantityUnits } from './quantities.ts';

/** What a slice has an amount of. */
export type SliceResource = 'cpu' | 'memory' | 'pids';

/** Thousandths of a cpu, bytes of memory, and processes; what was not named is absent. */
export interface SliceSize {
  readonly amounts: ReadonlyMap<SliceResource, number>;
  readonly problems: readonly { readonly resource: SliceResource; readonly message: string }[];
}

const readers: readonly (readonly [SliceResource, (quantity: string | number) => number])[] = [
  ['cpu', quantityMillis],
  ['memory', quantityUnits],
  ['pids', quantityUnits],
];

/** Reads `resources` as a step or a herd has them. */
export function sliceSize(resources: Readonly<Partial<Record<SliceResource, unknown>>>): SliceSize {
  const amounts = new Map<SliceResource, number>();
  const problems: { resource: SliceResource; message: string }[] = [];
  for (const [resource, read] of readers) {
    const given = resources[resource];
    if (typeof given !== 'string' && typeof given !== 'number') continue;
    try {
      amounts.set(resource, read(given));
    } catch (error) {
      if (!(error instanceof QuantityError)) throw error;
      problems.push({ resource, message: error.message });
    }
  }
  return { amounts, problems };
}
