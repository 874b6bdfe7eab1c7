// The transport of the product: frames over TLS 1.3, both sides with certificates of an authority that signs only peers.
import type { SecureContextOptions } from 'node:tls';
import type { Clock, Log, Random } from '../../base/index.ts';
import type { MemberId, Message } from '../raft/protocol.ts';
import { Acceptor } from './acceptor.ts';
import { ask } from './ask.ts';
import { type PeerCredentials, secureOptions } from './credentials.ts';
import { type DialOptions, dial } from './dial.ts';
import { TransportError } from './error.ts';
import { type Hello, type Purpose, protocolVersions } from './hello.ts';
import { Inbound } from './inbound.ts';
import { defaultTransportLimits, type TransportLimits } from './limits.ts';
import type { Link } from './link.ts';
import { Outbound } from './outbound.ts';
import { streamSnapshot } from './snapshot-send.ts';
import {
  type AskPeer,
  type PeerAddress,
  questionBytesMax,
  type SnapshotSend,
  type Transport,
  type TransportEvents,
} from './transport.ts';

/** Who this member is, where it listens and whom it trusts. */
export interface TlsTransportOptions {
  readonly id: MemberId;
  /** Its name in the members' book, which its certificate must bear as common or DNS name. */
  readonly name: string;
  readonly clusterId: number;
  /** Where its peers find it; told to those who do not know it yet. */
  readonly url: string;
  /** Port 0: any free one, see `port`. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly credentials: PeerCredentials;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<TransportLimits>;
}

/** A transport over sockets. */
export interface TlsTransport extends Transport {
  /** Where it listens. */
  readonly port: number;
}

/** Listens, and dials whoever `setPeers` names. Errors: TransportError Credentials, Listen. */
export async function openTlsTransport(options: TlsTransportOptions, events: TransportEvents): Promise<TlsTransport> {
  const secure = secureOptions(options.credentials, options.name);
  const transport = new Sockets(options, secure, events);
  await transport.listen();
  return transport;
}

const versions = { oldestVersion: protocolVersions.oldest, newestVersion: protocolVersions.newest };
/** Members that were removed, remembered so as to tell them; beyond it the oldest are forgotten, and only told less. */
const goneMax = 1_024;
/** Diallers that are not known here and have an answer coming; beyond it they are let in and not answered. */
const unknownMax = 16;

class Sockets implements TlsTransport {
  readonly #options: TlsTransportOptions;
  readonly #limits: TransportLimits;
  readonly #events: TransportEvents;
  readonly #inbound: Inbound;
  #secure: SecureContextOptions;
  #acceptor: Acceptor | undefined;
  readonly #peers = new Map<MemberId, Outbound>();
  /** Ways back to those who came in and are not known here, for as long as they stay. */
  readonly #unknown = new Map<MemberId, Outbound>();
  readonly #gone = new Set<MemberId>();
  /** To whom a snapshot is on its way. */
  readonly #snapshots = new Map<MemberId, AbortController>();
  readonly #ending = new AbortController();
  #isClosed = false;

  constructor(options: TlsTransportOptions, secure: SecureContextOptions, events: TransportEvents) {
    this.#options = options;
    this.#limits = { ...defaultTransportLimits, ...options.limits };
    this.#secure = secure;
    this.#events = events;
    this.#inbound = new Inbound({
      id: options.id,
      clusterId: options.clusterId,
      clock: options.clock,
      limits: this.#limits,
      events,
      peerOf: (id) => this.#peers.get(id)?.peer,
      isGone: (id) => this.#gone.has(id),
      onCome: (hello) => this.#meet(hello),
      onLeft: (id) => this.#forget(id),
    });
  }

  async listen(): Promise<void> {
    this.#acceptor = await Acceptor.open({
      secure: this.#secure,
      listen: this.#options.listen,
      clock: this.#options.clock,
      log: this.#options.log,
      limits: this.#limits,
      refuse: (hello, certificate) => this.#inbound.refuse(hello, certificate),
      accept: (hello, link) => this.#inbound.accept(hello, link),
    });
  }

  get port(): number {
    return this.#acceptor?.port ?? 0;
  }

  update(credentials: PeerCredentials): void {
    this.#secure = secureOptions(credentials, this.#options.name);
    this.#acceptor?.update(this.#secure);
  }

  setPeers(peers: readonly PeerAddress[]): void {
    if (this.#isClosed) return;
    const wanted = new Map(peers.filter(({ id }) => id !== this.#options.id).map((peer) => [peer.id, peer]));
    for (const id of this.#peers.keys()) if (!wanted.has(id)) this.#remove(id);
    for (const peer of wanted.values()) this.#put(peer);
  }

  send(messages: readonly Message[]): void {
    for (const message of messages) this.#wayTo(message.to)?.add(message);
  }

  flush(): void {
    for (const peer of this.#peers.values()) peer.flush();
    for (const peer of this.#unknown.values()) peer.flush();
  }

  async sendSnapshot(send: SnapshotSend): Promise<void> {
    const id = send.message.to;
    const peer = this.#wayTo(id)?.peer;
    if (this.#isClosed) throw closed();
    if (peer === undefined) throw new TransportError('UnknownPeer', `no address is known of member ${id.toString(16)}`);
    if (this.#snapshots.has(id)) throw new TransportError('Busy', `a snapshot is already on its way to ${peer.name}`);
    const abort = new AbortController();
    this.#snapshots.set(id, abort);
    try {
      const link = await this.#dial(peer, 'snapshot', abort.signal);
      const onAbort = (): void => link.end(closed());
      abort.signal.addEventListener('abort', onAbort, { once: true });
      await streamSnapshot(link, send, this.#limits, this.#options.clock);
    } finally {
      this.#snapshots.delete(id);
    }
  }

  async ask(url: string, question: Uint8Array): Promise<Uint8Array> {
    if (this.#isClosed) throw closed();
    const greeting = this.#hello(0, 'question');
    return askOnce(url, question, { ...this.#dialling(), hello: greeting }, this.#ending.signal);
  }

  connected(): readonly MemberId[] {
    return [...this.#peers].filter(([, peer]) => peer.isConnected).map(([id]) => id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#ending.abort();
    for (const peer of [...this.#peers.values(), ...this.#unknown.values()]) peer.close();
    this.#peers.clear();
    this.#unknown.clear();
    for (const abort of this.#snapshots.values()) abort.abort();
    await this.#acceptor?.close();
  }

  #wayTo(id: MemberId): Outbound | undefined {
    return this.#peers.get(id) ?? this.#unknown.get(id);
  }

  #put(peer: PeerAddress): void {
    const old = this.#peers.get(peer.id);
    if (old?.peer.url === peer.url && old.peer.name === peer.name) return;
    old?.close();
    if (old !== undefined && old.peer.name !== peer.name) this.#inbound.drop(peer.id);
    this.#forget(peer.id);
    this.#gone.delete(peer.id);
    this.#peers.set(peer.id, this.#open(peer));
  }

  #remove(id: MemberId): void {
    this.#peers.get(id)?.close();
    this.#peers.delete(id);
    this.#snapshots.get(id)?.abort();
    this.#gone.add(id);
    const [oldest] = this.#gone;
    if (this.#gone.size > goneMax && oldest !== undefined) this.#gone.delete(oldest);
    this.#inbound.drop(id);
  }

  #open(peer: PeerAddress): Outbound {
    return new Outbound({
      peer,
      clock: this.#options.clock,
      random: this.#options.random,
      log: this.#options.log,
      limits: this.#limits,
      connect: (to, signal) => this.#dial(to, 'messages', signal),
      // Later, since the owner may be amid the turn that sends.
      onUnreachable: () => queueMicrotask(() => this.#isClosed || this.#events.onUnreachable(peer.id)),
    });
  }

  #dial(peer: PeerAddress, purpose: Purpose, signal: AbortSignal): Promise<Link> {
    return dial(peer, { ...this.#dialling(), hello: this.#hello(peer.id, purpose) }, signal);
  }

  #dialling(): Omit<DialOptions, 'hello'> {
    return { secure: this.#secure, clock: this.#options.clock, limits: this.#limits };
  }

  #hello(to: MemberId, purpose: Purpose): Hello {
    const { id, name, clusterId, url } = this.#options;
    return {
      ...versions,
      clusterId,
      from: id,
      to,
      purpose,
      name,
      url,
    };
  }

  #meet({ from, name, url, purpose }: Hello): void {
    const known = this.#wayTo(from);
    if (known !== undefined) known.hurry();
    else if (purpose === 'messages' && url !== '' && this.#unknown.size < unknownMax)
      this.#unknown.set(from, this.#open({ id: from, name, url }));
  }

  #forget(id: MemberId): void {
    this.#unknown.get(id)?.close();
    this.#unknown.delete(id);
  }
}

/** How one that has no id yet asks the members of a cluster, as `ask` of an open transport does. Errors: Credentials. */
export function openAsk(
  options: Pick<TlsTransportOptions, 'name' | 'clusterId' | 'url' | 'credentials' | 'clock' | 'limits'>,
): AskPeer {
  const { name, clusterId, url, credentials, clock } = options;
  const secure = secureOptions(credentials, name);
  const limits = { ...defaultTransportLimits, ...options.limits };
  const hello: Hello = { ...versions, clusterId, from: 0, to: 0, purpose: 'question', name, url };
  return (at, question) => askOnce(at, question, { secure, clock, limits, hello }, new AbortController().signal);
}

async function askOnce(
  url: string,
  question: Uint8Array,
  options: DialOptions,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (question.byteLength > questionBytesMax)
    throw new TransportError('Refused', `a question has ${question.byteLength} bytes; allowed are ${questionBytesMax}`);
  const link = await dial({ url }, options, signal);
  const onAbort = (): void => link.end(closed());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await ask(link, question, options.clock);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function closed(): TransportError {
  return new TransportError('Closed', 'the transport was closed');
}
