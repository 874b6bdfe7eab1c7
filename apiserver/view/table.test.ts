import { expect } from 'chai';
import { type KindInfo, kinds, type Unstructured } from '../../apis/index.ts';
import { humanDuration } from './duration.ts';
import { jsonPath } from './json-path.ts';
import { tableOf } from './table.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');
const metadata = { name: 'x', creationTimestamp: '2026-01-01T00:00:00Z' };

function cells(info: KindInfo, object: Unstructured): unknown {
  const options = { include: 'None', nowMs, metadata: {}, withColumns: true } as const;
  const table: unknown = tableOf(info, [object], options);
  return jsonPath(table, '.rows[0].cells');
}

describe('apiserver: tables', () => {
  for (const [info, fields, expected] of [
    [kinds.namespaces, { status: { phase: 'Active' } }, ['x', 'Active', '60m']],
    [kinds.secrets, { type: 'Opaque', data: { a: '', b: '' } }, ['x', 'Opaque', 2, '60m']],
    [
      kinds.nodes,
      {
        spec: { unschedulable: true },
        status: {
          conditions: [{ type: 'Ready', status: 'True' }],
          nodeInfo: { containerRuntimeVersion: 'none', kubeletVersion: 'v1', kernelVersion: '6' },
        },
      },
      ['x', 'Ready,SchedulingDisabled', 'none', '60m', 'v1', '6'],
    ],
    [
      kinds.nodes,
      { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
      ['x', 'NotReady', null, '60m', null, null],
    ],
    [
      kinds.events,
      {
        involvedObject: { kind: 'Run', name: 'r' },
        lastTimestamp: '2026-01-01T00:59:58Z',
        type: 'Warning',
        reason: 'Lost',
        message: 'gone\n',
        count: 2,
        source: { component: 'runs', host: 'n1' },
      },
      ['2s', 'Warning', 'Lost', 'run/r', '', 'runs, n1', 'gone', '60m', 2, 'x'],
    ],
    [kinds.serviceAccounts, {}, ['x', 0, '60m']],
    [kinds.serviceAccounts, { secrets: [{ name: 'a' }, { name: 'b' }] }, ['x', 2, '60m']],
    [
      kinds.slices,
      { spec: { run: 'r', step: 's', attempt: 1, nodeName: 'n' }, status: { phase: 'Pending' } },
      ['x', 'r', 's', 1, 'Bound', null, 'n', '60m', null],
    ],
    [
      kinds.pipelines,
      { status: { conditions: [{ type: 'Ready', status: 'False', reason: 'R', message: 'M' }] } },
      ['x', 'False', 'R', null, '60m', 'M'],
    ],
  ] as const) {
    it(`prints a ${info.kind} as ${JSON.stringify(expected)}`, () => {
      expect(cells(info, { metadata, ...fields })).to.deep.equal(expected);
    });
  }

  it('shows a slice that is going', () => {
    const going = { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    const slice = { metadata: going, spec: { nodeName: 'n' }, status: { phase: 'Running' } };
    expect(jsonPath(cells(kinds.slices, slice), '[4]')).to.equal('Terminating');
  });

  it('gives metadata of each object unless told otherwise', () => {
    const options = { include: 'Metadata', nowMs, metadata: { resourceVersion: '5' }, withColumns: false } as const;
    expect(tableOf(kinds.herds, [{ metadata, spec: {} }], options)).to.deep.equal({
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: { resourceVersion: '5' },
      columnDefinitions: null,
      rows: [
        {
          cells: ['x', null, '60m'],
          object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata },
        },
      ],
    });
  });

  for (const [ms, text] of [
    [-5000, '<invalid>'],
    [500, '0s'],
    [119_000, '119s'],
    [120_000, '2m'],
    [125_000, '2m5s'],
    [600_000, '10m'],
    [10_800_000, '3h'],
    [11_040_000, '3h4m'],
    [36_000_000, '10h'],
    [172_800_000, '2d'],
    [180_000_000, '2d2h'],
    [864_000_000, '10d'],
    [63_072_000_000, '2y'],
    [66_000_000_000, '2y33d'],
  ] as const) {
    it(`says ${text} for ${ms} ms`, () => expect(humanDuration(ms)).to.equal(text));
  }
});
