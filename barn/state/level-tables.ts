// Looks at LevelDB's tables before LevelDB does. It does not check the blocks that it reads, as far as it can be told from
// outside, and where a damaged one makes a key shorter than a key can be it ends the process instead of saying so.
//
// A table: blocks, one after the other | footer of 48 bytes, which names the index, whose entries name the blocks.
// A block: content | compressed or not u8 | checksum of both u32.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BarnError } from '../barn.ts';
import { maskedCrc32c } from './crc32c.ts';
import { type LevelTable, readTables } from './level-manifest.ts';
import { LevelReader } from './level-reader.ts';
import { fromSnappy } from './snappy.ts';

const footerBytes = 48;
const magic = Buffer.from('57fb808b247547db', 'hex');
const isSnappy = 1;

/** Where a block is. */
interface Place {
  readonly from: number;
  readonly length: number;
}

/** Reads every table of the LevelDB in `directory`. Errors: Corrupt, naming file and byte, when a block is not as it was written. */
export async function checkTables(directory: string): Promise<void> {
  for (const table of (await readTables(directory)) ?? []) await checkTable(directory, table);
}

async function checkTable(directory: string, { number, bytes: length }: LevelTable): Promise<void> {
  const name = `${String(number).padStart(6, '0')}.ldb`;
  const file = await readFile(join(directory, name)).catch(() => undefined);
  // LevelDB tells what is missing.
  if (file === undefined) return;
  const fault = faultOf(file, length);
  if (fault === undefined) return;
  throw new BarnError(
    'Corrupt',
    `open the store in ${directory}: the table ${name} is damaged at byte ${fault}; remove this member, empty its directory and add it anew, or restore a snapshot when it is the only one`,
  );
}

/** Where the first block is that is not as written, or undefined. */
function faultOf(file: Buffer, length: number): number | undefined {
  const footerAt = length - footerBytes;
  if (footerAt < 0 || file.length < length) return file.length;
  let at = footerAt;
  try {
    const footer = file.subarray(footerAt, length);
    if (!magic.equals(footer.subarray(-magic.length))) return footerAt;
    const from = new LevelReader(footer);
    const indexes = [placeFrom(from), placeFrom(from)];
    for (const index of indexes) {
      at = index.from;
      if (!isWhole(file, index)) return at;
      for (const block of placesIn(contentOf(file, index))) {
        at = block.from;
        if (!isWhole(file, block)) return at;
      }
    }
  } catch {
    return at;
  }
  return undefined;
}

function placeFrom(from: LevelReader): Place {
  return { from: from.varint(), length: from.varint() };
}

function isWhole(file: Buffer, { from, length }: Place): boolean {
  const end = from + length + 1;
  return maskedCrc32c(file.subarray(from, end)) === file.readUInt32LE(end);
}

function contentOf(file: Buffer, { from, length }: Place): Buffer {
  const content = file.subarray(from, from + length);
  return file[from + length] === isSnappy ? fromSnappy(content) : content;
}

/** The values of an index: each entry is how much of the key before it shares, the rest of its key, and its value. */
function placesIn(index: Buffer): readonly Place[] {
  const restarts = index.readUInt32LE(index.length - 4);
  const from = new LevelReader(index.subarray(0, index.length - 4 - 4 * restarts));
  const places: Place[] = [];
  while (from.left > 0) {
    from.varint();
    const [keyBytes, valueBytes] = [from.varint(), from.varint()];
    from.take(keyBytes);
    places.push(placeFrom(new LevelReader(from.take(valueBytes))));
  }
  return places;
}
