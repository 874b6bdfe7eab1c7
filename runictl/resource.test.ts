import { expect } from 'chai';
import { findKind, nearest, parseOne, parseSelections } from './resource.ts';

describe('findKind', () => {
  for (const word of [
    'pipelines',
    'pipeline',
    'pl',
    'Pipeline',
    'PIPELINES',
    'pipelines.runink.io',
    'pipelines.v1.runink.io',
  ])
    it(`knows ${word}`, () => {
      expect(findKind(word).kind).to.equal('Pipeline');
    });
  it('says what was perhaps meant', () => {
    expect(() => findKind('piplines')).to.throw(
      `the server doesn't have a resource type "piplines". Did you mean "pipelines"?`,
    );
  });
  it('does not take a kind of another group', () => {
    expect(() => findKind('pipelines.example.org')).to.throw('resource type "pipelines.example.org"');
  });
});

describe('parseSelections', () => {
  for (const [args, expected] of [
    [['runs'], [['Run', []]]],
    [['run', 'a', 'b'], [['Run', ['a', 'b']]]],
    [
      ['run/a', 'slice/b', 'run/c'],
      [
        ['Run', ['a', 'c']],
        ['Slice', ['b']],
      ],
    ],
    [
      ['runs,nodes'],
      [
        ['Run', []],
        ['Node', []],
      ],
    ],
    [
      ['all'],
      [
        ['Pipeline', []],
        ['Run', []],
        ['Slice', []],
      ],
    ],
  ] as const)
    it(args.join(' '), () => {
      expect(parseSelections(args).map(({ kind, names }) => [kind.kind, names])).to.deep.equal(expected);
    });
  it('refuses a mixture', () => {
    expect(() => parseSelections(['run', 'slice/b'])).to.throw('"run" is not TYPE/NAME');
  });
});

describe('parseOne', () => {
  it('takes a bare name for the standard kind', () => {
    expect(parseOne(['x'], 'runs')).to.deep.include({ name: 'x' });
  });
  it('refuses several', () => {
    expect(() => parseOne(['run/a', 'run/b'])).to.throw('exactly one object');
  });
});

describe('nearest', () => {
  it('is silent when nothing is near', () => {
    expect(nearest('zebra', ['runs', 'slices'])).to.equal(undefined);
  });
});
