// Server-side apply and the owners of fields over HTTP. Many tests are counterparts, by what they hold to, of Kubernetes'
// own (test/integration/apiserver/apply): their names stand beside them.
import { rm } from 'node:fs/promises';
import { expect } from 'chai';
import { applyType, done, entriesOf, jsonType, mergeType, owners } from './applying.ts';
import { type Json, pipelines, startTestServer, type TestServer } from './support.ts';

describe('apiserver: server-side apply', () => {
  let server: TestServer;
  let count = 0;
  let name: string;
  let url: string;

  before(async () => {
    server = await startTestServer();
  });
  after(async () => {
    await server.close();
    await server.barn.close();
    await rm(server.data, { recursive: true, force: true });
  });
  beforeEach(() => {
    name = `applied-${++count}`;
    url = `${pipelines}/${name}`;
  });

  const body = (spec: object, metadata: object = {}) => ({
    apiVersion: 'runink.io/v1',
    kind: 'Pipeline',
    metadata: { name, namespace: 'default', ...metadata },
    spec,
  });
  const steps = (...names: readonly string[]) => ({ steps: names.map((step) => ({ name: step, use: 'filter' })) });
  const apply = (manager: string, configuration: unknown, query = '') =>
    server.ask('PATCH', `${url}?fieldManager=${manager}${query}`, { body: configuration, type: applyType });
  const patch = (manager: string, change: unknown, type = mergeType) =>
    server.ask('PATCH', `${url}?fieldManager=${manager}`, { body: change, type });
  const versionOf = (object: Json) => String(object.metadata?.resourceVersion);

  // TestApplyAlsoCreates, TestApplyManagedFields
  it('makes what is not there, and tells who owns what', async () => {
    const made = done(await apply('m1', body({ ...steps('a'), suspend: true })), 201);
    expect(made.metadata?.managedFields).to.deep.equal([
      {
        apiVersion: 'runink.io/v1',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:spec': {
            'f:steps': { 'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:use': {} } },
            'f:suspend': {},
          },
        },
        manager: 'm1',
        operation: 'Apply',
        time: made.metadata?.creationTimestamp,
      },
    ]);
    expect((await server.ask('GET', url)).body).to.deep.equal(made);
  });

  // TestNoOpApplyWithEmptyMap, TestNoSemanticUpdateApplySameResourceVersion
  it('changes nothing when it says the same again', async () => {
    const made = done(await apply('m1', body(steps('a'), { labels: { a: '1' } })), 201);
    expect(done(await apply('m1', body(steps('a'), { labels: { a: '1' } })))).to.deep.equal(made);
  });

  // TestNoOpUpdateSameResourceVersion
  it('changes nothing when an update changes nothing', async () => {
    const made = done(await apply('m1', body(steps('a'))), 201);
    expect(done(await server.ask('PUT', `${url}?fieldManager=other`, { body: made }))).to.deep.equal(made);
    expect(done(await patch('other', { spec: steps('a') }))).to.deep.equal(made);
  });

  // TestCreateOnApplyFailsWithUID
  it('makes nothing of a configuration that names a uid', async () => {
    const answer = await apply('m1', body(steps('a'), { uid: 'some' }));
    expect([answer.code, answer.body.message]).to.deep.equal([
      409,
      `Operation cannot be fulfilled on pipelines.runink.io "${name}": uid mismatch: the provided object specified uid some, and no existing object was found`,
    ]);
  });

  // TestApplyRequiresFieldManager
  it('wants to know who applies', async () => {
    const answer = await server.ask('PATCH', url, { body: body(steps('a')), type: applyType });
    expect([answer.code, answer.body.message]).to.deep.equal([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ]);
  });

  it('takes force for an apply only, and names of managers that can be shown', async () => {
    await apply('m1', body(steps('a')));
    const forced = await server.ask('PATCH', `${url}?force=true`, { body: {}, type: mergeType });
    expect([forced.code, forced.body.message]).to.deep.equal([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ]);
    const long = await patch('x'.repeat(129), {});
    expect([long.code, long.body.message]).to.deep.equal([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
    ]);
    const strange = await patch('a%07', {});
    expect(strange.body.message).to.match(
      /fieldManager: Invalid value: .*: invalid character U\+0007 \(at position 1\)$/,
    );
  });

  // TestApplyUpdateApplyConflictForced
  it('is refused what others have, names them, and takes it by force', async () => {
    done(await apply('m1', body({ ...steps('a'), suspend: true })), 201);
    done(await patch('hand', { spec: { suspend: false } }));
    const refused = await apply('m1', body({ ...steps('a'), suspend: true }));
    expect(refused.body).to.deep.equal({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'Apply failed with 1 conflict: conflict with "hand" using runink.io/v1: .spec.suspend',
      reason: 'Conflict',
      details: {
        causes: [
          {
            reason: 'FieldManagerConflict',
            message: 'conflict with "hand" using runink.io/v1',
            field: '.spec.suspend',
          },
        ],
      },
      code: 409,
    });
    const taken = done(await apply('m1', body({ ...steps('a'), suspend: true }), '&force=true'));
    expect(taken.spec?.suspend).to.equal(true);
    expect(Object.keys(owners(taken))).to.deep.equal(['m1/Apply']);
  });

  // TestApplyRemoveContainerPort, TestApplyGroupsManySeparateUpdates: what is left out goes
  it('removes what its manager leaves out, unless another has it', async () => {
    done(await apply('m1', body({ ...steps('a', 'b'), suspend: true }, { labels: { one: '1', two: '2' } })), 201);
    done(await apply('m2', body(steps('b'), { labels: { two: '2' } })));
    const left = done(await apply('m1', body(steps('a'))));
    expect(left.metadata?.labels).to.deep.equal({ two: '2' });
    expect(left.spec).to.deep.equal({ ...steps('a', 'b'), mode: 'bounded' });
  });

  // TestApplyRemovesEmptyManagedFields
  it('tells of no manager that owns nothing', async () => {
    done(await apply('m1', body(steps('a'), { labels: { x: '1' } })), 201);
    done(await apply('m2', { ...body({}), spec: undefined, metadata: { name, labels: { y: '2' } } }));
    const left = done(await apply('m2', { ...body({}), spec: undefined, metadata: { name } }));
    expect(Object.keys(owners(left))).to.deep.equal(['m1/Apply']);
    expect(left.metadata?.labels).to.deep.equal({ x: '1' });
  });

  // TestApplyFailsWithVersionMismatch
  it('heeds a version in the configuration', async () => {
    const made = done(await apply('m1', body(steps('a'))), 201);
    done(await patch('hand', { metadata: { labels: { a: '1' } } }));
    const late = await apply('m1', body(steps('a', 'b'), { resourceVersion: versionOf(made) }));
    expect([late.code, late.body.message]).to.deep.equal([
      409,
      `Operation cannot be fulfilled on pipelines.runink.io "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    ]);
  });

  // TestUpdateApplyConflict, TestBeforeFirstApply…
  it('counts what nobody is known for as owned before the first apply', async () => {
    done(await server.ask('POST', pipelines, { body: body({ ...steps('a'), suspend: true }) }), 201);
    const bare = done(await patch('x', { metadata: { managedFields: [{}] } }));
    expect(bare.metadata?.managedFields).to.equal(undefined);
    const refused = await apply('m1', body({ suspend: false }));
    expect(refused.body.message).to.equal(
      'Apply failed with 1 conflict: conflict with "before-first-apply" using runink.io/v1: .spec.suspend',
    );
    expect(Object.keys(owners(done(await apply('m1', body(steps('a'))))))).to.deep.equal([
      'm1/Apply',
      'before-first-apply/Update',
    ]);
  });

  // TestClearManagedFieldsWithMergePatch, …WithJSONPatch, …WithUpdate…, TestClearManagedFieldsWithUpdateEmptyList
  for (const [title, clear] of [
    ['a merge patch', () => patch('x', { metadata: { managedFields: [{}] } })],
    ['an empty list', () => patch('x', { metadata: { managedFields: [] } })],
    ['a JSON patch', () => patch('x', [{ op: 'replace', path: '/metadata/managedFields', value: [{}] }], jsonType)],
    [
      'a PUT',
      async () => {
        const { body: now } = await server.ask('GET', url);
        return server.ask('PUT', url, { body: { ...now, metadata: { ...now.metadata, managedFields: [] } } });
      },
    ],
  ] as const) {
    it(`forgets who owns what by ${title}`, async () => {
      done(await apply('m1', body(steps('a'))), 201);
      expect(done(await clear()).metadata?.managedFields).to.equal(undefined);
      // Nobody is told of until it is applied again.
      const changed = done(await patch('hand', { spec: { suspend: true } }));
      expect(changed.metadata?.managedFields).to.equal(undefined);
    });
  }

  // TestErrorsDontFailUpdate, TestErrorsDontFailPatch
  it('keeps what it knows when a client sends managedFields that are none', async () => {
    const made = done(await apply('m1', body(steps('a'))), 201);
    for (const wrong of [
      [{ manager: 'm', operation: 'Apply', apiVersion: '', fieldsType: 'FieldsV1', fieldsV1: {} }],
      [{ manager: 'm', operation: 'Steal', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }],
      [{ manager: 'm', operation: 'Apply', apiVersion: 'v1', fieldsType: 'V2', fieldsV1: {} }],
      [{ manager: 'm', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'k:{"a":': {} } }],
      null,
    ])
      expect(done(await patch('x', { metadata: { managedFields: wrong } }))).to.deep.equal(made);
  });

  it('refuses managers in managedFields that could not have named themselves so', async () => {
    done(await apply('m1', body(steps('a'))), 201);
    const entry = { operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:x': {} } };
    const answer = await patch('x', { metadata: { managedFields: [{ ...entry, manager: 'm'.repeat(129) }] } });
    expect([answer.code, answer.body.message]).to.deep.equal([
      422,
      `Pipeline.runink.io "${name}" is invalid: metadata.managedFields[0].manager: Too long: may not be more than 128 bytes`,
    ]);
  });

  it('takes managedFields that say who owns what, as kubectl sends to go over from client-side apply', async () => {
    const made = done(
      await server.ask('POST', `${pipelines}?fieldManager=kubectl-client-side-apply`, { body: body(steps('a')) }),
      201,
    );
    const moved = entriesOf(made).map((entry) => ({ ...entry, manager: 'kubectl', operation: 'Apply' }));
    const change = [
      { op: 'replace', path: '/metadata/managedFields', value: moved },
      { op: 'replace', path: '/metadata/resourceVersion', value: versionOf(made) },
    ];
    expect(Object.keys(owners(done(await patch('kubectl', change, jsonType))))).to.deep.equal(['kubectl/Apply']);
    const next = done(await apply('kubectl', body({ steps: [{ name: 'a', use: 'project' }] })));
    expect(next.spec?.steps).to.deep.equal([{ name: 'a', use: 'project' }]);
  });

  it('forgives kubectl what its own annotation says it applied before', async () => {
    const last = JSON.stringify(body(steps('a')));
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': last };
    const query = '?fieldManager=kubectl-client-side-apply';
    done(await server.ask('POST', `${pipelines}${query}`, { body: body(steps('a'), { annotations }) }), 201);
    const wanted = body({ steps: [{ name: 'a', use: 'project' }] });
    expect((await apply('other', wanted)).code).to.equal(409);
    const next = done(await apply('kubectl', wanted));
    expect(next.spec?.steps).to.deep.equal([{ name: 'a', use: 'project' }]);
    const kept = next.metadata?.annotations?.['kubectl.kubernetes.io/last-applied-configuration'];
    expect(JSON.parse(String(kept))).to.deep.equal(wanted);
  });

  // TestApplyUpdateManagedFields, with UpdateStatus
  it('tells updates of the object and of its status apart, by version and subresource', async () => {
    done(await apply('m1', body(steps('a'))), 201);
    done(await patch('hand', { metadata: { labels: { a: '1' } } }));
    const status = await server.ask('PATCH', `${url}/status?fieldManager=hand`, {
      body: { status: { observedGeneration: 1 } },
      type: mergeType,
    });
    expect(Object.keys(owners(done(status)))).to.deep.equal(['m1/Apply', 'hand/Update', 'hand/Update/status']);
    expect(owners(status.body)['hand/Update/status']).to.deep.equal({
      'f:status': { '.': {}, 'f:observedGeneration': {} },
    });
    const applied = await server.ask('PATCH', `${url}/status?fieldManager=m2`, {
      body: { ...body({}), spec: undefined, status: { observedGeneration: 2 } },
      type: applyType,
    });
    expect(applied.body.message).to.equal(
      'Apply failed with 1 conflict: conflict with "hand" with subresource "status" using runink.io/v1: .status.observedGeneration',
    );
  });
});
