import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createMemoryBarn, openEmbeddedBarn } from '../../../barn/index.ts';
import { silentLog, systemClock } from '../../../base/index.ts';
import { pipeline, pipelines, startTestServer, type TestServer } from './support.ts';

const merge = 'application/merge-patch+json';

for (const store of ['memory', 'embedded'] as const) {
  describe(`apiserver on the ${store} store: verbs`, () => {
    let server: TestServer;
    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'apiserver-barn-'));
      const barn =
        store === 'memory'
          ? createMemoryBarn()
          : await openEmbeddedBarn({ directory: folder, name: 'test', clock: systemClock, log: silentLog });
      server = await startTestServer({ barn });
    });
    after(async () => {
      await server.close();
      await server.barn.close();
      await rm(server.data, { recursive: true, force: true });
      await rm(folder, { recursive: true, force: true });
    });

    it('creates, with what only the server says', async () => {
      const made = await server.ask('POST', pipelines, { body: pipeline('a', { uid: 'mine', generation: 7 }) });
      expect(made.code).to.equal(201);
      expect(made.body.metadata?.uid).to.match(/^[0-9a-f-]{36}$/);
      expect(made.body.metadata).to.include({ name: 'a', namespace: 'default', generation: 1 });
      expect(made.body.metadata?.resourceVersion).to.match(/^\d+$/);
      expect(made.body.spec).to.deep.equal({ steps: [{ name: 'a', use: 'filter' }], mode: 'bounded' });
      const got = await server.ask('GET', `${pipelines}/a`);
      expect(got.body).to.deep.equal(made.body);
    });

    it('refuses a second of the same name', async () => {
      const again = await server.ask('POST', pipelines, { body: pipeline('a') });
      expect(again.code).to.equal(409);
      expect(again.body).to.deep.equal({
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'pipelines.runink.io "a" already exists',
        reason: 'AlreadyExists',
        details: { name: 'a', group: 'runink.io', kind: 'pipelines' },
        code: 409,
      });
    });

    it('makes a name from a prefix', async () => {
      const body = { ...pipeline('', {}), metadata: { generateName: 'gen-' } };
      const made = await server.ask('POST', pipelines, { body });
      expect(made.body.metadata?.name).to.match(/^gen-[a-z0-9]{5}$/);
    });

    it('replaces only the version that was read, and counts generations of the spec', async () => {
      const old = (await server.ask('POST', pipelines, { body: pipeline('put') })).body;
      const labelled = { ...old, metadata: { ...old.metadata, labels: { a: 'b' } } };
      const first = await server.ask('PUT', `${pipelines}/put`, { body: labelled });
      expect(first.code).to.equal(200);
      expect(first.body.metadata?.generation).to.equal(1);
      const stale = await server.ask('PUT', `${pipelines}/put`, { body: old });
      expect(stale.code).to.equal(409);
      expect(stale.body.message).to.equal(
        'Operation cannot be fulfilled on pipelines.runink.io "put": the object has been modified; please apply your changes to the latest version and try again',
      );
      const suspended = { ...first.body, spec: { ...first.body.spec, suspend: true } };
      const second = await server.ask('PUT', `${pipelines}/put`, { body: suspended });
      expect(second.body.metadata?.generation).to.equal(2);
      const same = await server.ask('PUT', `${pipelines}/put`, { body: second.body });
      expect(same.body).to.deep.equal(second.body);
      const noVersion = await server.ask('PUT', `${pipelines}/put`, { body: pipeline('put') });
      expect(noVersion.code).to.equal(422);
      expect(noVersion.body.message).to.include(
        'metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
      );
    });

    it('keeps status and spec apart', async () => {
      const made = (await server.ask('POST', pipelines, { body: { ...pipeline('st'), status: { lastRun: 'x' } } }))
        .body;
      expect(made).to.not.have.property('status');
      const spec = { ...made.spec, suspend: true };
      const status = { lastRun: 'r1' };
      const told = await server.ask('PUT', `${pipelines}/st/status`, { body: { ...made, spec, status } });
      expect(told.body.status).to.deep.equal({ lastRun: 'r1' });
      expect(told.body.spec).to.deep.equal(made.spec);
      expect(told.body.metadata?.generation).to.equal(1);
      const changed = await server.ask('PUT', `${pipelines}/st`, {
        body: { ...told.body, spec, status: { lastRun: 'no' } },
      });
      expect(changed.body.status).to.deep.equal({ lastRun: 'r1' });
      expect(changed.body.spec).to.deep.equal(spec);
      const patched = await server.ask('PATCH', `${pipelines}/st/status`, {
        body: { status: { lastRun: 'r2' } },
        type: merge,
      });
      expect(patched.body.status).to.deep.equal({ lastRun: 'r2' });
    });

    it('patches by merge and by operations, or not at all', async () => {
      await server.ask('POST', pipelines, { body: pipeline('pa', { labels: { a: 'b', c: 'd' } }) });
      const path = `${pipelines}/pa`;
      const merged = await server.ask('PATCH', path, {
        body: { metadata: { labels: { a: null, e: 'f' } } },
        type: merge,
      });
      expect(merged.body.metadata?.labels).to.deep.equal({ c: 'd', e: 'f' });
      const operations = [
        { op: 'test', path: '/spec/mode', value: 'bounded' },
        { op: 'add', path: '/spec/suspend', value: true },
      ];
      const done = await server.ask('PATCH', path, { body: operations, type: 'application/json-patch+json' });
      expect(done.body.spec?.suspend).to.equal(true);
      const failing = [
        { op: 'remove', path: '/spec/suspend' },
        { op: 'test', path: '/spec/mode', value: 'x' },
      ];
      const failed = await server.ask('PATCH', path, { body: failing, type: 'application/json-patch+json' });
      expect(failed.code).to.equal(422);
      expect(failed.body.message).to.equal('the server rejected our request due to an error in our request');
      expect((await server.ask('GET', path)).body).to.deep.equal(done.body);
      const old = { metadata: { resourceVersion: '1', labels: { z: 'z' } } };
      expect((await server.ask('PATCH', path, { body: old, type: merge })).body.reason).to.equal('Conflict');
    });

    it('loses no increment of thirty clients at once', async () => {
      await server.ask('POST', pipelines, { body: pipeline('cnt', { labels: {} }) });
      const path = `${pipelines}/cnt`;
      const increment = async (): Promise<void> => {
        for (;;) {
          const { body } = await server.ask('GET', path);
          const count = Number(body.metadata?.labels?.n ?? 0) + 1;
          const next = { ...body, metadata: { ...body.metadata, labels: { n: String(count) } } };
          if ((await server.ask('PUT', path, { body: next })).code === 200) return;
        }
      };
      await Promise.all(Array.from({ length: 30 }, increment));
      expect((await server.ask('GET', path)).body.metadata?.labels?.n).to.equal('30');
    });

    it('deletes, and says what it deleted', async () => {
      const made = (await server.ask('POST', pipelines, { body: pipeline('del') })).body;
      const wrong = await server.ask('DELETE', `${pipelines}/del`, { body: { preconditions: { uid: 'x' } } });
      expect(wrong.code).to.equal(409);
      expect(wrong.body.message).to.include('the UID in the precondition (x) does not match the UID in record');
      const dry = await server.ask('DELETE', `${pipelines}/del?dryRun=All`);
      expect(dry.body.status).to.equal('Success');
      const gone = await server.ask('DELETE', `${pipelines}/del`, {
        body: { preconditions: { uid: made.metadata?.uid } },
      });
      expect(gone.body).to.deep.include({
        status: 'Success',
        details: { name: 'del', group: 'runink.io', kind: 'pipelines', uid: made.metadata?.uid },
      });
      expect((await server.ask('GET', `${pipelines}/del`)).body.message).to.equal(
        'pipelines.runink.io "del" not found',
      );
      expect((await server.ask('DELETE', `${pipelines}/del`)).code).to.equal(404);
    });

    it('waits for finalizers, which may only become fewer', async () => {
      await server.ask('POST', pipelines, { body: pipeline('fin', { finalizers: ['a.io/x', 'a.io/y'] }) });
      const path = `${pipelines}/fin`;
      const marked = await server.ask('DELETE', path, { body: { propagationPolicy: 'Foreground' } });
      expect(marked.code).to.equal(200);
      expect(marked.body.metadata?.deletionTimestamp).to.match(/Z$/);
      expect(marked.body.metadata?.finalizers).to.deep.equal(['a.io/x', 'a.io/y', 'foregroundDeletion']);
      expect(marked.body.metadata?.generation).to.equal(2);
      const more = { metadata: { finalizers: ['a.io/x', 'a.io/z'] } };
      const refused = await server.ask('PATCH', path, { body: more, type: merge });
      expect(refused.body.message).to.include(
        'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.io/z"}',
      );
      expect((await server.ask('DELETE', path)).body.metadata?.finalizers).to.have.length(3);
      expect(
        (await server.ask('PATCH', path, { body: { metadata: { finalizers: null } }, type: merge })).code,
      ).to.equal(200);
      expect((await server.ask('GET', path)).code).to.equal(404);
    });

    it('does everything but the write in a dry run', async () => {
      const dry = await server.ask('POST', `${pipelines}?dryRun=All`, { body: pipeline('dry') });
      expect(dry.code).to.equal(201);
      expect(dry.body.metadata).to.not.have.property('resourceVersion');
      expect((await server.ask('GET', `${pipelines}/dry`)).code).to.equal(404);
      expect((await server.ask('POST', `${pipelines}?dryRun=All`, { body: pipeline('a') })).code).to.equal(409);
      const wrong = await server.ask('POST', `${pipelines}?dryRun=foo`, { body: pipeline('dry') });
      expect(wrong.body.message).to.equal(
        'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: []string{"foo"}: supported values: "All"',
      );
      const patched = await server.ask('PATCH', `${pipelines}/a?dryRun=All`, {
        body: { spec: { suspend: true } },
        type: merge,
      });
      expect(patched.body.spec?.suspend).to.equal(true);
      expect((await server.ask('GET', `${pipelines}/a`)).body.spec).to.not.have.property('suspend');
    });

    it('deletes a collection by selector', async () => {
      for (const name of ['dc1', 'dc2', 'dc3']) {
        await server.ask('POST', pipelines, { body: pipeline(name, { labels: { dc: name === 'dc3' ? 'n' : 'y' } }) });
      }
      const gone = await server.ask('DELETE', `${pipelines}?labelSelector=dc%3Dy`);
      expect(gone.body.items).to.have.length(2);
      const left = await server.ask('GET', `${pipelines}?labelSelector=dc`);
      expect(Object.values(left.body.items ?? {}).map((item) => item.metadata?.name)).to.deep.equal(['dc3']);
    });
  });
}
