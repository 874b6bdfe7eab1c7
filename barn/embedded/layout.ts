// What a store on disk consists of: one record an event, at d/<revision>/<key>, and three numbers in decimal:
//   m/format    the number of this layout; another one is refused
//   m/head      the newest revision; so that a lost end is noticed
//   m/compact   the compact revision: from here on every revision must be complete, before it only what is still visible
// Records and numbers of one batch are written atomically.
import { BarnError, type BarnEvent, type Key, type Revision } from '../barn.ts';
import type { Disk, DiskWrite } from '../state/disk.ts';
import { decodeRecord, encodeRecord, type VersionRecord } from '../state/record.ts';
import { type PlacedVersion, State } from '../state/state.ts';
import { isLive } from '../state/transaction.ts';

const layoutFormat = 1;
const recordPrefix = 'd/';
const revisionDigits = 12;

/** Where the record of an event is: in order of revisions, then of keys. */
export function recordKey(revision: Revision, key: Key): string {
  return `${recordPrefix}${revision.toString(16).padStart(revisionDigits, '0')}/${key}`;
}

/** The records of a revision's events. */
export function recordWrites(revision: Revision, events: readonly BarnEvent[]): DiskWrite[] {
  return events.map(({ kv }, index) => ({
    type: 'put',
    key: recordKey(revision, kv.key),
    value: encodeRecord({ kv, index, count: events.length }),
  }));
}

/** Sets one of the numbers. */
export function numberWrite(name: 'format' | 'head' | 'compact', number: number): DiskWrite {
  return { type: 'put', key: `m/${name}`, value: Buffer.from(String(number)) };
}

/** What a store's disk held, and the versions on it that nobody can ask for any more (a sweep was cut short). */
export interface LoadedState {
  readonly state: State;
  readonly stale: readonly PlacedVersion[];
}

/** Reads a store, or makes an empty one. Errors: Storage for an unknown format, Corrupt for anything damaged or missing. */
export async function loadState(disk: Disk): Promise<LoadedState> {
  const format = await readNumber(disk, 'format');
  if (format === undefined) return { state: await makeEmpty(disk), stale: [] };
  if (format !== layoutFormat) {
    throw new BarnError(
      'Storage',
      `the store has format ${format}, and this version of Runink reads format ${layoutFormat}: start the version that wrote it`,
    );
  }
  const head = await requireNumber(disk, 'head');
  const compactRevision = await requireNumber(disk, 'compact');
  const state = new State();
  state.startCompacted(compactRevision, 0);
  const stale: PlacedVersion[] = [];
  let group: VersionRecord[] = [];
  for await (const page of disk.pages(recordPrefix)) {
    for (const [at, bytes] of page) {
      const record = decodeRecord(bytes, `the record at ${at}`);
      if (at !== recordKey(record.kv.modRevision, record.kv.key))
        throw damaged(`the record at ${at} belongs elsewhere`);
      if (record.kv.modRevision < compactRevision) {
        stale.push(...state.restoreOld(record));
        continue;
      }
      group.push(record);
      if (group.length === record.count) {
        restoreRevision(state, group);
        group = [];
      }
    }
  }
  if (group.length > 0) throw damaged(`revision ${state.revision + 1} is not complete`);
  if (state.revision !== head) throw damaged(`the records end at revision ${state.revision}, but ${head} was written`);
  return { state, stale };
}

function restoreRevision(state: State, group: readonly VersionRecord[]): void {
  const revision = state.revision + 1;
  const inOrder = [...group].sort((a, b) => a.index - b.index);
  const complete = inOrder.every(
    ({ kv, index, count }, at) => kv.modRevision === revision && index === at && count === group.length,
  );
  if (!complete) throw damaged(`revision ${revision} is missing or not complete`);
  state.apply(
    revision,
    inOrder.map(({ kv }): BarnEvent => {
      const prev = state.get(kv.key);
      const type = isLive(kv) ? 'put' : 'delete';
      return prev === undefined ? { type, kv } : { type, kv, prev };
    }),
  );
}

async function makeEmpty(disk: Disk): Promise<State> {
  for await (const [first] of disk.pages('')) {
    if (first === undefined) continue;
    throw new BarnError(
      'Corrupt',
      `the store has no format number, but holds ${first[0]}: is this the directory of another program? Name an empty one`,
    );
  }
  await disk.write([numberWrite('format', layoutFormat), numberWrite('head', 0), numberWrite('compact', 0)], {
    sync: true,
  });
  return new State();
}

async function readNumber(disk: Disk, name: 'format' | 'head' | 'compact'): Promise<number | undefined> {
  const bytes = await disk.get(`m/${name}`);
  if (bytes === undefined) return undefined;
  const text = Buffer.from(bytes).toString('latin1');
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) throw damaged(`m/${name} is not a number`);
  return number;
}

async function requireNumber(disk: Disk, name: 'head' | 'compact'): Promise<number> {
  const number = await readNumber(disk, name);
  if (number === undefined) throw damaged(`m/${name} is missing`);
  return number;
}

function damaged(what: string): BarnError {
  return new BarnError('Corrupt', `the store is damaged: ${what}; put a copy back, or start with an empty directory`);
}
