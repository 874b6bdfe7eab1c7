import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { expectReason } from '../conformance/support.ts';
import { maskedCrc32c } from './crc32c.ts';
import { openLevelDisk } from './level-disk.ts';
import { readTables } from './level-manifest.ts';
import { checkTables } from './level-tables.ts';
import { fromSnappy } from './snappy.ts';

describe("LevelDB's tables, looked at before LevelDB does", function () {
  this.timeout(60_000);
  let parent: string;
  let store: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'barn-'));
    store = join(parent, 'store');
  });

  afterEach(() => rm(parent, { recursive: true }));

  /** Writes so much that some blocks are compressed and some are not, and lets LevelDB make a table of it. */
  async function fill(): Promise<string> {
    for (const round of [1, 2]) {
      const disk = await openLevelDisk(store);
      for (let at = 0; at < 24; at++) {
        const value = at % 2 === 0 ? Buffer.alloc(200, 'x') : Buffer.from(mixed(200, at));
        await disk.write([{ type: 'put', key: `d/${round}/${at}`, value }], { sync: false });
      }
      await disk.close();
    }
    await (await openLevelDisk(store)).close();
    const tables = (await readdir(store)).filter((name) => name.endsWith('.ldb'));
    expect(
      ((await readTables(store)) ?? []).map(({ number }) => `${String(number).padStart(6, '0')}.ldb`).sort(),
    ).to.deep.equal(tables.sort());
    expect(tables).to.have.length(2);
    return join(store, tables[0] ?? '');
  }

  it('are whole as LevelDB wrote them', async () => {
    await fill();
    await checkTables(store);
  });

  it('are refused with a byte changed, but for those that say nothing', async () => {
    const table = await fill();
    const whole = await readFile(table);
    let unnoticed = 0;
    for (let at = 0; at < whole.length; at += at > whole.length - 100 ? 1 : 7) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
      await writeFile(table, damaged);
      const refused = await checkTables(store).then(
        () => false,
        () => true,
      );
      if (refused) continue;
      expect(at, 'in the footer, behind what it says').to.be.within(whole.length - 46, whole.length - 9);
      unnoticed++;
    }
    expect(unnoticed).to.be.lessThan(37);
  });

  it('are refused when cut anywhere, in the words of the store', async () => {
    const table = await fill();
    const whole = await readFile(table);
    for (let length = 0; length < whole.length; length += 97) {
      await writeFile(table, whole.subarray(0, length));
      await expectReason(openLevelDisk(store), 'Corrupt');
    }
    await writeFile(table, whole.subarray(0, 7));
    const refusal: unknown = await openLevelDisk(store).catch((error: unknown) => error);
    expect(String(refusal)).to.include('is damaged at byte 7; remove this member');
  });

  it('count only when they are in use', async () => {
    await fill();
    await writeFile(join(store, '000999.ldb'), 'half of a table that a killed process was writing');
    await (await openLevelDisk(store)).close();
  });

  it('are not begun anew when CURRENT names nothing', async () => {
    await fill();
    for (const text of ['', 'MANIFEST-999999\n', '../elsewhere\n', 'MANIFEST-']) {
      await writeFile(join(store, 'CURRENT'), text);
      await expectReason(openLevelDisk(store), 'Corrupt');
    }
  });

  it('are not begun anew when CURRENT is gone', async () => {
    await fill();
    await rm(join(store, 'CURRENT'));
    const before = (await readdir(store)).sort();
    await expectReason(openLevelDisk(store), 'Corrupt');
    expect((await readdir(store)).sort()).to.deep.equal(before);
  });

  it('are found after edits that took tables away', async () => {
    const disk = await openLevelDisk(store);
    for (let round = 0; round < 7; round++)
      await disk.write([{ type: 'put', key: `d/${round % 2}`, value: Buffer.from(mixed(3_000_000, round)) }], {
        sync: false,
      });
    await disk.close();
    await (await openLevelDisk(store)).close();
    await checkTables(store);
    const names = (await readdir(store)).filter((name) => name.endsWith('.ldb'));
    expect((await readTables(store))?.length).to.equal(names.length);
  });

  for (const [text, checksum] of [
    // 0xe3069283 and 0, masked.
    ['123456789', 0xc78a_b0e5],
    ['', 0xa282_ead8],
  ] as const)
    it(`have the checksum that the standard gives for "${text}"`, () => {
      expect(maskedCrc32c(Buffer.from(text)).toString(16)).to.equal(checksum.toString(16));
    });

  for (const [title, bytes, expected] of [
    ['a literal', [3, 0x08, 97, 98, 99], 'abc'],
    ['a long literal', [62, 0xf0, 61, ...Buffer.alloc(62, 'x')], 'x'.repeat(62)],
    ['a short copy that overlaps itself', [8, 0x04, 97, 98, 0x09, 2], 'abababab'],
    ['a copy by two bytes', [6, 0x08, 97, 98, 99, 0x0a, 3, 0], 'abcabc'],
    ['a copy by four bytes', [6, 0x08, 97, 98, 99, 0x0b, 3, 0, 0, 0], 'abcabc'],
  ] as const)
    it(`are decompressed: ${title}`, () => {
      expect(fromSnappy(Buffer.from(bytes)).toString()).to.equal(expected);
    });

  for (const [title, bytes] of [
    ['a copy of what is not there', [4, 0x00, 97, 0x01, 9]],
    ['too little', [4, 0x00, 97]],
    ['a cut', [4, 0x0c, 97]],
  ] as const)
    it(`are not decompressed: ${title}`, () => {
      expect(() => fromSnappy(Buffer.from(bytes))).to.throw(RangeError);
    });
});

/** Bytes that cannot be compressed. */
function mixed(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0, state = seed + 1; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
