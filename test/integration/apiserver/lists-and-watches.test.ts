import { expect } from 'chai';
import {
  type Json,
  pipeline,
  pipelines,
  placeSlice,
  slice,
  slicesPath,
  startTestServer,
  type TestServer,
  text,
} from './support.ts';

const merge = 'application/merge-patch+json';
const names = (list: Json): unknown[] => Object.values(list.items ?? {}).map((item) => item.metadata?.name);
const label = (value: string | null) => ({ body: { metadata: { labels: { s: value } } }, type: merge });

describe('apiserver: lists', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer({ limits: { freshWaitMsMax: 200 } });
    for (let index = 0; index < 9; index++) {
      await server.ask('POST', pipelines, {
        body: pipeline(`p${index}`, { labels: { even: String(index % 2 === 0) } }),
      });
    }
  });
  after(() => server.close());

  it('pages cover each object once, all at one version', async () => {
    const seen: unknown[] = [];
    const versions = new Set<unknown>();
    let token = '';
    do {
      const page = (await server.ask('GET', `${pipelines}?limit=4&continue=${token}`)).body;
      seen.push(...names(page));
      versions.add(page.metadata?.resourceVersion);
      if (token === '') {
        expect(page.metadata?.remainingItemCount).to.equal(5);
        await server.ask('POST', pipelines, { body: pipeline('p3b') });
        await server.ask('DELETE', `${pipelines}/p8`);
      }
      token = text(page.metadata?.continue ?? '');
    } while (token !== '');
    expect(seen).to.deep.equal(['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8']);
    expect(versions.size).to.equal(1);
  });

  it('selectors fill a page', async () => {
    const page = (await server.ask('GET', `${pipelines}?limit=3&labelSelector=even%3Dtrue`)).body;
    expect(names(page)).to.deep.equal(['p0', 'p2', 'p4']);
    expect(page.metadata).to.have.property('continue');
    expect(page.metadata).to.not.have.property('remainingItemCount');
    const rest = (
      await server.ask(
        'GET',
        `${pipelines}?limit=3&labelSelector=even%3Dtrue&continue=${text(page.metadata?.continue)}`,
      )
    ).body;
    expect(names(rest)).to.deep.equal(['p6']);
    expect(rest.metadata).to.not.have.property('continue');
  });

  it('takes only its own tokens, for the list they are of', async () => {
    const token = text((await server.ask('GET', `${pipelines}?limit=1`)).body.metadata?.continue);
    for (const path of [
      `${pipelines}?limit=1&continue=abc`,
      `/apis/runink.io/v1/namespaces/default/runs?continue=${token}`,
    ]) {
      const refused = await server.ask('GET', path);
      expect(refused.code).to.equal(400);
      expect(refused.body.message).to.match(/^invalid continue token: continue key is not valid/);
    }
  });

  it('reads at a version, not older than one, and refuses one that is to come', async () => {
    const now = (await server.ask('GET', pipelines)).body;
    await server.ask('POST', pipelines, { body: pipeline('later') });
    const version = text(now.metadata?.resourceVersion);
    const exact = await server.ask('GET', `${pipelines}?resourceVersion=${version}&resourceVersionMatch=Exact`);
    expect(exact.body).to.deep.equal(now);
    const newer = await server.ask('GET', `${pipelines}?resourceVersion=${version}`);
    expect(names(newer.body)).to.include('later');
    const future = await server.ask('GET', `${pipelines}?resourceVersion=99999999`);
    expect(future.code).to.equal(504);
    expect(future.body.message).to.match(/^Timeout: Too large resource version: 99999999, current: \d+$/);
    expect((await server.ask('GET', `${pipelines}?resourceVersion=abc`)).code).to.equal(500);
  });

  it('says Expired for a version that was forgotten, and for a token of one', async () => {
    const first = (await server.ask('GET', `${pipelines}?limit=1`)).body;
    await server.ask('POST', pipelines, { body: pipeline('newer') });
    await server.barn.compact(await server.barn.readIndex());
    const old = await server.ask('GET', `${pipelines}?resourceVersion=1&resourceVersionMatch=Exact`);
    expect([old.code, old.body.reason, old.body.message]).to.deep.equal([
      410,
      'Expired',
      'The resourceVersion for the provided list is too old.',
    ]);
    const gone = await server.ask('GET', `${pipelines}?limit=1&continue=${text(first.metadata?.continue)}`);
    expect([gone.code, gone.body.reason]).to.deep.equal([410, 'Expired']);
  });

  it('lists all herds, and nothing in a herd that is not there', async () => {
    const all = await server.ask('GET', '/api/v1/serviceaccounts');
    expect(Object.values(all.body.items ?? {}).map((item) => item.metadata?.namespace)).to.include.members([
      'default',
      'runink-system',
    ]);
    const none = await server.ask('GET', '/apis/runink.io/v1/namespaces/nonesuch/pipelines');
    expect(none.code).to.equal(200);
    expect(none.body.items).to.deep.equal([]);
  });

  it('gives tables and metadata', async () => {
    const accept = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
    const table = (await server.ask('GET', `${pipelines}?limit=1`, { headers: accept })).body;
    expect(table.kind).to.equal('Table');
    expect(Object.values(table.columnDefinitions ?? {}).map((column) => column.name)).to.deep.equal([
      'Name',
      'Ready',
      'Reason',
      'Last Run',
      'Age',
      'Message',
    ]);
    expect(table.rows?.[0]?.cells?.[0]).to.equal('later');
    expect(table.rows?.[0]?.object?.kind).to.equal('PartialObjectMetadata');
    const partial = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' };
    const metadata = (await server.ask('GET', pipelines, { headers: partial })).body;
    expect(metadata.kind).to.equal('PartialObjectMetadataList');
    expect(metadata.items?.[0]).to.have.all.keys('kind', 'apiVersion', 'metadata');
    expect((await server.ask('GET', pipelines, { headers: { accept: 'text/csv' } })).code).to.equal(406);
  });
});

describe('apiserver: watches', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer({ limits: { bookmarkIntervalMs: 50, watchersMax: 60 } });
  });
  after(() => server.close());
  const version = async () => text((await server.ask('GET', pipelines)).body.metadata?.resourceVersion);

  it('tells what happened after a version, in order', async () => {
    const watch = await server.watch(`${pipelines}?watch=true&resourceVersion=${await version()}`);
    await server.ask('POST', pipelines, { body: pipeline('w') });
    await server.ask('PATCH', `${pipelines}/w`, label('x'));
    await server.ask('PATCH', `${pipelines}/w`, label('x'));
    await server.ask('DELETE', `${pipelines}/w`);
    const events = await watch.wait((seen) => seen.length === 3);
    watch.stop();
    expect(events.map((event) => event.type)).to.deep.equal(['ADDED', 'MODIFIED', 'DELETED']);
    const versions = events.map((event) => Number(event.object.metadata?.resourceVersion));
    expect(versions).to.deep.equal([...versions].sort((a, b) => a - b));
    expect(new Set(versions).size).to.equal(3);
    expect(events[2]?.object.metadata?.labels).to.deep.equal({ s: 'x' });
  });

  it('forty watchers see the same sixty events, none missed, none twice', async () => {
    const from = await version();
    const watches = await Promise.all(
      Array.from({ length: 40 }, () => server.watch(`${pipelines}?watch=true&resourceVersion=${from}`)),
    );
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const name = `many${index}`;
        await server.ask('POST', pipelines, { body: pipeline(name) });
        await server.ask('PATCH', `${pipelines}/${name}`, label('y'));
        await server.ask('DELETE', `${pipelines}/${name}`);
      }),
    );
    const told = await Promise.all(watches.map((watch) => watch.wait((seen) => seen.length === 60)));
    const lines = told.map((events) =>
      events.map(
        (event) => `${event.type} ${text(event.object.metadata?.name)} ${text(event.object.metadata?.resourceVersion)}`,
      ),
    );
    for (const other of lines) expect(other).to.deep.equal(lines[0]);
    expect(new Set(lines[0]).size).to.equal(60);
    for (const watch of watches) watch.stop();
  });

  it('a resumed watch goes on exactly after each event', async () => {
    const from = await version();
    for (const value of ['1', '2', '3']) {
      if (value === '1') await server.ask('POST', pipelines, { body: pipeline('resume') });
      else await server.ask('PATCH', `${pipelines}/resume`, label(value));
    }
    const whole = await server.watch(`${pipelines}?watch=true&resourceVersion=${from}`);
    const events = await whole.wait((seen) => seen.length === 3);
    whole.stop();
    for (const [index, event] of events.entries()) {
      const rest = await server.watch(
        `${pipelines}?watch=true&timeoutSeconds=1&resourceVersion=${text(event.object.metadata?.resourceVersion)}`,
      );
      await rest.wait(() => rest.isEnded);
      expect(rest.events).to.deep.equal(events.slice(index + 1));
    }
  });

  it('shows leaving a selection as deletion and coming back as addition', async () => {
    const from = await version();
    const watch = await server.watch(`${pipelines}?watch=true&labelSelector=s%3Din&resourceVersion=${from}`);
    await server.ask('POST', pipelines, { body: pipeline('sel', { labels: { s: 'in' } }) });
    await server.ask('PATCH', `${pipelines}/sel`, label('out'));
    await server.ask('PATCH', `${pipelines}/sel`, label('other'));
    await server.ask('PATCH', `${pipelines}/sel`, label('in'));
    await server.ask('DELETE', `${pipelines}/sel`);
    const events = await watch.wait((seen) => seen.length === 4);
    watch.stop();
    expect(events.map((event) => `${event.type} ${text(event.object.metadata?.labels?.s)}`)).to.deep.equal([
      'ADDED in',
      'DELETED in',
      'ADDED in',
      'DELETED in',
    ]);
  });

  it('starts with what is there, and says where that ends when asked to', async () => {
    await server.ask('POST', pipelines, { body: pipeline('there') });
    const plain = await server.watch(`${pipelines}?watch=true&fieldSelector=metadata.name%3Dthere`);
    expect((await plain.wait((seen) => seen.length === 1)).map((event) => event.type)).to.deep.equal(['ADDED']);
    plain.stop();
    const query =
      'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dthere';
    const full = await server.watch(`${pipelines}?${query}`);
    const events = await full.wait((seen) => seen.length >= 2);
    full.stop();
    expect(events.slice(0, 2).map((event) => event.type)).to.deep.equal(['ADDED', 'BOOKMARK']);
    expect(events[1]?.object).to.deep.include({ kind: 'Pipeline', apiVersion: 'runink.io/v1' });
    expect(events[1]?.object.metadata?.annotations).to.deep.equal({ 'k8s.io/initial-events-end': 'true' });
    expect(events[1]?.object.metadata?.resourceVersion).to.equal(await version());
    const refused = await server.ask('GET', `${pipelines}?watch=true&sendInitialEvents=true`);
    expect([refused.code, refused.body.message]).to.deep.equal([
      422,
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    ]);
  });

  it('bookmarks tell how far it is though nothing concerned the watcher', async () => {
    const watch = await server.watch(
      `${pipelines}?watch=true&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dnonesuch&resourceVersion=${await version()}`,
    );
    await server.ask('POST', pipelines, { body: pipeline('elsewhere') });
    const wanted = Number(await version());
    await watch.wait((seen) =>
      seen.some((event) => event.type === 'BOOKMARK' && Number(event.object.metadata?.resourceVersion) >= wanted),
    );
    watch.stop();
  });

  it('says Expired in the stream and ends it', async () => {
    await server.ask('POST', pipelines, { body: pipeline('forget') });
    await server.barn.compact(await server.barn.readIndex());
    const watch = await server.watch(`${pipelines}?watch=true&resourceVersion=1`);
    await watch.wait(() => watch.isEnded);
    expect(watch.code).to.equal(200);
    expect(watch.events).to.have.length(1);
    expect(watch.events[0]?.type).to.equal('ERROR');
    expect(watch.events[0]?.object).to.deep.include({ reason: 'Expired', code: 410 });
    expect(watch.events[0]?.object.message).to.match(/^too old resource version: 1 \(\d+\)$/);
  });

  it('gives tables, with columns in the first event only', async () => {
    const path = `${pipelines}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dthere`;
    const answer = await server.ask('GET', path, {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    const first = JSON.parse(answer.text.split('\n')[0] ?? '') as { type: string; object: Json };
    expect(first.type).to.equal('ADDED');
    expect(first.object.kind).to.equal('Table');
    expect(first.object.columnDefinitions).to.have.length(6);
  });

  it('follows a herd that is not there yet', async () => {
    const watch = await server.watch('/apis/runink.io/v1/namespaces/coming/pipelines?watch=true');
    await server.ask('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'coming' } },
    });
    await server.ask('POST', pipelines, { body: pipeline('not-this') });
    await server.ask('POST', '/apis/runink.io/v1/namespaces/coming/pipelines', { body: pipeline('this') });
    const events = await watch.wait((seen) => seen.length === 1);
    watch.stop();
    expect(events[0]?.object.metadata?.name).to.equal('this');
  });

  it('a node sees slices come to it', async () => {
    const path = '/apis/runink.io/v1/slices?watch=true&fieldSelector=spec.nodeName%3Dn1';
    const watch = await server.watch(path, 'nodes/n1');
    await server.ask('POST', slicesPath, { body: slice('elsewhere') });
    await placeSlice(server, 'n1', 'here');
    const events = await watch.wait((seen) => seen.length === 1);
    watch.stop();
    expect(events[0]?.object.metadata?.name).to.equal('here');
    expect((await server.ask('GET', path.replace('n1', 'n2'), { as: 'nodes/n1' })).code).to.equal(403);
  });

  it('refuses more watches than it keeps', async () => {
    const watches = await Promise.all(Array.from({ length: 60 }, () => server.watch(`${pipelines}?watch=true`)));
    const refused = await server.ask('GET', `${pipelines}?watch=true`);
    expect([refused.code, refused.body.reason, refused.headers['retry-after']]).to.deep.equal([
      429,
      'TooManyRequests',
      '1',
    ]);
    for (const watch of watches) watch.stop();
  });
});
