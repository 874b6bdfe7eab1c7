import type { Barn } from '../barn/index.ts';
import type { Clock, Log } from '../base/index.ts';
import { type Repeating, repeat } from './repeating.ts';
import { isFirstAmongEquals } from './storage/barn-health.ts';

/**
 * Forgets history older than `historyMs`, give or take a half. Of several members the leader's server does it; the others keep
 * count, so that the next leader's goes on where that one was. On an etcd every server does it: its leader is none of them.
 */
export function compactByTime(barn: Barn, clock: Clock, historyMs: number, log: Log): Repeating {
  let then: number | undefined;
  let older: number | undefined;
  return repeat(clock, historyMs / 2, run, (error) => log.warn('compaction failed', { error: String(error) }));
  async function run(): Promise<void> {
    const now = await barn.readIndex();
    if (older !== undefined && older > 0 && (await isFirstAmongEquals(barn))) await barn.compact(older);
    older = then;
    then = now;
  }
}
