// Every kind of fault there is, by name. What a run does of them, and how often, its character says.
import type { ConfState } from '../../barn/raft/protocol.ts';
import type { Group } from './group.ts';
import type { SimMember } from './member.ts';
import type { CrashPoint } from './process.ts';
import { attempt } from './workload.ts';

/** The group does not grow beyond. */
const membersMax = 7;

type Fault = (group: Group) => void | Promise<void>;

/** The kinds of faults. */
export type FaultName = keyof typeof faults;

const faults = {
  crash: (group) => some(group, (member) => member.crash('by the nemesis')),
  crashLeader: ({ leader }) => leader?.crash('while it leads'),
  crashAll: (group) => {
    for (const member of group.current) member.crash('with all others');
  },
  crashShortly: (group) => some(group, (member) => crashShortly(group, member)),
  crashAtPoint: (group) => some(group, (member) => arm(group, member)),
  crashLoop: (group) => some(group, (member) => crashInLoop(group, member, group.world.chance.between(2, 5))),
  stop: (group) => some(group, (member) => member.stop()),
  /** It is told to stop, and dies while it closes its files. */
  stopAtPoint: (group) =>
    some(group, (member) => {
      member.process?.arm(group.world.chance.pick(closePoints), 1);
      return member.stop();
    }),
  freeze: (group) =>
    some(group, ({ process }) => {
      if (process !== undefined) process.stoppedUntilMs = group.world.loop.nowMs + group.world.chance.around(400);
    }),
  freezeLeader: ({ leader, world }) => {
    const process = leader?.process;
    if (process !== undefined) process.stoppedUntilMs = world.loop.nowMs + 300 + world.chance.around(600);
  },
  halve: (group) => {
    const { chance } = group.world;
    const sides = group.members.map((member) => ({ member, side: chance.between(0, 1) }));
    for (const one of sides)
      for (const other of sides) if (one.side !== other.side) group.world.network.cut(one.member.id, other.member.id);
  },
  /** The leader keeps all learners, and of the voters too few. */
  minority: (group) => {
    const { leader, voters, current, world } = group;
    if (leader === undefined) return;
    const few = world.chance.between(0, Math.max(0, Math.ceil(voters.length / 2) - 2));
    const others = world.chance.shuffle(voters.filter((voter) => voter !== leader)).slice(few);
    for (const { id } of current)
      for (const other of others) if (others.every((one) => one.id !== id)) world.network.part(id, other.id);
  },
  isolateLeader: ({ leader, members, world }) => {
    const direction = world.chance.pick(['both', 'in', 'out']);
    for (const { id } of members) {
      if (leader === undefined || id === leader.id) continue;
      if (direction !== 'in') world.network.cut(leader.id, id);
      if (direction !== 'out') world.network.cut(id, leader.id);
    }
  },
  cutOneWay: (group) => pair(group, (one, other) => group.world.network.cut(one.id, other.id)),
  breakConnection: (group) => pair(group, (one, other) => group.world.network.breakConnection(one.id, other.id)),
  heal: ({ world }) => world.network.healAll(),
  slowDisk: (group) =>
    some(group, ({ volume }) => {
      const { world } = group;
      world.count('disk slow');
      volume.faults.slowness = world.chance.pick([5, 30]);
      world.loop.schedule(world.chance.around(1_500), 'a disk is fast again', () => (volume.faults.slowness = 1));
    }),
  failWrite: (group) =>
    some(group, (member) => {
      if (member.fate !== 'whole') return;
      member.fate = 'failed';
      member.volume.faults.failNext = true;
    }),
  fillDisk: (group) =>
    some(group, (member) => {
      if (member.fate !== 'whole') return;
      const { chance, loop } = group.world;
      member.fate = 'failed';
      member.volume.faults.freeBytes = chance.between(0, 40_000);
      loop.schedule(chance.around(2_000), 'a disk has room again', () => void makeRoom(group, member));
    }),
  damageDisk: (group) =>
    some(group, (member) => {
      if (group.mayDamage && !group.isChanging) damage(group, member);
    }),
  wipe: (group) =>
    changing(group, async () => {
      if (!group.mayDamage) return;
      const member = group.world.chance.pick(group.current);
      member.fate = 'damaged';
      member.hasRefused = true;
      member.crash('and loses its disk');
      group.world.count('disk replaced by an empty one');
      await group.replace(member, 20);
    }),
  grow: (group) =>
    changing(group, async () => {
      if (group.current.length >= membersMax) return;
      const added = await group.add();
      if (added !== undefined && group.world.chance.happens(0.6)) await group.promote(added, 10);
    }),
  /** Members who follow and do not vote, as many as there are beside the leader. */
  learners: (group) =>
    changing(group, async () => {
      while (group.learners.length < 2 && group.current.length < membersMax)
        if ((await group.add()) === undefined) return;
    }),
  /** One to three voters are replaced in one step, by two majorities (Raft, 6). */
  swap: (group) =>
    changing(group, async () => {
      const { chance } = group.world;
      const room = membersMax - group.current.length;
      const olds = chance.shuffle(group.voters).slice(0, Math.min(chance.between(1, 3), room));
      if (group.mayDamage && olds.length > 0) await group.swap(olds, 10);
    }),
  /** The next time that two majorities decide, something befalls one of them, or who leads them. */
  troubleJoint: (group) => {
    group.world.onNextJoint = (config) => trouble(group, config);
  },
  shrink: (group) =>
    changing(group, async () => {
      if (group.voters.length > 3 && group.mayDamage) await group.remove(group.world.chance.pick(group.current), 5);
    }),
  replace: (group) =>
    changing(group, async () => {
      if (group.mayDamage) await group.replace(group.world.chance.pick(group.current), 10);
    }),
  /** Two who cannot hear each other, one after the other, ask the same third for its vote, which forgets between. */
  duel: (group) => {
    const { chance, loop, network } = group.world;
    const [one, other, third] = chance.shuffle(group.voters);
    if (one === undefined || other === undefined || third === undefined) return;
    network.part(one.id, other.id);
    group.leader?.crash('before a duel');
    group.world.onNextGrant = (voter, candidate) => {
      const member = group.members.find(({ id }) => id === voter);
      loop.schedule(chance.around(3), `${member?.name} forgets`, () => {
        if (!group.world.isChaos) return;
        member?.crash('after its vote');
        for (const { id } of group.members) if (id !== candidate) network.cut(candidate, id);
        loop.schedule(1, `${member?.name} comes back`, () => void member?.start());
      });
    };
  },
  /** The next who asks for votes has a slow disk, dies before its own vote can be there, and soon stands again. */
  crashCandidate: (group) => {
    const { chance, loop } = group.world;
    group.world.onNextAsk = (candidate) => {
      const member = group.members.find(({ id }) => id === candidate);
      if (member === undefined || !group.world.isChaos) return;
      member.volume.faults.slowness = 30;
      loop.schedule(2 + chance.around(5), `${member.name} dies as a candidate`, () => {
        member.volume.faults.slowness = 1;
        if (!group.world.isChaos) return;
        member.crash('as a candidate');
        loop.schedule(chance.around(5), `${member.name} stands again`, () => void member.start());
      });
    };
    group.leader?.crash('so that another stands');
  },
  transfer: async (group) => {
    const to = group.world.chance.pick(group.current);
    await attempt(group.operator, ({ barn }) => barn.transferLeader(to.id));
  },
  stepDown: async ({ leader, operator }) => {
    const life = leader?.life;
    if (life !== undefined) await attempt(operator, () => life.barn.stepDown());
  },
  disarm: (group) => group.disarm(),
} as const satisfies Readonly<Record<string, Fault>>;

/** All of them. */
export const faultNames = Object.keys(faults) as FaultName[];

/** Lets one happen; it may have no effect where it meets nothing that it could do. */
export function happen(name: FaultName, group: Group): void {
  group.world.trace(`nemesis: ${name}`);
  group.world.count(`nemesis: ${name}`);
  const fault: Fault = faults[name];
  void fault(group);
}

/** The disk of a member has room again. */
export async function makeRoom(group: Group, { volume }: SimMember): Promise<void> {
  volume.faults.freeBytes = Number.POSITIVE_INFINITY;
  await group.disarm();
}

/** Lets something be done to the members unless something is. */
export async function changing(group: Group, change: () => Promise<unknown>): Promise<void> {
  if (group.isChanging) return;
  group.isChanging = true;
  try {
    await change();
  } finally {
    group.isChanging = false;
  }
}

function some(group: Group, act: (member: SimMember) => unknown): void {
  const { current, world } = group;
  if (current.length > 0) act(world.chance.pick(current));
}

function pair(group: Group, act: (one: SimMember, other: SimMember) => void): void {
  const [one, other] = group.world.chance.shuffle(group.members);
  if (one !== undefined && other !== undefined) act(one, other);
}

function arm({ world }: Group, { process }: SimMember): void {
  process?.arm(world.anyPoint(), world.chance.pick([1, 1, world.chance.between(1, 6)]));
}

function crashShortly({ world }: Group, member: SimMember): void {
  member.crash('for a moment');
  world.loop.schedule(world.chance.around(5), `${member.name} is back at once`, () => void member.start());
}

const closePoints: readonly CrashPoint[] = [
  'wal.close.before',
  'wal.close.middle',
  'state.close.before',
  'state.close.middle',
];

function trouble(group: Group, { voters, votersOutgoing }: ConfState): void {
  const { leader, members, world } = group;
  const { chance, network } = world;
  world.count('joint configuration met trouble');
  const half = new Set(chance.pick([voters, voters, votersOutgoing]));
  const how = chance.pick(['crash', 'isolate', 'split', 'split', 'split', 'split', 'split'] as const);
  if (how === 'crash') leader?.crash('while two majorities decide');
  // Mostly whoever leads is among the new ones: the old ones that are left may not know of them.
  if (leader !== undefined && chance.happens(0.7)) half.add(leader.id);
  for (const { id } of members)
    for (const other of members) {
      const isApart = how === 'split' ? half.has(id) !== half.has(other.id) : id === leader?.id;
      if (how !== 'crash' && other.id !== id && isApart) network.part(id, other.id);
    }
}

const writePoints: readonly CrashPoint[] = [
  'wal.write.middle',
  'wal.write.middle',
  'wal.write.after',
  'wal.write.before',
];

/** It dies at one of its next writes to the log, comes back, dies at one of the next, and so on. */
function crashInLoop(group: Group, member: SimMember, rounds: number): void {
  const { chance, loop } = group.world;
  const { process } = member;
  if (process === undefined || rounds === 0) return;
  process.arm(chance.pick(writePoints), chance.between(1, 3));
  process.onDeath(() =>
    loop.schedule(chance.around(5), `${member.name} is back in a loop`, () => {
      if (!group.world.isChaos) return;
      void member.start();
      crashInLoop(group, member, rounds - 1);
    }),
  );
}

function damage(group: Group, member: SimMember): void {
  const { chance, character, loop } = group.world;
  const how = chance.pick(['flip', 'flip', 'misdirect', 'state']);
  group.world.trace(`${member.name}: disk damaged by ${how}`);
  member.fate = 'damaged';
  if (how === 'state') group.world.count('record of the state damaged');
  if (how === 'misdirect') member.volume.faults.misdirectNext = true;
  // Where records are sealed a disk may also be damaged so that its own checksums do not see it.
  else if (how === 'state' && group.world.keys?.chance.happens(0.5) === true) member.stateDisk.swap();
  else if (how === 'state') member.stateDisk.damage();
  else member.volume.flipBit();
  if (!chance.happens(character.readsDamage)) return;
  loop.schedule(chance.around(how === 'misdirect' ? 300 : 20), `${member.name} reads its disk`, () => {
    if (group.world.isChaos) crashShortly(group, member);
  });
}
