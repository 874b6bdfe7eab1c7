import { connect, type Socket } from 'node:net';
import type {
  Barn,
  BarnAlarm,
  Compare,
  Key,
  Member,
  MemberCounts,
  MemberStatus,
  Operation,
  RangeOptions,
  RangeResult,
  Replacement,
  ReplicatedBarn,
  TxnResult,
  WatchBatch,
  WatchOptions,
} from '../../../barn/index.ts';
import { BarnError } from '../../../barn/index.ts';
import { type Frame, FrameReader, frame, fromJson, getFrame, jsonFrame, kind, putFrame, toError } from './wire.ts';

interface Pending {
  resolve(frame: Frame): void;
  reject(error: Error): void;
}

/**
 * A member in another process. When the connection breaks, what was under way ends with Unknown: it may have happened.
 * `snapshot` is not offered here.
 */
export class RemoteBarn implements Omit<ReplicatedBarn, 'snapshot'> {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #pending = new Map<number, Pending>();
  readonly #watches = new Map<number, (batch: WatchBatch | null | Error) => void>();
  #next = 1;
  #broken: Error | undefined;

  /** Connects to a unix socket or a loopback port. */
  static connect(at: string | number): Promise<RemoteBarn> {
    return new Promise((resolve, reject) => {
      const socket = typeof at === 'string' ? connect(at) : connect(at, '127.0.0.1');
      socket.setNoDelay(true);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RemoteBarn(socket));
      });
    });
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      for (const answer of this.#reader.push(chunk)) this.#take(answer);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#break());
  }

  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  /** Reads nothing more until told, as a client does that hangs. */
  stopReading(): void {
    this.#socket.pause();
  }

  goOnReading(): void {
    this.#socket.resume();
  }

  /** The revision of a put of its own. */
  async put(key: Key, value: Uint8Array): Promise<number> {
    return (await this.#ask((request) => putFrame(request, key, value))).body.readUIntLE(0, 6);
  }

  /** The value and its revision, or undefined. */
  async get(key: Key, serializable = false): Promise<{ value: Uint8Array; modRevision: number } | undefined> {
    const { body } = await this.#ask((request) => getFrame(request, key, serializable));
    const modRevision = body.readUIntLE(0, 6);
    return modRevision === 0 ? undefined : { value: body.subarray(6), modRevision };
  }

  range(start: Key, end?: Key, options: RangeOptions = {}): Promise<RangeResult> {
    return this.#call('range', start, end ?? null, options);
  }

  async txn(
    compares: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[] = [],
  ): Promise<TxnResult> {
    const done = await this.#call<TxnResult>('txn', compares, success, failure);
    // JSON has no undefined in lists.
    return { ...done, results: done.results.map((kv) => kv ?? undefined) };
  }

  async watch(
    start: Key,
    end: Key | undefined,
    from: number,
    { signal, ...options }: WatchOptions = {},
  ): Promise<AsyncIterableIterator<WatchBatch>> {
    const queue: (WatchBatch | null | Error)[] = [];
    let wake: (() => void) | undefined;
    let asked = 0;
    const sent = this.#ask((request) => {
      asked = request;
      this.#watches.set(request, (batch) => {
        queue.push(batch);
        wake?.();
      });
      return jsonFrame(request, kind.watch, [start, end ?? null, from, options]);
    });
    await sent.catch((error: unknown) => {
      this.#watches.delete(asked);
      throw error;
    });
    const stop = (): void => {
      if (this.#watches.delete(asked)) this.#socket.write(frame(asked, kind.stop, 0));
      queue.push(null);
      wake?.();
    };
    signal?.addEventListener('abort', stop, { once: true });
    return (async function* (): AsyncGenerator<WatchBatch> {
      try {
        for (;;) {
          const next = queue.shift();
          if (next === null) return;
          if (next instanceof Error) throw next;
          if (next !== undefined) yield next;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        stop();
      }
    })();
  }

  readIndex(): Promise<number> {
    return this.#call('readIndex');
  }

  compact(revision: number): Promise<void> {
    return this.#call('compact', revision);
  }

  members(): Promise<readonly Member[]> {
    return this.#call('members');
  }

  status(): Promise<MemberStatus> {
    return this.#call('status');
  }

  addLearner(name: string, peerUrl: string): Promise<Member> {
    return this.#call('addLearner', name, peerUrl);
  }

  promote(id: number): Promise<Member> {
    return this.#call('promote', id);
  }

  replace(replacements: readonly Replacement[]): Promise<void> {
    return this.#call('replace', replacements);
  }

  remove(id: number): Promise<void> {
    return this.#call('remove', id);
  }

  transferLeader(id: number): Promise<void> {
    return this.#call('transferLeader', id);
  }

  disarm(alarm: BarnAlarm): Promise<void> {
    return this.#call('disarm', alarm);
  }

  counts(): Promise<MemberCounts> {
    return this.#call('counts');
  }

  stepDown(): Promise<void> {
    return this.#call('stepDown');
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    this.#break();
  }

  async #call<T>(method: keyof Barn | keyof ReplicatedBarn, ...args: readonly unknown[]): Promise<T> {
    const { body } = await this.#ask((request) => jsonFrame(request, kind.call, [method, ...args]));
    return fromJson<T>(body);
  }

  #ask(make: (request: number) => Buffer): Promise<Frame> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const request = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { resolve, reject });
      this.#socket.write(make(request));
    });
  }

  #take(answer: Frame): void {
    if (answer.kind === kind.event)
      return this.#watches.get(answer.request)?.(fromJson<WatchBatch | null>(answer.body));
    const pending = this.#pending.get(answer.request);
    this.#pending.delete(answer.request);
    if (answer.kind !== kind.refused) return pending?.resolve(answer);
    const error = toError(answer.body);
    if (pending !== undefined) pending.reject(error);
    else this.#watches.get(answer.request)?.(error);
  }

  #break(): void {
    this.#broken ??= new BarnError('Unknown', 'the connection to the member broke');
    for (const { reject } of this.#pending.values()) reject(this.#broken);
    this.#pending.clear();
    for (const watch of this.#watches.values()) watch(this.#broken);
    this.#watches.clear();
  }
}
