import { expect } from 'chai';
import type { Schema, ValidationRule } from '../../../apis/index.ts';
import { admitCustom } from '../custom/admit-custom.ts';
import { structuralProblems } from '../custom/definition.ts';

const ruled = (schema: Schema, ...rules: (string | ValidationRule)[]): Schema => ({
  ...schema,
  'x-kubernetes-validations': rules.map((rule) => (typeof rule === 'string' ? { rule } : rule)),
});
const object = (properties: Record<string, Schema>, more: Schema = {}): Schema => ({
  type: 'object',
  properties,
  ...more,
});
const int: Schema = { type: 'integer' };
const text: Schema = { type: 'string', maxLength: 100 };
const list = (items: Schema, more: Schema = {}): Schema => ({ type: 'array', items, maxItems: 20, ...more });

function told(spec: Schema, value: unknown, before?: unknown): string[] {
  const schema = object({ spec });
  expect(structuralProblems(schema, 'schema'), 'the definition').to.deep.equal([]);
  const old = before === undefined ? undefined : { spec: before };
  return admitCustom(schema, { spec: value }, old, undefined).causes.map((one) => `${one.field}: ${one.message}`);
}

// Each rule is true over its value: what users commonly write, and each function of Kubernetes' libraries.
const holding: readonly (readonly [Schema, string, unknown])[] = [
  [object({ a: int, b: int }), 'self.a <= self.b && self.a + 1 > self.b - 1', { a: 1, b: 2 }],
  [object({ a: int }), 'has(self.a) && !has(self.a) || self.a == 1', { a: 1 }],
  [object({ a: int, b: int }), 'has(self.a) ? has(self.b) : !has(self.b)', {}],
  [object({ a: { type: 'number' } }), 'self.a * 2.0 == 3.0 && self.a < 2', { a: 1.5 }],
  [object({ a: { type: 'number' } }), 'self.a == 3.0', { a: 3 }],
  [object({ a: { type: 'boolean' } }), '!self.a', { a: false }],
  [
    text,
    "self.startsWith('a') && self.endsWith('c') && self.contains('b') && self.size() == 3 && size(self) == 3",
    'abc',
  ],
  [text, "self.matches('^a+b?$')", 'aaab'],
  [text, "self in ['a', 'b']", 'a'],
  [text, "self.split(',').map(x, x.trim()).all(x, x != '') && self.lowerAscii().upperAscii() == 'A, B'", 'a, b'],
  [text, "self.replace('a', 'b') == 'bb' && self.replace('a', 'c', 1) == 'cb' && self.charAt(0) == 'a'", 'ab'],
  [text, "self.substring(1, 3) == 'bc' && self.indexOf('c') == 2 && self.reverse() == 'dcba'", 'abcd'],
  [text, "'%s has %d of %.2f'.format([self, 3, 1.5]) == 'x has 3 of 1.50'", 'x'],
  [text, 'int(self) == 12 && double(self) == 12.0 && string(12) == self && type(self) == string', '12'],
  [list(int), 'self.all(x, x > 0) && self.exists(x, x == 2) && self.exists_one(x, x == 3)', [1, 2, 3]],
  [list(int), 'self.sum() == 6 && self.min() == 1 && self.max() == 3 && self.isSorted()', [1, 2, 3]],
  [
    list(int),
    'self.filter(x, x % 2 == 1).map(x, x * 10) == [10, 30] && self.indexOf(2) == 1 && self[0] == 1',
    [1, 2, 3],
  ],
  [
    list(text),
    "self.join('-') == 'a-b' && sets.contains(self, ['b']) && sets.intersects(self, ['a', 'z'])",
    ['a', 'b'],
  ],
  [list(text), "sets.equivalent(self, ['b', 'a', 'a']) && self.lastIndexOf('b') == 1", ['a', 'b']],
  [
    list(object({ n: text, v: int })),
    "self.filter(x, x.n == 'a').all(x, x.v == 1)",
    [
      { n: 'a', v: 1 },
      { n: 'b', v: 2 },
    ],
  ],
  [
    { type: 'object', additionalProperties: int, maxProperties: 9 },
    "self.all(k, k.size() == 1 && self[k] > 0) && 'a' in self && self.size() == 2",
    { a: 1, b: 2 },
  ],
  [
    object({ o: object({ x: int }), p: object({ x: int }) }),
    'self.o == self.o && self.o.x == self.p.x',
    { o: { x: 1 }, p: { x: 1 } },
  ],
  [
    object({ a: int, o: object({ b: int }) }),
    'self.?o.?b.orValue(7) == 7 && self.?a.hasValue() && optional.of(1).value() == 1',
    { a: 1 },
  ],
  [{ 'x-kubernetes-int-or-string': true }, "type(self) == int ? self < 5 : self.matches('^[0-9]+%$')", '50%'],
  [{ 'x-kubernetes-int-or-string': true }, "type(self) == string ? self == '' : self < 5", 4],
  [
    text,
    "quantity(self).isGreaterThan(quantity('1Gi')) && isQuantity(self) && quantity('1').add(1).compareTo(quantity('2')) == 0",
    '2Gi',
  ],
  [text, "quantity('500m').sign() == 1 && !quantity('500m').isInteger() && quantity('3k').asInteger() == 3000", ''],
  [
    text,
    "isURL(self) && url(self).getHost() == 'a.b:8' && url(self).getPort() == '8' && url(self).getScheme() == 'https'",
    'https://a.b:8/c?d=1&d=2',
  ],
  [text, "url(self).getQuery() == {'d': ['1', '2']} && url(self).getEscapedPath() == '/c'", 'https://a.b:8/c?d=1&d=2'],
  [
    text,
    "self.find('[0-9]+') == '12' && self.findAll('[0-9]+') == ['12', '3'] && self.findAll('[0-9]', 1) == ['1']",
    'a12b3',
  ],
  [
    list(int),
    'self.distinct() == [2, 1] && self.sort() == [1, 2, 2] && self.reverse() == [2, 1, 2] && self.slice(0, 1) == [2]',
    [2, 1, 2],
  ],
  [
    list(int),
    'self.first().value() == 2 && self.last().orValue(0) == 1 && [self, self].flatten().size() == 4 && lists.range(3) == [0, 1, 2]',
    [2, 1],
  ],
  [
    object({ a: int }),
    'self.?a.optMap(v, v * 2).orValue(0) == 4 && !self.?a.optFlatMap(v, optional.none()).hasValue()',
    { a: 2 },
  ],
  [object({ a: int, b: int }), '!self.?b.optMap(v, v * 2).hasValue() && self.a == 2', { a: 2 }],
  [
    text,
    "ip(self).family() == 4 && ip(self).isGlobalUnicast() && !ip(self).isLoopback() && ip.isCanonical('2001:db8::1')",
    '10.0.0.1',
  ],
  [
    text,
    "cidr(self).containsIP('10.1.2.3') && cidr(self).prefixLength() == 8 && cidr(self).containsCIDR('10.0.0.0/16')",
    '10.0.0.0/8',
  ],
  [
    text,
    "cidr(self).masked() == cidr('fd00::/8') && cidr(self).ip() != ip('fd00::') && string(ip('fd00:0:0::1')) == 'fd00::1'",
    'fd00::1/8',
  ],
  [text, "!isIP('::ffff:1.2.3.4') && !isIP('01.2.3.4') && isIP(self) && ip(self).isLoopback()", '::1'],
  [text, "isIP(self) && isCIDR(self + '/8') && !isIP('x')", '10.0.0.0'],
  [{ type: 'string', format: 'duration' }, "self > duration('1h') && self.getMinutes() == 90", '1h30m'],
  [
    { type: 'string', format: 'date-time' },
    "self > timestamp('2020-01-01T00:00:00Z') && self.getFullYear() == 2021",
    '2021-06-01T00:00:00Z',
  ],
  [{ type: 'string', format: 'byte' }, "size(self) == 1 && self == b'a'", 'YQ=='],
  [
    object({ if: int, 'a-b': int, 'x.y': int, a__b: int, namespace: int }),
    'self.__if__ + self.a__dash__b + self.x__dot__y + self.a__underscores__b + self.__namespace__ == 15',
    { if: 1, 'a-b': 2, 'x.y': 3, a__b: 4, namespace: 5 },
  ],
  [object({ a: list(int, { nullable: true }) }, {}), '!has(self.a) || self.a.size() > 0', { a: [1] }],
  [object({ a: { ...text, enum: ['x', 'y'] } }), "self.a == 'x' ? true : self.a == 'y'", { a: 'y' }],
];

// The cases of Kubernetes' TestValidationExpressions and its neighbours, by property.
describe('apiserver: rules of users in CEL', () => {
  for (const [schema, rule, value] of holding) {
    it(`finds true: ${rule}`, () => {
      expect(told(ruled(schema, rule), value)).to.deep.equal([]);
      expect(told(ruled(schema, `!(${rule})`), value)).to.have.length(1);
    });
  }

  for (const [title, schema, value, causes] of [
    [
      'the rule itself',
      ruled(object({ a: int }), 'self.a > 1'),
      { a: 1 },
      ['spec: Invalid value: "object": failed rule: self.a > 1'],
    ],
    [
      'its message',
      ruled(object({ a: int }), { rule: 'self.a > 1', message: 'too small' }),
      { a: 1 },
      ['spec: Invalid value: "object": too small'],
    ],
    [
      'what messageExpression gives',
      ruled(int, { rule: 'self > 1', messageExpression: "'%d is too small'.format([self])" }),
      1,
      ['spec: Invalid value: 1: 1 is too small'],
    ],
    [
      'the message when messageExpression fails',
      ruled(list(int), { rule: 'self.size() > 3', message: 'few', messageExpression: 'string(self[5])' }),
      [1],
      ['spec: Invalid value: "array": few'],
    ],
    [
      'reason and field',
      ruled(object({ a: int }), { rule: 'self.a > 1', message: 'm', reason: 'FieldValueForbidden', fieldPath: '.a' }),
      { a: 1 },
      ['spec.a: Forbidden: m'],
    ],
    [
      'a key that is not there',
      ruled({ type: 'object', additionalProperties: int, maxProperties: 9 }, "self['x'] > 1"),
      {},
      ['spec: Invalid value: "object": no such key: x evaluating rule: self[\'x\'] > 1'],
    ],
    [
      'a rule of an item',
      object({ l: list(ruled(text, "self != ''")) }),
      { l: ['a', ''] },
      ['spec.l[1]: Invalid value: "": failed rule: self != \'\''],
    ],
    [
      'a rule in a map',
      { type: 'object', additionalProperties: ruled(int, 'self > 0') },
      { k: 0 },
      ['spec[k]: Invalid value: 0: failed rule: self > 0'],
    ],
    [
      'several',
      ruled(int, 'self > 1', 'self > 2', 'self > 0'),
      1,
      ['spec: Invalid value: 1: failed rule: self > 1', 'spec: Invalid value: 1: failed rule: self > 2'],
    ],
    [
      'none where the value is not even of its type',
      ruled(object({ a: int }), 'self.a > 1'),
      { a: 'x' },
      [
        'spec.a: Invalid value: "string": spec.a in body must be of type integer: "string"',
        '<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
      ],
    ],
  ] as const) {
    it(`tells ${title}`, () => expect(told(schema, value)).to.deep.equal(causes));
  }

  it('sees the name of a whole object', () => {
    const schema = ruled(object({ spec: object({}) }), "self.metadata.name.startsWith('a') && self.kind == 'K'");
    expect(structuralProblems(schema, 'schema')).to.deep.equal([]);
    const admitted = (name: string) =>
      admitCustom(schema, { apiVersion: 'x/v1', kind: 'K', metadata: { name } }, undefined, undefined).causes.length;
    expect([admitted('a'), admitted('b')]).to.deep.equal([0, 1]);
  });
});

// The cases of Kubernetes' TestValidationExpressionsAtSchemaLevels for transition rules, and of ratcheting, by property.
describe('apiserver: rules over an update', () => {
  const fixed = ruled(text, { rule: 'self == oldSelf', message: 'fixed' });
  const named = list(object({ name: text, v: ruled(int, 'self >= oldSelf'), w: int }, { required: ['name'] }), {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
  });
  for (const [title, schema, before, after, count] of [
    ['are not asked on creates', fixed, undefined, 'a', 0],
    ['hold an unchanged value', fixed, 'a', 'a', 0],
    ['refuse a changed one', fixed, 'a', 'b', 1],
    ['are not asked of a field that is new', object({ a: fixed }), {}, { a: 'x' }, 0],
    [
      'follow items of a map list by their keys',
      named,
      [{ name: 'x', v: 2 }],
      [
        { name: 'y', v: 1 },
        { name: 'x', v: 1 },
      ],
      1,
    ],
    ['do not excuse what is the same but was already wrong by them', ruled(int, 'self > oldSelf'), 1, 1, 1],
    [
      'are asked on creates too where oldSelf is optional',
      ruled(text, { rule: "oldSelf.hasValue() || self == 'a'", optionalOldSelf: true }),
      undefined,
      'b',
      1,
    ],
    [
      'know optional oldSelf on updates',
      ruled(text, { rule: "oldSelf.orValue('') == 'b'", optionalOldSelf: true }),
      'b',
      'c',
      0,
    ],
    [
      'of other kinds excuse what did not change',
      object({ a: ruled(int, 'self > 1'), b: int }),
      { a: 1, b: 1 },
      { a: 1, b: 2 },
      0,
    ],
    ['of other kinds refuse what did', object({ a: ruled(int, 'self > 1'), b: int }), { a: 1 }, { a: 0 }, 1],
    [
      'of other kinds refuse a whole that changed',
      ruled(object({ a: int, b: int }), 'self.a > 1'),
      { a: 1, b: 1 },
      { a: 1, b: 2 },
      1,
    ],
    [
      'of other kinds excuse items of an unchanged list',
      object({ l: list(ruled(int, 'self > 1')), b: int }),
      { l: [1], b: 1 },
      { l: [1], b: 2 },
      0,
    ],
  ] as const) {
    it(title, () => expect(told(schema, after, before)).to.have.length(count));
  }
});
