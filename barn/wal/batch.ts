import { assert } from '../../base/index.ts';
import type { Entry, HardState, Snapshot } from '../raft/protocol.ts';
import type { ByteWriter } from './bytes.ts';
import { encodeEntry, encodeHardState, encodeSnapshot } from './items.ts';
import type { LogWrite } from './wal.ts';

/** What is written, or the news that the log is released up to a snapshot. */
export interface RecordWrite extends LogWrite {
  readonly released?: Snapshot;
}

/** Where the log stands; with it a segment begins. */
export interface LogState {
  readonly hardState: HardState | undefined;
  readonly snapshot: Snapshot;
  readonly lastIndex: number;
}

/** What a batch does to the log. */
export interface Batch extends LogState {
  /** Whether the log begins anew in it: nothing before is needed. */
  readonly restarts: boolean;
  /** The highest index that it writes, after a restart. */
  readonly indexMax: number;
}

/** Writes the body of one record for all writes in order, and says where the log stands after it. */
export function encodeBatch(to: ByteWriter, writes: readonly RecordWrite[], before: LogState): Batch {
  let { hardState, snapshot, lastIndex } = before;
  let restarts = false;
  let indexMax = 0;
  for (const write of writes) {
    hardState = write.hardState ?? hardState;
    if (write.snapshot !== undefined) {
      encodeSnapshot(to, write.snapshot, 'restart');
      snapshot = write.snapshot;
      lastIndex = indexMax = snapshot.index;
      restarts = true;
    }
    for (const entry of write.entries) {
      checkFollows(entry, snapshot, lastIndex);
      encodeEntry(to, entry);
      lastIndex = entry.index;
      indexMax = Math.max(indexMax, lastIndex);
    }
    if (write.released !== undefined && write.released.index >= snapshot.index) {
      assert(write.released.index <= lastIndex, 'the log is released beyond its end');
      encodeSnapshot(to, write.released, 'released');
      snapshot = write.released;
    }
  }
  if (hardState !== undefined && hardState !== before.hardState) encodeHardState(to, hardState);
  return { hardState, snapshot, lastIndex, restarts, indexMax };
}

function checkFollows({ index }: Entry, snapshot: Snapshot, lastIndex: number): void {
  assert(index <= lastIndex + 1, `entry ${index} does not go on from ${lastIndex}`);
  assert(index > snapshot.index, `entry ${index} is below the snapshot at ${snapshot.index}`);
}
