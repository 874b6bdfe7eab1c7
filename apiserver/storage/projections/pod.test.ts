import { expect } from 'chai';
import { kinds, type Unstructured } from '../../../apis/index.ts';
import { at } from '../../json.ts';
import { tableOf } from '../../view/table.ts';
import { projectionOf } from '../projection.ts';
import { derivedUid } from './derived-uid.ts';
import { podFromSlice } from './pod.ts';

const created = '2026-01-01T00:00:00Z';
const started = '2026-01-01T00:00:10.000Z';
const ended = '2026-01-01T00:00:20.000Z';
const owner = { apiVersion: 'runink.io/v1', kind: 'Run', name: 'r', uid: 'of-run', controller: true };

function slice(
  spec: Readonly<Record<string, unknown>>,
  status: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): Unstructured {
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Slice',
    metadata: {
      name: 'r-a-1',
      namespace: 'h',
      uid: 'of-slice',
      resourceVersion: '7',
      generation: 2,
      creationTimestamp: created,
      labels: { 'runink.io/run': 'r' },
      ownerReferences: [owner],
      ...more,
    },
    spec: { run: 'r', runUID: 'of-run', step: 'a', attempt: 1, cpuMillis: 100, memoryBytes: 67_108_864, ...spec },
    status,
  };
}
const bound = { nodeName: 'n1' };

describe('apiserver: a slice as a pod', () => {
  it('has the key, version, labels and owner of the slice, a uid of its own, and nothing of what runs', () => {
    const pod = podFromSlice(slice(bound, { phase: 'Running', startTime: started }));
    expect(pod).to.deep.equal({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'r-a-1',
        namespace: 'h',
        uid: derivedUid('of-slice'),
        resourceVersion: '7',
        creationTimestamp: created,
        labels: { 'runink.io/run': 'r' },
        ownerReferences: [owner],
      },
      spec: {
        nodeName: 'n1',
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 0,
        containers: [
          {
            name: 'a',
            image: 'runink.io/step',
            resources: { limits: { memory: '64Mi' }, requests: { cpu: '100m', memory: '64Mi' } },
          },
        ],
      },
      status: {
        phase: 'Running',
        startTime: started,
        qosClass: 'Burstable',
        conditions: [
          { type: 'Initialized', status: 'True', lastTransitionTime: started },
          { type: 'Ready', status: 'True', lastTransitionTime: started },
          { type: 'ContainersReady', status: 'True', lastTransitionTime: started },
          { type: 'PodScheduled', status: 'True', lastTransitionTime: started },
        ],
        containerStatuses: [
          {
            name: 'a',
            image: 'runink.io/step',
            imageID: '',
            ready: true,
            started: true,
            restartCount: 0,
            state: { running: { startedAt: started } },
            lastState: {},
          },
        ],
      },
    });
  });

  it('is made once for each version', () => {
    const stored = slice(bound, {});
    const projection = projectionOf(kinds.pods);
    expect(projection?.show(stored)).to.equal(projection?.show(stored));
  });

  for (const [title, spec, status, expected] of [
    ['waits for a place', {}, { phase: 'Pending' }, ['Pending', undefined, undefined]],
    [
      'waits for a process',
      bound,
      { phase: 'Pending' },
      ['Pending', undefined, { waiting: { reason: 'ContainerCreating' } }],
    ],
    [
      'has succeeded',
      bound,
      { phase: 'Succeeded', startTime: started, completionTime: ended, exitCode: 0 },
      [
        'Succeeded',
        undefined,
        { terminated: { exitCode: 0, reason: 'Completed', startedAt: started, finishedAt: ended } },
      ],
    ],
    [
      'has failed by its exit code',
      bound,
      {
        phase: 'Failed',
        reason: 'StepFailed',
        message: 'exited with code 3',
        startTime: started,
        completionTime: ended,
        exitCode: 3,
      },
      [
        'Failed',
        'StepFailed',
        {
          terminated: {
            exitCode: 3,
            reason: 'StepFailed',
            message: 'exited with code 3',
            startedAt: started,
            finishedAt: ended,
          },
        },
      ],
    ],
    [
      'has failed by a signal',
      bound,
      { phase: 'Failed', reason: 'OOMKilled', signal: 9 },
      ['Failed', 'OOMKilled', { terminated: { exitCode: 137, signal: 9, reason: 'OOMKilled' } }],
    ],
    [
      'has failed though its process exited with 0',
      bound,
      { phase: 'Failed', reason: 'ContractViolation', exitCode: 0 },
      ['Failed', 'ContractViolation', { terminated: { exitCode: 1, reason: 'ContractViolation' } }],
    ],
    [
      'is lost',
      bound,
      { phase: 'Lost', reason: 'NodeLost', message: 'gone', completionTime: ended },
      ['Failed', 'NodeLost', { terminated: { exitCode: 137, reason: 'NodeLost', message: 'gone', finishedAt: ended } }],
    ],
    [
      'has failed before it had a place',
      {},
      { phase: 'Failed', reason: 'Cancelled' },
      ['Failed', 'Cancelled', { terminated: { exitCode: 1, reason: 'Cancelled' } }],
    ],
  ] as const)
    it(title, () => {
      const { status: seen } = podFromSlice(slice(spec, status));
      const [container] = (at(seen, 'containerStatuses') ?? []) as readonly unknown[];
      expect([at(seen, 'phase'), at(seen, 'reason'), at(container, 'state')]).to.deep.equal(expected);
    });

  for (const [title, spec, status, expected] of [
    [
      'says why it has no place',
      {},
      { phase: 'Pending', reason: 'Unschedulable', message: '0/1 nodes fit' },
      [['PodScheduled', 'False', 'Unschedulable', created]],
    ],
    [
      'is placed and not ready',
      bound,
      { phase: 'Pending' },
      [
        ['Initialized', 'True', undefined, created],
        ['Ready', 'False', 'ContainersNotReady', created],
        ['ContainersReady', 'False', 'ContainersNotReady', created],
        ['PodScheduled', 'True', undefined, created],
      ],
    ],
    [
      'is ready no more',
      bound,
      { phase: 'Succeeded', startTime: started, completionTime: ended },
      [
        ['Initialized', 'True', undefined, started],
        ['Ready', 'False', 'PodCompleted', ended],
        ['ContainersReady', 'False', 'PodCompleted', ended],
        ['PodScheduled', 'True', undefined, started],
      ],
    ],
  ] as const)
    it(`in its conditions ${title}`, () => {
      const conditions = at(podFromSlice(slice(spec, status)), 'status.conditions');
      const seen = (conditions as readonly unknown[]).map((condition) =>
        ['type', 'status', 'reason', 'lastTransitionTime'].map((field) => at(condition, field)),
      );
      expect(seen).to.deep.equal(expected);
    });

  const going = { deletionTimestamp: created };
  for (const [spec, status, more, cells] of [
    [{}, { phase: 'Pending' }, {}, ['0/1', 'Pending', '0', '60m', '<none>', '<none>']],
    [bound, { phase: 'Pending' }, {}, ['0/1', 'ContainerCreating', '0', '60m', '<none>', 'n1']],
    [{ ...bound, attempt: 3 }, { phase: 'Running' }, {}, ['1/1', 'Running', '2', '60m', '<none>', 'n1']],
    [bound, { phase: 'Running' }, going, ['1/1', 'Terminating', '0', '60m', '<none>', 'n1']],
    [bound, { phase: 'Succeeded' }, {}, ['0/1', 'Completed', '0', '60m', '<none>', 'n1']],
    [bound, { phase: 'Failed', reason: 'OOMKilled' }, {}, ['0/1', 'OOMKilled', '0', '60m', '<none>', 'n1']],
    [bound, { phase: 'Failed' }, {}, ['0/1', 'Error', '0', '60m', '<none>', 'n1']],
    [bound, { phase: 'Lost', reason: 'NodeLost' }, {}, ['0/1', 'NodeLost', '0', '60m', '<none>', 'n1']],
  ] as const)
    it(`is listed as ${cells[1]}`, () => {
      const options = {
        include: 'None',
        nowMs: Date.parse('2026-01-01T01:00:00Z'),
        metadata: {},
        withColumns: true,
      } as const;
      const table = tableOf(kinds.pods, [podFromSlice(slice(spec, status, more))], options);
      const [row] = at(table, 'rows') as readonly unknown[];
      expect(at(row, 'cells')).to.deep.equal(['r-a-1', ...cells, '<none>', '<none>']);
    });
});
