import { BarnError } from '../barn.ts';
import type { KeyRing } from '../keys.ts';
import { createSealer, type RandomBytes } from '../seal.ts';
import type { Disk, DiskWrite } from './disk.ts';
import { type Head, headNumbers } from './head.ts';
import { formatWrite, headWrite, readHead, recordWrite } from './layout.ts';
import type { Founding, MemberRecord } from './machine.ts';
import { State } from './state.ts';
import { openSnapshot, type SnapshotContent } from './verify-snapshot.ts';

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
}

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
  const { chunks, disk, keys, founding, raiseRevisionBy = raiseRevisionByDefault, random } = options;
  const sealer = createSealer(keys, random);
  if ((await readHead(disk, sealer)) !== undefined) {
    throw new BarnError('Storage', 'restore a snapshot: the directory holds a state already; name an empty one');
  }
  const content = await openSnapshot(chunks);
  const { head, state } = raised(content, raiseRevisionBy, founding);
  let writes: DiskWrite[] = [];
  let bytes = 0;
  for (const { kv, index } of state.oldVersions()) {
    const write = recordWrite(slot, { kv, index, count: index + 1 }, sealer);
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

function raised({ head, state }: SnapshotContent, raiseRevisionBy: number, founding: Founding): SnapshotContent {
  const revision = head.revision + Math.max(1, raiseRevisionBy);
  const fresh = new State();
  fresh.startCompacted(revision, head.hash);
  for (const version of state.liveVersions()) fresh.restoreOld(version);
  fresh.apply(revision, []);
  return {
    state: fresh,
    head: {
      ...headNumbers(fresh),
      applied: { ...restoredAt, confState: founding.confState },
      restoredRevision: revision,
      format: head.format,
      members: founding.members,
      alarms: [],
    },
  };
}
