import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import type { Clock, Log, Timer } from '../../base/index.ts';
import { malformed } from './byte-reader.ts';
import { TransportError } from './error.ts';
import { frameKinds } from './frames.ts';
import { greetingBytesMax, type Hello, protocolVersions, readHello, writeRefusal } from './hello.ts';
import type { TransportLimits } from './limits.ts';
import { Link } from './link.ts';
import { Seldom } from './seldom.ts';
import { questionBytesMax } from './transport.ts';

/** Who may come in, and who takes over from there. */
export interface AcceptorOptions {
  readonly secure: SecureContextOptions;
  readonly listen: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: TransportLimits;
  /** Why the one who says `hello` with this certificate, which the authority signed, may not come in; undefined: it may. */
  readonly refuse: (hello: Hello, certificate: X509Certificate) => string | undefined;
  /** Listens to the link at once, and owns it. */
  readonly accept: (hello: Hello, link: Link) => void;
}

/** Listens for peers: bounds how many strangers there are and what they may cost, and lets in who has said who it is. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #server: Server;
  /** Connections that were not welcomed yet, oldest first, by their remote end. */
  readonly #strangers = new Map<string, { readonly socket: Socket; readonly timer: Timer }>();
  readonly #sockets = new Set<TLSSocket>();
  readonly #seldom: Seldom;

  private constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#seldom = new Seldom(options.clock);
    this.#server = createServer({ ...options.secure, requestCert: true, rejectUnauthorized: true });
    this.#server.on('connection', (socket: Socket) => this.#meet(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#note(error.message, socket.remoteAddress));
    this.#server.on('secureConnection', (socket) => this.#greet(socket));
  }

  /** Listens. Errors: TransportError Listen. */
  static open(options: AcceptorOptions): Promise<Acceptor> {
    const acceptor = new Acceptor(options);
    const { host, port } = options.listen;
    return new Promise((resolve, reject) => {
      acceptor.#server.once('error', (cause: Error) =>
        reject(new TransportError('Listen', `cannot listen for peers on ${host}:${port}: ${cause.message}`, { cause })),
      );
      acceptor.#server.listen({ host, port }, () => {
        acceptor.#server.removeAllListeners('error');
        acceptor.#server.on('error', (error: Error) =>
          options.log.error('listening for peers', { error: error.message }),
        );
        resolve(acceptor);
      });
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : this.#options.listen.port;
  }

  /** For connections from now on. */
  update(secure: SecureContextOptions): void {
    this.#server.setSecureContext(secure);
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { socket } of this.#strangers.values()) socket.destroy();
    for (const socket of this.#sockets) socket.destroy();
    return closed;
  }

  #meet(socket: Socket): void {
    const { strangersMax, handshakeMs } = this.#options.limits;
    const key = remoteEnd(socket);
    const [oldest] = this.#strangers.values();
    if (this.#strangers.size >= strangersMax && oldest !== undefined) {
      this.#note('too many connections that have not said who they are', socket.remoteAddress);
      oldest.socket.destroy();
    }
    const timer = this.#options.clock.after(
      handshakeMs,
      () => {
        this.#note(`did not say in ${handshakeMs} ms who it is`, socket.remoteAddress);
        socket.destroy();
      },
      { unref: true },
    );
    this.#strangers.set(key, { socket, timer });
    socket.on('error', () => undefined);
    socket.once('close', () => this.#forget(key, socket));
  }

  /** From now on it is no stranger, or it is gone. */
  #forget(key: string, socket?: Socket): void {
    const stranger = this.#strangers.get(key);
    if (stranger === undefined || (socket !== undefined && stranger.socket !== socket)) return;
    stranger.timer.cancel();
    this.#strangers.delete(key);
  }

  #greet(socket: TLSSocket): void {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) return void socket.destroy();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const key = remoteEnd(socket);
    const link = new Link(socket, {
      clock: this.#options.clock,
      limits: this.#options.limits,
      frameBytesMax: greetingBytesMax,
      listener: {
        onFrame: (kind, body) => {
          if (kind !== frameKinds.hello) throw malformed(`is a frame of kind ${kind} for a greeting`);
          this.#answer(link, key, readHello(body), certificate);
        },
        onClosed: (error) => this.#note(error.message, socket.remoteAddress),
      },
    });
  }

  #answer(link: Link, key: string, hello: ReturnType<typeof readHello>, certificate: X509Certificate): void {
    const why = 'from' in hello ? this.#options.refuse(hello, certificate) : foreignVersion(hello);
    if (why !== undefined || !('from' in hello)) {
      link.frame(frameKinds.refused, (writer) => writeRefusal(writer, why ?? ''));
      link.push();
      return link.end(new TransportError('Refused', `refused: ${why}`), true);
    }
    this.#forget(key);
    link.frame(frameKinds.welcome, (writer) => writer.number(protocolVersions.newest));
    link.push();
    // The kind of the frame comes on top of the question.
    link.widen(hello.purpose === 'question' ? questionBytesMax + 1 : this.#options.limits.frameBytesMax);
    this.#options.accept(hello, link);
  }

  #note(error: string, address: string | undefined): void {
    if (this.#seldom.isDue(error)) this.#options.log.warn('a connection of a peer came to nothing', { error, address });
  }
}

function foreignVersion({ oldestVersion, newestVersion }: ReturnType<typeof readHello>): string {
  const { oldest, newest } = protocolVersions;
  return `it speaks the versions ${oldestVersion} to ${newestVersion} of the protocol; spoken here are ${oldest} to ${newest}`;
}

function remoteEnd(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
