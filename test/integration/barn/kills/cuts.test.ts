// What kill -9 left, with the last segment of the member's log and the last log of its LevelDB cut at their bytes: whatever is
// acknowledged below the cut, or still in the other of the two, is there, or the start is refused in clear words.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { BarnError } from '../../../../barn/index.ts';
import { present, seededRandom } from '../../../../base/index.ts';
import {
  type Files,
  isPart,
  type Left,
  lastSegment,
  leave,
  openedAt,
  openLog,
  replay,
  type Segment,
} from './left-behind.ts';
import { bundleVictim, type VictimProgram } from './program.ts';
import type { VictimKind } from './victim.ts';

/** Every byte, unless the machine was so slow that the first life wrote a lot. */
const firstLogCutsMax = 15_000;
const logCutsMax = 1_500;
const stateCutsMax = 600;
const pairsMax = 150;
/** Bytes around the boundaries of records that are all tried, whatever is left out elsewhere. */
const aroundBytes = 20;

describe('what kill -9 left, cut short', function () {
  this.timeout(600_000);
  let parent: string;
  let memory: string;
  let program: VictimProgram;
  const left = new Map<VictimKind, Left>();
  const seed = Number(process.env['BARN_SEED'] ?? Date.now() % 2 ** 31);

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'barn-'));
    // LevelDB syncs a lot at each start, and nothing here is to outlive the machine.
    memory = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'barn-'));
    program = await bundleVictim();
    for (const kind of ['shipped', 'short segments'] as const)
      left.set(kind, await leave(kind, { parent, memory, program: program.path }));
  });

  after(async () => {
    await program.remove();
    await Promise.all([parent, memory].map((folder) => rm(folder, { recursive: true })));
  });

  for (const kind of ['shipped', 'short segments'] as const) {
    it(`opens with all that is below a cut of the log, ${kind}`, async () => {
      const { log, firstLog, applied } = present(left.get(kind), kind);
      await cutLog(firstLog, firstLogCutsMax, `${kind}, first life`, applied);
      await cutLog(log, logCutsMax, `${kind}, third life`, applied);
    });

    it(`opens with all that the log holds after any cut of LevelDB's, ${kind}`, async () => {
      const { log, state, hashes, last } = present(left.get(kind), kind);
      const loaded = await openLog(log);
      if (loaded instanceof BarnError) throw loaded;
      const name = newestLog(state);
      const bytes = present(state.get(name), name);
      const cuts = cutsOf(bytes.length, batchesOf(bytes), stateCutsMax);
      let refused = 0;
      const begins = new Set<number>();
      for (const cut of cuts) {
        const what = `${kind}, ${name} cut at ${cut}`;
        const outcome = await openedAt(join(memory, 'cut'), withCut(state, name, cut, 'gone'), (machine) => {
          begins.add(machine.applied.index);
          replay(machine, loaded);
        });
        if (outcome instanceof BarnError) {
          // The log was released up to what the disk had promised to keep.
          expect(outcome.reason, what).to.equal('Corrupt');
          expect(loaded.snapshot.index, `${what}: ${outcome.message}`).to.be.greaterThan(1);
          refused++;
          continue;
        }
        expect([outcome.applied.index, outcome.hash], what).to.deep.equal([last, hashes.get(last)]);
      }
      tell(
        `${kind}: ${textOf(cuts, bytes.length)} of ${name}, which opened at ${begins.size} entries, ${refused} refused`,
      );
      expect(refused).to.be.lessThan(cuts.length);
    });

    it(`opens with what either holds when both are cut, ${kind} (seed ${seed})`, async () => {
      const { log, state, hashes } = present(left.get(kind), kind);
      const random = seededRandom(seed);
      const segment = lastSegment(log);
      const name = newestLog(state);
      const bytes = present(state.get(name), name);
      let refused = 0;
      for (let pair = 0; pair < pairsMax; pair++) {
        // On a slow machine nearly all of either may be needed by what is durable elsewhere, and everything would be refused:
        // each is also cut where it need not be, or not at all.
        const least = pair % 2 === 0 ? 0 : segment.neededBytes;
        const cut = least + Math.floor(random.next() * (segment.usedBytes + 1 - least));
        const stateCut = pair % 3 === 0 ? bytes.length : Math.floor(random.next() * (bytes.length + 1));
        const what = `${kind}, log cut at ${cut}, ${name} at ${stateCut}`;
        const loaded = await openLog(withCut(log, segment.name, cut, 'zero'));
        if (loaded instanceof BarnError) {
          expect(mayBeRefused(segment, cut, 'zero'), `${what}: ${loaded.message}`).to.equal(true);
          refused++;
          continue;
        }
        let begin = 0;
        const outcome = await openedAt(join(memory, 'pair'), withCut(state, name, stateCut, 'gone'), (machine) => {
          begin = machine.applied.index;
          replay(machine, loaded);
        });
        if (outcome instanceof BarnError) {
          expect(outcome.reason, what).to.equal('Corrupt');
          expect(loaded.snapshot.index, `${what}: ${outcome.message}`).to.be.greaterThan(begin);
          refused++;
          continue;
        }
        const { index } = outcome.applied;
        expect(index, what).to.be.at.least(Math.max(begin, lastBelow(segment, cut)));
        const known = hashes.get(index);
        if (known !== undefined) expect(outcome.hash, what).to.equal(known);
      }
      tell(`${kind}: ${pairsMax} pairs of cuts, ${refused} refused`);
      expect(refused).to.be.lessThan(pairsMax);
    });
  }
});

/** Opens a log with its last segment cut in all these ways. */
async function cutLog(log: Files, cutsMax: number, life: string, applied: number): Promise<void> {
  const whole = await openLog(log);
  if (whole instanceof BarnError) throw whole;
  const segment = lastSegment(log);
  const boundaries = segment.records.map(({ end }) => end);
  const cuts = cutsOf(segment.usedBytes, boundaries, cutsMax);
  let refused = 0;
  for (const cut of cuts)
    for (const rest of ['gone', 'zero'] as const) {
      const what = `${life}, cut at ${cut}, the rest ${rest}`;
      const loaded = await openLog(withCut(log, segment.name, cut, rest));
      if (loaded instanceof BarnError) {
        expect(loaded.reason, what).to.equal('Corrupt');
        expect(mayBeRefused(segment, cut, rest), `${what}: ${loaded.message}`).to.equal(true);
        refused++;
        continue;
      }
      expect(loaded.snapshot.index + loaded.entries.length, what).to.be.at.least(lastBelow(segment, cut));
      expect(loaded.snapshot.index, what).to.be.at.most(applied);
      expect(isPart(loaded, whole), what).to.equal(true);
    }
  tell(`${life}: ${textOf(cuts, segment.usedBytes)} of ${segment.name}, twice each, ${refused} refused`);
  expect(refused).to.be.lessThan(2 * cuts.length);
}

function withCut(files: Files, name: string, cut: number, rest: 'gone' | 'zero'): Files {
  const bytes = present(files.get(name), name);
  const kept = bytes.subarray(0, cut);
  return new Map([...files, [name, rest === 'gone' ? kept : Buffer.concat([kept, Buffer.alloc(bytes.length - cut)])]]);
}

/** The last entry whose record ends below the cut. */
function lastBelow({ records, lastIndexBefore }: Segment, cut: number): number {
  return records.findLast(({ end }) => end <= cut)?.lastIndex ?? lastIndexBefore;
}

/** Some of a segment is durable before anything builds on it, and so is its length when it was made of zeros: no torn write takes that. */
function mayBeRefused({ neededBytes, isFilled }: Segment, cut: number, rest: 'gone' | 'zero'): boolean {
  return cut < neededBytes || (isFilled && rest === 'gone');
}

/** The log that LevelDB writes to: the highest number. */
function newestLog(state: Files): string {
  return present([...state.keys()].filter((name) => name.endsWith('.log')).at(-1), 'a log of LevelDB');
}

/** Where batches begin in a log of LevelDB: records of a checksum u32, a length u16 and a kind u8, in blocks of 32 KiB. */
function batchesOf(bytes: Buffer): readonly number[] {
  const blockBytes = 32_768;
  const begins: number[] = [];
  for (let at = 0; at + 7 <= bytes.length; ) {
    const left = blockBytes - (at % blockBytes);
    if (left < 7) at += left;
    else {
      begins.push(at);
      at += 7 + bytes.readUInt16LE(at + 4);
    }
  }
  return begins;
}

/** Every byte up to `size`, or all that are near a boundary and evenly many of the others. */
function cutsOf(size: number, boundaries: readonly number[], countMax: number): readonly number[] {
  const near = new Set<number>();
  const nearMax = Math.floor(countMax / 2);
  for (const boundary of [...boundaries].reverse())
    for (let cut = boundary - aroundBytes; cut <= boundary + aroundBytes; cut++)
      if (cut >= 0 && cut <= size && near.size < nearMax) near.add(cut);
  const step = Math.max(1, Math.ceil(size / (countMax - near.size)));
  const even = Array.from({ length: Math.floor(size / step) + 1 }, (_, at) => at * step);
  return [...new Set([...even, ...near, size])].sort((one, other) => one - other);
}

function textOf(cuts: readonly number[], size: number): string {
  return cuts.length === size + 1 ? `cut at every byte of ${size}` : `cut at ${cuts.length} of ${size} bytes`;
}

function tell(text: string): void {
  console.log(`      ${text}`);
}
