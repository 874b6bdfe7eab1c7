// What kind of life a run leads. A seed switches faults on and off and draws their weights (swarm testing: what is never done
// together with all else is seen best where most else is off); half of the seeds have a theme beside that, which makes a rare
// order of things common: a leader that dies young again and again, disks that lie, writes that are torn twice.

import type { FlowLimits } from '../../barn/node/flow-limits.ts';
import type { KeptLimits } from '../../barn/node/log-release.ts';
import type { WalLimits } from '../../barn/wal/limits.ts';
import type { Chance } from './chance.ts';
import { type FaultName, faultNames } from './faults.ts';
import { type CrashPoint, crashPoints } from './process.ts';
import { logLimitsOf } from './settings.ts';

/** All that is decided of a run before it begins. */
export interface Character {
  readonly theme: ThemeName | 'none';
  readonly members: number;
  readonly clients: number;
  readonly watchers: number;
  /** How long readers of events take for each, by chance. */
  readonly readerPausesMs: readonly number[];
  readonly chaosMs: number;
  /** How often each kind of fault comes beside the others; those that are absent never come. */
  readonly faults: ReadonlyMap<FaultName, number>;
  /** Whether nothing goes wrong but what the theme is about. */
  readonly isPure: boolean;
  readonly pauseMs: number;
  /** How likely a member that starts is to die at a point soon. */
  readonly armedStarts: number;
  /** Where members die most: each seed has its own, so that seeds in a row have all. */
  readonly points: readonly CrashPoint[];
  /** How likely a new leader is to be cut off and to die soon. */
  readonly briefLeaders: number;
  /** How likely a damaged disk is read soon, by a restart. */
  readonly readsDamage: number;
  /** Whether the operator replaces members that refuse while all else goes on. */
  readonly repairs: boolean;
  readonly valueBytes: readonly number[];
  /** How much of the values members may have in memory; in every fifth run next to nothing. */
  readonly valueBytesInMemoryMax: number;
  readonly logLimits: Partial<WalLimits & KeptLimits & FlowLimits>;
  /** How far the clocks of a run's members drift apart: a rate is within 1 ± this. */
  readonly drift: number;
}

type Theme = Partial<Omit<Character, 'faults' | 'theme'>> & { readonly often: readonly FaultName[] };
/** The themes that runs can have. */
export type ThemeName = keyof typeof themes;

const often = 12;
const themes = {
  /** Leaders write what few or none of the others get, die, and come back to lead again (Raft, figure 8). */
  'brief leaders': {
    often: ['slowDisk'],
    isPure: true,
    armedStarts: 0,
    briefLeaders: 1,
    pauseMs: 1_000,
    members: 3,
    clients: 2,
    chaosMs: 10_000,
  },
  /** Streams that lag, break and begin again while events go on. */
  readers: { often: ['stop'], isPure: true, watchers: 6, readerPausesMs: [5, 30, 80], pauseMs: 1_000, chaosMs: 6_000 },
  /** As many learners as voters, who alone hear the leader. */
  learners: {
    often: ['learners', 'minority', 'heal'],
    isPure: true,
    members: 3,
    clients: 3,
    pauseMs: 150,
    chaosMs: 6_000,
  },
  damage: {
    often: ['damageDisk', 'crashShortly', 'wipe'],
    isPure: true,
    readsDamage: 0.9,
    repairs: true,
    members: 3,
    clients: 3,
    pauseMs: 150,
    chaosMs: 6_000,
  },
  /** Long writes are torn, and the short ones that follow end within what is left of them. */
  'torn writes': { often: ['crashLoop'], valueBytes: [8, 400, 3_000], pauseMs: 150 },
  /** All that there is to die at, in runs in which logs are short and are read, released and sent anew all the time. */
  points: {
    often: ['crashAtPoint', 'stopAtPoint'],
    isPure: true,
    armedStarts: 0.7,
    pauseMs: 150,
    members: 3,
    valueBytes: [8, 400, 3_000],
    chaosMs: 6_000,
  },
  /** Disks that fill up, and what is done then. */
  'full disks': {
    often: ['fillDisk', 'disarm', 'crashAtPoint'],
    isPure: true,
    members: 3,
    pauseMs: 300,
    valueBytes: [400, 3_000],
    points: ['state.reclaim.before', 'state.reclaim.middle'],
    chaosMs: 6_000,
  },
  /** Who asks for votes dies, or who has given one, and is back before the others have found a leader. */
  candidates: {
    often: ['duel', 'crashCandidate', 'heal'],
    isPure: true,
    members: 3,
    clients: 2,
    pauseMs: 300,
    chaosMs: 6_000,
  },
  /** Two majorities decide, and are kept from each other. */
  joint: {
    often: ['swap', 'troubleJoint', 'heal'],
    isPure: true,
    members: 3,
    clients: 3,
    pauseMs: 300,
    chaosMs: 10_000,
  },
  /** Leaders that others have replaced without their knowing, with clients who still ask them. */
  deposed: {
    often: ['freezeLeader', 'isolateLeader', 'heal'],
    isPure: true,
    members: 3,
    clients: 5,
    drift: 0.4,
    pauseMs: 400,
    chaosMs: 6_000,
  },
  alone: { often: ['crashShortly', 'crash'], members: 1, pauseMs: 150 },
  /** One kind of trouble after the other, and all at once. */
  everything: { often: faultNames, pauseMs: 150, members: 5, repairs: true, chaosMs: 6_000 },
  snapshots: {
    often: ['crashShortly', 'halve', 'heal', 'grow', 'replace', 'swap', 'crashAtPoint'],
    pauseMs: 150,
    points: ['net.snapshot.before', 'net.snapshot.middle', 'net.snapshot.after'],
    chaosMs: 10_000,
  },
} as const satisfies Record<string, Theme>;
/** All of them. */
export const themeNames = Object.keys(themes) as ThemeName[];

/** The theme of that name. */
export function themeNamed(name: string | undefined): ThemeName | undefined {
  return themeNames.find((one) => one === name);
}

/** So many points in a row: seeds in a row have all of them. */
function pointsOf(seed: number, count: number): readonly CrashPoint[] {
  return Array.from(
    { length: count },
    (_, at) => crashPoints[(seed * count + at) % crashPoints.length] ?? 'wal.write.middle',
  );
}

/** What is not left to the seed. */
export interface Wanted {
  readonly theme?: ThemeName | undefined;
  /** Where members die most. */
  readonly points?: readonly CrashPoint[] | undefined;
}

/** The character of a seed, but for what is wanted of it. */
export function characterOf(seed: number, chance: Chance, wanted: Wanted): Character {
  const drawn = chance.happens(0.5) ? chance.pick(themeNames) : 'none';
  const name = wanted.theme ?? drawn;
  const theme: Theme = name === 'none' ? { often: [] } : themes[name];
  const faults = new Map<FaultName, number>();
  for (const fault of faultNames)
    if (theme.isPure !== true && chance.happens(0.5)) faults.set(fault, chance.pick([1, 1, 1, 4]));
  for (const fault of theme.often) faults.set(fault, often);
  const logLimits = logLimitsOf(chance);
  const { often: _often, ...themed } = theme;
  return {
    members: chance.pick([1, 3, 3, 3, 3, 3, 5]),
    clients: chance.between(2, 5),
    watchers: chance.between(1, 3),
    readerPausesMs: [0, 0, 5, 80],
    chaosMs: chance.pick([3_000, 6_000, 10_000]),
    pauseMs: chance.pick([150, 400, 1_000]),
    armedStarts: chance.pick([0, 0.15, 0.15, 0.5]),
    points: pointsOf(seed, name === 'points' ? 8 : 1),
    briefLeaders: chance.pick([0, 0, 0.1, 0.5]),
    readsDamage: chance.pick([0, 0.5]),
    repairs: chance.happens(0.5),
    valueBytes: chance.pick([
      [8, 8, 40, 400],
      [8, 8, 40, 400],
      [8, 3_000],
    ]),
    // By the seed alone, so that nothing else of a run changes with it.
    valueBytesInMemoryMax: seed % 5 === 4 ? 60 : Number.POSITIVE_INFINITY,
    drift: chance.pick([0, 0.1, 0.1, 0.4]),
    isPure: false,
    ...themed,
    theme: name,
    ...(wanted.points !== undefined && { points: wanted.points }),
    faults,
    logLimits: {
      ...logLimits,
      ...(name === 'brief leaders' && { messageBytesMax: chance.pick([1, 1, 200]) }),
      ...((name === 'snapshots' || name === 'points') && { keptEntries: 10, keptBytes: 2 * 1024, stepEntries: 1 }),
    },
  };
}
