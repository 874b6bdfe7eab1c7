import { constants } from 'node:fs';
import { type FileHandle, mkdtemp, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

  /** From now on the kernel takes so many bytes of a write, and calls of it are counted. */
  async function takeAtMost(bytes: (call: number) => number): Promise<{ calls: number }> {
    const handle = await open(join(parent, 'any'), constants.O_CREAT | constants.O_RDWR);
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const { writev } = prototype;
    const seen = { calls: 0 };
    prototype.writev = function (this: FileHandle, ...[buffers, position]: Parameters<typeof writev>) {
      const some = Buffer.concat(buffers as readonly Uint8Array[]).subarray(0, bytes(seen.calls++));
      return Reflect.apply(writev, this, [[some], position]);
    } as typeof writev;
    restore = () => {
      prototype.writev = writev;
    };
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
