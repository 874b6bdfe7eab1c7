import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { expect } from 'chai';
import { type Barn, BarnError, openEmbeddedBarn } from '../../../../barn/index.ts';
import { present, seededRandom, silentLog, systemClock } from '../../../../base/index.ts';
import { emptyTally, killAgainAndAgain, textOf } from './lane.ts';
import { bundleVictim, type VictimProgram } from './program.ts';
import type { VictimKind } from './victim.ts';

const kills = Number(process.env['BARN_KILLS'] ?? 300);
/** A store each, side by side; those in one thread start in half the time. */
const kinds: readonly VictimKind[] = ['shipped', 'sealed', 'short segments', 'short segments'];

describe('the embedded store and kill -9', function () {
  this.timeout(60_000 + kills * 10_000);
  let parent: string;
  let program: VictimProgram;

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'barn-'));
    program = await bundleVictim();
  });

  after(async () => {
    await program.remove();
    await rm(parent, { recursive: true });
  });

  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  it(`loses nothing acknowledged in ${kills} kills, and keeps no half of a transaction (seed ${seed})`, async () => {
    const tally = emptyTally();
    const each = Math.ceil(kills / kinds.length);
    const lanes = kinds.map((kind, lane) =>
      killAgainAndAgain({
        ...{ kind, tally, kills: each, program: program.path, random: seededRandom(seed + lane) },
        directory: join(parent, `store-${lane}`),
      }),
    );
    // All end before the folder goes.
    const outcomes = await Promise.allSettled(lanes);
    console.log(`      ${textOf(tally)}`);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    expect(tally.killsWriting).to.equal(each * kinds.length);
    expect(tally.acknowledged).to.be.greaterThan(tally.killsWriting);
  });

  it('is refused to a second process, and free again when the first is killed', async () => {
    const directory = join(parent, 'locked');
    const victim = spawn(execPath, [program.path, directory, 'shipped'], {
      stdio: ['pipe', 'ignore', 'inherit', 'pipe'],
    });
    try {
      await once(present(victim.stdio[3], 'descriptor 3'), 'data');
      const refusal = await open(directory).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refusal).to.be.instanceOf(BarnError);
      expect(refusal).to.include({
        reason: 'Storage',
        message: `open the store in ${join(directory, 'state')}: another process has it open; stop that one, or name another directory`,
      });
    } finally {
      victim.kill('SIGKILL');
      await once(victim, 'close');
    }
    await (await open(directory)).close();
  });
});

function open(directory: string): Promise<Barn> {
  return openEmbeddedBarn({ directory, name: 'one', clock: systemClock, log: silentLog });
}
