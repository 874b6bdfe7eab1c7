import { stringify } from 'csv-stringify/sync';
import type { Chunk } from '../flow/chunk.ts';
import { SliceError } from '../slice-error.ts';
import type { Encoder } from './file-output.ts';

/**
 * CSV with a header row: the fields of the first record. A later record may lack some of them (an empty cell) but may not
 * have others: nothing is dropped silently. Null is an empty cell, nested values are JSON.
 */
export class CsvEncoder implements Encoder {
  readonly #uri: string;
  #columns: readonly string[] | undefined;
  #records = 0;

  constructor(uri: string) {
    this.#uri = uri;
  }

  encode(chunk: Chunk): Buffer {
    const rows = chunk.bytes
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => this.#row(JSON.parse(line)));
    if (rows.length === 0) return Buffer.alloc(0);
    const header = this.#records === rows.length && this.#columns !== undefined ? [[...this.#columns]] : [];
    return Buffer.from(stringify([...header, ...rows]));
  }

  end(): Buffer {
    return Buffer.alloc(0);
  }

  #row(record: unknown): string[] {
    this.#records++;
    if (typeof record !== 'object' || record === null || Array.isArray(record))
      throw this.#refused('is not an object, so it has no columns');
    const known = (this.#columns ??= Object.keys(record));
    const fields = new Map<string, unknown>(Object.entries(record));
    const row = known.map((column) => cell(fields.get(column)));
    if (fields.size > known.length || known.filter((column) => fields.has(column)).length < fields.size)
      throw this.#refused(
        `has the field ${[...fields.keys()].find((name) => !known.includes(name))}, which the first record (the header) lacks; project the fields first`,
      );
    return row;
  }

  #refused(what: string): SliceError {
    return new SliceError('SinkNotWritable', `write ${this.#uri}: record ${this.#records} ${what}`);
  }
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
