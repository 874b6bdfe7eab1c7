import { expect } from 'chai';
import type { CustomResourceDefinition, CustomResourceVersion } from '../../apis/index.ts';
import { definitionProblems } from './validation.ts';

const schema = {
  type: 'object',
  properties: {
    metadata: { type: 'object', properties: { name: { type: 'string' } } },
    spec: {
      type: 'object',
      properties: { color: { type: 'string' }, list: { type: 'array', items: { type: 'string' } } },
    },
  },
};
const v1: CustomResourceVersion = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } };
type Spec = CustomResourceDefinition['spec'];

function definition(
  spec: Partial<Spec> = {},
  storedVersions: readonly string[] = ['v1'],
  more: Partial<CustomResourceDefinition> = {},
): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'toys.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'toys', singular: 'toy', kind: 'Toy', listKind: 'ToyList' },
      versions: [v1],
      ...spec,
    },
    status: { storedVersions, conditions: [{ type: 'Established', status: 'True' }] },
    ...more,
  };
}

const version = (more: Partial<CustomResourceVersion>): Partial<Spec> => ({ versions: [{ ...v1, ...more }] });
const scale = (specReplicasPath: string, statusReplicasPath: string, labelSelectorPath = ''): Partial<Spec> =>
  version({ subresources: { scale: { specReplicasPath, statusReplicasPath, labelSelectorPath } } });
const column = (more: object): Partial<Spec> =>
  version({ additionalPrinterColumns: [{ name: 'C', type: 'string', jsonPath: '.spec.color', ...more }] });
const v2: CustomResourceVersion = { ...v1, name: 'v2', storage: false };
const told = (given: CustomResourceDefinition, before: CustomResourceDefinition | undefined): readonly string[] =>
  definitionProblems(given, before).map(({ field, message }) => `${field}: ${message}`);

describe('apiserver: definitions that are wrong', () => {
  it('one that is right has no problem', () => {
    expect(told(definition(), undefined)).to.deep.equal([]);
  });
  for (const [title, spec, expected] of [
    [
      'a group without a dot',
      { group: 'example' },
      'spec.group: Invalid value: "example": should be a domain with at least one dot',
    ],
    [
      'another scope',
      { scope: 'Other' },
      'spec.scope: Unsupported value: "Other": supported values: "Cluster", "Namespaced"',
    ],
    [
      'a plural with capitals',
      { names: { plural: 'Toys', singular: 'toy', kind: 'Toy', listKind: 'ToyList' } },
      'spec.names.plural: Invalid value: "Toys": a DNS-1035 label must consist of lower case',
    ],
    [
      'a kind that is its list kind',
      { names: { plural: 'toys', singular: 'toy', kind: 'Toy', listKind: 'Toy' } },
      'spec.names.listKind: Invalid value: "Toy": kind and listKind may not be the same',
    ],
    ['no storage version', version({ storage: false }), 'must have exactly one version marked as storage version'],
    [
      'two storage versions',
      { versions: [v1, { ...v2, storage: true }] },
      'must have exactly one version marked as storage version',
    ],
    ['a version twice', { versions: [v1, { ...v1, storage: false }] }, 'spec.versions: Invalid value'],
    [
      'a version that is no label',
      version({ name: '1' }),
      'spec.versions[0].name: Invalid value: "1": a DNS-1035 label',
    ],
    [
      'no schema',
      { versions: [{ name: 'v1', served: true, storage: true }] },
      'spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required',
    ],
    [
      'a conversion by webhook',
      { conversion: { strategy: 'Webhook' } },
      'spec.conversion.strategy: Unsupported value: "Webhook": supported values: "None"',
    ],
    [
      'unknown fields kept',
      { preserveUnknownFields: true },
      'spec.preserveUnknownFields: Invalid value: true: cannot set to true',
    ],
    [
      'a warning for what is not deprecated',
      version({ deprecationWarning: 'x' }),
      'spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions',
    ],
    [
      'replicas outside of spec',
      scale('.status.replicas', '.status.replicas'),
      'spec.subresources.scale.specReplicasPath: Invalid value: ".status.replicas": should be a json path under .spec',
    ],
    [
      'found replicas outside of status',
      scale('.spec.replicas', '.spec.replicas'),
      'spec.subresources.scale.statusReplicasPath: Invalid value: ".spec.replicas": should be a json path under .status',
    ],
    [
      'a selector elsewhere',
      scale('.spec.replicas', '.status.replicas', '.metadata.x'),
      'should be a json path under either .spec or .status',
    ],
    [
      'a column of an unknown type',
      column({ type: 'thing' }),
      'spec.additionalPrinterColumns[0].type: Invalid value: "thing": must be one of boolean,date,integer,number,string',
    ],
    ['a column without a path', column({ jsonPath: '' }), 'spec.additionalPrinterColumns[0].jsonPath: Required value'],
    [
      'a column with a path that cannot be read',
      column({ jsonPath: '.spec[' }),
      'spec.additionalPrinterColumns[0].jsonPath: Invalid value',
    ],
    [
      'a selectable field that is not there',
      version({ selectableFields: [{ jsonPath: '.spec.none' }] }),
      'spec.selectableFields[0].jsonPath: Invalid value: ".spec.none": is an invalid path',
    ],
    [
      'a selectable list',
      version({ selectableFields: [{ jsonPath: '.spec.list' }] }),
      'must point to a field of type string, boolean or integer',
    ],
    [
      'a selectable field of metadata',
      version({ selectableFields: [{ jsonPath: '.metadata.name' }] }),
      'must not point to fields in metadata',
    ],
    [
      'a selectable field twice',
      version({ selectableFields: [{ jsonPath: '.spec.color' }, { jsonPath: '.spec.color' }] }),
      'spec.selectableFields[1].jsonPath: Duplicate value: ".spec.color"',
    ],
  ] as const) {
    it(`${title} is refused`, () => {
      const problems = told(definition(spec), undefined);
      expect(
        problems.some((problem) => problem.includes(expected)),
        problems.join('\n'),
      ).to.equal(true);
    });
  }

  it('a name that is not plural and group is refused', () => {
    expect(told(definition({}, ['v1'], { metadata: { name: 'x.example.com' } }), undefined)).to.deep.equal([
      'metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group',
    ]);
  });

  it('what an established one is stored by cannot change', () => {
    const after = definition({
      scope: 'Cluster',
      names: { plural: 'toys', singular: 'toy', kind: 'Other', listKind: 'L' },
    });
    expect(told(after, definition())).to.deep.equal([
      'spec.scope: Invalid value: "Cluster": field is immutable',
      'spec.names.kind: Invalid value: "Other": field is immutable',
    ]);
  });

  it('a version that objects may be stored in is not forgotten', () => {
    const only = definition({ versions: [{ ...v1, name: 'v2' }] }, ['v1', 'v2']);
    expect(told(only, definition())).to.deep.equal([
      'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
    ]);
    expect(
      told(
        definition(
          {
            versions: [
              { ...v1, storage: false },
              { ...v2, storage: true },
            ],
          },
          ['v1'],
        ),
        undefined,
      ),
    ).to.deep.equal(['status.storedVersions: Invalid value: ["v1"]: must have the storage version v2']);
    expect(told(definition({}, []), undefined)).to.deep.equal([
      'status.storedVersions: Invalid value: []: must have at least one stored version',
    ]);
  });

  it('a group of Kubernetes’ own needs its word', () => {
    const inGroup = (annotations?: Readonly<Record<string, string>>) =>
      told(
        definition({ group: 'example.k8s.io' }, ['v1'], {
          metadata: { name: 'toys.example.k8s.io', ...(annotations === undefined ? {} : { annotations }) },
        }),
        undefined,
      );
    expect(inGroup()[0]).to.include(
      'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups',
    );
    expect(inGroup({ 'api-approved.kubernetes.io': 'no' })[0]).to.include('with either a URL or a reason');
    expect(inGroup({ 'api-approved.kubernetes.io': 'unapproved, a test' })).to.deep.equal([]);
    expect(inGroup({ 'api-approved.kubernetes.io': 'https://example.com/1' })).to.deep.equal([]);
  });
});
