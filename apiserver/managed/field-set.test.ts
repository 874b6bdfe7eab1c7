import { expect } from 'chai';
import fc from 'fast-check';
import { difference, eachPath, type FieldSet, intersection, isMember, sameSet, sorted, union } from './field-set.ts';
import { parseFieldSet, pathText } from './path-element.ts';

const element = fc.constantFrom('f:a', 'f:b', 'k:{"n":1}', 'v:"x"');
const paths = fc.array(fc.array(element, { minLength: 1, maxLength: 3 }), { maxLength: 8 });

/** The set of these paths. */
function setOf(given: readonly (readonly string[])[]): FieldSet {
  return given.map((path) => path.reduceRight<FieldSet>((below, part) => ({ [part]: below }), {})).reduce(union, {});
}

function pathsOf(set: FieldSet): string[] {
  const found: string[] = [];
  eachPath(set, (path) => found.push(path.join(' ')));
  return found.sort();
}

const texts = (given: readonly (readonly string[])[]) => new Set(given.map((path) => path.join(' ')));

describe('apiserver: sets of fields', () => {
  it('are sets of paths', () => {
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        const [left, right] = [texts(a), texts(b)];
        const [leftSet, rightSet] = [setOf(a), setOf(b)];
        const only = [...left].filter((path) => !right.has(path)).sort();
        const both = [...left].filter((path) => right.has(path)).sort();
        expect(pathsOf(union(leftSet, rightSet)), 'union').to.deep.equal([...new Set([...left, ...right])].sort());
        expect(pathsOf(difference(leftSet, rightSet)), 'difference').to.deep.equal(only);
        expect(pathsOf(intersection(leftSet, rightSet)), 'both').to.deep.equal(both);
        expect(sameSet(leftSet, rightSet), 'same').to.equal(only.length === 0 && left.size === right.size);
        expect(pathsOf(sorted(leftSet))).to.deep.equal(pathsOf(leftSet));
        expect(parseFieldSet(leftSet)).to.deep.equal(leftSet);
      }),
      { numRuns: 300 },
    );
  });

  it('give back the same when nothing goes', () => {
    const set = { 'f:spec': { '.': {}, 'f:a': {} } };
    expect(difference(set, { 'f:spec': { 'f:b': {} } })).to.equal(set);
    expect(sorted(set)).to.equal(set);
  });

  it('tell a field from what only holds one', () => {
    const nodes: FieldSet[] = [{}, { '.': {}, 'f:a': {} }, { 'f:a': {} }];
    expect(nodes.map(isMember)).to.deep.equal([true, true, false]);
  });

  for (const [title, given, result] of [
    ['brings keys in order', { 'f:x': { 'k:{"b":2, "a":1}': {} } }, { 'f:x': { 'k:{"a":1,"b":2}': {} } }],
    ['brings values into one form', { 'v:1.0': {}, 'v:"\\u0061"': {} }, { 'v:1': {}, 'v:"a"': {} }],
    ['leaves out sorts of elements that it does not know', { 'z:x': {}, 'f:a': {} }, { 'f:a': {} }],
    ['takes indices', { 'i:0': {} }, { 'i:0': {} }],
    ['refuses a key without colon', { a: {} }, 'invalid path element "a"'],
    ['refuses an index that is none', { 'i:x': {} }, 'invalid path element "i:x"'],
    ['refuses a value that is no JSON', { 'v:x': {} }, 'invalid path element "v:x"'],
    ['refuses what is no tree', { 'f:a': 1 }, 'fieldsV1 must be an object'],
  ] as const) {
    it(`of a client: ${title}`, () => expect(parseFieldSet(given)).to.deep.equal(result));
  }

  for (const [path, text] of [
    [['f:spec', 'f:steps', 'k:{"name":"a"}', 'f:run'], '.spec.steps[name="a"].run'],
    [['f:ports', 'k:{"port":80,"protocol":"TCP"}'], '.ports[port=80,protocol="TCP"]'],
    [['f:finalizers', 'v:"x/y"'], '.finalizers[="x/y"]'],
    [['f:list', 'i:3'], '.list[3]'],
  ] as const) {
    it(`are written in messages as ${text}`, () => expect(pathText(path)).to.equal(text));
  }
});
