import { BarnError } from '../barn.ts';
import { MemoryStorage } from '../raft/memory-storage.ts';
import type { HardState, Snapshot } from '../raft/protocol.ts';
import type { LoadedLog, LogWrite } from '../wal/wal.ts';

/** How a member goes on: the log as the core reads it, and what must be written first. */
export interface Recovered {
  readonly storage: MemoryStorage;
  readonly hardState: HardState;
  readonly write: LogWrite | undefined;
}

/** Whether this member never ran: its log is new. Errors: Corrupt when its state shows that there was a log. */
export function isFresh(loaded: LoadedLog, applied: Snapshot): boolean {
  if (loaded.hardState !== undefined) return false;
  if (applied.index <= 1) return true;
  throw new BarnError(
    'Corrupt',
    `the log of this member is missing while its state stands at entry ${applied.index}: what it voted is not known; remove this member, empty its directory and add it anew`,
  );
}

/**
 * Brings log and state together. The state is never behind the log's beginning; it is ahead of the log's end, or of another
 * history, only when a crash came between installing a snapshot and its mark in the log: then the log begins anew there.
 */
export function recover(loaded: LoadedLog, applied: Snapshot): Recovered {
  const { snapshot, entries, hardState = { term: 0, vote: 0, commit: 0 } } = loaded;
  if (snapshot.index > applied.index) {
    throw new BarnError(
      'Corrupt',
      `the state stands at entry ${applied.index}, but the log begins after ${snapshot.index}: remove this member, empty its directory and add it anew`,
    );
  }
  const storage = new MemoryStorage();
  const termThere =
    applied.index === snapshot.index ? snapshot.term : entries[applied.index - snapshot.index - 1]?.term;
  if (loaded.hardState !== undefined && termThere === applied.term) {
    if (applied.index === snapshot.index) {
      if (applied.index > 0) storage.applySnapshot(applied);
      storage.append(entries);
    } else {
      if (snapshot.index > 0) storage.applySnapshot(snapshot);
      storage.append(entries);
      storage.createSnapshot(applied.index, applied.confState);
    }
    const known = { ...hardState, commit: Math.max(hardState.commit, applied.index) };
    storage.setHardState(known);
    return { storage, hardState: known, write: undefined };
  }
  const begun = {
    term: Math.max(hardState.term, applied.term),
    vote: hardState.term >= applied.term ? hardState.vote : 0,
    commit: applied.index,
  };
  if (applied.index > 0) storage.applySnapshot(applied);
  storage.setHardState(begun);
  const write = { hardState: begun, entries: [], ...(applied.index > 0 && { snapshot: applied }) };
  return { storage, hardState: begun, write };
}
