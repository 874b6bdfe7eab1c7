import { isSpace } from '../../lang/contracts/index.ts';
import type { RunningCounters } from '../counters.ts';
import { Batch, type Origin, type Source } from '../flow/batch.ts';
import type { ByteReader } from '../flow/byte-reader.ts';
import { type DeadLetters, originalCutBytes } from '../flow/dead-letters.ts';
import { Window } from '../flow/window.ts';
import type { RecordCheck } from './record-check.ts';

/** What reading needs of its surroundings. */
export interface SourceContext {
  readonly counters: RunningCounters;
  readonly letters: DeadLetters;
  readonly recordBytesMax: number;
}

/**
 * A record a line. A byte order mark, carriage returns before line ends and (in NDJSON) blank lines are skipped. A line that
 * is too long, or that the check refuses, becomes a dead letter, and reading goes on behind it.
 */
export class LineSource implements Source {
  readonly #window: Window;
  readonly #batch: Batch;
  readonly #context: SourceContext;
  readonly #check: RecordCheck | undefined;
  readonly #blank: 'skip' | 'keep';
  /** Up to where the window holds no line end, from its first byte. */
  #searched = 0;
  #begun = false;

  /** Without a check lines are given as they are, blank ones too. */
  constructor(reader: ByteReader, origin: Origin, context: SourceContext, check: RecordCheck | undefined) {
    this.#context = context;
    this.#check = check;
    this.#blank = check === undefined ? 'keep' : 'skip';
    this.#window = new Window(reader, context.counters, context.recordBytesMax + 2);
    this.#batch = new Batch(origin);
  }

  async next(): Promise<Batch | undefined> {
    const window = this.#window;
    if (!this.#begun) {
      this.#begun = true;
      await skipByteOrderMark(window);
    }
    for (;;) {
      this.#batch.reset(window.buffer);
      const exhausted = this.#takeLines();
      this.#check?.check(this.#batch);
      if (this.#batch.count > 0) return this.#batch;
      if (!exhausted) continue;
      if (window.full) await this.#skipLine();
      else if (!(await window.fill())) return this.#takeLast() ? this.#batch : undefined;
    }
  }

  close(): Promise<void> {
    return this.#window.close();
  }

  /** Fills the batch with whole lines; true when the window holds no further one. */
  #takeLines(): boolean {
    const { buffer, to } = this.#window;
    let from = this.#window.from;
    let search = from + this.#searched;
    while (!this.#batch.full) {
      const line = buffer.indexOf(0x0a, search);
      // Behind `to` lie stale bytes of earlier reads.
      if (line === -1 || line >= to) {
        this.#window.consume(from);
        this.#searched = to - from;
        return true;
      }
      this.#take(from, line);
      from = line + 1;
      search = from;
    }
    this.#window.consume(from);
    this.#searched = 0;
    return false;
  }

  /** What follows the last line end, when anything does. */
  #takeLast(): boolean {
    if (this.#window.from === this.#window.to) return false;
    this.#batch.reset(this.#window.buffer);
    this.#take(this.#window.from, this.#window.to);
    this.#window.consume(this.#window.to);
    this.#check?.check(this.#batch);
    return this.#batch.count > 0;
  }

  #take(from: number, lineEnd: number): void {
    const { buffer } = this.#window;
    let end = lineEnd;
    if (this.#blank === 'keep') {
      if (end > from && buffer[end - 1] === 0x0d) end--;
    } else {
      while (end > from && isSpace(buffer[end - 1] ?? 0)) end--;
      if (end === from) return;
    }
    const offset = this.#window.offsetOf(from);
    this.#context.counters.recordsIn++;
    if (end - from <= this.#context.recordBytesMax) return this.#batch.add(from, end, offset);
    tooLarge(this.#context, this.#batch.origin, buffer.subarray(from, from + originalCutBytes), offset, end - from);
  }

  // The window is full and holds no line end: keep the beginning, drop the rest of the line as it comes.
  async #skipLine(): Promise<void> {
    const window = this.#window;
    const offset = window.offsetOf(window.from);
    const cut = Buffer.from(window.buffer.subarray(window.from, window.from + originalCutBytes));
    let size = window.to - window.from;
    window.consume(window.to);
    for (;;) {
      if (!(await window.fill())) break;
      const line = window.buffer.indexOf(0x0a, window.from);
      if (line === -1 || line >= window.to) {
        size += window.to - window.from;
        window.consume(window.to);
        continue;
      }
      size += line - window.from;
      window.consume(line + 1);
      break;
    }
    this.#searched = 0;
    this.#context.counters.recordsIn++;
    tooLarge(this.#context, this.#batch.origin, cut, offset, size);
  }
}

/** The dead letter of a record that is too long: its beginning and its size. */
export function tooLarge(context: SourceContext, origin: Origin, bytes: Buffer, offset: number, size: number): void {
  const reason = `the record has ${size} bytes, at most ${context.recordBytesMax} are allowed`;
  context.letters.add({ origin, offset, bytes, size }, { code: 'too_large', path: '', reason });
}

/** Consumes a UTF-8 byte order mark at the beginning of a stream. */
export async function skipByteOrderMark(window: Window): Promise<void> {
  while (window.to - window.from < 3 && (await window.fill()));
  const { buffer, from, to } = window;
  if (to - from >= 3 && buffer[from] === 0xef && buffer[from + 1] === 0xbb && buffer[from + 2] === 0xbf)
    window.consume(from + 3);
}
