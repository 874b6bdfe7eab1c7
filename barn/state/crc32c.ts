// CRC-32C (Castagnoli), with which LevelDB guards its files; zlib has only the other one. Four bytes a step.

const polynomial = 0x82f63b78;
const table = makeTable();

/** The checksum of some bytes as LevelDB stores it: turned and shifted, so that a checksum of checksums stays a good one. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function crc32c(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = bytes.byteLength - (bytes.byteLength % 4);
  let crc = -1;
  let at = 0;
  for (; at < words; at += 4) {
    const word = crc ^ view.getInt32(at, true);
    crc = entry(768, word) ^ entry(512, word >>> 8) ^ entry(256, word >>> 16) ^ entry(0, word >>> 24);
  }
  for (; at < bytes.byteLength; at++) crc = entry(0, crc ^ view.getUint8(at)) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Of the table that begins at `from`, by the low byte. */
function entry(from: number, low: number): number {
  return table[from + (low & 0xff)] ?? 0;
}

/** Four tables of 256, one after the other: the checksum of a byte, then of one with one, two and three zeros behind it. */
function makeTable(): Int32Array {
  const made = new Int32Array(1024);
  for (let at = 0; at < 256; at++) {
    let crc = at;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    made[at] = crc;
  }
  for (let at = 256; at < 1024; at++) {
    const before = made[at - 256] ?? 0;
    made[at] = (made[before & 0xff] ?? 0) ^ (before >>> 8);
  }
  return made;
}
