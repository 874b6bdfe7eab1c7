// Herds that end, and owners that go, on a real server with kinds of users: what a user of kubectl sees of it.
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { expect } from 'chai';
import type { OwnerReference } from '../../../apis/index.ts';
import { silentLog, systemClock, systemRandom } from '../../../base/index.ts';
import { HttpClient, loadKubeconfig } from '../../../client/index.ts';
import { garbageCollector } from '../../../controllers/garbage-collection/index.ts';
import { herdController } from '../../../controllers/herd/index.ts';
import { EventRecorder, FollowedKinds, Informers } from '../../../controllers/kit/index.ts';
import { pipeline, startTestServer, type TestServer, text } from '../apiserver/support.ts';

const merge = 'application/merge-patch+json';
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
const widgetsIn = (herd: string) => `/apis/example.com/v1/namespaces/${herd}/widgets`;
const widget = (name: string, metadata: object = {}) => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name, ...metadata },
});
const secret = (name: string, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, ...metadata },
});
const namespace = (name: string) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

/** Controllers of a process; ended when disposed. */
async function controllers(server: TestServer): Promise<AsyncDisposable> {
  const client = new HttpClient(await loadKubeconfig(join(server.data, 'controllers.kubeconfig')));
  const deps = { client, clock: systemClock, random: systemRandom, log: silentLog };
  const informers = new Informers(deps);
  const recorder = new EventRecorder({ ...deps, component: 'test' });
  const context = { ...deps, informers, recorder };
  const ended = new AbortController();
  setMaxListeners(0, ended.signal);
  const followed = new FollowedKinds(informers);
  const running = [herdController(context, followed), garbageCollector(context, followed)].map((one) =>
    one.run(ended.signal),
  );
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await Promise.all(running);
      await recorder[Symbol.asyncDispose]();
      await informers[Symbol.asyncDispose]();
      client[Symbol.dispose]();
    },
  };
}

describe('herds that end, and garbage, on a server', function () {
  this.timeout(30_000);
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
    await server.ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: definition });
    await until(async () => (await server.ask('GET', widgetsIn('default'))).code === 200);
  });
  after(() => server.close());
  const code = async (path: string) => (await server.ask('GET', path)).code;

  it('a namespace that is deleted says what is left, goes when that is gone, and the next one finds nothing', async () => {
    await server.ask('POST', '/api/v1/namespaces', { body: namespace('team') });
    await server.ask('POST', '/api/v1/namespaces/team/secrets', { body: secret('s') });
    await server.ask('POST', '/apis/runink.io/v1/namespaces/team/pipelines', { body: pipeline('p') });
    await server.ask('POST', widgetsIn('team'), { body: widget('w', { finalizers: ['example.com/hold'] }) });
    await server.ask('POST', widgetsIn('team'), { body: widget('free') });
    // What kubectl waits for after a delete.
    const watch = await server.watch('/api/v1/namespaces?watch=true&fieldSelector=metadata.name%3Dteam');
    const messages = (): Readonly<Record<string, string>> => {
      const conditions = (watch.events.at(-1)?.object.status?.conditions ?? []) as unknown as readonly {
        readonly type: string;
        readonly status: string;
        readonly message: string;
      }[];
      return Object.fromEntries(
        conditions.filter(({ status }) => status === 'True').map(({ type, message }) => [type, message]),
      );
    };
    {
      await using _first = await controllers(server);
      await server.ask('DELETE', '/api/v1/namespaces/team');
      await watch.wait(() => messages()['NamespaceContentRemaining'] !== undefined);
      expect(messages()).to.deep.equal({
        NamespaceContentRemaining:
          'Some resources are remaining: secrets. has 1 resource instances, widgets.example.com has 1 resource instances',
        NamespaceFinalizersRemaining: 'Some finalizers are remaining: example.com/hold in 1 resource instances',
      });
      const late = await server.ask('POST', widgetsIn('team'), { body: widget('late') });
      expect([late.code, text(late.body.details?.causes?.[0]?.reason)]).to.deep.equal([403, 'NamespaceTerminating']);
      expect(text(late.body.message)).to.equal(
        'widgets.example.com "late" is forbidden: unable to create new content in namespace team because it is being terminated',
      );
    }
    // Nobody leads for a moment, and what was waited for goes in it.
    await server.ask('PATCH', `${widgetsIn('team')}/w`, { body: { metadata: { finalizers: null } }, type: merge });
    expect(await code('/api/v1/namespaces/team/secrets/s')).to.equal(200);
    await using _second = await controllers(server);
    await watch.wait((events) => events.some(({ type }) => type === 'DELETED'));
    watch.stop();
    expect(await code('/api/v1/namespaces/team')).to.equal(404);
    await server.ask('POST', '/api/v1/namespaces', { body: namespace('team') });
    for (const path of [
      widgetsIn('team'),
      '/api/v1/namespaces/team/secrets',
      '/apis/runink.io/v1/namespaces/team/pipelines',
    ])
      expect((await server.ask('GET', path)).body.items, path).to.deep.equal([]);
    expect((await server.ask('GET', '/apis/example.com/v1/widgets')).body.items).to.deep.equal([]);
  });

  it('objects of users’ kinds own and are owned, in the foreground too, and a definition takes along what its own owned', async () => {
    await using _running = await controllers(server);
    const owner = await server.ask('POST', widgetsIn('default'), { body: widget('owner') });
    const reference = (blockOwnerDeletion: boolean): OwnerReference => ({
      apiVersion: 'example.com/v1',
      kind: 'Widget',
      name: 'owner',
      uid: text(owner.body.metadata?.uid),
      blockOwnerDeletion,
    });
    const secrets = '/api/v1/namespaces/default/secrets';
    await server.ask('POST', secrets, {
      body: secret('child', { ownerReferences: [reference(true)], finalizers: ['example.com/hold'] }),
    });
    await server.ask('POST', widgetsIn('default'), { body: widget('side', { ownerReferences: [reference(false)] }) });
    await server.ask('DELETE', `${widgetsIn('default')}/owner?propagationPolicy=Foreground`);
    await until(async () => (await code(`${widgetsIn('default')}/side`)) === 404);
    expect(await code(`${widgetsIn('default')}/owner`)).to.equal(200);
    await server.ask('PATCH', `${secrets}/child`, { body: { metadata: { finalizers: null } }, type: merge });
    await until(async () => (await code(`${widgetsIn('default')}/owner`)) === 404);

    const last = await server.ask('POST', widgetsIn('default'), { body: widget('owner') });
    const uid = text(last.body.metadata?.uid);
    await server.ask('POST', secrets, { body: secret('left', { ownerReferences: [{ ...reference(true), uid }] }) });
    await server.ask('DELETE', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com');
    await until(async () => (await code(`${secrets}/left`)) === 404);
  });

  it('usage of a quota stands in the status of the herd', async () => {
    await using _running = await controllers(server);
    const objects = { 'count/secrets': 2 };
    const herd = {
      apiVersion: 'runink.io/v1',
      kind: 'Herd',
      metadata: { name: 'counted' },
      spec: { quota: { objects } },
    };
    await server.ask('POST', '/apis/runink.io/v1/herds', { body: herd });
    await server.ask('POST', '/api/v1/namespaces/counted/secrets', { body: secret('s') });
    const status = async () => (await server.ask('GET', '/apis/runink.io/v1/herds/counted')).body.status?.quota;
    await until(async () => text((await status())?.used?.['count/secrets']) === '1');
    expect(await status()).to.deep.equal({ hard: objects, used: { 'count/secrets': '1' } });
  });
});

/** Waits until it holds; for at most ten seconds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error('it did not come true in ten seconds');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
