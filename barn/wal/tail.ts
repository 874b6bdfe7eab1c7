// What is at the end of the log: nothing, what a torn last write left, or damage.
//
// One write is under way at a time, and what it is written over is zero. So a crash can leave at most one record unfinished,
// the last one, and in it each sector is zero or as written, or everything from some byte on is zero. What is not explained
// by that was written whole and changed later: it may have been acknowledged and is never cut off. In particular it is damage
// when a later record is there; when something stands past the record; and when the record fails its checksum though none of
// its sectors is zero and its trailer is whole. A last record of which nothing but the trailer is missing may have been
// acknowledged too: it is kept, which is right of one that was not as well, and its trailer written again (load.ts). What
// remains in doubt, and is taken for torn: the last record when whole sectors of it were lost to zeros later, or when it holds
// a sector of zeros itself and another of its bits changed.
import { BarnError } from '../barn.ts';
import { alignmentBytes, decodeRecordHead, recordBytes, recordHeadBytes, sectorBytes, trailer } from './format.ts';
import type { FileWindow } from './window.ts';

/** Where the last segment stops making sense. */
export interface Stop {
  readonly position: number;
  readonly salt: Uint8Array;
  /** The length of the body when the head there is the expected record's, whatever the rest; else undefined. */
  readonly bodyBytes: number | undefined;
  readonly why: string;
}

/** Up to where the last segment holds anything; `position` itself when it ended well. Errors: Corrupt, unless a torn write explains it. */
export async function endOfTail(window: FileWindow, stop: Stop): Promise<number> {
  const { position, bodyBytes } = stop;
  const end = await lastWritten(window, stop);
  if (end === position) return end;
  const explained =
    bodyBytes === undefined
      ? // The first byte of a head is zero when its sector did not arrive, or when a crash ended the repair, which begins there.
        end <= position + recordHeadBytes || (await isZero(window, position, position + 1))
      : end <= position + recordBytes(bodyBytes) && (await isTorn(window, position, bodyBytes));
  if (!explained) throw damaged(window.name, position, `${stop.why}, and no torn write explains it`);
  return end;
}

/** The error for what must not be repaired. */
export function damaged(name: string, position: number, why: string, cause?: unknown): BarnError {
  return new BarnError(
    'Corrupt',
    `the log segment ${name} is damaged at byte ${position}: ${why}; nothing was changed: replace this member (remove it, empty its directory, add it anew), or restore a snapshot when it is the only one`,
    { cause },
  );
}

/** The end of the last byte that is not zero. Errors: Corrupt when a record of this segment is there behind the stop. */
async function lastWritten(window: FileWindow, { position, salt, why }: Stop): Promise<number> {
  let end = position;
  for await (const [from, piece] of window.pieces(position)) {
    if (zeros.compare(piece, 0, piece.length, 0, piece.length) === 0) continue;
    for (let at = 0; at + recordHeadBytes <= piece.length; at += alignmentBytes) {
      if (piece[at] === 0 || (from === position && at === 0)) continue;
      const head = decodeRecordHead(piece.subarray(at, at + recordHeadBytes), salt);
      if (head === undefined) continue;
      throw damaged(window.name, position, `${why}, and record ${head.record} is behind it at byte ${from + at}`);
    }
    let last = piece.length - 1;
    while (piece[last] === 0) last--;
    end = from + last + 1;
  }
  return end;
}

/** Whether a sector of the record is missing, or its end. */
async function isTorn(window: FileWindow, position: number, bodyBytes: number): Promise<boolean> {
  const end = position + recordBytes(bodyBytes);
  const trailerAt = position + recordHeadBytes + bodyBytes;
  if (end > window.size || isCut(await window.read(trailerAt, trailer.length))) return true;
  for (let from = position; from < end; from = sectorEnd(from))
    if (await isZero(window, from, Math.min(end, sectorEnd(from)))) return true;
  return false;
}

/** Whether it is the trailer up to some byte and zero from there on. */
function isCut(bytes: Buffer): boolean {
  let whole = 0;
  while (whole < bytes.length && bytes[whole] === trailer[whole]) whole++;
  return whole < bytes.length && bytes.subarray(whole).every((byte) => byte === 0);
}

async function isZero(window: FileWindow, from: number, to: number): Promise<boolean> {
  return (await window.read(from, to - from)).every((byte) => byte === 0);
}

const zeros = Buffer.alloc(1024 * 1024);
const sectorEnd = (position: number): number => (Math.floor(position / sectorBytes) + 1) * sectorBytes;
