import { expect } from 'chai';
import type { Schema } from '../../../apis/index.ts';
import { admitCustom } from '../custom/admit-custom.ts';
import { structuralProblems } from '../custom/definition.ts';

const t: Schema = { type: 'string', maxLength: 64 };
const i: Schema = { type: 'integer' };
const o = (properties: Record<string, Schema>, more: Schema = {}): Schema => ({ type: 'object', properties, ...more });
const l = (items: Schema): Schema => ({ type: 'array', items, maxItems: 16 });
const ios: Schema = { 'x-kubernetes-int-or-string': true };
const named = l(o({ name: t, port: i, type: t, values: l(t), operator: t }));

/** Schema, a rule that is true, the value, and what the value was if the rule speaks of that. */
const cases: readonly (readonly [Schema, string, unknown, unknown?])[] = [
  [
    named,
    'self.all(l1, self.exists_one(l2, l1.name == l2.name && (!has(l1.port) || l1.port == l2.port)))',
    [{ name: 'a', port: 1 }],
  ],
  [named, "self.filter(f, f.type == 'RequestRedirect').size() <= 1", [{ type: 'RequestRedirect' }]],
  [named, "self.all(x, x.operator == 'In' ? x.values.size() != 0 : true)", [{ operator: 'In', values: ['a'] }]],
  [
    o({ path: o({ type: t, value: t }), method: t }),
    "(!has(self.path) || !has(self.path.type)) ? true : self.path.type == 'Exact' ? self.path.value.startsWith('/') : true",
    { path: { type: 'Exact', value: '/a' } },
  ],
  [o({ a: i, b: i }), '[has(self.a), has(self.b)].exists_one(x, x)', { a: 1 }],
  [o({ a: i, b: i }), '[has(self.a), has(self.b)].filter(x, x).size() == 1', { a: 1 }],
  [o({ a: i, b: i }), '(has(self.a) ? 1 : 0) + (has(self.b) ? 1 : 0) == 1', { a: 1 }],
  [
    { type: 'object', additionalProperties: t, maxProperties: 8 },
    "self.all(x, x in ['a','b'] || !x.find('^([^/]+)').endsWith('kubernetes.io'))",
    { a: 'x', 'c.io/x': 'y' },
  ],
  [
    { type: 'object', additionalProperties: t, maxProperties: 8 },
    "!('foo' in self) && self.exists(k, self[k] == 'x') && self.map(k, self[k]).size() == 1",
    { a: 'x' },
  ],
  [
    { type: 'object', additionalProperties: l(t), maxProperties: 8 },
    "self.all(k, self[k].all(v, v != '')) && self.filter(k, self[k].size() > 1) == ['a']",
    { a: ['x', 'y'] },
  ],
  [ios, 'int(self) >= 0', 5],
  [ios, 'type(self) == int ? self >= 0 : true', 5],
  [ios, "string(self) == '5'", 5],
  [ios, "type(self) == string && self.matches(r'^(\\d+(\\.\\d+)?%)$')", '50%'],
  [ios, "type(self) == int ? self < 100 : double(self.replace('%', '')) < 101.0", '50%'],
  [
    o({ t }),
    "self.t.matches('^([0-9]{1,5}(h|m|s|ms)){1,4}$') && duration(self.t) != duration('0s') && duration(self.t) >= duration('1s')",
    { t: '1m30s' },
  ],
  [
    o({ r: i, m: i }),
    'self.r <= self.m && self.r in [0, 1, 2] && self.r % 2 == 1 && -self.r < 0 && self.r / 1 == 1',
    { r: 1, m: 3 },
  ],
  [
    o({ l: l(t), m: l(t) }),
    'size(self.l) == size(self.m) && self.l + self.m == ["a", "b"] && self.?l[?0].orValue("") == "a"',
    { l: ['a'], m: ['b'] },
  ],
  [
    o({ l: l(i) }),
    'self.l.map(x, x * 2).sum() == 6 && self.l.max() - self.l.min() == 1 && dyn(self.l).size() == 2',
    { l: [1, 2] },
  ],
  [
    o({ a: o({ b: o({ c: t }) }) }),
    'has(self.a.b) && has(self.a.b.c) && self.a.b.c == """x"""',
    { a: { b: { c: 'x' } } },
  ],
  [
    o({ a: { type: 'boolean' }, b: { type: 'boolean' } }),
    'self.a != self.b && (self.a || self.b) && !(self.a && self.b)',
    { a: true, b: false },
  ],
  [o({ a: { type: 'number' } }), 'self.a >= 0.0 && self.a <= 1.0 && int(self.a * 10.0) == 5', { a: 0.5 }],
  [
    o({ t: { type: 'string', format: 'date-time' } }),
    "self.t < timestamp('2030-01-01T00:00:00Z') && self.t + duration('24h') > self.t && string(self.t) == '2021-01-01T00:00:00Z'",
    { t: '2021-01-01T00:00:00Z' },
  ],
  [
    o({ cidr: t }),
    "cidr(self.cidr).ip().family() == 4 && isCIDR(self.cidr) && self.cidr.endsWith('/8')",
    { cidr: '10.0.0.0/8' },
  ],
  [
    o({ a: t, b: t }),
    "!has(self.a) || (has(self.b) && self.b.size() > 0 && !self.a.contains('..') && !self.a.startsWith('/'))",
    { a: 'x', b: 'y' },
  ],
  [o({ a: { ...t, nullable: true } }), "!has(self.a) || self.a != 'x'", { a: null }],
  [o({ a: { ...t, default: 'd' } }), "self.a == 'd'", {}],
  [o({ a: o({ x: i }, { nullable: true }) }), 'self.a == null', { a: null }],
  [o({ a: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }), 'has(self.a)', { a: { z: 1 } }],
  [
    o({ a: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true } }),
    "self.a.kind == 'Pod' && self.a.metadata.name == 'n'",
    { a: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'n' } } },
  ],
  [l(t), "self == ['a'] && self != ['b'] && 'a' in self && !(self in [['b']])", ['a']],
  [t, "self == oldSelf || oldSelf == ''", 'a', 'a'],
  [o({ v: t }), '!has(oldSelf.v) || has(self.v)', { v: 'a' }, {}],
  [l(o({ k: t, v: t })), 'oldSelf.all(x, self.exists(y, y.k == x.k))', [{ k: 'a' }], [{ k: 'a' }]],
  [o({ n: i }), 'self.n > 9223372036854775807 || self.n == 5', { n: 5 }],
  [
    o({ q: t }),
    "quantity(self.q).isLessThan(quantity('10Gi')) && !quantity(self.q).isLessThan(quantity('1Gi')) && quantity(self.q) == quantity('2048Mi')",
    { q: '2Gi' },
  ],
  [
    o({ u: t }),
    "url(self.u).getScheme() in ['http', 'https'] && url(self.u).getHostname() != ''",
    { u: 'https://x.y/z' },
  ],
  [o({ a: t }), 'self.a.upperAscii() == "X" && "x" == self.a && \'%s-%d\'.format([self.a, 1]) == "x-1"', { a: 'x' }],
  [
    o({ list: l(o({ n: t, p: l(o({ q: i })) })) }),
    'self.list.all(a, a.p.all(b, b.q > 0))',
    { list: [{ n: 'a', p: [{ q: 1 }] }] },
  ],
  [
    o({ m: { type: 'object', additionalProperties: o({ x: i }), maxProperties: 4 } }),
    "self.m.all(k, self.m[k].x > 0) && self.m['a'].x == 1 && self.m.a.x == 1",
    { m: { a: { x: 1 } } },
  ],
];

describe('apiserver: rules in the ways that definitions write them', () => {
  for (const [schema, rule, value, before] of cases) {
    it(`takes and finds true: ${rule}`, () => {
      const root = o({ spec: { ...schema, 'x-kubernetes-validations': [{ rule }] } });
      expect(structuralProblems(root, 's')).to.deep.equal([]);
      const old = before === undefined ? undefined : { spec: before };
      const { causes } = admitCustom(root, { spec: value }, old, undefined);
      expect(causes.map((one) => one.message)).to.deep.equal([]);
    });
  }
});
