// What entries count as: a limit on memory and on the network counts their overhead too, a limit on proposals only their data.
import type { Entry } from './protocol.ts';

/** Added to each entry's data: about what its numbers take on the wire. */
const overheadBytes = 16;

/** What one entry takes in a message or in memory, in bytes. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + overheadBytes;
}

/** What these take together. */
export function entriesBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}

/** The data alone: an empty entry is free, so a new leader's first entry is never refused. */
export function dataBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
}

/** The end of the longest run from `from` below `to` that fits `bytesMax`; at least one entry. Positions in the array. */
export function fittingEnd(entries: readonly Entry[], from: number, to: number, bytesMax: number): number {
  if (bytesMax === Number.POSITIVE_INFINITY || from >= to) return to;
  let bytes = 0;
  for (let at = from; at < to; at++) {
    const entry = entries[at];
    if (entry === undefined) return at;
    bytes += entryBytes(entry);
    if (bytes > bytesMax && at > from) return at;
  }
  return to;
}
