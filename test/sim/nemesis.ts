// Who acts in a run beside clients and members: the nemesis that lets things go wrong as the run's character says, the
// supervisor that starts what is down, and the operator who replaces what will not start.

import type { MemberId } from '../../barn/raft/protocol.ts';
import type { Chance } from './chance.ts';
import { changing, happen } from './faults.ts';
import type { Group } from './group.ts';
import type { SimMember } from './member.ts';
import type { SimProcess } from './process.ts';

/** Lets things go wrong until `isOver`. */
export async function runNemesis(group: Group, isOver: () => boolean): Promise<void> {
  const { world } = group;
  const { faults, pauseMs } = world.character;
  const chance = world.chance.fork();
  const kinds = [...faults].flatMap(([name, weight]) => Array.from({ length: weight }, () => name));
  if (world.character.briefLeaders > 0) world.onLeader = briefLeaders(group, chance.fork());
  await world.loop.delay(chance.pick([0, 600, 600]), 'nemesis waits for the first leader');
  while (!isOver()) {
    await world.loop.delay(chance.around(pauseMs), 'nemesis');
    if (isOver()) return;
    if (kinds.length === 0) continue;
    happen(chance.pick(kinds), group);
    if (!world.character.isPure && chance.happens(0.2)) world.network.healAll();
  }
}

/** So many messages are heard, from and to: one leader tells nobody, nor does the next, the third begins to tell the others. */
const turns = [
  [0, 0],
  [0, 0],
  [3, 6],
] as const;
const anyTurn = [0, 30] as const;
/** Nobody is away longer, if no leader follows. */
const awayMsMax = 4_000;

/**
 * Leaders that are heard for a few messages, then by nobody: what they wrote is on their own disk, or on few, or on most. Such
 * a one dies, comes back, and is heard again when one of the next was cut off: so an old log meets a new one (Raft, figure 8).
 */
function briefLeaders(group: Group, chance: Chance): (id: MemberId) => void {
  const { loop, network, character } = group.world;
  let turn = 0;
  /** Oldest first. */
  let away: { readonly id: MemberId }[] = [];
  const heardAgain = (one: { readonly id: MemberId }): void => {
    if (!away.includes(one)) return;
    away = away.filter((other) => other !== one);
    network.mend(one.id);
  };
  const cutOff = (member: SimMember, process: SimProcess): void => {
    const { id, name } = member;
    group.world.count('leader cut off young');
    const few = Math.max(1, Math.floor((group.voters.length - 1) / 2));
    for (const one of away.slice(0, away.length - few + 1)) heardAgain(one);
    for (const other of group.members) if (other !== member) network.part(id, other.id);
    const one = { id };
    away.push(one);
    // Late enough, mostly, that its own disk has what it wrote.
    loop.schedule(chance.pick([0, 3, 3]) + chance.around(3), `${name} dies young`, () => process.die('young'));
    loop.schedule(20 + chance.around(40), `${name} is back`, () => group.world.isChaos && void member.start());
    loop.schedule(awayMsMax, `${name} is heard again`, () => heardAgain(one));
  };
  return (id) => {
    const member = group.members.find((one) => one.id === id);
    const process = member?.process;
    if (member === undefined || process === undefined || !chance.happens(character.briefLeaders)) return;
    const [least, most] = chance.happens(0.8) ? (turns[turn++ % turns.length] ?? anyTurn) : anyTurn;
    let left = chance.between(least, most);
    const stop = network.onDelivery((from, to) => {
      if ((from !== id && to !== id) || left-- > 0) return;
      stop();
      if (process.alive && group.world.isChaos) cutOff(member, process);
    });
    process.onDeath(stop);
  };
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

/** Replaces members whose disks are damaged, until `isOver`. */
export async function runOperator(group: Group, isOver: () => boolean): Promise<void> {
  const { loop, chance } = group.world;
  while (!isOver()) {
    await loop.delay(chance.around(300), 'operator looks round');
    const refused = group.current.find(({ hasRefused, removal }) => hasRefused && removal === 'no');
    if (refused !== undefined && !isOver()) await changing(group, () => group.replace(refused, 5));
  }
}
