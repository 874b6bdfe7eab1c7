// Object quotas as a property: servers that write at the same time over one store, and afterwards each of its revisions is
// looked at.
import { expect } from 'chai';
import { isApiError, type Kind, kinds, type Unstructured } from '../../apis/index.ts';
import { type Barn, BarnError, createMemoryBarn } from '../../barn/index.ts';
import { ManualClock, type Random, seededRandom } from '../../base/index.ts';
import { defaultLimits } from '../limits.ts';
import { keyProvider } from '../storage/key-file.ts';
import { countKey, herdPrefix } from '../storage/keys.ts';
import { ObjectStore } from '../storage/object-store.ts';
import { Vault } from '../storage/vault.ts';
import { Counters } from './counters.ts';
import { create } from './create.ts';
import { remove } from './delete.ts';
import { patch } from './patch.ts';
import type { Registry } from './registry.ts';

const quiet = { dryRun: false, fieldValidation: 'Strict', warn: () => undefined } as const;
const herdTarget = { info: kinds.herds, name: 'h' };
const limited = kinds.annotations;
const free = kinds.serviceAccounts;

describe('apiserver: object quotas', () => {
  it('says in Kubernetes’ words what is full, and lets in what there is room for', async () => {
    const server = serverOn(createMemoryBarn(), seededRandom(1));
    await makeHerd(server);
    await quota(server, { 'count/annotations.runink.io': 1 });
    await make(server, limited, 'a');
    const refused = await failure(make(server, limited, 'b'));
    expect(refused.code).to.equal(403);
    expect(refused.message).to.equal(
      'annotations.runink.io "b" is forbidden: exceeded quota: h, requested: count/annotations.runink.io=1, used: count/annotations.runink.io=1, limited: count/annotations.runink.io=1',
    );
    expect(refused.details).to.deep.equal({ name: 'b', group: 'runink.io', kind: 'annotations' });
    expect((await failure(make(server, limited, 'b', { dryRun: true }))).reason).to.equal('Forbidden');
    // What is there already is said first: who makes a thing twice learns that it is made.
    expect((await failure(make(server, limited, 'a'))).reason).to.equal('AlreadyExists');
    await make(server, free, 'b');
    await remove(server, { info: limited, namespace: 'h', name: 'a' }, { dryRun: false });
    await make(server, limited, 'b', { dryRun: true });
    await make(server, limited, 'b');
    await remove(server, herdTarget, { dryRun: false });
    expect((await failure(make(server, limited, 'c'))).details?.causes?.[0]?.reason).to.equal('NamespaceTerminating');
  });

  it('counts what was there before the quota, and leaves nothing behind', async () => {
    const barn = createMemoryBarn();
    const server = serverOn(barn, seededRandom(1));
    const uid = await makeHerd(server);
    for (const name of ['a', 'b', 'c']) await make(server, limited, name);
    await quota(server, { 'count/annotations.runink.io': '4', 'count/widgets.example.com': 2 });
    await barn.compact(await barn.readIndex());
    await make(server, limited, 'd');
    expect((await failure(make(server, limited, 'e'))).message).to.include('used: count/annotations.runink.io=4');
    await quota(server, { 'count/annotations.runink.io': 2, 'count/widgets.example.com': null });
    await remove(server, { info: limited, namespace: 'h', name: 'a' }, { dryRun: false });
    await remove(server, { info: limited, namespace: 'h', name: 'b' }, { dryRun: false });
    expect((await failure(make(server, limited, 'e'))).message).to.include('used: count/annotations.runink.io=2');
    for (const name of ['c', 'd']) await remove(server, { info: limited, namespace: 'h', name }, { dryRun: false });
    await remove(server, herdTarget, { dryRun: false });
    await patch(server, herdTarget, 'merge', { spec: { finalizers: [] } }, quiet);
    const left = await barn.range(`count/${uid}/`, `count/${uid}0`);
    expect(left.items.map(({ key }) => key)).to.deep.equal([]);
  });

  it('removes what makes room on a full disk, and holds the quota when there is room again', async () => {
    const disk = { isFull: false };
    const barn = createMemoryBarn();
    const server = serverOn(jittery(barn, seededRandom(1), disk), seededRandom(1));
    const uid = await makeHerd(server);
    await quota(server, { 'count/annotations.runink.io': 2 });
    for (const name of ['a', 'b']) await make(server, limited, name);
    disk.isFull = true;
    await remove(server, { info: limited, namespace: 'h', name: 'a' }, { dryRun: false });
    expect((await barn.range(countKey(uid, 'annotations.runink.io'))).count).to.equal(0);
    disk.isFull = false;
    await make(server, limited, 'c', { dryRun: true });
    await make(server, limited, 'c');
    expect((await failure(make(server, limited, 'd'))).message).to.include('used: count/annotations.runink.io=2');
  });

  for (const [name, quantity, message] of [
    ['pipelines', 1, 'must be count/RESOURCE, or count/RESOURCE.GROUP outside the core group'],
    ['count/', 1, 'must be count/RESOURCE, or count/RESOURCE.GROUP outside the core group'],
    ['count/pods', 1, 'pods only show objects of kind Slice: limit those'],
    ['count/secrets', '500m', 'must be an integer'],
    ['count/secrets', 'many', 'quantity "many" must be a number with an optional suffix such as m, k, Mi or Gi'],
    ['count/secrets', -1, 'quantity "-1" must not be negative'],
  ] as const)
    it(`takes no quota ${name}: ${quantity}`, async () => {
      const server = serverOn(createMemoryBarn(), seededRandom(1));
      await makeHerd(server);
      const refused = await failure(quota(server, { [name]: quantity }));
      expect(refused.reason).to.equal('Invalid');
      expect(refused.details?.causes?.[0]?.field).to.match(/^spec\.quota\.objects/);
      expect(refused.message).to.include(message);
    });

  // Among them are some in which a create meets a quota that was set, and a counter that a full disk had no room for, in between.
  for (const seed of [1, 2, 3, 16, 29, 33, 54, 60])
    it(`never lets more in than the quota, and always knows how many there are (seed ${seed})`, async () => {
      const random = seededRandom(seed);
      const barn = createMemoryBarn();
      const disk = { isFull: false };
      const servers = [1, 2, 3].map(() => serverOn(jittery(barn, random, disk), random));
      const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T;
      const uid = await makeHerd(serverOn(barn, random));
      const workers = Array.from({ length: 9 }, async (_, worker) => {
        for (let step = 0; step < 40; step++) {
          const server = pick(servers);
          const name = random.next() < 0.7 ? `w${worker}-${step}` : pick(['x', 'y', 'z']);
          disk.isFull = random.next() < (disk.isFull ? 0.8 : 0.03);
          const roll = random.next();
          const done =
            roll < 0.55
              ? make(server, limited, name)
              : roll < 0.62
                ? make(server, limited, name, {}, ['example.com/hold'])
                : roll < 0.92
                  ? removeSome(server, random)
                  : quota(server, { 'count/annotations.runink.io': pick([null, 0, 3, 5, 9]) });
          await done.catch((error: unknown) => {
            const isFull = error instanceof BarnError && error.reason === 'NoSpace';
            if (!isFull && !isApiError(error, 'Forbidden', 'AlreadyExists', 'NotFound', 'Conflict')) throw error;
          });
        }
      });
      await Promise.all(workers);
      expect(await replay(barn, uid)).to.deep.equal([]);
    });
});

/** Everything that was wrong at some revision. */
async function replay(barn: Barn, uid: string): Promise<readonly string[]> {
  const last = await barn.readIndex();
  const objects = new Set<string>();
  const wrong: string[] = [];
  let counter: { readonly hard: number; readonly used?: number } | undefined;
  let limit: number | undefined;
  let made = 0;
  let counted = 0;
  const prefix = herdPrefix(limited, uid);
  for await (const { revision, events } of await barn.watch('/', '~', 1, { progress: true })) {
    const before = objects.size;
    for (const { type, kv } of events) {
      if (kv.key.startsWith(prefix)) {
        if (type === 'put') objects.add(kv.key);
        else objects.delete(kv.key);
      }
    }
    for (const { type, kv } of events)
      if (kv.key === countKey(uid, 'annotations.runink.io'))
        counter = type === 'put' ? (JSON.parse(Buffer.from(kv.value).toString()) as { hard: number }) : undefined;
    for (const { type, kv } of events) if (type === 'put' && kv.key === herdKey) limit = limitIn(kv.value);
    if (objects.size > before) made++;
    if (counter?.used !== undefined) counted++;
    if (counter?.used !== undefined && counter.used !== objects.size)
      wrong.push(`revision ${revision}: ${objects.size} are there, ${counter.used} were counted`);
    if (limit !== undefined && objects.size > before && objects.size > limit)
      wrong.push(`revision ${revision}: the ${objects.size}th was let in, the quota is ${limit}`);
    if (revision >= last) break;
  }
  // A run in which nothing happened would prove nothing.
  if (made < 10 || counted < 10) wrong.push(`only ${made} were made, ${counted} revisions had a number`);
  return wrong;
}

const herdKey = '/registry/runink.io/herds/_/h';

function limitIn(value: Uint8Array): number | undefined {
  const herd = JSON.parse(Buffer.from(value).toString()) as { spec: { quota?: { objects?: Record<string, number> } } };
  return herd.spec.quota?.objects?.['count/annotations.runink.io'];
}

async function removeSome(server: Registry, random: Random): Promise<void> {
  const { items } = await server.store.page(limited, undefined, {});
  const victim = items[Math.floor(random.next() * items.length)];
  const name = victim?.object.metadata.name;
  if (name === undefined) return;
  const target = { info: limited, namespace: 'h', name };
  const deleted = await remove(server, target, { dryRun: false });
  // Its last finalizer goes with an update, which removes it.
  if (deleted.kind === 'marked') await patch(server, target, 'merge', { metadata: { finalizers: null } }, quiet);
}

function serverOn(barn: Barn, random: Random): Registry {
  const keys = keyProvider([{ id: 'k', key: new Uint8Array(32).fill(1) }]);
  return {
    store: new ObjectStore(barn, new Vault(keys)),
    clock: new ManualClock(),
    random,
    newUid: () => crypto.randomUUID(),
    limits: defaultLimits,
    counters: new Counters(),
    checks: {},
  };
}

/** The same store for one that is further away: each call and each answer takes its time, and at times the disk is full. */
function jittery(barn: Barn, random: Random, disk: { readonly isFull: boolean }): Barn {
  const wait = async (): Promise<void> => {
    for (let turns = Math.floor(random.next() * 4); turns > 0; turns--) await new Promise(setImmediate);
  };
  const far =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      await wait();
      const answer = await call(...given);
      await wait();
      return answer;
    };
  return {
    range: far((...given) => barn.range(...given)),
    txn: far((...given) => {
      const puts = disk.isFull && given[1].some((operation) => operation.do === 'put');
      return puts ? Promise.reject(new BarnError('NoSpace', 'the disk is full')) : barn.txn(...given);
    }),
    watch: (...given) => barn.watch(...given),
    readIndex: () => barn.readIndex(),
    compact: (revision) => barn.compact(revision),
    members: () => barn.members(),
    status: () => barn.status(),
    snapshot: () => {
      throw new BarnError('Closed', 'not here');
    },
    close: () => Promise.resolve(),
  };
}

async function makeHerd(server: Registry): Promise<string> {
  const body = { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name: 'h' } };
  return (await create(server, { info: kinds.herds }, body, quiet)).metadata.uid ?? '';
}

function quota(server: Registry, objects: Readonly<Record<string, unknown>>): Promise<Unstructured> {
  return patch(server, herdTarget, 'merge', { spec: { quota: { objects } } }, quiet);
}

function make(
  server: Registry,
  info: Kind<unknown>,
  name: string,
  options: { readonly dryRun?: boolean } = {},
  finalizers: readonly string[] = [],
): Promise<Unstructured> {
  const spec = { annotatedDataRef: { dataset: 'd' }, key: 'k', value: 'v' };
  const body = { metadata: { name, finalizers }, ...(info === limited ? { spec } : {}) };
  const apiVersion = info.group === '' ? 'v1' : `${info.group}/v1`;
  const target = { info, namespace: 'h' };
  return create(server, target, { ...body, apiVersion, kind: info.kind }, { ...quiet, ...options });
}

async function failure(promise: Promise<unknown>) {
  const error: unknown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!isApiError(error)) throw new Error('was not refused', { cause: error });
  return error;
}
