import { expect } from 'chai';
import type { Run } from '../../apis/index.ts';
import { progressCells, stepLine, stepRows } from '../print/progress.ts';
import { parseChanges } from './label.ts';
import { isReached, parseGoal } from './wait.ts';

describe('wait --for', () => {
  const object = {
    metadata: { name: 'x', generation: 2 },
    status: {
      phase: 'Running',
      conditions: [
        { type: 'Ready', status: 'True', observedGeneration: 2 },
        { type: 'Old', status: 'True', observedGeneration: 1 },
        { type: 'Bad', status: 'False' },
      ],
    },
  };
  for (const [text, reached] of [
    ['condition=Ready', true],
    ['condition=ready=true', true],
    ['condition=Ready=False', false],
    ['condition=Old', false],
    ['condition=Bad=False', true],
    ['condition=None', false],
    ['jsonpath={.status.phase}=Running', true],
    ['jsonpath={.status.phase}=Done', false],
    ['jsonpath={.status.phase}', true],
    ['jsonpath={.status.nothing}', false],
    ['create', true],
    ['delete', false],
  ] as const)
    it(text, () => {
      expect(isReached(parseGoal(text), object)).to.equal(reached);
    });
  it('refuses what it does not know', () => {
    expect(() => parseGoal('happiness')).to.throw('unrecognized condition: "happiness"');
  });
});

describe('label', () => {
  it('tells objects from changes', () => {
    expect(parseChanges(['pl', 'a', 'x=1', 'example.org/y=a=b', 'z-'], 'labels')).to.deep.equal({
      objects: ['pl', 'a'],
      changes: { x: '1', 'example.org/y': 'a=b', z: null },
    });
    expect(parseChanges(['pl/a', 'x='], 'labels')).to.deep.equal({ objects: ['pl/a'], changes: { x: '' } });
  });
  it('wants a change', () => {
    expect(() => parseChanges(['pl', 'a'], 'annotations')).to.throw('KEY=VALUE or KEY-');
  });
});

describe('the picture of a run', () => {
  const step = (name: string) => ({
    name,
    group: 'g',
    use: 'filter' as const,
    runtime: 'node' as const,
    inputs: [],
    outputs: [],
    cpuMillis: 1,
    cpuLimitMillis: 1,
    memoryBytes: 1,
    pids: 1,
  });
  const run: Run = {
    apiVersion: 'runink.io/v1',
    kind: 'Run',
    metadata: { name: 'p-1' },
    spec: { pipeline: { name: 'p' }, plan: { groups: [], steps: [step('a'), step('b'), step('c')] } },
    status: {
      steps: [
        {
          name: 'a',
          phase: 'Succeeded',
          attempt: 1,
          startTime: '2026-01-01T00:00:00Z',
          completionTime: '2026-01-01T00:00:02Z',
          counters: { recordsIn: 2000, recordsOut: 1990, recordsRejected: 10 },
        },
        { name: 'b', phase: 'Running', attempt: 2, startTime: '2026-01-01T00:00:01Z', node: 'n1' },
      ],
    },
  };
  const live = new Map([['b', { attempt: 2, counters: { recordsIn: 500, recordsOut: 400 } }]]);
  const rows = stepRows(run, live, Date.parse('2026-01-01T00:00:03Z'));

  it('takes final counts from the status and running ones from the stream', () => {
    expect(rows.map(progressCells)).to.deep.equal([
      ['a', 'Succeeded', '2,000', '1,990', '10', '1,000', '2.0s', ''],
      ['b', 'Running', '500', '400', '', '250', '2.0s', 'attempt 2'],
      ['c', 'Waiting', '', '', '', '', '', ''],
    ]);
  });
  it('is a line for pipes', () => {
    expect(rows.map(stepLine)).to.deep.equal([
      'a  Succeeded  2,000 in, 1,990 out, 10 rejected, 1,000 records/s, 2.0s',
      'b  Running  500 in, 400 out, 250 records/s, 2.0s  on n1  attempt 2',
      'c  Waiting',
    ]);
  });
  it('does not believe counts of an older attempt', () => {
    const old = new Map([['b', { attempt: 1, counters: { recordsIn: 9 } }]]);
    expect(stepRows(run, old, 0)[1]?.recordsIn).to.equal(undefined);
  });
});
