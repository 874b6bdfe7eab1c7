import type { Revision } from '../barn.ts';
import type { KeyRing } from '../keys.ts';
import { emptyHead, type Head } from './head.ts';
import { StateBuilder } from './load.ts';
import { unsealSnapshot } from './sealed-snapshot.ts';
import { readSnapshot } from './snapshot.ts';
import type { State } from './state.ts';

/** A snapshot in memory. */
export interface SnapshotContent {
  readonly head: Head;
  readonly state: State;
}

/** What a snapshot holds (etcdctl snapshot status). */
export interface SnapshotSummary {
  readonly revision: Revision;
  readonly compactRevision: Revision;
  /** The running hash of all events up to `revision`. */
  readonly hash: number;
  readonly keys: number;
  /** All versions of keys, history included, and the bytes of their keys and values. */
  readonly versions: number;
  readonly bytes: number;
  /** The entry of the group's log that it stands for. */
  readonly index: number;
  readonly term: number;
  readonly members: readonly string[];
}

/** Reads a whole snapshot into memory. Errors: Corrupt when a byte is damaged or missing, Storage when a newer version wrote it. */
export async function openSnapshot(chunks: AsyncIterable<Uint8Array>): Promise<SnapshotContent> {
  let head = emptyHead;
  let builder = new StateBuilder(head);
  await readSnapshot(chunks, {
    head(read) {
      head = read;
      builder = new StateBuilder(head);
      return true;
    },
    async records(page) {
      for (const record of page) builder.add(record);
    },
  });
  return { head, state: builder.finish() };
}

/** Reads a saved snapshot from end to end and says what it holds; one that is sealed with a key of `ring`. Errors: as `openSnapshot`. */
export async function verifySnapshot(chunks: AsyncIterable<Uint8Array>, ring?: KeyRing): Promise<SnapshotSummary> {
  const { head, state } = await openSnapshot(unsealSnapshot(chunks, ring));
  const { revision, compactRevision, hash, versionsCount: versions, bytes, applied, members } = head;
  const { count: keys } = state.range('', '\x7f', { limit: 1 });
  const { index, term } = applied;
  return {
    revision,
    compactRevision,
    hash,
    keys,
    versions,
    bytes,
    index,
    term,
    members: members.map(({ name }) => name),
  };
}
