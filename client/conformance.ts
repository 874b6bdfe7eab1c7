// Test support: the one suite that every twin of Client passes. What is checked here is what controllers, agents and
// runictl may rely on.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import {
  ApiError,
  type ApiObject,
  type Contract,
  type Herd,
  type Kind,
  kinds,
  type Lease,
  type Node,
  type Run,
  type Secret,
  type Slice,
  type StatusReason,
  type WatchEvent,
} from '../apis/index.ts';
import type { Client, WatchOptions } from './client.ts';

export interface ConformanceSubject {
  readonly client: Client;
  /** Makes the server forget the history before now; absent: not checked. */
  compact?(): Promise<void>;
  close(): Promise<void>;
}

const watchMsMax = 5_000;

/** Declares the suite's tests for what `open` gives; opened once, each test works in herds of its own. */
export function describeClient(title: string, open: () => Promise<ConformanceSubject>): void {
  describe(`Client: ${title}`, () => {
    let subject: ConformanceSubject;
    let client: Client;
    let herd: string;

    before(async () => {
      subject = await open();
      client = subject.client;
    });
    after(() => subject?.close());
    beforeEach(async () => {
      herd = `c-${randomBytes(5).toString('hex')}`;
      await client.create(kinds.herds, herdOf(herd));
    });

    describe('objects', () => {
      it('stamps what it creates', async () => {
        const made = await client.create(kinds.contracts, contractOf(herd, 'a'));
        expect(made.metadata.uid).to.match(/^[0-9a-f-]{36}$/);
        expect(made.metadata.creationTimestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        expect(made.metadata.generation).to.equal(1);
        expect(Number(made.metadata.resourceVersion)).to.be.greaterThan(0);
        expect([made.apiVersion, made.kind]).to.deep.equal(['runink.io/v1', 'Contract']);
        expect(await client.get(kinds.contracts, { namespace: herd, name: 'a' })).to.deep.equal(made);
      });

      it('makes a name of generateName', async () => {
        const { metadata } = contractOf(herd, '');
        const { name: _, ...rest } = metadata;
        const made = await client.create(kinds.contracts, {
          ...contractOf(herd, ''),
          metadata: { ...rest, generateName: 'gen-' },
        });
        expect(made.metadata.name).to.match(/^gen-[a-z0-9]{5}$/);
      });

      it('gives every write a greater version', async () => {
        const versions: number[] = [];
        for (const name of ['a', 'b', 'c'])
          versions.push(versionOf(await client.create(kinds.contracts, contractOf(herd, name))));
        expect([...versions].sort((a, b) => a - b)).to.deep.equal(versions);
        expect(new Set(versions).size).to.equal(3);
      });

      for (const [reason, what, act] of [
        ['NotFound', 'get', (c, h) => c.get(kinds.contracts, { namespace: h, name: 'none' })],
        ['NotFound', 'delete', (c, h) => c.delete(kinds.contracts, { namespace: h, name: 'none' })],
        ['NotFound', 'update', (c, h) => c.update(kinds.contracts, withVersion(contractOf(h, 'none'), '5'))],
        ['NotFound', 'create in no herd', (c) => c.create(kinds.contracts, contractOf('no-such-herd', 'a'))],
        ['Invalid', 'create with a bad name', (c, h) => c.create(kinds.contracts, contractOf(h, 'Bad_Name'))],
        [
          'BadRequest',
          'create with a version',
          (c, h) => c.create(kinds.contracts, withVersion(contractOf(h, 'a'), '5')),
        ],
        [
          'BadRequest',
          'create with an unknown field',
          (c, h) => c.create(kinds.contracts, withField(contractOf(h, 'a'))),
        ],
        ['Invalid', 'create with a wrong type', (c, h) => c.create(kinds.slices, sliceOf(h, 's', { attempt: 1.5 }))],
      ] as const satisfies readonly (readonly [StatusReason, string, (c: Client, h: string) => Promise<unknown>])[])
        it(`refuses with ${reason}: ${what}`, async () => {
          await refused(reason, act(client, herd));
        });

      it('refuses a second object of a name', async () => {
        await client.create(kinds.contracts, contractOf(herd, 'a'));
        const error = await refused('AlreadyExists', client.create(kinds.contracts, contractOf(herd, 'a')));
        expect(error.message).to.equal('contracts.runink.io "a" already exists');
      });

      it('keeps nothing of a dry run', async () => {
        await client.create(kinds.contracts, contractOf(herd, 'a'), { dryRun: true });
        await refused('NotFound', client.get(kinds.contracts, { namespace: herd, name: 'a' }));
      });
    });

    describe('updates', () => {
      it('needs the version that is stored', async () => {
        const first = await client.create(kinds.herds, herdOf(`${herd}-x`));
        const second = await client.update(kinds.herds, { ...first, spec: { ...first.spec, quota: { slices: 1 } } });
        expect(versionOf(second)).to.be.greaterThan(versionOf(first));
        const error = await refused(
          'Conflict',
          client.update(kinds.herds, { ...first, spec: { ...first.spec, quota: { slices: 2 } } }),
        );
        expect(error.message).to.match(
          /^Operation cannot be fulfilled on herds.runink.io ".*": the object has been modified/,
        );
        await client.delete(kinds.herds, { name: `${herd}-x` });
      });

      it('refuses one without a version', async () => {
        await client.create(kinds.contracts, contractOf(herd, 'a'));
        await refused('Invalid', client.update(kinds.contracts, contractOf(herd, 'a')));
      });

      it('lets nobody take the finalizer of a herd that lives', async () => {
        const body = { spec: { finalizers: [] } };
        await refused('Invalid', client.patch(kinds.herds, { name: herd }, { type: 'merge', body }));
      });

      it('counts generations of the spec only, and keeps what the server set', async () => {
        const first = await client.create(kinds.herds, herdOf(`${herd}-y`));
        const labelled = await client.update(kinds.herds, {
          ...first,
          metadata: { ...first.metadata, labels: { a: 'b' } },
        });
        expect([labelled.metadata.generation, labelled.metadata.labels]).to.deep.equal([1, { a: 'b' }]);
        const changed = await client.update(kinds.herds, {
          ...labelled,
          spec: { ...labelled.spec, quota: { slices: 1 } },
        });
        expect([changed.metadata.generation, changed.metadata.uid]).to.deep.equal([2, first.metadata.uid]);
        await client.delete(kinds.herds, { name: `${herd}-y` });
      });

      it('writes nothing when nothing changes', async () => {
        const first = await client.create(kinds.leases, leaseOf(herd, 'l', 'me', 0));
        expect(versionOf(await client.update(kinds.leases, first))).to.equal(versionOf(first));
      });

      it('keeps spec and status apart', async () => {
        const made = await client.create(kinds.slices, { ...sliceOf(herd, 's'), status: { phase: 'Running' } });
        expect(made.status?.phase).to.not.equal('Running');
        const running = await client.updateStatus(kinds.slices, { ...made, status: { phase: 'Running' } });
        expect([running.status?.phase, running.metadata.generation]).to.deep.equal(['Running', 1]);
        const labelled = await client.update(kinds.slices, {
          ...running,
          metadata: { ...running.metadata, labels: { a: 'b' } },
          status: { phase: 'Failed' },
        });
        expect([labelled.status?.phase, labelled.metadata.labels]).to.deep.equal(['Running', { a: 'b' }]);
      });

      it('refuses to change what is immutable', async () => {
        const made = await client.create(kinds.contracts, contractOf(herd, 'a'));
        await refused('Invalid', client.update(kinds.contracts, { ...made, spec: { ...made.spec, version: '2.0.0' } }));
      });

      it('cancels a run, whose spec is immutable else', async () => {
        const made = await client.create(kinds.runs, runOf(herd, 'r'));
        const cancelled = await client.patch(kinds.runs, refOf(made), {
          type: 'merge',
          body: { spec: { cancel: true } },
        });
        expect(cancelled.spec.cancel).to.equal(true);
        await refused(
          'Invalid',
          client.patch(kinds.runs, refOf(made), { type: 'merge', body: { spec: { pipeline: { name: 'other' } } } }),
        );
      });
    });

    describe('patches', () => {
      it('merges, and removes with null', async () => {
        const made = await client.create(kinds.secrets, secretOf(herd, 's', { labels: { a: '1', b: '2' } }));
        const merged = await client.patch(kinds.secrets, refOf(made), {
          type: 'merge',
          body: { metadata: { labels: { a: null, c: '3' } } },
        });
        expect(merged.metadata.labels).to.deep.equal({ b: '2', c: '3' });
      });

      it('applies a JSON patch, all of it or nothing', async () => {
        const made = await client.create(kinds.secrets, secretOf(herd, 's', { labels: { a: '1' } }));
        const patched = await client.patch(kinds.secrets, refOf(made), {
          type: 'json',
          body: [
            { op: 'test', path: '/metadata/labels/a', value: '1' },
            { op: 'replace', path: '/metadata/labels/a', value: '2' },
          ],
        });
        expect(patched.metadata.labels).to.deep.equal({ a: '2' });
        await refused(
          'Invalid',
          client.patch(kinds.secrets, refOf(made), {
            type: 'json',
            body: [
              { op: 'replace', path: '/metadata/labels/a', value: '3' },
              { op: 'test', path: '/metadata/labels/a', value: 'other' },
            ],
          }),
        );
        expect((await client.get(kinds.secrets, refOf(made))).metadata.labels).to.deep.equal({ a: '2' });
      });

      it('patches the status only through its subresource, and heeds a version in the patch', async () => {
        const made = await client.create(kinds.slices, sliceOf(herd, 's'));
        const body = { status: { phase: 'Running' } };
        const unchanged = await client.patch(kinds.slices, refOf(made), { type: 'merge', body });
        expect(unchanged.status?.phase).to.not.equal('Running');
        const options = { subresource: 'status' } as const;
        const patched = await client.patch(kinds.slices, refOf(made), { type: 'merge', body }, options);
        expect(patched.status?.phase).to.equal('Running');
        const late = { metadata: { resourceVersion: made.metadata.resourceVersion }, status: { phase: 'Failed' } };
        await refused('Conflict', client.patch(kinds.slices, refOf(made), { type: 'merge', body: late }, options));
      });
    });

    describe('deletion', () => {
      it('removes at once what nothing holds', async () => {
        const made = await client.create(kinds.contracts, contractOf(herd, 'a'));
        await client.delete(kinds.contracts, refOf(made));
        await refused('NotFound', client.get(kinds.contracts, refOf(made)));
      });

      it('checks preconditions', async () => {
        const made = await client.create(kinds.contracts, contractOf(herd, 'a'));
        await refused('Conflict', client.delete(kinds.contracts, refOf(made), { preconditions: { uid: 'another' } }));
        await refused(
          'Conflict',
          client.delete(kinds.contracts, refOf(made), { preconditions: { resourceVersion: '1' } }),
        );
        await client.delete(kinds.contracts, refOf(made), { preconditions: { uid: made.metadata.uid ?? '' } });
      });

      it('waits for finalizers, and takes no new ones meanwhile', async () => {
        const made = await client.create(kinds.contracts, contractOf(herd, 'a', { finalizers: ['example.com/hold'] }));
        await client.delete(kinds.contracts, refOf(made));
        const held = await client.get(kinds.contracts, refOf(made));
        expect(held.metadata.deletionTimestamp).to.match(/^\d{4}-/);
        const finalizers = ['example.com/hold', 'example.com/more'];
        await refused(
          'Invalid',
          client.update(kinds.contracts, { ...held, metadata: { ...held.metadata, finalizers } }),
        );
        await client.update(kinds.contracts, { ...held, metadata: { ...held.metadata, finalizers: [] } });
        await refused('NotFound', client.get(kinds.contracts, refOf(made)));
      });

      it('marks foreground and orphan deletion with their finalizers', async () => {
        for (const [propagationPolicy, finalizer] of [
          ['Foreground', 'foregroundDeletion'],
          ['Orphan', 'orphan'],
        ] as const) {
          const made = await client.create(kinds.contracts, contractOf(herd, finalizer.toLowerCase()));
          await client.delete(kinds.contracts, refOf(made), { propagationPolicy });
          expect((await client.get(kinds.contracts, refOf(made))).metadata.finalizers).to.deep.equal([finalizer]);
        }
      });

      it('does not collect dependents itself', async () => {
        const owner = await client.create(kinds.contracts, contractOf(herd, 'owner'));
        const { apiVersion, kind } = owner;
        const { uid = '' } = owner.metadata;
        const ownerReferences = [{ apiVersion, kind, name: 'owner', uid }];
        await client.create(kinds.secrets, secretOf(herd, 's', { ownerReferences }));
        await client.delete(kinds.contracts, refOf(owner));
        expect((await client.get(kinds.secrets, { namespace: herd, name: 's' })).metadata.name).to.equal('s');
      });

      it('lets a bound slice live until its final status', async () => {
        const { slice } = await bound(client, herd);
        await client.delete(kinds.slices, refOf(slice));
        const dying = await client.get(kinds.slices, refOf(slice));
        expect(dying.metadata.deletionTimestamp).to.match(/^\d{4}-/);
        await client.patch(
          kinds.slices,
          refOf(slice),
          { type: 'merge', body: { status: { phase: 'Failed', reason: 'Cancelled' } } },
          { subresource: 'status' },
        );
        await refused('NotFound', client.get(kinds.slices, refOf(slice)));
      });

      it('removes an unbound and a finished slice at once', async () => {
        const unbound = await client.create(kinds.slices, sliceOf(herd, 'unbound'));
        await client.delete(kinds.slices, refOf(unbound));
        await refused('NotFound', client.get(kinds.slices, refOf(unbound)));
        const { slice } = await bound(client, herd);
        await client.updateStatus(kinds.slices, { ...slice, status: { phase: 'Succeeded' } });
        await client.delete(kinds.slices, refOf(slice));
        await refused('NotFound', client.get(kinds.slices, refOf(slice)));
      });

      it('takes nothing more into a herd that ends', async () => {
        await client.create(kinds.contracts, contractOf(herd, 'a'));
        await client.delete(kinds.herds, { name: herd });
        expect((await client.get(kinds.herds, { name: herd })).status?.phase).to.equal('Terminating');
        await refused('Forbidden', client.create(kinds.contracts, contractOf(herd, 'b')));
        await client.patch(kinds.herds, { name: herd }, { type: 'merge', body: { spec: { finalizers: [] } } });
        await refused('NotFound', client.get(kinds.herds, { name: herd }));
      });

      it('keeps the herds of the system', async () => {
        await refused('Forbidden', client.delete(kinds.herds, { name: 'default' }));
      });
    });

    describe('binding', () => {
      it('binds a slice once', async () => {
        const { slice, epoch, node } = await bound(client, herd);
        expect(slice.spec.nodeName).to.equal(node);
        const again = { nodeName: node, resourceVersion: slice.metadata.resourceVersion ?? '', epoch };
        await refused('Conflict', client.bind(refOf(slice), again));
      });

      it('refuses another epoch, an old slice, a fenced and an absent node', async () => {
        const { epoch, node } = await bound(client, herd);
        const made = await client.create(kinds.slices, sliceOf(herd, 's'));
        const resourceVersion = made.metadata.resourceVersion ?? '';
        const good = { nodeName: node, resourceVersion, epoch };
        await refused('Conflict', client.bind(refOf(made), { ...good, epoch: 'nobody/77' }));
        await refused('Conflict', client.bind(refOf(made), { ...good, resourceVersion: '1' }));
        await refused('Conflict', client.bind(refOf(made), { ...good, nodeName: 'no-such-node' }));
        const taints = [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }];
        await client.patch(kinds.nodes, { name: node }, { type: 'merge', body: { spec: { taints } } });
        await refused('Conflict', client.bind(refOf(made), good));
        await client.patch(kinds.nodes, { name: node }, { type: 'merge', body: { spec: { taints: null } } });
        await client.bind(refOf(made), good);
      });

      it('refuses a scheduler whose lease changed hands', async () => {
        const { epoch, node } = await bound(client, herd);
        const made = await client.create(kinds.slices, sliceOf(herd, 's'));
        const next = await takeLease(client);
        expect(next).not.to.equal(epoch);
        const binding = { nodeName: node, resourceVersion: made.metadata.resourceVersion ?? '' };
        await refused('Conflict', client.bind(refOf(made), { ...binding, epoch }));
        await client.bind(refOf(made), { ...binding, epoch: next });
      });
    });

    describe('lists', () => {
      beforeEach(async () => {
        for (const [name, labels] of [
          ['a', { tier: 'gold', team: 'x' }],
          ['b', { tier: 'gold' }],
          ['c', { tier: 'lead' }],
        ] as const)
          await client.create(kinds.secrets, secretOf(herd, name, { labels }));
      });

      for (const [labelSelector, names] of [
        ['tier=gold', ['a', 'b']],
        ['tier!=gold', ['c']],
        ['tier in (gold, lead),team', ['a']],
        ['tier notin (gold)', ['c']],
        ['!team', ['b', 'c']],
        ['team=none', []],
      ] as const)
        it(`selects by labels: ${labelSelector}`, async () => {
          expect(await namesOf({ labelSelector })).to.deep.equal(names);
        });

      it('selects by fields, and refuses unknown ones', async () => {
        expect(await namesOf({ fieldSelector: 'metadata.name=b' })).to.deep.equal(['b']);
        expect(await namesOf({ fieldSelector: 'metadata.name!=b' })).to.deep.equal(['a', 'c']);
        await refused('BadRequest', client.list(kinds.secrets, { namespace: herd, fieldSelector: 'data.x=y' }));
      });

      it('gives pages until there is no continue', async () => {
        const first = await client.list(kinds.secrets, { namespace: herd, limit: 2 });
        expect(first.items.map(({ metadata }) => metadata.name)).to.deep.equal(['a', 'b']);
        const rest = await client.list(kinds.secrets, {
          namespace: herd,
          limit: 2,
          continue: first.metadata.continue ?? '',
        });
        expect(rest.items.map(({ metadata }) => metadata.name)).to.deep.equal(['c']);
        expect(rest.metadata.continue ?? '').to.equal('');
      });

      it('types its items and gives metadata only when asked', async () => {
        const full = await client.list(kinds.secrets, { namespace: herd });
        expect([full.items[0]?.kind, full.items[0]?.type]).to.deep.equal(['Secret', 'Opaque']);
        const partial = await client.list(kinds.secrets, { namespace: herd, metadataOnly: true });
        expect(Object.keys(partial.items[0] ?? {}).sort()).to.deep.equal(['apiVersion', 'kind', 'metadata']);
      });

      async function namesOf(options: object): Promise<(string | undefined)[]> {
        return (await client.list(kinds.secrets, { namespace: herd, ...options })).items.map(
          ({ metadata }) => metadata.name,
        );
      }
    });

    describe('watches', () => {
      it('starts with what is there and a bookmark, then tells every change in order', async () => {
        const first = await client.create(kinds.secrets, secretOf(herd, 'a'));
        await using watch = watching(client, kinds.secrets, { namespace: herd });
        await watch.upTo((event) => event.type === 'BOOKMARK' && event.initialEventsEnd);
        const labelled = await client.patch(kinds.secrets, refOf(first), {
          type: 'merge',
          body: { metadata: { labels: { a: 'b' } } },
        });
        const second = await client.create(kinds.secrets, secretOf(herd, 'b'));
        await client.delete(kinds.secrets, refOf(first));
        const events = await watch.upTo((event) => event.type === 'DELETED');
        expect(events.filter(({ type }) => type !== 'BOOKMARK').map(textOf)).to.deep.equal([
          `ADDED a ${first.metadata.resourceVersion ?? ''}`,
          `MODIFIED a ${labelled.metadata.resourceVersion ?? ''}`,
          `ADDED b ${second.metadata.resourceVersion ?? ''}`,
          events.at(-1) === undefined ? '' : textOf(events.at(-1)),
        ]);
        const last = events.at(-1);
        if (last?.type !== 'DELETED') throw new Error('the last event is no deletion');
        expect(versionOf(last.object)).to.be.greaterThan(versionOf(second));
      });

      it('goes on after a version, without gap or double', async () => {
        const first = await client.create(kinds.secrets, secretOf(herd, 'a'));
        for (const name of ['b', 'c', 'd']) await client.create(kinds.secrets, secretOf(herd, name));
        const { resourceVersion = '' } = first.metadata;
        await using watch = watching(client, kinds.secrets, { namespace: herd, resourceVersion });
        const events = await watch.upTo((event) => event.type !== 'BOOKMARK' && event.object.metadata.name === 'd');
        expect(events.flatMap((e) => (e.type === 'BOOKMARK' ? [] : [e.object.metadata.name]))).to.deep.equal([
          'b',
          'c',
          'd',
        ]);
      });

      it('tells that an object entered or left the selection', async () => {
        const made = await client.create(kinds.secrets, secretOf(herd, 'a'));
        await using watch = watching(client, kinds.secrets, { namespace: herd, labelSelector: 'in=yes' });
        await watch.upTo((event) => event.type === 'BOOKMARK' && event.initialEventsEnd);
        for (const label of ['yes', null])
          await client.patch(kinds.secrets, refOf(made), {
            type: 'merge',
            body: { metadata: { labels: { in: label } } },
          });
        const events = await watch.upTo((event) => event.type === 'DELETED');
        expect(events.filter((e) => e.type !== 'BOOKMARK').map(({ type }) => type)).to.deep.equal(['ADDED', 'DELETED']);
      });

      it('is Expired when the version is forgotten', async function () {
        if (subject.compact === undefined) return this.skip();
        const made = await client.create(kinds.secrets, secretOf(herd, 'a'));
        for (const name of ['b', 'c']) await client.create(kinds.secrets, secretOf(herd, name));
        await subject.compact();
        const { resourceVersion = '' } = made.metadata;
        await refused('Expired', drain(client, { namespace: herd, resourceVersion }));
      });

      it('ends when its signal aborts', async () => {
        const abort = new AbortController();
        const ended = drain(client, { namespace: herd, signal: abort.signal });
        setTimeout(() => abort.abort(), 20);
        await ended;
      });
    });

    describe('contents of bundles', () => {
      it('keeps the bytes that were put', async () => {
        const bytes = randomBytes(100_000);
        const hash = (await crypto.subtle.digest('SHA-256', bytes).then((b) => Buffer.from(b))).toString('hex');
        const made = await client.create(kinds.bundles, {
          apiVersion: 'runink.io/v1',
          kind: 'Bundle',
          metadata: { name: `code-${hash.slice(0, 10)}`, namespace: herd },
          spec: { hash, size: bytes.length, format: 'module' },
        });
        await refused('NotFound', client.getContent(refOf(made)));
        await client.putContent(refOf(made), bytes);
        expect(Buffer.from(await client.getContent(refOf(made))).equals(bytes)).to.equal(true);
      });
    });
  });
}

/** A slice of `herd` on a node of its own, put there by a scheduler that holds the lease. */
async function bound(client: Client, herd: string): Promise<{ slice: Slice; epoch: string; node: string }> {
  const node = `${herd}-n`;
  await client.create(kinds.nodes, nodeOf(node));
  const epoch = await takeLease(client);
  const made = await client.create(kinds.slices, sliceOf(herd, 'bound'));
  await client.bind(refOf(made), { nodeName: node, resourceVersion: made.metadata.resourceVersion ?? '', epoch });
  return { slice: await client.get(kinds.slices, refOf(made)), epoch, node };
}

/** Takes the scheduler's lease from whoever has it, and gives the new epoch. */
async function takeLease(client: Client): Promise<string> {
  const ref = { namespace: 'runink-system', name: 'runink-scheduler' };
  const holder = `suite-${randomBytes(4).toString('hex')}`;
  const there = await client.get(kinds.leases, ref).catch((cause: unknown) => {
    if (cause instanceof ApiError && cause.reason === 'NotFound') return undefined;
    throw cause;
  });
  const transitions = there === undefined ? 0 : (there.spec?.leaseTransitions ?? 0) + 1;
  const lease = leaseOf(ref.namespace, ref.name, holder, transitions);
  if (there === undefined) await client.create(kinds.leases, lease);
  else await client.update(kinds.leases, { ...lease, metadata: there.metadata });
  return `${holder}/${transitions}`;
}

interface Watching<T> extends AsyncDisposable {
  /** All events so far, once one satisfies `isLast`. Throws when none does in time. */
  upTo(isLast: (event: WatchEvent<T>) => boolean): Promise<readonly WatchEvent<T>[]>;
}

function watching<T extends ApiObject>(client: Client, kind: Kind<T>, options: WatchOptions): Watching<T> {
  const abort = new AbortController();
  const events: WatchEvent<T>[] = [];
  const iterator = client.watch(kind, { ...options, signal: abort.signal })[Symbol.asyncIterator]();
  let seen = 0;
  return {
    async upTo(isLast) {
      const timer = setTimeout(() => abort.abort(), watchMsMax);
      try {
        for (;;) {
          const next = await iterator.next();
          if (next.done === true) throw new Error(`the watch ended after ${events.slice(seen).map(textOf).join(', ')}`);
          events.push(next.value);
          if (isLast(next.value)) {
            seen = events.length;
            return events;
          }
        }
      } finally {
        clearTimeout(timer);
      }
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await iterator.return?.();
    },
  };
}

async function drain(client: Client, options: WatchOptions): Promise<void> {
  for await (const _ of client.watch(kinds.secrets, options));
}

async function refused(reason: StatusReason, promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof ApiError)) throw new Error(`not refused with ${reason}`, { cause: error });
  expect(`${error.reason}: ${error.message}`).to.match(new RegExp(`^${reason}:`));
  return error;
}

const ours = { apiVersion: 'runink.io/v1' } as const;
const herdOf = (name: string): Herd => ({ ...ours, kind: 'Herd', metadata: { name } });
const contractOf = (namespace: string, name: string, metadata: object = {}): Contract => ({
  ...ours,
  kind: 'Contract',
  metadata: { name, namespace, ...metadata },
  spec: { name: 'c', version: '1.0.0', schema: { type: 'object' } },
});
const secretOf = (namespace: string, name: string, metadata: object = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace, ...metadata },
  type: 'Opaque',
  data: { key: 'dmFsdWU=' },
});
const sliceOf = (namespace: string, name: string, spec: Partial<Slice['spec']> = {}): Slice => ({
  ...ours,
  kind: 'Slice',
  metadata: { name, namespace },
  spec: { run: 'r', step: 's', attempt: 1, ...spec },
});
const runOf = (namespace: string, name: string): Run => ({
  ...ours,
  kind: 'Run',
  metadata: { name, namespace },
  spec: { pipeline: { name: 'p' }, plan: { groups: [], steps: [] } },
});
const nodeOf = (name: string): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} });
const leaseOf = (namespace: string, name: string, holderIdentity: string, leaseTransitions: number): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, namespace },
  spec: { holderIdentity, leaseTransitions, leaseDurationSeconds: 10 },
});

const withVersion = (contract: Contract, resourceVersion: string): Contract => ({
  ...contract,
  metadata: { ...contract.metadata, resourceVersion },
});
const withField = (contract: Contract): Contract => {
  const withUnknown = { ...contract, spec: { ...contract.spec, noSuchField: true } };
  return withUnknown;
};
const refOf = ({ metadata: { name = '', namespace } }: ApiObject): { name: string; namespace?: string } =>
  namespace === undefined ? { name } : { name, namespace };
const versionOf = ({ metadata }: ApiObject): number => Number(metadata.resourceVersion);
const textOf = (event: WatchEvent<ApiObject> | undefined): string =>
  event === undefined || event.type === 'BOOKMARK'
    ? 'BOOKMARK'
    : `${event.type} ${event.object.metadata.name ?? ''} ${event.object.metadata.resourceVersion ?? ''}`;
