import { Batch, batchRecordsMax, type Origin, recordMark } from '../flow/batch.ts';

/** A record that a source made itself. */
export interface MadeRecord {
  readonly offset: number;
  readonly value: unknown;
}

/** Records whose source is no JSON (csv, text): takes up to batchRecordsMax of them from the front of `made`. */
export class MadeBatch {
  readonly batch: Batch;

  constructor(origin: Origin) {
    this.batch = new Batch(origin);
  }

  take(made: MadeRecord[]): Batch {
    const taken = made.splice(0, batchRecordsMax);
    const buffer = Buffer.from(taken.map(({ value }) => `${JSON.stringify(value)}\n`).join(''));
    this.batch.reset(buffer);
    let from = 0;
    for (const { offset, value } of taken) {
      const line = buffer.indexOf(0x0a, from);
      this.batch.addValue(from, line, offset, value);
      this.batch.mark(recordMark.json);
      from = line + 1;
    }
    return this.batch;
  }
}
