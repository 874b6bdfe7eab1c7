// What is applied: its form, kinds with ways of their own, and who it is owned by when nobody says.
import { rm } from 'node:fs/promises';
import { expect } from 'chai';
import { applyType, done, owners } from './applying.ts';
import { pipeline, pipelines, startTestServer, type TestServer } from './support.ts';

describe('apiserver: what is applied', () => {
  let server: TestServer;
  let count = 0;
  let name: string;
  let url: string;

  before(async () => {
    server = await startTestServer();
  });
  after(async () => {
    await server.close();
    await server.barn.close();
    await rm(server.data, { recursive: true, force: true });
  });
  beforeEach(() => {
    name = `applied-${++count}`;
    url = `${pipelines}/${name}`;
  });

  const body = (spec: object, metadata: object = {}) => ({
    apiVersion: 'runink.io/v1',
    kind: 'Pipeline',
    metadata: { name, namespace: 'default', ...metadata },
    spec,
  });
  const steps = (...names: readonly string[]) => ({ steps: names.map((step) => ({ name: step, use: 'filter' })) });
  const apply = (manager: string, configuration: unknown, query = '') =>
    server.ask('PATCH', `${url}?fieldManager=${manager}${query}`, { body: configuration, type: applyType });

  it('does nothing in a dry run, and answers as if it had', async () => {
    const would = done(await apply('m1', body(steps('a')), '&dryRun=All'), 201);
    expect(would.metadata?.resourceVersion).to.equal(undefined);
    expect(owners(would)).to.have.keys('m1/Apply');
    expect((await server.ask('GET', url)).code).to.equal(404);
    const made = done(await apply('m1', body(steps('a'))), 201);
    expect(done(await apply('m1', body(steps('b')), '&dryRun=All')).spec?.steps).to.deep.equal(steps('b').steps);
    expect((await server.ask('GET', url)).body).to.deep.equal(made);
  });

  it('reads YAML, tells of a field that stands twice, and refuses it when told to be strict', async () => {
    const yaml = [
      'apiVersion: runink.io/v1',
      'kind: Pipeline',
      `metadata: { name: ${name} }`,
      'spec:',
      '  steps: [{ name: a, use: filter }]',
      '  suspend: true',
      '  suspend: false',
      '',
    ].join('\n');
    const strict = await apply('m1', yaml, '&fieldValidation=Strict');
    expect([strict.code, strict.body.message]).to.deep.equal([
      400,
      'error strict decoding patch: error converting YAML to JSON: yaml: unmarshal errors:\n  line 7: key "suspend" already set in map',
    ]);
    const made = await apply('m1', yaml);
    expect(done(made, 201).spec?.suspend).to.equal(false);
    expect(String(made.headers.warning)).to.include('key \\"suspend\\" already set in map');
  });

  for (const [title, text, words] of [
    ['what is no YAML', 'a: [', 'error decoding patch: error converting YAML to JSON: yaml: line 1'],
    ['what is no mapping', '- a', 'the configuration is no mapping'],
    [
      'names that JavaScript treats specially',
      'spec: { __proto__: { a: 1 } }',
      'the field name "__proto__" is not allowed',
    ],
    ['too many aliases', `a: &a [${'x,'.repeat(20)}]\nb: &b [${'*a,'.repeat(50)}]\nc: [${'*b,'.repeat(50)}]`, 'alias'],
    ['another kind', { apiVersion: 'v1', kind: 'Secret' }, 'invalid object type: /v1, Kind=Secret'],
    ['managedFields', { ...pipeline('x'), metadata: { managedFields: [{}] } }, 'metadata.managedFields must be nil'],
  ] as const) {
    it(`refuses ${title}`, async () => {
      const answer = await apply('m1', text);
      expect(answer.code).to.equal(400);
      expect(answer.body.message).to.include(words);
    });
  }

  it('refuses a field that no schema names as Kubernetes does', async () => {
    const answer = await apply('m1', body({ ...steps('a'), bogus: 1 }));
    expect(answer.body).to.deep.equal({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'failed to create typed patch object: .spec.bogus: field not declared in schema',
      code: 500,
    });
  });

  it('owns namespaces as the herds they show, and shows no owners on them', async () => {
    const herd = `herd-${name}`;
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: herd, labels: { a: '1' } } };
    const made = await server.ask('PATCH', `/api/v1/namespaces/${herd}?fieldManager=m1`, {
      body: namespace,
      type: applyType,
    });
    expect(done(made, 201).metadata?.managedFields).to.equal(undefined);
    const shown = (await server.ask('GET', `/apis/runink.io/v1/herds/${herd}`)).body;
    expect(owners(shown)).to.deep.equal({ 'm1/Apply': { 'f:metadata': { 'f:labels': { 'f:a': {} } } } });
    const next = { ...namespace, metadata: { name: herd, labels: { b: '2' } } };
    const changed = await server.ask('PATCH', `/api/v1/namespaces/${herd}?fieldManager=m1`, {
      body: next,
      type: applyType,
    });
    expect(done(changed).metadata?.labels).to.deep.equal({ b: '2' });
    expect((await server.ask('GET', `/api/v1/namespaces/${herd}/serviceaccounts/default`)).code).to.equal(200);
  });

  it('owns of a secret what is stored, so that two may say the same in clear text', async () => {
    const secret = (stringData: object) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });
    const put = (manager: string, data: object) =>
      server.ask('PATCH', `/api/v1/namespaces/default/secrets/${name}?fieldManager=${manager}`, {
        body: secret(data),
        type: applyType,
      });
    const made = done(await put('m1', { a: 'x', b: 'y' }), 201);
    expect(owners(made)).to.deep.equal({ 'm1/Apply': { 'f:data': { 'f:a': {}, 'f:b': {} } } });
    expect(done(await put('m1', { a: 'x', b: 'y' }))).to.deep.equal(made);
    done(await put('m2', { a: 'x' }));
    expect(done(await put('m1', {})).data).to.deep.equal({ a: Buffer.from('x').toString('base64') });
    const seen = await server.ask('GET', `/api/v1/namespaces/default/secrets/${name}`, { as: 'controllers' });
    expect(seen.body.metadata).to.not.have.property('managedFields');
  });

  it('keeps no owners of leases and events', async () => {
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name },
      spec: { holderIdentity: 'a' },
    };
    const leases = `/apis/coordination.k8s.io/v1/namespaces/default/leases/${name}?fieldManager=m1`;
    expect(
      done(await server.ask('PATCH', leases, { body: lease, type: applyType }), 201).metadata,
    ).to.not.have.property('managedFields');
    const next = { ...lease, spec: { holderIdentity: 'b' } };
    expect(done(await server.ask('PATCH', leases, { body: next, type: applyType })).spec?.holderIdentity).to.equal('b');
  });

  it('names a writer that says no manager by its User-Agent', async () => {
    const made = await server.ask('POST', pipelines, {
      body: body(steps('a')),
      headers: { 'user-agent': 'kubectl/v1.35.0 (linux/amd64)' },
    });
    expect(Object.keys(owners(done(made, 201)))).to.deep.equal(['kubectl/Update']);
  });
});
