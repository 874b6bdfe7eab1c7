import { isUtf8 } from 'node:buffer';
import { isSpace, JsonScanner, scanDeep } from '../../lang/contracts/index.ts';
import type { RunningCounters } from '../counters.ts';
import { Batch, type Origin, type Source } from '../flow/batch.ts';
import type { ByteReader } from '../flow/byte-reader.ts';
import { type DeadLetters, originalCutBytes } from '../flow/dead-letters.ts';
import { Window } from '../flow/window.ts';

/** What reading needs of its surroundings. */
export interface SourceContext {
  readonly counters: RunningCounters;
  readonly letters: DeadLetters;
  readonly recordBytesMax: number;
}

/**
 * One JSON value a line. A byte order mark, carriage returns before line ends and blank lines are skipped. A line that is
 * not UTF-8 or not JSON, too deep or too long becomes a dead letter, and reading goes on behind it.
 */
export class NdjsonSource implements Source {
  readonly #window: Window;
  readonly #batch: Batch;
  readonly #context: SourceContext;
  readonly #scanner = new JsonScanner();
  /** Up to where the window holds no line end, from its first byte. */
  #searched = 0;
  #begun = false;

  constructor(reader: ByteReader, origin: Origin, context: SourceContext) {
    this.#context = context;
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
      this.#check();
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

  #takeLast(): boolean {
    this.#batch.reset(this.#window.buffer);
    this.#take(this.#window.from, this.#window.to);
    this.#window.consume(this.#window.to);
    this.#check();
    return this.#batch.count > 0;
  }

  #take(from: number, lineEnd: number): void {
    const { buffer } = this.#window;
    let end = lineEnd;
    while (end > from && isSpace(buffer[end - 1] ?? 0)) end--;
    if (end === from) return;
    const offset = this.#window.offsetOf(from);
    this.#context.counters.recordsIn++;
    if (end - from <= this.#context.recordBytesMax) return this.#batch.add(from, end, offset);
    this.#tooLarge(buffer.subarray(from, from + originalCutBytes), offset, end - from);
  }

  // UTF-8 of the whole batch at once; line by line only when that fails.
  #check(): void {
    const batch = this.#batch;
    if (batch.count === 0) return;
    const { buffer } = batch;
    const utf8 = isUtf8(buffer.subarray(batch.start(0), batch.end(batch.count - 1)));
    batch.retain((index) => {
      const start = batch.start(index);
      const end = batch.end(index);
      const after = this.#scanner.scan(buffer, start, end, true);
      if (after < 0) {
        const at = this.#scanner.errorAt - start;
        this.#reject(
          index,
          after === scanDeep ? 'too_deep' : 'decode',
          after === -1 ? 'the line ends within a value' : `${this.#scanner.error} at byte ${at} of the record`,
        );
        return false;
      }
      if (utf8 || isUtf8(buffer.subarray(start, end))) return true;
      this.#reject(index, 'decode', 'not valid UTF-8');
      return false;
    });
  }

  #reject(index: number, code: string, reason: string): void {
    this.#context.letters.addFrom(this.#batch, index, { code, path: '', reason });
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
    this.#tooLarge(cut, offset, size);
  }

  #tooLarge(bytes: Buffer, offset: number, size: number): void {
    const reason = `the record has ${size} bytes, at most ${this.#context.recordBytesMax} are allowed`;
    this.#context.letters.add(
      { origin: this.#batch.origin, offset, bytes, size },
      { code: 'too_large', path: '', reason },
    );
  }
}

/** Consumes a UTF-8 byte order mark at the beginning of a stream. */
export async function skipByteOrderMark(window: Window): Promise<void> {
  while (window.to - window.from < 3 && (await window.fill()));
  const { buffer, from, to } = window;
  if (to - from >= 3 && buffer[from] === 0xef && buffer[from + 1] === 0xbb && buffer[from + 2] === 0xbf)
    window.consume(from + 3);
}
