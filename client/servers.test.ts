import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { ApiError, type Herd, kinds, notDoneHereHeader, type WatchEvent } from '../apis/index.ts';
import { ManualClock } from '../base/index.ts';
import { HttpClient } from './index.ts';
import { Servers } from './servers.ts';

const herd: Herd = { apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name: 'h' } };
const stored = JSON.stringify({ metadata: { name: 'h' } });
const noLeader = JSON.stringify(new ApiError('ServiceUnavailable', 'no leader').toStatus());

describe('Servers', () => {
  it('turns to the next once, however many found one wanting', () => {
    const servers = new Servers(['a', 'b', 'c']);
    servers.avoid('a');
    servers.avoid('a');
    expect(servers.preferred).to.equal('b');
    servers.avoid('b');
    servers.avoid('c');
    expect(servers.preferred).to.equal('a');
  });
});

describe('a client of several servers', () => {
  const open: Server[] = [];
  let client: HttpClient | undefined;
  let asked: string[];
  const clock = new ManualClock();

  beforeEach(() => {
    asked = [];
  });
  afterEach(async () => {
    client?.[Symbol.dispose]();
    for (const server of open.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  /** Servers `0`, `1`, …, each noting what it was asked; without a listener: nobody listens. */
  async function serve(...listeners: (RequestListener | undefined)[]): Promise<HttpClient> {
    const urls: string[] = [];
    for (const [index, listener] of listeners.entries()) {
      const server = createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          asked.push(`${index} ${request.method ?? ''} ${Buffer.concat(chunks).toString()}`.trim());
          listener?.(request, response);
        });
        // The body may be cut off by the client.
        request.on('error', () => undefined);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      if (listener === undefined) await new Promise((resolve) => server.close(resolve));
      else open.push(server);
    }
    const [url = '', ...otherUrls] = urls;
    client = new HttpClient({ url, otherUrls, namespace: 'default' }, { clock });
    return client;
  }

  const answers: RequestListener = (_, response) => response.end(stored);
  const refuses: RequestListener = (_, response) =>
    response.writeHead(503, { [notDoneHereHeader]: 'NoLeader' }).end(noLeader);
  const breaks: RequestListener = (request) => request.socket.destroy();
  const write = JSON.stringify(herd);

  it('asks the next when one cannot be reached, writes too, and stays there', async () => {
    const http = await serve(undefined, answers);
    await http.create(kinds.herds, herd);
    await http.get(kinds.herds, { name: 'h' });
    expect(asked).to.deep.equal([`1 POST ${write}`, '1 GET']);
  });

  it('asks the next when one says that it did nothing, with the whole body again', async () => {
    const http = await serve(refuses, answers);
    await http.create(kinds.herds, herd);
    expect(asked).to.deep.equal([`0 POST ${write}`, `1 POST ${write}`]);
  });

  it('gives the last refusal when no server can do it, each asked once', async () => {
    const http = await serve(refuses, undefined, refuses);
    const error = await failure(http.create(kinds.herds, herd));
    expect([error.reason, error.message]).to.deep.equal(['ServiceUnavailable', 'no leader']);
    expect(asked.map((line) => line[0])).to.deep.equal(['0', '2']);
  });

  it('names the address when nobody listens anywhere', async () => {
    const http = await serve(undefined, undefined);
    const error = await failure(http.get(kinds.herds, { name: 'h' }));
    expect([error.reason, /cannot be reached/.test(error.message)]).to.deep.equal(['ServiceUnavailable', true]);
  });

  it('never sends a write again that a server may have done; later requests go elsewhere', async () => {
    const http = await serve(breaks, answers);
    expect((await failure(http.create(kinds.herds, herd))).reason).to.equal('Timeout');
    expect(asked).to.deep.equal([`0 POST ${write}`]);
    await http.get(kinds.herds, { name: 'h' });
    expect(asked.slice(1)).to.deep.equal(['1 GET']);
  });

  it('does not take a refusal without the word for it as nothing done', async () => {
    const http = await serve((_, response) => response.writeHead(503).end(noLeader), answers);
    expect((await failure(http.create(kinds.herds, herd))).reason).to.equal('ServiceUnavailable');
    expect(asked).to.have.length(1);
  });

  it('reads elsewhere when an answer failed to come or broke off', async () => {
    const half: RequestListener = (request, response) =>
      response.writeHead(200, { 'content-length': 100 }).write('{', () => request.socket.destroy());
    const http = await serve(breaks, half, answers);
    await http.get(kinds.herds, { name: 'h' });
    expect(asked).to.deep.equal(['0 GET', '1 GET', '2 GET']);
  });

  it('does not send a stream twice', async () => {
    const http = await serve(refuses, answers);
    const response = await http.raw.request({ method: 'PUT', path: '/x', body: Readable.from(['code']) });
    response.body.resume();
    expect([response.status, asked]).to.deep.equal([503, ['0 PUT code']]);
  });

  describe('watches', () => {
    const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
    const bookmark = line('BOOKMARK', { metadata: { resourceVersion: '7' } });

    async function read(http: HttpClient, onEvent: (event: WatchEvent<Herd>) => void = () => {}): Promise<void> {
      for await (const event of http.watch(kinds.herds, { resourceVersion: '5' })) onEvent(event);
    }

    it('begin elsewhere after a stream broke off', async () => {
      const http = await serve(
        (request, response) => response.write(bookmark, () => request.socket.resetAndDestroy()),
        (_, response) => response.end(bookmark),
      );
      await read(http);
      await read(http);
      expect(asked).to.deep.equal(['0 GET', '1 GET']);
    });

    it('begin elsewhere after a server said in the stream that it is not able', async () => {
      const http = await serve(
        (_, response) => response.end(line('ERROR', JSON.parse(noLeader))),
        (_, response) => response.end(bookmark),
      );
      expect((await failure(read(http))).reason).to.equal('ServiceUnavailable');
      await read(http);
      expect(asked).to.deep.equal(['0 GET', '1 GET']);
    });

    it('end when the server falls silent, and begin elsewhere', async () => {
      const http = await serve(
        (_, response) => response.write(bookmark),
        (_, response) => response.end(bookmark),
      );
      let hasHeard: () => void = () => {};
      const heard = new Promise<void>((resolve) => (hasHeard = resolve));
      const reading = read(http, hasHeard);
      await heard;
      // The reader must have come back for the next line.
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(45_000);
      clock.advance(45_000);
      await reading;
      await read(http);
      expect(asked).to.deep.equal(['0 GET', '1 GET']);
    });
  });
});

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
