// HTTP/1.1 over TLS as lean as it can be: one request at a time on a connection that stays open, answers counted and not
// parsed. Node's own client costs as much as the server that is to be measured.
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';

/** Where the server is, and who asks. */
export interface Peer {
  readonly host: string;
  readonly port: number;
  /** Of its process. */
  readonly pid: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

// Reading certificates costs more than a handshake, so it is done once for all connections.
const contexts = new Map<Peer, SecureContext>();

function contextOf(peer: Peer): SecureContext {
  let context = contexts.get(peer);
  if (context === undefined) {
    context = createSecureContext({ ca: peer.ca, cert: peer.cert, key: peer.key });
    contexts.set(peer, context);
  }
  return context;
}

/** One answer. */
export interface Answered {
  readonly code: number;
  readonly bytes: number;
}

const headEnd = Buffer.from('\r\n\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

/** One connection. */
export class Wire {
  readonly #socket: TLSSocket;
  readonly #host: string;
  #waiting: { resolve(answer: Answered): void; reject(error: Error): void } | undefined;
  #onStream: ((bytes: Buffer) => void) | undefined;
  #head: Buffer | undefined;
  #code = 0;
  #bytes = 0;
  /** What is still to come of the body; undefined: until the last chunk. */
  #left: number | undefined;
  #isInBody = false;
  #tail: Buffer = Buffer.alloc(0);

  static open(peer: Peer): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const { host, port } = peer;
      const socket = connect({ host, port, secureContext: contextOf(peer), servername: 'localhost' }, () => {
        socket.off('error', reject);
        socket.setNoDelay(true);
        resolve(new Wire(socket, `${host}:${port}`));
      });
      socket.once('error', reject);
    });
  }

  private constructor(socket: TLSSocket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /** Sends a request, and resolves with its answer. */
  ask(method: string, path: string, body = '', type = 'application/json'): Promise<Answered> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('the server has closed the connection'));
      this.#waiting = { resolve, reject };
      this.#socket.write(this.#request(method, path, body, type));
    });
  }

  /** Sends a request whose answer goes on: `onBytes` gets what comes; resolves when it ends. */
  stream(path: string, onBytes: (bytes: Buffer) => void): Promise<Answered> {
    this.#onStream = onBytes;
    return this.ask('GET', path);
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #request(method: string, path: string, body: string, type: string): string {
    const length = body === '' ? '' : `Content-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
    return `${method} ${path} HTTP/1.1\r\nHost: ${this.#host}\r\nAccept: application/json\r\n${length}\r\n${body}`;
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  #take(bytes: Buffer): void {
    if (this.#isInBody) return this.#takeBody(bytes);
    const all = this.#head === undefined ? bytes : Buffer.concat([this.#head, bytes]);
    const end = all.indexOf(headEnd);
    if (end < 0) {
      this.#head = all;
      return;
    }
    this.#head = undefined;
    const text = all.toString('latin1', 0, end);
    this.#code = Number(text.slice(9, 12));
    const length = /^content-length: (\d+)/im.exec(text)?.[1];
    this.#left = length === undefined ? undefined : Number(length);
    this.#bytes = 0;
    this.#isInBody = true;
    this.#tail = Buffer.alloc(0);
    this.#takeBody(all.subarray(end + headEnd.length));
  }

  #takeBody(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (bytes.length > 0) this.#onStream?.(bytes);
    if (this.#left !== undefined) {
      this.#left -= bytes.length;
      if (this.#left > 0) return;
    } else {
      this.#tail = Buffer.concat([this.#tail, bytes]).subarray(-lastChunk.length);
      if (!this.#tail.equals(lastChunk)) return;
    }
    this.#isInBody = false;
    this.#onStream = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ code: this.#code, bytes: this.#bytes });
  }
}
