import { expect } from 'chai';
import { type KindInfo, kinds } from '../../apis/index.ts';
import { metaProblems } from './meta.ts';

const problems = (metadata: Record<string, unknown>, info: KindInfo = kinds.pipelines) =>
  metaProblems(info, { name: 'x', ...metadata }).map((cause) => `${cause.field}: ${cause.message.slice(0, 40)}`);

describe('apiserver: metadata', () => {
  for (const [title, metadata, found] of [
    ['good metadata', { labels: { 'a.b/c': '', d: 'E_f' }, annotations: { 'x/y': '\n' }, finalizers: ['a.io/b'] }, []],
    ['no name', { name: '' }, ['metadata.name: Required value: name or generateName is ']],
    ['a bad name', { name: 'Bad_Name' }, ['metadata.name: Invalid value: "Bad_Name": a lowercase R']],
    ['a path for a name', { name: '../x' }, ['metadata.name: Invalid value: "../x": a lowercase RFC 1']],
    [
      'a bad label',
      { labels: { 'a b': 'c d' } },
      [
        'metadata.labels: Invalid value: "a b": name part must con',
        'metadata.labels: Invalid value: "c d": a valid label must',
      ],
    ],
    [
      'a label key of two slashes',
      { labels: { 'a/b/c': '' } },
      ['metadata.labels: Invalid value: "a/b/c": a qualified name'],
    ],
    ['a bad finalizer', { finalizers: ['a b'] }, ['metadata.finalizers: Invalid value: "a b": name part must con']],
    [
      'annotations that are too large',
      { annotations: { a: 'x'.repeat(262_145) } },
      ['metadata.annotations: Too long: may not be more than 262144 by'],
    ],
    [
      'two managing owners',
      {
        ownerReferences: [
          { apiVersion: 'v1', kind: 'K', name: 'a', uid: '1', controller: true },
          { apiVersion: 'v1', kind: 'K', name: 'b', uid: '2', controller: true },
        ],
      },
      ['metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind'],
    ],
    [
      'an owner without uid',
      { ownerReferences: [{ apiVersion: 'v1', kind: 'K', name: 'a', uid: '' }] },
      ['metadata.ownerReferences[0].uid: Invalid value: "": must not be empty'],
    ],
  ] as const) {
    it(`judges ${title}`, () => expect(problems(metadata)).to.deep.equal(found));
  }

  it('takes no dots in the name of a herd', () => {
    expect(problems({ name: 'a.b' }, kinds.herds)).to.have.length(1);
    expect(problems({ name: 'a.b' }, kinds.namespaces)).to.have.length(1);
    expect(problems({ name: 'a.b' })).to.deep.equal([]);
  });
});
