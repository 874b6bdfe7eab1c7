import { BarnError, type KeyValue, type Operation } from '../barn.ts';
import type { KeyRing } from '../keys.ts';
import { createSealer, type RandomBytes } from '../seal.ts';
import type { Disk, DiskWrite } from './disk.ts';
import { type Head, headNumbers } from './head.ts';
import { formatWrite, headWrite, readHead, recordWrite } from './layout.ts';
import type { Founding, MemberRecord } from './machine.ts';
import { versionRecords } from './snapshot.ts';
import { State } from './state.ts';
import { copyOf, decideTxn } from './transaction.ts';
import { openSnapshot, type SnapshotContent } from './verify-snapshot.ts';
import { whole } from './version.ts';

/** A snapshot and the empty disk of a member of the group that begins with it. */
export interface RestoreOptions {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Stays the caller's to close. */
  readonly disk: Disk;
  readonly keys: KeyRing | undefined;
  /** The new group: the same for every member that is restored. */
  readonly founding: Founding;
  /** More than the old group can have written since the snapshot; 1,000,000,000 if absent. */
  readonly raiseRevisionBy?: number;
  readonly random?: RandomBytes;
  /** What must not stay as it was, told by who knows what the values mean; the same for the same keys. */
  readonly amend?: Amend;
}

/** Transactions to begin with, from the keys as they were: each becomes a revision of its own above the raised one. */
export type Amend = (latest: readonly KeyValue[]) => readonly (readonly Operation[])[];

/** What a restored member begins with, and who the members were when the snapshot was taken. */
export interface RestoredState {
  readonly head: Head;
  readonly was: readonly MemberRecord[];
}

const raiseRevisionByDefault = 1_000_000_000;
/**
 * Where the log of a restored group begins. A group that is founded begins at 1: a founder that was not restored with the
 * others, and is empty, has less than they have, and gets the snapshot instead of entries that follow it.
 */
const restoredAt = { index: 2, term: 1 } as const;
const writeBytes = 4 * 1024 * 1024;
const slot = 0;

/**
 * Begins a group's member with the keys of a snapshot: at a revision that no client of the old life has seen, with everything
 * below compacted, so that whoever knows an older revision must list anew. Durable when it resolves.
 * Errors: Corrupt for a damaged snapshot, Storage when the disk is not empty or refuses.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<RestoredState> {
  const { chunks, disk, keys, random } = options;
  const sealer = createSealer(keys, random);
  if ((await readHead(disk, sealer)) !== undefined) {
    throw new BarnError('Storage', 'restore a snapshot: the directory holds a state already; name an empty one');
  }
  const content = await openSnapshot(chunks);
  const { head, state } = raised(content, options);
  let writes: DiskWrite[] = [];
  let bytes = 0;
  for (const { kv, ...place } of versionRecords({ old: state.oldVersions(), entries: state.log.entries() })) {
    const write = recordWrite(slot, { kv: whole(kv), ...place }, sealer);
    writes.push(write);
    bytes += write.value.byteLength;
    if (bytes < writeBytes) continue;
    await disk.write(writes, { sync: false });
    writes = [];
    bytes = 0;
  }
  // The format and the head come last: without them the directory is refused, not half read.
  await disk.write([...writes, formatWrite(), headWrite({ slot, head }, sealer)], { sync: true });
  return { head, was: content.head.members };
}

function raised(
  { head, state }: SnapshotContent,
  { raiseRevisionBy = raiseRevisionByDefault, founding, amend = () => [] }: RestoreOptions,
): SnapshotContent {
  const restoredRevision = head.revision + Math.max(1, raiseRevisionBy);
  const versions = state.liveVersions();
  const fresh = new State();
  fresh.startCompacted(restoredRevision, head.hash);
  for (const version of versions) fresh.restoreOld(version);
  fresh.apply(restoredRevision, []);
  for (const success of amend(versions.map(({ kv }) => kv))) {
    const { events } = decideTxn(fresh, { compares: [], success, failure: [] }, copyOf);
    if (events.length > 0) fresh.apply(fresh.revision + 1, events);
  }
  return {
    state: fresh,
    head: {
      ...headNumbers(fresh),
      applied: { ...restoredAt, confState: founding.confState },
      restoredRevision,
      format: head.format,
      members: founding.members,
      alarms: [],
    },
  };
}
