// The agent's side of the privileged helper: the full twin of Spawner. One stream socket, inherited from the helper; requests
// are answered in any order, by id, and ends of slots come unasked.
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type Observable, Subject } from 'rxjs';
import { assert, unreachable } from '../../base/index.ts';
import type { LaunchRequest, PublishRequest, SliceView, Slot, SlotExit, Spawner, StagingRef } from '../spawner.ts';
import { SpawnError } from '../spawner.ts';
import { EventReader, type HelperEvent } from './decode.ts';
import { encodeDiscard, encodeKill, encodeLaunch, encodePublish } from './encode.ts';

/** Requests that wait for an answer; beyond it a request is refused. */
const pendingMax = 1024;

/** How to reach the helper, and what its runtime folder holds. */
export interface HelperOptions {
  /** The descriptor that the helper left open for the agent (RUNINK_HELPER_FD), or a stream that leads to it. */
  readonly socket: number | Duplex;
  /** Names in the helper's runtime directory, which a slice sees at /runtime. */
  readonly node?: string;
  readonly program?: string;
}

interface Volume {
  readonly herd: string;
  readonly name: string;
  readonly writable: boolean;
}

interface Pending {
  readonly subject: string;
  resolve(pid: number): void;
  readonly reject: (error: SpawnError) => void;
}

/** Resolves when the helper has said what it offers; rejects with SpawnError 'Gone' if it ends before that. */
export async function connectHelper(options: HelperOptions): Promise<HelperSpawner> {
  const socket =
    typeof options.socket === 'number'
      ? new Socket({ fd: options.socket, readable: true, writable: true })
      : options.socket;
  const spawner = new HelperSpawner(socket, options);
  await spawner.ready;
  return spawner;
}

/** Slices in namespaces and groups of their own, made by the helper. */
export class HelperSpawner implements Spawner {
  readonly isolation = 'full';
  readonly exits$: Observable<SlotExit>;
  readonly closed: Promise<void>;
  /** Resolves with the helper's first words; connectHelper waits for it. */
  readonly ready: Promise<void>;
  readonly #exits = new Subject<SlotExit>();
  readonly #socket: Duplex;
  readonly #options: HelperOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #volumes: Volume[] = [];
  #state = '';
  #lastId = 0;
  #isGone = false;
  #setReady: () => void = () => {};
  #setFailed: (error: SpawnError) => void = () => {};

  constructor(socket: Duplex, options: HelperOptions) {
    this.#socket = socket;
    this.#options = options;
    this.exits$ = this.#exits.asObservable();
    this.ready = new Promise((resolve, reject) => {
      this.#setReady = resolve;
      this.#setFailed = reject;
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#lose();
        resolve();
      });
    });
    const reader = new EventReader();
    socket.on('data', (chunk: Buffer) => {
      for (const event of reader.push(chunk)) this.#handle(event);
    });
    socket.on('end', () => socket.destroy());
    socket.on('error', () => {}); // 'close' follows and tells everyone
  }

  /** The state directory's folder of the agent; with `bundles` and `slots/SLOT` in it. */
  get agentFolder(): string {
    return join(this.#state, 'agent');
  }

  get bundles(): string {
    return join(this.agentFolder, 'bundles');
  }

  view(): SliceView {
    return {
      data: (volume) => `/data/${volume}`,
      stage: (volume) => `/stage/${volume}`,
      edgeIn: (index) => `/in/${index}`,
      edgeOut: (index) => `/out/${index}`,
      step: '/step',
      secrets: '/run/secrets',
      controlSocket: '/run/slice/agent/control.sock',
      node: `/runtime/${this.#options.node ?? 'node'}`,
      program: `/runtime/${this.#options.program ?? 'runi-slice'}`,
      tmp: '/tmp',
    };
  }

  agentDirectory(slot: Slot): string {
    return join(this.agentFolder, 'slots', slot);
  }

  async launch(request: LaunchRequest): Promise<{ readonly pid: number }> {
    const id = this.#nextId();
    return { pid: await this.#ask(id, `launch ${request.slot}`, encodeLaunch(id, request)) };
  }

  async kill(slot: Slot): Promise<void> {
    const id = this.#nextId();
    await this.#ask(id, `kill ${slot}`, encodeKill(id, slot));
  }

  async publish(request: PublishRequest): Promise<void> {
    const id = this.#nextId();
    await this.#ask(id, `publish to volume ${request.staging.volume}`, encodePublish(id, request));
  }

  async discard(staging: StagingRef): Promise<void> {
    const id = this.#nextId();
    await this.#ask(id, `discard in volume ${staging.volume}`, encodeDiscard(id, staging));
  }

  get offers(): readonly Volume[] {
    return this.#volumes;
  }

  volumes(herdUid: string): readonly { readonly name: string; readonly writable: boolean }[] {
    const own = this.#volumes.filter(({ herd }) => herd === herdUid);
    const common = this.#volumes.filter(({ herd, name }) => herd === '*' && own.every((other) => other.name !== name));
    return [...own, ...common].map(({ name, writable }) => ({ name, writable }));
  }

  /** Lets go of the helper, which then ends every slot and waits a few seconds for this process's end. */
  async close(): Promise<void> {
    this.#socket.end();
    await this.closed;
  }

  #nextId(): number {
    this.#lastId = (this.#lastId % 0xffff_ffff) + 1;
    return this.#lastId;
  }

  #ask(id: number, subject: string, bytes: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#isGone) return reject(new SpawnError('Gone', `${subject}: the helper is gone`));
      if (this.#pending.size >= pendingMax)
        return reject(new SpawnError('Refused', `${subject}: ${pendingMax} requests wait already`));
      this.#pending.set(id, { subject, resolve, reject });
      this.#socket.write(bytes, () => bytes.fill(0)); // it may have held secrets
    });
  }

  #handle(event: HelperEvent): void {
    switch (event.kind) {
      case 'volume':
        this.#volumes.push(event);
        return;
      case 'ready':
        this.#state = event.state;
        this.#setReady();
        return;
      case 'exited':
        this.#exits.next(event.exit);
        return;
      case 'done':
        this.#take(event.id).resolve(event.pid);
        return;
      case 'failed': {
        const pending = this.#take(event.id);
        pending.reject(new SpawnError(event.reason, `${pending.subject}: ${event.text}`));
        return;
      }
      default:
        unreachable(event);
    }
  }

  #take(id: number): Pending {
    const pending = this.#pending.get(id);
    assert(pending !== undefined, `the helper answered request ${id}, which nobody made`);
    this.#pending.delete(id);
    return pending;
  }

  #lose(): void {
    this.#isGone = true;
    this.#setFailed(new SpawnError('Gone', 'the helper is gone'));
    for (const { subject, reject } of this.#pending.values())
      reject(new SpawnError('Gone', `${subject}: the helper is gone`));
    this.#pending.clear();
    this.#exits.complete();
  }
}
