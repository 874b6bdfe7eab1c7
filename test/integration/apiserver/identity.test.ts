import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { systemClock } from '../../../base/index.ts';
import { createAuthority, issue } from '../../../pki/index.ts';
import { pipeline, pipelines, placeSlice, slicesPath, startTestServer, type TestServer, text } from './support.ts';

const secrets = '/api/v1/namespaces/default/secrets';
const merge = 'application/merge-patch+json';

describe('apiserver: who and whether', () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
  });
  after(() => server.close());

  it('gives nothing without a certificate or token, not even health', async () => {
    for (const path of ['/api', '/healthz', '/version', '/openapi/v2', '/metrics', pipelines, '/nonesuch', '/']) {
      const answer = await server.ask('GET', path, { as: '' });
      expect([path, answer.code, answer.body.reason]).to.deep.equal([path, 403, 'Forbidden']);
      expect(answer.body.message).to.include('User "system:anonymous" cannot ');
    }
    const wrong = await server.ask('GET', '/api', { as: '', token: 'nope' });
    expect(wrong.body).to.deep.equal({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Unauthorized',
      reason: 'Unauthorized',
      code: 401,
    });
  });

  it('takes the admin’s token, of which only the hash is kept', async () => {
    const token = (await readFile(join(server.data, 'admin.token'), 'utf8')).trim();
    expect((await server.ask('GET', pipelines, { as: '', token })).code).to.equal(200);
    expect(await readFile(join(server.data, 'tokens.json'), 'utf8')).to.not.include(token);
  });

  it('keeps its files to itself', async () => {
    const files = [
      'tokens.json',
      'admin.token',
      'secrets.key.json',
      'admin.kubeconfig',
      'nodes/n1.kubeconfig',
      'pki/ca.key',
      'pki/admin.key',
    ];
    for (const file of files) {
      expect([file, (await stat(join(server.data, file))).mode & 0o777]).to.deep.equal([file, 0o600]);
    }
  });

  it('takes no certificate of another authority, nor the server’s own as a client’s', async () => {
    const strange = await createAuthority('runink-ca', systemClock);
    const request = { commonName: 'admin', organizations: ['system:masters'], usage: 'client' } as const;
    const forged = await issue(strange, request, systemClock);
    expect(await codeWith(server, forged.certificate, forged.key)).to.equal(401);
    const read = (file: string) => readFile(join(server.data, 'pki', file), 'utf8');
    expect(await codeWith(server, await read('apiserver.crt'), await read('apiserver.key'))).to.equal(401);
    expect(await codeWith(server, await read('admin.crt'), await read('admin.key'))).to.equal(200);
  });

  it('knows a client again that offers its session, and resumes none', async () => {
    const read = (file: string) => readFile(join(server.data, 'pki', file), 'utf8');
    const identity = { ca: await read('ca.crt'), cert: await read('nodes/n1.crt'), key: await read('nodes/n1.key') };
    const port = Number(new URL(server.url).port);
    const go = (session?: Buffer) =>
      new Promise<{ code: number; isReused: boolean; session: Buffer | undefined }>((resolve, reject) => {
        let next: Buffer | undefined;
        let held = '';
        const socket = connect({ host: '127.0.0.1', port, ...identity, ...(session === undefined ? {} : { session }) });
        socket.on('session', (given) => (next = given));
        socket.on('secureConnect', () =>
          socket.write('GET /api/v1/nodes/n2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
        );
        socket.on('data', (chunk: Buffer) => (held += chunk.toString()));
        socket.on('end', () => {
          const code = Number(/^HTTP\/1\.1 (\d+)/.exec(held)?.[1]);
          resolve({ code, isReused: socket.isSessionReused(), session: next });
        });
        socket.on('error', reject);
      });
    const first = await go();
    const second = await go(first.session);
    // 403, not 401: it is known, and it is no other node. A session to resume would cost memory on each connection.
    expect([first.code, second.code, second.isReused]).to.deep.equal([403, 403, false]);
  });

  it('speaks TLS 1.2 and later only', async () => {
    const ca = await readFile(join(server.data, 'pki/ca.crt'), 'utf8');
    const outcome = await new Promise<string>((resolve) => {
      const socket = connect({
        host: '127.0.0.1',
        port: Number(new URL(server.url).port),
        ca,
        maxVersion: 'TLSv1.1',
        minVersion: 'TLSv1.1',
      });
      socket.on('secureConnect', () => resolve('connected'));
      socket.on('error', () => resolve('refused'));
    });
    expect(outcome).to.equal('refused');
  });

  it('refuses in Kubernetes’ words what a role does not allow', async () => {
    const answer = await server.ask('GET', pipelines, { as: 'nodes/n1' });
    expect(answer.code).to.equal(403);
    expect(answer.body.details).to.deep.equal({ group: 'runink.io', kind: 'pipelines' });
    expect(answer.body.message).to.match(
      /^pipelines\.runink\.io is forbidden: User "system:node:n1" cannot list resource "pipelines" in API group "runink\.io" in the namespace "default"/,
    );
  });

  it('judges what was parsed, not how the URL was written', async () => {
    await server.ask('POST', secrets, {
      body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hidden' }, stringData: { a: 'b' } },
    });
    for (const path of [
      '/api/v1/namespaces/default/%73ecrets/hidden',
      '/api/v1/namespaces/default/secrets/hidden/',
      '/api/v1/namespaces/default//secrets/hidden',
      '/api/v1/namespaces/default/secrets/./hidden',
      '/api/v1/namespaces/default/pipelines/..%2fsecrets%2fhidden',
      '/API/V1/namespaces/default/secrets/hidden',
      '/api/v1/namespaces/default/secrets/hidden%00',
      '/apis/runink.io/v1/../../../api/v1/namespaces/default/secrets/hidden',
    ]) {
      const answer = await server.ask('GET', path, { as: 'nodes/n1' });
      expect([403, 404], path).to.include(answer.code);
    }
  });

  it('a node reads what its live slices name, and no longer when they have ended', async () => {
    const secret = (name: string) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      stringData: { k: name },
    });
    for (const name of ['mine', 'theirs']) await server.ask('POST', secrets, { body: secret(name) });
    const step = {
      use: 'exec',
      runtime: 'native',
      inputs: [],
      outputs: [],
      cpuMillis: 1,
      cpuLimitMillis: 1,
      memoryBytes: 1,
      pids: 1,
      group: 'a',
    };
    const plan = {
      groups: [{ name: 'a', steps: ['a', 'b'] }],
      steps: [
        { ...step, name: 'a', secrets: [{ name: 'mine' }] },
        { ...step, name: 'b', secrets: [{ name: 'theirs' }] },
      ],
    };
    const run = {
      apiVersion: 'runink.io/v1',
      kind: 'Run',
      metadata: { name: 'r' },
      spec: { pipeline: { name: 'p' }, plan },
    };
    const runs = '/apis/runink.io/v1/namespaces/default/runs';
    const planned = await server.ask('POST', runs, { body: run });
    expect(planned.code, planned.text).to.equal(201);
    const node = { as: 'nodes/n1' };
    expect((await server.ask('GET', `${runs}/r`, node)).code).to.equal(403);
    await placeSlice(server, 'n1', 'r-a-1');
    await placeSlice(server, 'n2', 'r-b-1', { step: 'b' });
    expect((await server.ask('GET', `${runs}/r`, node)).code).to.equal(200);
    expect((await server.ask('GET', `${secrets}/mine`, node)).body.data?.k).to.equal(
      Buffer.from('mine').toString('base64'),
    );
    expect((await server.ask('GET', `${secrets}/theirs`, node)).code).to.equal(403);
    expect((await server.ask('GET', secrets, node)).code).to.equal(403);
    const status = { body: { status: { phase: 'Succeeded' } }, type: merge };
    expect((await server.ask('PATCH', `${slicesPath}/r-b-1/status`, { ...node, ...status })).code).to.equal(403);
    expect((await server.ask('PATCH', `${slicesPath}/r-a-1/status`, { ...node, ...status })).code).to.equal(200);
    // Nor does it get that back by saying that the slice lives after all.
    for (const body of [{ status: { phase: 'Running' } }, { status: null }]) {
      const revived = await server.ask('PATCH', `${slicesPath}/r-a-1/status`, { ...node, body, type: merge });
      expect([revived.code, text(body)]).to.deep.equal([422, text(body)]);
    }
    expect((await server.ask('GET', `${runs}/r`, node)).code).to.equal(403);
    expect((await server.ask('GET', `${secrets}/mine`, node)).code).to.equal(403);
    for (const name of ['n1', 'n2']) expect((await server.ask('DELETE', `/api/v1/nodes/${name}`)).code).to.equal(200);
  });

  it('a node keeps its own Node and Lease, and cannot take itself back', async () => {
    const node = { as: 'nodes/n1' };
    const own = (name: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
    expect((await server.ask('POST', '/api/v1/nodes', { ...node, body: own('n2') })).code).to.equal(403);
    expect((await server.ask('POST', '/api/v1/nodes', { ...node, body: own('n1') })).code).to.equal(201);
    const status = { body: { status: { conditions: [{ type: 'Ready', status: 'True' }] } }, type: merge };
    expect((await server.ask('PATCH', '/api/v1/nodes/n1/status', { ...node, ...status })).code).to.equal(200);
    const taint = { body: { spec: { taints: [{ key: 'k', effect: 'NoExecute' }] } }, type: merge };
    expect((await server.ask('PATCH', '/api/v1/nodes/n1', taint)).code).to.equal(200);
    const { spec: _spec, ...bare } = (await server.ask('GET', '/api/v1/nodes/n1', node)).body;
    for (const [type, body] of [
      [merge, { spec: { taints: null } }],
      [merge, { spec: null }],
      [
        'application/strategic-merge-patch+json',
        { $patch: 'replace', apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } },
      ],
      ['application/json-patch+json', [{ op: 'remove', path: '/spec/taints' }]],
    ] as const) {
      expect((await server.ask('PATCH', '/api/v1/nodes/n1', { ...node, type, body })).code, text(body)).to.equal(403);
    }
    expect((await server.ask('PUT', '/api/v1/nodes/n1', { ...node, body: bare })).code).to.equal(403);
    const labels = { body: { metadata: { labels: { zone: 'a' } } }, type: merge };
    expect((await server.ask('PATCH', '/api/v1/nodes/n1', { ...node, ...labels })).code).to.equal(200);
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'n1' },
      spec: { holderIdentity: 'n1' },
    };
    const leases = '/apis/coordination.k8s.io/v1/namespaces/runink-node-lease/leases';
    expect((await server.ask('POST', leases, { ...node, body: lease })).code).to.equal(201);
    expect((await server.ask('GET', `${leases}/n1`, node)).code).to.equal(200);
    expect((await server.ask('POST', leases, { ...node, body: { ...lease, metadata: { name: 'n2' } } })).code).to.equal(
      403,
    );
  });

  it('takes no key of a secret that as a file would be a directory', async () => {
    for (const [key, code] of [
      ['.', 422],
      ['..', 422],
      ['..x', 422],
      ['.x', 201],
    ] as const) {
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'dots' }, stringData: { [key]: 'v' } };
      expect([key, (await server.ask('POST', secrets, { body })).code]).to.deep.equal([key, code]);
    }
  });

  it('controllers see that secrets are there, not what is in them', async () => {
    await server.ask('POST', secrets, {
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'quiet', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'topsecret' } },
        stringData: { a: 'topsecret' },
      },
    });
    const as = 'controllers';
    const leak = /topsecret|dG9wc2VjcmV0/;
    for (const accept of [
      'application/json',
      'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
      'application/json;as=Table;v=v1;g=meta.k8s.io',
    ]) {
      for (const path of [`${secrets}/quiet`, secrets, `${secrets}?watch=true&timeoutSeconds=1`]) {
        const answer = await server.ask('GET', `${path}${path.includes('?') ? '&' : '?'}includeObject=Object`, {
          as,
          headers: { accept },
        });
        expect(answer.code).to.equal(200);
        expect(answer.text).to.include('quiet').and.not.match(leak);
      }
    }
    const copy = [{ op: 'copy', from: '/data/a', path: '/metadata/annotations/x' }];
    expect(
      (await server.ask('PATCH', `${secrets}/quiet`, { as, body: copy, type: 'application/json-patch+json' })).code,
    ).to.equal(403);
    // What stands there already is refused like anything else, or guesses would be answered.
    for (const a of ['b3RoZXI=', 'dG9wc2VjcmV0']) {
      const written = await server.ask('PATCH', `${secrets}/quiet`, { as, body: { data: { a } }, type: merge });
      expect([a, written.code]).to.deep.equal([a, 403]);
    }
    const patched = await server.ask('PATCH', `${secrets}/quiet`, {
      as,
      body: { metadata: { labels: { a: 'b' } } },
      type: merge,
    });
    expect(patched.code).to.equal(200);
    expect(patched.text).to.not.match(leak);
    expect((await server.ask('GET', `${secrets}/quiet`)).body.data?.a).to.equal('dG9wc2VjcmV0');
  });

  it('tells its metrics to admin and controllers only', async () => {
    expect((await server.ask('GET', '/metrics', { as: 'nodes/n1' })).code).to.equal(403);
    const answer = await server.ask('GET', '/metrics', { as: 'controllers' });
    expect(answer.text).to.match(
      /^apiserver_request_total\{verb="LIST",group="runink.io",version="v1",resource="pipelines",subresource="",scope="\w+",component="apiserver",dry_run="",code="403"\} \d+$/m,
    );
    expect(answer.text).to.match(/^apiserver_current_inflight_requests\{request_kind="readOnly"\} \d+$/m);
    expect(answer.text).to.match(/^runink_apiserver_watches \d+$/m);
    expect(answer.text).to.match(/^runink_apiserver_revision \d+$/m);
  });

  it('answers nothing on a pipeline to a user without a role', async () => {
    await server.ask('POST', pipelines, { body: pipeline('seen') });
    const strange = await issueFor(server, 'joe', []);
    expect(await codeWith(server, strange.certificate, strange.key, `${pipelines}/seen`)).to.equal(403);
    expect(await codeWith(server, strange.certificate, strange.key, '/api')).to.equal(200);
  });
});

async function issueFor(server: TestServer, commonName: string, organizations: readonly string[]) {
  const read = (file: string) => readFile(join(server.data, 'pki', file), 'utf8');
  const authority = { certificate: await read('ca.crt'), key: await read('ca.key') };
  return issue(authority, { commonName, organizations, usage: 'client' }, systemClock);
}

async function codeWith(server: TestServer, cert: string, key: string, path = '/api'): Promise<number> {
  const ca = await readFile(join(server.data, 'pki/ca.crt'), 'utf8');
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.url).port), ca, cert, key });
    let held = '';
    socket.on('secureConnect', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`));
    socket.on('data', (chunk: Buffer) => (held += chunk.toString()));
    socket.on('end', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(held)?.[1])));
    socket.on('error', reject);
  });
}
