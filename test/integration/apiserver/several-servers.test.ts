// Several servers on one store, and what a server says when its store cannot answer.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Barn, BarnError, type BarnReason, createMemoryBarn } from '../../../barn/index.ts';
import {
  pipeline,
  pipelines,
  startTestServer,
  startThreeServers,
  type TestServer,
  type ThreeServers,
} from './support.ts';

const herds = '/apis/runink.io/v1/herds';
const herd = (name: string) => ({ apiVersion: 'runink.io/v1', kind: 'Herd', metadata: { name } });

describe('apiserver: several servers of one store', () => {
  let three: ThreeServers;
  before(async () => {
    three = await startThreeServers();
  });
  after(() => three.close());
  const at = (index: number): TestServer => three.at(index);

  it('that start at once in one folder have one authority, and leave no scratch files', async () => {
    const ca = await readFile(join(three.folder, 'pki', 'ca.crt'), 'utf8');
    for (const name of ['s1', 's2', 's3']) {
      const config = await readFile(join(three.folder, name, 'admin.kubeconfig'), 'utf8');
      expect(config).to.contain(Buffer.from(ca).toString('base64'));
    }
    const left = (await readdir(three.folder, { recursive: true })).filter((file) => file.endsWith('.new'));
    expect(left).to.deep.equal([]);
  });

  it('know each other’s clients, by certificate and by token', async () => {
    const token = (await readFile(join(three.folder, 'pki', 'admin.token'), 'utf8')).trim();
    for (const server of [at(0), at(1), at(2)]) {
      for (const as of ['admin', 'controllers'])
        expect((await server.ask('GET', herds, { as })).code, as).to.equal(200);
      expect((await server.ask('GET', herds, { as: '', token })).code, 'token').to.equal(200);
    }
  });

  it('made what is always there once', async () => {
    const listed = await at(2).ask('GET', herds);
    const names = (listed.body.items as unknown as { metadata: { name: string } }[]).map((item) => item.metadata.name);
    expect(names).to.include.members(['default', 'runink-system', 'runink-node-lease']);
  });

  it('read each other’s secrets and go on with each other’s lists', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key' }, stringData: { a: 'b' } };
    await at(0).ask('POST', '/api/v1/namespaces/default/secrets', { body: secret });
    const read = await at(1).ask('GET', '/api/v1/namespaces/default/secrets/key');
    expect(read.body.data).to.deep.equal({ a: Buffer.from('b').toString('base64') });
    const first = await at(0).ask('GET', `${herds}?limit=1`);
    const token = encodeURIComponent(String(first.body.metadata?.continue));
    const second = await at(1).ask('GET', `${herds}?limit=1&continue=${token}`);
    expect([second.code, second.body.metadata?.resourceVersion]).to.deep.equal([
      200,
      first.body.metadata?.resourceVersion,
    ]);
  });

  it('end the watches of a herd that was deleted at another one', async () => {
    await at(0).ask('POST', herds, { body: herd('passing') });
    const watch = await at(1).watch('/apis/runink.io/v1/namespaces/passing/pipelines?watch=true');
    await at(0).ask('DELETE', `${herds}/passing`);
    await watch.wait(() => watch.isEnded);
  });
});

describe('apiserver: a store that cannot answer', () => {
  let server: TestServer;
  let refusal: BarnReason | undefined;
  let isOnlyWrites = false;
  /** Whether the member has what it calls too old. */
  let hasGivenUp = false;

  before(async () => {
    const memory = createMemoryBarn();
    const refuse = (): void => {
      if (refusal !== undefined) throw new BarnError(refusal, 'the words of the store');
    };
    const barn: Barn = {
      range: async (...args) => {
        if (!isOnlyWrites && (hasGivenUp || args[2]?.serializable !== true)) refuse();
        return memory.range(...args);
      },
      txn: async (...args) => {
        refuse();
        return memory.txn(...args);
      },
      readIndex: async () => {
        if (!isOnlyWrites) refuse();
        return memory.readIndex();
      },
      watch: (...args) => memory.watch(...args),
      compact: (revision) => memory.compact(revision),
      members: () => memory.members(),
      status: async () => ({
        ...(await memory.status()),
        ...(refusal === 'NoLeader'
          ? { raft: { id: 1, leader: 0, term: 7, committed: 1, applied: 1, isLearner: false } }
          : {}),
      }),
      snapshot: (signal) => memory.snapshot(signal),
      close: () => memory.close(),
    };
    server = await startTestServer({ barn });
  });
  afterEach(() => {
    refusal = undefined;
    isOnlyWrites = false;
    hasGivenUp = false;
  });
  after(async () => {
    await server.close();
    await server.barn.close();
    await rm(server.data, { recursive: true, force: true });
  });

  for (const [reason, code, status, notDone, retryAfter] of [
    ['NoLeader', 503, 'ServiceUnavailable', 'NoLeader', '1'],
    ['Unknown', 504, 'Timeout', undefined, undefined],
    ['NoSpace', 507, 'InsufficientStorage', undefined, undefined],
    ['Overloaded', 429, 'TooManyRequests', undefined, '1'],
    ['Closed', 503, 'ServiceUnavailable', undefined, '1'],
  ] as const)
    it(`${reason} is ${code} ${status} to a write`, async () => {
      refusal = reason;
      isOnlyWrites = true;
      const { body, headers, code: got } = await server.ask('POST', pipelines, { body: pipeline('p') });
      expect([got, body.reason, headers['runink-not-done-here'], headers['retry-after']]).to.deep.equal([
        code,
        status,
        notDone,
        retryAfter,
      ]);
    });

  it('says of a read that another server may be asked, also while it stops', async () => {
    for (const reason of ['NoLeader', 'Closed'] as const) {
      refusal = reason;
      expect((await server.ask('GET', pipelines)).headers['runink-not-done-here']).to.equal(reason);
    }
  });

  it('does not say that nothing was done after a part was', async () => {
    // The herd is made, its account is not.
    let writes = 0;
    const { txn } = server.barn;
    server.barn.txn = (...args) => {
      if (writes++ > 0) refusal = 'NoLeader';
      return txn(...args);
    };
    const answer = await server.ask('POST', herds, { body: herd('half') });
    server.barn.txn = txn;
    expect([answer.code, answer.body.reason, answer.headers['runink-not-done-here']]).to.deep.equal([
      504,
      'Timeout',
      undefined,
    ]);
  });

  it('is alive and not ready without a leader, and says which check failed', async () => {
    refusal = 'NoLeader';
    expect((await server.ask('GET', '/livez')).code).to.equal(200);
    const ready = await server.ask('GET', '/readyz?verbose');
    expect([ready.code, /\[-\]barn failed/.test(ready.text)]).to.deep.equal([500, true]);
    expect((await server.ask('GET', '/metrics')).code).to.equal(200);
    refusal = undefined;
    expect((await server.ask('GET', '/readyz')).code).to.equal(200);
  });

  for (const [title, query] of [
    ['a list', 'resourceVersion=0'],
    ['a list of a herd that is not there', 'resourceVersion=0&limit=1'],
  ] as const)
    it(`gives ${title} at version 0 from what it has without a leader, until that is too old`, async () => {
      await server.ask('POST', pipelines, { body: pipeline('here') });
      const path = title.includes('not there') ? pipelines.replace('default', 'nowhere') : pipelines;
      refusal = 'NoLeader';
      const listed = await server.ask('GET', `${path}?${query}`);
      expect([listed.code, Number(listed.body.metadata?.resourceVersion) > 0]).to.deep.equal([200, true]);
      expect((await server.ask('GET', path)).code).to.equal(503);
      hasGivenUp = true;
      const answer = await server.ask('GET', `${path}?${query}`);
      expect([answer.code, answer.body.reason, answer.headers['runink-not-done-here']]).to.deep.equal([
        503,
        'ServiceUnavailable',
        'NoLeader',
      ]);
    });

  it('begins a watch at version 0 from what it has without a leader, and no other', async () => {
    await server.ask('POST', pipelines, { body: pipeline('seen') });
    refusal = 'NoLeader';
    const watch = await server.watch(`${pipelines}?watch=true&resourceVersion=0`);
    const [first] = await watch.wait((seen) => seen.length > 0);
    watch.stop();
    expect(first?.type).to.equal('ADDED');
    const refused = await server.watch(`${pipelines}?watch=true`);
    refused.stop();
    // Before the stream begins, so that its client asks another server.
    expect(refused.code).to.equal(503);
  });
});
