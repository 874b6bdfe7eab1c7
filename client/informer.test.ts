import { expect } from 'chai';
import { ApiError, type ApiObject, type Kind, kinds, type Secret, type WatchEvent } from '../apis/index.ts';
import { type Log, ManualClock, type Random, seededRandom, silentLog, systemClock } from '../base/index.ts';
import {
  type Client,
  Informer,
  type InformerEvent,
  type InformerOptions,
  MemoryClient,
  type WatchOptions,
} from './index.ts';

describe('Informer', () => {
  it('tells what is there and every change, and serves it frozen from its cache', async () => {
    const api = new MemoryClient();
    await api.create(kinds.secrets, secret('a'));
    await using informer = start(api, { kind: kinds.secrets, namespace: 'default' });
    const told = record(informer);
    await informer.synced;
    const made = await api.create(kinds.secrets, secret('b'));
    await api.patch(kinds.secrets, ref('b'), { type: 'merge', body: { metadata: { labels: { x: 'y' } } } });
    await api.delete(kinds.secrets, ref('a'));
    await until(() => told.length === 4);
    expect(told).to.deep.equal(['added a', 'added b', 'updated b', 'deleted a']);
    expect(informer.get(ref('a'))).to.equal(undefined);
    expect(Object.isFrozen(informer.get(ref('b'))?.metadata.labels)).to.equal(true);
    expect(informer.get(ref('b'))?.metadata.uid).to.equal(made.metadata.uid);
    expect(informer.list('default').length + informer.list('elsewhere').length).to.equal(1);
  });

  it('replays the cache to whoever subscribes later', async () => {
    const api = new MemoryClient();
    for (const name of ['a', 'b']) await api.create(kinds.secrets, secret(name));
    await using informer = start(api, { kind: kinds.secrets });
    await informer.synced;
    expect(record(informer)).to.deep.equal(['added a', 'added b']);
  });

  it('finds objects by an index through changes and deletions', async () => {
    const api = new MemoryClient();
    await using informer = start(api, { kind: kinds.secrets });
    for (const name of ['a', 'b', 'c']) await api.create(kinds.secrets, secret(name));
    await until(() => informer.list().length === 3);
    informer.addIndexer('tier', (object) => [object.metadata.labels?.['tier'] ?? 'none']);
    await api.patch(kinds.secrets, ref('b'), { type: 'merge', body: { metadata: { labels: { tier: 'gold' } } } });
    await api.delete(kinds.secrets, ref('c'));
    await until(() => informer.list().length === 2 && informer.get(ref('b'))?.metadata.labels !== undefined);
    const names = (tier: string): unknown => informer.byIndex('tier', tier).map(({ metadata }) => metadata.name);
    expect([names('gold'), names('none'), names('other')]).to.deep.equal([['b'], ['a'], []]);
  });

  it('tells a new object of an old name as deleted and added', async () => {
    const api = new MemoryClient();
    await api.create(kinds.secrets, secret('a'));
    const faults = new FaultyClient(api, seededRandom(1));
    await using informer = start(faults, { kind: kinds.secrets });
    const told = record(informer);
    await informer.synced;
    faults.isDown = true;
    api.breakWatches();
    await api.delete(kinds.secrets, ref('a'));
    await api.create(kinds.secrets, secret('a'));
    api.compact();
    faults.isDown = false;
    await until(() => told.length === 3);
    expect(told).to.deep.equal(['added a', 'deleted a', 'added a']);
  });

  it('lists anew when its version is forgotten, and tells only what differs', async () => {
    const api = new MemoryClient();
    for (const name of ['a', 'b', 'c']) await api.create(kinds.secrets, secret(name));
    const faults = new FaultyClient(api, seededRandom(1));
    await using informer = start(faults, { kind: kinds.secrets });
    await informer.synced;
    const told = record(informer);
    told.length = 0;
    let relists = 0;
    // After all differences, in the same turn.
    informer.relists$.subscribe(() => void (relists += told.length));
    faults.isDown = true;
    api.breakWatches();
    await api.delete(kinds.secrets, ref('a'));
    await api.patch(kinds.secrets, ref('b'), { type: 'merge', body: { metadata: { labels: { x: 'y' } } } });
    await api.create(kinds.secrets, secret('d'));
    api.compact();
    faults.isDown = false;
    await until(() => told.length === 3);
    expect(told).to.deep.equal(['deleted a', 'updated b', 'added d']);
    expect(relists).to.equal(3);
  });

  it('refuses a list that is older than what it has seen', async () => {
    const api = new MemoryClient();
    await api.create(kinds.secrets, secret('a'));
    const stale = new MemoryClient();
    let current: Client = api;
    const client = {
      async *watch(kind: Kind<Secret>, options: WatchOptions) {
        if (current === stale && options.resourceVersion !== undefined) throw new ApiError('Expired', 'forgotten');
        yield* current.watch(kind, options);
      },
    } as unknown as Client;
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (_, fields) => warnings.push(String(fields?.['cause'])) };
    await using informer = start(client, { kind: kinds.secrets }, log);
    await informer.synced;
    current = stale;
    api.breakWatches();
    await until(() => warnings.some((text) => text.includes('older than')));
    expect(informer.list().length).to.equal(1);
    current = api;
    await api.create(kinds.secrets, secret('b'));
    await until(() => informer.list().length === 2);
  });

  it('waits longer and longer while the API fails, and not at all after progress', async () => {
    const clock = new ManualClock();
    const api = new MemoryClient();
    api.failWith(() => new ApiError('ServiceUnavailable', 'down'));
    let attempts = 0;
    const log: Log = { ...silentLog, warn: () => void attempts++ };
    const random: Random = { next: () => 0.999 };
    const informer = new Informer({ client: api, clock, random, log }, { kind: kinds.secrets });
    informer.start();
    const seen: number[] = [];
    for (let ms = 0; ms < 1600; ms += 100) {
      await settle();
      seen.push(attempts);
      clock.advance(100);
    }
    expect(seen).to.deep.equal([1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5]);
    await informer[Symbol.asyncDispose]();
  });

  it('ends at its disposal: the stream completes, who waits for it learns it', async () => {
    const api = new MemoryClient();
    api.failWith(() => new ApiError('ServiceUnavailable', 'down'));
    const informer = start(api, { kind: kinds.secrets });
    let isComplete = false;
    informer.events$.subscribe({ complete: () => void (isComplete = true) });
    const { synced } = informer;
    await informer[Symbol.asyncDispose]();
    expect(isComplete).to.equal(true);
    expect(await synced.catch((cause: unknown) => String(cause))).to.equal(
      'Error: the informer of secrets ended before it was in sync',
    );
  });

  // Random writes under broken streams, forgotten versions, refusals, doubled events and reconnections.
  for (let seed = 1; seed <= 25; seed++)
    it(`converges to the truth and never goes back, seed ${seed}`, async () => {
      const random = seededRandom(seed);
      const api = new MemoryClient({ historyMax: 30 });
      const faults = new FaultyClient(api, random);
      await using informer = start(faults, { kind: kinds.secrets, namespace: 'default' });
      const shown = new Map<string, number>();
      const mirror = new Map<string, string>();
      informer.events$.subscribe((event) => {
        const { name = '', resourceVersion = '' } = event.object.metadata;
        // What a list no longer holds is told with the last version that was known of it.
        const isOlder = Number(resourceVersion) < (shown.get(name) ?? 0) + (event.type === 'deleted' ? 0 : 1);
        expect(isOlder, `seed ${seed}: ${name} went back`).to.equal(false);
        expect(mirror.has(name), `seed ${seed}: ${event.type} ${name}`).to.equal(event.type !== 'added');
        shown.set(name, Number(resourceVersion));
        if (event.type === 'deleted') mirror.delete(name);
        else mirror.set(name, resourceVersion);
      });
      for (let step = 0; step < 150; step++) {
        await write(api, random);
        const dice = random.next();
        if (dice < 0.05) api.breakWatches();
        else if (dice < 0.08) api.compact();
        if (dice < 0.4) await settle();
      }
      faults.isCalm = true;
      api.breakWatches();
      const truth = async (): Promise<unknown> =>
        (await api.list(kinds.secrets)).items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]);
      const cached = (): unknown =>
        informer
          .list()
          .map(({ metadata }) => [metadata.name, metadata.resourceVersion])
          .sort(byName);
      const wanted = JSON.stringify(await truth());
      await until(() => JSON.stringify(cached()) === wanted);
      expect([...mirror].sort(byName)).to.deep.equal(cached());
    });
});

/** Breaks watches in every way a server or network may; other calls pass. */
class FaultyClient {
  isCalm = false;
  isDown = false;
  readonly #client: Client;
  readonly #random: Random;

  constructor(client: Client, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  async *watch<T extends ApiObject>(kind: Kind<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>> {
    const dice = (chance: number): boolean => !this.isCalm && this.#random.next() < chance;
    if (this.isDown) throw new ApiError('ServiceUnavailable', 'down');
    if (dice(0.1)) throw new ApiError('InternalError', 'injected');
    const told: WatchEvent<T>[] = [];
    for await (const event of this.#client.watch(kind, options)) {
      if (this.isDown || dice(0.05)) return;
      if (dice(0.03)) throw new ApiError('Expired', 'injected');
      if (dice(0.03)) throw new Error('socket hang up');
      yield event;
      if (event.type !== 'BOOKMARK') told.push(event);
      // Old events again: a server that forwards from a lagging cache.
      const again = told[Math.floor(this.#random.next() * told.length)];
      if (again !== undefined && dice(0.1)) yield structuredClone(again);
    }
  }
}

async function write(api: MemoryClient, random: Random): Promise<void> {
  const name = `s${Math.floor(random.next() * 8)}`;
  const there = await api.get(kinds.secrets, ref(name)).catch(() => undefined);
  if (there === undefined) await api.create(kinds.secrets, secret(name));
  else if (random.next() < 0.4) await api.delete(kinds.secrets, ref(name));
  else
    await api.update(kinds.secrets, { ...there, metadata: { ...there.metadata, labels: { n: `${random.next()}` } } });
}

function start<T extends ApiObject>(
  client: Pick<Client, 'watch'>,
  options: InformerOptions<T>,
  log: Log = silentLog,
): Informer<T> {
  const deps = { client: client as Client, clock: systemClock, random: seededRandom(1), log };
  const informer = new Informer(deps, { backoff: { baseMs: 1, capMs: 5 }, ...options });
  informer.start();
  return informer;
}

function record(informer: Informer<Secret>): string[] {
  const told: string[] = [];
  informer.events$.subscribe((event: InformerEvent<Secret>) =>
    told.push(`${event.type} ${event.object.metadata.name ?? ''}`),
  );
  return told;
}

const ref = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });
const secret = (name: string): Secret => ({ apiVersion: 'v1', kind: 'Secret', metadata: ref(name) });
const byName = ([a = '']: readonly (string | undefined)[], [b = '']: readonly (string | undefined)[]): number =>
  a < b ? -1 : 1;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function until(holds: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + 4_000;
  while (!holds()) {
    if (Date.now() > deadlineMs) throw new Error('it did not come true in time');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
