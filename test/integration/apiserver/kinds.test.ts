// What is particular to a kind: herds, secrets, bundles, contracts, slices and their binding, and a restart.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Barn, openEmbeddedBarn } from '../../../barn/index.ts';
import { silentLog, systemClock } from '../../../base/index.ts';
import { pipeline, pipelines, slice, slicesPath, startTestServer, type TestServer, text } from './support.ts';

const merge = 'application/merge-patch+json';
const ours = (kind: string, name: string, spec: unknown) => ({
  apiVersion: 'runink.io/v1',
  kind,
  metadata: { name },
  spec,
});

describe('apiserver: herds', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  it('a herd and its namespace are one object with two uids', async () => {
    const made = await server.ask('POST', '/apis/runink.io/v1/herds', {
      body: ours('Herd', 'team', { quota: { slices: 3 } }),
    });
    expect(made.code).to.equal(201);
    expect(made.body.status).to.deep.equal({ phase: 'Active' });
    const space = (await server.ask('GET', '/api/v1/namespaces/team')).body;
    expect(space.metadata?.resourceVersion).to.equal(made.body.metadata?.resourceVersion);
    expect(space.metadata?.uid)
      .to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-5/)
      .and.not.equal(made.body.metadata?.uid);
    expect(space.spec).to.deep.equal({ finalizers: ['kubernetes'] });
    const patched = await server.ask('PATCH', '/api/v1/namespaces/team', {
      body: { metadata: { labels: { a: 'b' } } },
      type: merge,
    });
    expect(patched.code).to.equal(200);
    const herd = (await server.ask('GET', '/apis/runink.io/v1/herds/team')).body;
    expect(herd.metadata?.labels).to.deep.equal({ a: 'b' });
    expect(herd.metadata?.uid).to.equal(made.body.metadata?.uid);
    expect(herd.spec).to.deep.equal({ quota: { slices: 3 }, finalizers: ['kubernetes'] });
    expect((await server.ask('GET', '/api/v1/namespaces/team/serviceaccounts/default')).code).to.equal(200);
  });

  it('a herd that is going takes nothing new, and goes when it is said to be empty', async () => {
    const early = await server.ask('PATCH', '/apis/runink.io/v1/herds/team', {
      body: { spec: { finalizers: [] } },
      type: merge,
    });
    expect(early.body.message).to.include(
      'spec.finalizers: Forbidden: can be removed only from a herd that is being deleted',
    );
    const inTeam = pipelines.replace('default', 'team');
    expect((await server.ask('POST', inTeam, { body: pipeline('before') })).code).to.equal(201);
    const marked = await server.ask('DELETE', '/api/v1/namespaces/team');
    expect(marked.body.status).to.deep.equal({ phase: 'Terminating' });
    const refused = await server.ask('POST', inTeam, { body: pipeline('after') });
    expect(refused.code).to.equal(403);
    expect(refused.body.details?.causes?.[0]).to.deep.equal({
      reason: 'NamespaceTerminating',
      message: 'namespace team is being terminated',
      field: 'metadata.namespace',
    });
    expect(
      (await server.ask('PATCH', `${inTeam}/before`, { body: { spec: { suspend: true } }, type: merge })).code,
    ).to.equal(200);
    expect((await server.ask('DELETE', `${inTeam}/before`)).code).to.equal(200);
    expect(
      (await server.ask('PATCH', '/apis/runink.io/v1/herds/team', { body: { spec: { finalizers: [] } }, type: merge }))
        .code,
    ).to.equal(200);
    expect((await server.ask('GET', '/api/v1/namespaces/team')).code).to.equal(404);
  });

  it('a herd made anew does not find the old one’s things', async () => {
    const herd = ours('Herd', 'again', {});
    const inIt = pipelines.replace('default', 'again');
    await server.ask('POST', '/apis/runink.io/v1/herds', { body: herd });
    await server.ask('POST', inIt, { body: pipeline('old') });
    await server.ask('DELETE', '/apis/runink.io/v1/herds/again');
    await server.ask('PATCH', '/apis/runink.io/v1/herds/again', { body: { spec: { finalizers: [] } }, type: merge });
    await server.ask('POST', '/apis/runink.io/v1/herds', { body: herd });
    expect((await server.ask('GET', `${inIt}/old`)).code).to.equal(404);
    expect((await server.ask('GET', inIt)).body.items).to.deep.equal([]);
  });

  it('a watch by the name of a herd goes on with the one made anew', async () => {
    const herd = ours('Herd', 'phoenix', {});
    const inIt = pipelines.replace('default', 'phoenix');
    await server.ask('POST', '/apis/runink.io/v1/herds', { body: herd });
    const first = await server.watch(`${inIt}?watch=true`);
    await server.ask('POST', inIt, { body: pipeline('one') });
    const [added] = await first.wait((seen) => seen.length === 1);
    await server.ask('DELETE', `${inIt}/one`);
    await server.ask('DELETE', '/apis/runink.io/v1/herds/phoenix');
    await server.ask('PATCH', '/apis/runink.io/v1/herds/phoenix', { body: { spec: { finalizers: [] } }, type: merge });
    await first.wait(() => first.isEnded);
    const rest = await server.watch(
      `${inIt}?watch=true&resourceVersion=${text(added?.object.metadata?.resourceVersion)}`,
    );
    await server.ask('POST', '/apis/runink.io/v1/herds', { body: herd });
    await server.ask('POST', inIt, { body: pipeline('two') });
    const events = await rest.wait((seen) => seen.length === 2);
    rest.stop();
    expect(events.map((event) => `${event.type} ${text(event.object.metadata?.name)}`)).to.deep.equal([
      'DELETED one',
      'ADDED two',
    ]);
  });

  it('creates nothing in a herd that is not there', async () => {
    const answer = await server.ask('POST', pipelines.replace('default', 'nonesuch'), { body: pipeline('x') });
    expect([answer.code, answer.body.message]).to.deep.equal([404, 'namespaces "nonesuch" not found']);
  });

  it('keeps its own herds', async () => {
    for (const name of ['default', 'runink-system', 'runink-node-lease']) {
      expect((await server.ask('DELETE', `/apis/runink.io/v1/herds/${name}`)).code).to.equal(403);
    }
  });
});

describe('apiserver: bundles and contracts', () => {
  let server: TestServer;
  const bundles = '/apis/runink.io/v1/namespaces/default/bundles';
  const bytes = Buffer.from('export const a = 1;\n');
  const hash = createHash('sha256').update(bytes).digest('hex');
  const name = `b-${hash.slice(0, 10)}`;
  const spec = { hash, size: bytes.length, format: 'module' };
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  it('inline bytes are checked against name, size and hash', async () => {
    const inline = bytes.toString('base64');
    for (const [title, body, field] of [
      ['name', ours('Bundle', 'b-0000000000', { ...spec, inline }), 'metadata.name'],
      ['size', ours('Bundle', name, { ...spec, size: 3, inline }), 'spec.size'],
      [
        'hash',
        ours('Bundle', name, { ...spec, inline: Buffer.from('export const a = 2;\n').toString('base64') }),
        'spec.hash',
      ],
      ['base64', ours('Bundle', name, { ...spec, inline: 'x' }), 'spec.inline'],
    ] as const) {
      const answer = await server.ask('POST', bundles, { body });
      expect([title, answer.code, answer.body.details?.causes?.[0]?.field]).to.deep.equal([title, 422, field]);
    }
    expect((await server.ask('POST', bundles, { body: ours('Bundle', name, { ...spec, inline }) })).code).to.equal(201);
    expect((await server.ask('GET', `${bundles}/${name}/content`)).text).to.equal(bytes.toString());
    const changed = await server.ask('PATCH', `${bundles}/${name}`, {
      body: { spec: { format: 'files' } },
      type: merge,
    });
    expect(changed.body.message).to.include('spec.format: Forbidden: field is immutable');
    expect((await server.ask('DELETE', `${bundles}/${name}`)).code).to.equal(200);
  });

  it('content is put once, checked, and goes with its bundle', async () => {
    expect((await server.ask('POST', bundles, { body: ours('Bundle', name, spec) })).code).to.equal(201);
    const content = `${bundles}/${name}/content`;
    const put = (body: Uint8Array | string) => server.ask('PUT', content, { body, type: 'application/octet-stream' });
    expect((await server.ask('GET', content)).body.message).to.include('has no content yet');
    expect((await put('something else')).body.message).to.include('the bytes are 14, spec.size says 20');
    expect((await put('export const a = 2;\n')).body.message).to.include('the SHA-256 of the bytes is');
    expect((await put(bytes)).code).to.equal(200);
    expect((await put(bytes)).code).to.equal(200);
    expect((await server.ask('GET', content)).text).to.equal(bytes.toString());
    await server.ask('DELETE', `${bundles}/${name}`);
    expect((await server.barn.range('content/', 'content0')).count).to.equal(0);
    expect((await put(bytes)).code).to.equal(404);
  });

  it('a contract that cannot be compiled is refused with every problem', async () => {
    const contracts = '/apis/runink.io/v1/namespaces/default/contracts';
    const schema = { type: 'object', properties: { a: { type: 'sorcery' }, b: { pattern: '(' } } };
    const answer = await server.ask('POST', contracts, {
      body: ours('Contract', 'c-1', { name: 'c', version: '1.0.0', schema }),
    });
    expect(answer.code).to.equal(422);
    const fields = Object.values(answer.body.details?.causes ?? {}).map((cause) => cause.field);
    expect(fields).to.deep.equal(['spec.schema.properties.a.type', 'spec.schema.properties.b.pattern']);
    const good = ours('Contract', 'c-1', { name: 'c', version: '1.0.0', schema: { type: 'object', properties: {} } });
    expect((await server.ask('POST', contracts, { body: good })).body.spec?.mode).to.equal('open');
  });
});

describe('apiserver: slices', () => {
  let server: TestServer;
  const leases = '/apis/coordination.k8s.io/v1/namespaces/runink-system/leases';
  before(async () => {
    server = await startTestServer();
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'runink-scheduler' },
      spec: { holderIdentity: 'me', leaseTransitions: 2 },
    };
    expect((await server.ask('POST', leases, { body: lease })).code).to.equal(201);
    expect(
      (
        await server.ask('POST', '/api/v1/nodes', {
          body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } },
        })
      ).code,
    ).to.equal(201);
  });
  after(() => server.close());

  const binding = (name: string, version: unknown, more: Readonly<Record<string, unknown>> = {}) => ({
    apiVersion: 'runink.io/v1',
    kind: 'Binding',
    metadata: { name, resourceVersion: version },
    target: { kind: 'Node', name: 'n1' },
    epoch: 'me/2',
    ...more,
  });
  const bind = (name: string, version: unknown, more = {}) =>
    server.ask('POST', `${slicesPath}/${name}/binding`, { body: binding(name, version, more) });
  const made = async (name: string) => {
    const answer = await server.ask('POST', slicesPath, { body: slice(name) });
    expect(answer.body.status).to.deep.equal({ phase: 'Pending' });
    return text(answer.body.metadata?.resourceVersion);
  };

  it('are bound once, at the version that was decided on', async () => {
    const version = await made('b1');
    expect((await bind('b1', '1')).body.reason).to.equal('Conflict');
    expect((await bind('b1', version)).code).to.equal(201);
    const bound = (await server.ask('GET', `${slicesPath}/b1`)).body;
    expect(bound.spec?.nodeName).to.equal('n1');
    const again = await bind('b1', bound.metadata?.resourceVersion);
    expect(again.body.message).to.include('it is already bound to node "n1"');
    const moved = await server.ask('PATCH', `${slicesPath}/b1`, { body: { spec: { nodeName: 'n2' } }, type: merge });
    expect(moved.body.message).to.include('spec.nodeName: Forbidden: is set by a POST to the subresource binding');
  });

  it('are not bound by a scheduler that was deposed', async () => {
    const version = await made('b2');
    const old = await bind('b2', version, { epoch: 'me/1' });
    expect([old.code, old.body.message]).to.deep.equal([
      409,
      'Operation cannot be fulfilled on slices.runink.io "b2": the scheduler\'s epoch is me/2, not me/1',
    ]);
    const taken = { body: { spec: { holderIdentity: 'other', leaseTransitions: 3 } }, type: merge };
    await server.ask('PATCH', `${leases}/runink-scheduler`, taken);
    expect((await bind('b2', version)).body.message).to.include("the scheduler's epoch is other/3, not me/2");
    await server.ask('PATCH', `${leases}/runink-scheduler`, {
      body: { spec: { holderIdentity: 'me', leaseTransitions: 2 } },
      type: merge,
    });
    expect((await bind('b2', version)).code).to.equal(201);
  });

  it('are not bound to a node that is gone or put aside', async () => {
    const version = await made('b3');
    expect((await bind('b3', version, { target: { kind: 'Node', name: 'none' } })).body.message).to.include(
      'node "none" takes no slices: it is gone or tainted NoExecute',
    );
    const taints = (list: unknown) => ({ body: { spec: { taints: list } }, type: merge });
    await server.ask('PATCH', '/api/v1/nodes/n1', taints([{ key: 'k', effect: 'NoExecute' }]));
    expect((await bind('b3', version)).body.message).to.include('node "n1" takes no slices');
    await server.ask('PATCH', '/api/v1/nodes/n1', taints(null));
    expect((await bind('b3', version)).code).to.equal(201);
  });

  it('need all of a binding', async () => {
    const version = await made('b4');
    const answer = await bind('b4', version, { epoch: '', target: {}, kind: 'Other' });
    expect(answer.code).to.equal(422);
    expect(Object.values(answer.body.details?.causes ?? {}).map((cause) => cause.field)).to.deep.equal([
      'kind',
      'target.name',
      'epoch',
    ]);
  });

  it('unbound go at once; bound and live ones when their final status is written', async () => {
    await made('d1');
    expect((await server.ask('DELETE', `${slicesPath}/d1`)).body.kind).to.equal('Status');
    await bind('d2', await made('d2'));
    const marked = await server.ask('DELETE', `${slicesPath}/d2`);
    expect(marked.body.metadata?.deletionTimestamp).to.be.a('string');
    const status = (phase: string) =>
      server.ask('PATCH', `${slicesPath}/d2/status`, { body: { status: { phase } }, type: merge });
    expect((await status('Running')).code).to.equal(200);
    expect((await server.ask('GET', `${slicesPath}/d2`)).code).to.equal(200);
    const final = await status('Failed');
    expect(final.body.status?.phase).to.equal('Failed');
    expect((await server.ask('GET', `${slicesPath}/d2`)).code).to.equal(404);
  });

  it('that ended go at once', async () => {
    await bind('d3', await made('d3'));
    await server.ask('PATCH', `${slicesPath}/d3/status`, { body: { status: { phase: 'Succeeded' } }, type: merge });
    expect((await server.ask('DELETE', `${slicesPath}/d3`)).body.kind).to.equal('Status');
    expect((await server.ask('GET', `${slicesPath}/d3`)).code).to.equal(404);
  });

  it('a run’s plan never changes, its cancel may', async () => {
    const plan = { groups: [], steps: [] };
    const runs = '/apis/runink.io/v1/namespaces/default/runs';
    await server.ask('POST', runs, { body: ours('Run', 'r', { pipeline: { name: 'p' }, plan }) });
    const wrong = await server.ask('PATCH', `${runs}/r`, {
      body: { spec: { plan: { parameters: { a: 'b' } } } },
      type: merge,
    });
    expect(wrong.body.message).to.equal(
      'Run.runink.io "r" is invalid: spec.plan.parameters: Forbidden: field is immutable',
    );
    expect((await server.ask('PATCH', `${runs}/r`, { body: { spec: { cancel: true } }, type: merge })).code).to.equal(
      200,
    );
  });
});

describe('apiserver: a restart', () => {
  it('keeps objects, secrets, certificates and the port, and no secret is on disk in the clear', async () => {
    const data = await mkdtemp(join(tmpdir(), 'apiserver-restart-'));
    const directory = join(data, 'barn');
    const open = (): Promise<Barn> => openEmbeddedBarn({ directory, name: 'test', clock: systemClock, log: silentLog });
    const secrets = '/api/v1/namespaces/default/secrets';
    let barn = await open();
    let server = await startTestServer({ barn, data });
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': 'marker-of-a-secret' };
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', annotations },
      stringData: { k: 'marker-of-a-secret' },
    };
    expect((await server.ask('POST', secrets, { body: secret })).code).to.equal(201);
    for (const name of ['p1', 'p2']) await server.ask('POST', pipelines, { body: pipeline(name) });
    const before = await server.ask('GET', `${secrets}/s`);
    const token = text((await server.ask('GET', `${pipelines}?limit=1`)).body.metadata?.continue);
    const config = await readFile(join(data, 'admin.kubeconfig'), 'utf8');
    const stored = await barn.range('/', '0');
    const whole = stored.items.map((item) => Buffer.from(item.value).toString()).join('\n');
    expect(whole).to.include('"name":"s"').and.not.include('marker-of-a-secret');
    expect(whole).to.not.include(Buffer.from('marker-of-a-secret').toString('base64'));
    const { url } = server;
    await server.close();
    await barn.close();

    barn = await open();
    server = await startTestServer({ barn, data });
    try {
      expect(server.url).to.equal(url);
      expect(await readFile(join(data, 'admin.kubeconfig'), 'utf8')).to.equal(config);
      expect((await server.ask('GET', `${secrets}/s`)).body).to.deep.equal(before.body);
      const rest = await server.ask('GET', `${pipelines}?limit=1&continue=${token}`);
      expect(rest.body.items?.[0]?.metadata?.name).to.equal('p2');
    } finally {
      await server.close();
      await barn.close();
      await rm(data, { recursive: true, force: true });
    }
  });
});
