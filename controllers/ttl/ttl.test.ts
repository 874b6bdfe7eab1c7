import { expect } from 'chai';
import { type EventObject, kinds, type Run, type Slice } from '../../apis/index.ts';
import { makeRig, type Rig, settle } from '../kit/rig.ts';
import {
  eventGoesInMs,
  eventMs,
  eventTtlController,
  oldRuns,
  runHistoryController,
  runsKept,
  sliceGoesInMs,
  sliceMs,
  sliceTtlController,
} from './index.ts';

const endMs = Date.UTC(2026, 0, 1);
const time = (ms: number): string => new Date(ms).toISOString();

describe('ttl', () => {
  const running = runOf('r', {
    phase: 'Running',
    steps: [{ name: 's', phase: 'Succeeded', slice: 'r-s-1', attempt: 1 }],
  });
  for (const [title, slice, run, nowMs, expected] of [
    ['keeps a running slice', sliceOf('Running'), running, endMs, undefined],
    ['keeps a finished one for a minute', sliceOf('Succeeded'), running, endMs + 1_000, sliceMs - 1_000],
    ['lets it go then', sliceOf('Succeeded'), running, endMs + sliceMs, 0],
    ['and later', sliceOf('Failed'), running, endMs + 10 * sliceMs, 0],
    [
      'keeps one that its run has not taken in',
      sliceOf('Succeeded'),
      runOf('r', { phase: 'Running' }),
      endMs + sliceMs,
      undefined,
    ],
    [
      'keeps one that its run believes to run',
      sliceOf('Succeeded'),
      runOf('r', { phase: 'Running', steps: [{ name: 's', phase: 'Running', slice: 'r-s-1', attempt: 1 }] }),
      endMs + sliceMs,
      undefined,
    ],
    [
      'lets an earlier attempt go',
      sliceOf('Failed'),
      runOf('r', { phase: 'Running', steps: [{ name: 's', phase: 'Running', slice: 'r-s-2', attempt: 2 }] }),
      endMs + sliceMs,
      0,
    ],
    ['lets all of a finished run go', sliceOf('Lost'), runOf('r', { phase: 'Failed' }), endMs + sliceMs, 0],
    ['keeps one whose run it does not know', sliceOf('Succeeded'), undefined, endMs + sliceMs, undefined],
  ] as const satisfies readonly (readonly [string, Slice, Run | undefined, number, number | undefined])[])
    it(`slices: ${title}`, () => {
      expect(sliceGoesInMs(slice, run, nowMs)).to.equal(expected);
    });

  it('lets Events go an hour after they last happened', () => {
    const event = eventOf('e', endMs);
    expect(eventGoesInMs(event, endMs + 1_000)).to.equal(eventMs - 1_000);
    expect(eventGoesInMs(event, endMs + 2 * eventMs)).to.equal(0);
  });

  it('keeps the newest finished runs and all that are not finished', () => {
    const finished = Array.from({ length: 12 }, (_, index) =>
      runOf(`r${index}`, { phase: 'Succeeded', completionTime: time(endMs + ((index * 7) % 12) * 1000) }),
    );
    const old = oldRuns([...finished, runOf('running', { phase: 'Running' })]);
    expect(old.map(({ status }) => status?.completionTime)).to.deep.equal([time(endMs + 1000), time(endMs)]);
    expect(old.length).to.equal(12 - runsKept);
  });

  describe('controllers', () => {
    let rig: Rig;
    beforeEach(() => (rig = makeRig()));
    afterEach(() => rig.end());

    it('delete slices, Events and runs in time', async () => {
      const { api, clock } = rig;
      for (const make of [sliceTtlController, eventTtlController, runHistoryController]) rig.run(make);
      const startMs = clock.now();
      for (let index = 0; index <= runsKept; index++) {
        const made = await api.create(kinds.runs, runOf(`r${index}`, {}));
        const status = { phase: 'Succeeded', completionTime: time(startMs + index * 1000) } as const;
        await api.updateStatus(kinds.runs, { ...made, status });
      }
      await settle();
      expect((await api.list(kinds.runs)).items.map(({ metadata }) => metadata.name)).not.to.include('r0');
      const slice = await api.create(kinds.slices, sliceOf('Pending', 'r1'));
      await api.updateStatus(kinds.slices, { ...slice, status: { phase: 'Succeeded', completionTime: time(startMs) } });
      await api.create(kinds.events, eventOf('e', startMs));
      await rig.pass(59_000, 1_000);
      expect((await api.list(kinds.slices)).items.length).to.equal(1);
      await rig.pass(2_000, 1_000);
      expect((await api.list(kinds.slices)).items.length).to.equal(0);
      await rig.pass(eventMs - 70_000, 600_000);
      expect((await api.list(kinds.events)).items.length).to.equal(1);
      await rig.pass(20_000, 5_000);
      expect((await api.list(kinds.events)).items.length).to.equal(0);
    });
  });
});

function sliceOf(phase: NonNullable<NonNullable<Slice['status']>['phase']>, run = 'r'): Slice {
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Slice',
    metadata: { namespace: 'default', name: `${run}-s-1` },
    spec: { run, step: 's', attempt: 1 },
    status: { phase, completionTime: time(endMs) },
  };
}

function runOf(name: string, status: NonNullable<Run['status']>): Run {
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Run',
    metadata: { namespace: 'default', name },
    spec: { pipeline: { name: 'p' }, plan: { groups: [], steps: [] } },
    status,
  };
}

function eventOf(name: string, lastMs: number): EventObject {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace: 'default', name },
    involvedObject: { name: 'x' },
    reason: 'Lost',
    lastTimestamp: time(lastMs),
  };
}
