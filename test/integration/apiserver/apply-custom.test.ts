// The owners of fields of kinds that users define: lists of all types, fields of which nothing is known, several versions,
// the subresources, and a schema that changes. Counterparts of Kubernetes' TestApplyCRD… stand beside them.
import { expect } from 'chai';
import { applyType, done, entriesOf, mergeType } from './applying.ts';
import { type Json, startTestServer, type TestServer } from './support.ts';
import { define, definitionsPath, gone, widgets, widgetsPath } from './widgets.ts';

const one = `${definitionsPath}/widgets.example.com`;
const parts = (keys: Readonly<Record<string, unknown>>) => ({
  type: 'array',
  items: {
    type: 'object',
    required: ['name'],
    properties: { name: { type: 'string' }, size: { type: 'integer' }, color: { type: 'string' } },
  },
  ...keys,
});
const keyed = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };
const schemaWith = (keys: Readonly<Record<string, unknown>>) => ({
  openAPIV3Schema: {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          replicas: { type: 'integer', default: 1 },
          parts: parts(keys),
          tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
          whole: { type: 'object', additionalProperties: { type: 'string' }, 'x-kubernetes-map-type': 'atomic' },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
      status: { type: 'object', properties: { replicas: { type: 'integer' } } },
    },
  },
});
const version = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({
  name,
  served: true,
  storage: false,
  schema: schemaWith(keyed),
  subresources: {
    status: {},
    scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
  },
  ...more,
});
const path = (v: string, name = 'a') => `${widgetsPath.replace('/v1/', `/${v}/`)}/${name}`;

describe('apiserver: server-side apply to users’ kinds', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());
  beforeEach(() => define(server, widgets({ versions: [version('v1', { storage: true }), version('v2')] })));
  afterEach(() => gone(server));

  const widget = (spec: object, v = 'v1', more: object = {}) => ({
    apiVersion: `example.com/${v}`,
    kind: 'Widget',
    metadata: { name: 'a' },
    spec,
    ...more,
  });
  const apply = (manager: string, spec: object, v = 'v1', query = '') =>
    server.ask('PATCH', `${path(v)}?fieldManager=${manager}${query}`, { body: widget(spec, v), type: applyType });
  const patch = (where: string, manager: string, body: object) =>
    server.ask('PATCH', `${where}?fieldManager=${manager}`, { body, type: mergeType });
  const owners = (object: Json): Record<string, unknown> => {
    return Object.fromEntries(
      entriesOf(object).map((entry) => {
        const of = [entry.manager, entry.operation, entry.apiVersion, entry.subresource ?? ''].map(String);
        return [of.join(' ').trim(), entry.fieldsV1];
      }),
    );
  };

  // TestApplyCRDStructuralSchema, TestApplyCRDNonStructuralSchema's lists
  it('merges lists by what the schema calls them, and takes apart what it knows nothing of', async () => {
    const spec = { parts: [{ name: 'x', size: 1 }], tags: ['t'], whole: { a: '1' }, free: { f: { g: [1] } } };
    const made = done(await apply('m1', spec), 201);
    expect(owners(made)).to.deep.equal({
      'm1 Apply example.com/v1': {
        'f:spec': {
          'f:free': { 'f:f': { '.': {}, 'f:g': {} } },
          'f:parts': { 'k:{"name":"x"}': { '.': {}, 'f:name': {}, 'f:size': {} } },
          'f:tags': { 'v:"t"': {} },
          'f:whole': {},
        },
      },
    });
    const both = done(await apply('m2', { parts: [{ name: 'y' }], tags: ['u'], free: { f: { h: 2 } } }));
    expect(both.spec).to.deep.equal({
      replicas: 1,
      parts: [{ name: 'x', size: 1 }, { name: 'y' }],
      tags: ['t', 'u'],
      whole: { a: '1' },
      free: { f: { g: [1], h: 2 } },
    });
    expect((await apply('m2', { whole: { b: '2' } })).body.message).to.equal(
      'Apply failed with 1 conflict: conflict with "m1": .spec.whole',
    );
    expect(done(await apply('m1', {})).spec).to.deep.equal({
      replicas: 1,
      parts: [{ name: 'y' }],
      tags: ['u'],
      free: { f: { h: 2 } },
    });
  });

  it('changes nothing when it says the same again, and a default is nobody’s', async () => {
    const made = done(await apply('m1', { tags: ['t'] }), 201);
    expect(done(await apply('m1', { tags: ['t'] }))).to.deep.equal(made);
    expect(done(await apply('m2', { replicas: 5 })).spec?.replicas).to.equal(5);
    const back = done(await apply('m2', {}));
    expect(back.spec?.replicas).to.equal(1);
    expect(done(await apply('m2', {}))).to.deep.equal(back);
  });

  // TestApplyConvertsManagedFieldsVersion, TestVersionCheck
  it('owns in each version what was written in it, and an applier is the same in all', async () => {
    done(await apply('m1', { tags: ['t'] }), 201);
    done(await patch(path('v1'), 'hand', { spec: { replicas: 2 } }));
    const changed = done(await patch(path('v2'), 'hand', { spec: { whole: { a: '1' } } }));
    expect(owners(changed)).to.deep.equal({
      'm1 Apply example.com/v1': { 'f:spec': { 'f:tags': { 'v:"t"': {} } } },
      'hand Update example.com/v1': { 'f:spec': { 'f:replicas': {} } },
      'hand Update example.com/v2': { 'f:spec': { 'f:whole': {} } },
    });
    expect((await apply('m1', { replicas: 3 }, 'v2')).body.message).to.equal(
      'Apply failed with 1 conflict: conflict with "hand" using example.com/v1: .spec.replicas',
    );
    const moved = done(await apply('m1', { tags: ['u'] }, 'v2'));
    expect(moved.spec?.tags).to.deep.equal(['u']);
    expect(Object.keys(owners(moved)))
      .to.include('m1 Apply example.com/v2')
      .and.not.include('m1 Apply example.com/v1');
    const wrong = await server.ask('PATCH', `${path('v2')}?fieldManager=m1`, { body: widget({}), type: applyType });
    expect([wrong.code, wrong.body.message]).to.deep.equal([400, 'invalid object type: example.com/v1, Kind=Widget']);
  });

  // TestApplyCRDStatus…, TestApplyManagedFields' subresource, TestScaleAllResources' owners
  it('tells status and scale apart, and lets generation grow with the spec only', async () => {
    const made = done(await apply('m1', { tags: ['t'] }), 201);
    expect(made.metadata?.generation).to.equal(1);
    const status = await server.ask('PATCH', `${path('v1')}/status?fieldManager=s`, {
      body: widget({ replicas: 9 }, 'v1', { status: { replicas: 4 } }),
      type: applyType,
    });
    expect(done(status).metadata?.generation).to.equal(1);
    expect(status.body).to.deep.include({ status: { replicas: 4 }, spec: { tags: ['t'], replicas: 1 } });
    expect(owners(status.body)['s Apply example.com/v1 status']).to.deep.equal({ 'f:status': { 'f:replicas': {} } });
    done(await patch(`${path('v1')}/scale`, 'scaler', { spec: { replicas: 7 } }));
    const scaled = done(await server.ask('GET', path('v1')));
    expect(scaled.metadata?.generation).to.equal(2);
    expect(owners(scaled)['scaler Update example.com/v1 scale']).to.deep.equal({ 'f:spec': { 'f:replicas': {} } });
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'a' }, spec: { replicas: 8 } };
    const applyScale = (query: string) =>
      server.ask('PATCH', `${path('v1')}/scale?fieldManager=m2${query}`, { body: scale, type: applyType });
    expect((await applyScale('')).body.message).to.equal(
      'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale" using example.com/v1: .spec.replicas',
    );
    expect(done(await applyScale('&force=true')).spec).to.deep.equal({ replicas: 8 });
  });

  // TestSchemaChange… of structured-merge-diff: what was owned apart is owned as a whole when the schema says so
  it('goes on when the schema comes to own a list as a whole', async () => {
    done(await apply('m1', { parts: [{ name: 'x', size: 1 }] }), 201);
    const atomic = { schema: schemaWith({ 'x-kubernetes-list-type': 'atomic' }) };
    done(
      await server.ask('PATCH', one, {
        body: { spec: { versions: [version('v1', { storage: true, ...atomic }), version('v2', atomic)] } },
        type: mergeType,
      }),
    );
    expect((await apply('m2', { parts: [{ name: 'y' }] })).body.message).to.equal(
      'Apply failed with 1 conflict: conflict with "m1": .spec.parts',
    );
    const next = done(await apply('m1', { parts: [{ name: 'z' }] }));
    expect(next.spec?.parts).to.deep.equal([{ name: 'z' }]);
    expect(owners(next)).to.deep.equal({ 'm1 Apply example.com/v1': { 'f:spec': { 'f:parts': {} } } });
  });

  for (const [title, spec, words] of [
    ['a field that no schema names', { bogus: 1 }, '.spec.bogus: field not declared in schema'],
    [
      'two items of one key',
      { parts: [{ name: 'x' }, { name: 'x' }] },
      '.spec.parts: duplicate entries for key [name="x"]',
    ],
    ['an item without its key', { parts: [{ size: 1 }] }, 'omits all key fields ["name"]'],
  ] as const) {
    it(`refuses ${title}`, async () => {
      const answer = await apply('m1', spec);
      expect(answer.code).to.equal(500);
      expect(answer.body.message)
        .to.match(/^failed to create typed patch object: /)
        .and.include(words);
    });
  }
});
