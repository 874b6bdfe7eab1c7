import { expect } from 'chai';
import type { Schema } from '../../../apis/index.ts';
import { structuralProblems } from './definition.ts';
import { readSchema, schemaDepthMax, schemaNodesMax } from './read-schema.ts';

const text: Schema = { type: 'string' };
const object = (properties: Record<string, Schema>, more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  ...more,
});
const problems = (schema: Schema): string[] =>
  structuralProblems(schema, 's').map((one) => `${one.field.replaceAll('properties', 'p')}: ${one.message}`);
/** Of a field `a` of an object. */
const ofField = (schema: Schema): string[] => problems(object({ a: schema }));

// The cases of Kubernetes' TestValidateStructural…, by property.
describe('apiserver: structural schemas', () => {
  for (const [title, schema, found] of [
    ['a plain one', object({ a: text, b: { type: 'array', items: text } }), []],
    ['no type at the root', {}, ['s.type: Required value: must not be empty at the root']],
    [
      'a list at the root',
      { type: 'array', items: text },
      ['s.type: Invalid value: "array": must be object at the root'],
    ],
    [
      'a map at the root',
      { type: 'object', additionalProperties: text },
      ['s.additionalProperties: Forbidden: must not be used at the root'],
    ],
    [
      'null at the root',
      object({}, { nullable: true }),
      ['s.nullable: Forbidden: nullable cannot be true at the root'],
    ],
    ['metadata that restricts names', object({ metadata: object({ name: { type: 'string', pattern: '^a' } }) }), []],
    [
      'metadata that restricts labels',
      object({ metadata: object({ labels: { type: 'object' } }) }),
      [
        's.p[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified',
      ],
    ],
    [
      'a kind that is no text',
      object({ kind: { type: 'integer' } }),
      ['s.p[kind].type: Invalid value: "integer": must be string'],
    ],
    [
      'a field that only an alternative knows',
      object({ b: text }, { anyOf: [{ properties: { c: { pattern: 'x' } } }] }),
      ['s.p[c]: Required value: because it is defined in s.anyOf[0].properties[c]'],
    ],
    [
      'items that only an alternative knows',
      object({ b: text }, { allOf: [{ properties: { b: { items: { pattern: 'x' } } } }] }),
      ['s.p[b].items: Required value: because it is defined in s.allOf[0].properties[b].items'],
    ],
    [
      'a default in metadata',
      object({ metadata: object({ name: { type: 'string', default: 'x' } }) }),
      ['s.p[metadata].p[name].default: Forbidden: must not be set in top-level metadata'],
    ],
  ] as const) {
    it(`judges ${title}`, () => expect(problems(schema)).to.deep.equal(found));
  }

  for (const [title, schema, found] of [
    ['no type', {}, ['s.p[a].type: Required value: must not be empty for specified object fields']],
    [
      'items without type',
      { type: 'array', items: {} },
      ['s.p[a].items.type: Required value: must not be empty for specified array items'],
    ],
    ['no items', { type: 'array' }, ['s.p[a].items: Required value: must be specified']],
    ['an int-or-string', { 'x-kubernetes-int-or-string': true }, []],
    [
      'an int-or-string that says so',
      { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }], pattern: '^a' },
      [],
    ],
    [
      'an int-or-string that says so among others',
      {
        'x-kubernetes-int-or-string': true,
        allOf: [{ anyOf: [{ type: 'integer' }, { type: 'string' }] }, { pattern: 'a' }],
      },
      [],
    ],
    ['anything', { 'x-kubernetes-preserve-unknown-fields': true }, []],
    [
      'both',
      { 'x-kubernetes-int-or-string': true, 'x-kubernetes-preserve-unknown-fields': true },
      [
        's.p[a].x-kubernetes-preserve-unknown-fields: Invalid value: true: must be false if x-kubernetes-int-or-string is true',
      ],
    ],
    [
      'an embedded object without fields',
      { type: 'object', 'x-kubernetes-embedded-resource': true },
      [
        's.p[a].p: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ],
    ],
    [
      'an embedded object',
      { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
      [],
    ],
    [
      'a type in an alternative',
      { type: 'string', anyOf: [{ type: 'string' }] },
      ['s.p[a].anyOf[0].type: Forbidden: must be empty to be structural'],
    ],
    [
      'a default in an alternative',
      { type: 'string', oneOf: [{ default: 'x' }] },
      ['s.p[a].oneOf[0].default: Forbidden: must be undefined to be structural'],
    ],
    [
      'rules in an alternative',
      { type: 'string', not: { 'x-kubernetes-validations': [{ rule: 'true' }] } },
      ['s.p[a].not.x-kubernetes-validations: Forbidden: must be empty to be structural'],
    ],
    [
      'a field that both know',
      object({ b: text }, { anyOf: [{ properties: { b: { pattern: 'x' } }, required: ['b'] }] }),
      [],
    ],
    [
      'a map in an alternative',
      { type: 'object', allOf: [{ additionalProperties: { pattern: 'x' } }] },
      ['s.p[a].allOf[0].additionalProperties: Forbidden: must be undefined to be structural'],
    ],
    [
      'fields and a map',
      object({ b: text }, { additionalProperties: text }),
      ['s.p[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
    ],
    [
      'a set of lists that are sets',
      {
        type: 'array',
        'x-kubernetes-list-type': 'set',
        items: { type: 'array', 'x-kubernetes-list-type': 'set', items: text },
      },
      [
        's.p[a].items.x-kubernetes-list-type: Invalid value: "set": must be atomic as item of a list with x-kubernetes-list-type=set',
      ],
    ],
    [
      'a set of granular objects',
      { type: 'array', 'x-kubernetes-list-type': 'set', items: object({}) },
      [
        's.p[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set',
      ],
    ],
    [
      'a set of nulls',
      { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string', nullable: true } },
      ['s.p[a].items.nullable: Forbidden: cannot be nullable when x-kubernetes-list-type is set'],
    ],
    [
      'a map list without keys',
      { type: 'array', 'x-kubernetes-list-type': 'map', items: object({ n: text }) },
      ['s.p[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map'],
    ],
    [
      'keys without a map list',
      { type: 'array', 'x-kubernetes-list-map-keys': ['n'], items: object({ n: text }) },
      ['s.p[a].x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty'],
    ],
    [
      'a key that need not be there',
      {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['n'],
        items: object({ n: text }),
      },
      [
        's.p[a].items.p[n].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
      ],
    ],
    [
      'a key with a default',
      {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['n'],
        items: object({ n: { type: 'string', default: 'x' } }),
      },
      [],
    ],
    [
      'a key that is an object',
      {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['n'],
        items: object({ n: object({}) }, { required: ['n'] }),
      },
      [
        's.p[a].items.p[n].type: Invalid value: "object": must be a scalar type if parent array\'s x-kubernetes-list-type is map',
      ],
    ],
    [
      'an unknown key',
      {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['z'],
        items: object({ n: text }),
      },
      ['s.p[a].x-kubernetes-list-map-keys: Invalid value: ["z"]: entries must all be names of item properties'],
    ],
    [
      'a list type of an object',
      object({}, { 'x-kubernetes-list-type': 'set' }),
      ['s.p[a].type: Invalid value: "object": must be array if x-kubernetes-list-type is specified'],
    ],
    [
      'a map type of a text',
      { type: 'string', 'x-kubernetes-map-type': 'atomic' },
      ['s.p[a].type: Invalid value: "string": must be object if x-kubernetes-map-type is specified'],
    ],
    ['a default that fits', { type: 'string', default: 'x', maxLength: 1 }, []],
    [
      'a default that does not',
      { type: 'string', default: 'xx', maxLength: 1 },
      ['s.p[a].default: Too long: may not be more than 1 bytes'],
    ],
    [
      'a default with unknown fields',
      object({ b: text }, { default: { c: 1 } }),
      ['s.p[a].default: Invalid value: {"c":1}: must not have unknown fields'],
    ],
    [
      'a default that lacks a field',
      object({ b: text }, { default: {}, required: ['b'] }),
      ['s.p[a].default.b: Required value'],
    ],
    ['an unknown format', { type: 'string', format: 'no-such' }, []],
  ] as const) {
    it(`judges ${title}`, () => expect(ofField(schema)).to.deep.equal(found));
  }

  it('refuses patterns that cannot be searched for in linear time', () => {
    for (const pattern of ['(', '(?=a)', '(a)\\1', '((a{1,1000}){1,1000}){1,1000}', 'a'.repeat(5000)]) {
      const [found = ''] = ofField({ type: 'string', pattern });
      expect(found).to.match(
        /^s\.p\[a\]\.pattern: Invalid value: .*: must be a valid regular expression, but isn't: /s,
      );
    }
    expect(ofField({ type: 'string', pattern: '^(a+)+(\\S+ ){4}[[:alpha:]]?$' })).to.deep.equal([]);
  });
});

describe('apiserver: reading schemas of users', () => {
  it('reads what Kubernetes knows and names what it does not', () => {
    const read = readSchema(
      {
        type: 'object',
        description: 'd',
        $comment: 1,
        properties: {
          a: { type: 'string', enum: ['x', null], nullable: true, default: null, title: 't', example: { x: 1 } },
          b: { type: 'object', additionalProperties: { type: 'integer', exclusiveMinimum: true, minimum: 0 } },
          c: { 'x-kubernetes-int-or-string': true, 'x-kubernetes-validations': [{ rule: 'true', message: 'm', x: 1 }] },
        },
      },
      's',
    );
    expect(read.problems).to.deep.equal([]);
    expect(read.unknownFields).to.deep.equal(['s.$comment', 's.properties[c].x-kubernetes-validations[0].x']);
    expect(read.schema?.properties).to.deep.equal({
      a: { type: 'string', enum: ['x', null], nullable: true, title: 't', example: { x: 1 } },
      b: { type: 'object', additionalProperties: { type: 'integer', exclusiveMinimum: true, minimum: 0 } },
      c: { 'x-kubernetes-int-or-string': true, 'x-kubernetes-validations': [{ rule: 'true', message: 'm' }] },
    });
  });

  for (const [title, schema, found] of [
    ['a reference', { $ref: '#/x' }, 's.$ref: Forbidden: $ref is not supported'],
    ['definitions', { definitions: { a: {} } }, 's.definitions: Forbidden: definitions is not supported'],
    [
      'patternProperties',
      { patternProperties: { a: {} } },
      's.patternProperties: Forbidden: patternProperties is not supported',
    ],
    ['a list of items', { items: [{}] }, 's.items: Forbidden: items must be a schema object and not an array'],
    [
      'uniqueItems',
      { uniqueItems: true },
      's.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
    ],
    [
      'preserving nothing',
      { 'x-kubernetes-preserve-unknown-fields': false },
      's.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined',
    ],
    [
      'an unknown type',
      { type: 'text' },
      's.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"',
    ],
    [
      'the type null',
      { type: 'null' },
      's.type: Forbidden: type cannot be set to null, use nullable as an alternative',
    ],
    [
      'an unknown list type',
      { 'x-kubernetes-list-type': 'bag' },
      's.x-kubernetes-list-type: Unsupported value: "bag": supported values: "atomic", "set", "map"',
    ],
    [
      'a limit that is no number',
      { minimum: '1' },
      's.minimum: Invalid value: "string": s.minimum in body must be of type number: "string"',
    ],
    ['a schema that is none', 1, 's: Invalid value: "integer": s in body must be of type object: "integer"'],
  ] as const) {
    it(`refuses ${title}`, () => {
      const [problem] = readSchema(schema, 's').problems;
      expect(`${problem?.field}: ${problem?.message}`).to.equal(found);
    });
  }

  it('stops at schemas that are too deep or too large', () => {
    let deep: object = { type: 'object' };
    for (let depth = 0; depth <= schemaDepthMax; depth++) deep = { type: 'array', items: deep };
    expect(readSchema(deep, 's').problems[0]?.message).to.contain('nested deeper than');
    const wide = { type: 'string', enum: Array.from({ length: schemaNodesMax }, (_, index) => index) };
    expect(readSchema(wide, 's').problems[0]?.message).to.contain('must not have more than');
  });
});
