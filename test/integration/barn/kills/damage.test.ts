// The files of LevelDB that kill -9 left, damaged in every way: what opens leads to the same end, and everything else is refused
// in the words of the store. Nothing is ever silently lost, and LevelDB never ends the process.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { BarnError } from '../../../../barn/index.ts';
import { present, type Random, seededRandom } from '../../../../base/index.ts';
import { leave, openedAt, openLog, replay } from './left-behind.ts';
import { bundleVictim } from './program.ts';

const rounds = Number(process.env['BARN_DAMAGES'] ?? 250);
const hows = ['flipped', 'cut', 'garbage', 'zeros', 'longer', 'gone'] as const;

describe("LevelDB's files, damaged", function () {
  this.timeout(60_000 + rounds * 2_000);
  let parent: string;
  let memory: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'barn-'));
    memory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'barn-'));
  });

  afterEach(() => Promise.all([parent, memory].map((folder) => rm(folder, { recursive: true }))));

  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  it(`lead to the same end or are refused, ${rounds} times (seed ${seed})`, async () => {
    const program = await bundleVictim();
    const left = await leave('short segments', { parent, memory, program: program.path });
    await program.remove();
    const loaded = await openLog(left.log);
    if (loaded instanceof BarnError) throw loaded;
    const random = seededRandom(seed);
    const names = [...left.state.keys()].filter((name) => !name.startsWith('LO'));
    let refused = 0;
    for (let round = 0; round < rounds; round++) {
      const name = present(names[below(random, names.length)], 'a file');
      const how = present(hows[below(random, hows.length)], 'a way');
      const what = `round ${round}, ${name} ${how}`;
      const files = new Map(left.state);
      const damaged = damage(present(files.get(name), name), how, random);
      if (damaged === undefined) files.delete(name);
      else files.set(name, damaged);
      const outcome = await openedAt(join(memory, 'damaged'), files, (machine) => void replay(machine, loaded));
      if (outcome instanceof BarnError) {
        expect(outcome.reason, `${what}: ${outcome.message}`).to.equal('Corrupt');
        refused++;
        continue;
      }
      expect([outcome.applied.index, outcome.hash], what).to.deep.equal([left.last, left.hashes.get(left.last)]);
    }
    console.log(`      ${rounds} damages: ${rounds - refused} changed nothing, ${refused} were refused`);
    expect(refused).to.be.within(rounds / 4, rounds - 1);
  });
});

/** The file as it is then; undefined: it is gone. */
function damage(whole: Buffer, how: (typeof hows)[number], random: Random): Buffer | undefined {
  const bytes = Buffer.from(whole);
  const from = below(random, bytes.length);
  const to = Math.min(bytes.length, from + 1 + below(random, below(random, 2) === 0 ? 16 : 3_000));
  switch (how) {
    case 'flipped':
      for (let count = below(random, 4); count >= 0; count--) {
        const at = below(random, bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8));
      }
      return bytes;
    case 'cut':
      return bytes.subarray(0, from);
    case 'garbage':
      for (let at = from; at < to; at++) bytes[at] = below(random, 256);
      return bytes;
    case 'zeros':
      return bytes.fill(0, from, to);
    case 'longer':
      return Buffer.concat([
        bytes,
        Buffer.from(Array.from({ length: 1 + below(random, 100) }, () => below(random, 256))),
      ]);
    case 'gone':
      return undefined;
  }
}

function below(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}
