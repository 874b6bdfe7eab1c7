// Random entries, applied by a member whose disk lags: whatever batches a crash leaves, what opens is the state of some entry,
// as the model has it; the log then leads to the same end; and a snapshot is the same state again.
import { expect } from 'chai';
import fc from 'fast-check';
import { ManualClock, present, silentLog } from '../../base/index.ts';
import type { Compare, Operation } from '../barn.ts';
import { streamOf } from '../conformance/support.ts';
import { KeyRing } from '../keys.ts';
import { defaultLimits } from '../limits.ts';
import { ModelBarn } from '../model.ts';
import { decodeCommand } from './command.ts';
import { compactEntry, foundingOfOne, txnEntry } from './entries.ts';
import { filledEntries } from './event-log.ts';
import { HeldDisk, settle } from './held-disk.ts';
import type { CommittedEntry, Outcome, StateMachine } from './machine.ts';
import { openStateMachine } from './open.ts';
import type { TxnRequest } from './transaction.ts';

type Step =
  | { readonly do: 'txn'; readonly txn: TxnRequest }
  | { readonly do: 'compact'; readonly back: number }
  | { readonly do: 'wait'; readonly ms: number };

const key = fc.constantFrom('a', 'a/1', 'b', '~');
const value = fc.constantFrom('', 'x', 'y').map((text) => new Uint8Array(Buffer.from(text)));
const compare: fc.Arbitrary<Compare> = fc.oneof(
  fc.record({
    target: fc.constantFrom('version' as const, 'mod' as const),
    key,
    op: fc.constantFrom('=' as const, '<' as const),
    number: fc.integer({ min: 0, max: 9 }),
  }),
  fc.record({ target: fc.constant('value' as const), key, op: fc.constantFrom('=' as const, '!=' as const), value }),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), key, value }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), key }) },
);
const operations = fc.uniqueArray(operation, { maxLength: 3, selector: (one) => one.key });
const txn = fc.record({ compares: fc.array(compare, { maxLength: 1 }), success: operations, failure: operations });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: fc.constant('txn' as const), txn }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('compact' as const), back: fc.integer({ min: -1, max: 5 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(20, 30, 6_000) }) },
);
const steps = fc.array(step, { maxLength: 40, size: 'max' });
/** How much of the values may be in memory: little or all. */
const bytesMax = fc.constantFrom(0, 2, Number.POSITIVE_INFINITY);

const secret = { id: 'k1', key: Buffer.alloc(32, 7) };
const ring = new KeyRing([secret]);

describe('the state of a member, whatever happens', function () {
  this.timeout(60_000);
  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  it(`is the state of some entry after a crash at any batch, and goes on from there (seed ${seed})`, async () => {
    const property = fc.asyncProperty(steps, fc.boolean(), bytesMax, async (given, sealed, valueBytes) => {
      const keys = sealed ? ring : undefined;
      const life = await live(given, keys, valueBytes);
      for (let count = 1; count <= life.disk.written.length; count++) {
        const machine = await open(life.disk.after(count), keys, valueBytes);
        expect(machine.applied.index).to.be.at.least(life.durableAfter(count));
        await expectEqual(machine, life, machine.applied.index);
        const outcomes = await told(machine.apply(life.entries));
        expect(outcomes).to.deep.equal(life.outcomes.filter(({ origin }) => origin.request > machine.durable.index));
        await expectEqual(machine, life, life.lastIndex);
        await machine.close();
        const again = await open(life.disk.after(count), keys, valueBytes);
        expect(again.store.state.hash).to.equal(present(life.hashes.get(again.applied.index), 'a hash'));
      }
    });
    await fc.assert(property, { seed, numRuns: 40, plugins: [fc.interruptAfterTimeLimit(45_000)] });
  });

  it(`is the same again from a snapshot, and is the old or the new one after a crash meanwhile (seed ${seed})`, async () => {
    const property = fc.asyncProperty(steps, steps, bytesMax, bytesMax, async (given, before, valueBytes, others) => {
      const life = await live(given, undefined, valueBytes);
      const chunks: Uint8Array[] = [];
      for await (const chunk of life.machine.snapshot().chunks) chunks.push(chunk);
      const other = await live(before, undefined, others);
      if (life.lastIndex <= other.lastIndex) return;
      const meta = await other.machine.install(streamOf(chunks));
      expect(meta).to.deep.equal(life.machine.applied);
      expect(other.machine.durable).to.deep.equal(meta);
      await expectEqual(other.machine, life, life.lastIndex);
      await settle();
      for (let count = 1; count <= other.disk.written.length; count++) {
        const opened = await open(other.disk.after(count), undefined, others);
        const isNew = opened.applied.index === life.lastIndex;
        await expectEqual(opened, isNew ? life : other, opened.applied.index);
      }
    });
    await fc.assert(property, { seed, numRuns: 40, plugins: [fc.interruptAfterTimeLimit(45_000)] });
  });
});

/** What one member's life left. */
interface Life {
  readonly machine: StateMachine;
  readonly disk: HeldDisk;
  readonly entries: readonly CommittedEntry[];
  readonly outcomes: readonly Outcome[];
  readonly lastIndex: number;
  /** The running hash after each entry. */
  readonly hashes: ReadonlyMap<number, number>;
  /** The entry that the last synced of the first `count` batches held. */
  durableAfter(count: number): number;
}

async function live(given: readonly Step[], keys: KeyRing | undefined, valueBytes: number): Promise<Life> {
  const clock = new ManualClock();
  const disk = new HeldDisk();
  const machine = await open(disk, keys, valueBytes, clock);
  const durable: { readonly batches: number; readonly index: number }[] = [];
  machine.onDurable(({ index }) => durable.push({ batches: disk.written.length, index }));
  const entries: CommittedEntry[] = [];
  const outcomes: Outcome[] = [];
  const hashes = new Map([[1, 0]]);
  for (const one of given) {
    const index = machine.applied.index + 1;
    if (one.do === 'wait') {
      clock.advance(one.ms);
      await settle();
      continue;
    }
    const revision = Math.max(0, machine.store.state.revision - (one.do === 'compact' ? one.back : 0));
    const entry = one.do === 'txn' ? txnEntry(index, one.txn) : compactEntry(index, revision);
    entries.push(entry);
    outcomes.push(...(await told(machine.apply([entry]))));
    hashes.set(index, machine.hash);
  }
  return {
    machine,
    disk,
    entries,
    outcomes,
    hashes,
    lastIndex: machine.applied.index,
    durableAfter: (count) => durable.filter(({ batches }) => batches <= count).at(-1)?.index ?? 1,
  };
}

/** Outcomes with what they read from the disk. */
function told(outcomes: readonly Outcome[]): Promise<readonly Outcome[]> {
  return Promise.all(
    outcomes.map(async ({ origin, result }) => ({
      origin,
      result: typeof result === 'function' ? await result() : result,
    })),
  );
}

function open(
  disk: HeldDisk,
  keys: KeyRing | undefined,
  valueBytesInMemoryMax: number,
  clock = new ManualClock(),
): Promise<StateMachine> {
  const limits = { ...defaultLimits, valueBytesInMemoryMax };
  return openStateMachine({
    ...{ disk, keys, clock, log: silentLog, limits, founding: foundingOfOne },
    // Few enough that a sweep takes several batches.
    timers: { choresPerBatch: 2, batchOperations: 5 },
  });
}

/** Expects what the model has after the entries up to `index`: keys, history and hash. */
async function expectEqual(
  { store, hash, applied }: StateMachine,
  { entries, hashes }: Life,
  index: number,
): Promise<void> {
  const model = new ModelBarn();
  for (const entry of entries) if (entry.index <= index) applyTo(model, entry);
  const { state } = store;
  expect([applied.index, state.revision, state.compactRevision, hash]).to.deep.equal([
    index,
    model.revision,
    model.compactRevision,
    hashes.get(index),
  ]);
  for (let revision = Math.max(1, model.compactRevision); revision <= model.revision; revision++) {
    expect(await state.read('', '\x7f', { revision })).to.deep.equal(model.range('', '\x7f', { revision }));
  }
  const filled = await filledEntries(state.log.entries(), { prevValue: true }, state.reader);
  const log = filled.map(({ revision, events }) => ({ revision, events }));
  expect(log).to.deep.equal(model.batches('', '\x7f', Math.max(1, model.compactRevision), true));
}

function applyTo(model: ModelBarn, entry: CommittedEntry): void {
  const command = decodeCommand(entry.data);
  if (command.kind === 'txn') model.txn(command.compares, command.success, command.failure);
  if (command.kind === 'compact' && command.revision <= model.revision) model.compact(command.revision);
}
