import type { Chunk } from '../flow/chunk.ts';
import type { Encoder } from './file-output.ts';

/** One JSON array, a record a line. */
export class JsonArrayEncoder implements Encoder {
  #begun = false;

  encode(chunk: Chunk): Buffer {
    // Before each record two bytes ("[\n" or ",\n"), after it none: its own line break is what is saved.
    const bytes = Buffer.allocUnsafe(chunk.length + chunk.records);
    const { buffer, length } = chunk;
    let to = 0;
    for (let from = 0; from < length; ) {
      const line = buffer.indexOf(0x0a, from);
      bytes[to++] = this.#begun ? 0x2c : 0x5b;
      bytes[to++] = 0x0a;
      this.#begun = true;
      to += buffer.copy(bytes, to, from, line);
      from = line + 1;
    }
    return bytes.subarray(0, to);
  }

  end(): Buffer {
    return Buffer.from(this.#begun ? '\n]\n' : '[]\n');
  }
}
