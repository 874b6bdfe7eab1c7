import { LevelReader } from './level-reader.ts';

const longLiteral = 60;

/** What Snappy compressed: bytes as they are, and copies of what came before. Throws when it was not Snappy. */
export function fromSnappy(compressed: Buffer): Buffer {
  const from = new LevelReader(compressed);
  const to = Buffer.alloc(from.varint());
  let at = 0;
  while (from.left > 0) {
    const tag = from.take(1).readUInt8();
    const high = tag >>> 2;
    if ((tag & 3) === 0) {
      const length =
        high < longLiteral ? high + 1 : from.take(high - longLiteral + 1).readUIntLE(0, high - longLiteral + 1) + 1;
      from.take(length).copy(to, at);
      at += length;
      continue;
    }
    const [length, back] = copyOf(tag, from);
    if (back === 0 || back > at || at + length > to.length) throw new RangeError('a copy of what is not there');
    // Byte by byte: it may copy what it has just written.
    for (const end = at + length; at < end; at++) to[at] = to[at - back] ?? 0;
  }
  if (at !== to.length) throw new RangeError('it ends too early');
  return to;
}

function copyOf(tag: number, from: LevelReader): readonly [length: number, back: number] {
  switch (tag & 3) {
    case 1:
      return [((tag >>> 2) & 7) + 4, ((tag >>> 5) << 8) | from.take(1).readUInt8()];
    case 2:
      return [(tag >>> 2) + 1, from.take(2).readUInt16LE()];
    default:
      return [(tag >>> 2) + 1, from.take(4).readUInt32LE()];
  }
}
