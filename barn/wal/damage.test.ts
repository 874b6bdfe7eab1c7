import { expect } from 'chai';
import { silentLog } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { KeyRing } from '../keys.ts';
import { type FileWrite, MemoryWalFiles, type WriteFate } from './memory-files.ts';
import { openWal } from './open.ts';
import type { LoadedLog } from './wal.ts';

const keys = new KeyRing([
  {
    id: 'one',
    key: Buffer.alloc(32, 7),
  },
]);

for (const [how, ring] of [
  ['open', undefined],
  ['sealed', keys],
] as const)
  describe(`a damaged log, ${how}`, function () {
    this.timeout(120_000);

    it('never loses an acknowledged entry to a flipped bit: all is there, or Corrupt', async () => {
      const disk = await written(4, ring);
      for (const [name, bytes] of disk)
        for (let bit = 0; bit < bytes.length * 8; bit += 7) {
          const flipped = Buffer.from(bytes);
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          const found = await reopened(new Map([...disk, [name, flipped]]), ring);
          if (typeof found === 'string') expect(found, `bit ${bit} of ${name}`).to.equal('Corrupt');
          else expect(indexes(found), `bit ${bit} of ${name}`).to.deep.equal([1, 2, 3, 4]);
        }
    });

    it('holds what was before a cut of its last segment, at every byte', async () => {
      const disk = await written(4, ring);
      const [name, bytes] = [...disk].at(-1) ?? ['', Buffer.alloc(0)];
      for (let length = 0; length <= bytes.length; length++) {
        const found = await reopened(new Map([...disk, [name, bytes.subarray(0, length)]]), ring);
        if (typeof found === 'string') expect(found).to.equal('Corrupt');
        else expect(indexes(found)).to.deep.equal([1, 2, 3, 4].slice(0, found.entries.length));
      }
    });

    it('cuts off a torn last write, whatever sectors or bytes of it arrived', async () => {
      for (let sectors = 0; sectors < 31; sectors++)
        for (const prefix of [undefined, sectors * 40]) {
          const disk = await written(3, ring);
          const tear = ({ position, bytes }: FileWrite): WriteFate => ({
            kind: 'crash',
            keeps: prefix === undefined ? chosen(sectors, position, bytes.byteLength) : [[0, prefix]],
          });
          const { wal } = await opened(new MemoryWalFiles(disk, tear), ring);
          await wal.append({ entries: [entry(4, 1_700)] }).catch(() => undefined);
          const found = await reopened(disk, ring);
          // The whole record may have arrived; half of it is none.
          const held = typeof found === 'string' ? found : indexes(found).join(' ');
          expect(held, `${sectors} ${prefix}`).to.be.oneOf(['1 2 3', '1 2 3 4']);
        }
    });
  });

/** The sectors of a write whose bits are set; the sixth and later never arrive. */
function chosen(bits: number, position: number, length: number): readonly (readonly [number, number])[] {
  const pieces: [number, number][] = [];
  for (let at = 0, sector = 0; at < length; sector++) {
    const next = Math.min(length, (Math.floor((position + at) / 512) + 1) * 512 - position);
    if (sector < 5 && ((bits >> sector) & 1) === 1) pieces.push([at, next]);
    at = next;
  }
  return pieces;
}

function opened(files: MemoryWalFiles, ring: KeyRing | undefined): ReturnType<typeof openWal> {
  const metadata = { clusterId: 0xabc, memberId: 1 };
  return openWal({ files, keys: ring, metadata, log: silentLog, limits: { segmentBytes: 1024 * 1024 } });
}

async function written(count: number, ring: KeyRing | undefined): Promise<Map<string, Buffer>> {
  const files = new MemoryWalFiles();
  const { wal } = await opened(files, ring);
  for (let index = 1; index <= count; index++) await wal.append({ entries: [entry(index, 20)] });
  await wal.close();
  return files.disk;
}

/** What is found, or why not. */
async function reopened(disk: Map<string, Buffer>, ring: KeyRing | undefined): Promise<LoadedLog | string> {
  try {
    const { wal, loaded } = await opened(new MemoryWalFiles(new Map(disk)), ring);
    await wal.close();
    return loaded;
  } catch (error) {
    if (error instanceof BarnError) return error.reason;
    throw error;
  }
}

const entry = (index: number, length: number) =>
  ({ term: 1, index, type: 'EntryNormal', data: Buffer.alloc(length, 64 + index) }) as const;
const indexes = ({ entries }: LoadedLog): readonly number[] => entries.map(({ index }) => index);
