// What a killed process left, read into memory, to be cut, damaged and opened again in many ways.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BarnError } from '../../../../barn/index.ts';
import { defaultLimits } from '../../../../barn/limits.ts';
import { identityAlone } from '../../../../barn/node/cluster.ts';
import { recover } from '../../../../barn/node/recovery.ts';
import { openLevelDisk } from '../../../../barn/state/level-disk.ts';
import type { StateMachine } from '../../../../barn/state/machine.ts';
import { openStateMachine } from '../../../../barn/state/open.ts';
import { aligned, decodeRecordHead, decodeSegmentHead, recordHeadBytes, trailer } from '../../../../barn/wal/format.ts';
import { decodeItems } from '../../../../barn/wal/items.ts';
import { MemoryWalFiles } from '../../../../barn/wal/memory-files.ts';
import { openWal } from '../../../../barn/wal/open.ts';
import type { LoadedLog } from '../../../../barn/wal/wal.ts';
import { silentLog, systemClock } from '../../../../base/index.ts';

/** Files of one folder by name. */
export type Files = ReadonlyMap<string, Buffer>;

/** A segment and where in it which entries end. */
export interface Segment {
  readonly name: string;
  readonly bytes: Buffer;
  /** Up to where something is written. */
  readonly usedBytes: number;
  readonly headBytes: number;
  /** Whether it was made of zeros before it was written, so that its end is not the end of the file. */
  readonly isFilled: boolean;
  readonly records: readonly { readonly end: number; readonly lastIndex: number }[];
  /** The last entry before it. */
  readonly lastIndexBefore: number;
}

const { id: memberId, clusterId, initial } = identityAlone('one');
const founding = {
  members: initial,
  confState: { voters: [memberId], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
};

/** All files of a folder. */
export async function readFiles(folder: string): Promise<Files> {
  const names = (await readdir(folder)).sort();
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)));
}

/** Writes them into a new folder. */
export async function writeFiles(folder: string, files: Files): Promise<void> {
  await mkdir(folder, { recursive: true });
  await Promise.all([...files].map(([name, bytes]) => writeFile(join(folder, name), bytes)));
}

/** The newest segment of an open (not sealed) log. */
export function lastSegment(log: Files): Segment {
  const [name, bytes] = [...log].filter(([file]) => file.endsWith('.wal')).at(-1) ?? ['', Buffer.alloc(0)];
  const { salt, filledBytes, lastIndex: lastIndexBefore } = decodeSegmentHead(bytes);
  const headBytes = aligned(bytes.readUInt32BE(12));
  const records: { end: number; lastIndex: number }[] = [];
  let lastIndex = lastIndexBefore;
  let position = headBytes;
  for (;;) {
    const head = decodeRecordHead(bytes.subarray(position, position + recordHeadBytes), salt);
    if (head === undefined) break;
    const bodyEnd = position + recordHeadBytes + head.bodyBytes;
    for (const item of decodeItems(bytes.subarray(position + recordHeadBytes, bodyEnd)))
      if (item.kind === 'entry') lastIndex = item.entry.index;
    // Trailer and zeros may be missing.
    records.push({ end: bodyEnd, lastIndex });
    position = aligned(bodyEnd + trailer.length);
  }
  return { name, bytes, usedBytes: position, headBytes, isFilled: filledBytes > 0, records, lastIndexBefore };
}

/** What a start makes of a log, or the reason of its refusal. Any other error is thrown. */
export async function openLog(log: Files): Promise<LoadedLog | BarnError> {
  try {
    const files = new MemoryWalFiles(new Map(log));
    const metadata = { clusterId, memberId };
    const { wal, loaded } = await openWal({ files, keys: undefined, metadata, log: silentLog });
    await wal.close();
    return loaded;
  } catch (error) {
    if (error instanceof BarnError) return error;
    throw error;
  }
}

/** Opens the state in a folder; the caller closes it. Errors: as the state machine's. */
export async function openState(folder: string): Promise<StateMachine> {
  const disk = await openLevelDisk(folder);
  return openStateMachine({
    ...{ disk, keys: undefined, clock: systemClock, log: silentLog, limits: defaultLimits, founding },
    // Nothing is written while it is looked at.
    timers: { batchMs: 60_000, syncMs: 60_000 },
  });
}

/** Whether the entries are those that the other has at the same indexes. */
export function isPart({ entries }: LoadedLog, whole: LoadedLog): boolean {
  return entries.every(({ index, term, type, data }) => {
    const other = whole.entries[index - whole.snapshot.index - 1];
    return other?.term === term && other.type === type && Buffer.compare(other.data, data) === 0;
  });
}

/** Brings a state to the end of a log, as a start does; the hash at each entry on the way. Errors: Corrupt when they do not fit. */
export function replay(machine: StateMachine, log: LoadedLog): ReadonlyMap<number, number> {
  const { storage } = recover(log, machine.applied);
  const hashes = new Map([[machine.applied.index, machine.hash]]);
  for (const entry of storage.entries(storage.firstIndex(), storage.lastIndex() + 1, Infinity)) {
    if (entry.index <= machine.applied.index) continue;
    machine.apply([entry]);
    hashes.set(entry.index, machine.hash);
  }
  return hashes;
}
