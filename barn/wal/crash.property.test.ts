import { expect } from 'chai';
import { type Random, seededRandom, silentLog } from '../../base/index.ts';
import { KeyRing, plain, type StoreKey, type StoreKeys } from '../keys.ts';
import type { Entry, HardState, Snapshot } from '../raft/protocol.ts';
import { type FileWrite, MemoryWalFiles, type WriteFate } from './memory-files.ts';
import { openWal } from './open.ts';
import type { LoadedLog, LogWrite } from './wal.ts';

const lives = 150;
const writesPerLife = 12;
const keys: readonly StoreKey[] = ['a', 'b', 'c'].map((id, at) => ({ id, key: Buffer.alloc(32, at) }));
const firstSeed = Number(process.env['WAL_SEED'] ?? 1);

/** What a log must hold, as text: where it begins, its hard state, its entries. */
interface Model {
  readonly lastIndex: number;
  readonly snapshot: Snapshot;
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
}

describe('the log and crashes', function () {
  this.timeout(120_000);

  for (let seed = firstSeed; seed < firstSeed + 8; seed++)
    it(`holds all that was acknowledged, and of the rest whole writes, through ${lives} lives (seed ${seed})`, async () => {
      const random = seededRandom(seed);
      const disk = new Map<string, Buffer>();
      let possible: readonly Model[] = [{ lastIndex: 0, snapshot: marker(0), hardState: undefined, entries: [] }];
      for (let life = 0; life < lives; life++)
        possible = await live(disk, random, possible, `seed ${seed}, life ${life}`);
    });
});

/** One life: opens, compares, writes until it crashes; returns what the next life may find. */
async function live(
  disk: Map<string, Buffer>,
  random: Random,
  possible: readonly Model[],
  what: string,
): Promise<readonly Model[]> {
  const crashAt = below(random, 30);
  let step = 0;
  const fate = ({ position, bytes }: FileWrite): WriteFate =>
    step++ === crashAt ? { kind: 'crash', keeps: tear(random, position, bytes.byteLength) } : { kind: 'done' };
  const limits = { segmentBytes: 4096 };
  const metadata = { clusterId: 1, memberId: 2 };
  const files = new MemoryWalFiles(disk, fate);
  const ring = new KeyRing(shuffled(random));
  const opening = openWal({ files, keys: ring, metadata, log: silentLog, limits }).catch((error: unknown) => {
    if (step <= crashAt) throw error;
  });
  const open = await opening;
  // The machine stopped while it started: nothing changed.
  if (open === undefined) return possible;
  const model = possible.find((each) => isSame(each, open.loaded));
  expect(
    model,
    `${what}: ${JSON.stringify(text(open.loaded))} is none of ${JSON.stringify(possible.map(text))}`,
  ).to.not.equal(undefined);
  if (model === undefined) return [];
  let known = { ...model, snapshot: open.loaded.snapshot, entries: open.loaded.entries };
  for (let count = 0; count < writesPerLife; count++) {
    const write = randomWrite(random, known);
    const next = after(known, write);
    try {
      await open.wal.append(write);
    } catch {
      return [known, next];
    }
    known = next;
    if (below(random, 10) === 0) {
      ring.change(shuffled(random));
      const isResealed = await open.wal.reseal().then(
        () => true,
        () => false,
      );
      if (!isResealed) return [known];
      expect([ring.currentId], what).to.include.members([...open.wal.keys()]);
    }
    if (below(random, 4) > 0 || known.lastIndex === known.snapshot.index) continue;
    const index = known.snapshot.index + 1 + below(random, known.lastIndex - known.snapshot.index);
    if (
      !(await open.wal.release(marker(index)).then(
        () => true,
        () => false,
      ))
    )
      return [known];
  }
  await open.wal.close().catch(() => undefined);
  return [known];
}

/** Releasing may move the beginning on, never beyond what is in the log. */
function isSame(model: Model, loaded: LoadedLog): boolean {
  const { index } = loaded.snapshot;
  if (index < model.snapshot.index || index > model.lastIndex) return false;
  const entries = model.entries.filter((entry) => entry.index > index);
  return JSON.stringify([entries, model.hardState]) === JSON.stringify([loaded.entries, loaded.hardState]);
}

function after(model: Model, write: LogWrite): Model {
  let { snapshot, entries, lastIndex } = model;
  if (write.snapshot !== undefined) {
    snapshot = write.snapshot;
    entries = [];
    lastIndex = snapshot.index;
  }
  for (const entry of write.entries) {
    entries = [...entries.filter(({ index }) => index < entry.index), entry];
    lastIndex = entry.index;
  }
  return { snapshot, entries, lastIndex, hardState: write.hardState ?? model.hardState };
}

function randomWrite(random: Random, model: Model): LogWrite {
  const term = (model.hardState?.term ?? 0) + below(random, 2);
  const hardState = { term, vote: below(random, 3), commit: model.snapshot.index };
  if (below(random, 15) === 0) return { hardState, entries: [], snapshot: marker(model.lastIndex + below(random, 9)) };
  const back = below(random, 5) === 0 ? below(random, model.lastIndex - model.snapshot.index + 1) : 0;
  const entries = Array.from({ length: below(random, 4) }, (_, at): Entry => {
    const data = Buffer.alloc(below(random, 900), below(random, 256));
    return { term, index: model.lastIndex - back + 1 + at, type: 'EntryNormal', data };
  });
  return below(random, 3) === 0 ? { hardState, entries } : { entries };
}

/** All keys, and none, in any order: the first one seals. */
function shuffled(random: Random): StoreKeys {
  const left: (StoreKey | typeof plain)[] = [...keys, plain];
  return Array.from({ length: left.length }, () => left.splice(below(random, left.length), 1)).flat();
}

/** Any sectors of a write, or its beginning. */
function tear(random: Random, position: number, length: number): readonly (readonly [number, number])[] {
  if (below(random, 2) === 0) return [[0, below(random, length + 1)]];
  const pieces: [number, number][] = [];
  for (let at = 0; at < length; ) {
    const next = Math.min(length, (Math.floor((position + at) / 512) + 1) * 512 - position);
    if (below(random, 2) === 0) pieces.push([at, next]);
    at = next;
  }
  return pieces;
}

function marker(index: number): Snapshot {
  const confState = { voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  return { index, term: index === 0 ? 0 : 1, confState };
}

const below = (random: Random, bound: number): number => Math.floor(random.next() * bound);
const text = ({ snapshot, hardState, entries }: Omit<Model, 'lastIndex'>): unknown => [
  snapshot.index,
  hardState,
  entries.map(({ index, term, data }) => [index, term, data.byteLength]),
];
