// How much of its disk a member keeps back. With less free than this it raises NOSPACE, and nothing is put any more; the reserve
// is what it then still needs: for what is under way, for the deletes and compactions that make room, and for a snapshot that
// may have to come. So a disk that fills up ends in refusals and not in members that end.
import { flushBytes, rewriteBytesMax } from '../state/disk.ts';

/** What the reserve is made of, in bytes. */
export interface Reserve {
  /** The segment that comes next and the one made ahead: all that may wait for the log fits in them. */
  readonly log: number;
  /** What the state lags behind, once in LevelDB's log, and the tables that are made of its log. */
  readonly state: number;
  /** What LevelDB writes anew before it lets go of the old, when it gives back the room of what was deleted. */
  readonly rewriting: number;
  /** A second state beside the own, as long as a snapshot comes in; a member that is alone gets none. */
  readonly snapshot: number;
}

/** What the reserve follows from. */
export interface ReserveParts {
  readonly segmentBytes: number;
  readonly lagBytesMax: number;
  /** What the state takes: on disk, and in a snapshot. */
  readonly diskBytes: number;
  readonly snapshotBytes: number;
  readonly isAlone: boolean;
}

/** What a member must keep free. */
export function reserveOf(parts: ReserveParts): Reserve {
  return {
    log: 2 * parts.segmentBytes,
    state: parts.lagBytesMax + 2 * flushBytes,
    rewriting: Math.min(rewriteBytesMax, parts.diskBytes),
    snapshot: parts.isAlone ? 0 : parts.snapshotBytes,
  };
}

/** All of it. */
export function reserveBytes({ log, state, rewriting, snapshot }: Reserve): number {
  return log + state + rewriting + snapshot;
}
