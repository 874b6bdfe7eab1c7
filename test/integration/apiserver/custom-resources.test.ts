// Objects of kinds that users define: versions, status, scale, tables, selectors, and what discovery and OpenAPI say of them.
import { expect } from 'chai';
import { startTestServer, type TestServer, text } from './support.ts';
import { define, definitionsPath, gone, widget, widgets, widgetsPath } from './widgets.ts';

const merge = 'application/merge-patch+json';
const one = `${definitionsPath}/widgets.example.com`;
const tableForm = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
const openAPIV3Schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: { size: { type: 'integer' }, color: { type: 'string' }, on: { type: 'boolean' } },
    },
    status: { type: 'object', properties: { phase: { type: 'string' }, replicas: { type: 'integer' } } },
  },
};
const version = (name: string, more: Readonly<Record<string, unknown>> = {}) => ({
  name,
  served: true,
  storage: false,
  schema: { openAPIV3Schema },
  ...more,
});
const path = (v: string) => widgetsPath.replace('/v1/', `/${v}/`);

describe('apiserver: objects of users’ kinds', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());
  afterEach(async () => {
    if ((await server.ask('GET', one)).code === 200) await gone(server);
  });
  const patch = (where: string, body: unknown, type = merge) => server.ask('PATCH', where, { body, type });

  it('of the cluster lie in no herd', async () => {
    await define(server, widgets({ scope: 'Cluster' }));
    const everywhere = '/apis/example.com/v1/widgets';
    const made = await server.ask('POST', everywhere, { body: widget('a', { size: 1 }) });
    expect([made.code, made.body.metadata?.namespace], made.text).to.deep.equal([201, undefined]);
    expect((await server.ask('GET', `${everywhere}/a`)).body.spec?.size).to.equal(1);
    expect((await server.ask('GET', `${widgetsPath}/a`)).code).to.equal(404);
    const list = await server.ask('GET', '/apis/example.com/v1');
    expect(text(list.body.resources)).to.include('"namespaced":false');
  });

  it('in herds may have the same name, and are listed and watched over all herds', async () => {
    await server.ask('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } },
    });
    await define(server, widgets());
    const everywhere = '/apis/example.com/v1/widgets';
    const watch = await server.watch(`${everywhere}?watch=true`);
    for (const herd of ['default', 'other'])
      expect((await server.ask('POST', widgetsPath.replace('default', herd), { body: widget('same') })).code).to.equal(
        201,
      );
    const herds = (objects: readonly { metadata?: { namespace?: unknown } }[]) =>
      objects.map(({ metadata }) => text(metadata?.namespace));
    const events = await watch.wait((seen) => seen.length === 2);
    expect(herds(events.map(({ object }) => object))).to.have.members(['default', 'other']);
    watch.stop();
    const { items } = (await server.ask('GET', everywhere)).body as unknown as {
      items: { metadata: { namespace: string } }[];
    };
    expect(herds(items)).to.have.members(['default', 'other']);
    expect((await server.ask('POST', everywhere, { body: widget('none') })).code).to.equal(405);
    const nowhere = await server.ask('POST', widgetsPath.replace('default', 'nowhere'), { body: widget('a') });
    expect([nowhere.code, nowhere.body.message]).to.deep.equal([404, 'namespaces "nowhere" not found']);
  });

  it('are shown in the version that is asked for and stored in one', async () => {
    await define(server, widgets({ versions: [version('v1', { storage: true }), version('v2')] }));
    await server.ask('POST', path('v2'), { body: widget('a', { size: 1 }, 'v2') });
    const [first, second] = await Promise.all(['v1', 'v2'].map((v) => server.ask('GET', `${path(v)}/a`)));
    expect([first?.body.apiVersion, second?.body.apiVersion]).to.deep.equal(['example.com/v1', 'example.com/v2']);
    expect(first?.body.metadata).to.deep.equal(second?.body.metadata);
    const wrong = await server.ask('POST', path('v2'), { body: widget('b') });
    expect(wrong.code).to.be.oneOf([400, 422]);
    const watch = await server.watch(`${path('v2')}?watch=true`);
    const [event] = await watch.wait((events) => events.length === 1);
    expect(event?.object.apiVersion).to.equal('example.com/v2');
    watch.stop();
  });

  it('keep the version that they were written in until they are written again', async () => {
    await define(server, widgets({ versions: [version('v1', { storage: true }), version('v2')] }));
    await server.ask('POST', path('v1'), { body: widget('a', { size: 1 }) });
    const storage = { spec: { versions: [version('v1'), version('v2', { storage: true })] } };
    const changed = await patch(one, storage);
    expect(changed.body.status?.storedVersions).to.deep.equal(['v1', 'v2']);
    const stored = async () => {
      const found = await server.barn.range('/registry/example.com/', '/registry/example.com0');
      return String(found.items.map(({ value }) => JSON.parse(Buffer.from(value).toString()).apiVersion));
    };
    expect(await stored()).to.equal('example.com/v1');
    const same = (await server.ask('GET', `${path('v1')}/a`)).body;
    const put = await server.ask('PUT', `${path('v1')}/a`, { body: same });
    expect([put.code, put.body.apiVersion, put.body.metadata?.generation]).to.deep.equal([200, 'example.com/v1', 1]);
    expect(await stored()).to.equal('example.com/v2');
    const lost = await patch(one, { spec: { versions: [version('v2', { storage: true })] } });
    expect(lost.body.message).to.include('v1 was previously a storage version');
    expect((await patch(`${one}/status`, { status: { storedVersions: ['v2'] } })).code).to.equal(200);
    expect((await patch(one, { spec: { versions: [version('v2', { storage: true })] } })).code).to.equal(200);
    expect((await server.ask('GET', path('v1'))).code).to.equal(404);
    expect((await server.ask('GET', `${path('v2')}/a`)).body.spec?.size).to.equal(1);
  });

  it('are shown by the schema of today', async () => {
    await define(server, widgets());
    await server.ask('POST', widgetsPath, { body: widget('a', { size: 1, color: 'red' }) });
    const watch = await server.watch(`${widgetsPath}?watch=true`);
    await watch.wait((events) => events.length === 1);
    const properties = {
      size: { type: 'integer' },
      shape: { type: 'string', default: 'round' },
      odd: { type: 'string', 'x-none': 1 },
    };
    const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } };
    const changed = await patch(one, { spec: { versions: [version('v1', { storage: true, schema })] } });
    expect([changed.code, text(changed.body.spec).includes('x-none')], changed.text).to.deep.equal([200, false]);
    await watch.wait(() => watch.isEnded);
    const shown = { size: 1, shape: 'round' };
    expect((await server.ask('GET', `${widgetsPath}/a`)).body.spec).to.deep.equal(shown);
    const items = (await server.ask('GET', widgetsPath)).body.items as unknown as { spec: unknown }[];
    expect(items.map(({ spec }) => spec)).to.deep.equal([shown]);
    const again = await server.watch(`${widgetsPath}?watch=true`);
    const [first] = await again.wait((events) => events.length === 1);
    expect(first?.object.spec).to.deep.equal(shown);
    again.stop();
    const touched = await patch(`${widgetsPath}/a`, { metadata: { labels: { a: 'b' } } });
    expect([touched.body.spec, touched.body.metadata?.generation]).to.deep.equal([shown, 2]);
  });

  it('that are not what their schema says are refused in its words', async () => {
    const phase = { type: 'string', enum: ['a', 'b'] };
    const rules = [{ rule: 'self.min <= self.max', message: 'min must not be above max' }];
    const properties = { phase, min: { type: 'integer' }, max: { type: 'integer' } };
    const spec = { type: 'object', required: ['phase'], properties, 'x-kubernetes-validations': rules };
    const schema = { openAPIV3Schema: { type: 'object', properties: { spec } } };
    await define(server, widgets({ versions: [version('v1', { storage: true, schema })] }));
    const wrong = await server.ask('POST', widgetsPath, { body: widget('a', { phase: 'c', min: 1, max: 2 }) });
    expect(wrong.body.message).to.include('spec.phase: Unsupported value: "c": supported values: "a", "b"');
    const ruled = await server.ask('POST', widgetsPath, { body: widget('a', { phase: 'a', min: 3, max: 2 }) });
    expect(ruled.body.message).to.include('min must not be above max');
    expect(
      (await server.ask('POST', widgetsPath, { body: widget('a', { phase: 'a', min: 1, max: 2 }) })).code,
    ).to.equal(201);
  });

  it('have a status of its own address where that is defined', async () => {
    await define(server, widgets({}, { subresources: { status: {} } }));
    const made = await server.ask('POST', widgetsPath, {
      body: { ...widget('a', { size: 1 }), status: { phase: 'x' } },
    });
    expect(made.body.status).to.equal(undefined);
    const told = await patch(`${widgetsPath}/a/status`, { spec: { size: 9 }, status: { phase: 'Ready' } });
    expect([told.body.spec?.size, told.body.status?.phase, told.body.metadata?.generation]).to.deep.equal([
      1,
      'Ready',
      1,
    ]);
    const changed = await patch(`${widgetsPath}/a`, { spec: { size: 2 }, status: { phase: 'Lost' } });
    expect([changed.body.status?.phase, changed.body.metadata?.generation]).to.deep.equal(['Ready', 2]);
    const labelled = await patch(`${widgetsPath}/a`, { metadata: { labels: { a: 'b' } } });
    expect(labelled.body.metadata?.generation).to.equal(2);
  });

  it('have a status like any field where it is not', async () => {
    await define(server, widgets());
    const made = await server.ask('POST', widgetsPath, { body: { ...widget('a'), status: { phase: 'New' } } });
    expect(made.body.status?.phase).to.equal('New');
    const changed = await patch(`${widgetsPath}/a`, { status: { phase: 'Old' } });
    expect([changed.body.status?.phase, changed.body.metadata?.generation]).to.deep.equal(['Old', 2]);
    const missing = await server.ask('GET', `${widgetsPath}/a/status`);
    expect([missing.code, missing.body.message]).to.deep.equal([404, 'widgets.example.com "a" not found']);
  });

  it('are scaled whatever their fields are called', async () => {
    const scale = {
      specReplicasPath: '.spec.size',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.phase',
    };
    await define(server, widgets({}, { subresources: { status: {}, scale } }));
    await server.ask('POST', widgetsPath, { body: widget('a', { size: 2 }) });
    await patch(`${widgetsPath}/a/status`, { status: { replicas: 1, phase: 'app=a' } });
    const found = (await server.ask('GET', `${widgetsPath}/a/scale`)).body;
    expect([found.kind, found.apiVersion, found.spec, found.status]).to.deep.equal([
      'Scale',
      'autoscaling/v1',
      { replicas: 2 },
      { replicas: 1, selector: 'app=a' },
    ]);
    const patched = await patch(`${widgetsPath}/a/scale`, { spec: { replicas: 5 } });
    expect([patched.code, patched.body.spec?.replicas], patched.text).to.deep.equal([200, 5]);
    const json = await patch(
      `${widgetsPath}/a/scale`,
      [{ op: 'replace', path: '/spec/replicas', value: 6 }],
      'application/json-patch+json',
    );
    expect(json.body.spec?.replicas).to.equal(6);
    const stale = await server.ask('PUT', `${widgetsPath}/a/scale`, { body: { ...found, spec: { replicas: 7 } } });
    expect([stale.code, stale.body.reason]).to.deep.equal([409, 'Conflict']);
    const body = { ...json.body, spec: { replicas: 7 } };
    expect((await server.ask('PUT', `${widgetsPath}/a/scale`, { body })).body.spec?.replicas).to.equal(7);
    const object = (await server.ask('GET', `${widgetsPath}/a`)).body;
    expect([object.spec?.size, object.metadata?.generation]).to.deep.equal([7, 4]);
    const negative = await patch(`${widgetsPath}/a/scale`, { spec: { replicas: -1 } });
    expect(negative.body.message).to.include('spec.replicas: Invalid value: -1: must be greater than or equal to 0');
    await server.ask('POST', widgetsPath, { body: widget('none') });
    const none = await server.ask('GET', `${widgetsPath}/none/scale`);
    expect([none.code, none.body.message]).to.deep.equal([
      500,
      'Internal error occurred: the spec replicas field ".spec.size" does not exist',
    ]);
    expect((await patch(`${widgetsPath}/none/scale`, { spec: { replicas: 1 } })).body.spec?.replicas).to.equal(1);
  });

  it('are printed by the columns that their version has', async () => {
    const additionalPrinterColumns = [
      { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
      { name: 'Color', type: 'string', jsonPath: '.spec.color', priority: 1 },
    ];
    await define(
      server,
      widgets({ versions: [version('v1', { storage: true, additionalPrinterColumns }), version('v2')] }),
    );
    await server.ask('POST', widgetsPath, { body: widget('a', { size: 3 }) });
    const shown = async (v: string) => (await server.ask('GET', path(v), { headers: tableForm })).body;
    const first = await shown('v1');
    expect(text(first.rows)).to.include('"cells":["a",3,null]');
    expect(text(first.columnDefinitions)).to.include(
      '{"name":"Size","type":"integer","format":"","description":"Custom resource definition column (in JSONPath format): .spec.size","priority":0}',
    );
    expect(text((await shown('v2')).columnDefinitions)).to.match(/"name":"Name".*"name":"Age","type":"date"/);
  });

  it('are selected by the fields that their version names', async () => {
    const selectableFields = [{ jsonPath: '.spec.color' }, { jsonPath: '.spec.on' }, { jsonPath: '.spec.size' }];
    await define(server, widgets({ versions: [version('v1', { storage: true, selectableFields }), version('v2')] }));
    for (const [name, color, on] of [
      ['a', 'red', true],
      ['b', 'blue', false],
      ['c', 'red', false],
    ] as const)
      await server.ask('POST', widgetsPath, { body: widget(name, { color, on, size: 1 }) });
    const names = async (selector: string) =>
      text((await server.ask('GET', `${widgetsPath}?fieldSelector=${encodeURIComponent(selector)}`)).body.items).match(
        /"name":"\w"/g,
      );
    expect(await names('spec.color=red')).to.deep.equal(['"name":"a"', '"name":"c"']);
    expect(await names('spec.color=red,spec.on=false')).to.deep.equal(['"name":"c"']);
    expect(await names('spec.size!=1')).to.equal(null);
    const other = await server.ask('GET', `${path('v2')}?fieldSelector=spec.color%3Dred`);
    expect([other.code, other.body.message]).to.deep.equal([400, 'field label not supported: spec.color']);
  });

  it('warn who uses a deprecated version', async () => {
    await define(
      server,
      widgets({ versions: [version('v1', { storage: true }), version('v1beta1', { deprecated: true })] }),
    );
    const listed = await server.ask('GET', path('v1beta1'));
    expect(listed.headers.warning).to.equal('299 - "example.com/v1beta1 Widget is deprecated"');
    expect((await server.ask('GET', path('v1'))).headers.warning).to.equal(undefined);
  });

  it('take no strategic merge patch', async () => {
    await define(server, widgets());
    await server.ask('POST', widgetsPath, { body: widget('a') });
    const refused = await patch(`${widgetsPath}/a`, {}, 'application/strategic-merge-patch+json');
    expect([refused.code, refused.body.reason]).to.deep.equal([415, 'UnsupportedMediaType']);
  });

  it('may be called as ours are, and are not taken for them', async () => {
    const names = { plural: 'secrets', kind: 'Secret', singular: 'secret', shortNames: ['ws'] };
    const metadata = { name: 'secrets.example.com' };
    const data = { type: 'object', additionalProperties: { type: 'string' } };
    const schema = { openAPIV3Schema: { type: 'object', properties: { data } } };
    await define(server, { ...widgets({ names, versions: [version('v1', { storage: true, schema })] }), metadata });
    const secrets = widgetsPath.replace('widgets', 'secrets');
    const body = {
      apiVersion: 'example.com/v1',
      kind: 'Secret',
      metadata: { name: 'a' },
      data: { 'no key!': 'plain' },
    };
    const made = await server.ask('POST', secrets, { body });
    expect([made.code, made.body.data], made.text).to.deep.equal([201, { 'no key!': 'plain' }]);
    const seen = await server.ask('GET', `${secrets}/a`, { as: 'controllers' });
    expect(seen.body.data).to.deep.equal({ 'no key!': 'plain' });
    await gone(server, 'secrets.example.com');
  });

  it('answer what is asked of no name, or posted to one, as Kubernetes does', async () => {
    await define(server, widgets());
    const unnamed = await server.ask('PUT', widgetsPath, { body: {} });
    expect([unnamed.code, unnamed.body.message]).to.deep.equal([400, 'name must be provided']);
    const posted = await server.ask('POST', `${widgetsPath}/x`, { body: {} });
    expect([posted.code, posted.body.reason]).to.deep.equal([400, 'BadRequest']);
  });
});

describe('apiserver: what is told of users’ kinds', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
    const scale = { specReplicasPath: '.spec.size', statusReplicasPath: '.status.replicas' };
    const versions = [
      version('v1beta1'),
      version('v1', { storage: true, subresources: { status: {}, scale } }),
      version('v2alpha1'),
    ];
    await define(server, widgets({ versions }));
  });
  after(() => server.close());

  it('names groups with their versions, the most preferred first', async () => {
    const { body } = await server.ask('GET', '/apis/example.com');
    expect(text(body.versions).match(/"version":"\w+"/g)).to.deep.equal([
      '"version":"v1"',
      '"version":"v1beta1"',
      '"version":"v2alpha1"',
    ]);
    expect(body.preferredVersion).to.deep.equal({ groupVersion: 'example.com/v1', version: 'v1' });
    const index = await server.ask('GET', '/');
    expect(text(index.body.paths)).to.include('"/apis/example.com","/apis/example.com/v1",');
  });

  it('lists resources with short names, categories and subresources', async () => {
    const { body } = await server.ask('GET', '/apis/example.com/v1');
    const [kind, status, scale] = body.resources as unknown as Record<string, unknown>[];
    expect(kind).to.deep.include({ name: 'widgets', kind: 'Widget', shortNames: ['wd'], categories: ['all'] });
    expect(kind?.verbs).to.deep.equal([
      'delete',
      'deletecollection',
      'get',
      'list',
      'patch',
      'create',
      'update',
      'watch',
    ]);
    expect(status).to.deep.include({ name: 'widgets/status', kind: 'Widget' });
    expect(scale).to.deep.include({ name: 'widgets/scale', group: 'autoscaling', version: 'v1', kind: 'Scale' });
  });

  for (const form of ['v2', 'v2beta1'])
    it(`aggregates all in ${form}, with a name that stays while nothing changes`, async () => {
      const accept = `application/json;g=apidiscovery.k8s.io;v=${form};as=APIGroupDiscoveryList,application/json`;
      const found = await server.ask('GET', '/apis', { headers: { accept } });
      const items = found.body.items as unknown as { metadata: { name: string }; versions: { version: string }[] }[];
      const own = items.find(({ metadata }) => metadata.name === 'example.com');
      expect(own?.versions.map((one) => one.version)).to.deep.equal(['v1', 'v1beta1', 'v2alpha1']);
      expect(text(own)).to.include(
        '"subresource":"scale","responseKind":{"group":"autoscaling","version":"v1","kind":"Scale"}',
      );
      const etag = String(found.headers.etag);
      const again = await server.ask('GET', '/apis', { headers: { accept, 'if-none-match': etag } });
      expect([again.code, again.text]).to.deep.equal([304, '']);
    });

  it('publishes their schemas in OpenAPI 2 and 3, and anew when they change', async () => {
    const schemaIn = (value: unknown) => text(value).includes('"color":{"type":"string"}');
    const v2 = await server.ask('GET', '/openapi/v2');
    expect(schemaIn(v2.body.definitions?.['com.example.v1.Widget'])).to.equal(true);
    const index = (await server.ask('GET', '/openapi/v3')).body.paths;
    const url = String(index?.['apis/example.com/v1']?.serverRelativeURL);
    const v3 = await server.ask('GET', url);
    expect(schemaIn(v3.body.components?.schemas?.['com.example.v1.Widget'])).to.equal(true);
    expect(v3.headers['cache-control']).to.equal('public, immutable');
    const ours = index?.['apis/runink.io/v1']?.serverRelativeURL;
    const changed = {
      type: 'object',
      properties: { spec: { type: 'object', properties: { other: { type: 'string' } } } },
    };
    const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: changed } }];
    await server.ask('PATCH', one, { body: { spec: { versions } }, type: merge });
    const after = (await server.ask('GET', '/openapi/v3')).body.paths;
    expect(after?.['apis/example.com/v1']?.serverRelativeURL).not.to.equal(url);
    expect(after?.['apis/example.com/v1beta1']).to.equal(undefined);
    const old = await server.ask('GET', url);
    expect([old.code, old.headers.location]).to.deep.equal([301, after?.['apis/example.com/v1']?.serverRelativeURL]);
    expect(after?.['apis/runink.io/v1']?.serverRelativeURL).to.equal(ours);
  });

  it('says of each check how it is', async () => {
    const ready = await server.ask('GET', '/readyz?verbose');
    expect(ready.text).to.equal('[+]ping ok\n[+]barn ok\n[+]kinds ok\n[+]herds ok\nreadyz check passed\n');
    expect((await server.ask('GET', '/readyz/kinds')).text).to.equal('ok');
    expect((await server.ask('GET', '/readyz/none')).code).to.equal(404);
    expect((await server.ask('GET', '/readyz?verbose&exclude=barn')).text).to.include('[+]barn excluded: ok');
  });
});
