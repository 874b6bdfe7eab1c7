import { expect } from 'chai';
import { seededRandom, silentLog } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { KeyRing, plain, type StoreKey } from '../keys.ts';
import type { Snapshot } from '../raft/protocol.ts';
import { sectorBytes, segmentName, trailer } from './format.ts';
import { MemoryWalFiles } from './memory-files.ts';
import { openWal, type WalOptions } from './open.ts';
import type { LoadedLog } from './wal.ts';

describe('what the log refuses', () => {
  it('ends with the first write that fails: what waits and what comes later is refused', async () => {
    let fails = false;
    const error = new Error('EIO');
    const files = new MemoryWalFiles(new Map(), () => (fails ? { kind: 'fail', error } : { kind: 'done' }));
    const { wal } = await openWal(options(files));
    await wal.append({ entries: [entry(1)] });
    fails = true;
    const answers = await Promise.all([2, 3].map((index) => reasonOf(wal.append({ entries: [entry(index)] }))));
    fails = false;
    answers.push(await reasonOf(wal.append({ entries: [entry(2)] })), await reasonOf(wal.release(marker(1))));
    expect(answers).to.deep.equal(['Storage', 'Storage', 'Storage', 'Storage']);
    await wal.close();
    expect(indexes(await held(options(files)))).to.deep.equal([1]);
  });

  for (const metadata of [
    { clusterId: 2, memberId: 1 },
    { clusterId: 1, memberId: 2 },
  ])
    it(`refuses the log of another: ${JSON.stringify(metadata)}`, async () => {
      const files = new MemoryWalFiles();
      await fill(options(files), 1, 3);
      const before = new Map(files.disk);
      expect(await reasonOf(openWal({ ...options(files), metadata }))).to.equal('Corrupt');
      expect(files.disk).to.deep.equal(before);
    });

  it('refuses a write beyond its bounds', async () => {
    const record = await openWal({ ...options(new MemoryWalFiles()), limits: { recordBytesMax: 512 } });
    expect(await reasonOf(record.wal.append({ entries: [entry(1, 600)] }))).to.equal('Storage');
    await record.wal.close();
    const waiting = await openWal({ ...options(new MemoryWalFiles()), limits: { waitingBytesMax: 1000 } });
    const answers = [1, 2, 3].map((index) => reasonOf(waiting.wal.append({ entries: [entry(index, 600)] })));
    expect(new Set(await Promise.all(answers))).to.deep.equal(new Set(['Storage']));
    await waiting.wal.close();
  });
});

describe('the log and a disk that is nearly full', () => {
  const limits = { segmentBytes: 4096, sparesMax: 2 };
  const spares = (files: MemoryWalFiles): number =>
    [...files.disk.keys()].filter((name) => name.startsWith('spare')).length;

  it('takes no room for segments ahead, and uses again what it released', async () => {
    const files = new MemoryWalFiles();
    files.freeBytesTold = 2 * limits.segmentBytes - 1;
    const { wal } = await openWal({ ...options(files), limits });
    for (let index = 1; index <= 9; index++) await wal.append({ entries: [entry(index, 900)] });
    expect(spares(files)).to.equal(0);
    files.freeBytesTold = Number.POSITIVE_INFINITY;
    for (let index = 10; index <= 30; index++) {
      await wal.append({ entries: [entry(index, 900)] });
      await new Promise((resolve) => setImmediate(resolve));
    }
    files.freeBytesTold = 0;
    for (let index = 31; index <= 40; index++) await wal.append({ entries: [entry(index, 900)] });
    await wal.release(marker(40));
    expect(spares(files)).to.equal(1);
    await wal.close();
    expect((await held(options(files))).snapshot.index).to.equal(40);
  });
});

describe('the log and keys', () => {
  it('is sealed anew when it opens under another key: to and from none, and with what is written next', async () => {
    const files = new MemoryWalFiles();
    await fill(options(files), 1, 60);
    expect(raw(files)).to.include('canary');
    for (const [keys, last, isOpen] of [
      [[one, plain], 62, false],
      [[two, one], 64, false],
      [[plain, two], 66, true],
    ] as const) {
      await fill({ ...options(files), keys: new KeyRing(keys) }, last - 1, last);
      expect(raw(files).includes('canary'), `${last}`).to.equal(isOpen);
      const loaded = await held({ ...options(files), keys: new KeyRing([keys[0]]) });
      expect(indexes(loaded)).to.deep.equal(Array.from({ length: last }, (_, at) => at + 1));
    }
  });

  it('refuses what is sealed without its key, and what is not without leave', async () => {
    const files = new MemoryWalFiles();
    await fill({ ...options(files), keys: new KeyRing([one]) }, 1, 2);
    for (const keys of [undefined, new KeyRing([two]), new KeyRing([two, plain])])
      expect(await reasonOf(openWal({ ...options(files), keys }))).to.equal('Storage');
    const other = new MemoryWalFiles();
    await fill(options(other), 1, 2);
    expect(await reasonOf(openWal({ ...options(other), keys: new KeyRing([one]) }))).to.equal('Storage');
  });

  it('is sealed anew while it is written, in the order of the calls', async () => {
    const files = new MemoryWalFiles();
    const keys = new KeyRing([plain]);
    const { wal } = await openWal({ ...options(files), keys });
    await wal.append({ entries: [entry(1)], hardState: { term: 1, vote: 1, commit: 0 } });
    await wal.append({ entries: [entry(2)] });
    expect([...wal.keys()]).to.deep.equal(['plain']);
    keys.change([one, plain]);
    const before = wal.append({ entries: [entry(3)] });
    const resealed = wal.reseal();
    await Promise.all([before, resealed, wal.append({ entries: [entry(4)] }), wal.release(marker(1))]);
    expect([...wal.keys()]).to.deep.equal(['one']);
    await wal.close();
    expect(raw(files)).not.to.include('canary');
    const loaded = await held({ ...options(files), keys: new KeyRing([one]) });
    expect(indexes(loaded)).to.deep.equal([1, 2, 3, 4]);
    expect(loaded.hardState).to.deep.equal({ term: 1, vote: 1, commit: 0 });
  });

  it('ends when what it is to seal anew is damaged', async () => {
    const files = new MemoryWalFiles();
    const keys = new KeyRing([one]);
    const { wal } = await openWal({ ...options(files), keys });
    for (const index of [1, 2]) await wal.append({ entries: [entry(index)] });
    const bytes = files.disk.get(segmentName(1)) ?? expect.fail('no segment');
    const inFirst = bytes.indexOf(trailer) - 1;
    bytes[inFirst] = (bytes[inFirst] ?? 0) ^ 1;
    keys.change([two, one]);
    expect(await reasonOf(wal.reseal())).to.equal('Corrupt');
    expect(await reasonOf(wal.append({ entries: [entry(3)] }))).to.equal('Corrupt');
  });
});

describe('the log and bytes at random', function () {
  this.timeout(120_000);

  it('gives the right data or refuses, whatever became of its files', async () => {
    const random = seededRandom(1);
    const below = (bound: number): number => Math.floor(random.next() * bound);
    const files = new MemoryWalFiles();
    const { wal } = await openWal(options(files));
    for (let index = 1; index <= 60; index++) {
      await wal.append({ entries: [entry(index, 200)] });
      if (index % 20 === 0) await wal.release(marker(index - 10));
    }
    await wal.close();
    for (let round = 0; round < 1500; round++) {
      const disk = new Map([...files.disk].map(([name, bytes]) => [name, Buffer.from(bytes)]));
      const bytes = [...disk.values()][below(disk.size)] ?? Buffer.alloc(0);
      const from = below(bytes.length);
      const length = 1 + below(below(2) === 0 ? 8 : 700);
      for (let at = from; at < Math.min(bytes.length, from + length); at++) bytes[at] = below(256);
      const found = await heldOr(options(new MemoryWalFiles(disk)));
      if (typeof found === 'string') {
        expect(found, `round ${round}`).to.equal('Corrupt');
        continue;
      }
      expect(found.snapshot.index + found.entries.length, `round ${round}`).to.equal(60);
      for (const { index, data } of found.entries) expect(entry(index, 200).data.equals(data)).to.equal(true);
    }
  });

  for (const size of [40, 1_700])
    it(`does not take an acknowledged record of ${size} bytes for torn when its first byte became zero`, async () => {
      const files = new MemoryWalFiles();
      const { wal } = await openWal({ ...options(files), limits: {} });
      let before = 0;
      for (let index = 1; index <= 3; index++) {
        before = Buffer.concat([...files.disk.values()]).length;
        await wal.append({ entries: [entry(index, size)] });
      }
      await wal.close();
      for (const bytes of files.disk.values()) bytes[before] = 0;
      expect(await heldOr(options(files))).to.equal('Corrupt');
    });
});

describe('the log and a record whose trailer ends in zeros', () => {
  const name = segmentName(1);
  const lost = Array.from(trailer, (_, at) => at + 1);
  /** The trailer of the third record then lies across the end of a sector. */
  const crossingBytes = 574;

  for (const { what, data } of [
    { what: 'in one sector', data: Buffer.alloc(40, 'x') },
    { what: 'after whole sectors', data: Buffer.alloc(1_700, 'x') },
    { what: 'across two sectors', data: Buffer.alloc(crossingBytes, 'x') },
    { what: 'across two sectors, behind zeros', data: Buffer.alloc(crossingBytes) },
  ]) {
    it(`keeps the last one, ${what}, and writes its trailer again`, async () => {
      for (const count of lost) {
        const { files, last, whole } = await withLast(data);
        cutTrailer(last, count);
        const loaded = await heldOr(options(files));
        expect(typeof loaded === 'string' ? loaded : indexes(loaded), `${count} bytes`).to.deep.equal([1, 2, 3]);
        expect(loaded).to.include({ tornBytes: 0 });
        expect([...files.disk.values()].at(-1)?.equals(whole), `${count} bytes`).to.equal(true);
        await fill(options(files), 4, 5);
        expect(indexes(await held(options(files)))).to.deep.equal([1, 2, 3, 4, 5]);
      }
    });

    it(`refuses it, ${what}, when something is behind it`, async () => {
      const { files, last } = await withLast(data);
      cutTrailer(last, 1);
      files.disk.set(name, Buffer.concat([last, Buffer.from('x')]));
      expect(await heldOr(options(files))).to.equal('Corrupt');
    });
  }

  it('keeps the last one when the file ends anywhere behind its body, and goes on', async () => {
    const { last } = await withLast(Buffer.alloc(40, 'x'));
    const bodyEnd = last.lastIndexOf(trailer);
    for (let length = bodyEnd - 1; length <= last.length; length++) {
      const files = new MemoryWalFiles(new Map([[name, last.subarray(0, length)]]));
      const expected = length < bodyEnd ? [1, 2] : [1, 2, 3];
      expect(indexes(await held(options(files))), `${length} bytes`).to.deep.equal(expected);
      await fill(options(files), expected.length + 1, 5);
      expect(indexes(await held(options(files))), `${length} bytes`).to.deep.equal([1, 2, 3, 4, 5]);
    }
  });

  it('refuses it in a segment before the last', async () => {
    const files = new MemoryWalFiles();
    await fill(options(files), 1, 60);
    expect(files.disk.size).to.be.greaterThan(1);
    cutTrailer(files.disk.get(name) ?? expect.fail('no first segment'), 1);
    expect(await heldOr(options(files))).to.equal('Corrupt');
  });

  it('is tried across two sectors', async () => {
    const { last } = await withLast(Buffer.alloc(crossingBytes));
    expect(last.lastIndexOf(trailer) % sectorBytes).to.equal(sectorBytes - trailer.length / 2);
  });

  /** Three records, the last with this data; the bytes of their segment, which a test may change, and a copy. */
  async function withLast(data: Buffer) {
    const files = new MemoryWalFiles();
    await fill(options(files), 1, 2);
    const { wal } = await openWal(options(files));
    await wal.append({ entries: [{ ...entry(3), data }] });
    await wal.close();
    const last = files.disk.get(name) ?? expect.fail('no segment');
    return { files, last, whole: Buffer.from(last) };
  }

  function cutTrailer(bytes: Buffer, count: number): void {
    const end = bytes.lastIndexOf(trailer) + trailer.length;
    bytes.fill(0, end - count, end);
  }
});

const one: StoreKey = { id: 'one', key: Buffer.alloc(32, 7) };
const two: StoreKey = { id: 'two', key: Buffer.alloc(32, 8) };

function options(files: MemoryWalFiles): WalOptions {
  const metadata = { clusterId: 1, memberId: 1 };
  return { files, keys: undefined, metadata, log: silentLog, limits: { segmentBytes: 4096 } };
}

async function fill(opening: WalOptions, from: number, to: number): Promise<void> {
  const { wal } = await openWal(opening);
  for (let index = from; index <= to; index++) await wal.append({ entries: [entry(index)] });
  await wal.close();
}

async function held(opening: WalOptions): Promise<LoadedLog> {
  const { wal, loaded } = await openWal(opening);
  await wal.close();
  return loaded;
}

async function heldOr(opening: WalOptions): Promise<LoadedLog | string> {
  try {
    return await held(opening);
  } catch (error) {
    if (error instanceof BarnError) return error.reason;
    throw error;
  }
}

async function reasonOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (error) {
    if (error instanceof BarnError) return error.reason;
    throw error;
  }
}

function entry(index: number, length = 40) {
  return { term: 1, index, type: 'EntryNormal', data: Buffer.alloc(length, `canary ${index} `) } as const;
}

function marker(index: number): Snapshot {
  const confState = { voters: [1], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  return { index, term: 1, confState };
}

const raw = ({ disk }: MemoryWalFiles): string => Buffer.concat([...disk.values()]).toString('latin1');
const indexes = ({ entries }: LoadedLog): readonly number[] => entries.map(({ index }) => index);
