import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { type Barn, BarnError, openEmbeddedBarn } from '../../../barn/index.ts';
import { present, seededRandom, silentLog, sleep, systemClock } from '../../../base/index.ts';

const rounds = Number(process.env['BARN_KILL_ROUNDS'] ?? 30);
const writers = 16;
const entriesKept = 5;
const killAfterMsMax = 120;

describe('the embedded store and kill -9', function () {
  this.timeout(rounds * 10_000);
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'barn-'));
  });

  afterEach(() => rm(directory, { recursive: true }));

  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  it(`loses nothing acknowledged in ${rounds} rounds, and keeps no half of a transaction (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const acknowledged = new Map<number, Acknowledged>();
    let count = 0;
    let unacknowledged = 0;
    for (let round = 1; round <= rounds; round++) {
      for (const line of await writeUntilKilled(directory, random.next() * killAfterMsMax)) {
        acknowledged.set(line.writer, line);
        count++;
      }
      const barn = await open(directory);
      try {
        unacknowledged += await check(barn, acknowledged, `round ${round}`);
      } finally {
        await barn.close();
      }
    }
    console.log(
      `      ${count} acknowledged transactions, all there; ${unacknowledged} more were on disk before their answer`,
    );
    expect(count).to.be.greaterThan(rounds * writers);
  });

  it('is refused to a second process, and free again when the first is killed', async () => {
    const writer = startWriter(directory);
    try {
      await once(writer.stdout, 'data');
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
      writer.kill('SIGKILL');
      await once(writer, 'close');
    }
    await (await open(directory)).close();
  });
});

interface Acknowledged {
  readonly writer: number;
  readonly number: number;
  readonly revision: number;
}

/** Holds what is on disk against the last acknowledgement of each writer; returns how many came after those. */
async function check(barn: Barn, acknowledged: ReadonlyMap<number, Acknowledged>, what: string): Promise<number> {
  const revision = await barn.readIndex();
  let beyond = 0;
  for (let writer = 0; writer < writers; writer++) {
    const last = acknowledged.get(writer) ?? { number: 0, revision: 0 };
    const [newest] = (await barn.range(`${writer}/newest`)).items;
    const number = newest?.version ?? 0;
    expect(number, `${what}, writer ${writer}`).to.be.within(last.number, last.number + rounds);
    expect(revision, what).to.be.at.least(last.revision);
    if (number === last.number && newest !== undefined) expect(newest.modRevision, what).to.equal(last.revision);
    beyond += number - last.number;
    const { items } = await barn.range(`${writer}/entry/`, `${writer}/entry0`);
    const expected = Array.from({ length: Math.min(number, entriesKept) }, (_, index) => number - index);
    const found = items.map(({ value }) => Number(Buffer.from(value))).sort((a, b) => b - a);
    expect(found, `${what}, entries of writer ${writer}`).to.deep.equal(expected);
    if (newest === undefined) continue;
    expect(Number(Buffer.from(newest.value)), what).to.equal(number);
    const entry = items.find(({ value }) => Number(Buffer.from(value)) === number);
    expect(entry?.modRevision, what).to.equal(newest.modRevision);
  }
  const { revision: next } = await barn.txn([], [{ do: 'put', key: 'checked', value: Buffer.from(what) }]);
  expect(next, what).to.equal(revision + 1);
  return beyond;
}

/** Runs a writer, kills it `delayMs` after its first acknowledgement, and returns all it acknowledged. */
async function writeUntilKilled(directory: string, delayMs: number): Promise<readonly Acknowledged[]> {
  const writer = startWriter(directory);
  const closed = once(writer, 'close');
  let output = '';
  writer.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await Promise.race([once(writer.stdout, 'data'), closed]);
  await sleep(systemClock, delayMs);
  writer.kill('SIGKILL');
  await closed;
  expect(writer.signalCode, 'the writer ended by itself').to.equal('SIGKILL');
  const lines = output.split('\n');
  // The last line may be cut off, and is then no acknowledgement.
  lines.pop();
  return lines.map((line) => {
    const [index, number, revision] = line.split(' ').map(Number);
    return {
      writer: present(index, 'the writer'),
      number: present(number, 'the number'),
      revision: present(revision, 'the revision'),
    };
  });
}

function startWriter(directory: string) {
  const program = fileURLToPath(new URL('./writer.js', import.meta.url));
  return spawn(execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
}

function open(directory: string): Promise<Barn> {
  return openEmbeddedBarn({ directory, name: 'one', clock: systemClock, log: silentLog });
}
