// A snapshot that leaves a member with keys: RUNINK-BARN-SEALED-SNAPSHOT-1, then frames, each a sealed piece of the open
// snapshot. A piece is bound to its place; that none is missing, and that all are of one snapshot, the hash inside says.
import { BarnError } from '../barn.ts';
import { type KeyRing, plain } from '../keys.ts';
import { createSealer, isSealed, type Sealer } from '../seal.ts';
import { FrameSplitter, frame, magicBytes, unreadable } from './frames.ts';

const magic = { family: 'RUNINK-BARN-SEALED-SNAPSHOT-', format: 1 } as const;
/** What is sealed begins with 8 bytes of our own (seal.ts): the number of the piece. */
const numberBytes = 8;

/** The snapshot as it may lie on a disk or in a bucket. Without keys it stays as it is. */
export async function* sealSnapshot(chunks: AsyncIterable<Uint8Array>, sealer: Sealer): AsyncGenerator<Uint8Array> {
  if (sealer.currentId === plain) {
    yield* chunks;
    return;
  }
  yield magicBytes(magic);
  let piece = 0;
  for await (const chunk of chunks) {
    if (sealer.currentId === plain)
      throw new BarnError('Storage', 'seal a snapshot: encryption was ended meanwhile; save it again');
    const number = Buffer.alloc(numberBytes);
    number.writeUInt32BE(piece, numberBytes - 4);
    yield Buffer.concat(frame(sealer.seal(Buffer.concat([number, chunk]), whereOf(piece))));
    piece++;
  }
}

/**
 * The snapshot in the open, however it was saved. Errors: Storage when it is encrypted and its key is not among `keys`,
 * Corrupt when a piece is damaged or not in its place.
 */
export async function* unsealSnapshot(
  chunks: AsyncIterable<Uint8Array>,
  keys: KeyRing | undefined,
): AsyncGenerator<Uint8Array> {
  const sealer = createSealer(keys);
  let splitter: FrameSplitter | undefined;
  let begun = Buffer.alloc(0);
  let isOpen = false;
  let piece = 0;
  for await (const chunk of chunks) {
    if (isOpen) {
      yield chunk;
      continue;
    }
    if (splitter === undefined) {
      begun = Buffer.concat([begun, chunk]);
      if (begun.length < magic.family.length) continue;
      isOpen = begun.toString('latin1', 0, magic.family.length) !== magic.family;
      if (isOpen) {
        yield begun;
        continue;
      }
      splitter = new FrameSplitter(magic);
      splitter.add(begun);
    } else splitter.add(chunk);
    for (let body = splitter.next(); body !== undefined; body = splitter.next()) {
      const where = whereOf(piece++);
      if (!isSealed(body)) throw unreadable(`${where} is not sealed as the others are`);
      yield sealer.unseal(body, where).subarray(numberBytes);
    }
  }
  if (splitter === undefined && !isOpen) yield begun;
  if (splitter !== undefined && splitter.left > 0) throw unreadable('it is cut off, or something follows its end');
}

function whereOf(piece: number): string {
  return `piece ${piece} of the snapshot`;
}
