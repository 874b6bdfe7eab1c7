import { expect } from 'chai';
import type { Schema } from '../../../apis/index.ts';
import { admitCustom } from './admit-custom.ts';

const object = (properties: Record<string, Schema>, more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  ...more,
});

// The schema of the recorded exchanges with a real server, as far as they need it.
const recorded = object(
  {
    spec: object(
      {
        replicas: { type: 'integer', format: 'int32', default: 1, minimum: 0, maximum: 100 },
        schedule: { type: 'string', pattern: '^(\\S+ ){4}\\S+$' },
        suspend: { type: 'boolean', default: false },
        steps: {
          type: 'array',
          minItems: 1,
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: object({ name: { type: 'string' }, run: { type: 'string' } }, { required: ['name', 'run'] }),
        },
      },
      { required: ['steps'] },
    ),
  },
  { required: ['spec'] },
);
const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };
const step = { name: 'a', run: 'true' };

describe('apiserver: custom objects in the words of a real server', () => {
  for (const [title, body, causes] of [
    [
      'invalid type',
      { spec: { replicas: 'x', steps: [step] } },
      [
        'spec.replicas|FieldValueInvalid|Invalid value: "string": spec.replicas in body must be of type integer: "string"',
        '.spec.replicas|FieldValueInvalid|Invalid value: 0: .spec.replicas accessor error: x is of the type string, expected int64',
      ],
    ],
    [
      'invalid many',
      {
        spec: {
          replicas: 1000,
          steps: [
            { name: 'a', run: 1 },
            { name: 'a', run: 'x' },
          ],
          schedule: 'x',
        },
      },
      [
        'spec.replicas|FieldValueInvalid|Invalid value: 1000: spec.replicas in body should be less than or equal to 100',
        'spec.schedule|FieldValueInvalid|Invalid value: "x": spec.schedule in body should match \'^(\\S+ ){4}\\S+$\'',
        'spec.steps[0].run|FieldValueInvalid|Invalid value: "integer": spec.steps[0].run in body must be of type string: "integer"',
        'spec.steps[1]|FieldValueDuplicate|Duplicate value: map[string]interface {}{"name":"a"}',
      ],
    ],
    ['missing required', { spec: {} }, ['spec.steps|FieldValueRequired|Required value']],
    ['no spec', {}, ['spec|FieldValueRequired|Required value']],
    ['nothing wrong', { spec: { steps: [step], bogus: 1 } }, []],
  ] as const) {
    it(`says ${title}`, () => {
      const admitted = admitCustom(recorded, body, undefined, scale);
      expect(admitted.causes.map((one) => `${one.field}|${one.reason}|${one.message}`)).to.deep.equal(causes);
    });
  }

  it('prunes and fills in what that server did', () => {
    const admitted = admitCustom(recorded, { spec: { replicas: 1, steps: [step], bogus: 1 } }, undefined, scale);
    expect(admitted.value).to.deep.equal({ spec: { replicas: 1, steps: [step], suspend: false } });
    expect(admitted.unknownFields).to.deep.equal(['spec.bogus']);
  });
});

const told = (schema: Schema, value: unknown, before?: unknown) =>
  admitCustom(
    object({ a: schema }),
    { a: value },
    before === undefined ? undefined : { a: before },
    undefined,
  ).causes.map((one) => `${one.field}: ${one.message}`);

describe('apiserver: values of custom objects', () => {
  for (const [title, schema, value, causes] of [
    [
      'a null',
      { type: 'array', items: { type: 'string' } },
      [null],
      ['a[0]: Invalid value: "null": a[0] in body must be of type string: "null"'],
    ],
    ['an allowed null', { type: 'array', items: { type: 'string', nullable: true } }, [null], []],
    [
      'a fraction for an integer',
      { type: 'integer' },
      1.5,
      ['a: Invalid value: "number": a in body must be of type integer: "number"'],
    ],
    ['an integer for a number', { type: 'number' }, 1, []],
    [
      'a truth for an int32',
      { type: 'integer', format: 'int32' },
      true,
      ['a: Invalid value: "": a in body must be of type int32: ""'],
    ],
    [
      'too large an int32',
      { type: 'integer', format: 'int32' },
      2 ** 31,
      ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in a'],
    ],
    ['an int-or-string', { 'x-kubernetes-int-or-string': true }, '50%', []],
    [
      'a truth for an int-or-string',
      { 'x-kubernetes-int-or-string': true },
      true,
      ['a: Invalid value: "boolean": a in body must be of type integer,string: "boolean"'],
    ],
    [
      'too large a number',
      { type: 'number', maximum: 1, exclusiveMaximum: true },
      1,
      ['a: Invalid value: 1: a in body should be less than 1'],
    ],
    [
      'too small a number',
      { type: 'number', minimum: 0.5 },
      0.25,
      ['a: Invalid value: 0.25: a in body should be greater than or equal to 0.5'],
    ],
    [
      'no multiple',
      { type: 'integer', multipleOf: 3 },
      4,
      ['a: Invalid value: 4: a in body should be a multiple of 3'],
    ],
    ['a multiple of a fraction', { type: 'number', multipleOf: 0.1 }, 0.3, []],
    ['too long a text', { type: 'string', maxLength: 2 }, 'abc', ['a: Too long: may not be more than 2 bytes']],
    ['a text of two characters beyond the basic plane', { type: 'string', maxLength: 2 }, '😀😀', []],
    [
      'too short a text',
      { type: 'string', minLength: 2 },
      'a',
      ['a: Invalid value: "a": a in body should be at least 2 chars long'],
    ],
    [
      'a bad date-time',
      { type: 'string', format: 'date-time' },
      'x',
      ['a: Invalid value: "x": a in body must be of type date-time: "x"'],
    ],
    ['an unknown format', { type: 'string', format: 'no-such' }, 'x', []],
    [
      'a value that is not listed',
      { enum: ['b', 1, null] },
      'x',
      ['a: Unsupported value: "x": supported values: "b", "1", "null"'],
    ],
    ['a listed object', { enum: [{ x: 1, y: 2 }], 'x-kubernetes-preserve-unknown-fields': true }, { y: 2, x: 1 }, []],
    [
      'too many items',
      { type: 'array', items: {}, maxItems: 1 },
      [1, 2],
      ['a: Too many: 2: must have at most 1 items'],
    ],
    [
      'too few fields',
      object({ b: {} }, { minProperties: 1 }),
      {},
      ['a: Invalid value: 0: a in body should have at least 1 properties'],
    ],
    [
      'too many fields',
      { type: 'object', additionalProperties: {}, maxProperties: 1 },
      { b: 1, c: 1 },
      ['a: Too many: 2: must have at most 1 items'],
    ],
    [
      'a map that takes nothing',
      { type: 'object', additionalProperties: false },
      { b: 1 },
      ['a: Invalid value: "b": a.b in body is a forbidden property'],
    ],
    [
      'a wrong value in a map',
      { type: 'object', additionalProperties: { type: 'string' } },
      { b: 1 },
      ['a.b: Invalid value: "integer": a.b in body must be of type string: "integer"'],
    ],
    [
      'a doubled item of a set',
      { type: 'array', items: {}, 'x-kubernetes-list-type': 'set' },
      [1, 'a', 1, 1],
      ['a[2]: Duplicate value: 1'],
    ],
    [
      'a doubled item in a map of lists',
      { type: 'object', additionalProperties: { type: 'array', items: {}, 'x-kubernetes-list-type': 'set' } },
      { k: ['x', 'x'] },
      ['a[k][1]: Duplicate value: "x"'],
    ],
    [
      'no alternative',
      { type: 'string', anyOf: [{ minLength: 2 }, { pattern: '^b' }] },
      'a',
      [
        '<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)',
        'a: Invalid value: "a": a in body should be at least 2 chars long',
      ],
    ],
    ['one alternative', { type: 'string', anyOf: [{ minLength: 2 }, { pattern: '^a' }] }, 'a', []],
    [
      'two alternatives where one must be',
      { type: 'string', oneOf: [{ minLength: 1 }, { pattern: '^a' }] },
      'a',
      ['<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
    ],
    [
      'neither of two fields',
      object({ b: {}, c: {} }, { oneOf: [{ required: ['b'] }, { required: ['c'] }] }),
      {},
      [
        '<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found none valid',
        'a.b: Required value',
      ],
    ],
    [
      'not all',
      { type: 'string', allOf: [{ minLength: 2 }, { maxLength: 3 }] },
      'a',
      [
        'a: Invalid value: "a": a in body should be at least 2 chars long',
        '<nil>: Invalid value: "": "a" must validate all the schemas (allOf)',
      ],
    ],
    [
      'what must not be',
      { type: 'string', not: { pattern: '^a' } },
      'a',
      ['<nil>: Invalid value: "": "a" must not validate the schema (not)'],
    ],
  ] as const) {
    it(`judges ${title}`, () => expect(told(schema, value)).to.deep.equal(causes));
  }

  it('takes nulls in a stored schema for nothing', () => {
    const stored: unknown = {
      type: 'object',
      properties: { a: { type: 'string', maxLength: null, enum: null, properties: null, default: null, items: null } },
      required: null,
      'x-kubernetes-validations': [{ rule: 'self.a == "x"', message: null }],
    };
    // As kinds take stored schemas: by what was checked when they were written.
    const admitted = admitCustom(stored as Schema, { a: 'y' }, undefined, undefined);
    expect(admitted.causes.map((one) => one.message)).to.deep.equal([
      'Invalid value: "object": failed rule: self.a == "x"',
    ]);
  });

  it('judges embedded objects as objects', () => {
    const schema: Schema = {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      'x-kubernetes-preserve-unknown-fields': true,
    };
    expect(told(schema, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } })).to.deep.equal([]);
    expect(
      told(schema, { kind: '', metadata: { name: 'X_Y', labels: 1 } }).map((one) => one.slice(0, 60)),
    ).to.deep.equal(
      [
        'a.apiVersion: Required value',
        'a.kind: Invalid value: "": must not be empty',
        'a.metadata.labels: Invalid value: "integer": a.metadata.labe',
        'a.metadata.name: Invalid value: "X_Y": a lowercase RFC 1123 s',
      ].map((one) => one.slice(0, 60)),
    );
  });
});

// The cases of Kubernetes' ratcheting tests, by property.
describe('apiserver: updates of custom objects that were invalid before', () => {
  const named: Schema = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: object({ name: { type: 'string' }, size: { type: 'integer', maximum: 1 }, note: { type: 'string' } }),
  };
  for (const [title, schema, before, after, count] of [
    ['takes an unchanged value', { type: 'string', maxLength: 1 }, 'long', 'long', 0],
    ['refuses a changed one', { type: 'string', maxLength: 1 }, 'long', 'longer', 1],
    [
      'takes an unchanged field beside a changed one',
      object({ b: { type: 'string', maxLength: 1 }, c: {} }),
      { b: 'long', c: 1 },
      { b: 'long', c: 2 },
      0,
    ],
    [
      'refuses a field that is new',
      object({ b: { type: 'string', maxLength: 1 }, c: {} }),
      { c: 1 },
      { b: 'long', c: 1 },
      1,
    ],
    [
      'refuses a missing field of a changed object',
      object({ b: {}, c: {} }, { required: ['b'] }),
      { c: 1 },
      { c: 2 },
      1,
    ],
    [
      'takes a missing field of an unchanged object',
      object({ b: {}, c: {} }, { required: ['b'] }),
      { c: 1 },
      { c: 1 },
      0,
    ],
    [
      'knows items of a map list by their keys',
      named,
      [{ name: 'x', size: 5 }],
      [{ name: 'y' }, { name: 'x', size: 5, note: 'n' }],
      0,
    ],
    ['does not mistake one for another', named, [{ name: 'x', size: 5 }], [{ name: 'y', size: 5 }], 1],
    [
      'knows items of other lists not at all',
      { type: 'array', items: { type: 'integer', maximum: 1 } },
      [5],
      [5, 0],
      1,
    ],
    ['takes an unchanged list whole', { type: 'array', items: { type: 'integer', maximum: 1 } }, [5], [5], 0],
    [
      'takes what was doubled before',
      { type: 'array', items: {}, 'x-kubernetes-list-type': 'set' },
      [1, 1],
      [1, 1, 2],
      0,
    ],
    ['refuses what is doubled now', { type: 'array', items: {}, 'x-kubernetes-list-type': 'set' }, [1], [1, 1], 1],
  ] as const) {
    it(title, () => expect(told(schema, after, before)).to.have.length(count));
  }
});
