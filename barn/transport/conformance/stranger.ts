import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { ByteWriter } from '../byte-writer.ts';
import { type Frame, FrameReader, frameKinds } from '../frames.ts';
import { type Hello, readRefusal, writeHello } from '../hello.ts';
import { until } from './support.ts';

/** Somebody at a member's door who says what a test wants, well-formed or not. */
export class Stranger {
  readonly socket: TLSSocket;
  readonly frames: Frame[] = [];
  isClosed = false;

  constructor(port: number, options: ConnectionOptions) {
    const reader = new FrameReader(1_000_000);
    // Its own check of the member is not what is tested.
    this.socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.isClosed = true));
    this.socket.on('data', (chunk: Buffer) => {
      for (const frame of reader.read(chunk)) this.frames.push(frame);
    });
  }

  /** Sends a frame. */
  say(kind: number, write: (writer: ByteWriter) => void): void {
    const writer = new ByteWriter();
    const gap = writer.gap();
    writer.byte(kind);
    write(writer);
    writer.fill(gap);
    this.socket.write(Buffer.concat(writer.take()));
  }

  greet(hello: Hello): void {
    this.say(frameKinds.hello, (writer) => writeHello(writer, hello));
  }

  /** Resolves when the member has closed. */
  closed(): Promise<void> {
    return until('the member closes', () => this.isClosed);
  }

  /** Resolves when the member has welcomed it. */
  welcomed(): Promise<void> {
    return until('the member says welcome', () => this.frames.some(({ kind }) => kind === frameKinds.welcome));
  }

  /** Why the member refused, once it has. */
  async refusal(): Promise<string> {
    const refused = (): Frame | undefined => this.frames.find(({ kind }) => kind === frameKinds.refused);
    await until('the member refuses', () => refused() !== undefined);
    return readRefusal(refused()?.body ?? new Uint8Array(0));
  }
}
