// Pods are slices under another name: one key, one version, two kinds.
import { request as httpsRequest } from 'node:https';
import { expect } from 'chai';
import { type Json, placeSlice, slice, slicesPath, startTestServer, type TestServer, text } from './support.ts';

const merge = 'application/merge-patch+json';
const pods = '/api/v1/namespaces/default/pods';
const runs = '/apis/runink.io/v1/namespaces/default/runs';
const asTable = { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } };
const eviction = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({
  apiVersion: 'policy/v1',
  kind: 'Eviction',
  metadata: { name, namespace: 'default' },
  ...more,
});

describe('apiserver: pods', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());
  afterEach(async () => {
    const left = itemsOf((await server.ask('DELETE', slicesPath)).body.items);
    await Promise.all(left.map((item) => write(text(item.metadata?.name), { phase: 'Failed' })));
    expect(await names('')).to.equal('');
  });

  const create = (name: string, spec: Readonly<Record<string, unknown>> = {}) =>
    server.ask('POST', slicesPath, { body: slice(name, spec) });
  const write = (name: string, status: Readonly<Record<string, unknown>>) =>
    server.ask('PATCH', `${slicesPath}/${name}/status`, { body: { status }, type: merge });
  const names = async (query: string): Promise<string> => {
    const answer = await server.ask('GET', `/api/v1/pods${query}`);
    expect(answer.code, answer.text).to.equal(200);
    return itemsOf(answer.body.items)
      .map((item) => text(item.metadata?.name))
      .join(' ');
  };

  it('a slice and its pod have one version and two uids, and the slice knows nothing of it', async () => {
    const made = (await create('r-a-1')).body;
    const pod = (await server.ask('GET', `${pods}/r-a-1`)).body;
    expect([pod.apiVersion, pod.kind]).to.deep.equal(['v1', 'Pod']);
    expect(pod.metadata?.resourceVersion).to.equal(made.metadata?.resourceVersion);
    expect(pod.metadata?.uid)
      .to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-5/)
      .and.not.equal(made.metadata?.uid);
    expect(pod.metadata).to.not.have.any.keys('managedFields', 'generation');
    expect((await server.ask('GET', `${pods}/none`)).body.message).to.equal('pods "none" not found');
  });

  it('are found by their fields as pods show them', async () => {
    await placeSlice(server, 'n1', 'runs');
    await placeSlice(server, 'n1', 'lost');
    await placeSlice(server, 'n2', 'done');
    await create('waits', { step: 'b' });
    await write('runs', { phase: 'Running' });
    await write('lost', { phase: 'Lost', reason: 'NodeLost' });
    await write('done', { phase: 'Succeeded' });
    expect(await names('')).to.equal('done lost runs waits');
    expect(await names('?fieldSelector=spec.nodeName%3Dn1')).to.equal('lost runs');
    expect(await names('?fieldSelector=spec.nodeName%3Dn1,status.phase!%3DSucceeded,status.phase!%3DFailed')).to.equal(
      'runs',
    );
    expect(await names('?fieldSelector=status.phase%3DFailed')).to.equal('lost');
    expect(await names('?fieldSelector=spec.restartPolicy%3DNever&limit=2')).to.equal('done lost');
    expect(await names('?fieldSelector=metadata.name%3Dwaits,metadata.namespace%3Ddefault')).to.equal('waits');
    const odd = await server.ask('GET', '/api/v1/pods?fieldSelector=spec.run%3Dr');
    expect([odd.code, odd.body.message]).to.deep.equal([400, 'field label not supported: spec.run']);
  });

  it('are listed as kubectl shows pods', async () => {
    await placeSlice(server, 'n1', 'r-a-2', { attempt: 2 });
    await write('r-a-2', { phase: 'Running' });
    const { body } = await server.ask('GET', pods, asTable);
    expect(itemsOf(body.columnDefinitions).map((column) => [column.name, column.priority])).to.deep.equal([
      ['Name', 0],
      ['Ready', 0],
      ['Status', 0],
      ['Restarts', 0],
      ['Age', 0],
      ['IP', 1],
      ['Node', 1],
      ['Nominated Node', 1],
      ['Readiness Gates', 1],
    ]);
    const cells = itemsOf(itemsOf(body.rows)[0]?.cells).map((cell, index) => (index === 4 ? 'age' : cell));
    expect(cells).to.deep.equal(['r-a-2', '1/1', 'Running', '1', 'age', '<none>', 'n1', '<none>', '<none>']);
  });

  it('are watched as what they are, entering and leaving a selection by what a pod shows', async () => {
    await create('r-a-1');
    const all = await server.watch(`${pods}?watch=true`);
    const live = await server.watch('/api/v1/pods?watch=true&fieldSelector=status.phase!%3DFailed');
    await all.wait((events) => events.length === 1);
    await placeSlice(server, 'n1', 'r-b-1');
    await write('r-b-1', { phase: 'Running' });
    await write('r-b-1', { phase: 'Lost', reason: 'NodeLost' });
    await server.ask('DELETE', `${slicesPath}/r-b-1`);
    const seen = (events: typeof all.events) =>
      events.map(({ type, object }) => [type, object.kind, object.metadata?.name, object.status?.phase].join(' '));
    expect(seen(await all.wait((events) => events.length === 6))).to.deep.equal([
      'ADDED Pod r-a-1 Pending',
      'ADDED Pod r-b-1 Pending',
      'MODIFIED Pod r-b-1 Pending',
      'MODIFIED Pod r-b-1 Running',
      'MODIFIED Pod r-b-1 Failed',
      'DELETED Pod r-b-1 Failed',
    ]);
    expect(seen(await live.wait((events) => events.length === 5))).to.deep.equal([
      'ADDED Pod r-a-1 Pending',
      'ADDED Pod r-b-1 Pending',
      'MODIFIED Pod r-b-1 Pending',
      'MODIFIED Pod r-b-1 Running',
      'DELETED Pod r-b-1 Running',
    ]);
    all.stop();
    live.stop();
  });

  it('are not written, and say so', async () => {
    await create('r-a-1');
    const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [] } };
    const words =
      'the server does not allow this method on the requested resource: pods show slices and are not written';
    for (const [method, path, type] of [
      ['POST', pods, undefined],
      ['PUT', `${pods}/r-a-1`, undefined],
      ['PATCH', `${pods}/r-a-1`, merge],
    ] as const) {
      const answer = await server.ask(method, path, { body, ...(type === undefined ? {} : { type }) });
      expect([answer.code, answer.body.message], method).to.deep.equal([405, words]);
    }
    expect((await server.ask('PUT', `${pods}/r-a-1/log`, { body })).code).to.equal(405);
  });

  it('are deleted with their slices: at once without a place, else by the agent’s last word', async () => {
    const { uid } = (await create('r-a-1')).body.metadata ?? {};
    const wrong = await server.ask('DELETE', `${pods}/r-a-1`, { body: { preconditions: { uid } } });
    expect(wrong.code, 'the slice’s uid is not the pod’s').to.equal(409);
    const own = (await server.ask('GET', `${pods}/r-a-1`)).body.metadata?.uid;
    const gone = await server.ask('DELETE', `${pods}/r-a-1`, { body: { preconditions: { uid: own } } });
    expect([gone.code, gone.body.kind, gone.body.metadata?.uid]).to.deep.equal([200, 'Pod', own]);
    expect((await server.ask('GET', `${slicesPath}/r-a-1`)).code).to.equal(404);

    await placeSlice(server, 'n1', 'r-b-1');
    const before = Date.now();
    const marked = await server.ask('DELETE', `${pods}/r-b-1?gracePeriodSeconds=30`);
    expect([marked.body.kind, marked.body.metadata?.deletionGracePeriodSeconds]).to.deep.equal(['Pod', 30]);
    expect(Date.parse(text(marked.body.metadata?.deletionTimestamp))).to.be.within(before + 29_000, before + 60_000);
    expect((await server.ask('GET', `${slicesPath}/r-b-1`)).body.metadata?.deletionGracePeriodSeconds).to.equal(30);
    await write('r-b-1', { phase: 'Failed', reason: 'Cancelled' });
    expect((await server.ask('GET', `${pods}/r-b-1`)).code).to.equal(404);

    await create('c-1', { step: 'c' });
    await create('c-2', { step: 'c' });
    const many = await server.ask('DELETE', `${pods}?fieldSelector=metadata.name!%3Dc-2`);
    expect([many.body.kind, itemsOf(many.body.items).length]).to.deep.equal(['PodList', 1]);
    expect(await names('')).to.equal('c-2');
    const bad = await server.ask('DELETE', `${pods}/c-2?gracePeriodSeconds=999999999`);
    expect([bad.code, bad.body.reason]).to.deep.equal([422, 'Invalid']);
  });

  it('are evicted as kubectl drain does it', async () => {
    await placeSlice(server, 'n1', 'r-a-1');
    await create('r-b-1');
    const path = (name: string) => `${pods}/${name}/eviction`;
    const dry = eviction('r-a-1', { deleteOptions: { dryRun: ['All'] } });
    expect((await server.ask('POST', path('r-a-1'), { body: dry })).code).to.equal(201);
    expect((await server.ask('GET', `${pods}/r-a-1`)).body.metadata).to.not.have.property('deletionTimestamp');
    const other = eviction('r-a-1', { deleteOptions: { preconditions: { uid: 'other' } } });
    expect((await server.ask('POST', path('r-a-1'), { body: other })).code).to.equal(409);
    const done = await server.ask('POST', path('r-a-1'), { body: eviction('r-a-1') });
    expect([done.code, done.body.kind, done.body.status]).to.deep.equal([201, 'Status', 'Success']);
    expect((await server.ask('GET', `${slicesPath}/r-a-1`)).body.metadata).to.have.property('deletionTimestamp');
    expect((await server.ask('POST', path('r-b-1'), { body: eviction('r-b-1') })).code).to.equal(201);
    expect((await server.ask('GET', `${pods}/r-b-1`)).code).to.equal(404);
    expect((await server.ask('POST', path('r-b-1'), { body: eviction('r-b-1') })).code).to.equal(404);
    const elsewhere = await server.ask('POST', path('r-a-1'), { body: eviction('r-b-1') });
    expect([elsewhere.code, elsewhere.body.message]).to.deep.equal([
      400,
      'name in URL does not match name in Eviction object',
    ]);
    const pod = await server.ask('POST', path('r-a-1'), { body: { apiVersion: 'v1', kind: 'Pod' } });
    expect(pod.code).to.equal(400);
  });

  it('that have ended are evicted only when their run knows how', async () => {
    const limits = { cpuMillis: 1, cpuLimitMillis: 1, memoryBytes: 1, pids: 1 };
    const step = { name: 'a', group: 'a', use: 'exec', runtime: 'native', inputs: [], outputs: [], ...limits };
    const made = await server.ask('POST', runs, {
      body: {
        apiVersion: 'runink.io/v1',
        kind: 'Run',
        metadata: { name: 'r' },
        spec: { pipeline: { name: 'p' }, plan: { groups: [{ name: 'a', steps: ['a'] }], steps: [step] } },
      },
    });
    await placeSlice(server, 'n1', 'r-a-1', { runUID: made.body.metadata?.uid });
    await write('r-a-1', { phase: 'Succeeded' });
    const evict = () => server.ask('POST', `${pods}/r-a-1/eviction`, { body: eviction('r-a-1') });
    const early = await evict();
    expect([early.code, early.headers['retry-after'], early.body.message]).to.deep.equal([
      429,
      '1',
      'pod "r-a-1" has just ended and its run does not know yet; try again',
    ]);
    const steps = [{ name: 'a', phase: 'Succeeded', attempt: 1, slice: 'r-a-1' }];
    await server.ask('PATCH', `${runs}/r/status`, { body: { status: { phase: 'Running', steps } }, type: merge });
    expect((await evict()).code).to.equal(201);
    expect((await server.ask('GET', `${pods}/r-a-1`)).code).to.equal(404);
  });

  it('cannot be entered, and say so', async () => {
    const agent = await server.agentOf('admin');
    const answer = await new Promise<{ readonly code: number | undefined; readonly text: string }>(
      (resolve, reject) => {
        const request = httpsRequest(`${server.url}${pods}/p/exec?command=ls`, {
          agent,
          method: 'POST',
          headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
        });
        request.on('response', (response) => {
          let said = '';
          response.setEncoding('utf8').on('data', (more: string) => (said += more));
          response.on('end', () => resolve({ code: response.statusCode, text: said }));
        });
        request.on('error', reject);
        request.end();
      },
    );
    expect(answer.code).to.equal(405);
    expect(answer.text).to.include('exec does not reach into pod \\"p\\": it shows a slice');
  });

  it('and their eviction are in discovery, where kubectl looks for them', async () => {
    const { body } = await server.ask('GET', '/api/v1');
    const found = itemsOf(body.resources).filter((resource) => /^pods(\/|$)/.test(text(resource.name)));
    expect(found.map(({ name, kind, group, version, verbs }) => [name, kind, group, version, verbs])).to.deep.equal([
      ['pods', 'Pod', undefined, undefined, ['delete', 'deletecollection', 'get', 'list', 'watch']],
      ['pods/log', 'Pod', undefined, undefined, ['get']],
      ['pods/eviction', 'Eviction', 'policy', 'v1', ['create']],
    ]);
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const whole = (await server.ask('GET', '/api', { headers: { accept } })).text;
    expect(whole).to.include(
      '"subresource":"eviction","responseKind":{"group":"policy","version":"v1","kind":"Eviction"}',
    );
  });

  it('are closed to nodes, who have their slices', async () => {
    await placeSlice(server, 'n1', 'r-a-1');
    const as = 'nodes/n1';
    expect((await server.ask('GET', `${slicesPath}/r-a-1`, { as })).code).to.equal(200);
    for (const [method, path] of [
      ['GET', `${pods}/r-a-1`],
      ['GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dn1'],
      ['GET', `${pods}/r-a-1/log`],
      ['DELETE', `${pods}/r-a-1`],
      ['POST', `${pods}/r-a-1/eviction`],
    ] as const)
      expect((await server.ask(method, path, { as })).code, `${method} ${path}`).to.equal(403);
  });

  it('have the events of their slices', async () => {
    const { uid } = (await create('r-a-1')).body.metadata ?? {};
    const pod = (await server.ask('GET', `${pods}/r-a-1`)).body.metadata?.uid;
    const about = { apiVersion: 'runink.io/v1', kind: 'Slice', namespace: 'default', name: 'r-a-1', uid };
    const events = '/api/v1/namespaces/default/events';
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e' },
      involvedObject: about,
      reason: 'Unschedulable',
      type: 'Warning',
    };
    expect((await server.ask('POST', events, { body: event })).code).to.equal(201);
    const count = async (selector: string) =>
      itemsOf((await server.ask('GET', `${events}?fieldSelector=${encodeURIComponent(selector)}`)).body.items).length;
    expect(await count(`involvedObject.name=r-a-1,involvedObject.uid=${text(pod)}`)).to.equal(1);
    expect(await count('involvedObject.kind=Pod,involvedObject.name=r-a-1')).to.equal(1);
    expect(await count(`involvedObject.kind=Slice,involvedObject.uid=${text(uid)}`)).to.equal(1);
    expect(await count(`involvedObject.kind=Slice,involvedObject.uid=${text(pod)}`)).to.equal(0);
    expect(await count('involvedObject.kind!=Slice')).to.equal(0);
    expect(await count('involvedObject.kind=Pod,involvedObject.name=other')).to.equal(0);
    const selector = encodeURIComponent('involvedObject.kind=Pod,involvedObject.name=r-a-1');
    const watch = await server.watch(`${events}?watch=true&fieldSelector=${selector}`);
    await watch.wait((seen) => seen.length === 1);
    await server.ask('PATCH', `${events}/e`, { body: { count: 2 }, type: merge });
    const [, second] = await watch.wait((seen) => seen.length === 2);
    expect([second?.type, second?.object.involvedObject?.kind]).to.deep.equal(['MODIFIED', 'Slice']);
    watch.stop();
  });
});

function itemsOf(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
