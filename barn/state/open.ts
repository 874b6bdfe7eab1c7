import type { Clock, Log } from '../../base/index.ts';
import { KeyRing, plain } from '../keys.ts';
import type { BarnLimits } from '../limits.ts';
import { createSealer, type RandomBytes, type Sealer } from '../seal.ts';
import { storageFault } from '../storage-fault.ts';
import type { Disk } from './disk.ts';
import { DiskValues } from './disk-values.ts';
import { emptyHead } from './head.ts';
import { isOpen, keyMarksWrite, marksOf, readKeyMarks } from './key-marks.ts';
import { defaultWriterTimers, type WriterTimers } from './lagging-writer.ts';
import { formatWrite, headWrite, otherSlot, type Slot, slotPrefix } from './layout.ts';
import { type LoadedState, loadState } from './load.ts';
import type { Founding, StateMachine } from './machine.ts';
import { ReplicatedState } from './replicated-state.ts';
import { State, type ValueRoom } from './state.ts';

/** What a member's state needs from its owner. */
export interface StateMachineOptions {
  /** Owned by the state machine from here on, also when opening fails. */
  readonly disk: Disk;
  /** Absent: nothing is encrypted, and what is cannot be read. */
  readonly keys: KeyRing | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: BarnLimits;
  readonly timers?: Partial<WriterTimers>;
  /** With whom the group begins, when this disk is empty and this member is one of those who found it. */
  readonly founding?: Founding;
  /** Lets others have their turn while a watch reads a long history; the loop's own if absent. */
  readonly nextTurn?: () => Promise<void>;
  /** For nonces; the machine's if absent. */
  readonly random?: RandomBytes;
}

/**
 * Reads a member's state from its disk, or begins it there. Errors: Storage when the disk refuses or a newer version wrote
 * it, Corrupt when what it holds is damaged.
 */
export async function openStateMachine(options: StateMachineOptions): Promise<StateMachine> {
  const { disk, keys: ring = new KeyRing([plain]), clock, log, founding } = options;
  const startedMs = clock.monotonicMs();
  const sealer = createSealer(ring, options.random);
  const values = new DiskValues(disk, sealer);
  const bytesMax = options.limits.valueBytesInMemoryMax;
  const roomIn = (slot: Slot): ValueRoom => ({ bytesMax, reader: values.of(slot) });
  try {
    const before = await readKeyMarks(disk, ring);
    const loaded = (await loadState(disk, sealer, roomIn)) ?? (await begin(disk, ring, sealer, founding, roomIn));
    const ids = new Set([...(before.length === 0 ? loaded.keys : before.map(({ id }) => id)), ...loaded.keys]);
    const marks = marksOf(ids.add(ring.currentId), ring, before);
    if (marks.length > before.length && !isOpen(marks)) await disk.write([keyMarksWrite(marks)], { sync: true });
    const { applied, revision, compactRevision } = loaded.head;
    // What an install left that a crash cut short, or the state before a finished one.
    await disk.clear(slotPrefix(otherSlot(loaded.slot)));
    log.info('state loaded', {
      applied: applied.index,
      revision,
      compactRevision,
      bytes: loaded.state.bytes,
      valueBytes: loaded.state.valueBytes,
      stale: loaded.stale.length,
      outdated: loaded.outdated.length,
      tookMs: Math.round(clock.monotonicMs() - startedMs),
    });
    const timers = { ...defaultWriterTimers, ...options.timers };
    return new ReplicatedState({ ...options, loaded, ring, sealer, marks, timers, values, roomIn });
  } catch (error) {
    await disk.close();
    throw storageFault('read the state', error);
  }
}

async function begin(
  disk: Disk,
  ring: KeyRing,
  sealer: Sealer,
  founding: Founding | undefined,
  roomIn: (slot: Slot) => ValueRoom,
): Promise<LoadedState> {
  const head =
    founding === undefined
      ? emptyHead
      : { ...emptyHead, applied: { index: 1, term: 1, confState: founding.confState }, members: founding.members };
  const slot = 0;
  const keys = new Set([ring.currentId]);
  await disk.write([formatWrite(), headWrite({ slot, head }, sealer)], { sync: true });
  return { slot, head, state: new State(roomIn(slot)), stale: [], outdated: [], keys };
}
