// The agent's dial-out stream seen from the server: an agent made of a socket and the shared frames.
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import { encodeTunnelFrame, type TunnelFrame, TunnelReader, tunnelKind, tunnelProtocol } from '../../../apis/index.ts';
import { placeSlice, slice, slicesPath, startTestServer, type TestServer } from './support.ts';

const merge = 'application/merge-patch+json';
const runs = '/apis/runink.io/v1/namespaces/default/runs';
const pods = '/api/v1/namespaces/default/pods';

interface FakeAgent {
  readonly socket: Duplex;
  /** The next frame from the server; rejects after five seconds. */
  next(): Promise<TunnelFrame>;
  send(stream: number, kind: (typeof tunnelKind)[keyof typeof tunnelKind], payload?: string | Buffer): void;
}

describe('apiserver: tunnels', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
    const step = {
      name: 'a',
      group: 'a',
      use: 'exec',
      runtime: 'native',
      inputs: [],
      outputs: [],
      cpuMillis: 1,
      cpuLimitMillis: 1,
      memoryBytes: 1,
      pids: 1,
    };
    const plan = { groups: [{ name: 'a', steps: ['a'] }], steps: [step] };
    const run = {
      apiVersion: 'runink.io/v1',
      kind: 'Run',
      metadata: { name: 'r' },
      spec: { pipeline: { name: 'p' }, plan },
    };
    expect((await server.ask('POST', runs, { body: run })).code).to.equal(201);
    await placeSlice(server, 'n1', 'r-a-1', { runUID: 'u' });
    await server.ask('POST', slicesPath, { body: slice('r-a-2') });
  });
  after(() => server.close());

  async function dial(node: string, as = `nodes/${node}`, upgrade = tunnelProtocol): Promise<FakeAgent | number> {
    const agent = await server.agentOf(as);
    return new Promise((resolve, reject) => {
      const request = httpsRequest(`${server.url}/api/v1/nodes/${node}/tunnel`, {
        agent,
        headers: { connection: 'Upgrade', upgrade },
      });
      request.on('upgrade', (_response, socket, head) => resolve(fakeAgent(socket, head)));
      request.on('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on('error', reject);
      request.end();
    });
  }
  async function connected(node: string): Promise<FakeAgent> {
    const agent = await dial(node);
    if (typeof agent === 'number') throw new Error(`the server answered ${agent}`);
    return agent;
  }

  it('opens only to the node itself, and only for what it speaks', async () => {
    expect(await dial('n1', 'nodes/n2')).to.equal(403);
    expect(await dial('n1', 'controllers')).to.equal(403);
    expect(await dial('n1', '')).to.equal(403);
    expect(await dial('n1', 'nodes/n1', 'websocket')).to.equal(400);
    expect((await server.ask('GET', '/api/v1/nodes/n1/tunnel', { as: 'nodes/n1' })).code).to.equal(400);
  });

  it('has no log of a slice whose node is away or that has none', async () => {
    const away = await server.ask('GET', `${slicesPath}/r-a-1/log`);
    expect([away.code, away.body.message]).to.deep.equal([
      503,
      'node "n1" is not connected: its agent has no stream to this server',
    ]);
    const unbound = await server.ask('GET', `${slicesPath}/r-a-2/log`);
    expect([unbound.code, unbound.body.message]).to.deep.equal([
      400,
      'slice "r-a-2" has no log yet: it is not bound to a node',
    ]);
    expect((await server.ask('GET', `${slicesPath}/none/log`)).code).to.equal(404);
    const step = await server.ask('GET', `${runs}/r/log?step=zz`);
    expect([step.code, step.body.message]).to.deep.equal([400, 'run "r" has no step "zz"; its steps are a']);
  });

  it('passes a log on, byte by byte, within the window', async () => {
    const agent = await connected('n1');
    const asked = server.ask('GET', `${slicesPath}/r-a-1/log?tailLines=5&follow=true`);
    const open = await agent.next();
    expect(open.kind).to.equal(tunnelKind.open);
    expect(JSON.parse(open.payload.toString())).to.deep.equal({
      do: 'log',
      namespace: 'default',
      run: 'r',
      runUID: 'u',
      step: 'a',
      attempt: 1,
      follow: true,
      tailLines: 5,
    });
    agent.send(open.stream, tunnelKind.data, 'line 1\n');
    const window = await agent.next();
    expect([window.kind, window.stream, window.payload.readUInt32LE(0)]).to.deep.equal([
      tunnelKind.window,
      open.stream,
      7,
    ]);
    agent.send(open.stream, tunnelKind.data, 'line 2\n');
    agent.send(open.stream, tunnelKind.end);
    const answer = await asked;
    expect([answer.code, answer.text, answer.headers['content-type']]).to.deep.equal([
      200,
      'line 1\nline 2\n',
      'text/plain; charset=utf-8',
    ]);
    agent.socket.destroy();
  });

  it('passes on what is asked of a pod’s log, and no more bytes than that', async () => {
    const agent = await connected('n1');
    const query = 'container=a&follow=true&tailLines=5&sinceTime=2026-01-01T00:00:00Z&timestamps=true&limitBytes=8';
    const asked = server.ask('GET', `${pods}/r-a-1/log?${query}`);
    const open = await agent.next();
    expect(JSON.parse(open.payload.toString())).to.deep.equal({
      do: 'log',
      namespace: 'default',
      run: 'r',
      runUID: 'u',
      step: 'a',
      attempt: 1,
      follow: true,
      tailLines: 5,
      sinceTime: '2026-01-01T00:00:00.000Z',
      timestamps: true,
    });
    agent.send(open.stream, tunnelKind.data, 'line 1\nline 2\n');
    expect((await asked).text).to.equal('line 1\nl');
    agent.socket.destroy();
  });

  it('says in Kubernetes’ words why there is no log of a pod', async () => {
    const said = async (path: string): Promise<unknown> => {
      const { code, body } = await server.ask('GET', `${pods}/${path}`);
      return [code, body.message];
    };
    expect(await said('none/log')).to.deep.equal([404, 'pods "none" not found']);
    expect(await said('r-a-1/log?container=zz')).to.deep.equal([400, 'container zz is not valid for pod r-a-1']);
    const unplaced = 'container "a" in pod "r-a-2" is waiting to start: it is not placed on a node yet';
    expect(await said('r-a-2/log')).to.deep.equal([400, unplaced]);
    const first = 'previous terminated container "a" in pod "r-a-1" not found';
    expect(await said('r-a-1/log?previous=true')).to.deep.equal([400, first]);
    const agent = await connected('n1');
    const asked = said('r-a-1/log');
    const open = await agent.next();
    agent.send(open.stream, tunnelKind.error, JSON.stringify({ reason: 'NotFound', message: 'no log' }));
    const early = 'container "a" in pod "r-a-1" is waiting to start: ContainerCreating';
    expect(await asked).to.deep.equal([400, early]);
    agent.socket.destroy();
  });

  it('looks for the log of the attempt before on every node', async () => {
    await placeSlice(server, 'n1', 'r-a-9', { runUID: 'u', attempt: 2 });
    const [first, second] = [await connected('n1'), await connected('n2')];
    const asked = server.ask('GET', `${pods}/r-a-9/log?previous=true`);
    const open = await first.next();
    expect(JSON.parse(open.payload.toString())).to.deep.include({ runUID: 'u', step: 'a', attempt: 1 });
    first.send(open.stream, tunnelKind.error, JSON.stringify({ reason: 'NotFound', message: 'not here' }));
    const other = await second.next();
    second.send(other.stream, tunnelKind.data, 'before\n');
    second.send(other.stream, tunnelKind.end);
    expect((await asked).text).to.equal('before\n');
    first.socket.destroy();
    second.socket.destroy();
  });

  it('tells the agent’s refusal, and a loss', async () => {
    const agent = await connected('n1');
    const refused = server.ask('GET', `${slicesPath}/r-a-1/log`);
    const open = await agent.next();
    const status = { kind: 'Status', reason: 'NotFound', message: 'no log of that attempt' };
    agent.send(open.stream, tunnelKind.error, JSON.stringify(status));
    expect([(await refused).code, (await refused).body.message]).to.deep.equal([404, 'no log of that attempt']);
    const lost = server.ask('GET', `${slicesPath}/r-a-1/log`);
    await agent.next();
    agent.socket.destroy();
    expect((await lost).code).to.equal(503);
  });

  it('cancels when the client goes', async () => {
    const agent = await connected('n1');
    const watch = await openLog(server, `${slicesPath}/r-a-1/log?follow=true`, agent);
    watch.destroy();
    let frame = await agent.next();
    while (frame.kind === tunnelKind.window) frame = await agent.next();
    expect(frame.kind).to.equal(tunnelKind.cancel);
    agent.socket.destroy();
  });

  it('drops an agent that breaks the protocol', async () => {
    const agent = await connected('n1');
    const asked = server.ask('GET', `${slicesPath}/r-a-1/log`);
    await agent.next();
    agent.socket.write(Buffer.from([1, 0, 0, 0, 1, 0, 0, 0, 99, 0]));
    expect((await asked).code).to.equal(503);
    agent.socket.destroy();
  });

  it('drops an agent that sends more than the window', async () => {
    const agent = await connected('n1');
    const watch = await openLog(server, `${slicesPath}/r-a-1/log?follow=true`, agent);
    watch.pause();
    const ended = new Promise((resolve) => agent.socket.once('close', resolve));
    agent.socket.on('error', () => undefined);
    for (let count = 0; count < 400 && !agent.socket.destroyed; count++)
      agent.send(1, tunnelKind.data, Buffer.alloc(65_536));
    await ended;
    watch.destroy();
  });

  it('looks for the log of a run where its status says', async () => {
    const [first, second] = [await connected('n1'), await connected('n2')];
    const status = {
      status: { phase: 'Running', steps: [{ name: 'a', phase: 'Running', attempt: 2, node: 'n2', slice: 'r-a-2' }] },
    };
    await server.ask('PATCH', `${runs}/r/status`, { body: status, type: merge });
    const asked = server.ask('GET', `${runs}/r/log?attempt=1`);
    const open = await second.next();
    expect(JSON.parse(open.payload.toString())).to.deep.include({ do: 'log', run: 'r', step: 'a', attempt: 1 });
    second.send(open.stream, tunnelKind.error, JSON.stringify({ reason: 'NotFound', message: 'not here' }));
    const other = await first.next();
    first.send(other.stream, tunnelKind.data, 'here\n');
    first.send(other.stream, tunnelKind.end);
    expect((await asked).text).to.equal('here\n');
    first.socket.destroy();
    second.socket.destroy();
  });

  it('gathers progress from every node that has slices, until the run ends', async () => {
    const [first, second] = [await connected('n1'), await connected('n2')];
    const asked = server.ask('GET', `${runs}/r/progress`);
    const open = await first.next();
    expect(JSON.parse(open.payload.toString())).to.have.property('do', 'progress');
    first.send(open.stream, tunnelKind.data, '{"step":"a"}\n');
    await placeSlice(server, 'n2', 'r-a-3');
    const other = await second.next();
    second.send(other.stream, tunnelKind.data, '{"step":"b"}\n');
    await second.next();
    await server.ask('PATCH', `${runs}/r/status`, { body: { status: { phase: 'Succeeded' } }, type: merge });
    const answer = await asked;
    expect(answer.text.split('\n').sort()).to.deep.equal(['', '{"step":"a"}', '{"step":"b"}']);
    first.socket.destroy();
    second.socket.destroy();
  });

  it('a second stream of a node takes the place of the first', async () => {
    const first = await connected('n1');
    const ended = new Promise((resolve) => first.socket.once('close', resolve));
    const second = await connected('n1');
    await ended;
    const asked = server.ask('GET', `${slicesPath}/r-a-1/log`);
    const open = await second.next();
    second.send(open.stream, tunnelKind.end);
    expect([(await asked).code, (await asked).text]).to.deep.equal([200, '']);
    second.socket.destroy();
  });
});

function fakeAgent(socket: Duplex, head: Buffer): FakeAgent {
  const reader = new TunnelReader();
  const frames: TunnelFrame[] = [];
  const waiting: ((frame: TunnelFrame) => void)[] = [];
  const take = (chunk: Buffer): void => {
    for (const frame of reader.push(chunk)) {
      const waiter = waiting.shift();
      if (waiter === undefined) frames.push(frame);
      else waiter(frame);
    }
  };
  socket.on('data', take);
  socket.on('error', () => undefined);
  if (head.length > 0) take(head);
  return {
    socket,
    next: () => {
      const frame = frames.shift();
      if (frame !== undefined) return Promise.resolve(frame);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no frame came within 5 s')), 5000);
        waiting.push((come) => {
          clearTimeout(timer);
          resolve(come);
        });
      });
    },
    send(stream, kind, payload = '') {
      socket.write(encodeTunnelFrame(stream, kind, Buffer.from(payload)));
    },
  };
}

/** A log that has begun to come and is left open. */
async function openLog(server: TestServer, path: string, agent: FakeAgent) {
  const httpsAgent = await server.agentOf('admin');
  return new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpsRequest(`${server.url}${path}`, { agent: httpsAgent }, resolve);
    request.on('error', () => undefined);
    request.end();
    agent.next().then((open) => agent.send(open.stream, tunnelKind.data, 'begun\n'), reject);
  });
}
