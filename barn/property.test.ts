import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { ManualClock, present, silentLog, unreachable } from '../base/index.ts';
import { etcdUnavailable, startEtcd } from '../test/support/etcd.ts';
import {
  type Barn,
  BarnError,
  type Compare,
  type Key,
  type Operation,
  type TxnResult,
  type WatchBatch,
} from './barn.ts';
import { openEmbeddedBarn } from './embedded.ts';
import { originOf } from './etcd/origin-of.ts';
import { openEtcdBarn } from './etcd.ts';
import { createMemoryBarn } from './memory.ts';
import { ModelBarn } from './model.ts';
import { founders, HeldNetwork, startHeld } from './node/held-group.ts';
import { settle } from './state/held-disk.ts';

interface Txn {
  readonly compares: Compare[];
  readonly success: Operation[];
  readonly failure: Operation[];
}

interface Span {
  readonly start: Key;
  readonly end: Key | undefined;
}

/** Revisions are counted back from the newest, so that they are interesting: -1 is the next one. */
type Step =
  | { readonly do: 'txns'; readonly txns: readonly Txn[] }
  | {
      readonly do: 'range';
      readonly span: Span;
      readonly back: number;
      readonly limit: number;
      readonly keysOnly: boolean;
    }
  | {
      readonly do: 'watch';
      readonly span: Span;
      readonly back: number;
      readonly prevValue: boolean;
      readonly lazy: boolean;
    }
  | { readonly do: 'read' }
  | { readonly do: 'compact'; readonly back: number }
  | { readonly do: 'restart' };

const key = fc.constantFrom('a', 'a/1', 'a/2', 'b', '~');
const value = fc.constantFrom('', 'x', 'y').map((text) => new Uint8Array(Buffer.from(text)));
const span = fc.record({ start: key, end: fc.constantFrom(undefined, 'a0', 'b', '\x7f') });
const back = fc.integer({ min: -1, max: 12 });
const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc.record({
    target: fc.constantFrom('version' as const, 'create' as const, 'mod' as const),
    key,
    op: fc.constantFrom('=' as const, '!=' as const, '<' as const, '>' as const),
    number: fc.integer({ min: 0, max: 9 }),
  }),
  fc.record({ target: fc.constant('value' as const), key, op: fc.constantFrom('=' as const, '!=' as const), value }),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), key, value }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
);
const operations = fc.array(operation, { maxLength: 3 });
const txn = fc.record({ compares: fc.array(compare, { maxLength: 1 }), success: operations, failure: operations });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('txns' as const), txns: fc.array(txn, { maxLength: 4 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('range' as const),
      span,
      back,
      limit: fc.constantFrom(0, 1, 2),
      keysOnly: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('watch' as const),
      span,
      back,
      prevValue: fc.boolean(),
      lazy: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'read' as const }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('compact' as const), back }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
);

/** A twin and how it loses what is not on disk. */
interface Twin {
  barn: Barn;
  /** It may decide what it is asked at the same time in any order, where the keys differ. */
  readonly isUnordered?: boolean;
  /** Opened again, it does not know of a compaction at revision 1, before which there is nothing to lose. */
  readonly forgetsFirstCompaction?: boolean;
  restart(): Promise<Barn>;
}

const options = () => ({ name: 'one', clock: new ManualClock(), log: silentLog });

describe('the twins and the model', function () {
  this.timeout(60_000);
  // Set BARN_SEED to repeat a run.
  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  it(`agree on every sequence, with restarts (seed ${seed})`, async () => {
    await check(seed, 100, async () => {
      const memory = createMemoryBarn();
      const start = { network: new HeldNetwork(), identity: present(founders(1)[0], 'a founder') };
      const fromDisk = {
        ...start,
        network: new HeldNetwork(),
        limits: { valueBytesInMemoryMax: 4 },
        writerTimers: { batchOperations: 1 },
      };
      const twins: Twin[] = [{ barn: memory, restart: async () => memory }];
      for (const given of [start, fromDisk]) {
        let member = await startHeld(given);
        const restart = async (): Promise<Barn> => {
          await member.barn.close();
          member = await startHeld({ ...given, files: member.files, disk: member.disk });
          return member.barn;
        };
        twins.push({ barn: member.barn, restart });
      }
      return twins;
    });
  });

  it(`agree on every sequence, with restarts on a real disk (seed ${seed})`, async () => {
    const parent = await mkdtemp(join(tmpdir(), 'barn-'));
    let runs = 0;
    try {
      await check(seed, 15, async () => {
        const directory = join(parent, String(runs++));
        const twin: Twin = {
          barn: await openEmbeddedBarn({ ...options(), directory }),
          async restart() {
            await twin.barn.close();
            return openEmbeddedBarn({ ...options(), directory });
          },
        };
        return [twin];
      });
    } finally {
      await rm(parent, { recursive: true });
    }
  });
});

(etcdUnavailable === undefined ? describe : describe.skip)('etcd and the model', function () {
  this.timeout(180_000);
  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  it(`agree on every sequence, with another client after each restart (seed ${seed})`, async () => {
    const etcd = await startEtcd();
    let runs = 0;
    try {
      await check(seed, 15, async () => {
        const { endpoints } = etcd;
        const place = { endpoints, prefix: `run${runs++}/`, origin: await originOf(endpoints) };
        const open = (): Promise<Barn> => openEtcdBarn({ ...options(), ...place });
        const twin: Twin = {
          barn: await open(),
          isUnordered: true,
          // An etcd that began empty compacts there at its own revision 1, and refuses nothing by that.
          forgetsFirstCompaction: true,
          async restart() {
            await twin.barn.close();
            return open();
          },
        };
        return [twin];
      });
    } finally {
      await etcd.stop();
    }
  });
});

async function check(seed: number, numRuns: number, open: () => Promise<readonly Twin[]>): Promise<void> {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 50, size: 'max' }), async (steps) => {
    const twins = await open();
    try {
      await play(steps, twins);
    } finally {
      for (const { barn } of twins) await barn.close();
    }
  });
  // A failure is made smaller for so long at most, so that it is told before mocha gives up.
  await fc.assert(property, { seed, numRuns, plugins: [fc.interruptAfterTimeLimit(45_000)] });
}

async function play(steps: readonly Step[], twins: readonly Twin[]): Promise<void> {
  const model = new ModelBarn();
  let readers: Reader[] = [];
  for (const step of steps) {
    switch (step.do) {
      case 'txns': {
        const expected = step.txns.map((txn) => tried(() => model.txn(txn.compares, txn.success, txn.failure)));
        for (const { barn, isUnordered } of twins) {
          expect(await askAll(barn, step.txns, isUnordered)).to.deep.equal(expected);
        }
        break;
      }
      case 'range': {
        const { limit, keysOnly } = step;
        const request = { revision: revisionAt(model, step.back), limit, keysOnly };
        const expected = tried(() => model.range(step.span.start, step.span.end, request));
        for (const { barn } of twins) {
          expect(await triedAsync(barn.range(step.span.start, step.span.end, request))).to.deep.equal(expected);
        }
        break;
      }
      case 'watch':
        for (const { barn } of twins) readers.push(...(await openReader(model, barn, step)));
        break;
      case 'read':
        for (const reader of readers) reader.start();
        break;
      case 'compact': {
        const revision = revisionAt(model, step.back);
        const expected = tried(() => model.compact(revision));
        for (const { barn } of twins) expect(await triedAsync(barn.compact(revision))).to.deep.equal(expected);
        break;
      }
      case 'restart':
        for (const reader of readers) reader.stop();
        readers = [];
        for (const twin of twins) twin.barn = await twin.restart();
        break;
      default:
        unreachable(step);
    }
    await settle();
    for (const reader of readers) reader.check();
    for (const { barn, forgetsFirstCompaction } of twins) {
      const { revision, compactRevision } = await barn.status();
      const told = forgetsFirstCompaction && model.compactRevision === 1 ? 1 : compactRevision;
      expect([revision, told]).to.deep.equal([model.revision, model.compactRevision]);
    }
  }
  for (const reader of readers) reader.start();
  await settle();
  for (const reader of readers) reader.check();
}

async function askAll(barn: Barn, txns: readonly Txn[], isUnordered = false): Promise<readonly Outcome<TxnResult>[]> {
  const ask = (txn: Txn): Promise<Outcome<TxnResult>> => triedAsync(barn.txn(txn.compares, txn.success, txn.failure));
  if (!isUnordered) return Promise.all(txns.map(ask));
  const outcomes: Outcome<TxnResult>[] = [];
  for (const txn of txns) outcomes.push(await ask(txn));
  return outcomes;
}

/** Reads a watch from the start or, lazily, later, and knows what it must have seen by now. */
interface Reader {
  start(): void;
  stop(): void;
  check(): void;
}

async function openReader(model: ModelBarn, barn: Barn, step: Step & { do: 'watch' }): Promise<readonly Reader[]> {
  const { start, end } = step.span;
  const fromRevision = revisionAt(model, step.back);
  const opened = await triedAsync(barn.watch(start, end, fromRevision, { prevValue: step.prevValue }));
  if (fromRevision > 0 && fromRevision < model.compactRevision) {
    expect(opened).to.deep.equal({ reason: 'Compacted' });
    return [];
  }
  if (!('value' in opened)) throw new Error(`the watch was refused: ${opened.reason}`);
  const from = fromRevision === 0 ? model.revision + 1 : fromRevision;
  const behind = from <= model.revision;
  const watch = opened.value;
  const seen: WatchBatch[] = [];
  let started = false;
  let gone = false;
  let outcome: unknown;
  const reader: Reader = {
    start() {
      if (started) return;
      started = true;
      gone = behind && from < model.compactRevision;
      const read = async () => {
        for await (const batch of watch) seen.push(batch);
      };
      read().then(
        () => (outcome = 'ended'),
        (error: unknown) => (outcome = error),
      );
    },
    stop() {
      void watch.return?.();
    },
    check() {
      if (!started) return;
      if (gone) {
        expect(outcome).to.include({ reason: 'Compacted' });
        expect(seen).to.deep.equal([]);
        return;
      }
      expect(outcome).to.equal(undefined);
      expect(seen).to.deep.equal(model.batches(start, end, from, step.prevValue));
    },
  };
  if (!step.lazy) reader.start();
  return [reader];
}

function revisionAt(model: ModelBarn, back: number): number {
  return Math.max(0, model.revision - back);
}

type Outcome<T> = { readonly value: T } | { readonly reason: string };

function tried<T>(act: () => T): Outcome<T> {
  try {
    return { value: act() };
  } catch (error) {
    return refusal(error);
  }
}

async function triedAsync<T>(promise: Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await promise };
  } catch (error) {
    return refusal(error);
  }
}

function refusal(error: unknown): { readonly reason: string } {
  if (error instanceof BarnError) return { reason: error.reason };
  throw error;
}
