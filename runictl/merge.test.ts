import { expect } from 'chai';
import { isEqual, lastApplied, lastAppliedAnnotation, threeWayPatch, withLastApplied } from './merge.ts';

describe('threeWayPatch', () => {
  for (const [title, original, wanted, live, patch] of [
    ['is empty when nothing differs', { a: 1 }, { a: 1 }, { a: 1, status: { x: 1 } }, {}],
    ['adds what is missing', {}, { a: 1, b: { c: 2 } }, { a: 1 }, { b: { c: 2 } }],
    [
      'changes what differs, deep down',
      { b: { c: 1, d: 1 } },
      { b: { c: 2, d: 1 } },
      { b: { c: 1, d: 1 } },
      { b: { c: 2 } },
    ],
    [
      'deletes what was applied and is no longer wanted',
      { a: 1, b: { c: 1 } },
      { b: {} },
      { a: 1, b: { c: 1 } },
      { a: null, b: { c: null } },
    ],
    ['leaves what others set', { a: 1 }, { a: 1 }, { a: 1, theirs: 2 }, {}],
    ['replaces lists whole', { l: [1, 2] }, { l: [1, 3] }, { l: [1, 2] }, { l: [1, 3] }],
    ['undoes what others changed', { a: 1 }, { a: 1 }, { a: 5 }, { a: 1 }],
    ['deletes nothing when it does not know what was applied', undefined, { a: 1 }, { a: 1, b: 2 }, {}],
    [
      'does not mind the order of keys',
      {},
      { o: { x: 1, y: [{ p: 1, q: 2 }] } },
      { o: { y: [{ q: 2, p: 1 }], x: 1 } },
      {},
    ],
    ['turns an object into a scalar', { a: { b: 1 } }, { a: 'x' }, { a: { b: 1 } }, { a: 'x' }],
  ] as const)
    it(title, () => {
      expect(threeWayPatch(original, wanted, live)).to.deep.equal(patch);
    });
});

describe('withLastApplied', () => {
  const object = {
    apiVersion: 'runink.io/v1',
    kind: 'Pipeline',
    metadata: { name: 'p', namespace: 'h' },
    spec: { b: 1, a: 2 },
  };

  it('records the object as kubectl does: sorted, with empty annotations and a newline', () => {
    expect(withLastApplied(object).metadata.annotations).to.deep.equal({
      [lastAppliedAnnotation]:
        '{"apiVersion":"runink.io/v1","kind":"Pipeline","metadata":{"annotations":{},"name":"p","namespace":"h"},"spec":{"a":2,"b":1}}\n',
    });
  });
  it('does not nest when done twice', () => {
    expect(withLastApplied(withLastApplied(object))).to.deep.equal(withLastApplied(object));
  });
  it('can be read back', () => {
    expect(
      isEqual(lastApplied(withLastApplied(object)), { ...object, metadata: { ...object.metadata, annotations: {} } }),
    ).to.equal(true);
  });
  it('gives nothing for an object that was never applied, or whose record is broken', () => {
    expect(lastApplied(object)).to.equal(undefined);
    expect(lastApplied({ ...object, metadata: { name: 'p', annotations: { [lastAppliedAnnotation]: '{' } } })).to.equal(
      undefined,
    );
  });
});
