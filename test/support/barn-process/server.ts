// Serves a Barn to tests and benchmarks over a socket, in the words of wire.ts.
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Barn, ReplicatedBarn, WatchBatch } from '../../../barn/index.ts';
import {
  countFrame,
  type Frame,
  FrameReader,
  frame,
  fromJson,
  jsonFrame,
  kind,
  listFrame,
  refusal,
  valueFrame,
} from './wire.ts';

/** Methods that may be called by name; their arguments come as JSON. */
const callable = new Set<string>([
  'range',
  'txn',
  'readIndex',
  'compact',
  'members',
  'status',
  'addLearner',
  'promote',
  'replace',
  'remove',
  'transferLeader',
  'disarm',
  'stepDown',
  'counts',
]);

/** Listens at `path` (a unix socket) or on a loopback port; resolves with the server once it does. */
export function serveBarn(barn: Barn | ReplicatedBarn, at: string | number): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => new Session(barn, socket));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const listening = (): void => resolve(server);
    if (typeof at === 'string') server.listen(at, listening);
    else server.listen(at, '127.0.0.1', listening);
  });
}

class Session {
  readonly #barn: Barn;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #watches = new Map<number, AbortController>();
  readonly #closed: Promise<unknown>;
  #out: Buffer[] = [];

  constructor(barn: Barn, socket: Socket) {
    this.#barn = barn;
    this.#socket = socket;
    this.#closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('data', (chunk: Buffer) => {
      for (const request of this.#reader.push(chunk)) this.#take(request);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const watch of this.#watches.values()) watch.abort();
    });
  }

  #take(request: Frame): void {
    this.#answer(request).then(
      (bytes) => bytes !== undefined && this.#send(bytes),
      (error: unknown) => this.#send(jsonFrame(request.request, kind.refused, refusal(error))),
    );
  }

  async #answer({ request, kind: what, body }: Frame): Promise<Buffer | undefined> {
    switch (what) {
      case kind.put: {
        const valueAt = 2 + body.readUInt16LE(0);
        const key = body.toString('latin1', 2, valueAt);
        const { revision } = await this.#barn.txn([], [{ do: 'put', key, value: body.subarray(valueAt) }]);
        return frame(request, kind.ok, 6, (to) => to.writeUIntLE(revision, 0, 6));
      }
      case kind.get: {
        const serializable = body[0] === 1;
        const { items } = await this.#barn.range(body.toString('latin1', 1), undefined, { serializable });
        return valueFrame(request, items[0]);
      }
      case kind.list: {
        const endAt = 2 + body.readUInt16LE(0);
        const { items } = await this.#barn.range(body.toString('latin1', 2, endAt), body.toString('latin1', endAt));
        return listFrame(request, items);
      }
      case kind.call: {
        const [method, ...args] = fromJson<[string, ...unknown[]]>(body);
        if (!callable.has(method)) throw new Error(`no method ${method}`);
        const result: unknown = await Reflect.apply(
          Reflect.get(this.#barn, method),
          this.#barn,
          args.map((argument) => argument ?? undefined),
        );
        return jsonFrame(request, kind.ok, result ?? null);
      }
      case kind.watch: {
        const [start, end, from, options] = fromJson<[string, string | null, number, object]>(body);
        return this.#watch(request, [start, end ?? undefined, from, options], (batch) =>
          jsonFrame(request, kind.event, batch),
        );
      }
      case kind.follow:
        return this.#watch(request, [body.toString('latin1'), undefined, 0, {}], ({ events }) =>
          countFrame(request, events.length),
        );
      case kind.stop:
        this.#watches.get(request)?.abort();
        return undefined;
      default:
        throw new Error(`no request of kind ${what}`);
    }
  }

  async #watch(
    request: number,
    [start, end, from, options]: readonly [string, string | undefined, number, object],
    encode: (batch: WatchBatch) => Buffer,
  ): Promise<undefined> {
    const abort = new AbortController();
    this.#watches.set(request, abort);
    const batches = await this.#barn.watch(start, end, from, { ...options, signal: abort.signal });
    this.#send(jsonFrame(request, kind.ok, null));
    try {
      for await (const batch of batches) {
        this.#send(encode(batch));
        // A reader that does not keep up is the store's to cut, so nothing may pile up here.
        if (this.#socket.writableNeedDrain) await Promise.race([once(this.#socket, 'drain'), this.#closed]);
      }
      this.#send(jsonFrame(request, kind.event, null));
    } finally {
      this.#watches.delete(request);
    }
    return undefined;
  }

  /** What one turn says leaves in one write. */
  #send(bytes: Buffer): void {
    if (this.#out.push(bytes) > 1) return;
    queueMicrotask(() =>
      setImmediate(() => {
        const out = this.#out;
        this.#out = [];
        if (this.#socket.writable) this.#socket.write(out.length === 1 && out[0] ? out[0] : Buffer.concat(out));
      }),
    );
  }
}
