import { expect } from 'chai';
import { kindInfos, type Unstructured } from '../../apis/index.ts';
import { type DefinitionChange, KindTable, type StoredDefinition } from './kind-table.ts';

function stored(revision: number, more: Readonly<Record<string, unknown>> = {}, uid = 'u1'): StoredDefinition {
  const object: Unstructured = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'toys.example.com', uid, generation: 1 },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'toys', singular: 'toy', kind: 'Toy', listKind: 'ToyList' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
        { name: 'v2', served: false, storage: false, schema: { openAPIV3Schema: { type: 'object' } } },
      ],
    },
    status: { conditions: [{ type: 'Established', status: 'True' }] },
    ...more,
  };
  return { key: 'k', revision, created: 1, object };
}

describe('apiserver: the table of kinds', () => {
  let table: KindTable;
  let changes: DefinitionChange[];
  beforeEach(() => {
    table = new KindTable(kindInfos);
    changes = [];
    table.onChange((change) => changes.push(change));
  });
  const finds = (version = 'v1') => table.kindOf('example.com', version, 'toys') !== undefined;
  const what = () => changes.map((change) => change.what);

  it('has what is built in from the start', () => {
    expect(table.kindOf('runink.io', 'v1', 'runs')?.kind).to.equal('Run');
    expect(table.all()).to.have.length(kindInfos.length);
  });

  it('has served versions of established definitions only', () => {
    table.put(stored(5, { status: {} }));
    expect([finds(), table.generation]).to.deep.equal([false, 1]);
    table.put(stored(6));
    expect([finds('v1'), finds('v2'), table.generation]).to.deep.equal([true, false, 2]);
  });

  it('keeps a kind as it is while nothing that it is made of changes', () => {
    table.put(stored(5));
    const before = table.kindOf('example.com', 'v1', 'toys');
    const conditions = [{ type: 'Established', status: 'True', message: 'other words' }];
    table.put(stored(6, { status: { conditions } }));
    expect(table.kindOf('example.com', 'v1', 'toys')).to.equal(before);
    expect([what(), table.generation]).to.deep.equal([['schema', 'other'], 2]);
  });

  it('says when a schema changed, and when a definition is gone', () => {
    table.put(stored(5));
    const { spec } = stored(6).object;
    table.put(
      stored(6, {
        metadata: { name: 'toys.example.com', uid: 'u1', generation: 2 },
        spec: { ...Object(spec), scope: 'Cluster' },
      }),
    );
    table.remove('k', 7);
    expect(what()).to.deep.equal(['schema', 'schema', 'gone']);
    expect(finds()).to.equal(false);
  });

  it('tells one made anew from the old one', () => {
    table.put(stored(5));
    table.replace([stored(9, {}, 'u2')], 10);
    expect(changes.map(({ uid, what: kind }) => [uid, kind])).to.deep.equal([
      ['u1', 'schema'],
      ['u1', 'gone'],
      ['u2', 'schema'],
    ]);
  });

  it('does not go back in time', () => {
    table.replace([stored(9)], 10);
    table.put(stored(8, { status: {} }));
    table.remove('k', 10);
    table.replace([], 9);
    expect(finds()).to.equal(true);
    table.reached(20);
    table.remove('k', 15);
    expect(finds()).to.equal(true);
    table.remove('k', 21);
    expect(finds()).to.equal(false);
  });

  it('never gives a definition the place of what is built in', () => {
    const names = { plural: 'runs', singular: 'run', kind: 'Run', listKind: 'RunList' };
    const { spec } = stored(5).object;
    table.put(stored(5, { spec: { ...Object(spec), group: 'runink.io', names } }));
    expect(table.kindOf('runink.io', 'v1', 'runs')?.definition).to.equal(undefined);
    expect(table.all()).to.have.length(kindInfos.length);
  });
});
