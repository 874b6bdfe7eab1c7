// What every twin of the Barn must do: test support, run by each twin's own test, not part of the door.
import { ManualClock } from '../base/index.ts';
import type { Barn } from './barn.ts';
import { describeCompaction } from './conformance/compaction.ts';
import { describeLife } from './conformance/life.ts';
import { describeRanges } from './conformance/ranges.ts';
import { describeTransactions } from './conformance/transactions.ts';
import { describeWatches } from './conformance/watches.ts';
import type { BarnLimits } from './limits.ts';

/** What a twin must be opened with: the clock the suite turns, and bounds small enough to reach. */
export interface ConformanceOptions {
  readonly clock: ManualClock;
  readonly limits: Partial<BarnLimits>;
}

/**
 * Declares the suite. `open` makes an empty store; the suite closes it, `dispose` then removes what it left. What `readsBack`
 * values from a disk gives who reads history other objects than were told.
 */
export function describeBarn(
  name: string,
  open: (options: ConformanceOptions) => Promise<{ readonly barn: Barn; dispose(): Promise<void> }>,
  { readsBack = false }: { readonly readsBack?: boolean } = {},
): void {
  describe(`${name} as a Barn`, () => {
    let clock: ManualClock;
    let barn: Barn;
    let opened: { readonly barn: Barn; dispose(): Promise<void> };

    beforeEach(async () => {
      clock = new ManualClock();
      const limits = { watchBufferBytesMax: 4_096, watchersMax: 8, historyBytesMax: 1_000_000 };
      opened = await open({ clock, limits });
      barn = opened.barn;
    });

    afterEach(async () => {
      await barn.close();
      await opened.dispose();
    });

    describeTransactions(() => barn);
    describeRanges(() => barn);
    describeWatches(
      () => barn,
      () => clock,
      readsBack,
    );
    describeCompaction(() => barn);
    describeLife(() => barn);
  });
}
