import { isUtf8 } from 'node:buffer';
import { Parser } from 'csv-parse';
import type { Batch, Origin, Source } from '../flow/batch.ts';
import type { ByteReader } from '../flow/byte-reader.ts';
import { windowBytes } from '../flow/window.ts';
import type { ContractSpec } from '../protocol/index.ts';
import { SliceError } from '../slice-error.ts';
import { type CellReader, cellReaders } from './csv-cells.ts';
import type { SourceContext } from './lines.ts';
import { MadeBatch, type MadeRecord } from './made-batch.ts';
import { type RecordCheck, undecodable } from './record-check.ts';

/** csv-parse without its stream (a record at a time through a Transform costs ten times the parsing); as in 7.0.3. */
interface CsvApi {
  /** Gives each row to `push`; returns what it cannot go on after. */
  parse(bytes: Buffer | undefined, end: boolean, push: (row: Row) => void, close: () => void): Error | undefined;
  readonly state: {
    readonly field: { readonly length: number };
    readonly record_length: number;
    readonly rawBuffer: { readonly length: number };
  };
}

interface Row {
  readonly raw: string;
  readonly record: readonly string[];
}

/**
 * CSV with a header row. Offsets are numbers of records, from 1. A contract's types decide what cells become (see
 * cellReaders); without one they are strings. A row that cannot be read, or has another number of cells than the header,
 * becomes a dead letter; a quoted cell that does not end fails the step.
 */
export class CsvSource implements Source {
  readonly #reader: ByteReader;
  readonly #context: SourceContext;
  readonly #origin: Origin;
  readonly #check: RecordCheck;
  readonly #contract: ContractSpec | undefined;
  readonly #made: MadeBatch;
  readonly #api: CsvApi;
  readonly #buffer = Buffer.allocUnsafe(windowBytes);
  #columns: readonly CellReader[] | undefined;
  #rows: MadeRecord[] = [];
  #count = 0;
  #ended = false;
  #lastSkipped = '';
  /** The end of the last chunk, when it stopped within a character. */
  #cutCharacter: Buffer = Buffer.alloc(0);
  #utf8 = true;
  #utf8Before = true;

  constructor(
    reader: ByteReader,
    origin: Origin,
    context: SourceContext,
    check: RecordCheck,
    contract: ContractSpec | undefined,
  ) {
    this.#reader = reader;
    this.#origin = origin;
    this.#context = context;
    this.#check = check;
    this.#contract = contract;
    this.#made = new MadeBatch(origin);
    const parser = new Parser({
      bom: true,
      record_delimiter: ['\r\n', '\n'],
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_error: true,
      on_skip: (error, raw) => {
        this.#skipped(error?.message ?? 'unreadable', raw ?? '');
        return undefined;
      },
      raw: true,
    });
    this.#api = (parser as unknown as { readonly api: CsvApi }).api;
  }

  async next(): Promise<Batch | undefined> {
    for (;;) {
      while (this.#rows.length === 0) if (this.#ended || !(await this.#readSome())) return undefined;
      const batch = this.#made.take(this.#rows);
      this.#check.check(batch);
      if (batch.count > 0) return batch;
    }
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  /** False when there is nothing more and no row came of it. */
  async #readSome(): Promise<boolean> {
    const read = await this.#reader.read(this.#buffer, 0);
    this.#context.counters.bytesIn += read;
    this.#ended = read === 0;
    // The parser keeps what it has not understood yet as a part of this buffer, so it gets its own copy.
    const bytes = Buffer.from(this.#buffer.subarray(0, read));
    this.#followUtf8(bytes);
    const failed = this.#api.parse(
      this.#ended ? undefined : bytes,
      this.#ended,
      (row) => this.#row(row),
      () => undefined,
    );
    if (failed !== undefined) throw this.#broken(failed.message);
    const { field, record_length, rawBuffer } = this.#api.state;
    if (Math.max(field.length + record_length, rawBuffer.length) > this.#context.recordBytesMax)
      throw this.#broken(
        `record ${this.#count + 1} is longer than ${this.#context.recordBytesMax} bytes; is a quote not closed?`,
      );
    return this.#rows.length > 0 || !this.#ended;
  }

  #row({ raw, record }: Row): void {
    if (this.#columns === undefined) {
      this.#columns = this.#header(record);
      return;
    }
    const columns = this.#columns;
    const offset = this.#next();
    if (record.length !== columns.length)
      return this.#refuse(offset, raw, `the row has ${record.length} cells, the header has ${columns.length}`);
    if (!this.#utf8 && raw.includes('\ufffd')) return this.#refuse(offset, raw, 'not valid UTF-8');
    const fields: [string, unknown][] = [];
    columns.forEach((column, index) => {
      const value = column.read(record[index] ?? '');
      if (value !== undefined) fields.push([column.name, value]);
    });
    this.#rows.push({ offset, value: Object.fromEntries(fields) });
  }

  #header(names: readonly string[]): readonly CellReader[] {
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw this.#broken(`the header has the column ${JSON.stringify(twice)} twice`);
    return cellReaders(names, this.#contract);
  }

  // One row may be found wrong in several places; what was read of it begins the same then.
  #skipped(message: string, raw: string): void {
    const again =
      raw.length > this.#lastSkipped.length && raw.startsWith(this.#lastSkipped) && this.#lastSkipped !== '';
    this.#lastSkipped = raw;
    if (!again) this.#refuse(this.#next(), raw, message);
  }

  #next(): number {
    this.#context.counters.recordsIn++;
    return ++this.#count;
  }

  #refuse(offset: number, raw: string, reason: string): void {
    this.#context.letters.add({ origin: this.#origin, offset, bytes: Buffer.from(raw.trimEnd()) }, undecodable(reason));
  }

  // The parser replaces bad bytes; whether the replacement character in a cell was one is known from the chunk.
  #followUtf8(bytes: Buffer): void {
    const whole = Buffer.concat([this.#cutCharacter, bytes]);
    let end = whole.length;
    if (!this.#ended) while (end > Math.max(0, whole.length - 3) && ((whole[end - 1] ?? 0) & 0xc0) === 0x80) end--;
    if (!this.#ended && end > 0 && (whole[end - 1] ?? 0) >= 0xc0) end--;
    else end = whole.length;
    this.#cutCharacter = whole.subarray(end);
    // A row may have begun in the chunk before.
    const utf8 = isUtf8(whole.subarray(0, end));
    this.#utf8 = utf8 && this.#utf8Before;
    this.#utf8Before = utf8;
  }

  #broken(what: string): SliceError {
    return new SliceError('DecodeFailed', `${this.#origin.source}: ${what}`);
  }
}
