import type { Random } from '../../base/index.ts';
import type { MemberId } from '../raft/protocol.ts';

const contextBytes = 24;

/**
 * Names of reads in the group: unique among all members and all their lives, since a leader holds the reads of several. Member,
 * life and number, each a double.
 */
export class ReadContexts {
  readonly #id: MemberId;
  readonly #life: number;
  #asked = 0;
  #answered = 0;

  constructor(id: MemberId, random: Random) {
    this.#id = id;
    this.#life = random.next();
  }

  /** The number of the last read asked for, while it has no answer. */
  get open(): number | undefined {
    return this.#asked > this.#answered ? this.#asked : undefined;
  }

  context(read: number): Uint8Array {
    this.#asked = Math.max(this.#asked, read);
    const bytes = Buffer.alloc(contextBytes);
    bytes.writeDoubleBE(this.#id, 0);
    bytes.writeDoubleBE(this.#life, 8);
    bytes.writeDoubleBE(read, 16);
    return bytes;
  }

  /** The number in a context, or undefined for one of another life. */
  readOf(context: Uint8Array): number | undefined {
    const view = new DataView(context.buffer, context.byteOffset, context.byteLength);
    if (context.byteLength !== contextBytes) return undefined;
    if (view.getFloat64(0) !== this.#id || view.getFloat64(8) !== this.#life) return undefined;
    const read = view.getFloat64(16);
    this.#answered = Math.max(this.#answered, read);
    return read;
  }
}
