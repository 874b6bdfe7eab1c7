import { expect } from 'chai';
import type { Schema } from '../../apis/index.ts';
import { walk } from './walker.ts';

const schema: Schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['steps'],
      properties: {
        replicas: { type: 'integer', format: 'int32', minimum: 0, maximum: 100, default: 1 },
        schedule: { type: 'string', pattern: '^(\\S+ ){4}\\S+$' },
        suspend: { type: 'boolean', default: false },
        mode: { type: 'string', enum: ['bounded', 'open'] },
        env: { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 2 },
        memory: { 'x-kubernetes-int-or-string': true },
        with: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        when: { type: 'string', format: 'date-time' },
        data: { type: 'string', format: 'byte' },
        tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set', maxItems: 3 },
        steps: {
          type: 'array',
          minItems: 1,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            required: ['name'],
            properties: {
              name: { type: 'string', minLength: 1 },
              run: { type: 'string', default: 'no', maxLength: 5 },
            },
          },
        },
      },
    },
  },
};

const steps = [{ name: 'a' }];

describe('apiserver: walker', () => {
  it('prunes, names what it dropped, and defaults outside lists', () => {
    const walked = walk(schema, {
      spec: { bogus: 1, steps: [{ name: 'a', extra: { x: 1 } }], with: { any: [1] } },
      top: 1,
    });
    expect(walked.value).to.deep.equal({
      spec: { steps: [{ name: 'a' }], with: { any: [1] }, replicas: 1, suspend: false },
    });
    expect(walked.unknownFields).to.deep.equal(['spec.bogus', 'spec.steps[0].extra', 'top']);
    expect(walked.causes).to.deep.equal([]);
  });

  it('takes null for absent', () => {
    expect(walk(schema, { spec: { steps, replicas: null, mode: null } }).value).to.deep.equal({
      spec: { steps, replicas: 1, suspend: false },
    });
  });

  it('does not change what it is given', () => {
    const given = { spec: { steps, bogus: 1 } };
    walk(schema, given);
    expect(given).to.deep.equal({ spec: { steps, bogus: 1 } });
  });

  for (const [title, spec, causes] of [
    ['a missing field', {}, ['spec.steps: Required value']],
    ['an empty list', { steps: [] }, ['spec.steps: Invalid value: 0: spec.steps in body should have at least 1 items']],
    [
      'a wrong type',
      { steps, replicas: 'x' },
      ['spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"'],
    ],
    [
      'a fraction for an integer',
      { steps, replicas: 1.5 },
      ['spec.replicas: Invalid value: "number": spec.replicas in body must be of type integer: "number"'],
    ],
    [
      'a number that is too large',
      { steps, replicas: 1000 },
      ['spec.replicas: Invalid value: 1000: spec.replicas in body should be less than or equal to 100'],
    ],
    [
      'a number that is too small',
      { steps, replicas: -1 },
      ['spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0'],
    ],
    [
      'a text that does not match',
      { steps, schedule: 'x' },
      ['spec.schedule: Invalid value: "x": spec.schedule in body should match \'^(\\S+ ){4}\\S+$\''],
    ],
    [
      'a value that is not listed',
      { steps, mode: 'x' },
      ['spec.mode: Unsupported value: "x": supported values: "bounded", "open"'],
    ],
    ['a doubled key', { steps: [{ name: 'a' }, { name: 'a' }] }, ['spec.steps[1]: Duplicate value: {"name":"a"}']],
    ['a doubled item', { steps, tags: ['a', 'a'] }, ['spec.tags[1]: Duplicate value: "a"']],
    ['too many items', { steps, tags: ['a', 'b', 'c', 'd'] }, ['spec.tags: Too many: 4: must have at most 3 items']],
    [
      'too many properties',
      { steps, env: { a: '', b: '', c: '' } },
      ['spec.env: Too many: 3: must have at most 2 items'],
    ],
    [
      'a wrong type in a map',
      { steps, env: { a: 1 } },
      ['spec.env.a: Invalid value: "integer": spec.env.a in body must be of type string: "integer"'],
    ],
    [
      'a wrong type in a list',
      { steps: [{ name: 1 }] },
      ['spec.steps[0].name: Invalid value: "integer": spec.steps[0].name in body must be of type string: "integer"'],
    ],
    [
      'a text that is too long',
      { steps: [{ name: 'a', run: '123456' }] },
      ['spec.steps[0].run: Too long: may not be more than 5 bytes'],
    ],
    [
      'a text that is too short',
      { steps: [{ name: '' }] },
      ['spec.steps[0].name: Invalid value: "": spec.steps[0].name in body should be at least 1 chars long'],
    ],
    [
      'a bad time',
      { steps, when: '2020-13-01T00:00:00Z' },
      [
        'spec.when: Invalid value: "2020-13-01T00:00:00Z": spec.when in body must be of type date-time: "2020-13-01T00:00:00Z"',
      ],
    ],
    [
      'bad base64',
      { steps, data: 'a' },
      ['spec.data: Invalid value: "a": spec.data in body must be of type byte: it is not base64'],
    ],
    [
      'a list for an object',
      { steps: [[]] },
      ['spec.steps[0]: Invalid value: "array": spec.steps[0] in body must be of type object: "array"'],
    ],
    [
      'an object for a list',
      { steps: {} },
      ['spec.steps: Invalid value: "object": spec.steps in body must be of type array: "object"'],
    ],
  ] as const) {
    it(`says what is wrong with ${title}`, () => {
      const found = walk(schema, { spec }).causes.map((cause) => `${cause.field}: ${cause.message}`);
      expect(found).to.deep.equal(causes);
    });
  }

  it('takes quantities as numbers and texts, and refuses others', () => {
    for (const memory of ['128Mi', 2, '500m'])
      expect(walk(schema, { spec: { steps, memory } }).causes).to.deep.equal([]);
    expect(walk(schema, { spec: { steps, memory: '1MiB' } }).causes[0]?.field).to.equal('spec.memory');
    expect(walk(schema, { spec: { steps, memory: true } }).causes[0]?.reason).to.equal('FieldValueTypeInvalid');
  });
});
