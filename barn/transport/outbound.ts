import { backoffMs, type Clock, type Log, type Random, type Timer } from '../../base/index.ts';
import type { Message } from '../raft/protocol.ts';
import { messageBytes, writeMessage } from './codec.ts';
import { TransportError } from './error.ts';
import { frameKinds } from './frames.ts';
import type { TransportLimits } from './limits.ts';
import type { Link } from './link.ts';
import { PeerQueue } from './peer-queue.ts';
import { Seldom } from './seldom.ts';
import type { PeerAddress } from './transport.ts';

/** What the way to one peer needs. */
export interface OutboundOptions {
  readonly peer: PeerAddress;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits: TransportLimits;
  /** Makes the connection; see `dial` for its errors. */
  readonly connect: (peer: PeerAddress, signal: AbortSignal) => Promise<Link>;
  readonly onUnreachable: () => void;
}

/** The way of messages to one peer: keeps a connection, made anew whenever it breaks, and what waits for it. */
export class Outbound {
  readonly peer: PeerAddress;
  readonly #options: OutboundOptions;
  readonly #queue: PeerQueue;
  readonly #abort = new AbortController();
  #link: Link | undefined;
  #isDialling = false;
  #retry: Timer | undefined;
  #attempts = 0;
  /** Reported as unreachable, and nothing has gone through since. */
  #isReported = false;
  readonly #seldom: Seldom;

  constructor(options: OutboundOptions) {
    this.peer = options.peer;
    this.#options = options;
    this.#queue = new PeerQueue(options.limits);
    this.#seldom = new Seldom(options.clock);
    this.#dial();
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  /** Queues a message; while a first connection is being made it may wait for it. */
  add(message: Message): void {
    if (messageBytes(message) > this.#options.limits.frameBytesMax) {
      const { type, index } = message;
      this.#options.log.error('a message is too long for its peer and was dropped', { type, index, ...this.#fields() });
      return this.#report();
    }
    const hasWay = this.#link !== undefined || this.#isDialling;
    if (!hasWay || !this.#queue.add(message)) this.#report();
  }

  /** Sends what was added since; what the socket has no room for waits. */
  flush(): void {
    if (this.#link?.isFull === false) this.#send(this.#link, 'as given');
  }

  /** The peer is there (it has just dialled): no use in waiting any longer. */
  hurry(): void {
    if (this.#retry === undefined) return;
    this.#retry.cancel();
    this.#attempts = 0;
    this.#dial();
  }

  close(): void {
    const error = new TransportError('Closed', 'the peer is gone or the transport was closed');
    this.#abort.abort(error);
    this.#retry?.cancel();
    this.#queue.clear();
    this.#link?.end(error);
  }

  #send(link: Link, order: 'as given' | 'urgent first'): void {
    while (!link.isFull && this.#queue.length > 0) {
      this.#writeSome(link, order);
      link.push();
    }
    if (this.#queue.length === 0) this.#isReported = false;
  }

  /** Adds frames for one write. */
  #writeSome(link: Link, order: 'as given' | 'urgent first'): void {
    while (link.writer.written < this.#options.limits.socketBytesMax) {
      const message = this.#queue.next(order);
      if (message === undefined) return;
      link.frame(frameKinds.message, (writer) => writeMessage(writer, message));
    }
  }

  #dial(): void {
    this.#retry = undefined;
    this.#isDialling = true;
    this.#options.connect(this.peer, this.#abort.signal).then(
      (link) => this.#use(link),
      (error: unknown) => this.#dropped(error),
    );
  }

  #use(link: Link): void {
    this.#isDialling = false;
    if (this.#abort.signal.aborted) return link.end(new TransportError('Closed', 'the transport was closed'));
    if (!link.isOpen) return this.#dropped(new TransportError('Unreachable', 'the connection broke at once'));
    this.#link = link;
    this.#attempts = 0;
    this.#seldom.clear();
    this.#options.log.info('connected to peer', this.#fields());
    link.listen({
      onFrame: () => {
        throw new TransportError('Malformed', 'a peer answered where nothing is to be answered');
      },
      onRoom: () => this.#send(link, 'urgent first'),
      onClosed: (error) => {
        this.#link = undefined;
        this.#dropped(error);
      },
    });
    this.#send(link, 'as given');
  }

  /** No connection, or no more: what waited is lost. */
  #dropped(error: unknown): void {
    this.#isDialling = false;
    if (this.#abort.signal.aborted) return;
    this.#queue.clear();
    this.#note(error);
    const { clock, random, limits } = this.#options;
    this.#retry = clock.after(backoffMs(this.#attempts++, limits.backoff, random), () => this.#dial(), { unref: true });
    this.#report();
  }

  #report(): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#options.onUnreachable();
  }

  #note(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (this.#seldom.isDue(text)) this.#options.log.warn('no connection to peer', { error: text, ...this.#fields() });
  }

  #fields(): Record<string, unknown> {
    return { peer: this.peer.name, url: this.peer.url };
  }
}
