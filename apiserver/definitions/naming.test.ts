import { expect } from 'chai';
import type { CustomResourceDefinition, CustomResourceNames } from '../../apis/index.ts';
import { conditionIn } from '../../apis/index.ts';
import { planNames } from './naming.ts';

const full = (names: CustomResourceNames): CustomResourceNames => ({
  singular: names.kind.toLowerCase(),
  listKind: `${names.kind}List`,
  ...names,
});

function definition(
  names: CustomResourceNames,
  more: Partial<CustomResourceDefinition> = {},
  group = 'example.com',
): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${names.plural}.${group}`, uid: `uid-${names.plural}` },
    spec: { group, scope: 'Cluster', names: full(names), versions: [{ name: 'v1', served: true, storage: true }] },
    ...more,
  };
}

const accepted = (names: CustomResourceNames, established = true): Partial<CustomResourceDefinition> => ({
  status: {
    acceptedNames: full(names),
    conditions: [
      { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' },
      {
        type: 'Established',
        status: established ? 'True' : 'False',
        reason: 'InitialNamesAccepted',
        message: 'the initial names have been accepted',
      },
    ],
  },
});

const toys: CustomResourceNames = { plural: 'toys', kind: 'Toy', shortNames: ['t'] };
const time = '2026-01-01T00:00:00Z';

/** What comes of each: the reasons of both conditions, or nothing where nothing is to be written. */
function outcome(definitions: readonly CustomResourceDefinition[]): readonly (readonly (string | undefined)[])[] {
  return planNames(definitions, [], time).map(({ definition: { metadata }, status }) => {
    const after = { ...definition(toys), status };
    return [metadata.name, conditionIn(after, 'NamesAccepted')?.reason, conditionIn(after, 'Established')?.reason];
  });
}

const fresh = ['NoConflicts', 'InitialNamesAccepted'] as const;

describe('apiserver: names of definitions', () => {
  for (const [title, definitions, expected] of [
    ['a new one gets its names', [definition(toys)], [['toys.example.com', ...fresh]]],
    ['one that has them is left alone', [definition(toys, accepted(toys))], []],
    [
      'the older of two has the kind',
      [definition(toys), definition({ plural: 'others', kind: 'Toy' })],
      [
        ['toys.example.com', ...fresh],
        ['others.example.com', 'ListKindConflict', 'NotAccepted'],
      ],
    ],
    [
      'whoever was accepted before has them, even from an older one',
      [definition({ plural: 'others', kind: 'Other', shortNames: ['t'] }), definition(toys, accepted(toys))],
      [['others.example.com', 'ShortNamesConflict', 'NotAccepted']],
    ],
    [
      'a plural may not be another one’s short name',
      [definition(toys, accepted(toys)), definition({ plural: 't', kind: 'Other' })],
      [['t.example.com', 'PluralConflict', 'NotAccepted']],
    ],
    [
      'a singular may not be another one’s plural',
      [definition(toys, accepted(toys)), definition({ plural: 'others', kind: 'Other', singular: 'toys' })],
      [['others.example.com', 'SingularConflict', 'NotAccepted']],
    ],
    [
      'a list kind may not be another one’s kind',
      [definition(toys, accepted(toys)), definition({ plural: 'others', kind: 'Other', listKind: 'Toy' })],
      [['others.example.com', 'ListKindConflict', 'NotAccepted']],
    ],
    [
      'other groups have names of their own',
      [definition(toys, accepted(toys)), definition(toys, { metadata: { name: 'x', uid: 'x' } }, 'other.io')],
      [['x', ...fresh]],
    ],
    [
      'one that is established stays so when it asks for a name that is taken',
      [
        definition(toys, accepted(toys)),
        {
          ...definition({ plural: 'others', kind: 'Other', shortNames: ['t'] }),
          ...accepted({ plural: 'others', kind: 'Other' }),
        },
      ],
      [['others.example.com', 'ShortNamesConflict', 'InitialNamesAccepted']],
    ],
    [
      'one that is going keeps its names',
      [
        {
          ...definition(toys, accepted(toys)),
          metadata: { name: 'toys.example.com', uid: 'uid-toys', deletionTimestamp: time },
        },
        definition({ plural: 'others', kind: 'Toy' }),
      ],
      [['others.example.com', 'ListKindConflict', 'NotAccepted']],
    ],
    [
      'a short name may be its own plural',
      [definition({ plural: 'toys', kind: 'Toy', shortNames: ['toys'] })],
      [['toys.example.com', ...fresh]],
    ],
  ] as const) {
    it(title, () => {
      expect(outcome(definitions)).to.deep.equal(expected);
    });
  }

  it('what is built in has its names in its group', () => {
    const builtIn = { group: 'example.com', plural: 'toys', singular: 'toy', shortNames: [], kind: 'Toy' };
    const [change] = planNames([definition(toys)], [builtIn], time);
    const after = { ...definition(toys), status: change?.status ?? {} };
    expect(conditionIn(after, 'NamesAccepted')).to.deep.equal({
      type: 'NamesAccepted',
      status: 'False',
      reason: 'KindConflict',
      message: '"Toy" is already in use',
      lastTransitionTime: time,
    });
    expect(after.status.acceptedNames?.plural).to.equal('');
  });

  it('what can be had is taken where another name cannot', () => {
    const [change] = planNames(
      [definition(toys, accepted(toys)), definition({ plural: 'others', kind: 'Toy', shortNames: ['o'] })],
      [],
      time,
    );
    expect(change?.status.acceptedNames).to.deep.equal({
      plural: 'others',
      shortNames: ['o'],
      kind: '',
    });
  });

  it('are free again when who had them is gone', () => {
    const waiting = definition({ plural: 'others', kind: 'Toy', singular: 'other' });
    const [first] = planNames([definition(toys, accepted(toys)), waiting], [], time);
    const refused = { ...waiting, status: first?.status ?? {} };
    expect(outcome([refused])).to.deep.equal([['others.example.com', ...fresh]]);
  });
});
