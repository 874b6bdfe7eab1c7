// CustomResourceDefinitions over real servers: registered, established, changed, deleted.
import { expect } from 'chai';
import { startTestServer, startThreeServers, type TestServer, type ThreeServers, text } from './support.ts';
import { define, definitionsPath, established, gone, widget, widgets, widgetsPath } from './widgets.ts';

const merge = 'application/merge-patch+json';
const one = `${definitionsPath}/widgets.example.com`;

describe('apiserver: definitions', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());
  afterEach(async () => {
    if ((await server.ask('GET', one)).code === 200) await gone(server);
  });

  it('are completed, established at once, and served without restart', async () => {
    expect((await server.ask('GET', widgetsPath)).code).to.equal(404);
    const made = await define(server, widgets());
    expect(made.body.spec?.names).to.deep.include({ singular: 'widget', listKind: 'WidgetList' });
    expect(made.body.spec?.conversion).to.deep.equal({ strategy: 'None' });
    expect(made.body.status).to.deep.equal({
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: ['v1'],
    });
    const created = await server.ask('POST', widgetsPath, { body: widget('a', { size: 1, other: 2 }) });
    expect(created.code, created.text).to.equal(201);
    expect(created.body.spec).to.deep.equal({ size: 1 });
    expect(created.body.metadata?.generation).to.equal(1);
    const listed = await server.ask('GET', widgetsPath);
    expect([listed.body.kind, (listed.body.items as unknown as unknown[]).length]).to.deep.equal(['WidgetList', 1]);
    const status = (await server.ask('GET', one)).body.status;
    expect(text(status?.conditions)).to.match(/NamesAccepted.*NoConflicts.*Established.*InitialNamesAccepted/);
    expect(status?.acceptedNames).to.deep.equal({
      plural: 'widgets',
      singular: 'widget',
      kind: 'Widget',
      listKind: 'WidgetList',
      shortNames: ['wd'],
      categories: ['all'],
    });
  });

  it('are shown as a table with their name and when they were created', async () => {
    await define(server, widgets());
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const { body } = await server.ask('GET', one, { headers: { accept } });
    const rows = body.rows as unknown as { cells: unknown[]; object: { metadata: { creationTimestamp: string } } }[];
    expect(rows[0]?.cells).to.deep.equal(['widgets.example.com', rows[0]?.object.metadata.creationTimestamp]);
    expect(text(body.columnDefinitions)).to.match(/"name":"Name".*"name":"Created At","type":"date"|"Created At"/);
  });

  it('that are wrong are refused in Kubernetes’ words', async () => {
    const { code, body } = await server.ask('POST', definitionsPath, { body: widgets({ scope: 'Other' }) });
    expect([code, body.message]).to.deep.equal([
      422,
      'CustomResourceDefinition.apiextensions.k8s.io "widgets.example.com" is invalid: spec.scope: Unsupported value: "Other": supported values: "Cluster", "Namespaced"',
    ]);
  });

  it('warn of keywords that mean nothing, and are refused for them where that is asked for', async () => {
    const schema = {
      openAPIV3Schema: { type: 'object', 'x-mine': 1, properties: { spec: { type: 'object', kind: 2 } } },
    };
    const body = widgets({}, { schema });
    const strict = await server.ask('POST', `${definitionsPath}?fieldValidation=Strict`, { body });
    expect([strict.code, strict.body.message]).to.deep.equal([
      400,
      'CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: strict decoding error: unknown field "spec.versions[0].schema.openAPIV3Schema.x-mine", unknown field "spec.versions[0].schema.openAPIV3Schema.properties.spec.kind"',
    ]);
    const warned = await server.ask('POST', `${definitionsPath}?dryRun=All`, { body });
    expect([warned.code, text(warned.headers.warning).includes('unknown field')]).to.deep.equal([201, true]);
    expect(text(warned.body.spec)).not.to.include('x-mine');
  });

  it('whose names are taken are not served, and are when the names come free', async () => {
    await define(server, widgets());
    const names = { plural: 'gadgets', kind: 'Widget', singular: 'gadget' };
    const other = { ...widgets({ names }), metadata: { name: 'gadgets.example.com' } };
    expect((await server.ask('POST', definitionsPath, { body: other })).code).to.equal(201);
    const watch = await server.watch(`${definitionsPath}?watch=true&fieldSelector=metadata.name%3Dgadgets.example.com`);
    await watch.wait((events) => text(events).includes('NotAccepted'));
    expect(text(watch.events)).to.include('\\"WidgetList\\" is already in use');
    expect((await server.ask('GET', '/apis/example.com/v1/gadgets')).code).to.equal(404);
    await gone(server);
    await watch.wait((events) => text(events).includes('InitialNamesAccepted'));
    watch.stop();
    expect((await server.ask('GET', '/apis/example.com/v1/gadgets')).code).to.equal(200);
    await gone(server, 'gadgets.example.com');
  });

  it('take effect at once when their schema changes, and end the watches of their kind', async () => {
    await define(server, widgets());
    await server.ask('POST', widgetsPath, { body: widget('a', { size: 1 }) });
    const watch = await server.watch(`${widgetsPath}?watch=true`);
    await watch.wait((events) => events.length === 1);
    const bounded = {
      type: 'object',
      properties: { spec: { type: 'object', properties: { size: { type: 'integer', maximum: 5 } } } },
    };
    const spec = { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: bounded } }] };
    const changed = await server.ask('PATCH', one, { body: { spec }, type: merge });
    expect([changed.code, changed.body.metadata?.generation], changed.text).to.deep.equal([200, 2]);
    const refused = await server.ask('POST', widgetsPath, { body: widget('b', { size: 6 }) });
    expect(refused.code).to.equal(422);
    expect(refused.body.message).to.include('spec.size in body should be less than or equal to 5');
    await watch.wait(() => watch.isEnded);
    const status = { status: { conditions: [] } };
    expect((await server.ask('PATCH', `${one}/status`, { body: status, type: merge })).code).to.equal(200);
    await established(server);
    expect((await server.ask('GET', one)).body.metadata?.generation).to.equal(2);
  });

  it('that are deleted take their objects with them, heeding finalizers, and refuse new ones meanwhile', async () => {
    await define(server, widgets());
    const held = { ...widget('held'), metadata: { name: 'held', finalizers: ['example.com/hold'] } };
    for (const body of [widget('free'), held]) await server.ask('POST', widgetsPath, { body });
    const watch = await server.watch(`${definitionsPath}?watch=true&fieldSelector=metadata.name%3Dwidgets.example.com`);
    const marked = await server.ask('DELETE', one);
    expect(marked.body.metadata?.finalizers).to.deep.equal(['customresourcecleanup.apiextensions.k8s.io']);
    expect(text(marked.body.status?.conditions)).to.include('InstanceDeletionPending');
    await watch.wait((events) => text(events).includes('InstanceDeletionInProgress'));
    const late = await server.ask('POST', widgetsPath, { body: widget('late') });
    expect([late.code, late.body.message]).to.deep.equal([
      405,
      'create not allowed while custom resource definition is terminating',
    ]);
    const left = await server.ask('GET', widgetsPath);
    expect(text(left.body.items)).to.match(/^\[\{[^]*"name":"held"[^]*\}\]$/);
    expect(text(left.body.items)).to.include('deletionTimestamp');
    const list = await server.ask('GET', '/apis/example.com/v1');
    expect(text(list.body.resources)).to.include('"verbs":["delete","deletecollection","get","list","watch"]');
    const freed = await server.ask('PATCH', `${widgetsPath}/held`, {
      body: { metadata: { finalizers: null } },
      type: merge,
    });
    expect(freed.code, freed.text).to.equal(200);
    await watch.wait((events) => events.at(-1)?.type === 'DELETED');
    watch.stop();
    expect((await server.ask('GET', widgetsPath)).code).to.equal(404);
    expect(text((await server.ask('GET', '/apis')).body.groups)).not.to.include('example.com');
  });

  it('made anew under a name find nothing of the old, even when the old was torn away', async () => {
    await define(server, widgets());
    const held = { ...widget('held'), metadata: { name: 'held', finalizers: ['example.com/hold'] } };
    await server.ask('POST', widgetsPath, { body: held });
    const watch = await server.watch(`${widgetsPath}?watch=true`);
    await server.ask('DELETE', one);
    await server.ask('PATCH', one, { body: { metadata: { finalizers: null } }, type: merge });
    expect((await server.ask('GET', one)).code).to.equal(404);
    await watch.wait(() => watch.isEnded);
    await define(server, widgets());
    expect((await server.ask('GET', widgetsPath)).body.items).to.deep.equal([]);
    expect((await server.ask('POST', widgetsPath, { body: held })).code).to.equal(201);
    await server.ask('PATCH', `${widgetsPath}/held`, { body: { metadata: { finalizers: null } }, type: merge });
  });
});

describe('apiserver: definitions at several servers', () => {
  let three: ThreeServers;
  before(async () => {
    three = await startThreeServers();
  });
  after(() => three.close());
  const at = (index: number): TestServer => three.at(index);

  it('are served by each as soon as one says that they are', async () => {
    for (let round = 0; round < 6; round++) {
      await define(at(round), widgets());
      const made = await at(round + 1).ask('POST', widgetsPath, { body: widget('a', { size: round }) });
      expect(made.code, made.text).to.equal(201);
      const found = await at(round + 2).ask('GET', `${widgetsPath}/a`);
      expect([found.code, found.body.spec?.size]).to.deep.equal([200, round]);
      const groups = await at(round + 2).ask('GET', '/apis/example.com');
      expect(groups.code).to.equal(200);
      await gone(at(round));
      expect((await at(round + 1).ask('POST', widgetsPath, { body: widget('late') })).code).to.equal(404);
    }
  });

  it('that change at one let nothing be written by the old schema at another', async () => {
    await define(at(0), widgets());
    for (let maximum = 1; maximum <= 10; maximum++) {
      const size = { type: 'integer', maximum };
      const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties: { size } } } };
      const body = { spec: { versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }] } };
      const changed = await at(maximum).ask('PATCH', one, { body, type: merge });
      expect(changed.code, changed.text).to.equal(200);
      const [low, high] = await Promise.all(
        [maximum, maximum + 1].map((wanted) =>
          at(maximum + 1).ask('POST', widgetsPath, { body: widget(`w${maximum}-${wanted}`, { size: wanted }) }),
        ),
      );
      expect([low?.code, high?.code], `${low?.text} ${high?.text}`).to.deep.equal([201, 422]);
    }
    await gone(at(0));
  });

  it('take names from each other in one order, whoever looks', async () => {
    const all = ['aa', 'bb', 'cc', 'dd'].map((plural) => ({
      ...widgets({ names: { plural, kind: 'Widget', singular: plural } }),
      metadata: { name: `${plural}.example.com` },
    }));
    await Promise.all(all.map((body, index) => at(index).ask('POST', definitionsPath, { body })));
    const watch = await at(0).watch(`${definitionsPath}?watch=true`);
    const decided = (events: typeof watch.events) => {
      const latest = new Map(
        events.map(({ object }) => [text(object.metadata?.name), text(object.status?.conditions)]),
      );
      return latest.size === 4 && [...latest.values()].every((conditions) => conditions.includes('Established'));
    };
    await watch.wait(decided);
    watch.stop();
    const listed = await at(1).ask('GET', definitionsPath);
    expect(text(listed.body.items).split('InitialNamesAccepted').length - 1).to.equal(1);
    for (const { metadata } of all) await at(0).ask('DELETE', `${definitionsPath}/${metadata.name}`);
  });
});
