import type { Barn } from '../barn/index.ts';
import type { Clock, Log, Timer } from '../base/index.ts';
import { isFirstAmongEquals } from './storage/barn-health.ts';

/** Something that goes on until it is stopped. */
export interface Repeating {
  stop(): void;
}

/**
 * Forgets history older than `historyMs`, give or take a half. Of several members the leader's server does it; the others keep
 * count, so that the next leader's goes on where that one was. On an etcd every server does it: its leader is none of them.
 */
export function compactByTime(barn: Barn, clock: Clock, historyMs: number, log: Log): Repeating {
  let then: number | undefined;
  let older: number | undefined;
  let isStopped = false;
  let timer: Timer = clock.after(historyMs / 2, tick, { unref: true });
  function tick(): void {
    run()
      .catch((error: unknown) => log.warn('compaction failed', { error: String(error) }))
      .finally(() => {
        if (!isStopped) timer = clock.after(historyMs / 2, tick, { unref: true });
      });
  }
  async function run(): Promise<void> {
    const now = await barn.readIndex();
    if (older !== undefined && older > 0 && (await isFirstAmongEquals(barn))) await barn.compact(older);
    older = then;
    then = now;
  }
  return {
    stop() {
      isStopped = true;
      timer.cancel();
    },
  };
}
