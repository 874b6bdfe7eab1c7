import { expect } from 'chai';
import type { Schema } from '../../../apis/index.ts';
import { admitCustom, asReadCustom } from './admit-custom.ts';
import { Budget } from './budget.ts';
import { withDefaults } from './defaults.ts';
import { nodeOf } from './node.ts';
import { prune } from './prune.ts';

const text: Schema = { type: 'string' };
const keeps = { 'x-kubernetes-preserve-unknown-fields': true } as const;
const resource = { type: 'object', 'x-kubernetes-embedded-resource': true } as const;

function pruned(schema: Schema, value: unknown, isRoot = false) {
  const unknown: string[] = [];
  return { value: prune(nodeOf(schema), value, isRoot, new Budget(), unknown), unknown: unknown.toSorted() };
}

// The cases of Kubernetes' TestPruning, by property.
describe('apiserver: pruning of custom objects', () => {
  for (const [title, schema, value, wanted, unknown] of [
    ['what an object does not name', { properties: { a: text } }, { a: 'x', b: { c: 1 } }, { a: 'x' }, ['b']],
    [
      'below a field that is named',
      { properties: { a: { type: 'object', properties: { b: text } } } },
      { a: { b: '', c: 1 } },
      { a: { b: '' } },
      ['a.c'],
    ],
    [
      'in items',
      { properties: { a: { items: { properties: { b: text } } } } },
      { a: [{ b: '', c: 1 }, { d: 1 }] },
      { a: [{ b: '' }, {}] },
      ['a[0].c', 'a[1].d'],
    ],
    [
      'in values of maps',
      { additionalProperties: { properties: { b: text } } },
      { x: { b: '', c: 1 } },
      { x: { b: '' } },
      ['x.c'],
    ],
    ['below a map of anything', { additionalProperties: true }, { x: { c: 1 }, y: 1 }, { x: {}, y: 1 }, ['x.c']],
    ['nothing where unknown fields are kept', { ...keeps }, { a: { b: [{ c: 1 }] } }, { a: { b: [{ c: 1 }] } }, []],
    [
      'named fields below one that keeps unknown ones',
      { ...keeps, properties: { a: { type: 'object', properties: { b: text } } } },
      { a: { b: '', c: 1 }, z: { c: 1 } },
      { a: { b: '' }, z: { c: 1 } },
      ['a.c'],
    ],
    [
      'not the items of a list that keeps unknown fields, but named fields in them',
      { ...keeps, items: { properties: { a: { type: 'object', properties: {} } } } },
      [{ a: { b: 1 }, c: 1 }],
      [{ a: {}, c: 1 }],
      ['[0].a.b'],
    ],
    [
      'not kind, version and metadata of an embedded object',
      { properties: { o: { ...resource, properties: { spec: { type: 'object' } } } } },
      { o: { apiVersion: 'v1', kind: 'K', metadata: { x: 1 }, spec: { a: 1 }, z: 1 } },
      { o: { apiVersion: 'v1', kind: 'K', metadata: { x: 1 }, spec: {} } },
      ['o.spec.a', 'o.z'],
    ],
    ['fields of what should have none', { properties: { a: text } }, { a: { b: 1 } }, { a: {} }, ['a.b']],
  ] as const) {
    it(`prunes ${title}`, () => {
      expect(pruned(schema, value)).to.deep.equal({ value: wanted, unknown });
    });
  }

  it('gives back the very value that has nothing to prune, and changes none that has', () => {
    const value = { a: 'x' };
    expect(pruned({ properties: { a: text } }, value).value).to.equal(value);
    const other = Object.freeze({ a: Object.freeze({ b: 1 }) });
    expect(pruned({ properties: { a: text } }, other).value).to.deep.equal({ a: {} });
  });

  it('keeps kind, version and metadata of the root', () => {
    const root = { apiVersion: 'v1', kind: 'K', metadata: { x: 1 }, z: 1 };
    expect(pruned({ type: 'object' }, root, true).value).to.deep.equal({
      apiVersion: 'v1',
      kind: 'K',
      metadata: { x: 1 },
    });
  });

  it('drops nulls that are neither allowed nor have a default, and says nothing of it', () => {
    const schema: Schema = {
      properties: { a: text, b: { ...text, nullable: true }, c: { ...text, default: 'd' }, d: { items: text } },
    };
    expect(pruned(schema, { a: null, b: null, c: null, d: [null] })).to.deep.equal({
      value: { b: null, c: null, d: [null] },
      unknown: [],
    });
  });
});

const defaulted = (schema: Schema, value: unknown) => withDefaults(nodeOf(schema), value, new Budget());

// The cases of Kubernetes' TestDefaulting, by property.
describe('apiserver: defaulting of custom objects', () => {
  for (const [title, schema, value, wanted] of [
    ['an absent field', { properties: { a: { ...text, default: 'A' } } }, {}, { a: 'A' }],
    ['no field that is there', { properties: { a: { ...text, default: 'A' } } }, { a: '' }, { a: '' }],
    ['a null that is not allowed', { properties: { a: { ...text, default: 'A' } } }, { a: null }, { a: 'A' }],
    ['no null that is', { properties: { a: { ...text, default: 'A', nullable: true } } }, { a: null }, { a: null }],
    [
      'below items',
      { properties: { a: { items: { properties: { b: { default: 1 } } } } } },
      { a: [{}, { b: 2 }, 3] },
      { a: [{ b: 1 }, { b: 2 }, 3] },
    ],
    ['null items', { items: { default: 'I' } }, ['a', null], ['a', 'I']],
    ['no null items that are allowed', { items: { default: 'I', nullable: true } }, ['a', null], ['a', null]],
    [
      'below another default',
      { properties: { a: { default: {}, properties: { b: { default: { x: [1] } } } } } },
      {},
      { a: { b: { x: [1] } } },
    ],
    ['nothing below what is absent', { properties: { a: { properties: { b: { default: 1 } } } } }, {}, {}],
    [
      'in values of maps',
      { additionalProperties: { default: { y: 1 }, properties: { z: { default: 2 } } } },
      { a: {}, b: null },
      { a: { z: 2 }, b: { y: 1, z: 2 } },
    ],
  ] as const) {
    it(`fills in ${title}`, () => expect(defaulted(schema, value)).to.deep.equal(wanted));
  }

  it('shares nothing with the schema', () => {
    const schema: Schema = { properties: { a: { default: { list: [] } } } };
    expect(defaulted(schema, {})).to.deep.equal({ a: { list: [] } });
    const first = defaulted(schema, {});
    const second = defaulted(schema, {});
    expect(Reflect.get(Object(first), 'a')).to.not.equal(Reflect.get(Object(second), 'a'));
  });

  it('gives a stored object back as it is when it lacks nothing', () => {
    const schema: Schema = {
      type: 'object',
      properties: { spec: { type: 'object', properties: { a: { default: 1 } } } },
    };
    const stored = { apiVersion: 'x/v1', kind: 'K', metadata: {}, spec: { a: 2 } };
    expect(asReadCustom(schema, stored)).to.equal(stored);
    expect(asReadCustom(schema, { ...stored, spec: {} })).to.deep.equal({ ...stored, spec: { a: 1 } });
    expect(asReadCustom(schema, { ...stored, more: 1 })).to.deep.equal(stored);
  });
});

describe('apiserver: admission of custom objects', () => {
  it('does not go on for ever', () => {
    const wide = Array.from({ length: 3000 }, (_, index): Schema => ({ minLength: index + 1 }));
    const schema: Schema = {
      type: 'object',
      properties: { a: { type: 'array', items: { type: 'string', anyOf: wide } } },
    };
    const admitted = admitCustom(schema, { a: Array.from({ length: 10_000 }, () => '') }, undefined, undefined);
    expect(admitted.causes.map((cause) => cause.message)).to.deep.equal([
      'Invalid value: "object": the object takes too much work to check against its schema',
    ]);
  });
});
