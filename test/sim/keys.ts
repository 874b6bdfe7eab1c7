// Encryption keys of a run, for about a third of the seeds: each member has a key file of its own, and an operator who begins,
// changes and ends encryption while everything goes wrong, and takes keys out as soon as the member says that none needs them.
import { plain, type StoreKey, type StoreKeys } from '../../barn/index.ts';
import { Chance } from './chance.ts';
import type { Group } from './group.ts';
import type { SimMember } from './member.ts';

/** So many keys there are; names are used again, the key under one is always the same. */
const keysCount = 4;

/** The keys of a run, or undefined where nothing is sealed. Draws nothing from the run's own chance. */
export class SimKeys {
  readonly chance: Chance;
  readonly #keys: readonly StoreKey[];

  constructor(chance: Chance) {
    this.chance = chance;
    this.#keys = Array.from({ length: keysCount }, (_, index) => ({
      id: `k${index + 1}`,
      key: Uint8Array.from({ length: 32 }, () => chance.between(0, 255)),
    }));
  }

  /** What a member begins with: mostly a key. */
  first(): StoreKeys {
    return [this.chance.happens(0.3) ? plain : this.chance.pick(this.#keys)];
  }

  /** Something else before what there is. */
  changed(keys: StoreKeys): StoreKeys {
    const [current] = keys;
    const others = [...this.#keys, plain].filter((key) => key !== current) as StoreKeys;
    const next = this.chance.pick(others);
    return [next, ...keys.filter((key) => key !== next)];
  }
}

/** The keys of a seed. */
export function keysOf(seed: number): SimKeys | undefined {
  const chance = new Chance(seed ^ 0x5ea1);
  return chance.happens(1 / 3) ? new SimKeys(chance) : undefined;
}

/** Edits members' key files until `isOver`. */
export async function runKeyKeeper(group: Group, isOver: () => boolean): Promise<void> {
  const { world } = group;
  const { keys } = world;
  if (keys === undefined) return;
  const pauseMs = keys.chance.pick([100, 400, 1_500]);
  while (!isOver()) {
    await world.loop.delay(keys.chance.around(pauseMs), 'keeper of keys');
    const member = keys.chance.pick(group.members);
    await edit(member, keys.changed(member.keyFile));
    // An operator in a hurry: who was told too early that a key is not needed does not start again without it.
    for (let looks = keys.chance.between(0, 8); looks > 0 && !isOver(); looks--) {
      await world.loop.delay(keys.chance.around(4), 'keeper of keys looks');
      if (!(await takeOut(member))) continue;
      if (world.isChaos && keys.chance.happens(0.5)) member.crash('when keys were taken out');
      break;
    }
  }
}

/** The file is another one at once; the server takes it when it can, and refuses nothing that is only more. */
async function edit(member: SimMember, keys: StoreKeys): Promise<void> {
  member.keyFile = keys;
  member.world.trace(`${member.name}: keys ${namesOf(keys)}`);
  await member.life?.barn
    .useKeys(keys)
    .catch((error: unknown) => member.world.trace(`keys not taken: ${String(error)}`));
}

/** Takes out all keys that a member says it does not need; it must start without them from here on. False: there are none. */
async function takeOut(member: SimMember): Promise<boolean> {
  const { life } = member;
  const sealing = await life?.barn.counts().then(
    (counts) => counts.sealing,
    () => undefined,
  );
  if (life === undefined || sealing === undefined || member.life !== life) return false;
  const needed = new Set([sealing.current, ...sealing.log, ...sealing.state]);
  const left = member.keyFile.filter((key, at) => at === 0 || needed.has(key === plain ? plain : key.id));
  if (left.length === member.keyFile.length) return false;
  await edit(member, left);
  return true;
}

function namesOf(keys: StoreKeys): string {
  return keys.map((key) => (key === plain ? plain : key.id)).join(' ');
}
