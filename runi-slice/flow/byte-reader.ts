// Where bytes come from: plain files by positioned reads, pipes by net.Socket with `onread` (a thread-pool read would hold a
// thread for each idle pipe).
import { close, constants, fstat, open, read } from 'node:fs';
import { Socket, type SocketConstructorOpts, type TcpSocketConnectOpts } from 'node:net';
import { promisify } from 'node:util';
import { codeOf, messageOf, SliceError } from '../slice-error.ts';

/** A stream of bytes that is pulled. */
export interface ByteReader {
  /** Reads some bytes into `into` from `at` on; 0 only at the end. One read at a time. */
  read(into: Buffer, at: number): Promise<number>;
  close(): Promise<void>;
}

/** A pipe's capacity on Linux: what one read gives at most. */
const pipeBytes = 64 * 1024;

/** Opens a plain file or, when the path is a FIFO, its reading end (without waiting for a writer to open). */
export async function openReader(path: string, shown: string): Promise<ByteReader> {
  let fd: number;
  try {
    fd = await promisify(open)(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new SliceError('SourceNotFound', `${shown} does not exist`, { cause });
    throw new SliceError('SourceNotReadable', `open ${shown}: ${messageOf(cause)}`, { cause });
  }
  const status = await promisify(fstat)(fd);
  if (status.isFIFO()) return new PipeReader(fd, shown);
  if (status.isFile()) return new FileReader(fd, shown);
  await promisify(close)(fd);
  throw new SliceError('SourceNotReadable', `${shown} is ${status.isDirectory() ? 'a directory' : 'not a file'}`);
}

/** Reads a plain file from its beginning, and closes it. */
export class FileReader implements ByteReader {
  readonly #fd: number;
  readonly #shown: string;
  #position = 0;

  constructor(fd: number, shown: string) {
    this.#fd = fd;
    this.#shown = shown;
  }

  read(into: Buffer, at: number): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.#fd, into, at, into.length - at, this.#position, (cause, bytesRead) => {
        if (cause !== null)
          return reject(new SliceError('SourceNotReadable', `read ${this.#shown}: ${messageOf(cause)}`, { cause }));
        this.#position += bytesRead;
        resolve(bytesRead);
      });
    });
  }

  close(): Promise<void> {
    return promisify(close)(this.#fd);
  }
}

/** Reads a pipe; holds at most one read ahead (`pipeBytes`), and then lets the writer wait. */
export class PipeReader implements ByteReader {
  readonly #socket: Socket;
  readonly #own = Buffer.allocUnsafe(pipeBytes);
  #aheadFrom = 0;
  #aheadTo = 0;
  #failed: SliceError | undefined;
  #ended = false;
  #waiting: (() => void) | undefined;

  constructor(fd: number, shown: string) {
    // The constructor takes `onread` as connect does; only its types do not say so.
    const options: SocketConstructorOpts & Pick<TcpSocketConnectOpts, 'onread'> = {
      fd,
      readable: true,
      writable: false,
      onread: { buffer: this.#own, callback: (bytes) => this.#arrived(bytes) },
    };
    this.#socket = new Socket(options);
    this.#socket.on('error', (cause) => {
      this.#failed = new SliceError('SourceNotReadable', `read ${shown}: ${cause.message}`, { cause });
      this.#wake();
    });
    this.#socket.on('end', () => this.#end());
    this.#socket.on('close', () => this.#end());
    this.#socket.resume();
  }

  async read(into: Buffer, at: number): Promise<number> {
    if (this.#aheadTo === this.#aheadFrom && !this.#ended && this.#failed === undefined)
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    if (this.#failed !== undefined) throw this.#failed;
    const copied = this.#own.copy(into, at, this.#aheadFrom, this.#aheadTo);
    this.#aheadFrom += copied;
    if (this.#aheadFrom === this.#aheadTo && copied > 0 && !this.#ended) this.#socket.resume();
    return copied;
  }

  async close(): Promise<void> {
    this.#socket.destroy();
  }

  #arrived(bytes: number): boolean {
    this.#aheadFrom = 0;
    this.#aheadTo = bytes;
    this.#wake();
    return false;
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

/** Reads a child's output, or any other readable stream, chunk by chunk. */
export class StreamReader implements ByteReader {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #close: () => void;
  #held: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer> & { destroy(): void }) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#close = () => stream.destroy();
  }

  async read(into: Buffer, at: number): Promise<number> {
    if (this.#held.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return 0;
      this.#held = next.value;
    }
    const copied = this.#held.copy(into, at);
    this.#held = this.#held.subarray(copied);
    return copied;
  }

  async close(): Promise<void> {
    this.#close();
  }
}
