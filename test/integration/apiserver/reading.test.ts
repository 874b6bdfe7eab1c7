// Lists and gets beyond the first page: how old they may be, how long they can go on, and in what form they come.
import { request } from 'node:https';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { parse } from 'yaml';
import { type Json, pipeline, pipelines, startTestServer, type TestServer, text } from './support.ts';

const names = (list: Json): unknown[] => Object.values(list.items ?? {}).map((item) => item.metadata?.name);

describe('apiserver: reading', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer({ limits: { freshWaitMsMax: 300 } });
    for (const name of ['a', 'b', 'c', 'd']) await server.ask('POST', pipelines, { body: pipeline(name) });
  });
  after(() => server.close());
  const version = async () => Number((await server.ask('GET', pipelines)).body.metadata?.resourceVersion);

  it('goes on with what is now when the version of a list is forgotten, by the token in the refusal', async () => {
    const first = (await server.ask('GET', `${pipelines}?limit=2`)).body;
    expect(names(first)).to.deep.equal(['a', 'b']);
    await server.ask('POST', pipelines, { body: pipeline('bb') });
    await server.ask('DELETE', `${pipelines}/c`);
    await server.barn.compact(await server.barn.readIndex());
    const gone = await server.ask('GET', `${pipelines}?limit=2&continue=${text(first.metadata?.continue)}`);
    expect([gone.code, gone.body.reason]).to.deep.equal([410, 'Expired']);
    expect(gone.body.message).to.match(/or use the continue token in this response/);
    const rest = await server.ask('GET', `${pipelines}?limit=1&continue=${text(gone.body.metadata?.continue)}`);
    expect([rest.code, names(rest.body)]).to.deep.equal([200, ['bb']]);
    // From there on it is consistent again.
    await server.ask('POST', pipelines, { body: pipeline('c') });
    const last = await server.ask('GET', `${pipelines}?continue=${text(rest.body.metadata?.continue)}`);
    expect(names(last.body)).to.deep.equal(['d']);
    expect(last.body.metadata?.resourceVersion).to.equal(rest.body.metadata?.resourceVersion);
    await server.ask('DELETE', `${pipelines}/bb`);
  });

  it('shows the objects of a herd as they were, also when the herd is gone', async () => {
    const herd = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'brief' } };
    await server.ask('POST', '/api/v1/namespaces', { body: herd });
    const path = pipelines.replace('default', 'brief');
    await server.ask('POST', path, { body: pipeline('once') });
    const then = await version();
    await server.ask('DELETE', `${path}/once`);
    await server.ask('DELETE', '/api/v1/namespaces/brief');
    const body = { spec: { finalizers: [] } };
    await server.ask('PATCH', '/api/v1/namespaces/brief', { body, type: 'application/merge-patch+json' });
    expect((await server.ask('GET', '/api/v1/namespaces/brief')).code).to.equal(404);
    const past = await server.ask('GET', `${path}?resourceVersion=${then}&resourceVersionMatch=Exact`);
    expect(names(past.body)).to.deep.equal(['once']);
    expect(names((await server.ask('GET', path)).body)).to.deep.equal([]);
  });

  it('waits for a version that is about to come', async () => {
    for (const path of [`${pipelines}?resourceVersionMatch=NotOlderThan&`, `${pipelines}/a?`]) {
      const asked = server.ask('GET', `${path}resourceVersion=${(await version()) + 1}`);
      await server.ask('POST', pipelines, { body: pipeline('soon') });
      await server.ask('DELETE', `${pipelines}/soon`);
      expect((await asked).code).to.equal(200);
    }
  });

  it('refuses a version that does not come in time', async () => {
    const query = 'resourceVersion=99999999';
    const watch = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&';
    for (const path of [`${pipelines}?${query}`, `${pipelines}/a?${query}`, `${pipelines}?${watch}${query}`]) {
      const refused = await server.ask('GET', path);
      expect([refused.code, refused.body.reason, refused.headers['retry-after']]).to.deep.equal([504, 'Timeout', '1']);
      expect(refused.body.details?.causes).to.deep.equal([
        { reason: 'ResourceVersionTooLarge', message: 'Too large resource version', field: '' },
      ]);
    }
  });

  for (const [query, problems] of [
    [
      'resourceVersionMatch=Foo&continue=x',
      'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided, resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided, resourceVersionMatch: Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""]',
    ],
    [
      'sendInitialEvents=true',
      'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
    ],
    [
      'resourceVersionMatch=Exact&resourceVersion=0',
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    [
      'watch=true&sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1',
      'ListOptions.meta.k8s.io "" is invalid: [resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
    ],
  ] as const)
    it(`refuses ${query}`, async () => {
      const refused = await server.ask('GET', `${pipelines}?${query}`);
      expect([refused.code, refused.body.message]).to.deep.equal([422, problems]);
    });

  it('says of a bad token first that it is bad', async () => {
    const refused = await server.ask('GET', `${pipelines}?continue=abc&resourceVersion=1`);
    expect([refused.code, refused.body.message]).to.satisfy(
      ([code, message]: [number, string]) => code === 400 && message.startsWith('invalid continue token'),
    );
  });

  it('gives YAML to who asks for it: objects, lists, tables, refusals', async () => {
    const headers = { accept: 'application/yaml' };
    for (const path of [
      `${pipelines}/a`,
      pipelines,
      `${pipelines}?limit=1`,
      `${pipelines}?labelSelector=no`,
      `${pipelines}/none`,
    ]) {
      const answer = await server.ask('GET', path, { headers });
      expect(answer.headers['content-type']).to.equal('application/yaml');
      const { metadata: _metadata, ...rest } = parse(answer.text) as Record<string, unknown>;
      const { metadata: _same, ...wanted } = (await server.ask('GET', path)).body;
      expect(rest).to.deep.equal(wanted);
    }
    const table = { accept: 'application/yaml;as=Table;v=v1;g=meta.k8s.io' };
    const rows = parse((await server.ask('GET', pipelines, { headers: table })).text) as Json;
    expect([rows.kind, Object.keys(rows.rows ?? {}).length]).to.deep.equal(['Table', 4]);
    expect((await server.ask('GET', `${pipelines}?watch=true`, { headers })).code).to.equal(406);
  });

  it('takes YAML within its bounds', async () => {
    const type = 'application/yaml';
    const yaml = (more: string) =>
      `apiVersion: runink.io/v1\nkind: Pipeline\nmetadata:\n  name: yaml\n  annotations: {at: 2026-01-01}\nspec:\n  steps:\n  - {name: a, use: filter}\n${more}`;
    const twice = await server.ask('POST', `${pipelines}?fieldValidation=Strict`, {
      body: yaml('kind: Pipeline\n'),
      type,
    });
    expect([twice.code, /duplicate field "kind"/.test(text(twice.body.message))]).to.deep.equal([400, true]);
    const made = await server.ask('POST', pipelines, { body: yaml(''), type });
    expect([made.code, made.body.metadata?.annotations]).to.deep.equal([201, { at: '2026-01-01' }]);
    await server.ask('DELETE', `${pipelines}/yaml`);
    const bomb = `a: &a [x]\nb: &b [${'*a,'.repeat(40)}]\nc: &c [${'*b,'.repeat(40)}]\nd: [${'*c,'.repeat(40)}]\n`;
    for (const [body, code] of [
      [bomb, 400],
      ['a: [', 400],
      ['- '.repeat(5_000), 400],
      ['['.repeat(5_000), 400],
      [`a: ${'x'.repeat(200_000)}`, 413],
    ] as const)
      expect((await server.ask('POST', pipelines, { body, type })).code).to.equal(code);
  });

  it('compresses long answers for who takes that, and streams them', async () => {
    await fill(server, 600);
    const plain = await server.ask('GET', pipelines);
    expect(plain.headers['content-encoding']).to.equal(undefined);
    expect(plain.headers['transfer-encoding']).to.equal('chunked');
    const bytes = await raw(server, pipelines, 'gzip');
    expect(JSON.parse(gunzipSync(bytes).toString())).to.deep.equal(plain.body);
    const short = await server.ask('GET', `${pipelines}?limit=1`, { headers: { 'accept-encoding': 'gzip' } });
    expect(short.headers['content-encoding']).to.equal(undefined);
    const refusing = await server.ask('GET', pipelines, { headers: { 'accept-encoding': 'gzip;q=0' } });
    expect(refusing.headers['content-encoding']).to.equal(undefined);
  });
});

/** Puts pipelines into the store, as many as make a long list. */
async function fill({ barn }: TestServer, count: number): Promise<void> {
  const { items } = await barn.range('/registry/runink.io/pipelines/', '/registry/runink.io/pipelines0');
  const [sample] = items;
  if (sample === undefined) throw new Error('there is no pipeline to copy');
  const object = JSON.parse(Buffer.from(sample.value).toString()) as { metadata: object };
  const folder = sample.key.slice(0, sample.key.lastIndexOf('/') + 1);
  const annotations = { long: 'x'.repeat(500) };
  for (let index = 0; index < count; index++) {
    const metadata = { ...object.metadata, name: `copy-${index}`, annotations };
    // In another order than the server writes: it is to be shown right all the same.
    const value = Buffer.from(
      JSON.stringify(index % 2 === 0 ? { ...object, metadata } : { x: 1, ...object, metadata }),
    );
    await barn.txn([], [{ do: 'put', key: `${folder}copy-${index}`, value }]);
  }
}

async function raw(server: TestServer, path: string, encoding: string): Promise<Buffer> {
  const agent = await server.agentOf('admin');
  return new Promise((resolve, reject) => {
    request(`${server.url}${path}`, { agent, headers: { 'accept-encoding': encoding } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks)));
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}
