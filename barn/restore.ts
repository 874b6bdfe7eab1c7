// A member's directory out of a saved snapshot. It is made whole beside its place and then moved there in one step: who is
// killed in the middle leaves nothing that starts, and says so at the next start.
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory, silentLog, syncDirectory } from '../base/index.ts';
import { BarnError, type Revision } from './barn.ts';
import { KeyRing, plain, type StoreKeys } from './keys.ts';
import { type ClusterOptions, foundingOf, identityAlone, identityOfFounder } from './node/cluster.ts';
import type { MemberIdentity } from './node/member.ts';
import { writeMember } from './node/member-file.ts';
import { openLevelDisk } from './state/level-disk.ts';
import { type Amend, restoreSnapshot } from './state/restore.ts';
import { unsealSnapshot } from './state/sealed-snapshot.ts';
import * as state from './state/verify-snapshot.ts';
import { nodeWalFiles } from './wal/node-files.ts';
import { openWal } from './wal/open.ts';

/** A saved snapshot and the member that begins with it. */
export interface RestoreBarnOptions {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The member's own directory, as `openEmbeddedBarn` has it: absent or empty. */
  readonly directory: string;
  readonly name: string;
  /** The new group, the same for each of its members; absent: a member by itself. */
  readonly cluster?: Pick<ClusterOptions, 'initialCluster' | 'token'>;
  /** Open the snapshot when it is sealed, and seal the member's files: the first one. */
  readonly keys?: StoreKeys;
  /** By how much the revision grows: more than was written since the snapshot. 1,000,000,000 if absent. */
  readonly raiseRevisionBy?: number;
  /** What must not stay as it was. */
  readonly amend?: Amend;
}

/** What a restored member begins with; equal for all members of its group but the name. */
export interface RestoredBarn {
  readonly name: string;
  readonly members: readonly string[];
  readonly revision: Revision;
  readonly compactRevision: Revision;
  readonly hash: number;
  /** How many keys there are, and the bytes of them and their values. */
  readonly keys: number;
  readonly bytes: number;
}

/** Reads a saved snapshot to its end and says what it holds. Errors: Corrupt when a byte is damaged or missing, Storage when it cannot be opened. */
export function verifySnapshot(chunks: AsyncIterable<Uint8Array>, keys?: StoreKeys): Promise<state.SnapshotSummary> {
  return state.verifySnapshot(chunks, new KeyRing(keys ?? [plain]));
}

/**
 * Makes the directory of a member that begins with a snapshot; durable when it resolves, and nothing is left when it rejects.
 * Errors: Storage when the directory is not empty or cannot be written, or a key is missing; Corrupt for a damaged snapshot;
 * Membership for a group that its old members could take for theirs.
 */
export async function restoreBarn(options: RestoreBarnOptions): Promise<RestoredBarn> {
  const { directory, name, cluster } = options;
  const identity = cluster === undefined ? identityAlone(name) : identityOfFounder(name, cluster);
  refuseFull(directory);
  const part = partOf(directory);
  await makeDirectory(dirname(directory));
  await begin(part);
  try {
    const restored = await restoreInto(part, identity, options);
    await rename(part, directory);
    await syncDirectory(dirname(directory));
    return restored;
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw error instanceof BarnError
      ? error
      : new BarnError('Storage', `restore into ${directory}: ${String(error)}`, { cause: error });
  }
}

/** Refuses to begin with nothing where a restore was cut short: it would be an empty store (Storage). */
export function refuseCutRestore(directory: string): void {
  const part = partOf(directory);
  if (!existsSync(part) || isFull(directory)) return;
  throw new BarnError(
    'Storage',
    `open the store in ${directory}: a restore into it was cut short; restore again, or remove ${part} to begin with an empty store`,
  );
}

function partOf(directory: string): string {
  return `${directory}.restoring`;
}

function isFull(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).length > 0;
}

function refuseFull(directory: string): void {
  if (!isFull(directory)) return;
  throw new BarnError(
    'Storage',
    `restore into ${directory}: it is not empty; move it away, or name another folder with --data`,
  );
}

/** Takes the place of one that was killed, but not of one that is at work. */
async function begin(part: string): Promise<void> {
  if (existsSync(part)) {
    const disk = await openLevelDisk(join(part, 'state'));
    await disk.close();
    await rm(part, { recursive: true });
  }
  await mkdir(part, { mode: 0o700 });
}

async function restoreInto(
  part: string,
  identity: MemberIdentity,
  { chunks, keys: given = [plain], cluster, raiseRevisionBy, amend }: RestoreBarnOptions,
): Promise<RestoredBarn> {
  const keys = new KeyRing(given);
  const founding = foundingOf(identity);
  const disk = await openLevelDisk(join(part, 'state'));
  try {
    const { head, was } = await restoreSnapshot({
      chunks: unsealSnapshot(chunks, keys),
      disk,
      keys,
      founding,
      ...(raiseRevisionBy === undefined ? {} : { raiseRevisionBy }),
      ...(amend === undefined ? {} : { amend }),
    });
    if (cluster !== undefined) refuseSameGroup(was, identity);
    const metadata = { clusterId: identity.clusterId, memberId: identity.id };
    const { wal } = await openWal({ files: nodeWalFiles(join(part, 'wal')), keys, metadata, log: silentLog });
    const { index, term } = head.applied;
    await wal.append({ hardState: { term, vote: 0, commit: index }, entries: [], snapshot: head.applied });
    await wal.close();
    await writeMember(part, identity);
    const { revision, compactRevision, hash, versionsCount, bytes } = head;
    const members = founding.members.map((member) => member.name);
    return { name: identity.name, members, revision, compactRevision, hash, keys: versionsCount, bytes };
  } finally {
    await disk.close();
  }
}

/** One of the old members that still runs would take part in a group of the same name, with what it remembers. */
function refuseSameGroup(was: readonly { readonly id: number }[], { initial, name }: MemberIdentity): void {
  if (!initial.some((member) => was.some(({ id }) => id === member.id))) return;
  throw new BarnError(
    'Membership',
    `restore member ${name}: the group that the snapshot is of has the same members and the same --initial-cluster-token; give a new one, here and to the servers, so that none of the old members can be taken for one of the new`,
  );
}
