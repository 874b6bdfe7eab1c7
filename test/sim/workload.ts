// What clients do all the time: small transactions on few keys, so that they meet.
import { BarnError, type Key, type Operation } from '../../barn/index.ts';
import { askOf, Client, Lost } from './client.ts';
import type { Life } from './member.ts';
import type { World } from './world.ts';

const keys: readonly Key[] = ['a/1', 'a/2', 'a/3', 'b/1', 'b/2', 'c'];
const all = ['', '\x7f'] as const;
export const ranges: readonly (readonly [Key, Key | undefined])[] = [
  all,
  ['a/', 'a0'],
  ['b/', 'b0'],
  ['c', undefined],
  ['a/1', undefined],
];

/** Runs one client until `isOver`. */
export async function runClient(client: Client, isOver: () => boolean): Promise<void> {
  const { world, chance } = client;
  const pauseMs = chance.pick([10, 40, 120]);
  while (!isOver()) {
    await world.loop.delay(chance.around(pauseMs), `${client.name} pauses`);
    if (isOver()) return;
    if (client.life() === undefined) await world.loop.delay(50, `${client.name} finds nobody`);
    else await act(client);
  }
}

async function act(client: Client): Promise<void> {
  const { chance, world } = client;
  const key = chance.pick(keys);
  const seen = client.lastSeen(key);
  const mod = { target: 'mod', key, op: '=', number: seen?.modRevision ?? 0 } as const;
  const put = (at: Key): Operation => ({ do: 'put', key: at, value: client.value() });
  const get: Operation = { do: 'get', key };
  const [from, to] = chance.pick(ranges);
  const roll = chance.between(0, 99);
  if (roll < 20) await client.txn([], [put(key)]);
  else if (roll < 40) await client.txn([mod], [put(key)], [get]);
  else if (roll < 47) await client.txn([{ target: 'version', key, op: '=', number: 0 }], [put(key)], [get]);
  else if (roll < 54) await client.txn([], chance.shuffle(keys).slice(0, 3).map(put));
  else if (roll < 60) await client.txn([mod], [{ do: 'delete', key }, put(key === 'c' ? 'b/1' : 'c')], [get]);
  else if (roll < 64) await client.txn([], [{ do: 'delete', key }]);
  else if (roll < 67)
    await client.txn(
      [mod],
      [get],
      keys.slice(0, 2).map((one) => ({ do: 'get', key: one })),
    );
  else if (roll < 83) await client.range(from, to);
  else if (roll < 90) await client.range(from, to, { serializable: true });
  else if (roll < 94)
    await client.range(...all, { revision: Math.max(1, world.truth.revision - chance.between(0, 30)) });
  else if (roll < 97) await client.readIndex();
  else if (roll < 99) await compact(client);
  else await readSnapshot(client);
}

async function compact(client: Client): Promise<void> {
  const revision = Math.max(0, client.world.truth.revision - client.chance.between(5, 60));
  await attempt(client, async ({ barn }) => barn.compact(revision));
}

/** Reads a whole snapshot, at its own pace. */
async function readSnapshot(client: Client): Promise<void> {
  await attempt(client, async ({ barn, process }) => {
    for await (const chunk of barn.snapshot()) {
      if (chunk.byteLength === 0)
        client.world.violations.add('no error is lost', `${client.name} got an empty chunk of a snapshot`);
      await client.world.loop.delay(client.chance.around(3), `${client.name} reads a snapshot`, process);
    }
    client.world.count('snapshot read under load');
  });
}

/** Something that may fail in the ways a store may fail. */
export async function attempt(client: Client, work: (life: Life) => Promise<unknown>): Promise<boolean> {
  const life = client.life();
  if (life === undefined) return false;
  try {
    await askOf(client.world, life, work(life));
    return true;
  } catch (error) {
    client.world.trace(`${client.name} failed: ${String(error)}`);
    if (!(error instanceof BarnError || error instanceof Lost))
      client.world.violations.add('no error is lost', `${client.name}: ${String(error)}`);
    client.turnAway();
    return false;
  }
}

/** The clients of a run. */
export function makeClients(world: World, lives: () => readonly Life[]): readonly Client[] {
  return Array.from({ length: world.character.clients }, (_, index) => new Client(`c${index + 1}`, world, lives));
}
