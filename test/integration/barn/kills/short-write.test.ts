// A disk that takes a part of a write: the kernel's limit for the size of a file (ulimit -f) does that to a real process.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { emptyTally, learn } from './lane.ts';
import { bundleVictim } from './program.ts';
import { Victim } from './victim-process.ts';
import { check, nothingKnown, writerCount } from './workload.ts';

/** In blocks of 512 bytes, as a shell counts; the file of what it says needs less. */
const blocksMax = 500;

describe('a member whose disk takes a part of a write', function () {
  this.timeout(300_000);

  it('ends with a clear error, and has all that it acknowledged when it starts again', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'barn-'));
    const program = await bundleVictim();
    try {
      const options = { program: program.path, directory: join(parent, 'store'), kind: 'shipped' } as const;
      const through = ['/bin/sh', '-c', `ulimit -f ${blocksMax}; exec "$@"`, 'sh'];
      const { said, code, words } = await new Victim({ ...options, through }, 'the limited life').endedByItself();
      expect(code, words).to.equal(1);
      expect(words).to.match(/the store ended: BarnError: /);
      const tally = emptyTally();
      const known = learn(
        said,
        Array.from({ length: writerCount }, () => nothingKnown),
        tally,
      );
      expect(tally.acknowledged).to.be.greaterThan(writerCount);
      const next = new Victim(options, 'the life after');
      await next.answered();
      const found = (await next.killAfter(0)).find((one) => one.say === 'found')?.found;
      if (found === undefined) throw new Error('the life after found nothing');
      check(found, known, 'the life after');
    } finally {
      await program.remove();
      await rm(parent, { recursive: true });
    }
  });
});
