import { isUtf8 } from 'node:buffer';
import type { Batch, Origin, Source } from '../flow/batch.ts';
import type { ByteReader } from '../flow/byte-reader.ts';
import { LineSource, type SourceContext } from './lines.ts';
import { MadeBatch, type MadeRecord } from './made-batch.ts';
import { type RecordCheck, undecodable } from './record-check.ts';

/** Each line of a text as a record `{"text": LINE}`; blank ones too. */
export class TextSource implements Source {
  readonly #lines: LineSource;
  readonly #made: MadeBatch;
  readonly #context: SourceContext;
  readonly #check: RecordCheck;

  constructor(reader: ByteReader, origin: Origin, context: SourceContext, check: RecordCheck) {
    this.#lines = new LineSource(reader, origin, context, undefined);
    this.#made = new MadeBatch(origin);
    this.#context = context;
    this.#check = check;
  }

  async next(): Promise<Batch | undefined> {
    for (;;) {
      const lines = await this.#lines.next();
      if (lines === undefined) return undefined;
      const made: MadeRecord[] = [];
      for (let index = 0; index < lines.count; index++) {
        if (isUtf8(lines.buffer.subarray(lines.start(index), lines.end(index))))
          made.push({ offset: lines.offset(index), value: { text: lines.text(index) } });
        else this.#context.letters.addFrom(lines, index, undecodable('not valid UTF-8'));
      }
      const batch = this.#made.take(made);
      this.#check.check(batch);
      if (batch.count > 0) return batch;
    }
  }

  close(): Promise<void> {
    return this.#lines.close();
  }
}
