import type { Clock, Log } from '../base/index.ts';
import { type Barn, BarnError } from './barn.ts';
import { GroupCommitter } from './embedded/group-commit.ts';
import { loadState } from './embedded/layout.ts';
import { type BarnLimits, defaultLimits } from './limits.ts';
import type { Disk } from './state/disk.ts';
import { openLevelDisk } from './state/level-disk.ts';
import { LocalBarn } from './state/local-barn.ts';
import { Store } from './state/store.ts';

/** What an embedded store needs from its owner. */
export interface EmbeddedBarnOptions {
  /** The store's own directory; made when absent, locked while open. */
  readonly directory: string;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<BarnLimits>;
  /** A write failed and the store has ended: the owner should end the process, so that a new one reads what is on disk. */
  readonly onFailed?: (error: BarnError) => void;
}

/**
 * A Barn of one member on this machine's disk: what it acknowledged survives kill -9 and power loss.
 * Errors: Storage when the directory cannot be opened or another process has it, Corrupt when what it holds is damaged.
 */
export async function openEmbeddedBarn(options: EmbeddedBarnOptions): Promise<Barn> {
  return openBarnOn(await openLevelDisk(options.directory), options);
}

/** The same on any disk, which it owns from here on. */
export async function openBarnOn(disk: Disk, options: Omit<EmbeddedBarnOptions, 'directory'>): Promise<Barn> {
  const { name, clock, log, onFailed } = options;
  const startedMs = clock.monotonicMs();
  const { state, stale } = await loadOrClose(disk);
  const store = new Store({ state, clock, limits: { ...defaultLimits, ...options.limits } });
  const committer = new GroupCommitter({
    store,
    disk,
    log,
    stale,
    onFailed(error) {
      barn.end(error);
      log.error('store ended: a write failed', { cause: String(error.cause) });
      onFailed?.(error);
    },
  });
  const barn = new LocalBarn({ name, store, committer });
  log.info('store opened', {
    revision: state.revision,
    compactRevision: state.compactRevision,
    bytes: state.bytes,
    stale: stale.length,
    tookMs: Math.round(clock.monotonicMs() - startedMs),
  });
  return barn;
}

async function loadOrClose(disk: Disk): ReturnType<typeof loadState> {
  try {
    return await loadState(disk);
  } catch (error) {
    await disk.close();
    if (error instanceof BarnError) throw error;
    throw new BarnError('Storage', 'read the store: the disk refused', { cause: error });
  }
}
