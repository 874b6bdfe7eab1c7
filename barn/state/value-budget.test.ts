// Values that leave memory: which, when, and that whoever asks gets them all the same.
import { expect } from 'chai';
import { ManualClock, present, silentLog } from '../../base/index.ts';
import type { BarnError, KeyValue, RangeOptions, WatchBatch } from '../barn.ts';
import { expectReason, kv, settledWithin, streamOf, take } from '../conformance/support.ts';
import { KeyRing, plain } from '../keys.ts';
import { defaultLimits } from '../limits.ts';
import { compactEntry, deleteEntry, foundingOfOne, put, putEntry, txnEntry } from './entries.ts';
import { HeldDisk, settle } from './held-disk.ts';
import type { CommittedEntry, Outcome, StateMachine } from './machine.ts';
import { openStateMachine } from './open.ts';

describe('values in memory', () => {
  let disk: HeldDisk;
  let clock: ManualClock;
  let machine: StateMachine;

  async function open(bytesMax: number, ring?: KeyRing): Promise<StateMachine> {
    clock = new ManualClock();
    return openStateMachine({
      ...{ disk, keys: ring, clock, log: silentLog, founding: foundingOfOne },
      limits: { ...defaultLimits, valueBytesInMemoryMax: bytesMax, watchBufferBytesMax: 2_000 },
    });
  }

  /** Applies, and lets the disk have it. */
  async function apply(...entries: readonly CommittedEntry[]): Promise<readonly Outcome[]> {
    const outcomes = machine.apply(entries);
    await write();
    return outcomes;
  }

  async function write(): Promise<void> {
    clock.advance(20);
    await settle();
  }

  async function read(key: string, options: RangeOptions = {}): Promise<KeyValue | undefined> {
    return (await machine.store.state.read(key, undefined, options)).items[0];
  }

  const absent = (...keys: readonly string[]): readonly boolean[] =>
    keys.map((key) => machine.store.state.get(key)?.value === undefined);

  beforeEach(async () => {
    disk = new HeldDisk();
    machine = await open(3);
  });

  it('are history first to leave, then those that were not written for the longest time', async () => {
    await apply(putEntry(2, 'a', '1'), putEntry(3, 'b', '1'), putEntry(4, 'c', '1'), putEntry(5, 'a', '2'));
    expect([absent('a', 'b', 'c'), machine.values]).to.deep.equal([[false, false, false], { memoryBytes: 3, read: 0 }]);
    await apply(putEntry(6, 'd', '1'));
    expect(absent('a', 'b', 'c', 'd')).to.deep.equal([false, true, false, false]);
    await apply(putEntry(7, 'e', '22'));
    expect(absent('a', 'b', 'c', 'd', 'e')).to.deep.equal([true, true, true, false, false]);
    expect(machine.values).to.deep.equal({ memoryBytes: 3, read: 0 });
  });

  it('stay until the disk has them', async () => {
    disk.holding = true;
    machine.apply([putEntry(2, 'a', '1'), putEntry(3, 'b', '22'), putEntry(4, 'c', '333')]);
    clock.advance(20);
    machine.apply([putEntry(5, 'a', '4444')]);
    expect(machine.values.memoryBytes).to.equal(10);
    disk.asked.shift()?.succeed();
    await settle();
    // The first batch had what was superseded since, and not what superseded it.
    expect([absent('a', 'b', 'c'), machine.values.memoryBytes]).to.deep.equal([[false, true, true], 5]);
  });

  it('are the same for who reads a range, a key, an old revision or only keys, in one read of the disk', async () => {
    await apply(putEntry(2, 'a', '1'), putEntry(3, 'b', '22'), putEntry(4, 'a', '333'), putEntry(5, 'c', '4'));
    let asked: (readonly string[])[] = [];
    const { getMany } = disk;
    disk.getMany = (keys) => {
      asked.push(keys);
      return getMany.call(disk, keys);
    };
    expect((await machine.store.state.read('a', 'z', {})).items).to.deep.equal([
      kv('a', '333', 1, 3, 2),
      kv('b', '22', 2, 2, 1),
      kv('c', '4', 4, 4, 1),
    ]);
    expect(asked).to.deep.equal([['d0/0000000000030000', 'd0/0000000000020000']]);
    asked = [];
    expect(await read('a', { revision: 2 })).to.deep.equal(kv('a', '1', 1, 1, 1));
    expect(
      (await machine.store.state.read('a', 'z', { keysOnly: true })).items.map(({ value }) => value.byteLength),
    ).to.deep.equal([0, 0, 0]);
    expect(await read('c')).to.deep.equal(kv('c', '4', 4, 4, 1));
    expect(asked).to.deep.equal([['d0/0000000000010000']]);
    expect(machine.values.read).to.equal(3);
  });

  it('are read as of the call, whatever is dropped then', async () => {
    await apply(putEntry(2, 'a', '1'), putEntry(3, 'a', '22'), putEntry(4, 'a', '333'), putEntry(5, 'b', '4444'));
    const old = read('a', { revision: 1 });
    await apply(deleteEntry(6, 'a'), compactEntry(7, 5));
    await write();
    expect(await old).to.deep.equal(kv('a', '1', 1, 1, 1));
    expect(disk.entries.has('d0/0000000000010000')).to.equal(false);
  });

  it('stay with those who were given them', async () => {
    machine.apply([putEntry(2, 'a', '1')]);
    const given = await read('a');
    const watch = machine.store.hub.open('a', 'z', 1, { prevValue: true });
    const told = await take(watch, 1);
    await apply(putEntry(3, 'b', '4444'));
    expect(absent('a')).to.deep.equal([true]);
    expect([given, told[0]?.events[0]?.kv]).to.deep.equal([kv('a', '1', 1, 1, 1), kv('a', '1', 1, 1, 1)]);
  });

  it('come with what a transaction found', async () => {
    await apply(putEntry(2, 'a', '1'), putEntry(3, 'b', '4444'), putEntry(4, 'c', ''));
    const [outcome] = machine.apply([
      txnEntry(5, {
        success: [{ do: 'get', key: 'x' }, { do: 'delete', key: 'a' }, put('b', '5'), { do: 'get', key: 'c' }],
      }),
    ]);
    const result = outcome?.result;
    expect(result).to.be.a('function');
    const found = typeof result === 'function' ? result() : undefined;
    await apply(compactEntry(6, 4));
    expect((await found)?.results).to.deep.equal([
      undefined,
      kv('a', '1', 1, 1, 1),
      kv('b', '5', 2, 4, 2),
      kv('c', '', 3, 3, 1),
    ]);
  });

  for (const [op, text, holds] of [
    ['=', '1', true],
    ['=', '2', false],
    ['=', '11', false],
    ['!=', '2', true],
    ['!=', '1', false],
  ] as const)
    it(`are compared all the same: '1' ${op} '${text}' is ${holds}`, async () => {
      await apply(putEntry(2, 'a', '1'), putEntry(3, 'b', '4444'));
      expect(absent('a')).to.deep.equal([true]);
      const value = Buffer.from(text);
      const [outcome] = machine.apply([txnEntry(4, { compares: [{ target: 'value', key: 'a', op, value }] })]);
      expect(outcome?.result).to.include({ succeeded: holds, revision: 2 });
      // Who compares it does so again.
      expect(absent('a')).to.deep.equal([text.length > 1]);
      machine.apply([txnEntry(5, { compares: [{ target: 'value', key: 'a', op, value }] })]);
      expect(machine.values.read).to.equal(text.length > 1 ? 0 : 1);
      expect(await read('a')).to.deep.equal(kv('a', '1', 1, 1, 1));
      // Until others were written.
      await apply(putEntry(6, 'b', '55555'));
      expect(absent('a')).to.deep.equal([true]);
    });

  it('come with events, in order, and progress does not overtake them', async () => {
    await apply(putEntry(2, 'a', '1'), putEntry(3, 'b', '4444'));
    const watch = machine.store.hub.open('a', 'z', 0, { prevValue: true, progress: true });
    expect(await take(watch, 1)).to.deep.equal([{ revision: 2, events: [] }]);
    const plainly = machine.store.hub.open('x', 'z', 0, { progress: true });
    await take(plainly, 1);
    machine.apply([deleteEntry(4, 'a'), putEntry(5, 'c', '1')]);
    const late = machine.store.hub.open('c', 'd', 0, { prevValue: true });
    machine.apply([putEntry(6, 'c', '2')]);
    const behind = machine.store.hub.open('c', 'd', 4, {});
    expect((await take(behind, 2)).map(({ revision }) => revision)).to.deep.equal([4, 5]);
    const beyond = behind.next();
    clock.advance(200);
    expect(await take(watch, 3)).to.deep.equal([
      { revision: 3, events: [{ type: 'delete', kv: kv('a', '', 0, 3, 0), prev: kv('a', '1', 1, 1, 1) }] },
      { revision: 4, events: [{ type: 'put', kv: kv('c', '1', 4, 4, 1) }] },
      { revision: 5, events: [{ type: 'put', kv: kv('c', '2', 4, 5, 2), prev: kv('c', '1', 4, 4, 1) }] },
    ]);
    expect((await take(late, 1)).map(({ revision }) => revision)).to.deep.equal([5]);
    expect(await settledWithin(late.next())).to.equal(false);
    expect(await settledWithin(beyond)).to.equal(false);
    const progress = take(plainly, 1);
    expect(await settledWithin(progress)).to.equal(false);
    clock.advance(200);
    expect(await progress).to.deep.equal([{ revision: 5, events: [] }]);
  });

  it('come from the history, to all who read it the same objects', async () => {
    await apply(
      putEntry(2, 'a', '1'),
      putEntry(3, 'a', '22'),
      putEntry(4, 'b', '1'),
      deleteEntry(5, 'a'),
      putEntry(6, 'c', '4444'),
    );
    const open = (prevValue: boolean) => machine.store.hub.open('a', 'b', 1, { prevValue });
    const watches = [open(true), open(true), open(false)];
    const [first, second, bare] = await Promise.all(watches.map((watch) => take(watch, 3)));
    const expected: readonly WatchBatch['events'][] = [
      [{ type: 'put', kv: kv('a', '1', 1, 1, 1) as KeyValue }],
      [{ type: 'put', kv: kv('a', '22', 1, 2, 2) as KeyValue, prev: kv('a', '1', 1, 1, 1) as KeyValue }],
      [{ type: 'delete', kv: kv('a', '', 0, 4, 0) as KeyValue, prev: kv('a', '22', 1, 2, 2) as KeyValue }],
    ];
    expect(first?.map(({ events }) => events)).to.deep.equal(expected);
    expect(first?.every((batch, at) => batch === second?.[at])).to.equal(true);
    expect(bare?.map(({ events }) => events)).to.deep.equal(
      expected.map(([event]) => [{ type: event?.type, kv: event?.kv }]),
    );
    // Six were absent: three in the first page, which the others found.
    expect(machine.values.read).to.equal(4);
  });

  it('end the watches that wait for too many of them', async () => {
    await apply(putEntry(2, 'a', '1'), putEntry(3, 'b', '4444'));
    const watch = machine.store.hub.open('a', 'z', 0, { prevValue: true });
    disk.getMany = () => new Promise(() => {});
    machine.apply(Array.from({ length: 20 }, (_, at) => putEntry(4 + at, 'a', String(at))));
    await expectReason(watch.next(), 'Overrun');
    // Another one goes on from there.
    const next = machine.store.hub.open('a', 'z', 0, { prevValue: true });
    machine.apply([putEntry(24, 'c', '1')]);
    expect((await take(next, 1)).map(({ revision }) => revision)).to.deep.equal([23]);
  });

  it('are not taken up beyond the bound when the state is read from the disk, or from a snapshot', async () => {
    const texts = Array.from({ length: 30 }, (_, at) => `value ${at}`);
    await apply(...texts.map((text, at) => putEntry(at + 2, `key ${at % 20}`, text)), compactEntry(32, 5));
    const expected = await machine.store.state.read('', '\x7f', {});
    const chunks: Uint8Array[] = [];
    for await (const chunk of machine.snapshot().chunks) chunks.push(chunk);
    await machine.close();
    machine = await open(100);
    expect(machine.values.memoryBytes).to.be.within(90, 100);
    expect(await machine.store.state.read('', '\x7f', {})).to.deep.equal(expected);

    disk = new HeldDisk();
    machine = await open(50);
    await machine.install(streamOf(chunks));
    expect(machine.values.memoryBytes).to.be.within(40, 50);
    expect(await machine.store.state.read('', '\x7f', {})).to.deep.equal(expected);
    expect(disk.views).to.equal(0);
  });

  it('leave memory while a revision is half read', async () => {
    await apply(putEntry(2, 'a', '1'), txnEntry(3, { success: [put('a', '22'), put('b', '33')] }));
    const expected = await machine.store.state.read('', '\x7f', {});
    await machine.close();
    disk.pageLength = 2;
    machine = await open(0);
    expect(machine.values.memoryBytes).to.equal(0);
    expect(await machine.store.state.read('', '\x7f', {})).to.deep.equal(expected);
    await take(machine.store.hub.open('a', 'b', 2, { prevValue: true }), 1);
  });

  it('are in a snapshot as they were when it began, whatever is dropped meanwhile', async () => {
    const texts = Array.from({ length: 9 }, (_, at) => `${at}`.repeat(100_000));
    await apply(...texts.map((text, at) => putEntry(at + 2, at < 5 ? 'a' : `b${at}`, text)));
    const chunks: Uint8Array[] = [];
    for await (const chunk of machine.snapshot().chunks) {
      if (chunks.length === 0) {
        await apply(deleteEntry(11, 'a'), deleteEntry(12, 'b5'), compactEntry(13, 11));
        await write();
        await machine.reclaim();
        expect([...disk.entries.keys()].filter((key) => key.startsWith('d'))).to.have.length(5);
      }
      chunks.push(chunk);
    }
    expect(disk.views).to.equal(0);
    // What the view held may be given back now.
    expect(await machine.reclaim()).to.equal(true);
    disk = new HeldDisk();
    machine = await open(Number.POSITIVE_INFINITY);
    await machine.install(streamOf(chunks));
    const { state } = machine.store;
    const held = state.log.entries().map(({ events }) => Buffer.from(events[0]?.kv.value ?? []).toString('latin1'));
    const shown = (all: readonly string[]): readonly (readonly [string | undefined, number])[] =>
      all.map((text) => [text[0], text.length]);
    expect(shown(held)).to.deep.equal(shown(texts));
  });

  it('are sealed anew from the disk, also while history is dropped, and a snapshot is read that began before', async () => {
    const first = { id: 'first-key', key: Buffer.alloc(32, 1) };
    const second = { id: 'second-key', key: Buffer.alloc(32, 2) };
    disk = new HeldDisk();
    machine = await open(0, new KeyRing([first]));
    await apply(...Array.from({ length: 9 }, (_, at) => putEntry(at + 2, `key ${at % 5}`, `value ${at}`)));
    const { chunks } = machine.snapshot();
    const copy = chunks[Symbol.asyncIterator]();
    await copy.next();
    const changed = machine.useKeys([second, first]);
    await settle();
    await changed;
    await apply(putEntry(11, 'key 0', 'last'), compactEntry(12, 6));
    await write();
    expect([machine.sealing.left, disk.reclaimed]).to.deep.equal([0, 0]);
    while ((await copy.next()).done !== true);
    await write();
    expect([machine.sealing.keys, disk.reclaimed]).to.deep.equal([['second-key'], 1]);
    const all = await machine.store.state.read('', '\x7f', {});
    await machine.close();
    machine = await open(0, new KeyRing([second]));
    expect(await machine.store.state.read('', '\x7f', {})).to.deep.equal(all);
    expect(all.items.map(({ value }) => Buffer.from(value).toString('latin1'))).to.deep.equal([
      'last',
      'value 6',
      'value 7',
      'value 8',
      'value 4',
    ]);
  });

  it('that a snapshot still reads keep nobody from closing', async () => {
    disk = new HeldDisk();
    machine = await open(0, new KeyRing([{ id: 'k', key: Buffer.alloc(32, 1) }]));
    await apply(putEntry(2, 'a', '1'));
    const copy = machine.snapshot().chunks[Symbol.asyncIterator]();
    await copy.next();
    await machine.useKeys([
      { id: 'l', key: Buffer.alloc(32, 2) },
      { id: 'k', key: Buffer.alloc(32, 1) },
    ]);
    await write();
    await machine.close();
    expect([disk.views, disk.closed, machine.sealing.keys]).to.deep.equal([1, true, ['k', 'l']]);
  });

  it('are sealed for the first time from the disk', async () => {
    await apply(putEntry(2, 'a', '1'), putEntry(3, 'b', '4444'));
    await machine.close();
    machine = await open(0, new KeyRing([{ id: 'k', key: Buffer.alloc(32, 1) }, plain]));
    await write();
    await write();
    expect(machine.sealing).to.deep.equal({ current: 'k', keys: ['k'], left: 0 });
    expect(await read('b')).to.deep.equal(kv('b', '4444', 2, 2, 1));
  });

  it('that the disk lost end the member, and whoever asked is told', async () => {
    const failures: BarnError[] = [];
    machine.onFailed((error) => failures.push(error));
    await apply(putEntry(2, 'a', '1'), putEntry(3, 'b', '4444'));
    disk.entries.set('d0/0000000000010000', present(disk.entries.get('d0/0000000000020000'), 'a record'));
    await expectReason(read('a'), 'Corrupt');
    expect(failures.map(({ message }) => message)).to.deep.equal([
      'the store is damaged: state record d0/0000000000010000 belongs elsewhere; let this member begin anew, or put a copy back',
    ]);
    expect(() => machine.apply([putEntry(4, 'c', '1')])).to.throw('belongs elsewhere');
  });
});
