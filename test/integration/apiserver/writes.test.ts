// What Kubernetes does on the edges of its writes: words, orders of checks, and what a dry run answers.
import { rm } from 'node:fs/promises';
import { expect } from 'chai';
import { pipeline, pipelines, startTestServer, type TestServer } from './support.ts';

const mergeType = 'application/merge-patch+json';
const jsonType = 'application/json-patch+json';

describe('apiserver: the edges of writes', () => {
  let server: TestServer;

  before(async () => {
    server = await startTestServer();
    for (const name of ['there', 'kept']) await server.ask('POST', pipelines, { body: pipeline(name) });
  });
  after(async () => {
    await server.close();
    await server.barn.close();
    await rm(server.data, { recursive: true, force: true });
  });

  it('says of a PUT first that there is nothing, then that it names no version', async () => {
    const none = await server.ask('PUT', `${pipelines}/none`, { body: pipeline('none') });
    expect([none.code, none.body.message]).to.deep.equal([404, 'pipelines.runink.io "none" not found']);
    const bare = await server.ask('PUT', `${pipelines}/there`, { body: pipeline('there') });
    expect([bare.code, bare.body.message]).to.deep.equal([
      422,
      'pipelines.runink.io "there" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
    ]);
  });

  for (const [title, type, body, code, message] of [
    ['a torn patch', mergeType, '{', 400, 'error decoding patch: unexpected end of JSON input'],
    [
      'a patch that is no JSON',
      mergeType,
      'spec: x',
      400,
      "error decoding patch: invalid character 's' looking for beginning of value",
    ],
    [
      'a merge patch that is no object',
      mergeType,
      [],
      400,
      'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
    ],
    [
      'operations that are a text',
      jsonType,
      '"x"',
      400,
      'json: cannot unmarshal string into Go value of type jsonpatch.Patch',
    ],
    [
      'a deletion said by a patch',
      mergeType,
      { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
      422,
      'Pipeline.runink.io "there" is invalid: metadata.deletionTimestamp: Invalid value: "2026-01-01T00:00:00Z": field is immutable',
    ],
  ] as const) {
    it(`refuses ${title}`, async () => {
      const answer = await server.ask('PATCH', `${pipelines}/there`, { body, type });
      expect([answer.code, answer.body.message]).to.deep.equal([code, message]);
    });
  }

  it('tells of unknown and duplicate fields, refuses them when told to be strict, and says nothing when told to ignore', async () => {
    const body = '{"spec":{"bogus":1,"suspend":true,"suspend":false}}';
    const patch = (validation: string) =>
      server.ask('PATCH', `${pipelines}/there?dryRun=All&fieldValidation=${validation}`, { body, type: mergeType });
    const warned = await patch('Warn');
    expect([warned.code, warned.headers.warning]).to.deep.equal([
      200,
      '299 - "duplicate field \\"spec.suspend\\"", 299 - "unknown field \\"spec.bogus\\""',
    ]);
    expect((await patch('Ignore')).headers.warning).to.equal(undefined);
    const twice = await patch('Strict');
    expect([twice.code, twice.body.message]).to.deep.equal([
      422,
      ' "" is invalid: patch: Invalid value: "{\\"spec\\":{\\"bogus\\":1,\\"suspend\\":false}}": strict decoding error: duplicate field "spec.suspend"',
    ]);
    const unknown = await server.ask('PATCH', `${pipelines}/there?fieldValidation=Strict`, {
      body: { spec: { bogus: 1 } },
      type: mergeType,
    });
    expect([unknown.code, unknown.body.reason, unknown.body.message]).to.deep.equal([
      422,
      'Invalid',
      ' "" is invalid: patch: Invalid value: "{\\"spec\\":{\\"bogus\\":1}}": strict decoding error: unknown field "spec.bogus"',
    ]);
  });

  it('answers a dry run of a delete as if it had been done', async () => {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Foreground' };
    const would = await server.ask('DELETE', `${pipelines}/kept?dryRun=All`, { body });
    expect(would.body.metadata?.finalizers).to.deep.equal(['foregroundDeletion']);
    expect(would.body.metadata?.deletionTimestamp).to.match(/Z$/);
    const kept = await server.ask('GET', `${pipelines}/kept`);
    expect(kept.body.metadata).to.not.have.property('deletionTimestamp');
  });

  it('deletes of a collection as many as it is told, those that are selected, and says where to go on', async () => {
    for (const name of ['c1', 'c2', 'c3', 'd1']) {
      const labels = { of: name.slice(0, 1) };
      await server.ask('POST', pipelines, { body: pipeline(name, { labels }) });
    }
    const first = await server.ask('DELETE', `${pipelines}?labelSelector=of%3Dc&limit=2`);
    expect(first.code).to.equal(200);
    expect(first.body.metadata?.continue).to.be.a('string');
    const next = encodeURIComponent(String(first.body.metadata?.continue));
    const rest = await server.ask('DELETE', `${pipelines}?labelSelector=of%3Dc&limit=2&continue=${next}`);
    expect(rest.body.metadata).to.not.have.property('continue');
    const left = await server.ask('GET', `${pipelines}?labelSelector=of`);
    const items: readonly { readonly metadata?: { readonly name?: unknown } }[] = Array.isArray(left.body.items)
      ? left.body.items
      : [];
    expect(items.map((item) => item.metadata?.name)).to.deep.equal(['d1']);
  });
});
