// The twin of the TLS transport within one process, for tests of what stands on it: no sockets, no certificates, the same
// promises. What is sent arrives in a later turn of the clock, so a handler is never called amid the turn that sends.
import type { Clock } from '../../base/index.ts';
import type { MemberId, Message } from '../raft/protocol.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { TransportError } from './error.ts';
import { defaultTransportLimits, type TransportLimits } from './limits.ts';
import { PeerQueue } from './peer-queue.ts';
import {
  type PeerAddress,
  questionBytesMax,
  type SnapshotSend,
  type Transport,
  type TransportEvents,
} from './transport.ts';

/** The members of one process, and what connects them. */
export class LocalNetwork {
  readonly #clock: Clock;
  readonly #members = new Map<MemberId, LocalTransport>();
  readonly #cuts = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Opens a member; its url is what `urlOf` says. Throws TransportError Listen when the id is open already. */
  open(id: MemberId, events: TransportEvents, limits: Partial<TransportLimits> = {}): Transport {
    if (this.#members.has(id)) throw new TransportError('Listen', `member ${id.toString(16)} is open already`);
    const transport = new LocalTransport({
      id,
      events,
      limits: { ...defaultTransportLimits, ...limits },
      clock: this.#clock,
      reach: (to) => this.#reach(id, to),
      find: (url) => [...this.#members].find(([other]) => this.urlOf(other) === url)?.[0],
      onClosed: () => {
        this.#members.delete(id);
        for (const member of this.#members.values()) member.lose(id);
      },
    });
    this.#members.set(id, transport);
    return transport;
  }

  urlOf(id: MemberId): string {
    return `https://member-${id}.invalid:1`;
  }

  /** From now on nothing goes from one to the other, in this direction; what is under way is lost. */
  cut(from: MemberId, to: MemberId): void {
    this.#cuts.add(`${from} ${to}`);
    this.#members.get(from)?.lose(to);
  }

  /** Takes a cut back. */
  heal(from: MemberId, to: MemberId): void {
    this.#cuts.delete(`${from} ${to}`);
  }

  #reach(from: MemberId, to: MemberId): LocalTransport | undefined {
    return this.#cuts.has(`${from} ${to}`) ? undefined : this.#members.get(to);
  }
}

interface LocalOptions {
  readonly id: MemberId;
  readonly events: TransportEvents;
  readonly limits: TransportLimits;
  readonly clock: Clock;
  /** Who can be reached from here now. */
  readonly reach: (to: MemberId) => LocalTransport | undefined;
  readonly find: (url: string) => MemberId | undefined;
  readonly onClosed: () => void;
}

interface LocalPeer {
  readonly name: string;
  readonly queue: PeerQueue;
  /** Reported as unreachable, and nothing has gone through since. */
  isReported: boolean;
}

class LocalTransport implements Transport {
  readonly #options: LocalOptions;
  readonly #peers = new Map<MemberId, LocalPeer>();
  /** Snapshots on their way from here, by receiver, and to here: each by how it is broken off. */
  readonly #outgoing = new Map<MemberId, (error: TransportError) => void>();
  readonly #incoming = new Set<(error: TransportError) => void>();
  #isClosed = false;

  constructor(options: LocalOptions) {
    this.#options = options;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    const wanted = new Map(peers.filter(({ id }) => id !== this.#options.id).map((peer) => [peer.id, peer]));
    for (const id of this.#peers.keys())
      if (!wanted.has(id)) {
        this.#peers.delete(id);
        this.#outgoing.get(id)?.(gone(id));
      }
    for (const { id, name } of wanted.values())
      if (this.#peers.get(id)?.name !== name)
        this.#peers.set(id, { name, queue: new PeerQueue(this.#options.limits), isReported: false });
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) {
      const peer = this.#peers.get(message.to);
      if (peer === undefined) continue;
      const hasWay = this.#options.reach(message.to) !== undefined;
      if (!hasWay || !peer.queue.add(message)) this.#report(message.to, peer);
    }
  }

  flush(): void {
    const { id, clock, reach } = this.#options;
    for (const [to, peer] of this.#peers) {
      const messages: Message[] = [];
      for (let next = peer.queue.next('as given'); next !== undefined; next = peer.queue.next('as given'))
        messages.push(next);
      const target = reach(to);
      if (target === undefined || messages.length === 0) continue;
      peer.isReported = false;
      clock.after(0, () => {
        if (reach(to) === target) target.#hear(id, messages);
      });
    }
  }

  async sendSnapshot({ message, chunks }: SnapshotSend): Promise<void> {
    const { to } = message;
    const target = this.#options.reach(to);
    if (this.#isClosed) throw new TransportError('Closed', 'the transport was closed');
    if (!this.#peers.has(to))
      throw new TransportError('UnknownPeer', `no address is known of member ${to.toString(16)}`);
    if (this.#outgoing.has(to))
      throw new TransportError('Busy', `a snapshot is already on its way to ${to.toString(16)}`);
    if (target === undefined) throw gone(to);
    let broken: TransportError | undefined;
    let wake: (() => void) | undefined;
    let isPaused = false;
    const incoming = new ChunkQueue(target.#options.limits.snapshotBytesMax, {
      pause: () => (isPaused = true),
      resume() {
        isPaused = false;
        wake?.();
      },
    });
    const breakOff = (error: TransportError): void => {
      broken ??= error;
      incoming.fail(error);
      wake?.();
    };
    this.#outgoing.set(to, breakOff);
    target.#incoming.add(breakOff);
    // What the other side says against it comes back as from a peer.
    const taken = target.#take(this.#options.id, message, incoming).catch((cause: unknown) => {
      const error = new TransportError('Refused', `the snapshot was refused: ${textOf(cause)}`, { cause });
      breakOff(error);
      throw broken ?? error;
    });
    taken.catch(() => undefined);
    try {
      let bytes = 0;
      for await (const chunk of chunks) {
        while (isPaused && broken === undefined) await new Promise<void>((resolve) => (wake = resolve));
        if (broken !== undefined) throw broken;
        incoming.add(chunk);
        bytes += chunk.byteLength;
      }
      if (broken === undefined) incoming.finish(bytes);
      await taken;
    } catch (cause) {
      breakOff(new TransportError('Unreachable', `the sender gave the snapshot up: ${textOf(cause)}`, { cause }));
      throw cause;
    } finally {
      this.#outgoing.delete(to);
      target.#incoming.delete(breakOff);
    }
  }

  async ask(url: string, question: Uint8Array): Promise<Uint8Array> {
    const id = this.#options.find(url);
    const target = id === undefined ? undefined : this.#options.reach(id);
    if (target === undefined) throw new TransportError('Unreachable', `nobody can be reached at ${url}`);
    if (question.byteLength > questionBytesMax) throw new TransportError('Refused', 'the question is too long');
    try {
      return await target.#options.events.onQuestion(question);
    } catch (cause) {
      throw new TransportError('Refused', `a peer refused a question: ${textOf(cause)}`, { cause });
    }
  }

  connected(): readonly MemberId[] {
    return [...this.#peers.keys()].filter((id) => this.#options.reach(id) !== undefined);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#peers.clear();
    const error = new TransportError('Closed', 'the transport was closed');
    for (const breakOff of [...this.#outgoing.values(), ...this.#incoming]) breakOff(error);
    this.#options.onClosed();
  }

  /** A peer cannot be reached any more: what waits for it is lost. */
  lose(id: MemberId): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    peer.queue.clear();
    this.#outgoing.get(id)?.(gone(id));
    this.#report(id, peer);
  }

  #hear(from: MemberId, messages: readonly Message[]): void {
    if (!this.#isClosed) this.#options.events.onMessages(from, messages);
  }

  async #take(from: MemberId, message: Message, incoming: ChunkQueue): Promise<void> {
    await this.#options.events.onSnapshot(from, message, incoming);
    await incoming.discard();
  }

  #report(id: MemberId, peer: LocalPeer): void {
    if (peer.isReported) return;
    peer.isReported = true;
    this.#options.clock.after(0, () => this.#isClosed || this.#options.events.onUnreachable(id));
  }
}

function gone(id: MemberId): TransportError {
  return new TransportError('Unreachable', `member ${id.toString(16)} cannot be reached`);
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
