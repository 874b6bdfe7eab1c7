// The checkers against ajv: same verdict on every record, and a path that ajv has too.
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { checkContract, compileChecker } from './index.ts';

const name = fc.constantFrom('a', 'b', 'c', 'é', 'a b', '__proto__', 'toString');
// ajv skips a property named __proto__ in a schema; in records it is a name like any other.
const schemaName = fc.constantFrom('a', 'b', 'c', 'é', 'a b', 'toString');
const text = fc.oneof(
  fc.constantFrom('', 'a', 'ab', 'x1', '😀é', 'with "quote"'),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
);
const number = fc.oneof(
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom(0.5, -1.5, 1e21, 2 ** 53, -0, 0.016666666666666666, 8.350000000000001, 1e-7, 3.9999999999999996),
);

const scalarSchema = fc.oneof(
  fc.record({ type: fc.constant('string'), minLength: fc.nat(3), maxLength: fc.nat(6) }, { requiredKeys: ['type'] }),
  fc.record({ type: fc.constant('string'), pattern: fc.constantFrom('^[a-z]+$', '1', '^$', '.{2}') }),
  fc.record(
    {
      type: fc.constantFrom('integer', 'number'),
      minimum: fc.integer({ min: -3, max: 1 }),
      maximum: fc.integer({ min: 0, max: 4 }),
      exclusiveMaximum: fc.constant(4),
      multipleOf: fc.constantFrom(1, 2, 0.5),
    },
    { requiredKeys: ['type'] },
  ),
  fc.record({ type: fc.constantFrom('boolean', 'null', ['string', 'null'], ['integer', 'string']) }),
  fc.record({
    enum: fc.uniqueArray(fc.oneof(text, number, fc.constant(null)), {
      minLength: 1,
      maxLength: 3,
      comparator: 'SameValueZero',
    }),
  }),
  fc.record({ enum: fc.uniqueArray(text, { minLength: 1, maxLength: 3 }) }),
  fc.record({ const: fc.oneof(text, number) }),
  fc.constant({}),
);

const { schema: anySchema } = fc.letrec<{ schema: Record<string, unknown>; object: Record<string, unknown> }>(
  (tie) => ({
    schema: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'schema' },
      scalarSchema,
      tie('object'),
      fc.record(
        { type: fc.constant('array'), items: tie('schema'), minItems: fc.nat(2), maxItems: fc.nat(3) },
        { requiredKeys: ['type', 'items'] },
      ),
      fc.record({ type: fc.constant('array'), items: fc.constant({ type: 'integer' }), uniqueItems: fc.boolean() }),
      fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
      fc.record(
        { oneOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }), not: tie('schema') },
        { requiredKeys: ['oneOf'] },
      ),
    ),
    object: fc.record(
      {
        type: fc.constant('object'),
        properties: fc.dictionary(schemaName, tie('schema'), { maxKeys: 3 }),
        required: fc.uniqueArray(schemaName, { maxLength: 2 }),
        additionalProperties: fc.oneof(fc.boolean(), tie('schema')),
        maxProperties: fc.constant(3),
      },
      { requiredKeys: ['type', 'properties'] },
    ),
  }),
);

const record = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'record' },
    text,
    number,
    fc.constantFrom(null, true, false),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  ),
})).value;

describe('contracts and ajv', function () {
  // ajv generates and compiles code for each schema.
  this.timeout(60_000);

  it('agree on every record', async () => {
    await fc.assert(
      fc.asyncProperty(anySchema, fc.array(record, { minLength: 5, maxLength: 20 }), async (inner, records) => {
        const schema = { type: 'object', properties: { a: inner, b: inner } };
        const problems = await checkContract({ schema });
        expect(problems).to.deep.equal([]);
        const oracle = new Ajv2020({ allErrors: true, strict: false, ownProperties: true }).compile(schema);
        const checker = await compileChecker({ schema });
        for (const value of records.flatMap((one) => [one, { a: one }, { a: one, b: one }])) {
          const json = JSON.stringify(value);
          const parsed: unknown = JSON.parse(json);
          const valid = oracle(parsed);
          const found = checker.value(parsed);
          expect(
            found === undefined,
            `${JSON.stringify(schema)} on ${json}: ${JSON.stringify(found ?? oracle.errors)}`,
          ).to.equal(valid);
          const spaced = Buffer.from(JSON.stringify(value, null, 1));
          expect(checker.bytes(spaced, 0, spaced.length, false)).to.deep.equal(found);
          if (found !== undefined) expect((oracle.errors ?? []).map(pathOf), json).to.include(found.path);
        }
      }),
      { numRuns: 80 },
    );
  });

  it('agree on which bytes are JSON', async () => {
    const checker = await compileChecker({ schema: true });
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '\\',
      '1',
      '0',
      '-',
      '.',
      'e',
      'E+',
      'true',
      'null',
      ' ',
      '\t',
      '\\u00e9',
      '"\\n"',
      'é',
      '\u0001',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
          fc.json(),
        ),
        (json) => {
          let good = true;
          try {
            JSON.parse(json);
          } catch {
            good = false;
          }
          const bytes = Buffer.from(json);
          expect(checker.bytes(bytes, 0, bytes.length, true) === undefined, json).to.equal(good);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

function pathOf(error: ErrorObject): string {
  const steps = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const { missingProperty, additionalProperty } = error.params as {
    missingProperty?: string;
    additionalProperty?: string;
  };
  const last = missingProperty ?? additionalProperty;
  if (last !== undefined) steps.push(last);
  return `$${steps.map(shownStep).join('')}`;
}

function shownStep(step: string): string {
  if (/^\d+$/.test(step)) return `[${step}]`;
  return /^[A-Za-z_]\w*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}
