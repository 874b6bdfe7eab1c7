/** The named bounds of a log; what happens at each stands beside it. */
export interface WalLimits {
  /** A segment that has so much is followed by another; a longer record has one of its own. */
  readonly segmentBytes: number;
  /** What waits beyond this, but for the first, goes into the write after the next. */
  readonly batchBytesMax: number;
  /** A longer record is neither written (Storage, and the log ends) nor read (Corrupt). */
  readonly recordBytesMax: number;
  /** More waiting for the disk: it is too slow to go on; Storage, and the log ends. */
  readonly waitingBytesMax: number;
  /** Zero-filled files that wait to become segments; what is released beyond it is removed. */
  readonly sparesMax: number;
}

const MiB = 1024 * 1024;

/** The bounds of a log whose owner names no others. */
export const defaultWalLimits: WalLimits = {
  segmentBytes: 64 * MiB,
  batchBytesMax: 16 * MiB,
  recordBytesMax: 256 * MiB,
  waitingBytesMax: 512 * MiB,
  sparesMax: 2,
};
