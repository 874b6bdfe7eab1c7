// Whatever is sent, the answer is a Status that says what is wrong, nothing is written, and the server goes on.
import { expect } from 'chai';
import { pipeline, pipelines, startTestServer, type TestServer, text } from './support.ts';

const merge = 'application/merge-patch+json';
const good = pipeline('x');

describe('apiserver: bad input', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
    await server.ask('POST', pipelines, { body: pipeline('there') });
  });
  after(() => server.close());

  const deep = `{"apiVersion":"runink.io/v1","kind":"Pipeline","metadata":{"name":"x"},"spec":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`;
  const withSpec = (spec: unknown) => ({ ...good, spec });
  for (const [title, path, body, type, code, words] of [
    ['nothing', '', '', undefined, 400, 'unexpected end of JSON input (<empty>)'],
    ['torn JSON', '', '{"apiVersion":', undefined, 400, 'json parse error'],
    ['YAML', '', 'kind: Pipeline', undefined, 400, 'json parse error'],
    ['a list', '', '[]', undefined, 400, 'the body must be a JSON object'],
    ['no kind', '', { metadata: { name: 'x' } }, undefined, 400, "Object 'Kind' is missing"],
    ['another kind', '', { ...good, kind: 'Run' }, undefined, 400, 'this resource takes runink.io/v1, Kind=Pipeline'],
    [
      'another version',
      '',
      { ...good, apiVersion: 'runink.io/v2' },
      undefined,
      400,
      'this resource takes runink.io/v1, Kind=Pipeline',
    ],
    ['metadata that is no object', '', { ...good, metadata: 'x' }, undefined, 400, 'metadata must be an object'],
    [
      'another herd',
      '',
      { ...good, metadata: { name: 'x', namespace: 'other' } },
      undefined,
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'a version on create',
      '',
      { ...good, metadata: { name: 'x', resourceVersion: '5' } },
      undefined,
      500,
      'resourceVersion should not be set on objects to be created',
    ],
    [
      'a bad name',
      '',
      pipeline('Bad_Name'),
      undefined,
      422,
      'Pipeline.runink.io "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain',
    ],
    [
      'no name',
      '',
      pipeline(''),
      undefined,
      422,
      'Pipeline.runink.io "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      'no spec',
      '',
      { ...good, spec: undefined },
      undefined,
      422,
      'Pipeline.runink.io "x" is invalid: spec: Required value',
    ],
    ['no steps', '', withSpec({}), undefined, 422, 'Pipeline.runink.io "x" is invalid: spec.steps: Required value'],
    [
      'many problems',
      '',
      withSpec({ steps: [{ name: 1 }, { use: 'x' }] }),
      undefined,
      422,
      'is invalid: [spec.steps[0].name: Invalid value: "integer"',
    ],
    [
      'an unknown field, strictly',
      '?fieldValidation=Strict',
      withSpec({ steps: [{ name: 'a', use: 'filter' }], foo: 1 }),
      undefined,
      400,
      'strict decoding error: unknown field "spec.foo"',
    ],
    [
      'a doubled field, strictly',
      '?fieldValidation=Strict',
      '{"apiVersion":"runink.io/v1","kind":"Pipeline","metadata":{"name":"x","name":"y"},"spec":{"steps":[{"name":"a"}]}}',
      undefined,
      400,
      'strict decoding error: duplicate field "metadata.name"',
    ],
    [
      'an unknown strictness',
      '?fieldValidation=Maybe',
      good,
      undefined,
      422,
      'fieldValidation: Unsupported value: "Maybe"',
    ],
    [
      '__proto__',
      '',
      '{"apiVersion":"runink.io/v1","kind":"Pipeline","metadata":{"name":"x","labels":{"__proto__":"x"}}}',
      undefined,
      400,
      'the field name "__proto__" is not allowed, at "metadata.labels.__proto__"',
    ],
    ['great depth', '', deep, undefined, 400, 'the body is nested deeper than 128 levels'],
    [
      'four megabytes',
      '',
      { ...good, spec: { description: 'x'.repeat(4_000_000) } },
      undefined,
      413,
      'Request entity too large: limit is 3145728',
    ],
    [
      'text',
      '',
      'x',
      'text/plain',
      415,
      'the body of the request was in an unknown format - accepted media types include: application/json',
    ],
    ['broken protobuf', '', 'x', 'application/vnd.kubernetes.protobuf', 400, 'the protobuf body cannot be read'],
    [
      'protobuf of a kind in JSON only',
      '',
      Buffer.concat([Buffer.from('k8s\0'), Buffer.from([10, 4, 10, 2, 118, 49])]),
      'application/vnd.kubernetes.protobuf',
      415,
      'is taken as application/json only',
    ],
  ] as const) {
    it(`create: ${title}`, async () => {
      const before = await server.barn.readIndex();
      const answer = await server.ask('POST', `${pipelines}${path}`, { body, ...(type === undefined ? {} : { type }) });
      expect([answer.code, answer.body.kind, answer.body.status, answer.body.code]).to.deep.equal([
        code,
        'Status',
        'Failure',
        code,
      ]);
      expect(answer.body.message).to.include(words);
      expect(await server.barn.readIndex()).to.equal(before);
    });
  }

  for (const [title, body, type, code, words] of [
    [
      'another name',
      { metadata: { name: 'q' } },
      merge,
      400,
      'the name of the object (q) does not match the name on the URL (there)',
    ],
    [
      'another herd',
      { metadata: { namespace: 'q' } },
      merge,
      400,
      'the namespace of the object (q) does not match the namespace on the request (default)',
    ],
    ['another kind', { kind: 'Run' }, merge, 400, 'a patch cannot change apiVersion or kind'],
    ['a list', [], merge, 400, 'json: cannot unmarshal array into Go value of type map[string]interface {}'],
    [
      'operations that are none',
      {},
      'application/json-patch+json',
      400,
      'json: cannot unmarshal object into Go value of type jsonpatch.Patch',
    ],
    [
      'an operation without effect',
      [{ op: 'conjure', path: '/spec' }],
      'application/json-patch+json',
      422,
      'the server rejected our request',
    ],
    [
      'an index with a leading zero',
      [{ op: 'replace', path: '/spec/steps/00/name', value: 'b' }],
      'application/json-patch+json',
      422,
      'the server rejected our request',
    ],
    [
      'a path to nowhere',
      [{ op: 'replace', path: '/spec/nope/x', value: 1 }],
      'application/json-patch+json',
      422,
      'the server rejected our request',
    ],
    ['a wrong type', { spec: { suspend: 'x' } }, merge, 422, 'spec.suspend: Invalid value: "string"'],
    ['a strategic patch', {}, 'application/strategic-merge-patch+json', 415, 'accepted media types include'],
    [
      'an apply without a manager',
      {},
      'application/apply-patch+yaml',
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ],
    ['no type', {}, '', 415, 'the body of the request was in an unknown format'],
  ] as const) {
    it(`patch: ${title}`, async () => {
      const before = await server.ask('GET', `${pipelines}/there`);
      const answer = await server.ask('PATCH', `${pipelines}/there`, { body, type });
      expect([answer.code, answer.body.kind]).to.deep.equal([code, 'Status']);
      expect(answer.body.message).to.include(words);
      expect((await server.ask('GET', `${pipelines}/there`)).body).to.deep.equal(before.body);
    });
  }

  for (const [method, path, code, words] of [
    ['GET', '?labelSelector=a%3D%3D%3Db', 400, "unable to parse requirement: found '=', expected: identifier"],
    ['GET', '?fieldSelector=spec.x%3D1', 400, 'field label not supported: spec.x'],
    ['GET', '?fieldSelector=foo', 400, "invalid selector: 'foo'; can't understand 'foo'"],
    ['GET', '?limit=x', 400, 'limit: Invalid value: "x"'],
    [
      'GET',
      '?resourceVersionMatch=Exact',
      422,
      'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
    ],
    ['GET', '?resourceVersion=1&resourceVersionMatch=Foo', 422, 'resourceVersionMatch: Unsupported value: "Foo"'],
    ['GET', '?watch=1&resourceVersion=abc', 500, 'resourceVersion: Invalid value: "abc"'],
    ['GET', '?watch=1&fieldSelector=spec.x%3D1', 400, 'field label not supported: spec.x'],
    ['GET', '?includeObject=All', 200, ''],
    [
      'DELETE',
      '/there?propagationPolicy=Foo',
      422,
      'propagationPolicy: Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil"',
    ],
    [
      'DELETE',
      '/there?propagationPolicy=Foreground&orphanDependents=true',
      422,
      'orphanDependents and deletionPropagation cannot be both set',
    ],
    ['PUT', '', 405, 'the server does not allow this method on the requested resource'],
    ['POST', '/there', 405, 'the server does not allow this method on the requested resource'],
    ['GET', '/a%2Fb', 404, 'pipelines.runink.io "a/b" not found'],
    ['GET', '/%F0%9F%92%A5', 404, 'not found'],
  ] as const) {
    it(`${method} ${path}`, async () => {
      const answer = await server.ask(method, `${pipelines}${path}`);
      expect([answer.code, text(answer.body.message ?? '')]).to.satisfy(
        ([found, message]: [number, string]) => found === code && message.includes(words),
      );
    });
  }

  it('warns of what it dropped, by default', async () => {
    const body = withSpec({ steps: [{ name: 'a', use: 'filter' }], foo: 1 });
    const answer = await server.ask('POST', `${pipelines}?dryRun=All`, { body });
    expect(answer.code).to.equal(201);
    expect(answer.headers.warning).to.equal('299 - "unknown field \\"spec.foo\\""');
    const ignored = await server.ask('POST', `${pipelines}?dryRun=All&fieldValidation=Ignore`, { body });
    expect(ignored.headers).to.not.have.property('warning');
  });

  it('refuses every write with a fence that cannot be read', async () => {
    const headers = { 'runink-fence': 'runink-system/runink-scheduler/me' };
    const there = `${pipelines}/there`;
    for (const [method, path, options] of [
      ['POST', pipelines, { body: good }],
      ['PATCH', there, { body: { metadata: { labels: { a: 'b' } } }, type: merge }],
      ['DELETE', there, {}],
      ['DELETE', pipelines, {}],
    ] as const) {
      const answer = await server.ask(method, path, { ...options, headers });
      expect([answer.code, text(answer.body.message)], method).to.deep.equal([
        400,
        'header runink-fence: "runink-system/runink-scheduler/me" is not NAMESPACE/NAME/HOLDER/TRANSITIONS',
      ]);
    }
    expect((await server.ask('GET', there)).code).to.equal(200);
  });

  it('knows no other paths', async () => {
    for (const path of ['/nope', '/apis/nope.io/v1', '/apis/runink.io/v1/foos', '/api/v1/', '/%zz', '//']) {
      const answer = await server.ask('GET', path);
      expect([path, answer.code, answer.text]).to.deep.equal([path, 404, '404 page not found\n']);
    }
  });

  it('has a resourceVersion that only grows, whatever was refused', async () => {
    const answer = await server.ask('POST', pipelines, { body: pipeline('last') });
    expect(answer.code).to.equal(201);
  });
});
