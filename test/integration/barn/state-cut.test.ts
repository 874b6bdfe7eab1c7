// The state's LevelDB log cut at many places, as a crash may leave it: what opens is the state of an entry, never half of one.
import { cp, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { defaultLimits } from '../../../barn/limits.ts';
import { compactEntry, deleteEntry, foundingOfOne, put, putEntry, txnEntry } from '../../../barn/state/entries.ts';
import { openLevelDisk } from '../../../barn/state/level-disk.ts';
import type { CommittedEntry, StateMachine } from '../../../barn/state/machine.ts';
import { openStateMachine } from '../../../barn/state/open.ts';
import { silentLog, systemClock } from '../../../base/index.ts';

const cuts = 120;

describe("a member's state on a disk that lost the end of its log", function () {
  this.timeout(120_000);
  let parent: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'barn-'));
  });

  afterEach(() => rm(parent, { recursive: true }));

  it('opens at an entry it had, and the log leads to the same end', async () => {
    const directory = join(parent, 'whole');
    const { entries, hashes } = await live(directory);
    const log = await newestLog(directory);
    const { size } = await stat(join(directory, log));
    const indexes = new Set<number>();
    for (let cut = 0; cut <= cuts; cut++) {
      const copy = join(parent, `cut-${cut}`);
      await cp(directory, copy, { recursive: true });
      await truncate(join(copy, log), Math.floor((size * cut) / cuts));
      const machine = await open(copy);
      const { index } = machine.applied;
      indexes.add(index);
      expect(machine.hash, `cut ${cut} at entry ${index}`).to.equal(hashes.get(index));
      machine.apply(entries);
      expect(machine.hash).to.equal(hashes.get(entries.length + 1));
      await machine.close();
      await rm(copy, { recursive: true });
    }
    // Batches of many sizes: the cuts hit between and within them.
    expect(indexes.size).to.be.greaterThan(5);
  });
});

async function live(
  directory: string,
): Promise<{ readonly entries: readonly CommittedEntry[]; readonly hashes: ReadonlyMap<number, number> }> {
  const machine = await open(directory);
  const entries = Array.from({ length: 60 }, (_, at) => entryAt(at + 2));
  const hashes = new Map([[1, 0]]);
  for (const entry of entries) {
    machine.apply([entry]);
    hashes.set(entry.index, machine.hash);
    // Each in a batch of its own, or several in one.
    if (entry.index % 3 === 0) await batchWritten(machine);
  }
  await machine.close();
  return { entries, hashes };
}

function entryAt(index: number): CommittedEntry {
  if (index % 10 === 0) return compactEntry(index, index / 2);
  if (index % 7 === 0) return deleteEntry(index, 'a');
  if (index % 5 === 0) return txnEntry(index, { success: [put('b', 'x'.repeat(2_000)), put('c', String(index))] });
  return putEntry(index, 'a', 'y'.repeat(index * 10));
}

/** Waits until nothing that was applied waits for the disk. */
async function batchWritten(machine: StateMachine): Promise<void> {
  await machine.room();
}

function open(directory: string): Promise<StateMachine> {
  return openLevelDisk(directory).then((disk) =>
    openStateMachine({
      ...{ disk, keys: undefined, clock: systemClock, log: silentLog, limits: defaultLimits },
      founding: foundingOfOne,
      // Every entry starts a batch, and whoever applies waits for it.
      timers: { batchMs: 0, lagBytesMax: 1 },
    }),
  );
}

/** The log that LevelDB writes to: the highest number. */
async function newestLog(directory: string): Promise<string> {
  const logs = (await readdir(directory)).filter((name) => name.endsWith('.log')).sort();
  const newest = logs.at(-1);
  if (newest === undefined) throw new Error(`${directory} holds no log`);
  return newest;
}
