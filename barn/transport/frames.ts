// What goes over a connection between members: frames of a length (four bytes, most significant first, of what follows it),
// a kind and a body. The dialler begins with `hello`; the other answers `welcome` or `refused`. Then messages go from the
// dialler to the other; or one snapshot does, and is answered by `taken` or `refused`; or one question, answered by `answer`
// or `refused`. Both sides ping.
import { malformed } from './byte-reader.ts';

/** The kinds of frames. */
export const frameKinds = {
  hello: 1,
  welcome: 2,
  refused: 3,
  ping: 4,
  message: 5,
  snapshot: 6,
  chunk: 7,
  end: 8,
  abort: 9,
  taken: 10,
  question: 11,
  answer: 12,
} as const;

/** One frame; the body is a view of what was read. */
export interface Frame {
  readonly kind: number;
  readonly body: Uint8Array;
}

const lengthBytes = 4;

/** Cuts what comes in into frames. Holds at most one frame that is not complete, and only what has come of it. */
export class FrameReader {
  /** A longer frame is refused when its length has come. */
  frameBytesMax: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** With so many bytes something can be read. */
  #wantedBytes = lengthBytes;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** The frames that are complete now, in order. Errors: Malformed. */
  *read(chunk: Buffer): Generator<Frame, void, void> {
    this.#hold(chunk);
    if (this.#heldBytes < this.#wantedBytes) return;
    const bytes = this.#held.length === 1 ? chunk : Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    this.#wantedBytes = lengthBytes;
    let at = 0;
    while (bytes.byteLength - at >= lengthBytes) {
      const length = bytes.readUInt32BE(at);
      if (length === 0 || length > this.frameBytesMax)
        throw malformed(`is a frame of ${length} bytes; allowed are 1 to ${this.frameBytesMax}`);
      const end = at + lengthBytes + length;
      if (bytes.byteLength < end) {
        this.#wantedBytes = lengthBytes + length;
        break;
      }
      const kind = bytes[at + lengthBytes] ?? 0;
      const start = bytes.byteOffset + at + lengthBytes + 1;
      yield { kind, body: new Uint8Array(bytes.buffer, start, length - 1) };
      at = end;
    }
    if (at < bytes.byteLength) this.#hold(bytes.subarray(at));
  }

  #hold(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.byteLength;
  }
}
