// Watches of a herd that goes must end on every server, not only on the one that was asked to delete it: they follow the
// herd's uid and would not see one made anew under its name.
import { kinds, type Unstructured } from '../../apis/index.ts';
import { BarnError } from '../../barn/index.ts';
import { backoffMs, type Log, sleep } from '../../base/index.ts';
import type { Registry } from '../registry/registry.ts';
import type { Watches } from './watches.ts';

const backoff = { baseMs: 100, capMs: 5_000 };

/** Ends the watches of herds as they go, until the signal aborts or the store ends. */
export async function endWithHerds(registry: Registry, watches: Watches, log: Log, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const batches = await registry.store.watch(kinds.herds, undefined, 0, signal);
      // What went while nobody looked is not known, so all of them look anew.
      if (failures > 0) watches.endOfAllHerds();
      failures = 0;
      for await (const batch of batches)
        for (const event of batch.events) {
          const { now, before } = registry.store.changeOf(event);
          const herd: Unstructured | undefined = now?.object ?? before?.object;
          // Once when its end begins, and once when it is gone: what is told of it in between breaks nobody's watch.
          const wasGoing = before?.object.metadata.deletionTimestamp !== undefined;
          const isGoing = now === undefined || now.object.metadata.deletionTimestamp !== undefined;
          const goes = now === undefined || (isGoing && !wasGoing);
          if (goes && herd?.metadata.name !== undefined) watches.endOf(herd.metadata.name);
        }
    } catch (error) {
      if (signal.aborted || (error instanceof BarnError && error.reason === 'Closed')) return;
      if (failures === 0) log.warn('herds are not followed, will try again', { cause: String(error) });
    }
    await sleep(registry.clock, backoffMs(failures, backoff, registry.random), signal).catch(() => {});
  }
}
