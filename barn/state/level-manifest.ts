// Which tables a LevelDB consists of, from its own account of itself: a log of edits in the file that CURRENT names.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { maskedCrc32c } from './crc32c.ts';
import { LevelReader } from './level-reader.ts';

/** A file of sorted entries that belongs to the store. */
export interface LevelTable {
  readonly number: number;
  readonly bytes: number;
}

const blockBytes = 32_768;
const headBytes = 7;
/** Kinds of pieces: a whole record, or its first, middle and last part. */
const piece = { whole: 1, first: 2, middle: 3, last: 4 } as const;
/** What an edit says. */
const tag = { comparator: 1, log: 2, nextFile: 3, sequence: 4, pointer: 5, gone: 6, made: 7, earlierLog: 9 } as const;

/** The tables that are in use. Undefined when the account cannot be read: LevelDB reads it too, and says so better. */
export async function readTables(directory: string): Promise<readonly LevelTable[] | undefined> {
  try {
    const name = (await readFile(join(directory, 'CURRENT'), 'latin1')).trimEnd();
    if (!/^MANIFEST-\d+$/.test(name)) return undefined;
    const tables = new Map<number, LevelTable>();
    for (const edit of recordsOf(await readFile(join(directory, name)))) applyEdit(edit, tables);
    return [...tables.values()];
  } catch {
    return undefined;
  }
}

/** The records of a log of LevelDB. Throws at the first that is damaged; one that is cut off at the end was never written. */
function* recordsOf(log: Buffer): Generator<Buffer> {
  let parts: Buffer[] = [];
  for (let at = 0; at + headBytes <= log.length; ) {
    const left = blockBytes - (at % blockBytes);
    if (left < headBytes) {
      at += left;
      continue;
    }
    const length = log.readUInt16LE(at + 4);
    const end = at + headBytes + length;
    if (end > log.length) return;
    // The kind is guarded too.
    if (maskedCrc32c(log.subarray(at + 6, end)) !== log.readUInt32LE(at)) throw new Error('a checksum does not match');
    const kind = log[at + 6];
    if (kind === piece.whole || kind === piece.first) parts = [];
    parts.push(log.subarray(at + headBytes, end));
    if (kind === piece.whole || kind === piece.last) yield Buffer.concat(parts);
    at = end;
  }
}

function applyEdit(edit: Buffer, tables: Map<number, LevelTable>): void {
  const from = new LevelReader(edit);
  while (from.left > 0) {
    switch (from.varint()) {
      case tag.comparator:
        from.counted();
        break;
      case tag.log:
      case tag.nextFile:
      case tag.sequence:
      case tag.earlierLog:
        from.varint();
        break;
      case tag.pointer:
        from.varint();
        from.counted();
        break;
      case tag.gone:
        from.varint();
        tables.delete(from.varint());
        break;
      case tag.made: {
        from.varint();
        const table = { number: from.varint(), bytes: from.varint() };
        from.counted();
        from.counted();
        tables.set(table.number, table);
        break;
      }
      default:
        throw new Error('an edit of an unknown kind');
    }
  }
}
