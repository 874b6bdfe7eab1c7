import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { ApiError, type Herd, kinds, type Slice, type WatchEvent } from '../apis/index.ts';
import { HttpClient, type WatchOptions } from './index.ts';

const slices = kinds.slices;
const ref = { namespace: 'h', name: 's' };
const ours = { apiVersion: 'runink.io/v1' } as const;
const herd: Herd = { ...ours, kind: 'Herd', metadata: { name: 'h' } };
const slice: Slice = { ...ours, kind: 'Slice', metadata: ref, spec: { run: 'r', step: 's', attempt: 1 } };

describe('HttpClient', () => {
  let server: Server | undefined;
  let client: HttpClient | undefined;

  async function serve(listener: RequestListener, timeoutMs?: number): Promise<HttpClient> {
    server = createServer(listener);
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    client = new HttpClient(
      { url: `http://127.0.0.1:${port}`, token: 'secret', namespace: 'default' },
      timeoutMs === undefined ? {} : { timeoutMs },
    );
    return client;
  }

  afterEach(async () => {
    client?.[Symbol.dispose]();
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
    server = undefined;
  });

  it('asks for paths, queries and bodies as Kubernetes has them', async () => {
    const seen: string[] = [];
    const http = await serve((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const type = request.headers['content-type'] ?? '-';
        seen.push(`${[request.method, request.url, type].join(' ')} ${Buffer.concat(chunks).toString()}`);
        expect(request.headers.authorization).to.equal('Bearer secret');
        response.end(request.url?.includes('/slices?') === true ? '{"items":[{"metadata":{}}],"metadata":{}}' : '{}');
      });
    });
    await http.get(slices, ref);
    const { items } = await http.list(slices, { namespace: 'h', labelSelector: 'a=b', limit: 5 });
    expect(items).to.deep.equal([{ apiVersion: 'runink.io/v1', kind: 'Slice', metadata: {} }]);
    await http.create(kinds.herds, herd, { dryRun: true });
    await http.updateStatus(slices, slice);
    await http.patch(
      slices,
      ref,
      { type: 'merge', body: { status: {} } },
      { subresource: 'status', fieldManager: 'm' },
    );
    await http.delete(slices, ref, { propagationPolicy: 'Foreground', preconditions: { uid: 'u' } });
    await http.bind(ref, { nodeName: 'n', resourceVersion: '7', epoch: 'me/3' });
    await http.putContent({ namespace: 'h', name: 'b' }, Buffer.from('code'));
    expect(seen).to.deep.equal([
      'GET /apis/runink.io/v1/namespaces/h/slices/s - ',
      'GET /apis/runink.io/v1/namespaces/h/slices?labelSelector=a%3Db&limit=5 - ',
      'POST /apis/runink.io/v1/herds?dryRun=All&fieldValidation=Strict application/json {"apiVersion":"runink.io/v1","kind":"Herd","metadata":{"name":"h"}}',
      'PUT /apis/runink.io/v1/namespaces/h/slices/s/status?fieldValidation=Strict application/json {"apiVersion":"runink.io/v1","kind":"Slice","metadata":{"namespace":"h","name":"s"},"spec":{"run":"r","step":"s","attempt":1}}',
      'PATCH /apis/runink.io/v1/namespaces/h/slices/s/status?fieldValidation=Strict&fieldManager=m application/merge-patch+json {"status":{}}',
      'DELETE /apis/runink.io/v1/namespaces/h/slices/s application/json {"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Foreground","preconditions":{"uid":"u"}}',
      'POST /apis/runink.io/v1/namespaces/h/slices/s/binding application/json {"apiVersion":"runink.io/v1","kind":"Binding","metadata":{"name":"s","namespace":"h","resourceVersion":"7"},"target":{"kind":"Node","name":"n"},"epoch":"me/3"}',
      'PUT /apis/runink.io/v1/namespaces/h/bundles/b/content application/octet-stream code',
    ]);
  });

  it('throws the Status of a refusal', async () => {
    const status = new ApiError('Conflict', 'changed meanwhile', { name: 's' }).toStatus();
    const http = await serve((_, response) => response.writeHead(409).end(JSON.stringify(status)));
    const error = await failure(http.get(slices, ref));
    expect([error.reason, error.code, error.message, error.details]).to.deep.equal([
      'Conflict',
      409,
      'changed meanwhile',
      { name: 's' },
    ]);
  });

  it('makes an error of an answer that is no Status', async () => {
    const http = await serve((_, response) => response.writeHead(502).end('<html>bad gateway'));
    const error = await failure(http.get(slices, ref));
    expect([error.reason, error.message]).to.deep.equal([
      'InternalError',
      'the server answered 502: <html>bad gateway',
    ]);
  });

  it('says ServiceUnavailable when no server listens', async () => {
    const http = await serve((_, response) => response.end('{}'));
    await new Promise((resolve) => server?.close(resolve));
    const error = await failure(http.create(kinds.herds, herd));
    expect(error.reason).to.equal('ServiceUnavailable');
    expect(error.message).to.match(/^POST \/apis\/runink.io\/v1\/herds at http:.*cannot be reached: .*ECONNREFUSED/);
  });

  it('says Timeout when the server took a write and broke off', async () => {
    const http = await serve((request) => request.socket.destroy());
    expect((await failure(http.create(kinds.herds, herd))).reason).to.equal('Timeout');
  });

  it('says Timeout when no answer comes in time', async () => {
    const http = await serve(() => {}, 50);
    const error = await failure(http.get(slices, ref));
    expect([error.reason, /no answer within 50 ms/.test(error.message)]).to.deep.equal(['Timeout', true]);
  });

  it('reads again when an idle connection was closed as it sent', async () => {
    let requests = 0;
    const http = await serve((request, response) => {
      requests++;
      if (requests === 2) request.socket.destroy();
      else response.end('{"metadata":{"name":"s"}}');
    });
    await http.get(slices, ref);
    expect((await http.get(slices, ref)).metadata.name).to.equal('s');
    expect(requests).to.equal(3);
  });

  it('rejects with the reason of its signal', async () => {
    const http = await serve(() => {});
    const abort = new AbortController();
    const asked = http.get(slices, ref, { signal: abort.signal });
    setImmediate(() => abort.abort(new Error('enough')));
    expect(await asked.catch((cause: unknown) => String(cause))).to.equal('Error: enough');
  });

  describe('watch', () => {
    const line = (type: string, version: number): string =>
      `${JSON.stringify({ type, object: { metadata: { name: 's', resourceVersion: String(version) } } })}\n`;

    it('puts lines together however they are cut, and ends when the server ends', async () => {
      const text = line('ADDED', 5) + line('MODIFIED', 6) + line('BOOKMARK', 9) + line('DELETED', 10);
      const http = await serve((request, response) => {
        expect(request.url).to.equal(
          '/apis/runink.io/v1/slices?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan',
        );
        const pieces = text.match(/[^]{1,7}/g) ?? [];
        const next = (): void => {
          const piece = pieces.shift();
          if (piece === undefined) response.end();
          else response.write(piece, () => setImmediate(next));
        };
        next();
      });
      expect((await all(http, {})).map(short)).to.deep.equal([
        'ADDED 5',
        'MODIFIED 6',
        'BOOKMARK 9 false',
        'DELETED 10',
      ]);
    });

    it('knows the bookmark that ends the initial events', async () => {
      const object = { metadata: { resourceVersion: '7', annotations: { 'k8s.io/initial-events-end': 'true' } } };
      const http = await serve((_, response) => response.end(JSON.stringify({ type: 'BOOKMARK', object })));
      expect(await all(http, {})).to.deep.equal([]);
      server?.removeAllListeners('request');
      server?.on('request', (_, response) => response.end(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`));
      expect((await all(http, {})).map(short)).to.deep.equal(['BOOKMARK 7 true']);
    });

    it('throws the error of the stream, and the one of the answer', async () => {
      const status = new ApiError('Expired', 'too old').toStatus();
      const http = await serve((request, response) => {
        if (request.url?.includes('resourceVersion=1') === true)
          response.write(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
        else response.writeHead(410).end(JSON.stringify(status));
      });
      expect((await failure(all(http, { resourceVersion: '1' }))).reason).to.equal('Expired');
      expect((await failure(all(http, { resourceVersion: '2' }))).reason).to.equal('Expired');
    });

    it('ends quietly when the connection breaks and when its signal aborts', async () => {
      const http = await serve((request, response) => {
        response.write(line('ADDED', 5), () => {
          if (request.url?.includes('resourceVersion=1') === true) setImmediate(() => request.socket.resetAndDestroy());
        });
      });
      expect((await all(http, { resourceVersion: '1' })).map(short)).to.deep.equal(['ADDED 5']);
      const abort = new AbortController();
      const seen: string[] = [];
      for await (const event of http.watch(slices, { signal: abort.signal })) {
        seen.push(short(event));
        setImmediate(() => abort.abort());
      }
      expect(seen).to.deep.equal(['ADDED 5']);
    });
  });
});

async function all(client: HttpClient, options: WatchOptions): Promise<WatchEvent<Slice>[]> {
  const events: WatchEvent<Slice>[] = [];
  for await (const event of client.watch(slices, options)) events.push(event);
  return events;
}

const short = (event: WatchEvent<Slice>): string =>
  event.type === 'BOOKMARK'
    ? `BOOKMARK ${event.resourceVersion} ${event.initialEventsEnd}`
    : `${event.type} ${event.object.metadata.resourceVersion ?? '-'}`;

async function failure(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof ApiError)) throw new Error('no ApiError came', { cause: error });
  return error;
}
