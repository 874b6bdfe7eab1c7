import { isSpace, JsonScanner, scanDeep, scanShort } from '../../lang/contracts/index.ts';
import { Batch, type Origin, recordMark, type Source } from '../flow/batch.ts';
import type { ByteReader } from '../flow/byte-reader.ts';
import { originalCutBytes } from '../flow/dead-letters.ts';
import { Window } from '../flow/window.ts';
import { SliceError } from '../slice-error.ts';
import { type SourceContext, skipByteOrderMark, tooLarge } from './lines.ts';
import { type RecordCheck, undecodable } from './record-check.ts';
import { ValueSkipper } from './value-skipper.ts';

/**
 * The elements of one JSON array, read in memory that does not depend on its length. A file that is no array, or whose
 * syntax breaks, fails the step (behind a break nobody knows where the next record begins); an empty file has no records.
 */
export class JsonArraySource implements Source {
  readonly #window: Window;
  readonly #batch: Batch;
  readonly #context: SourceContext;
  readonly #check: RecordCheck;
  readonly #scanner = new JsonScanner();
  #state: 'before' | 'first' | 'element' | 'after' | 'ended' = 'before';
  /** The next line break in the window: elements that span lines are put on one. */
  #lineBreak = -1;

  constructor(reader: ByteReader, origin: Origin, context: SourceContext, check: RecordCheck) {
    this.#context = context;
    this.#check = check;
    this.#window = new Window(reader, context.counters, context.recordBytesMax + 2);
    this.#batch = new Batch(origin);
  }

  async next(): Promise<Batch | undefined> {
    const window = this.#window;
    if (this.#state === 'before') await this.#begin();
    while (this.#state !== 'ended') {
      this.#batch.reset(window.buffer);
      this.#lineBreak = -1;
      const why = this.#takeElements();
      this.#check.check(this.#batch);
      if (this.#batch.count > 0) return this.#batch;
      if (why === 'deep' || (why === 'short' && window.full)) await this.#skipElement(why);
      else if (why === 'short' && !(await window.fill()))
        throw this.#broken('the file ends within the array', window.to);
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#window.close();
  }

  async #begin(): Promise<void> {
    const window = this.#window;
    await skipByteOrderMark(window);
    for (;;) {
      this.#skipSpace();
      if (window.from < window.to) break;
      if (!(await window.fill())) {
        this.#state = 'ended';
        return;
      }
    }
    if (window.buffer[window.from] !== 0x5b)
      throw this.#broken('not a JSON array (for one record a line, say format: ndjson)', window.from);
    window.consume(window.from + 1);
    this.#state = 'first';
  }

  /** Takes elements until the batch is full, or one is cut off (`short`) or too deep, or the array has ended. */
  #takeElements(): 'full' | 'short' | 'deep' | 'ended' {
    const window = this.#window;
    while (!this.#batch.full) {
      this.#skipSpace();
      if (window.from >= window.to) {
        if (this.#state === 'after' && window.ended) return this.#end();
        return 'short';
      }
      const code = window.buffer[window.from] ?? 0;
      if (this.#state === 'after') {
        if (code === 0x2c) this.#state = 'element';
        else if (code === 0x5d) return this.#end();
        else throw this.#broken('a comma or ] is missing', window.from);
        window.consume(window.from + 1);
        continue;
      }
      if (this.#state === 'first' && code === 0x5d) return this.#end();
      const taken = this.#takeElement(window.from);
      if (taken !== undefined) return taken;
    }
    return 'full';
  }

  #takeElement(start: number): 'short' | 'deep' | undefined {
    const window = this.#window;
    let known: number = recordMark.valid;
    // A number could go on behind the window; an object says where it ends.
    let end = window.buffer[start] === 0x7b ? (this.#check.prefix?.(window.buffer, start, window.to) ?? -1) : -1;
    if (end < 0) {
      known = recordMark.json;
      end = this.#scanner.scan(window.buffer, start, window.to, false);
      if (end === scanShort) return 'short';
      if (end === scanDeep) return 'deep';
      if (end < 0) throw this.#broken(this.#scanner.error, this.#scanner.errorAt);
    }
    window.consume(end);
    this.#state = 'after';
    this.#context.counters.recordsIn++;
    if (end - start > this.#context.recordBytesMax)
      tooLarge(
        this.#context,
        this.#batch.origin,
        window.buffer.subarray(start, start + originalCutBytes),
        window.offsetOf(start),
        end - start,
      );
    else {
      this.#joinLines(start, end);
      this.#batch.add(start, end, window.offsetOf(start));
      this.#batch.mark(known);
    }
    return undefined;
  }

  // Line breaks inside an element stand between its tokens (strings hold none), so a space does as well.
  #joinLines(start: number, end: number): void {
    const { buffer } = this.#window;
    if (this.#lineBreak < start) {
      const found = buffer.indexOf(0x0a, start);
      this.#lineBreak = found === -1 ? buffer.length : found;
    }
    if (this.#lineBreak >= end) return;
    for (let at = this.#lineBreak; at < end; at++) if (buffer[at] === 0x0a) buffer[at] = 0x20;
    this.#lineBreak = -1;
  }

  // An element that does not fit, or is too deep: it is left out, whatever it holds.
  async #skipElement(why: 'short' | 'deep'): Promise<void> {
    const window = this.#window;
    const offset = window.offsetOf(window.from);
    const cut = Buffer.from(window.buffer.subarray(window.from, Math.min(window.to, window.from + originalCutBytes)));
    const skipper = new ValueSkipper();
    let size = 0;
    for (;;) {
      const end = skipper.skip(window.buffer, window.from, window.to);
      size += (end === -1 ? window.to : end) - window.from;
      window.consume(end === -1 ? window.to : end);
      if (end !== -1) break;
      if (!(await window.fill())) throw this.#broken('the file ends within the array', window.to);
    }
    this.#state = 'after';
    this.#context.counters.recordsIn++;
    if (why === 'short') return tooLarge(this.#context, this.#batch.origin, cut, offset, size);
    const rejection = undecodable(this.#scanner.error);
    this.#context.letters.add({ origin: this.#batch.origin, offset, bytes: cut.subarray(0, size), size }, rejection);
  }

  #end(): 'ended' {
    this.#window.consume(this.#window.from + 1);
    this.#state = 'ended';
    return 'ended';
  }

  #skipSpace(): void {
    const { buffer, to } = this.#window;
    let at = this.#window.from;
    while (at < to && isSpace(buffer[at] ?? 0)) at++;
    this.#window.consume(at);
  }

  #broken(what: string, position: number): SliceError {
    return new SliceError(
      'DecodeFailed',
      `${this.#batch.origin.source}: ${what} at byte ${this.#window.offsetOf(position)}`,
    );
  }
}
