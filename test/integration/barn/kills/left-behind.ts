// What a killed process left, read into memory, to be cut, damaged and opened again in many ways.
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
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
import { silentLog, sleep, systemClock } from '../../../../base/index.ts';
import type { VictimKind } from './victim.ts';
import { Victim } from './victim-process.ts';

/** Some batches, and not only the first. */
const logBytesMin = 2_000;

/** Files of one folder by name. */
export type Files = ReadonlyMap<string, Buffer>;

/** A segment and where in it which entries end. */
export interface Segment {
  readonly name: string;
  readonly bytes: Buffer;
  /** Up to where something is written. */
  readonly usedBytes: number;
  /** Whether it was made of zeros before it was written, so that its end is not the end of the file. */
  readonly isFilled: boolean;
  readonly records: readonly { readonly end: number; readonly lastIndex: number }[];
  /** The last entry before it. */
  readonly lastIndexBefore: number;
  /** Without so much of it the log is none: its head, and the news that what came before it may be gone when that is gone. */
  readonly neededBytes: number;
}

const { id: memberId, clusterId, initial } = identityAlone('one');
const founding = {
  members: initial,
  confState: { voters: [memberId], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
};

/** What a kill left. */
export interface Left {
  readonly log: Files;
  /** The log as it was after the first life: short. */
  readonly firstLog: Files;
  readonly state: Files;
  /** Where the state stands, and its hash at each entry up to the end of the log. */
  readonly applied: number;
  readonly hashes: ReadonlyMap<number, number>;
  readonly last: number;
}

/** Where lives are lived, and where their states are looked at (in memory, since LevelDB syncs a lot at each start). */
export interface Places {
  readonly parent: string;
  readonly memory: string;
  readonly program: string;
}

/** Three lives, killed soon after their first answer; one fills segments if they are short, the last waits for LevelDB's log. */
export async function leave(kind: VictimKind, { parent, memory, program }: Places): Promise<Left> {
  const directory = join(parent, kind);
  let firstLog: Files = new Map();
  for (const [life, delayMs] of [0, kind === 'short segments' ? 800 : 0, 0].entries()) {
    const state = join(directory, 'state');
    const former = life === 0 ? undefined : (await newestLog(state))?.name;
    const victim = new Victim({ kind, directory, program }, `${kind}, life ${life + 1}`);
    await victim.answered();
    if (life === 2) while (!(await hasBatches(state, former))) await sleep(systemClock, 5);
    await victim.killAfter(delayMs);
    if (life === 0) firstLog = await readFiles(join(directory, 'wal'));
  }
  const [log, state] = [await readFiles(join(directory, 'wal')), await readFiles(join(directory, 'state'))];
  const loaded = await openLog(log);
  if (loaded instanceof BarnError) throw loaded;
  const copy = join(memory, 'whole');
  await writeFiles(copy, state);
  const machine = await openState(copy);
  const applied = machine.applied.index;
  const hashes = replay(machine, loaded);
  await machine.close();
  await rm(copy, { recursive: true });
  return {
    log,
    firstLog,
    state,
    applied,
    hashes,
    last: Math.max(applied, loaded.snapshot.index + loaded.entries.length),
  };
}

/** Whether LevelDB has a log of this life, and some batches in it. */
async function hasBatches(folder: string, former: string | undefined): Promise<boolean> {
  const log = await newestLog(folder);
  return log !== undefined && log.name !== former && log.bytes >= logBytesMin;
}

/** LevelDB's newest log and how long it is. */
async function newestLog(folder: string): Promise<{ readonly name: string; readonly bytes: number } | undefined> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.log'));
  const name = names.sort().at(-1);
  return name === undefined ? undefined : { name, bytes: (await stat(join(folder, name))).size };
}

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
  const segments = [...log].filter(([file]) => file.endsWith('.wal'));
  const [name, bytes] = segments.at(-1) ?? ['', Buffer.alloc(0)];
  const { salt, filledBytes, snapshot, lastIndex: lastIndexBefore } = decodeSegmentHead(bytes);
  const goneUpTo = decodeSegmentHead(segments[0]?.[1] ?? bytes).lastIndex;
  const headBytes = aligned(bytes.readUInt32BE(12));
  const records: { end: number; lastIndex: number }[] = [];
  let lastIndex = lastIndexBefore;
  let known = snapshot.index;
  let neededBytes = headBytes;
  let position = headBytes;
  for (;;) {
    const head = decodeRecordHead(bytes.subarray(position, position + recordHeadBytes), salt);
    if (head === undefined) break;
    const bodyEnd = position + recordHeadBytes + head.bodyBytes;
    for (const item of decodeItems(bytes.subarray(position + recordHeadBytes, bodyEnd)))
      if (item.kind === 'entry') lastIndex = item.entry.index;
      else if (item.kind === 'released' && known < goneUpTo) {
        known = item.snapshot.index;
        neededBytes = bodyEnd;
      }
    // Trailer and zeros may be missing.
    records.push({ end: bodyEnd, lastIndex });
    position = aligned(bodyEnd + trailer.length);
  }
  return { name, bytes, usedBytes: position, isFilled: filledBytes > 0, records, lastIndexBefore, neededBytes };
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

/** Whether the entries are those that the other has at the same indexes; what the other has released cannot be told. */
export function isPart({ entries }: LoadedLog, whole: LoadedLog): boolean {
  return entries.every(({ index, term, type, data }) => {
    if (index <= whole.snapshot.index) return true;
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

/** What work makes of the state of these files, or its refusal. Any other error is thrown. */
export async function openedAt(
  folder: string,
  files: Files,
  work: (machine: StateMachine) => void,
): Promise<StateMachine | BarnError> {
  await writeFiles(folder, files);
  let machine: StateMachine | undefined;
  try {
    machine = await openState(folder);
    work(machine);
    return machine;
  } catch (error) {
    if (error instanceof BarnError) return error;
    throw error;
  } finally {
    await machine?.close();
    await rm(folder, { recursive: true });
  }
}
