import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ClassicLevel } from 'classic-level';
import { seededRandom } from '../../base/index.ts';
import { expectReason } from '../conformance/support.ts';
import { openLevelDisk } from './level-disk.ts';

describe('the LevelDB disk', () => {
  let parent: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'barn-'));
  });

  afterEach(() => rm(parent, { recursive: true }));

  it('syncs when asked to, and keeps what it got', async () => {
    const calls = spyOnLevel();
    try {
      const disk = await openLevelDisk(join(parent, 'store'));
      await disk.write([{ type: 'put', key: 'a', value: Buffer.from('1') }], { sync: true });
      await disk.write([{ type: 'del', key: 'b' }], { sync: false });
      await disk.close();
    } finally {
      calls.restore();
    }
    expect(calls.seen).to.deep.equal(['write synced', 'write']);
    const again = await openLevelDisk(join(parent, 'store'));
    expect(Buffer.from((await again.get('a')) ?? []).toString()).to.equal('1');
    expect(await again.get('b')).to.equal(undefined);
    expect(await again.sizeBytes()).to.be.greaterThan(0);
    await again.close();
  });

  it('gives entries of a prefix in key order, in pages', async () => {
    const disk = await openLevelDisk(join(parent, 'store'));
    const keys = Array.from({ length: 2_500 }, (_, index) => `d/${String((index * 7) % 2_500).padStart(4, '0')}`);
    await disk.write(
      ['c/x', 'e/x', ...keys].map((key) => ({ type: 'put', key, value: Buffer.from(key) })),
      { sync: false },
    );
    const lengths: number[] = [];
    const found: string[] = [];
    for await (const page of disk.pages('d/')) {
      lengths.push(page.length);
      for (const [key, value] of page) if (Buffer.from(value).toString() === key) found.push(key);
    }
    expect(lengths.every((length) => length <= 1_000)).to.equal(true);
    expect(found).to.deep.equal([...keys].sort());
    await disk.close();
  });

  it('reads many as of the call, one at once, and a view as of when it was made', async () => {
    const disk = await openLevelDisk(join(parent, 'store'));
    const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString();
    await disk.write(
      ['a', 'b', 'c'].map((key) => ({ type: 'put', key, value: Buffer.from(key) })),
      { sync: false },
    );
    const view = disk.view();
    const before = disk.getMany(['c', 'x', 'a']);
    await disk.write([{ type: 'del', key: 'a' }], { sync: true });
    await disk.write([{ type: 'put', key: 'b', value: Buffer.from('new') }], { sync: true });
    expect((await before).map(text)).to.deep.equal(['c', undefined, 'a']);
    expect([text(disk.getNow('a')), text(disk.getNow('b'))]).to.deep.equal([undefined, 'new']);
    await disk.reclaim();
    expect((await view.getMany(['a', 'b', 'x'])).map(text)).to.deep.equal(['a', 'b', undefined]);
    await view.close();
    expect((await disk.getMany(['a', 'b'])).map(text)).to.deep.equal([undefined, 'new']);
    const open = disk.view();
    await disk.close();
    await expectReason(disk.getMany(['a']), 'Storage');
    expect(() => disk.getNow('a')).to.throw('read the store in');
    await expectReason(open.getMany(['a']), 'Storage');
    await open.close();
  });

  it('gives back the room of what was deleted', async () => {
    const disk = await openLevelDisk(join(parent, 'store'));
    const random = seededRandom(1);
    const value = Uint8Array.from({ length: 100_000 }, () => Math.floor(random.next() * 256));
    const keys = Array.from({ length: 100 }, (_, index) => `d/${String(index).padStart(3, '0')}`);
    await disk.write(
      keys.map((key) => ({ type: 'put', key, value })),
      { sync: true },
    );
    await disk.write(
      keys.slice(1).map((key) => ({ type: 'del', key })),
      { sync: false },
    );
    expect(await disk.sizeBytes()).to.be.greaterThan(9_000_000);
    await disk.reclaim();
    expect(await disk.sizeBytes()).to.be.lessThan(1_000_000);
    expect(await disk.get('d/000')).to.deep.equal(value);
    await disk.close();
  });

  it('refuses everything after a write that failed', async () => {
    const disk = await openLevelDisk(join(parent, 'store'));
    const original = ClassicLevel.prototype.batch;
    Reflect.set(ClassicLevel.prototype, 'batch', () => {
      throw new Error('IO error: no space left on device');
    });
    const write = { type: 'put', key: 'a', value: new Uint8Array(1) } as const;
    try {
      await expectMessage(disk.write([write], { sync: false }), /no space left/);
    } finally {
      Reflect.set(ClassicLevel.prototype, 'batch', original);
    }
    await expectMessage(disk.write([write], { sync: true }), /no space left/);
    await expectMessage(disk.clear('a'), /no space left/);
    await disk.close();
  });

  it('clears a prefix and nothing else', async () => {
    const disk = await openLevelDisk(join(parent, 'store'));
    await disk.write(
      ['c/x', 'd/', 'd/x', 'd/y', 'e/x'].map((key) => ({ type: 'put', key, value: Buffer.from(key) })),
      { sync: false },
    );
    await disk.clear('d/');
    const left: string[] = [];
    for await (const page of disk.pages('')) left.push(...page.map(([key]) => key));
    expect(left).to.deep.equal(['c/x', 'e/x']);
    await disk.close();
  });

  it('syncs before it starts a new log, and only then', async () => {
    const calls = spyOnLevel();
    const disk = await openLevelDisk(join(parent, 'store'));
    try {
      for (const key of ['a', 'b', 'c', 'd']) {
        await disk.write([{ type: 'put', key, value: Buffer.alloc(3_000_000) }], { sync: false });
      }
    } finally {
      calls.restore();
    }
    expect(calls.seen).to.deep.equal(['write', 'write', 'write synced', 'new log', 'write']);
    await disk.close();
  });

  it('makes a directory that is closed to others', async () => {
    const disk = await openLevelDisk(join(parent, 'a', 'b'));
    expect((await stat(join(parent, 'a', 'b'))).mode & 0o777).to.equal(0o700);
    await disk.close();
  });

  it('refuses a directory that another has open, with Storage', async () => {
    const disk = await openLevelDisk(join(parent, 'store'));
    await expectReason(openLevelDisk(join(parent, 'store')), 'Storage');
    await disk.close();
  });

  it('refuses a path that is no directory, with Storage', async () => {
    await writeFile(join(parent, 'file'), 'x');
    await expectReason(openLevelDisk(join(parent, 'file')), 'Storage');
  });

  it('refuses a damaged LevelDB, with Corrupt', async () => {
    const disk = await openLevelDisk(join(parent, 'store'));
    await disk.write([{ type: 'put', key: 'a', value: Buffer.from('1') }], { sync: true });
    await disk.close();
    await writeFile(join(parent, 'store', 'CURRENT'), 'nonsense');
    await expectReason(openLevelDisk(join(parent, 'store')), 'Corrupt');
  });
});

/** Notes what LevelDB is asked to do. */
function spyOnLevel(): { readonly seen: readonly string[]; restore(): void } {
  const seen: string[] = [];
  const { batch, compactRange } = ClassicLevel.prototype;
  ClassicLevel.prototype.batch = function (this: unknown, ...given: unknown[]) {
    const made = Reflect.apply(batch, this, given) as ReturnType<ClassicLevel['batch']>;
    const { write } = made;
    made.write = (options?: { readonly sync?: boolean }) => {
      seen.push(options?.sync === true ? 'write synced' : 'write');
      return Reflect.apply(write, made, [options]) as Promise<void>;
    };
    return made as never;
  };
  ClassicLevel.prototype.compactRange = function (this: unknown, ...given: unknown[]) {
    seen.push('new log');
    return Reflect.apply(compactRange, this, given) as never;
  };
  return {
    seen,
    restore() {
      ClassicLevel.prototype.batch = batch;
      ClassicLevel.prototype.compactRange = compactRange;
    },
  };
}

async function expectMessage(promise: Promise<unknown>, message: RegExp): Promise<void> {
  const error: unknown = await promise.then(
    () => 'nothing was refused',
    (cause: unknown) => cause,
  );
  expect(String(error)).to.match(message);
}
