import { expect } from 'chai';
import { type KindInfo, kinds, type Schema } from '../../apis/index.ts';
import { admit, asRead, rootSchema } from './admit.ts';

const root: Schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      properties: { size: { type: 'integer', default: 1, maximum: 5 } },
      'x-kubernetes-validations': [{ rule: 'self.size >= oldSelf.size', message: 'only grows' }],
    },
    status: { type: 'object', properties: { phase: { type: 'string', enum: ['New', 'Old'] } } },
  },
};
const info: KindInfo = {
  ...kinds.pipelines,
  group: 'x.io',
  kind: 'Box',
  plural: 'boxes',
  subresources: ['status'],
  schema: { description: '', properties: {}, root },
};
const box = (more: Record<string, unknown>) => ({
  apiVersion: 'x.io/v1',
  kind: 'Box',
  metadata: { name: 'a' },
  ...more,
});
const told = (causes: readonly { field: string; message: string }[]) =>
  causes.map((cause) => `${cause.field}: ${cause.message}`);

describe('apiserver: admission by users definitions', () => {
  it('takes no status on creates, however wrong', () => {
    const admitted = admit(info, box({ spec: {}, status: { phase: 'Odd' } }));
    expect(admitted.object).to.deep.equal(box({ spec: { size: 1 } }));
    expect(admitted.causes).to.deep.equal([]);
  });

  it('looks at status alone when status is written', () => {
    const before = box({ spec: { size: 3 }, status: { phase: 'New' } });
    const good = admit(info, box({ spec: { size: 99 }, status: { phase: 'Old' } }), before, 'status');
    expect(good.causes).to.deep.equal([]);
    expect(good.object.status).to.deep.equal({ phase: 'Old' });
    const bad = admit(info, box({ status: { phase: 'Odd' } }), before, 'status');
    expect(told(bad.causes)).to.deep.equal([
      'status.phase: Unsupported value: "Odd": supported values: "New", "Old"',
      '<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    ]);
  });

  it('looks at the rest with the status that there is', () => {
    const before = box({ spec: { size: 3 }, status: { phase: 'New' } });
    const admitted = admit(info, box({ spec: { size: 2 }, status: { phase: 'Odd' } }), before);
    expect(admitted.object.status).to.deep.equal({ phase: 'New' });
    expect(told(admitted.causes)).to.deep.equal(['spec: Invalid value: "object": only grows']);
  });

  it('drops unknown metadata and names it before other fields', () => {
    const admitted = admit(info, { ...box({ spec: { x: 1 } }), metadata: { name: 'a', y: 1 } });
    expect(admitted.unknownFields).to.deep.equal(['metadata.y', 'spec.x']);
    expect(admitted.object).to.deep.equal(box({ spec: { size: 1 } }));
  });

  it('says what is wrong with metadata first', () => {
    const admitted = admit(info, { ...box({}), metadata: { name: 'A_B', labels: 1 } });
    expect(admitted.causes.map((cause) => cause.field)).to.deep.equal([
      'metadata.name',
      'metadata.labels',
      'spec',
      '<nil>',
    ]);
  });

  it('shows stored objects by the schema of today', () => {
    const stored = box({ spec: { size: 2 } });
    expect(asRead(info, stored)).to.equal(stored);
    expect(asRead(info, box({ spec: { gone: 1 } }))).to.deep.equal(box({ spec: { size: 1 } }));
    expect(asRead(kinds.pipelines, stored)).to.equal(stored);
  });

  it('publishes a root with metadata as all objects have it', () => {
    expect(Object.keys(rootSchema(info).properties ?? {})).to.deep.equal([
      'apiVersion',
      'kind',
      'metadata',
      'spec',
      'status',
    ]);
    expect(rootSchema(info).required).to.deep.equal(['spec']);
  });
});
