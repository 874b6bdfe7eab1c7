import { expect } from 'chai';
import type { FinalStatus } from './judge.ts';
import { type Action, plan, type SeenGroup, type SeenLocal, type SeenSlice } from './plan.ts';

const slice = (name: string, more: Partial<SeenSlice> = {}): SeenSlice => ({
  uid: `uid-${name}`,
  name,
  step: name,
  phase: 'Pending',
  isDeleting: false,
  ...more,
});
const member = (name: string, hasEnded: boolean, failure: 'none' | 'own' | 'felt' = 'none') => ({
  uid: `uid-${name}`,
  name,
  hasEnded,
  failure,
});
const running = (members: SeenLocal['members'], more: Partial<SeenLocal> = {}): SeenLocal => ({
  isKilled: false,
  feltForMs: 0,
  members,
  ...more,
});
type Seen = Omit<SeenGroup, 'isUncertain'> & Partial<SeenGroup>;
const gone = { kind: 'gone', message: 'slice a is gone or was ended by another' } as const;
const done: FinalStatus = { phase: 'Succeeded', exitCode: 0 };
const lost: FinalStatus = {
  phase: 'Lost',
  reason: 'AgentRestarted',
  message: 'the agent restarted, and its processes ended with it',
};
const cancelled: FinalStatus = { phase: 'Failed', reason: 'Cancelled', message: 'it was deleted before it ran' };

describe('runi-agent: plan', () => {
  const table: readonly (readonly [string, Seen, readonly Action[]])[] = [
    ['starts a whole group', { slices: [slice('a'), slice('b')], size: 2 }, [{ do: 'start' }]],
    ['waits for the rest of a group', { slices: [slice('a')], size: 2 }, []],
    ['leaves what has ended alone', { slices: [slice('a', { phase: 'Succeeded' })], size: 1 }, []],
    [
      'calls lost what a former agent had',
      { slices: [slice('a', { orphan: 'AgentRestarted', phase: 'Running' })], size: 1 },
      [{ do: 'discard' }, { do: 'report', uid: 'uid-a', status: lost }],
    ],
    [
      'calls cancelled what is deleted before it ran',
      { slices: [slice('a', { isDeleting: true }), slice('b')], size: 3 },
      [
        { do: 'report', uid: 'uid-a', status: cancelled },
        {
          do: 'report',
          uid: 'uid-b',
          status: { phase: 'Failed', reason: 'GroupFailed', message: 'slice a of its group was cancelled' },
        },
      ],
    ],
    [
      'gives up a group of which one slice was ended by another',
      { slices: [slice('a', { phase: 'Lost' }), slice('b')], size: 2 },
      [
        {
          do: 'report',
          uid: 'uid-b',
          status: { phase: 'Failed', reason: 'GroupFailed', message: 'slice a of its group has ended' },
        },
      ],
    ],
    [
      'refuses what does not fit',
      { slices: [slice('a')], size: 1, misfit: { reason: 'OutOfCpu', message: 'short of 500m' } },
      [{ do: 'report', uid: 'uid-a', status: { phase: 'Lost', reason: 'OutOfCpu', message: 'short of 500m' } }],
    ],
    ['leaves a running group alone', { slices: [slice('a')], size: 1, local: running([member('a', false)]) }, []],
    [
      'finishes when all have ended',
      { slices: [slice('a')], size: 1, local: running([member('a', true, 'own')], { isKilled: true }) },
      [{ do: 'finish' }],
    ],
    [
      'kills the rest at once when one fails by its own fault',
      {
        slices: [slice('a'), slice('b')],
        size: 2,
        local: running([member('a', true, 'own'), member('b', false)]),
      },
      [{ do: 'kill' }],
    ],
    [
      'gives the one to blame a moment when another only felt it',
      {
        slices: [slice('a'), slice('b')],
        size: 2,
        local: running([member('a', true, 'felt'), member('b', false)], { feltForMs: 100 }),
      },
      [{ do: 'look-again', afterMs: 150 }],
    ],
    [
      'kills the rest when the moment is over',
      {
        slices: [slice('a'), slice('b')],
        size: 2,
        local: running([member('a', true, 'felt'), member('b', false)], { feltForMs: 250 }),
      },
      [{ do: 'kill' }],
    ],
    [
      'kills a group of which a slice is deleted',
      { slices: [slice('a', { isDeleting: true })], size: 1, local: running([member('a', false)]) },
      [{ do: 'kill', cause: { kind: 'cancelled', slices: ['a'] } }],
    ],
    [
      'kills a group of which a slice is gone',
      { slices: [], size: 1, local: running([member('a', false)]) },
      [{ do: 'kill', cause: { kind: 'gone', message: 'slice a is gone or was ended by another' } }],
    ],
    [
      'says again what came of a group that ended here before, and does not run it again',
      { slices: [slice('a', { orphan: 'AgentRestarted' })], size: 1, ended: new Map([['a', done]]) },
      [{ do: 'report', uid: 'uid-a', status: done }],
    ],
    [
      'calls lost what it cannot know of in a restored store',
      { slices: [slice('a', { orphan: 'StoreRestored' })], size: 1 },
      [
        { do: 'discard' },
        {
          do: 'report',
          uid: 'uid-a',
          status: {
            phase: 'Lost',
            reason: 'StoreRestored',
            message: 'the store was restored, and what became of it since is not known here',
          },
        },
      ],
    ],
    ['begins nothing while it may be a restored store', { slices: [slice('a')], size: 1, isUncertain: true }, []],
    [
      'ends nothing for being gone while it may be a restored store',
      { slices: [], size: 1, isUncertain: true, local: running([member('a', true)]) },
      [],
    ],
    [
      'neither ends nor publishes what a restored store has forgotten',
      { slices: [], size: 1, local: running([member('a', true)], { heldMs: 70 }) },
      [{ do: 'look-again', afterMs: 70 }],
    ],
    [
      'publishes nothing of what a restored store never asked for again',
      { slices: [], size: 1, local: running([member('a', true)], { heldMs: 0 }) },
      [{ do: 'kill', cause: gone }, { do: 'finish' }],
    ],
    [
      'goes on for other slices of the same attempt',
      { slices: [slice('a', { uid: 'new' })], size: 1, local: running([member('a', true)], { heldMs: 70 }) },
      [{ do: 'adopt' }],
    ],
    [
      'waits until all of them are there',
      {
        slices: [slice('a', { uid: 'new' })],
        size: 2,
        local: running([member('a', false), member('b', false)], { heldMs: 70 }),
      },
      [{ do: 'look-again', afterMs: 70 }],
    ],
    ['kills once', { slices: [], size: 1, local: running([member('a', false)], { isKilled: true }) }, []],
  ];
  for (const [title, seen, actions] of table)
    it(title, () => expect(plan({ isUncertain: false, ...seen })).to.deep.equal(actions));
});
