import { storedBytes } from '../state/disk.ts';
import { defaultWriterTimers } from '../state/lagging-writer.ts';
import type { StateMachine } from '../state/machine.ts';
import { defaultWalLimits } from '../wal/limits.ts';
import { type ReserveParts, reserveBytes, reserveOf } from './reserve.ts';

/** What the reserve follows from beside the state. */
export type DiskLimits = Pick<ReserveParts, 'segmentBytes' | 'lagBytesMax'>;

const productLimits: DiskLimits = {
  segmentBytes: defaultWalLimits.segmentBytes,
  lagBytesMax: defaultWriterTimers.lagBytesMax,
};

/** How a member's disk was found. */
export interface DiskLook {
  readonly freeBytes: number;
  /** With less free, nothing more is put (NOSPACE). */
  readonly reserveBytes: number;
  /** Enough is free for LevelDB to give back the room of what was deleted. */
  readonly mayReclaim: boolean;
}

/** The room on the disk of a member: what is free, and what must be. */
export class DiskRoom {
  readonly #machine: StateMachine;
  readonly #freeBytes: () => Promise<number>;
  readonly #limits: DiskLimits;

  constructor(machine: StateMachine, freeBytes: () => Promise<number>, limits: Partial<DiskLimits> = {}) {
    this.#machine = machine;
    this.#freeBytes = freeBytes;
    this.#limits = { ...productLimits, ...limits };
  }

  async look(): Promise<DiskLook> {
    const { state } = this.#machine.store;
    const [freeBytes, diskBytes] = await Promise.all([this.#freeBytes(), this.#machine.sizeBytes()]);
    const reserve = reserveOf({
      ...this.#limits,
      diskBytes,
      snapshotBytes: storedBytes(state),
      isAlone: this.#machine.members.length <= 1,
    });
    return { freeBytes, reserveBytes: reserveBytes(reserve), mayReclaim: freeBytes > reserve.rewriting };
  }
}
