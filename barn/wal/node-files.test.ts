import { constants } from 'node:fs';
import { type FileHandle, mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { silentLog } from '../../base/index.ts';
import { expectReason } from '../conformance/support.ts';
import { nodeWalFiles } from './node-files.ts';
import { openWal } from './open.ts';

describe('the files of the log on a real disk', () => {
  let parent: string;
  let directory: string;
  let restore: () => void = () => {};

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'wal-'));
    directory = join(parent, 'log');
  });

  afterEach(async () => {
    restore();
    restore = () => {};
    await rm(parent, { recursive: true });
  });

  type Writev = FileHandle['writev'];

  /** From now on writes by the thread pool are done by `how`. */
  async function instead(how: (writev: Writev, ...given: Parameters<Writev>) => ReturnType<Writev>): Promise<void> {
    const handle = await open(join(parent, 'any'), constants.O_CREAT | constants.O_RDWR);
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const { writev } = prototype;
    prototype.writev = function (this: FileHandle, ...given: Parameters<Writev>) {
      return how((...real) => Reflect.apply(writev, this, real), ...given);
    } as Writev;
    restore = () => {
      prototype.writev = writev;
    };
  }

  /** The kernel takes so many bytes of a write, and calls of it are counted. */
  async function takeAtMost(bytes: (call: number) => number): Promise<{ calls: number }> {
    const seen = { calls: 0 };
    await instead((writev, buffers, position) => {
      const some = Buffer.concat(buffers as readonly Uint8Array[]).subarray(0, bytes(seen.calls++));
      return writev([some], position);
    });
    return seen;
  }

  /** Writes by the thread pool are counted, and take so long. */
  async function onThePool(): Promise<{ calls: number; delayMs: number }> {
    const seen = { calls: 0, delayMs: 0 };
    await instead(async (writev, buffers, position) => {
      seen.calls++;
      await pause(seen.delayMs);
      return writev(buffers, position);
    });
    return seen;
  }

  for (const bytes of [250, 999, 1_000, 1_001, 4_096])
    it(`go on with a write of which the kernel takes ${bytes} bytes at a time`, async () => {
      const files = nodeWalFiles(directory);
      await files.list();
      const file = await files.open('a', { create: true });
      const parts = [1_000, 0, 1, 4_999].map((length, at) => Buffer.alloc(length, 65 + at));
      const seen = await takeAtMost(() => bytes);
      await file.write(parts, 3);
      restore();
      await file.close();
      const whole = Buffer.concat(parts);
      expect((await readFile(join(directory, 'a'))).equals(Buffer.concat([Buffer.alloc(3), whole]))).to.equal(true);
      expect(seen.calls).to.equal(Math.ceil(whole.length / bytes));
    });

  it('end the log when the kernel takes nothing of the rest; what was acknowledged stays, half a record does not', async () => {
    const { wal } = await openWal(options());
    await wal.append({ entries: [entry(1)] });
    await takeAtMost((call) => (call === 0 ? 100 : 0));
    await expectReason(wal.append({ entries: [entry(2)] }), 'Storage');
    restore();
    await expectReason(wal.append({ entries: [entry(2)] }), 'Storage');
    await wal.close();
    const { wal: again, loaded } = await openWal(options());
    expect(loaded.entries.map(({ index }) => index)).to.deep.equal([1]);
    expect(loaded.tornBytes).to.be.within(1, 100);
    await again.append({ entries: [entry(2)] });
    await again.close();
  });

  it('take a brief write on the thread that asks, but not while the disk is slow', async () => {
    const files = nodeWalFiles(directory);
    await files.list();
    const file = await files.open('a', { create: true });
    const seen = await onThePool();
    await file.write([Buffer.from('one '), Buffer.from('two ')], 0, true);
    expect(seen.calls, 'at once').to.equal(0);
    seen.delayMs = 20;
    await file.write([Buffer.from('three ')], 8);
    expect(seen.calls, 'not brief').to.equal(1);
    await file.write([Buffer.from('four')], 14, true);
    expect(seen.calls, 'after a slow one').to.equal(2);
    restore();
    await file.close();
    expect(await readFile(join(directory, 'a'), 'utf8')).to.equal('one two three four');
    await file.write([Buffer.from('five')], 0, true).then(
      () => expect.fail('it was written'),
      (error: unknown) => expect(String(error)).to.contain(join(directory, 'a')),
    );
  });

  it('are for their owner alone, whatever the umask is', async () => {
    const before = process.umask(0);
    try {
      const { wal } = await openWal({ ...options(), limits: { segmentBytes: 4_096 } });
      for (let index = 1; index <= 30; index++) await wal.append({ entries: [entry(index)] });
      const modes = new Map<string, number>();
      for (const name of await readdir(directory)) modes.set(name, (await stat(join(directory, name))).mode & 0o777);
      await wal.close();
      expect(modes.size).to.be.greaterThan(2);
      expect([...modes].filter(([, mode]) => mode !== 0o600)).to.deep.equal([]);
      expect((await stat(directory)).mode & 0o777).to.equal(0o700);
    } finally {
      process.umask(before);
    }
  });

  function options(): Parameters<typeof openWal>[0] {
    const metadata = { clusterId: 1, memberId: 1 };
    return { files: nodeWalFiles(directory), keys: undefined, metadata, log: silentLog };
  }
});

const entry = (index: number) => ({ term: 1, index, type: 'EntryNormal', data: Buffer.alloc(400, 'x') }) as const;
