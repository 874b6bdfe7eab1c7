import { expect } from 'chai';
import { ApiError, kinds } from '../../apis/index.ts';
import { rootSchema } from '../schema/admit.ts';
import { immutableProblems } from './immutable.ts';
import { mergePatch } from './merge-patch.ts';
import { patchTypeOf } from './patch.ts';
import { strategicPatch } from './strategic-patch.ts';

describe('apiserver: merge patch', () => {
  // The examples of RFC 7386, appendix A.
  for (const [target, patch, result] of [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ] as const) {
    it(`${JSON.stringify(target)} + ${JSON.stringify(patch)}`, () => {
      expect(mergePatch(target, patch)).to.deep.equal(result);
    });
  }
});

describe('apiserver: strategic merge patch', () => {
  const node = rootSchema(kinds.nodes);
  const conditions = [
    { type: 'Ready', status: 'True', reason: 'Well' },
    { type: 'Disk', status: 'True' },
  ];
  for (const [title, target, patch, result] of [
    [
      'merges maps and drops nulls',
      { metadata: { labels: { a: '1', b: '2' } } },
      { metadata: { labels: { a: null, c: '3' } } },
      { metadata: { labels: { b: '2', c: '3' } } },
    ],
    [
      'merges a list by its key',
      { status: { conditions } },
      { status: { conditions: [{ type: 'Ready', status: 'False' }] } },
      {
        status: {
          conditions: [
            { type: 'Ready', status: 'False', reason: 'Well' },
            { type: 'Disk', status: 'True' },
          ],
        },
      },
    ],
    [
      'adds to a list',
      { status: {} },
      { status: { conditions: [{ type: 'A', status: 'True' }] } },
      { status: { conditions: [{ type: 'A', status: 'True' }] } },
    ],
    [
      'deletes from a list',
      { status: { conditions } },
      { status: { conditions: [{ $patch: 'delete', type: 'Disk' }] } },
      { status: { conditions: [conditions[0]] } },
    ],
    [
      'replaces a list when told so',
      { status: { conditions } },
      { status: { conditions: [{ $patch: 'replace' }, { type: 'A', status: 'True' }] } },
      { status: { conditions: [{ type: 'A', status: 'True' }] } },
    ],
    [
      'orders a list',
      { status: { conditions } },
      { status: { '$setElementOrder/conditions': [{ type: 'Disk' }, { type: 'Ready' }] } },
      { status: { conditions: [conditions[1], conditions[0]] } },
    ],
    [
      'replaces an atomic list',
      { spec: { taints: [{ key: 'a', effect: 'NoExecute' }] } },
      { spec: { taints: [{ key: 'b', effect: 'NoSchedule' }] } },
      { spec: { taints: [{ key: 'b', effect: 'NoSchedule' }] } },
    ],
    [
      'unites a set',
      { metadata: { finalizers: ['a'] } },
      { metadata: { finalizers: ['b', 'a'] } },
      { metadata: { finalizers: ['a', 'b'] } },
    ],
    [
      'takes from a set',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } },
      { metadata: { finalizers: ['b'] } },
    ],
    [
      'replaces a map when told so',
      { metadata: { labels: { a: '1' } } },
      { metadata: { labels: { $patch: 'replace', b: '2' } } },
      { metadata: { labels: { b: '2' } } },
    ],
    [
      'orders what the order names, and keeps the others before what they stood before',
      { status: { conditions: [{ type: 'A' }, { type: 'X' }, { type: 'B' }, { type: 'Y' }] } },
      {
        status: {
          '$setElementOrder/conditions': [{ type: 'B' }, { type: 'A' }, { type: 'N' }],
          conditions: [{ type: 'N', status: 'True' }],
        },
      },
      {
        status: {
          conditions: [{ type: 'X' }, { type: 'B' }, { type: 'A' }, { type: 'N', status: 'True' }, { type: 'Y' }],
        },
      },
    ],
    [
      'orders a set',
      { metadata: { finalizers: ['a', 'x', 'b'] } },
      { metadata: { '$setElementOrder/finalizers': ['b', 'a', 'c'], finalizers: ['c'] } },
      { metadata: { finalizers: ['x', 'b', 'a', 'c'] } },
    ],
    [
      'makes no list of an order alone',
      { status: {} },
      { status: { '$setElementOrder/conditions': [{ type: 'A' }] } },
      { status: {} },
    ],
    ['retains only named keys', { spec: { a: 1, b: 2 } }, { spec: { $retainKeys: ['a'], a: 3 } }, { spec: { a: 3 } }],
  ] as const) {
    it(title, () => expect(strategicPatch(node, target, patch)).to.deep.equal(result));
  }

  it('refuses an item without its key', () => {
    expect(() => strategicPatch(node, {}, { status: { conditions: [{ status: 'x' }] } })).to.throw(
      ApiError,
      'does not contain declared merge key: type',
    );
  });

  for (const [title, patch, words] of [
    ['an unknown directive', { spec: { $patch: 'conjure' } }, 'unknown patch type found: conjure'],
    [
      'an unknown one in a list',
      { status: { conditions: [{ $patch: 'x', type: 'A' }] } },
      'unknown patch type found: x',
    ],
    [
      'merging said of an item',
      { status: { conditions: [{ $patch: 'merge', type: 'A' }] } },
      'cannot yet be specified',
    ],
    ['a key that is not retained', { spec: { $retainKeys: ['a'], b: 1 } }, 'invalid patch format of retainKeys'],
    [
      'an item without a place in the order',
      { status: { '$setElementOrder/conditions': [{ type: 'A' }], conditions: [{ type: 'B' }] } },
      "doesn't match $setElementOrder list",
    ],
  ] as const) {
    it(`refuses ${title}`, () => expect(() => strategicPatch(node, {}, patch)).to.throw(ApiError, words));
  }

  it('is taken for kinds of Kubernetes only', () => {
    const type = 'application/strategic-merge-patch+json';
    expect(patchTypeOf({ info: kinds.secrets }, type)).to.equal('strategic');
    expect(patchTypeOf({ info: kinds.leases }, type)).to.equal('strategic');
    expect(() => patchTypeOf({ info: kinds.pipelines }, type)).to.throw(
      ApiError,
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    );
    expect(patchTypeOf({ info: kinds.pipelines }, 'application/apply-patch+yaml')).to.equal('apply');
  });
});

describe('apiserver: immutable fields', () => {
  const run = (spec: Record<string, unknown>) => ({ metadata: {}, spec });
  it('names the field that changed, and lets the excepted one change', () => {
    const before = run({ plan: { steps: [1], a: 1 }, cancel: false });
    expect(immutableProblems(kinds.runs, run({ plan: { steps: [1], a: 1 }, cancel: true }), before)).to.deep.equal([]);
    expect(immutableProblems(kinds.runs, run({ plan: { steps: [2], a: 1 } }), before)).to.deep.equal([
      { reason: 'FieldValueForbidden', message: 'Forbidden: field is immutable', field: 'spec.plan.steps' },
    ]);
  });
});
