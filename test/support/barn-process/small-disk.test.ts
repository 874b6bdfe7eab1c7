import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isDiskFull } from '../../../base/index.ts';
import { SmallDisk } from './small-disk.ts';

const mounts = (): string => readFileSync('/proc/self/mountinfo', 'utf8');

describe('test/support: a small disk', function () {
  this.timeout(30_000);

  it('becomes full, has room again, and is nowhere to be seen from outside', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const folder = await mkdtemp(join(tmpdir(), 'runink-disk-'));
    const before = mounts();
    const disk = await SmallDisk.open(join(folder, 'disk'), 1024 * 1024);
    const error = (): Promise<unknown> =>
      writeFile(join(disk.path, 'file'), Buffer.alloc(100_000)).catch((e: unknown) => e);
    try {
      await disk.fill(50_000);
      expect(await disk.freeBytes()).to.be.within(45_000, 55_000);
      expect(isDiskFull(await error())).to.equal(true);
      await disk.free();
      expect(await error()).to.equal(undefined);
      disk.resize(200_000);
      expect(await disk.freeBytes()).to.be.lessThan(100_000);
      expect(mounts()).to.equal(before);
    } finally {
      await disk.close();
    }
    expect(mounts()).to.equal(before);
    await rm(folder, { recursive: true });
  });
});
