// What the schema of a user's kind does to its objects, over a real server.
import { expect } from 'chai';
import { startTestServer, type TestServer } from './support.ts';
import { define, definitionsPath, gone, widget, widgets, widgetsPath } from './widgets.ts';

const merge = 'application/merge-patch+json';
const one = `${definitionsPath}/widgets.example.com`;
const spec = (properties: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}) => ({
  type: 'object',
  properties: {
    spec: { type: 'object', properties, ...more },
    status: { type: 'object', properties: { phase: { type: 'string', enum: ['New', 'Old'] } } },
  },
});
const definition = (openAPIV3Schema: unknown) =>
  widgets({}, { schema: { openAPIV3Schema }, subresources: { status: {} } });

describe('apiserver: schemas of users’ kinds', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());
  afterEach(async () => {
    if ((await server.ask('GET', one)).code === 200) await gone(server);
  });
  const post = (body: unknown, query = '') => server.ask('POST', `${widgetsPath}${query}`, { body });
  const patch = (path: string, body: unknown) => server.ask('PATCH', `${widgetsPath}${path}`, { body, type: merge });
  /** Changes the schema and waits until objects are shown by it. */
  const redefine = async (openAPIV3Schema: unknown): Promise<void> => {
    const version = {
      name: 'v1',
      served: true,
      storage: true,
      subresources: { status: {} },
      schema: { openAPIV3Schema },
    };
    const changed = await server.ask('PATCH', one, { body: { spec: { versions: [version] } }, type: merge });
    expect(changed.code, changed.text).to.equal(200);
    // Discovery is answered by the newest definitions, and so is what is asked after it.
    await server.ask('GET', '/apis');
  };

  it('prune, fill in and say what was dropped', async () => {
    await define(
      server,
      definition(
        spec({
          size: { type: 'integer', default: 3 },
          tags: { type: 'array', items: { type: 'object', properties: { n: { type: 'string', default: 'x' } } } },
        }),
      ),
    );
    const made = await post(widget('a', { odd: 1, tags: [{ m: 1 }] }), '?fieldValidation=Warn');
    expect([made.code, made.body.spec]).to.deep.equal([201, { size: 3, tags: [{ n: 'x' }] }]);
    expect(String(made.headers.warning)).to.contain('unknown field \\"spec.odd\\"').and.to.contain('spec.tags[0].m');
    const strict = await post(widget('b', { odd: 1 }), '?fieldValidation=Strict');
    expect([strict.code, strict.body.message]).to.deep.equal([
      400,
      'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.odd"',
    ]);
  });

  it('show stored objects with the defaults of today', async () => {
    await define(server, definition(spec({ size: { type: 'integer' }, gone: { type: 'integer' } })));
    await post(widget('a', { gone: 1 }));
    await redefine(spec({ size: { type: 'integer', default: 7 } }));
    expect((await server.ask('GET', `${widgetsPath}/a`)).body.spec).to.deep.equal({ size: 7 });
    const listed = await server.ask('GET', widgetsPath);
    expect((listed.body.items as unknown as { spec: unknown }[])[0]?.spec).to.deep.equal({ size: 7 });
  });

  it('refuse what does not fit in the words of Kubernetes', async () => {
    await define(
      server,
      definition(spec({ size: { type: 'integer', maximum: 5 }, name: { type: 'string' } }, { required: ['name'] })),
    );
    const refused = await post(widget('a', { size: 9 }));
    expect([refused.code, refused.body.message]).to.deep.equal([
      422,
      'Widget.example.com "a" is invalid: [spec.size: Invalid value: 9: spec.size in body should be less than or equal to 5, spec.name: Required value]',
    ]);
    const none = await post({ ...widget('a'), spec: undefined });
    expect(none.code).to.equal(201);
  });

  it('run rules on creates and updates', async () => {
    const rules = [
      { rule: 'self.size >= oldSelf.size', message: 'only grows' },
      { rule: 'self.size < 10', messageExpression: "'%d is too much'.format([self.size])" },
    ];
    await define(
      server,
      definition(spec({ size: { type: 'integer' }, name: { type: 'string' } }, { 'x-kubernetes-validations': rules })),
    );
    const refused = await post(widget('a', { size: 12 }));
    expect([refused.code, refused.body.message]).to.deep.equal([
      422,
      'Widget.example.com "a" is invalid: spec: Invalid value: "object": 12 is too much',
    ]);
    expect((await post(widget('a', { size: 2 }))).code).to.equal(201);
    const shrunk = await patch('/a', { spec: { size: 1 } });
    expect([shrunk.code, shrunk.body.message]).to.deep.equal([
      422,
      'Widget.example.com "a" is invalid: spec: Invalid value: "object": only grows',
    ]);
    expect((await patch('/a', { spec: { size: 3 } })).code).to.equal(200);
  });

  it('do not hold against an update what it does not change', async () => {
    await define(server, definition(spec({ size: { type: 'integer' }, name: { type: 'string' } })));
    await post(widget('a', { size: 9, name: 'x' }));
    await redefine(spec({ size: { type: 'integer', maximum: 5 }, name: { type: 'string' } }));
    expect((await patch('/a', { spec: { name: 'y' } })).code).to.equal(200);
    expect((await patch('/a', { spec: { size: 8 } })).code).to.equal(422);
    expect((await patch('/a/status', { status: { phase: 'New' } })).code).to.equal(200);
    expect((await patch('/a/status', { status: { phase: 'Odd' } })).code).to.equal(422);
    expect((await post(widget('b', { size: 9 }))).code).to.equal(422);
  });

  for (const [title, properties, words] of [
    ['no type', { size: {} }, 'properties[size].type: Required value: must not be empty for specified object fields'],
    ['a reference', { size: { $ref: '#/x' } }, '$ref is not supported'],
    ['a default that does not fit', { size: { type: 'integer', default: 'x' } }, 'must be of type integer: "string"'],
    [
      'a rule with a function that is not there',
      { size: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'semver(self)' }] } },
      'compilation failed: ERROR: <input>:1:1: found no matching overload',
    ],
    [
      'a rule that could take long',
      {
        list: {
          type: 'array',
          items: { type: 'string' },
          'x-kubernetes-validations': [{ rule: 'self.all(x, self.all(y, x == y))' }],
        },
      },
      'estimated rule cost exceeds budget by factor of more than 100x',
    ],
  ] as const) {
    it(`refuse to be defined with ${title}`, async () => {
      const refused = await server.ask('POST', definitionsPath, { body: definition(spec(properties)) });
      expect(refused.code).to.equal(422);
      expect(refused.body.message).to.contain(words);
    });
  }
});
