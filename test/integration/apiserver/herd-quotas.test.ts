// What a herd may have, over several servers of one store; and what is left of one when it is gone.
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { pipeline, pipelines, startThreeServers, type TestServer, type ThreeServers, text } from './support.ts';
import { define, widget, widgets, widgetsPath } from './widgets.ts';

const merge = 'application/merge-patch+json';
const herds = '/apis/runink.io/v1/herds';
const ours = (kind: string, name: string, spec: unknown) => ({
  apiVersion: 'runink.io/v1',
  kind,
  metadata: { name },
  spec,
});

describe('apiserver: quotas and sizes of herds', () => {
  let three: ThreeServers;
  before(async () => {
    three = await startThreeServers();
  });
  after(() => three.close());
  const at = (index: number): TestServer => three.at(index);
  const keysFrom = async (start: string): Promise<readonly string[]> =>
    (await three.barn.range(start, `${start.slice(0, -1)}0`)).items.map(({ key }) => key);

  it('servers that are asked at once let in as many as the quota says, and not one more', async () => {
    const objects = { 'count/pipelines.runink.io': '7', 'count/secrets': 1 };
    expect((await at(0).ask('POST', herds, { body: ours('Herd', 'full', { quota: { objects } }) })).code).to.equal(201);
    const inIt = pipelines.replace('default', 'full');
    const names = Array.from({ length: 30 }, (_, index) => `p${index}`);
    const made = await Promise.all(names.map((name, index) => at(index).ask('POST', inIt, { body: pipeline(name) })));
    expect(made.filter(({ code }) => code === 201).length).to.equal(7);
    const refused = made.filter(({ code }) => code !== 201);
    expect(new Set(refused.map(({ code, body }) => `${code} ${text(body.reason)}`))).to.deep.equal(
      new Set(['403 Forbidden']),
    );
    expect(text(refused[0]?.body.message)).to.match(
      /^pipelines\.runink\.io "p\d+" is forbidden: exceeded quota: full, requested: count\/pipelines\.runink\.io=1, used: count\/pipelines\.runink\.io=7, limited: count\/pipelines\.runink\.io=7$/,
    );
    const there = names.filter((_, index) => made[index]?.code === 201);
    // Removals at three servers make room for as many, and not for more.
    await Promise.all(there.slice(0, 4).map((name, index) => at(index).ask('DELETE', `${inIt}/${name}`)));
    const again = await Promise.all(
      names.map((name, index) => at(index + 1).ask('POST', inIt, { body: pipeline(name) })),
    );
    expect(again.filter(({ code }) => code === 201).length).to.equal(4);
    const listed = (await at(2).ask('GET', inIt)).body.items as unknown as readonly unknown[];
    expect(listed.length).to.equal(7);
    expect((await at(1).ask('DELETE', inIt)).code).to.equal(200);
    expect((await at(0).ask('POST', inIt, { body: pipeline('last') })).code).to.equal(201);
  });

  it('kinds of users are counted too, and what was torn away with its definition is counted no more', async () => {
    const objects = { 'count/widgets.example.com': 1 };
    await at(0).ask('POST', herds, { body: ours('Herd', 'torn', { quota: { objects } }) });
    const one = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com';
    const inIt = widgetsPath.replace('default', 'torn');
    await define(at(0), widgets());
    expect((await at(1).ask('POST', inIt, { body: widget('a') })).code).to.equal(201);
    const refused = await at(2).ask('POST', inIt, { body: widget('b') });
    expect(text(refused.body.message)).to.include(
      'used: count/widgets.example.com=1, limited: count/widgets.example.com=1',
    );
    const held = { metadata: { finalizers: ['example.com/hold'] } };
    await at(0).ask('PATCH', `${inIt}/a`, { body: held, type: merge });
    await at(0).ask('DELETE', one);
    await at(0).ask('PATCH', one, { body: { metadata: { finalizers: null } }, type: merge });
    await define(at(0), widgets());
    // Each server sweeps what nobody can see any more, a moment later.
    const endMs = performance.now() + 10_000;
    let code = 0;
    while (code !== 201 && performance.now() < endMs)
      code = (await at(0).ask('POST', inIt, { body: widget('c') })).code;
    expect(code).to.equal(201);
    expect((await at(0).ask('POST', inIt, { body: widget('d') })).code).to.equal(403);
  });

  it('a run whose steps are smaller than the herd allows is refused by step and field', async () => {
    const slices = { defaults: { cpu: '500m' }, minimum: { cpu: '200m' } };
    await at(0).ask('POST', herds, { body: ours('Herd', 'large', { slices }) });
    const step = { name: 'a', group: 'a', use: 'exec', runtime: 'native', inputs: [], outputs: [], pids: 8 };
    const sized = (cpuMillis: number) =>
      ours('Run', `r-${cpuMillis}`, {
        pipeline: { name: 'p' },
        plan: {
          groups: [{ name: 'a', steps: ['a'], after: [], retryMax: 0, backoffMs: 1 }],
          steps: [{ ...step, cpuMillis, cpuLimitMillis: 1000, memoryBytes: 2 ** 26 }],
        },
      });
    const runs = '/apis/runink.io/v1/namespaces/large/runs';
    const small = await at(1).ask('POST', runs, { body: sized(100) });
    expect([small.code, small.body.details?.causes?.[0]]).to.deep.equal([
      422,
      {
        reason: 'FieldValueInvalid',
        message:
          'Invalid value: 100: step "a": slices of this herd have at least 200m (spec.slices.minimum.cpu of the Herd)',
        field: 'spec.plan.steps[0].cpuMillis',
      },
    ]);
    expect((await at(1).ask('POST', runs, { body: sized(200) })).code).to.equal(201);
  });

  for (const [title, spec, field, words] of [
    [
      'a default below the minimum',
      { slices: { defaults: { cpu: '1' }, minimum: { cpu: 2 } } },
      'spec.slices.defaults.cpu',
      'must be at least spec.slices.minimum.cpu',
    ],
    [
      'a size that cannot be read',
      { slices: { minimum: { memory: 'much' } } },
      'spec.slices.minimum.memory',
      'quantity "much"',
    ],
    ['a quota that cannot be read', { quota: { cpu: 'much' } }, 'spec.quota.cpu', 'quantity "much"'],
  ] as const)
    it(`takes no herd with ${title}`, async () => {
      const answer = await at(0).ask('POST', herds, { body: ours('Herd', 'wrong', spec) });
      expect([answer.code, text(answer.body.details?.causes?.[0]?.field)]).to.deep.equal([422, field]);
      expect(text(answer.body.message)).to.include(words);
    });

  it('a namespace keeps what only its herd has', async () => {
    const objects = { 'count/secrets': 3 };
    await at(0).ask('POST', herds, { body: ours('Herd', 'shown', { quota: { objects } }) });
    const quota = { hard: objects, used: { 'count/secrets': 0 } };
    const status = await at(0).ask('PATCH', `${herds}/shown/status`, { body: { status: { quota } }, type: merge });
    expect(status.code).to.equal(200);
    const space = await at(1).ask('GET', '/api/v1/namespaces/shown');
    expect(space.body.status).to.deep.equal({ phase: 'Active' });
    const put = await at(1).ask('PUT', '/api/v1/namespaces/shown/status?fieldValidation=Strict', { body: space.body });
    expect(put.code).to.equal(200);
    expect((await at(2).ask('GET', `${herds}/shown`)).body.status).to.deep.equal({ phase: 'Active', quota });
  });

  it('a herd that is going takes no binding and no bytes, and one made anew finds nothing of it', async () => {
    const objects = { 'count/secrets': 2 };
    const made = await at(0).ask('POST', herds, { body: ours('Herd', 'anew', { quota: { objects } }) });
    const uid = text(made.body.metadata?.uid);
    const core = '/api/v1/namespaces/anew';
    const inIt = '/apis/runink.io/v1/namespaces/anew';
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key' }, stringData: { a: 'old' } };
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'lead' },
      spec: { holderIdentity: 'me', leaseTransitions: 3 },
    };
    const bytes = Buffer.from('export const a = 1;\n');
    const hash = createHash('sha256').update(bytes).digest('hex');
    const bundle = ours('Bundle', `b-${hash.slice(0, 10)}`, { hash, size: bytes.length, format: 'module' });
    const content = `${inIt}/bundles/${bundle.metadata.name}/content`;
    const put = (index: number) => at(index).ask('PUT', content, { body: bytes, type: 'application/octet-stream' });
    const leases = '/apis/coordination.k8s.io/v1/namespaces/anew/leases';
    await at(0).ask('POST', `${core}/secrets`, { body: secret });
    await at(1).ask('POST', leases, { body: lease });
    await at(2).ask('POST', `${inIt}/bundles`, { body: bundle });
    expect((await put(0)).code).to.equal(200);
    const unbound = { apiVersion: 'runink.io/v1', kind: 'Slice', metadata: { name: 's' } };
    const slice = await at(0).ask('POST', `${inIt}/slices`, {
      body: { ...unbound, spec: { run: 'r', step: 'a', attempt: 1 } },
    });
    expect(slice.code).to.equal(201);
    const late = { ...bundle, metadata: { name: `late-${hash.slice(0, 10)}` } };
    await at(2).ask('POST', `${inIt}/bundles`, { body: late });
    expect(await keysFrom(`epoch/${uid}/`)).to.deep.equal([`epoch/${uid}/lead`]);
    expect(await keysFrom(`count/${uid}/`)).to.deep.equal([`count/${uid}/secrets`]);
    const watch = await at(1).watch(`${core}/secrets?watch=true`);
    await watch.wait((events) => events.length === 1);

    await at(0).ask('DELETE', `${herds}/anew`);
    await at(1).ask('POST', '/api/v1/nodes', { body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } } });
    const leader = { ...lease, metadata: { name: 'runink-scheduler' } };
    await at(1).ask('POST', '/apis/coordination.k8s.io/v1/namespaces/runink-system/leases', { body: leader });
    const binding = {
      apiVersion: 'runink.io/v1',
      kind: 'Binding',
      metadata: { name: 's', resourceVersion: slice.body.metadata?.resourceVersion },
      target: { kind: 'Node', name: 'n' },
      epoch: 'me/3',
    };
    const bound = await at(2).ask('POST', `${inIt}/slices/s/binding`, { body: binding });
    const lateBytes = await at(0).ask('PUT', content.replace('/b-', '/late-'), {
      body: bytes,
      type: 'application/octet-stream',
    });
    for (const answer of [bound, lateBytes])
      expect([answer.code, text(answer.body.details?.causes?.[0]?.reason)]).to.deep.equal([
        403,
        'NamespaceTerminating',
      ]);
    // The same bytes again change nothing, so that is no matter of the herd's.
    expect((await put(1)).code).to.equal(200);

    for (const path of [`${inIt}/slices`, `${inIt}/bundles`, leases, `${core}/serviceaccounts`, `${core}/secrets`])
      expect((await at(1).ask('DELETE', path)).code).to.equal(200);
    await at(2).ask('PATCH', `${herds}/anew`, { body: { spec: { finalizers: [] } }, type: merge });
    await watch.wait(() => watch.isEnded);
    const lastVersion = text(watch.events.at(-1)?.object.metadata?.resourceVersion);
    const next = await at(0).ask('POST', herds, { body: ours('Herd', 'anew', {}) });
    expect(text(next.body.metadata?.uid)).to.not.equal(uid);
    for (const path of [`${core}/secrets`, leases, `${inIt}/bundles`, `${inIt}/slices`])
      expect((await at(1).ask('GET', path)).body.items, path).to.deep.equal([]);
    expect((await at(2).ask('GET', `${core}/secrets/key`)).code).to.equal(404);
    await at(2).ask('POST', `${inIt}/bundles`, { body: bundle });
    expect((await at(0).ask('GET', content)).code).to.equal(404);
    for (const key of [`epoch/${uid}/`, `count/${uid}/`, `open/${uid}/`]) expect(await keysFrom(key)).to.deep.equal([]);
    expect((await three.barn.range('content/', 'content0')).count).to.equal(0);
    // Whoever watched the old one by its name learns, also now, that its things are gone, and what the new one has.
    await at(1).ask('POST', `${core}/secrets`, { body: { ...secret, stringData: { a: 'new' } } });
    const rest = await at(2).watch(`${core}/secrets?watch=true&resourceVersion=${lastVersion}`);
    const events = await rest.wait((seen) => seen.some(({ type }) => type === 'ADDED'));
    rest.stop();
    expect([...watch.events, ...events].map(({ type }) => type)).to.deep.equal(['ADDED', 'DELETED', 'ADDED']);
  });
});
