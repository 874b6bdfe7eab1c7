// The wires between members. Each pair has a connection that keeps order while it holds; on top of that a run may lose,
// repeat and mix single messages, which Raft must bear although TCP never does it. Proposals are never repeated: the
// transport promises "at most once", and a repeated proposal is a second one.
import type { MemberId, Message } from '../../barn/raft/protocol.ts';
import { TransportError } from '../../barn/transport/error.ts';
import type { SnapshotSend, Transport, TransportEvents } from '../../barn/transport/transport.ts';
import type { Chance } from './chance.ts';
import type { Happening } from './happenings.ts';
import type { SimLoop } from './loop.ts';
import { never, type SimProcess } from './process.ts';
import { SnapshotPipe } from './snapshot-pipe.ts';

/** How good the wires of a run are. Delays in virtual milliseconds. */
export interface WireQuality {
  delayMsMean: number;
  loss: number;
  repeat: number;
  mix: number;
  /** The chance that a connection breaks, at each chunk of a snapshot. */
  snapshotBreak: number;
}

/** A heartbeat of these runs: what takes longer is late. */
const lateMs = 20;

interface Endpoint {
  readonly url: string;
  readonly process: SimProcess;
  readonly events: TransportEvents;
  peers: ReadonlySet<MemberId>;
  /** Those who came although this member does not know them, since it is behind; and those who were peers once. */
  readonly strangers: Set<MemberId>;
  readonly gone: Set<MemberId>;
}

/** All wires of a run. */
export class SimNetwork {
  readonly quality: WireQuality;
  /** Told of each message that leaves a member. */
  onSent: (process: SimProcess, message: Message) => void = () => {};
  readonly #loop: SimLoop;
  readonly #chance: Chance;
  readonly #endpoints = new Map<MemberId, Endpoint>();
  readonly #cut = new Set<string>();
  /** Counts breaks: what was under way before one is lost. */
  readonly #breaks = new Map<string, number>();
  readonly #lastArrivalMs = new Map<string, number>();
  readonly #listeners = new Set<(from: MemberId, to: MemberId) => void>();
  readonly #count: (what: Happening) => void;

  constructor(loop: SimLoop, chance: Chance, quality: WireQuality, count: (what: Happening) => void) {
    this.#loop = loop;
    this.#count = count;
    this.#chance = chance;
    this.quality = quality;
  }

  /** The transport of one life of a member. */
  attach(id: MemberId, url: string, process: SimProcess, events: TransportEvents): Transport {
    const endpoint: Endpoint = { url, process, events, peers: new Set(), strangers: new Set(), gone: new Set() };
    this.#endpoints.set(id, endpoint);
    process.onDeath(() => this.#detach(id, endpoint));
    let queued = new Map<MemberId, Message[]>();
    return {
      setPeers: (peers) => {
        const next = new Set(peers.map((peer) => peer.id).filter((peer) => peer !== id));
        for (const peer of endpoint.peers) if (!next.has(peer)) endpoint.gone.add(peer);
        for (const peer of next) endpoint.gone.delete(peer);
        endpoint.peers = next;
      },
      send: (messages) => {
        if (!process.passes('net.send')) return;
        for (const message of messages) {
          const batch = queued.get(message.to);
          if (batch === undefined) queued.set(message.to, [message]);
          else batch.push(message);
        }
      },
      flush: () => {
        const batches = queued;
        queued = new Map();
        for (const [to, batch] of batches) {
          if (!process.passes('net.flush.before')) return;
          this.#send(id, endpoint, to, batch);
          if (!process.passes('net.flush.after')) return;
        }
      },
      sendSnapshot: (send) => this.#sendSnapshot(id, endpoint, send),
      ask: (url, question) => this.ask(process, url, question),
      // Nobody shows anything on these wires.
      update: () => {},
      connected: () => [...endpoint.peers].filter((peer) => this.#isUp(id, peer) && this.#isUp(peer, id)),
      close: async () => this.#detach(id, endpoint),
    };
  }

  /** Asks who listens at `url`; needs no member id. Rejects when it cannot be reached. */
  async ask(process: SimProcess, url: string, question: Uint8Array): Promise<Uint8Array> {
    const hop = async (owner: SimProcess): Promise<boolean> => {
      await this.#loop.delay(0.1 + this.#chance.around(this.quality.delayMsMean), `question to ${url}`, process);
      return owner.alive;
    };
    const [to, target] = [...this.#endpoints].find(([, endpoint]) => endpoint.url === url) ?? [0, undefined];
    const [from] = [...this.#endpoints].find(([, endpoint]) => endpoint.process === process) ?? [0];
    const isCut = (): boolean => this.#cut.has(wire(from, to)) || this.#cut.has(wire(to, from));
    if (target === undefined || isCut() || !(await hop(target.process)))
      throw new TransportError('Unreachable', `ask ${url}: nobody answers there`);
    const answer = await Promise.race([target.events.onQuestion(question), whenDead(target.process)]);
    if (answer === undefined || isCut() || !(await hop(target.process)))
      throw new TransportError('Unreachable', `ask ${url}: no answer came`);
    return answer;
  }

  /** Cuts what `from` sends to `to`; the other direction goes on. */
  cut(from: MemberId, to: MemberId): void {
    this.#cut.add(wire(from, to));
  }

  /** Cuts both directions. */
  part(one: MemberId, other: MemberId): void {
    this.cut(one, other);
    this.cut(other, one);
  }

  healAll(): void {
    this.#cut.clear();
  }

  /** Takes back all cuts around one. */
  mend(id: MemberId): void {
    for (const name of [...this.#cut]) if (name.startsWith(`${id}→`) || name.endsWith(`→${id}`)) this.#cut.delete(name);
  }

  /** Calls `listener` before messages reach a member, until it is told to stop; what it cuts does not. */
  onDelivery(listener: (from: MemberId, to: MemberId) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  isCut(from: MemberId, to: MemberId): boolean {
    return this.#cut.has(wire(from, to));
  }

  /** Ends the connection between two: what is under way is lost, both are told. */
  breakConnection(a: MemberId, b: MemberId): void {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      this.#breaks.set(wire(from, to), this.#epoch(from, to) + 1);
      this.#tellUnreachable(from, to);
    }
  }

  #detach(id: MemberId, endpoint: Endpoint): void {
    if (this.#endpoints.get(id) !== endpoint) return;
    this.#endpoints.delete(id);
    for (const [peer, other] of this.#endpoints) if (other.peers.has(id)) this.breakConnection(id, peer);
  }

  #isUp(from: MemberId, to: MemberId): boolean {
    return this.#endpoints.has(from) && this.#endpoints.has(to) && !this.#cut.has(wire(from, to));
  }

  #epoch(from: MemberId, to: MemberId): number {
    return this.#breaks.get(wire(from, to)) ?? 0;
  }

  #send(id: MemberId, endpoint: Endpoint, to: MemberId, batch: readonly Message[]): void {
    if (!endpoint.peers.has(to) && !endpoint.strangers.has(to)) return;
    for (const message of batch) this.onSent(endpoint.process, message);
    const target = this.#endpoints.get(to);
    if (this.#cut.has(wire(id, to))) this.#countCut(id, to);
    if (target === undefined || !this.#isUp(id, to)) return this.#tellUnreachable(id, to);
    const kept = batch.filter(() => !this.#chance.happens(this.quality.loss));
    if (kept.length < batch.length) this.#count('message lost');
    const isMixed = this.#chance.happens(this.quality.mix);
    if (isMixed) this.#count('message mixed');
    if (kept.length > 0) this.#deliver(id, target, to, kept, isMixed);
    if (!this.#chance.happens(this.quality.repeat)) return;
    const again = kept.filter(({ type }) => type !== 'MsgProp');
    if (again.length === 0) return;
    this.#count('message repeated');
    this.#deliver(id, target, to, again, true);
  }

  #deliver(from: MemberId, target: Endpoint, to: MemberId, batch: readonly Message[], isMixed: boolean): void {
    const name = wire(from, to);
    const epoch = this.#epoch(from, to);
    let arrivalMs = this.#loop.nowMs + 0.05 + this.#chance.around(this.quality.delayMsMean * (isMixed ? 5 : 1));
    if (!isMixed) {
      arrivalMs = Math.max(arrivalMs, this.#lastArrivalMs.get(name) ?? 0);
      this.#lastArrivalMs.set(name, arrivalMs);
    }
    if (arrivalMs > this.#loop.nowMs + lateMs) this.#count('message late');
    const types = batch.map(({ type }) => type).join(' ');
    this.#loop.schedule(
      arrivalMs - this.#loop.nowMs,
      `${from}→${to} ${types}`,
      () => {
        for (const listener of this.#listeners) listener(from, to);
        if (this.#cut.has(name)) return this.#countCut(from, to);
        if (this.#epoch(from, to) !== epoch) return;
        if (target.gone.has(from)) return;
        if (!target.peers.has(from)) target.strangers.add(from);
        if (target.process.passes('net.receive')) target.events.onMessages(from, batch);
      },
      target.process,
    );
  }

  #countCut(from: MemberId, to: MemberId): void {
    this.#count(this.#cut.has(wire(to, from)) ? 'message met a cut both ways' : 'message met a cut one way');
  }

  #tellUnreachable(id: MemberId, peer: MemberId): void {
    const endpoint = this.#endpoints.get(id);
    if (endpoint?.peers.has(peer) !== true) return;
    this.#loop.schedule(
      this.#chance.around(2),
      `${id} cannot reach ${peer}`,
      () => endpoint.events.onUnreachable(peer),
      endpoint.process,
    );
  }

  async #sendSnapshot(id: MemberId, endpoint: Endpoint, { message, chunks }: SnapshotSend): Promise<void> {
    const { process } = endpoint;
    if (!process.passes('net.snapshot.before')) return never();
    const { to } = message;
    this.onSent(process, message);
    const target = this.#endpoints.get(to);
    if (target === undefined || !this.#isUp(id, to))
      throw new TransportError('Unreachable', `snapshot to ${to}: it cannot be reached`);
    const epoch = this.#epoch(id, to);
    const isBroken = (): boolean =>
      !this.#isUp(id, to) || this.#epoch(id, to) !== epoch || this.#chance.happens(this.quality.snapshotBreak);
    const pipe = new SnapshotPipe();
    let taken: { readonly error?: Error } | undefined;
    await Promise.race([
      this.#loop.delay(0.1 + this.#chance.around(this.quality.delayMsMean), `snapshot ${id}→${to}`, target.process),
      whenDead(target.process),
    ]);
    if (!process.alive) return never();
    if (!target.process.alive) throw new TransportError('Unreachable', `snapshot to ${to}: the connection broke`);
    target.events.onSnapshot(id, message, pipe).then(
      () => (taken = {}),
      (error: unknown) => (taken = { error: asError(error) }),
    );
    process.onDeath(() => pipe.break(new Error(`snapshot from ${id}: its sender died`)));
    const iterator = chunks[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await iterator.next();
        await this.#loop.delay(0.1 + this.#chance.around(this.quality.delayMsMean), `snapshot ${id}→${to}`, process);
        if (!process.passes('net.snapshot.middle')) return await never();
        if (isBroken() || !target.process.alive)
          throw new TransportError('Unreachable', `snapshot to ${to}: the connection broke`);
        if (next.done === true) break;
        pipe.push(next.value);
      }
    } catch (cause) {
      this.#count('snapshot broken');
      pipe.break(asError(cause));
      await iterator.return?.();
      throw cause;
    }
    pipe.end();
    while (taken === undefined) {
      await this.#loop.delay(1, `snapshot ${id}→${to} answer`, process);
      if (!this.#isUp(to, id) || this.#epoch(id, to) !== epoch)
        throw new TransportError('Unreachable', `snapshot to ${to}: no answer came`);
    }
    if (taken.error !== undefined) throw taken.error;
    if (!process.passes('net.snapshot.after')) return never();
  }
}

/** Where a member is found in the simulated world. */
export const urlOf = (name: string): string => `https://${name}:1`;
const whenDead = (process: SimProcess): Promise<undefined> =>
  new Promise((resolve) => process.onDeath(() => resolve(undefined)));
const asError = (cause: unknown): Error => (cause instanceof Error ? cause : new Error(String(cause)));
const wire = (from: MemberId, to: MemberId): string => `${from}→${to}`;
