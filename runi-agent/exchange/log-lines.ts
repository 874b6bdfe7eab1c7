// Log lines as the Container Runtime Interface writes them: `TIMESTAMP STREAM F|P TEXT`, where P is a part of a longer line
// (https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md).

/** A longer line is written in parts. */
export const lineBytesMax = 16 * 1024;
/** The longest frame a slot may send. */
export const logFrameBytesMax = 1024 * 1024;
const headerBytes = 5;
const newline = 0x0a;
const streams = { 1: 'stdout', 2: 'stderr' } as const;
type StreamNumber = keyof typeof streams;

/** A connection that does not speak in frames {u8 stream, u32 little-endian length, bytes}; it is closed. */
export class LogFrameError extends Error {
  override readonly name = 'LogFrameError';
}

/** Turns a connection's frames into log lines. Holds at most a header and one unfinished line of each stream. */
export class LogLines {
  #header: Buffer = Buffer.alloc(0);
  #stream: StreamNumber = 1;
  #left = 0;
  readonly #unfinished: Record<StreamNumber, Buffer> = { 1: Buffer.alloc(0), 2: Buffer.alloc(0) };

  /** The lines that `chunk` completes, each stamped with `time`. */
  push(chunk: Buffer, time: string): Buffer {
    const lines: Buffer[] = [];
    for (let rest = chunk; rest.length > 0; ) {
      if (this.#left === 0) {
        rest = this.#takeHeader(rest);
        continue;
      }
      const bytes = rest.subarray(0, this.#left);
      this.#left -= bytes.length;
      rest = rest.subarray(bytes.length);
      this.#split(bytes, time, lines);
    }
    return Buffer.concat(lines);
  }

  /** What was written without an end of line, when the connection ends. */
  flush(time: string): Buffer {
    const lines: Buffer[] = [];
    for (const stream of [1, 2] as const) {
      const held = this.#unfinished[stream];
      if (held.length > 0) lines.push(lineOf(stream, 'F', held, time));
      this.#unfinished[stream] = Buffer.alloc(0);
    }
    return Buffer.concat(lines);
  }

  #takeHeader(chunk: Buffer): Buffer {
    const missing = headerBytes - this.#header.length;
    this.#header = Buffer.concat([this.#header, chunk.subarray(0, missing)]);
    if (this.#header.length < headerBytes) return chunk.subarray(missing);
    const stream = this.#header.readUInt8(0);
    const length = this.#header.readUInt32LE(1);
    if (stream !== 1 && stream !== 2) throw new LogFrameError(`log frame of unknown stream ${stream}`);
    if (length > logFrameBytesMax) throw new LogFrameError(`log frame of ${length} bytes`);
    this.#stream = stream;
    this.#left = length;
    this.#header = Buffer.alloc(0);
    return chunk.subarray(missing);
  }

  #split(bytes: Buffer, time: string, lines: Buffer[]): void {
    const stream = this.#stream;
    const held = this.#unfinished[stream];
    let rest = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
    for (let end = rest.indexOf(newline); rest.length > 0; end = rest.indexOf(newline)) {
      const isLong = end < 0 ? rest.length > lineBytesMax : end > lineBytesMax;
      if (isLong) {
        lines.push(lineOf(stream, 'P', rest.subarray(0, lineBytesMax), time));
        rest = rest.subarray(lineBytesMax);
      } else if (end >= 0) {
        lines.push(lineOf(stream, 'F', rest.subarray(0, end), time));
        rest = rest.subarray(end + 1);
      } else break;
    }
    this.#unfinished[stream] = Buffer.from(rest);
  }
}

function lineOf(stream: StreamNumber, tag: 'F' | 'P', text: Buffer, time: string): Buffer {
  return Buffer.concat([Buffer.from(`${time} ${streams[stream]} ${tag} `), text, Buffer.of(newline)]);
}

/** Puts its time before each line of a log, once where a long line was stored in parts; for one reader of one log. */
export class Stamps {
  // The streams are told apart: a part of one may stand between two of the other.
  readonly #unfinished = new Set<string>();

  /** What goes before a stored line's text. */
  before(time: string, stream: string, isPart: boolean): string {
    const goesOn = this.#unfinished.has(stream);
    if (isPart) this.#unfinished.add(stream);
    else this.#unfinished.delete(stream);
    return goesOn ? '' : `${time} `;
  }
}

/** The texts of whole stored lines, those older than `since` left out. */
export function textsOf(lines: Buffer, since: string | undefined, stamps?: Stamps): Buffer {
  const texts: Buffer[] = [];
  for (let at = 0; at < lines.length; ) {
    const end = lines.indexOf(newline, at);
    const line = lines.subarray(at, end < 0 ? lines.length : end);
    at += line.length + 1;
    const timeEnd = line.indexOf(0x20);
    const tag = line.indexOf(0x20, timeEnd + 1) + 1;
    if (timeEnd < 0 || tag === 0) continue;
    const time = line.toString('latin1', 0, timeEnd);
    if (since !== undefined && time < since) continue;
    const isPart = line[tag] === 0x50;
    if (stamps !== undefined) {
      texts.push(Buffer.from(stamps.before(time, line.toString('latin1', timeEnd + 1, tag - 1), isPart)));
    }
    texts.push(line.subarray(tag + 2));
    if (!isPart) texts.push(Buffer.of(newline));
  }
  return Buffer.concat(texts);
}
