import { expect } from 'chai';
import { silentLog } from '../../base/index.ts';
import { MemoryWalFiles } from './memory-files.ts';
import { openWal } from './open.ts';

describe('the chain of the log', () => {
  it('refuses a record of another history, whole as it is', async () => {
    const [one, other] = [await firstSegment('a'), await firstSegment('b')];
    // Both begin alike: the same head, then a record of equal length.
    const from = [...one].findIndex((byte, at) => byte !== other[at]);
    const recordAt = Math.floor(from / 64) * 64;
    const spliced = Buffer.concat([
      one.subarray(0, recordAt),
      other.subarray(recordAt, recordAt + 512),
      one.subarray(recordAt + 512),
    ]);
    const refusal = await opened(new MemoryWalFiles(new Map([[name, spliced]]))).catch((error: unknown) => error);
    expect(refusal).to.include({ name: 'BarnError', reason: 'Corrupt' });
  });
});

const name = '0000000000000001.wal';

/** A log of two records of 512 bytes: the first with this letter, the second always the same. */
async function firstSegment(letter: string): Promise<Buffer> {
  const files = new MemoryWalFiles();
  const { wal } = await opened(files);
  for (const [at, text] of [letter, 'z'].entries())
    await wal.append({ entries: [{ term: 1, index: at + 1, type: 'EntryNormal', data: Buffer.alloc(430, text) }] });
  await wal.close();
  return files.disk.get(name) ?? Buffer.alloc(0);
}

function opened(files: MemoryWalFiles): ReturnType<typeof openWal> {
  const metadata = { clusterId: 1, memberId: 1 };
  return openWal({ files, keys: undefined, metadata, log: silentLog, random: (length) => Buffer.alloc(length, 9) });
}
