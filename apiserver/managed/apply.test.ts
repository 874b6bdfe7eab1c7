import { expect } from 'chai';
import { isApiError, type Schema, type Unstructured } from '../../apis/index.ts';
import { recordOf } from '../json.ts';
import { applyConfiguration, configurationProblem, conflictError } from './index.ts';
import { afterUpdate, type Writer } from './update.ts';

const apiVersion = 'conformance.runink.io/v1';

/** The kind of the recordings of a real kube-apiserver (test/conformance). */
const schema: Schema = {
  type: 'object',
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: {
      type: 'object',
      properties: {
        name: { type: 'string' },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        finalizers: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
      },
    },
    spec: {
      type: 'object',
      properties: {
        replicas: { type: 'integer' },
        suspend: { type: 'boolean' },
        steps: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            properties: { name: { type: 'string' }, run: { type: 'string' }, needs: { type: 'array', items: {} } },
          },
        },
      },
    },
    status: { type: 'object', properties: { phase: { type: 'string' } } },
  },
};

const minute = (at: number) => `2026-11-24T02:${String(at).padStart(2, '0')}:00Z`;
const writer = (manager: string, at = 0): Writer => ({
  manager,
  apiVersion,
  subresource: '',
  hasStatus: true,
  time: minute(at),
});
const pipeline = (spec: Record<string, unknown>, metadata: Record<string, unknown> = {}) => ({
  apiVersion,
  kind: 'Pipeline',
  metadata: { name: 'p', ...metadata },
  spec,
});
const step = (name: string, run: string) => ({ name, run });
const stepA = { 'k:{"name":"a"}': { '.': {}, 'f:name': {}, 'f:run': {} } };

/** An object on which managers work one after another. */
class Story {
  object: Unstructured | undefined;
  #minute = 0;

  apply(manager: string, configuration: Record<string, unknown>, force = false): this {
    this.#minute++;
    const applied = applyConfiguration({
      schema,
      live: this.object,
      configuration,
      writer: writer(manager, this.#minute),
      force,
    });
    if (applied.kind === 'conflict') throw conflictError(applied.conflicts);
    this.#become(applied.object, applied.managedFields);
    return this;
  }

  update(manager: string, after: Record<string, unknown>, given?: unknown): this {
    this.#minute++;
    const next = { ...after, metadata: recordOf(after.metadata) };
    this.#become(next, afterUpdate(schema, this.object, next, given, writer(manager, this.#minute)));
    return this;
  }

  #become(object: Record<string, unknown>, managedFields: unknown): void {
    const { managedFields: _old, ...metadata } = recordOf(object.metadata);
    this.object = { ...object, metadata: { ...metadata, ...(Array.isArray(managedFields) ? { managedFields } : {}) } };
  }

  get spec(): unknown {
    return this.object?.spec;
  }

  /** `MANAGER/OPERATION` and the fields, in the order of the entries. */
  get owners(): Record<string, unknown> {
    return Object.fromEntries(
      (this.object?.metadata.managedFields ?? []).map((entry) => [
        `${entry.manager}/${entry.operation}`,
        entry.fieldsV1,
      ]),
    );
  }

  /** When each manager last changed something. */
  get times(): Record<string, unknown> {
    return Object.fromEntries((this.object?.metadata.managedFields ?? []).map((entry) => [entry.manager, entry.time]));
  }
}

describe('apiserver: server-side apply, as recorded from kube-apiserver', () => {
  const steps = [step('a', 'true')];

  it('owns what a create brings, defaults too', () => {
    const story = new Story().update('rec', pipeline({ replicas: 1, steps, suspend: false }));
    expect(story.owners).to.deep.equal({
      'rec/Update': {
        'f:spec': { '.': {}, 'f:replicas': {}, 'f:steps': { '.': {}, ...stepA }, 'f:suspend': {} },
      },
    });
    expect(Object.keys(recordOf(recordOf(story.owners['rec/Update'])['f:spec']))).to.deep.equal([
      '.',
      'f:replicas',
      'f:steps',
      'f:suspend',
    ]);
  });

  it('owns what is applied', () => {
    expect(new Story().apply('m1', pipeline({ replicas: 1, steps })).owners).to.deep.equal({
      'm1/Apply': { 'f:spec': { 'f:replicas': {}, 'f:steps': stepA } },
    });
  });

  it('names the owners of what would change', () => {
    const story = new Story().apply('m1', pipeline({ replicas: 1, steps }));
    try {
      story.apply('m2', pipeline({ replicas: 2, steps: [step('a', 'false')] }));
      expect.fail('it was applied');
    } catch (error) {
      if (!isApiError(error, 'Conflict')) throw error;
      expect(error.message).to.equal(
        'Apply failed with 2 conflicts: conflicts with "m1":\n- .spec.replicas\n- .spec.steps[name="a"].run',
      );
      expect(error.details).to.deep.equal({
        causes: [
          { reason: 'FieldManagerConflict', message: 'conflict with "m1"', field: '.spec.replicas' },
          { reason: 'FieldManagerConflict', message: 'conflict with "m1"', field: '.spec.steps[name="a"].run' },
        ],
      });
    }
  });

  it('takes by force what changes, and shares the rest', () => {
    const story = new Story().apply('m1', pipeline({ replicas: 1, steps }));
    story.apply('m2', pipeline({ replicas: 2, steps }), true);
    expect(story.owners).to.deep.equal({
      'm1/Apply': { 'f:spec': { 'f:steps': stepA } },
      'm2/Apply': { 'f:spec': { 'f:replicas': {}, 'f:steps': stepA } },
    });
    story.update('hand', pipeline({ replicas: 5, steps }));
    expect(story.owners).to.deep.equal({
      'm1/Apply': { 'f:spec': { 'f:steps': stepA } },
      'm2/Apply': { 'f:spec': { 'f:steps': stepA } },
      'hand/Update': { 'f:spec': { 'f:replicas': {} } },
    });
    expect(() => story.apply('m2', pipeline({ replicas: 2, steps }))).to.throw(
      'Apply failed with 1 conflict: conflict with "hand" using conformance.runink.io/v1: .spec.replicas',
    );
  });

  for (const [title, configuration, problem] of [
    ['a field that no schema names', pipeline({ bogus: 1 }), '.spec.bogus: field not declared in schema'],
    [
      'two items of one key',
      pipeline({ steps: [step('a', 'x'), step('a', 'y')] }),
      '.spec.steps: duplicate entries for key [name="a"]',
    ],
    ['the wrong type', pipeline({ replicas: 'x' }), '.spec.replicas: expected numeric (int or float), got "x"'],
    [
      'several things',
      pipeline({ a: 1, suspend: 1 }),
      'errors:\n  .spec.a: field not declared in schema\n  .spec.suspend: expected boolean, got 1',
    ],
    ['nothing', pipeline({ replicas: 1, steps }), undefined],
  ] as const) {
    it(`refuses ${title}`, () => expect(configurationProblem(schema, configuration)).to.equal(problem));
  }
});

describe('apiserver: server-side apply', () => {
  it('removes what its owner leaves out and nobody else owns', () => {
    const story = new Story().apply('m1', pipeline({ replicas: 1, steps: [step('a', 'x'), step('b', 'y')] }));
    story.apply('m2', pipeline({ steps: [step('b', 'y')] }));
    story.apply('m1', pipeline({ replicas: 1 }));
    expect(story.spec).to.deep.equal({ replicas: 1, steps: [step('b', 'y')] });
  });

  it('keeps a field that was given up while another applier has it', () => {
    const story = new Story().apply('m1', pipeline({ replicas: 1, suspend: true }));
    story.apply('m2', pipeline({ suspend: true })).apply('m1', pipeline({ replicas: 1 }));
    expect(story.spec).to.deep.equal({ replicas: 1, suspend: true });
    expect(story.owners).to.deep.equal({
      'm1/Apply': { 'f:spec': { 'f:replicas': {} } },
      'm2/Apply': { 'f:spec': { 'f:suspend': {} } },
    });
  });

  it('removes an item with what others put into it', () => {
    const story = new Story().apply('m1', pipeline({ steps: [step('a', 'x')] }));
    story.update('hand', pipeline({ steps: [{ ...step('a', 'x'), needs: ['z'] }] }));
    story.apply('m1', pipeline({ replicas: 1 }));
    expect(story.spec).to.deep.equal({ replicas: 1 });
  });

  it('drops a manager that owns nothing any more', () => {
    const story = new Story().apply('m1', pipeline({ replicas: 1 })).apply('m2', pipeline({ suspend: true }));
    story.apply('m1', { apiVersion, kind: 'Pipeline', metadata: { name: 'p' } });
    expect(story.spec).to.deep.equal({ suspend: true });
    expect(story.owners).to.deep.equal({ 'm2/Apply': { 'f:spec': { 'f:suspend': {} } } });
  });

  it('changes no time when it changes nothing', () => {
    const story = new Story().apply('m1', pipeline({ replicas: 1 })).apply('m1', pipeline({ replicas: 1 }));
    expect(story.times).to.deep.equal({ m1: minute(1) });
    story.apply('m1', pipeline({ replicas: 2 }));
    expect(story.times).to.deep.equal({ m1: minute(3) });
  });

  it('counts what was there before as owned by before-first-apply', () => {
    const story = new Story()
      .update('u', pipeline({ replicas: 1, suspend: false }))
      .update('u', pipeline({ replicas: 1, suspend: false }), []);
    expect(story.owners).to.deep.equal({});
    expect(() => story.apply('m1', pipeline({ replicas: 2 }))).to.throw(
      'conflict with "before-first-apply" using conformance.runink.io/v1: .spec.replicas',
    );
    story.apply('m1', pipeline({ replicas: 1 }));
    expect(story.owners).to.deep.equal({
      'm1/Apply': { 'f:spec': { 'f:replicas': {} } },
      'before-first-apply/Update': { 'f:spec': { '.': {}, 'f:replicas': {}, 'f:suspend': {} } },
    });
  });

  it('does not own the status unless through its subresource', () => {
    const story = new Story().apply('m1', { ...pipeline({ replicas: 1 }), status: { phase: 'X' } });
    expect(story.owners).to.deep.equal({ 'm1/Apply': { 'f:spec': { 'f:replicas': {} } } });
  });

  it('does not own what the server puts into the status of a new object', () => {
    const story = new Story().update('u', { ...pipeline({ replicas: 1 }), status: { phase: 'Pending' } });
    expect(story.owners).to.deep.equal({ 'u/Update': { 'f:spec': { '.': {}, 'f:replicas': {} } } });
  });

  it('forgets the oldest updates by name, not by field', () => {
    const story = new Story().update('u0', pipeline({}, { labels: { l0: '' } }));
    const labels: Record<string, string> = { l0: '' };
    for (let count = 1; count <= 12; count++) {
      labels[`l${count}`] = '';
      story.update(`u${count}`, pipeline({}, { labels: { ...labels } }));
    }
    expect(Object.keys(story.owners)).to.deep.equal([
      'ancient-changes/Update',
      ...['u4', 'u5', 'u6', 'u7', 'u8', 'u9', 'u10', 'u11', 'u12'].map((name) => `${name}/Update`),
    ]);
    expect(recordOf(story.owners['ancient-changes/Update'])['f:metadata']).to.deep.equal({
      'f:labels': { '.': {}, 'f:l0': {}, 'f:l1': {}, 'f:l2': {}, 'f:l3': {} },
    });
  });
});
