// Random schemas over random values: nothing throws, all ends, and what came out of admission goes through it unchanged.
import { expect } from 'chai';
import fc from 'fast-check';
import type { Schema } from '../../../apis/index.ts';
import { admitCustom } from './admit-custom.ts';
import { Budget } from './budget.ts';
import { withDefaults } from './defaults.ts';
import { structuralProblems } from './definition.ts';
import { nodeOf } from './node.ts';
import { prune } from './prune.ts';
import { readSchema } from './read-schema.ts';

const names = fc.constantFrom('a', 'b', 'c', 'metadata', 'kind', 'if');
const limits = fc.record(
  {
    minLength: fc.nat(3),
    maxLength: fc.nat(5),
    minimum: fc.integer({ min: -3, max: 3 }),
    maxItems: fc.nat(3),
    pattern: fc.constantFrom('^a*$', 'b', '(', '(a+)+$'),
    format: fc.constantFrom('date', 'ipv4', 'int32', 'byte', 'odd'),
    nullable: fc.boolean(),
    required: fc.array(names, { maxLength: 2 }),
    enum: fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 3 }),
  },
  { requiredKeys: [] },
);
const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, 'a', 'aab', 1, -7, 1.5, true, ''),
    fc.dictionary(names, tie('value'), { maxKeys: 4 }),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
}));
const { schema: schemas } = fc.letrec<{ schema: unknown }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc
      .tuple(fc.constantFrom('string', 'integer', 'number', 'boolean'), limits)
      .map(([type, more]) => ({ ...more, type })),
    fc
      .tuple(fc.dictionary(names, tie('schema'), { maxKeys: 4 }), limits, fc.option(values), fc.boolean())
      .map(([properties, more, value, keeps]) => ({
        ...more,
        type: 'object',
        properties,
        ...(value === null ? {} : { default: value }),
        ...(keeps ? { 'x-kubernetes-preserve-unknown-fields': true } : {}),
      })),
    fc
      .tuple(tie('schema'), fc.constantFrom('atomic', 'set', 'map'), fc.array(names, { maxLength: 2 }))
      .map(([items, type, keys]) => ({
        type: 'array',
        items,
        'x-kubernetes-list-type': type,
        ...(type === 'map' ? { 'x-kubernetes-list-map-keys': keys } : {}),
      })),
    tie('schema').map((additionalProperties) => ({ type: 'object', additionalProperties })),
    fc.tuple(limits, limits, limits).map(([a, b, c]) => ({ ...a, type: 'string', anyOf: [b], oneOf: [c], not: b })),
    fc.constant({ 'x-kubernetes-int-or-string': true }),
  ),
}));
const roots = fc.dictionary(names, schemas, { maxKeys: 4 }).map((properties) => ({ type: 'object', properties }));
const objects = fc.dictionary(names, values, { maxKeys: 5 });

/** A schema that admits objects, or undefined: most random ones are none. */
function sound(value: unknown): Schema | undefined {
  const { schema } = readSchema(value, 's');
  return schema !== undefined && structuralProblems(schema, 's').length === 0 ? schema : undefined;
}

function compiles(value: unknown): Schema | undefined {
  const { schema } = readSchema(value, 's');
  try {
    if (schema !== undefined) nodeOf(schema);
    return schema;
  } catch {
    return undefined;
  }
}

describe('apiserver: random schemas over random objects', () => {
  it('reads and judges any JSON as a schema', () => {
    fc.assert(
      fc.property(fc.oneof(roots, fc.jsonValue()), (value) => {
        const { schema, problems } = readSchema(value, 's');
        expect(schema === undefined).to.equal(problems.length > 0);
        if (schema !== undefined) structuralProblems(schema, 's');
      }),
      { numRuns: 300 },
    );
  });

  it('prunes and defaults to something that it prunes and defaults no more', () => {
    fc.assert(
      fc.property(roots, objects, (value, object) => {
        const schema = compiles(value);
        if (schema === undefined) return;
        const node = nodeOf(schema);
        const once = prune(node, object, true, new Budget(), []);
        const unknown: string[] = [];
        expect(prune(node, once, true, new Budget(), unknown)).to.equal(once);
        expect(unknown).to.deep.equal([]);
        const filled = withDefaults(node, once, new Budget());
        expect(withDefaults(node, filled, new Budget())).to.equal(filled);
      }),
      { numRuns: 500 },
    );
  });

  it('admits what it admitted, and holds nothing unchanged against it', () => {
    let admitted = 0;
    fc.assert(
      fc.property(roots, objects, (value, object) => {
        const schema = sound(value);
        if (schema === undefined) return;
        const first = admitCustom(schema, object, undefined, undefined);
        const second = admitCustom(schema, first.value, undefined, undefined);
        expect(second.value).to.deep.equal(first.value);
        expect(second.unknownFields).to.deep.equal([]);
        expect(second.causes).to.deep.equal(first.causes);
        if (first.causes.length === 0) admitted++;
        const { spec: _spec, ...fields } = first.value;
        const again = admitCustom(schema, fields, fields, undefined).causes;
        expect(again.filter((one) => !/^(kind|apiVersion|<nil>)|^metadata/.test(one.field))).to.deep.equal([]);
      }),
      { numRuns: 500 },
    );
    expect(admitted).to.be.greaterThan(20);
  });
});
