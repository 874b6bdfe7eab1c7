// Who may look at one herd, who acts as another, and what the server says of both when it is asked.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Answer, type Ask, pipeline, pipelines, startTestServer, type TestServer } from './support.ts';

const tokens = 'admin-token,root,u-1,"system:masters"\nviewer-token,viewer,u-2,"runink:viewers:default"\n';
const viewer: Ask = { as: '', token: 'viewer-token' };
const accesses = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
const own = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const locals = '/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews';
const tokenReviews = '/apis/authentication.k8s.io/v1/tokenreviews';

describe('apiserver: reviews', () => {
  let folder: string;
  let server: TestServer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reviews-'));
    const tokenFile = join(folder, 'tokens.csv');
    await writeFile(tokenFile, tokens);
    server = await startTestServer({ tokenFile });
    expect((await server.ask('POST', pipelines, { body: pipeline('p') })).code).to.equal(201);
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });

  const review = (path: string, kind: string, spec: unknown, ask: Ask = {}): Promise<Answer> => {
    const group = path.split('/')[2] ?? '';
    return server.ask('POST', path, { ...ask, body: { apiVersion: `${group}/v1`, kind, spec } });
  };
  const allowed = async (spec: unknown, ask: Ask = {}): Promise<unknown> =>
    (await review(own, 'SelfSubjectAccessReview', spec, ask)).body.status?.allowed;

  it('a viewer reads its herd and nothing else', async () => {
    expect((await server.ask('GET', `${pipelines}/p`, viewer)).code).to.equal(200);
    expect((await server.ask('GET', '/api/v1/namespaces/default', viewer)).code).to.equal(200);
    for (const [method, path] of [
      ['GET', '/api/v1/namespaces/default/secrets'],
      ['GET', '/apis/runink.io/v1/pipelines'],
      ['GET', '/apis/runink.io/v1/namespaces/runink-system/pipelines'],
      ['DELETE', `${pipelines}/p`],
    ] as const)
      expect([path, (await server.ask(method, path, viewer)).code]).to.deep.equal([path, 403]);
  });

  it('say what one may do oneself, as it is then judged', async () => {
    const about = (verb: string, resource: string, more: Readonly<Record<string, string>> = {}) => ({
      resourceAttributes: { namespace: 'default', verb, group: 'runink.io', resource, ...more },
    });
    expect(await allowed(about('get', 'pipelines'), viewer)).to.deep.equal(true);
    expect(await allowed(about('get', 'runs', { subresource: 'log' }), viewer)).to.deep.equal(true);
    expect(await allowed(about('create', 'pipelines'), viewer)).to.deep.equal(false);
    expect(await allowed(about('get', 'secrets', { group: '' }), viewer)).to.deep.equal(false);
    expect(await allowed(about('get', '*', { group: '*' }), viewer)).to.deep.equal(false);
    expect(await allowed(about('get', 'nonesuch'), viewer)).to.deep.equal(false);
    expect(await allowed(about('*', '*', { group: '*' }))).to.deep.equal(true);
    expect(await allowed({ nonResourceAttributes: { path: '/metrics', verb: 'get' } }, viewer)).to.deep.equal(false);
    expect(await allowed({ nonResourceAttributes: { path: '/version', verb: 'get' } }, viewer)).to.deep.equal(true);
  });

  it('say of a node what its selector allows it', async () => {
    const requirements = [{ key: 'spec.nodeName', operator: 'In', values: ['n1'] }];
    const resourceAttributes = { verb: 'list', group: 'runink.io', resource: 'slices' };
    const narrow = { resourceAttributes: { ...resourceAttributes, fieldSelector: { requirements } } };
    expect(await allowed(narrow, { as: 'nodes/n1' })).to.deep.equal(true);
    expect(await allowed(narrow, { as: 'nodes/n2' })).to.deep.equal(false);
    const { body } = await review(own, 'SelfSubjectAccessReview', { resourceAttributes }, { as: 'nodes/n1' });
    expect(body.status).to.deep.equal({
      allowed: false,
      reason: 'a node lists slices only with the field selector spec.nodeName=n1',
    });
  });

  it('say what others may do, to those who may ask', async () => {
    const resourceAttributes = { namespace: 'default', verb: 'list', group: 'runink.io', resource: 'pipelines' };
    const spec = { user: 'x', groups: ['runink:viewers:default'], resourceAttributes };
    expect((await review(accesses, 'SubjectAccessReview', spec)).body.status).to.deep.equal({ allowed: true });
    expect((await review(locals, 'LocalSubjectAccessReview', spec)).body.status).to.deep.equal({ allowed: true });
    expect((await review(accesses, 'SubjectAccessReview', spec, viewer)).body.message).to.equal(
      'subjectaccessreviews.authorization.k8s.io is forbidden: User "viewer" cannot create resource "subjectaccessreviews" in API group "authorization.k8s.io" at the cluster scope',
    );
  });

  for (const [title, path, kind, spec, message] of [
    [
      'nothing',
      accesses,
      'SubjectAccessReview',
      {},
      'SubjectAccessReview.authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]',
    ],
    [
      'another herd',
      locals,
      'LocalSubjectAccessReview',
      { user: 'x', resourceAttributes: { namespace: 'other', verb: 'get' } },
      'LocalSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "other": must match metadata.namespace',
    ],
  ] as const)
    it(`refuse to be asked about ${title}`, async () => {
      const { code, body } = await review(path, kind, spec);
      expect([code, body.message]).to.deep.equal([422, message]);
    });

  it('list what one may do in a herd', async () => {
    const rules = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
    const { code, body } = await review(rules, 'SelfSubjectRulesReview', { namespace: 'default' }, viewer);
    expect(code).to.equal(201);
    expect(body.status?.incomplete).to.deep.equal(false);
    const shown = JSON.stringify(body.status?.resourceRules);
    expect(shown).to.include('"pipelines"').and.include('"runs/log"').and.not.include('secrets');
    const elsewhere = await review(rules, 'SelfSubjectRulesReview', { namespace: 'runink-system' }, viewer);
    expect(JSON.stringify(elsewhere.body.status)).to.not.include('pipelines');
  });

  it('say whom a token stands for', async () => {
    const of = async (token: string) => (await review(tokenReviews, 'TokenReview', { token })).body.status;
    expect(await of('viewer-token')).to.deep.equal({
      authenticated: true,
      user: { username: 'viewer', uid: 'u-2', groups: ['runink:viewers:default', 'system:authenticated'] },
      audiences: ['https://kubernetes.default.svc'],
    });
    expect(await of('nope')).to.deep.equal({ user: {}, error: 'invalid bearer token' });
    const refused = await review(tokenReviews, 'TokenReview', { token: 'admin-token' }, viewer);
    expect(refused.code).to.equal(403);
  });

  it('say who one is, and as whom one acts', async () => {
    const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const who = async (ask: Ask) => (await server.ask('POST', path, { ...ask, body })).body.status?.userInfo;
    expect(await who({})).to.deep.equal({ username: 'admin', groups: ['system:masters', 'system:authenticated'] });
    const headers = { 'impersonate-user': 'joe', 'impersonate-group': 'runink:viewers:default' };
    expect(await who({ headers })).to.deep.equal({
      username: 'joe',
      groups: ['runink:viewers:default', 'system:authenticated'],
    });
    expect((await server.ask('GET', pipelines, { headers })).code).to.equal(200);
    expect((await server.ask('DELETE', `${pipelines}/p`, { headers })).code).to.equal(403);
    const { body: refusal } = await server.ask('GET', pipelines, { ...viewer, headers });
    expect(refusal).to.deep.equal({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message:
        'users "joe" is forbidden: User "viewer" cannot impersonate resource "users" in API group "" at the cluster scope',
      reason: 'Forbidden',
      details: { name: 'joe', kind: 'users' },
      code: 403,
    });
  });

  it('are questions only: they cannot be read', async () => {
    expect((await server.ask('GET', tokenReviews)).code).to.equal(405);
    expect((await server.ask('GET', `${accesses}/x`)).code).to.equal(405);
    const { body } = await server.ask('GET', '/apis/authorization.k8s.io/v1');
    expect(
      (body.resources as unknown as { name: string; verbs: string[] }[]).map(({ name, verbs }) => [name, ...verbs]),
    ).to.deep.equal([
      ['localsubjectaccessreviews', 'create'],
      ['selfsubjectaccessreviews', 'create'],
      ['selfsubjectrulesreviews', 'create'],
      ['subjectaccessreviews', 'create'],
    ]);
  });
});
