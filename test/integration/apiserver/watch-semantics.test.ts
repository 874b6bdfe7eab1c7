// Counterparts, by what they hold, of Kubernetes' tests of its watch storage and watch cache: RunTestWatch, …FromZero,
// …FromNonZero, RunTestDelayedWatchDelivery, RunTestWatchDeleteEventObjectHaveLatestRV, RunTestWatchSemantics,
// RunTestSendInitialEventsBackwardCompatibility, RunTestClusterScopedWatch, RunTestNamespaceScopedWatch, RunTestWatcherTimeout,
// RunTestWatchInitializationSignal, RunTestWatchDispatchBookmarkEvents, TestWatcherNotGoingBackInTime.
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { expect } from 'chai';
import { pipeline, pipelines, startTestServer, type TestServer, text, type WatchHandle } from './support.ts';

const everywhere = '/apis/runink.io/v1/pipelines';
const elsewhere = pipelines.replace('default', 'runink-system');
const label = (value: string) => ({
  body: { metadata: { labels: { s: value } } },
  type: 'application/merge-patch+json',
});
const told = ({ events }: WatchHandle): string[] =>
  events.map(({ type, object }) => `${type} ${text(object.metadata?.name ?? '-')}`);

describe('apiserver: semantics of watches', () => {
  let server: TestServer;
  before(async () => {
    const limits = { bookmarkIntervalMs: 200, freshWaitMsMax: 300, watchBufferBytesMax: 50_000, watchStallMsMax: 300 };
    server = await startTestServer({ limits });
    for (const name of ['a', 'b']) await server.ask('POST', pipelines, { body: pipeline(name) });
  });
  after(() => server.close());
  const version = async () => Number((await server.ask('GET', pipelines)).body.metadata?.resourceVersion);
  const make = async (name: string, path = pipelines) =>
    Number((await server.ask('POST', path, { body: pipeline(name) })).body.metadata?.resourceVersion);
  const drop = (name: string, path = pipelines) => server.ask('DELETE', `${path}/${name}`);

  const full = 'resourceVersionMatch=NotOlderThan&sendInitialEvents=true&allowWatchBookmarks=true';
  for (const [title, query, expected] of [
    ['without a version: what is there, then what happens', '', ['ADDED a', 'ADDED b', 'ADDED new']],
    ['from 0: the same', 'resourceVersion=0', ['ADDED a', 'ADDED b', 'ADDED new']],
    ['from a version: what happened since', 'resourceVersion=NOW', ['ADDED new']],
    ['with initial events', full, ['ADDED a', 'ADDED b', 'BOOKMARK -', 'ADDED new']],
    ['with initial events, from 0', `${full}&resourceVersion=0`, ['ADDED a', 'ADDED b', 'BOOKMARK -', 'ADDED new']],
    ['… not older than a version', `${full}&resourceVersion=NOW`, ['ADDED a', 'ADDED b', 'BOOKMARK -', 'ADDED new']],
    [
      'with initial events and no bookmarks: no mark of their end',
      full.replace('&allowWatchBookmarks=true', ''),
      ['ADDED a', 'ADDED b', 'ADDED new'],
    ],
    ['expressly without them', 'resourceVersionMatch=NotOlderThan&sendInitialEvents=false', ['ADDED new']],
    ['… from 0', 'resourceVersionMatch=NotOlderThan&sendInitialEvents=false&resourceVersion=0', ['ADDED new']],
    [
      '… from a version',
      'resourceVersionMatch=NotOlderThan&sendInitialEvents=false&resourceVersion=NOW',
      ['ADDED new'],
    ],
  ] as const)
    it(`begins ${title}`, async () => {
      const watch = await server.watch(`${pipelines}?watch=1&${query.replace('NOW', String(await version()))}`);
      expect(watch.code).to.equal(200);
      // Headers come at once; where nothing is told at the beginning, what comes next was not there before.
      await make('new');
      await watch.wait(({ length }) => length >= expected.length);
      watch.stop();
      await drop('new');
      expect(told(watch).slice(0, expected.length)).to.deep.equal(expected);
    });

  it('begins from 0 and from now also when all history is forgotten', async () => {
    await server.barn.compact(await server.barn.readIndex());
    for (const query of ['', '&resourceVersion=0', `&resourceVersion=${await version()}`]) {
      const watch = await server.watch(`${pipelines}?watch=1${query}`);
      await make('late');
      await watch.wait((events) => events.some(({ object }) => text(object.metadata?.name ?? '') === 'late'));
      watch.stop();
      await drop('late');
      expect(told(watch)).to.include('ADDED late');
    }
  });

  it('waits for a version that is to come, and tells nothing before it', async () => {
    const watch = await server.watch(`${pipelines}?watch=1&resourceVersion=${(await version()) + 2}`);
    for (const name of ['one', 'two', 'three']) await make(name);
    await watch.wait(({ length }) => length >= 1);
    watch.stop();
    for (const name of ['one', 'two', 'three']) await drop(name);
    expect(told(watch)).to.deep.equal(['ADDED three']);
  });

  it('gives what was deleted, and what left a selection, as it was, with the version of that', async () => {
    const from = await make('gone');
    const all = await server.watch(`${pipelines}?watch=1&resourceVersion=${from}`);
    const labelled = await server.watch(`${pipelines}?watch=1&resourceVersion=${from}&labelSelector=s%3Dx`);
    await server.ask('PATCH', `${pipelines}/gone`, label('x'));
    await server.ask('PATCH', `${pipelines}/gone`, label('y'));
    await drop('gone');
    await Promise.all([all.wait(({ length }) => length === 3), labelled.wait(({ length }) => length === 2)]);
    all.stop();
    labelled.stop();
    const facts = (watch: WatchHandle) =>
      watch.events.map(
        ({ type, object }) =>
          `${type} ${text(object.metadata?.labels?.s)} ${Number(object.metadata?.resourceVersion) - from}`,
      );
    expect(facts(all)).to.deep.equal(['MODIFIED x 1', 'MODIFIED y 2', 'DELETED y 3']);
    expect(facts(labelled)).to.deep.equal(['ADDED x 1', 'DELETED x 2']);
  });

  it('keeps to its herd, to its name, to the whole kind', async () => {
    const from = await version();
    const open = (path: string, fields = '') =>
      server.watch(`${path}?watch=1&resourceVersion=${from}${fields === '' ? '' : `&fieldSelector=${fields}`}`);
    const watches = await Promise.all([
      open(everywhere),
      open(pipelines),
      open(elsewhere),
      open(everywhere, 'metadata.namespace%3Drunink-system'),
      open(everywhere, 'metadata.name%3Dx1'),
      open(everywhere, 'metadata.name!%3Dx1'),
      open(pipelines, 'metadata.name%3Dx2,metadata.namespace%3Ddefault'),
    ]);
    await make('x1');
    await make('x1', elsewhere);
    await make('x2');
    await make('end', elsewhere);
    await make('end');
    const wanted = [
      ['x1', 'x1', 'x2', 'end', 'end'],
      ['x1', 'x2', 'end'],
      ['x1', 'end'],
      ['x1', 'end'],
      ['x1', 'x1'],
      ['x2', 'end', 'end'],
      ['x2'],
    ];
    for (const [index, watch] of watches.entries()) {
      await watch.wait(({ length }) => length >= (wanted[index]?.length ?? 0));
      watch.stop();
      expect(told(watch)).to.deep.equal(wanted[index]?.map((name) => `ADDED ${name}`));
    }
    for (const name of ['x1', 'x2', 'end']) await drop(name);
    for (const name of ['x1', 'end']) await drop(name, elsewhere);
  });

  it('says at the end of its time how far it is', async () => {
    const query = 'watch=1&timeoutSeconds=1&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dnone';
    const watch = await server.watch(`${pipelines}?${query}&resourceVersion=${await version()}`);
    const last = await make('seen');
    await watch.wait(() => watch.isEnded);
    await drop('seen');
    expect(new Set(watch.events.map(({ type }) => type))).to.deep.equal(new Set(['BOOKMARK']));
    expect(Number(watch.events.at(-1)?.object.metadata?.resourceVersion)).to.be.at.least(last);
  });

  it('never goes back in time, whoever joins while much happens', async () => {
    const watches: WatchHandle[] = [];
    const from = await version();
    for (let round = 0; round < 15; round++) {
      const since = from + Math.floor(((await version()) - from) / 2);
      const query = ['', `&resourceVersion=${since}`, '&resourceVersion=0'][round % 3] ?? '';
      const opening = server.watch(`${pipelines}?watch=1&allowWatchBookmarks=true${query}`);
      for (let write = 0; write < 5; write++) await server.ask('PATCH', `${pipelines}/a`, label(`${round}-${write}`));
      watches.push(await opening);
    }
    const last = await version();
    for (const [index, watch] of watches.entries()) {
      await watch.wait((events) => events.some(({ object }) => Number(object.metadata?.resourceVersion) >= last));
      watch.stop();
      const versions = watch.events.map(({ object }) => Number(object.metadata?.resourceVersion));
      // What is there at the beginning comes by name.
      const changes = index % 3 === 1 ? versions : versions.slice(2);
      expect(changes).to.deep.equal([...changes].sort((one, other) => one - other));
    }
  });

  it('forgets a client that goes before its watch has begun', async () => {
    const { barn } = server;
    const { readIndex } = barn;
    let asked: () => void = () => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    let answer: () => void = () => {};
    const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
    barn.readIndex = async () => {
      asked();
      await mayAnswer;
      return readIndex.call(barn);
    };
    const agent = await server.agentOf('admin');
    const query = 'watch=1&resourceVersionMatch=NotOlderThan&sendInitialEvents=false';
    const going = request(`${server.url}${pipelines}?${query}`, { agent });
    going.on('error', () => undefined).end();
    await isAsked;
    going.destroy();
    barn.readIndex = readIndex;
    const open = async () =>
      Number(/^runink_apiserver_watches (\d+)$/m.exec((await server.ask('GET', '/metrics')).text)?.[1]);
    // The one that waits; others end with their clients.
    for (const endMs = Date.now() + 5_000; (await open()) !== 1; )
      if (Date.now() > endMs) throw new Error(`${await open()} watches are open`);
    answer();
    for (const endMs = Date.now() + 5_000; (await open()) !== 0; )
      if (Date.now() > endMs) throw new Error('the watch of a client that went is kept');
  });

  it('cuts off a client that reads nothing, and nobody else waits for it', async function () {
    this.timeout(30_000);
    const agent = await server.agentOf('admin');
    const slow = await new Promise<IncomingMessage>((resolve, reject) => {
      request(`${server.url}${pipelines}?watch=1`, { agent }, resolve).on('error', reject).end();
    });
    slow.pause();
    const quick = await server.watch(`${pipelines}?watch=1&resourceVersion=${await version()}`);
    // More than the kernel takes for both of them.
    const writes = 60;
    const long = 'x'.repeat(200_000);
    for (let write = 0; write < writes; write++)
      await server.ask('PATCH', `${pipelines}/b`, {
        body: { metadata: { annotations: { long, turn: String(write) } } },
        type: 'application/merge-patch+json',
      });
    await quick.wait(({ length }) => length === writes);
    quick.stop();
    const isOver = new Promise<void>((resolve) => slow.on('error', () => undefined).on('close', resolve));
    slow.resume();
    await isOver;
    expect(slow.complete).to.equal(false);
  });
});
