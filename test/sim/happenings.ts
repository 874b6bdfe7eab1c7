// What happened in runs, counted: a world in which something never happens proves nothing about it.
import { faultNames } from './faults.ts';
import { crashPoints } from './process.ts';

const counted = [
  'leader changed',
  'member started again',
  'leader cut off young',
  'write torn',
  'write lost',
  'write failed',
  'disk full',
  'name lost',
  'torn tail cut off',
  'trailer written again',
  'bit flipped',
  'write misdirected',
  'record of the state damaged',
  'damage of the log refused',
  'damage of the state refused',
  'disk replaced by an empty one',
  'sealed',
  'clock drifts',
  'disk slow',
  'message lost',
  'message late',
  'message repeated',
  'message mixed',
  'message met a cut one way',
  'message met a cut both ways',
  'snapshot installed',
  'snapshot read under load',
  'snapshot broken',
  'history compacted',
  'alarm raised',
  'alarm taken back',
  'put refused for want of room',
  'learner added',
  'learner promoted',
  'member removed',
  'member replaced',
  'members replaced in one step',
  'joint configuration',
  'joint configuration left when asked',
  'joint configuration met trouble',
  'watch resumed',
  'watch began after a compaction',
  'progress told',
  'read at an old revision',
  'write unknown',
] as const;

/** What can happen in a run. */
export type Happening =
  | (typeof counted)[number]
  | `nemesis: ${(typeof faultNames)[number]}`
  | `died at ${(typeof crashPoints)[number]}`;

/** All there is to see. */
export const happenings: readonly Happening[] = [
  ...counted,
  ...faultNames.map((name) => `nemesis: ${name}` as const),
  ...crashPoints.map((point) => `died at ${point}` as const),
];
