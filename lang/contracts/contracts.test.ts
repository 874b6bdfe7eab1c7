import { expect } from 'chai';
import { checkContract, compileChecker, policyHash, resolveRange, schemaHash } from './index.ts';

const flight = {
  type: 'object',
  required: ['date', 'delay', 'origin'],
  properties: {
    date: { type: 'string', pattern: '^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}$' },
    delay: { type: 'integer' },
    distance: { type: 'number', minimum: 0 },
    origin: { type: 'string', minLength: 3, maxLength: 3 },
    codes: { type: 'array', items: { enum: ['A', 'B'] }, maxItems: 2 },
    'a b': { type: ['string', 'null'] },
  },
};
const good = '{"date":"2001/01/01 00:47","delay":66,"origin":"DTW"';

describe('compileChecker', () => {
  for (const [json, code, path, reason] of [
    [`${good}}`, undefined],
    [`{"origin":"DTW" , "delay":66.0,"date":"2001/01/01 00:47"}`, undefined],
    [`${good},"a b":null}`, undefined],
    [`${good},"codes":["A","B"]}`, undefined],
    ['{"date":"2001/01/01 00:47","origin":"DTW"}', 'missing_field', '$.delay', 'required field missing'],
    [`${good},"delay":"x"}`, 'wrong_type', '$.delay', 'expected integer, got string "x"'],
    [`${good},"delay":1.5}`, 'wrong_type', '$.delay', 'expected integer, got number 1.5'],
    [`${good},"distance":-1}`, 'out_of_range', '$.distance', 'expected at least 0, got -1'],
    [`${good},"origin":"DTWX"}`, 'wrong_size', '$.origin', 'expected at most 3 characters, got 4'],
    [
      `${good},"date":"2001"}`,
      'no_match',
      '$.date',
      `expected text that matches ${flight.properties.date.pattern}, got string "2001"`,
    ],
    [
      `${good},"codes":["A","C"]}`,
      'not_allowed',
      '$.codes[1]',
      'expected one of string "A", string "B", got string "C"',
    ],
    [`${good},"codes":["A","A","A"]}`, 'wrong_size', '$.codes', 'expected at most 2 items, got 3'],
    [`${good},"a b":1}`, 'wrong_type', '$["a b"]', 'expected string or null, got number 1'],
    [`${good},"extra":1}`, 'extra_field', '$.extra', 'field is not in the contract'],
    ['[]', 'wrong_type', '$', 'expected object, got array'],
    [`${good}`, 'decode', '', 'it ends within a value'],
    [`${good}}}`, 'decode', '', 'text after the value at byte 53 of the record'],
    [`${good},"delay":01}`, 'decode', '', 'a number that begins with 0 at byte 62 of the record'],
  ] as const)
    it(`finds ${code ?? 'nothing wrong'} in ${json}`, async () => {
      const checker = await compileChecker({ mode: 'closed', schema: flight });
      const bytes = Buffer.from(`junk${json}junk`);
      const found = checker.bytes(bytes, 4, bytes.length - 4, false);
      expect(found).to.deep.equal(code === undefined ? undefined : { code, path, reason });
    });

  it('lets an open contract have other fields', async () => {
    const checker = await compileChecker({ mode: 'open', schema: flight });
    const bytes = Buffer.from(`${good},"extra":{"deep":[1]}}`);
    expect(checker.bytes(bytes, 0, bytes.length, true)).to.equal(undefined);
  });

  it('closes nested objects too, and knows the fields of alternatives', async () => {
    const schema = {
      type: 'object',
      properties: { inner: { type: 'object', properties: { a: {} } } },
      anyOf: [{ properties: { b: { type: 'string' } }, required: ['b'] }, {}],
    };
    const checker = await compileChecker({ mode: 'closed', schema });
    expect(checker.value({ inner: { a: 1, x: 1 } })).to.deep.include({ code: 'extra_field', path: '$.inner.x' });
    expect(checker.value({ inner: { a: 1 }, b: 'x' })).to.equal(undefined);
  });

  for (const [format, valid, invalid] of [
    [
      'date-time',
      ['2001-01-01T00:00:00Z', '1990-12-31T23:59:60Z', '2001-02-28t10:00:00.5+01:30'],
      ['2001-02-29T00:00:00Z', '2001-01-01T24:00:00Z', '2001/01/01 00:47', ''],
    ],
    ['date', ['2000-02-29'], ['1900-02-29', '2001-1-1']],
    ['uuid', ['123e4567-e89b-12d3-a456-426614174000'], ['123e4567']],
    ['email', ['a.b+c@example.org'], ['a@b', '@x.org', 'a..b@x.org', 'a b@x.org']],
    [
      'uri',
      ['https://example.org/a?b=c#d', 'file://data/x', 'mailto:a@b.c', 'http://[::1]:80/'],
      ['/relative', 'http://a b', 'nothing', 'http://x/%zz'],
    ],
  ] as const)
    it(`knows ${format}`, async () => {
      const checker = await compileChecker({
        schema: { type: 'object', properties: { x: { type: 'string', format } } },
      });
      for (const x of valid) expect(checker.value({ x }), x).to.equal(undefined);
      for (const x of invalid) expect(checker.value({ x }), x).to.deep.include({ code: 'bad_format', path: '$.x' });
    });

  it('is not fooled by names of Object.prototype', async () => {
    const checker = await compileChecker({
      mode: 'closed',
      schema: { type: 'object', required: ['constructor'], properties: { a: {} } },
    });
    expect(checker.value({ a: 1 })).to.deep.include({ code: 'missing_field', path: '$.constructor' });
    expect(checker.value(JSON.parse('{"constructor":1,"__proto__":{}}'))).to.deep.include({ code: 'extra_field' });
  });
});

describe('checkContract', () => {
  const deep = (depth: number): unknown => (depth === 0 ? {} : { type: 'array', items: deep(depth - 1) });
  for (const [title, schema, path, message] of [
    [
      'a dynamic reference',
      { $dynamicRef: '#x' },
      'schema.properties.a.$dynamicRef',
      'dynamic references are not allowed',
    ],
    [
      'a remote reference',
      { $ref: 'https://x/y' },
      'schema.properties.a.$ref',
      '"https://x/y" is remote; only references within the schema (#/$defs/NAME) are allowed',
    ],
    ['a reference to nothing', { $ref: '#/$defs/x' }, 'schema.properties.a.$ref', '"#/$defs/x" points to nothing'],
    [
      'a recursive schema',
      { $ref: '#' },
      'schema.properties.a.$ref(#).properties.a.$ref',
      '"#" leads back to itself; recursive schemas are not allowed',
    ],
    [
      'unique items without a bound',
      { uniqueItems: true, items: { type: 'object' } },
      'schema.properties.a.uniqueItems',
      'needs maxItems when items may be objects or lists',
    ],
    ['an unknown keyword', { minimun: 1 }, 'schema.properties.a.minimun', 'is not a keyword of contracts'],
    [
      'an unknown tag',
      { 'x-pi': true },
      'schema.properties.a.x-pi',
      'is no known tag; known are x-pii, x-access, x-mask, x-lineage, x-event-time, x-hints',
    ],
    [
      'a pattern that needs backtracking',
      { pattern: '(a)\\1' },
      'schema.properties.a.pattern',
      '"(a)\\1" cannot be matched in linear time: error parsing regexp: invalid escape sequence: `\\1`',
    ],
    [
      'an unknown format',
      { format: 'hostname' },
      'schema.properties.a.format',
      '"hostname" is no known format; known are date, date-time, uuid, email, uri; use pattern for others',
    ],
    [
      'a wrong type',
      { type: 'int' },
      'schema.properties.a.type',
      'must be of object, array, string, integer, number, boolean, null',
    ],
  ] as const)
    it(`refuses ${title}`, async () => {
      expect(await checkContract({ schema: { type: 'object', properties: { a: schema } } })).to.deep.equal([
        { path, message },
      ]);
    });

  it('refuses schemas deeper than 64', async () => {
    expect(await checkContract({ schema: { type: 'object', properties: { a: deep(62) } } })).to.deep.equal([]);
    const [problem] = await checkContract({ schema: { type: 'object', properties: { a: deep(63) } } });
    expect(problem?.message).to.equal('nests deeper than 64 schemas');
  });

  it('accepts what the quickstart uses', async () => {
    expect(await checkContract({ mode: 'closed', schema: flight })).to.deep.equal([]);
  });
});

describe('schemaHash and policyHash', () => {
  const of = (properties: unknown, more = {}) => ({
    mode: 'open' as const,
    schema: { type: 'object', properties, ...more },
  });
  const base = of({ a: { type: 'string' }, b: { type: 'integer' } });

  it('tell shapes and tags apart', () => {
    expect(schemaHash(base)).to.match(/^[0-9a-f]{64}$/);
    const tagged = of({ a: { type: 'string', 'x-pii': true }, b: { type: 'integer' } });
    expect(schemaHash(tagged)).to.equal(schemaHash(base));
    expect(policyHash(tagged)).not.to.equal(policyHash(base));
  });

  for (const [title, other] of [
    ['another field', of({ a: { type: 'string' }, c: { type: 'integer' } })],
    ['another order of fields', of({ b: { type: 'integer' }, a: { type: 'string' } })],
    ['another type', of({ a: { type: 'string' }, b: { type: 'number' } })],
    ['a required field', of(base.schema.properties, { required: ['a'] })],
    ['another mode', { ...base, mode: 'closed' as const }],
    ['a change within a definition', of(base.schema.properties, { $defs: { x: { type: 'string' } } })],
  ] as const)
    it(`sees ${title}`, () => {
      expect(schemaHash(other)).not.to.equal(schemaHash(base));
    });

  for (const [title, other] of [
    ['texts', of({ a: { type: 'string', description: 'x' }, b: { type: 'integer' } }, { title: 't' })],
    [
      'the order of keywords',
      { schema: { properties: base.schema.properties, type: 'object' }, mode: 'open' as const },
    ],
  ] as const)
    it(`does not see ${title}`, () => {
      expect(schemaHash(other)).to.equal(schemaHash(base));
    });

  it('do not confuse a field with a tag of its parent', () => {
    expect(policyHash(of({ 'x-pii': { type: 'string' } }))).to.equal(policyHash(of({})));
  });
});

describe('resolveRange', () => {
  const versions = ['1.0.0', '1.2.0', '1.10.0', '2.0.0', '0.3.1', '0.3.2', '0.4.0', 'bad'];
  for (const [range, version] of [
    ['^1', '1.10.0'],
    ['^1.2.0', '1.10.0'],
    ['~1.2', '1.2.0'],
    ['1.x', '1.10.0'],
    ['1.0.0', '1.0.0'],
    ['^0.3.1', '0.3.2'],
    ['*', '2.0.0'],
    ['^3', undefined],
    ['>1', undefined],
  ] as const)
    it(`finds ${version ?? 'nothing'} for ${range}`, () => {
      expect(resolveRange(range, versions)).to.equal(version);
    });
});
