// What goes wrong in a run: a seed chooses the kinds of faults and how often, so that runs differ in character.
import type { Group } from './group.ts';
import type { SimMember } from './member.ts';
import { attempt } from './workload.ts';

/** The group does not grow beyond. */
const membersMax = 7;

type Fault = (group: Group) => void | Promise<void>;

/** Every kind of fault, by name; a run has some of them. */
const faults: Readonly<Record<string, Fault>> = {
  crash: (group) => some(group, (member) => member.crash('by the nemesis')),
  crashLeader: ({ leader }) => leader?.crash('while it leads'),
  crashAll: (group) => {
    for (const member of group.current) member.crash('with all others');
  },
  crashShortly: (group) =>
    some(group, (member) => {
      member.crash('for a moment');
      group.world.loop.schedule(
        group.world.chance.around(5),
        `${member.name} is back at once`,
        () => void member.start(),
      );
    }),
  crashAtPoint: (group) =>
    some(group, (member) => member.process?.arm(group.world.anyPoint(), group.world.chance.between(1, 6))),
  stop: (group) => some(group, (member) => member.stop()),
  freeze: (group) =>
    some(group, ({ process }) => {
      if (process !== undefined) process.stoppedUntilMs = group.world.loop.nowMs + group.world.chance.around(400);
    }),
  freezeLeader: ({ leader, world }) => {
    const process = leader?.process;
    if (process !== undefined) process.stoppedUntilMs = world.loop.nowMs + 300 + world.chance.around(600);
  },
  halve: (group) => {
    const { chance, network } = group.world;
    const sides = group.members.map((member) => ({ id: member.id, side: chance.between(0, 1) }));
    for (const one of sides) for (const other of sides) if (one.side !== other.side) network.cut(one.id, other.id);
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
      volume.faults.slowness = group.world.chance.pick([5, 30]);
      group.world.loop.schedule(
        group.world.chance.around(1_500),
        'a disk is fast again',
        () => (volume.faults.slowness = 1),
      );
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
      member.fate = 'failed';
      member.volume.faults.freeBytes = group.world.chance.between(0, 40_000);
      group.world.loop.schedule(
        group.world.chance.around(2_000),
        'a disk has room again',
        () => void makeRoom(group, member),
      );
    }),
  damageDisk: (group) =>
    some(group, (member) => {
      if (!group.mayDamage || group.isChanging) return;
      const how = group.world.chance.pick(['flip', 'flip', 'misdirect', 'state']);
      group.world.trace(`${member.name}: disk damaged by ${how}`);
      member.fate = 'damaged';
      if (how === 'misdirect') member.volume.faults.misdirectNext = true;
      // Where records are sealed a disk may also be damaged so that its own checksums do not see it.
      else if (how === 'state' && group.world.keys?.chance.happens(0.5) === true) member.stateDisk.swap();
      else if (how === 'state') member.stateDisk.damage();
      else member.volume.flipBit();
    }),
  wipe: (group) =>
    changing(group, async () => {
      if (!group.mayDamage) return;
      const member = group.world.chance.pick(group.current);
      member.fate = 'damaged';
      member.hasRefused = true;
      member.crash('and loses its disk');
      await group.replace(member, 20);
    }),
  grow: (group) =>
    changing(group, async () => {
      if (group.current.length >= membersMax) return;
      const added = await group.add();
      if (added !== undefined && group.world.chance.happens(0.6)) await group.promote(added, 10);
    }),
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
    network.cut(one.id, other.id);
    network.cut(other.id, one.id);
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
  transfer: async (group) => {
    const to = group.world.chance.pick(group.current);
    await attempt(group.operator, ({ barn }) => barn.transferLeader(to.id));
  },
  stepDown: async ({ leader, operator }) => {
    const life = leader?.life;
    if (life !== undefined) await attempt(operator, () => life.barn.stepDown());
  },
  disarm: (group) => group.disarm(),
};

/** Lets things go wrong until `isOver`. */
export async function runNemesis(group: Group, isOver: () => boolean): Promise<void> {
  const { world } = group;
  const chance = world.chance.fork();
  const kinds = Object.keys(faults).filter(() => chance.happens(0.6));
  const pauseMs = chance.pick([150, 400, 1_000]);
  world.trace(`nemesis: ${kinds.join(' ')}, every ${pauseMs} ms`);
  await world.loop.delay(chance.pick([0, 600, 600]), 'nemesis waits for the first leader');
  while (!isOver()) {
    await world.loop.delay(chance.around(pauseMs), 'nemesis');
    if (isOver()) return;
    const kind = kinds.length === 0 ? undefined : chance.pick(kinds);
    const fault = kind === undefined ? undefined : faults[kind];
    if (fault === undefined) continue;
    world.trace(`nemesis: ${kind}`);
    void fault(group);
    if (chance.happens(0.2)) world.network.healAll();
  }
}

/** In the runs that have it: now and then one to three voters are replaced in one step. */
export async function runReplacing(group: Group, isOver: () => boolean): Promise<void> {
  const { loop, swaps } = group.world;
  while (swaps !== undefined && !isOver()) {
    await loop.delay(swaps.around(700), 'the operator thinks of replacing members');
    if (isOver() || !group.mayDamage) continue;
    await changing(group, async () => {
      const room = membersMax - group.current.length;
      const olds = swaps.shuffle(group.voters).slice(0, Math.min(swaps.between(1, 3), room));
      if (olds.length > 0) await group.swap(olds, 10);
    });
  }
}

/** Starts what is down, now and then: a supervisor. */
export async function runSupervisor(group: Group, isOver: () => boolean): Promise<void> {
  const { world } = group;
  const chance = world.chance.fork();
  const pauseMs = chance.pick([100, 300, 800]);
  while (!isOver()) {
    await world.loop.delay(chance.around(pauseMs), 'supervisor');
    for (const member of group.members) if (member.canStart && chance.happens(0.6)) void member.start();
  }
}

/** The disk of a member has room again. */
export async function makeRoom(group: Group, { volume }: SimMember): Promise<void> {
  volume.faults.freeBytes = Number.POSITIVE_INFINITY;
  await group.disarm();
}

function some(group: Group, act: (member: SimMember) => unknown): void {
  const { current, world } = group;
  if (current.length > 0) act(world.chance.pick(current));
}

function pair(group: Group, act: (one: SimMember, other: SimMember) => void): void {
  const [one, other] = group.world.chance.shuffle(group.members);
  if (one !== undefined && other !== undefined) act(one, other);
}

async function changing(group: Group, change: () => Promise<void>): Promise<void> {
  if (group.isChanging) return;
  group.isChanging = true;
  try {
    await change();
  } finally {
    group.isChanging = false;
  }
}
