import { expect } from 'chai';
import { jsonPathAll, pathProblem } from './json-path.ts';

const object = {
  spec: { a: 1, 'b.c': 'dotted', list: [{ name: 'x', n: 1 }, { name: 'y', n: 2 }, { name: 'z' }] },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Other', status: 'False' },
    ],
  },
};

describe('apiserver: JSONPath', () => {
  for (const [path, values] of [
    ['.spec.a', [1]],
    ['$.spec.a', [1]],
    ['.spec.none.more', []],
    ['.spec.b\\.c', ['dotted']],
    [".spec['b.c']", ['dotted']],
    ['.spec.list[0].name', ['x']],
    ['.spec.list[-1].name', ['z']],
    ['.spec.list[*].name', ['x', 'y', 'z']],
    ['.spec.list[1:].name', ['y', 'z']],
    ['.spec.list[0,2].name', ['x', 'z']],
    ['.spec.list[?(@.n)].name', ['x', 'y']],
    ['.spec.list[?(@.n>1)].name', ['y']],
    ['.spec.list[?(@.n == 1)].name', ['x']],
    [".status.conditions[?(@.type=='Ready')].status", ['True']],
    ['.status.conditions[?(@.type=="Ready")].status', ['True']],
    ['.status.conditions[?(@.type!="Ready")].status', ['False']],
    ['.spec.list.name', []],
    ['..name', ['x', 'y', 'z']],
  ] as const) {
    it(`finds ${JSON.stringify(values)} at ${path}`, () => {
      expect(jsonPathAll(object, path)).to.deep.equal(values);
    });
  }
  for (const path of ['.spec[', '.spec[?(x)]', '.spec.list[a]', '.spec..', '.a b', ".spec['a"]) {
    it(`refuses ${path}`, () => {
      expect(pathProblem(path)).to.be.a('string');
    });
  }
});
