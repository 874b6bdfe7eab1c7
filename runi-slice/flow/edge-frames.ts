// Between slices records travel as NDJSON in frames of 20 bytes of header (little-endian) and a payload:
// u8 kind, u8[3] zero, u32 epoch, u32 sequence, u32 count (records), u32 length (of the payload).

/** The form of an edge's frames: the length of a header, and the kinds by their number. */
export const edgeHeaderBytes = 20;
export const edgeKind = { data: 1, watermark: 2, idle: 3, barrier: 4, end: 5, error: 6 } as const;
export type EdgeKind = (typeof edgeKind)[keyof typeof edgeKind];

/** The header of one frame. Sequence counts the frames of an edge from 0; epoch is 0 until there are checkpoints. */
export interface EdgeHeader {
  readonly kind: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly count: number;
  readonly length: number;
}

/** The header as it goes before its payload; little-endian. */
export function encodeEdgeHeader(header: EdgeHeader): Buffer {
  const bytes = Buffer.alloc(edgeHeaderBytes);
  bytes.writeUInt8(header.kind, 0);
  bytes.writeUInt32LE(header.epoch, 4);
  bytes.writeUInt32LE(header.sequence, 8);
  bytes.writeUInt32LE(header.count, 12);
  bytes.writeUInt32LE(header.length, 16);
  return bytes;
}

/** Reads the header at `at`; the caller has made sure that edgeHeaderBytes are there. */
export function decodeEdgeHeader(bytes: Buffer, at: number): EdgeHeader {
  return {
    kind: bytes.readUInt8(at),
    epoch: bytes.readUInt32LE(at + 4),
    sequence: bytes.readUInt32LE(at + 8),
    count: bytes.readUInt32LE(at + 12),
    length: bytes.readUInt32LE(at + 16),
  };
}
