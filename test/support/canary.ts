// Looks for words that must not stand anywhere on a disk, in whatever coat: as they are, in base64, in UTF-16, in hexadecimal.
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** A word that occurs nowhere by chance; lower case letters and digits, so that it may be a name too. */
export function canaryOf(what: string): string {
  return `canary-${what}-${randomBytes(10).toString('hex')}`;
}

/** A word found, and how it was written there. */
export interface Sighting {
  readonly path: string;
  readonly word: string;
  readonly coat: string;
}

interface Needle {
  readonly word: string;
  readonly coat: string;
  readonly bytes: Buffer;
}

const pieceBytes = 1024 * 1024;
const zeros = Buffer.alloc(pieceBytes);

/** Every file below the folders that holds one of the words; files that vanish meanwhile hold none. */
export async function sightings(folders: readonly string[], words: readonly string[]): Promise<readonly Sighting[]> {
  const needles = words.flatMap(needlesOf);
  const found: Sighting[] = [];
  for (const folder of folders)
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) found.push(...(await searched(join(entry.parentPath, entry.name), needles)));
  return found;
}

async function searched(path: string, needles: readonly Needle[]): Promise<readonly Sighting[]> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch {
    return [];
  }
  try {
    const found = new Map<Needle, Sighting>();
    const longest = Math.max(...needles.map(({ bytes }) => bytes.length));
    const window = Buffer.alloc(longest + pieceBytes);
    // The end of a piece is looked at again before the next, for words that lie across.
    for (let at = 0, kept = 0; ; ) {
      const { bytesRead } = await file.read(window, kept, pieceBytes, at);
      if (bytesRead === 0) return [...found.values()];
      at += bytesRead;
      const end = kept + bytesRead;
      const piece = window.subarray(kept, end);
      if (kept > 0 || !piece.equals(zeros.subarray(0, bytesRead))) {
        const seen = window.subarray(0, end);
        for (const needle of needles)
          if (!found.has(needle) && seen.includes(needle.bytes))
            found.set(needle, { path, word: needle.word, coat: needle.coat });
      }
      kept = Math.min(longest, end);
      window.copyWithin(0, end - kept, end);
    }
  } finally {
    await file.close();
  }
}

function needlesOf(word: string): Needle[] {
  const bytes = Buffer.from(word);
  return [
    { word, coat: 'raw', bytes },
    { word, coat: 'utf16', bytes: Buffer.from(word, 'utf16le') },
    { word, coat: 'hex', bytes: Buffer.from(bytes.toString('hex')) },
    ...[0, 1, 2].map((before) => ({ word, coat: `base64 behind ${before}`, bytes: base64Behind(bytes, before) })),
  ];
}

/** What of the base64 of bytes that stand behind others, so many modulo 3, does not depend on those. */
function base64Behind(bytes: Buffer, before: number): Buffer {
  const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
  return Buffer.from(text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6)));
}
