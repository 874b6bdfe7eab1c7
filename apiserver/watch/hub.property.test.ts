// Random writes, and watchers that join at random revisions with random selectors and take what comes at random speeds: what
// each is told equals what a model that knows the whole history says.
import { expect } from 'chai';
import { kinds, type Unstructured } from '../../apis/index.ts';
import { createMemoryBarn } from '../../barn/index.ts';
import { type Random, seededRandom, silentLog, systemClock } from '../../base/index.ts';
import { eventForm } from '../http/watch-form.ts';
import { isRecord, recordOf, textOf } from '../json.ts';
import { keyProvider } from '../storage/key-file.ts';
import { objectKey } from '../storage/keys.ts';
import { ObjectStore } from '../storage/object-store.ts';
import { Vault } from '../storage/vault.ts';
import { parseFieldSelector } from '../view/field-selector.ts';
import { parseLabelSelector } from '../view/label-selector.ts';
import type { Interest, Scope } from './groups.ts';
import { WatchHubs } from './hubs.ts';
import { Watcher } from './watcher.ts';

const info = kinds.slices;
const seeds = 25;
const stepsPerSeed = 250;
const herds = ['h1', 'h2'] as const;
const nodes = ['n1', 'n2', 'n3'] as const;
const selectors: readonly (readonly [labels: string, fields: string])[] = [
  ['', ''],
  ['', 'metadata.name=s1'],
  ['', 'spec.nodeName=n1'],
  ['', 'spec.nodeName=n2,metadata.name=s2'],
  ['', 'spec.nodeName!=n1'],
  ['a=x', ''],
  ['a in (x,y),b', 'spec.nodeName=n3'],
  ['!a', ''],
];

/** One write, as the model keeps it. */
interface Past {
  readonly revision: number;
  readonly herd: string;
  readonly before: Unstructured | undefined;
  readonly after: Unstructured | undefined;
}

describe('apiserver: watches of one kind', () => {
  for (let seed = 1; seed <= seeds; seed++)
    it(`each watcher is told what happened, once and in order (seed ${seed})`, async () => {
      const world = new World(seededRandom(seed));
      for (let step = 0; step < stepsPerSeed; step++) await world.step();
      await world.end();
    });
});

class World {
  readonly #random: Random;
  readonly #barn = createMemoryBarn();
  readonly #store = new ObjectStore(this.#barn, new Vault(keyProvider([{ id: 'k', key: new Uint8Array(32) }])));
  readonly #hubs = new WatchHubs({ store: this.#store, clock: systemClock, log: silentLog, bookmarkIntervalMs: 5 });
  readonly #history: Past[] = [];
  readonly #now = new Map<string, Unstructured>();
  readonly #clients: TestClient[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  async step(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.6) await this.#write();
    else if (dice < 0.7 && this.#clients.length < 20) this.#join();
    else if (dice < 0.95) this.#pick(this.#clients)?.drain();
    else await turn();
  }

  async end(): Promise<void> {
    const last = this.#history.at(-1)?.revision ?? 0;
    for (const client of this.#clients) await client.upTo(last);
    for (const client of this.#clients) client.compare(this.#history);
    this.#hubs.close();
    await Promise.all(this.#clients.map((client) => client.stop()));
    await this.#barn.close();
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random.next() * items.length)];
  }

  async #write(): Promise<void> {
    const herd = this.#pick(herds) ?? 'h1';
    const name = `s${1 + Math.floor(this.#random.next() * 4)}`;
    const key = objectKey(info, herd, name);
    const before = this.#now.get(key);
    const isGone = before !== undefined && this.#random.next() < 0.25;
    const labels = this.#pick<Record<string, string>>([{}, { a: 'x' }, { a: 'y', b: '' }]) ?? {};
    const after: Unstructured = {
      apiVersion: 'runink.io/v1',
      kind: 'Slice',
      metadata: { name, namespace: herd, labels },
      spec: { nodeName: this.#pick(nodes) },
    };
    const { revision } = await this.#store.txn(
      [],
      [isGone ? { do: 'delete', key } : { do: 'put', key, value: this.#store.encode(after, key) }],
    );
    if (isGone) this.#now.delete(key);
    else this.#now.set(key, after);
    this.#history.push({ revision, herd, before, after: isGone ? undefined : after });
  }

  #join(): void {
    const [labels, fields] = this.#pick(selectors) ?? ['', ''];
    const herd = this.#pick(herds) ?? 'h1';
    const scope = this.#pick<Scope>([{ kind: 'all' }, { kind: 'herd', uid: herd }, { kind: 'named', herd }]) ?? {
      kind: 'all',
    };
    const selection = { labels: parseLabelSelector(labels), fields: parseFieldSelector(fields, info) };
    const interest = { scope, selection, text: `${labels}\n${fields}` };
    const last = this.#history.at(-1)?.revision ?? 0;
    const after = Math.floor(this.#random.next() * (last + 3));
    const bufferBytesMax = this.#random.next() < 0.3 ? 700 : 1 << 20;
    this.#clients.push(new TestClient(this.#random, this.#store, this.#hubs, interest, after, bufferBytesMax));
  }
}

/** A client that takes a little at a time, and resumes where it was when it was thrown out. */
class TestClient {
  readonly #random: Random;
  readonly #store: ObjectStore;
  readonly #hubs: WatchHubs;
  readonly #interest: Interest;
  readonly #bufferBytesMax: number;
  readonly #after: number;
  readonly #lines: string[] = [];
  #told: number;
  #watcher: Watcher | undefined;
  #abort = new AbortController();
  #isStopped = false;
  #served: Promise<void>;

  constructor(
    random: Random,
    store: ObjectStore,
    hubs: WatchHubs,
    interest: Interest,
    after: number,
    bufferBytesMax: number,
  ) {
    this.#random = random;
    this.#store = store;
    this.#hubs = hubs;
    this.#interest = interest;
    this.#after = after;
    this.#told = after;
    this.#bufferBytesMax = bufferBytesMax;
    this.#served = this.#serve();
  }

  drain(): void {
    this.#watcher?.drained();
  }

  /** Waits until it has heard of `revision`, by an event or a bookmark. */
  async upTo(revision: number): Promise<void> {
    const untilMs = performance.now() + 10_000;
    while (this.#told < revision) {
      if (performance.now() > untilMs) throw new Error(`told up to ${this.#told} of ${revision}`);
      this.drain();
      await turn();
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#abort.abort();
    await this.#served;
  }

  compare(history: readonly Past[]): void {
    const expected = history.filter(({ revision }) => revision > this.#after).flatMap((past) => this.#expected(past));
    expect(this.#lines).to.deep.equal(expected);
  }

  #expected({ revision, herd, before, after }: Past): string[] {
    const { scope, selection } = this.#interest;
    const isHere = scope.kind === 'all' || (scope.kind === 'herd' ? scope.uid : scope.herd) === herd;
    // Said anew, and not by the code that is tried.
    const takes = (object: Unstructured | undefined): boolean =>
      object !== undefined &&
      isHere &&
      (selection.labels?.(object.metadata.labels ?? {}) ?? true) &&
      selection.fields.every(({ field, op, value }) => {
        const text = field === 'metadata.name' ? object.metadata.name : recordOf(object.spec).nodeName;
        return (text === value) === (op === '=');
      });
    const line = (type: string, object: Unstructured | undefined) => [
      `${revision} ${type} ${object?.metadata.name ?? ''} ${JSON.stringify(object?.metadata.labels)} ${JSON.stringify(object?.spec)}`,
    ];
    if (takes(after)) return line(takes(before) ? 'MODIFIED' : 'ADDED', after);
    return takes(before) ? line('DELETED', before) : [];
  }

  async #serve(): Promise<void> {
    for (;;) {
      const abort = new AbortController();
      this.#abort = abort;
      const watcher = new Watcher({
        interest: this.#interest,
        form: eventForm(this.#store, systemClock, { info, form: 'object', include: 'None', visible: same, sight: '' }),
        sink: {
          write: (bytes) => this.#take(bytes),
          destroy: () => abort.abort(),
        },
        bookmarks: true,
        clock: systemClock,
        bufferBytesMax: this.#bufferBytesMax,
        stallMsMax: 60_000,
        bookmarkIntervalMs: 5,
      });
      this.#watcher = watcher;
      const error = await new Promise<unknown>((resolve) =>
        this.#hubs.add(info, watcher, this.#told, abort.signal, resolve),
      );
      // The hubs were closed: it is over.
      if (error !== undefined) return;
      if (this.#isStopped) return;
    }
  }

  #take(bytes: Buffer): boolean {
    for (const text of bytes.toString().split('\n').slice(0, -1)) {
      const event: unknown = JSON.parse(text);
      if (!isRecord(event) || !isRecord(event.object) || !isRecord(event.object.metadata)) throw new Error(text);
      const { metadata, spec } = event.object;
      const revision = Number(metadata.resourceVersion);
      if (event.type === 'BOOKMARK') {
        if (revision < this.#told) throw new Error(`a bookmark of ${revision} after ${this.#told}`);
      } else {
        if (revision <= this.#told) throw new Error(`an event of ${revision} after ${this.#told}`);
        this.#lines.push(
          `${revision} ${textOf(event.type) ?? ''} ${textOf(metadata.name) ?? ''} ${JSON.stringify(metadata.labels)} ${JSON.stringify(spec)}`,
        );
      }
      this.#told = revision;
    }
    return this.#random.next() < 0.5;
  }
}

const same = (object: Unstructured): Unstructured => object;

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
