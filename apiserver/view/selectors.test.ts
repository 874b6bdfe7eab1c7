import { expect } from 'chai';
import { ApiError, kinds, type Unstructured } from '../../apis/index.ts';
import { fieldsMatch, parseFieldSelector } from './field-selector.ts';
import { parseLabelSelector } from './label-selector.ts';

describe('apiserver: label selectors', () => {
  const labels = { a: 'b', n: '5', 'x.io/y': '' };
  for (const [selector, holds] of [
    ['a=b', true],
    ['a==b', true],
    ['a = b , n', true],
    ['a!=b', false],
    ['z!=b', true],
    ['a', true],
    ['!a', false],
    ['!z', true],
    ['a in (b,c)', true],
    ['a in (c)', false],
    ['z in (c)', false],
    ['a notin (c, d)', true],
    ['z notin (c)', true],
    ['a notin (b)', false],
    ['n>4', true],
    ['n<4', false],
    ['n > 4,a in (b)', true],
    ['x.io/y=', true],
    ['x.io/y', true],
    ['in=x', false],
  ] as const) {
    it(`${selector} ${holds ? 'takes' : 'leaves'} the object`, () => {
      expect(parseLabelSelector(selector)?.(labels)).to.equal(holds);
    });
  }

  it('selects everything when empty', () => expect(parseLabelSelector('')).to.equal(undefined));

  for (const [selector, message] of [
    ['a===b', "unable to parse requirement: found '=', expected: identifier"],
    ['a=b=c', "unable to parse requirement: found '=', expected: ',' or 'end of string'"],
    ['a in b', "unable to parse requirement: found 'b', expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a,', "unable to parse requirement: found '', expected: !, identifier, or 'end of string'"],
    [
      'n>x',
      "unable to parse requirement: values[0][n]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
    ['a=-b-', /^unable to parse requirement: invalid label value: "-b-": at key: "a": a valid label must/],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ] as const) {
    it(`refuses ${selector}`, () => expect(() => parseLabelSelector(selector)).to.throw(ApiError, message));
  }
});

describe('apiserver: field selectors', () => {
  const slice: Unstructured = {
    metadata: { name: 's', namespace: 'h' },
    spec: { nodeName: 'n,1' },
    status: { phase: 'Running' },
  };
  for (const [selector, holds] of [
    ['', true],
    ['metadata.name=s', true],
    ['metadata.name=s,metadata.namespace=h', true],
    ['metadata.name!=s', false],
    ['spec.nodeName=n\\,1', true],
    ['spec.nodeName!=', true],
    ['status.phase==Running', true],
    ['spec.run=', true],
  ] as const) {
    it(`${selector === '' ? 'nothing' : selector} ${holds ? 'takes' : 'leaves'} the slice`, () => {
      expect(fieldsMatch(parseFieldSelector(selector, kinds.slices), slice)).to.equal(holds);
    });
  }

  for (const [selector, message] of [
    ['spec.x=1', 'field label not supported: spec.x'],
    ['foo', "invalid selector: 'foo'; can't understand 'foo'"],
  ] as const) {
    it(`refuses ${selector}`, () => {
      expect(() => parseFieldSelector(selector, kinds.slices)).to.throw(ApiError, message);
    });
  }

  it('reads an absent cordon as false', () => {
    const node: Unstructured = { metadata: { name: 'n' } };
    expect(fieldsMatch(parseFieldSelector('spec.unschedulable=false', kinds.nodes), node)).to.equal(true);
  });
});
