// Every class of refusal as a client meets it: the whole Status, with code, reason, message and details, in Kubernetes' words.
import { expect } from 'chai';
import { refusals, secrets } from './refusals.ts';
import { type Json, pipeline, pipelines, startTestServer, type TestServer, text } from './support.ts';

describe('apiserver: statuses', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer({ limits: { watchersMax: 1 } });
    await server.ask('POST', pipelines, { body: pipeline('there') });
  });
  after(() => server.close());

  for (const { title, method, path, ask, code, reason, message, details } of refusals) {
    it(`${code} ${reason}: ${title}`, async () => {
      const answer = await server.ask(method, path, ask);
      expectStatus(answer.code, answer.body, code, reason, message);
      if (details !== undefined) expect(answer.body.details).to.deep.equal(details);
      expect(answer.headers['content-type']).to.equal('application/json');
    });
  }

  it('410 Expired: a version, a page and a watch of what was forgotten', async () => {
    const first = (await server.ask('GET', `${secrets.replace('secrets', 'serviceaccounts')}?limit=1`)).body;
    await server.ask('POST', '/api/v1/namespaces/default/serviceaccounts', {
      body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'more' } },
    });
    const page = (await server.ask('GET', '/api/v1/namespaces/default/serviceaccounts?limit=1')).body;
    await server.ask('POST', pipelines, { body: pipeline('newer') });
    await server.barn.compact(await server.barn.readIndex());
    const old = await server.ask('GET', `${pipelines}?resourceVersion=1&resourceVersionMatch=Exact`);
    expectStatus(old.code, old.body, 410, 'Expired', 'The resourceVersion for the provided list is too old.');
    const token = text(page.metadata?.continue ?? first.metadata?.continue);
    const next = await server.ask('GET', `/api/v1/namespaces/default/serviceaccounts?limit=1&continue=${token}`);
    // With where to go on, for whoever puts up with what changed meanwhile.
    expect(next.body.metadata).to.have.keys('continue');
    expectStatus(
      next.code,
      { ...next.body, metadata: {} },
      410,
      'Expired',
      /^The provided continue parameter is too old/,
    );
    const watch = await server.watch(`${pipelines}?watch=1&resourceVersion=1`);
    const [event] = await watch.wait((events) => events.length > 0);
    expect(event?.type).to.equal('ERROR');
    expect(event?.object).to.deep.include({ kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 });
    watch.stop();
  });

  it('429 TooManyRequests: more watches than are kept, with when to come again', async () => {
    const watch = await server.watch(`${pipelines}?watch=1`);
    await watch.wait((events) => events.length > 0);
    const refused = await server.ask('GET', `${pipelines}?watch=1`);
    expectStatus(refused.code, refused.body, 429, 'TooManyRequests', /watches are open; try again later$/);
    expect(refused.body.details).to.deep.equal({ retryAfterSeconds: 1 });
    expect(refused.headers['retry-after']).to.equal('1');
    watch.stop();
  });
});

function expectStatus(found: number, body: Json, code: number, reason: string, message: string | RegExp): void {
  expect(body).to.deep.include({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason, code });
  expect(found).to.equal(code);
  if (typeof message === 'string') expect(body.message).to.equal(message);
  else expect(text(body.message)).to.match(message);
}
