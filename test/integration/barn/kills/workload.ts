// What a victim writes, what it says on stdout meanwhile, and what the next life must find of it. Each writer numbers its
// transactions; each touches several keys, so that half of one would show.
import { expect } from 'chai';
import type { Barn, Operation, Revision } from '../../../../barn/index.ts';

/** Transactions under way at a time: each writer waits for its last one. */
export const writerCount = 16;
/** Older entries of a writer are deleted. */
const entriesKept = 5;
/** So many transactions of a writer, and it compacts all but the last so many revisions. */
const compactEvery = 50;
const revisionsKept = 40;
const longEvery = 23;
const longBytes = 30_000;

/** A line of a victim: what it found, what it is about to write, what was acknowledged, what its log warned of. */
export type Said =
  | { readonly say: 'found'; readonly found: Found }
  | { readonly say: 'submitted'; readonly writer: number; readonly number: number }
  | { readonly say: 'acknowledged'; readonly writer: number; readonly number: number; readonly revision: Revision }
  | { readonly say: 'warned'; readonly message: string };

/** What of the workload is in a store. */
export interface Found {
  readonly revision: Revision;
  /** By writer. */
  readonly writers: readonly FoundWriter[];
}

interface FoundWriter {
  /** Of its last transaction; 0 when there is none. */
  readonly number: number;
  readonly version: number;
  readonly modRevision: Revision;
  /** Newest first. */
  readonly entries: readonly { readonly number: number; readonly modRevision: Revision; readonly isWhole: boolean }[];
}

/** What is known of a writer: the last transaction that must be there, and the last that may. */
export interface Known {
  readonly number: number;
  readonly revision: Revision;
  readonly submitted: number;
}

/** Before the first life. */
export const nothingKnown: Known = { number: 0, revision: 0, submitted: 0 };

/** Reads what a store holds of the workload. */
export async function find(barn: Barn): Promise<Found> {
  const { items, revision } = await barn.range('', '\x7f');
  const writers = Array.from({ length: writerCount }, (_, writer) => {
    const newest = items.find(({ key }) => key === newestKey(writer));
    const number = newest === undefined ? 0 : Number(Buffer.from(newest.value));
    const prefix = entryKey(writer, '');
    const entries = items
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ key, value, modRevision }) => {
        const entry = Number(key.slice(prefix.length));
        return { number: entry, modRevision, isWhole: Buffer.compare(value, entryValue(writer, entry)) === 0 };
      })
      .sort((one, other) => other.number - one.number);
    return { number, version: newest?.version ?? 0, modRevision: newest?.modRevision ?? 0, entries };
  });
  return { revision, writers };
}

/** Writes until the process is killed. */
export async function write(barn: Barn, from: Found, say: (said: Said) => void): Promise<void> {
  await Promise.all(from.writers.map(({ number }, writer) => writeOne(barn, writer, number + 1, say)));
}

async function writeOne(barn: Barn, writer: number, from: number, say: (said: Said) => void): Promise<void> {
  for (let number = from; ; number++) {
    say({ say: 'submitted', writer, number });
    const { revision, succeeded } = await barn.txn(
      [{ target: 'version', key: newestKey(writer), op: '=', number: number - 1 }],
      operationsOf(writer, number),
    );
    if (!succeeded) throw new Error(`writer ${writer} found another number than ${number - 1}`);
    say({ say: 'acknowledged', writer, number, revision });
    if (number % compactEvery === 0) await barn.compact(Math.max(1, revision - revisionsKept));
  }
}

/**
 * Holds what a life found against what is known. Nothing acknowledged is lost, nothing is there by half, nothing is there
 * that nobody wrote. What was found counts as acknowledged from then on.
 */
export function check(found: Found, known: readonly Known[], what: string): readonly Known[] {
  return found.writers.map(({ number, version, modRevision, entries }, writer) => {
    const { number: least, revision, submitted } = known[writer] ?? nothingKnown;
    const who = `${what}, writer ${writer}`;
    expect(number, who).to.be.within(least, Math.max(least, submitted));
    expect(found.revision, who).to.be.at.least(Math.max(revision, modRevision));
    expect(version, who).to.equal(number);
    if (number === least) expect(modRevision, who).to.equal(revision);
    const expected = Array.from({ length: Math.min(number, entriesKept) }, (_, index) => number - index);
    expect(
      entries.map((entry) => entry.number),
      `entries of ${who}`,
    ).to.deep.equal(expected);
    expect(
      entries.filter(({ isWhole }) => !isWhole),
      `damaged entries of ${who}`,
    ).to.deep.equal([]);
    if (number > 0) expect(entries[0]?.modRevision, who).to.equal(modRevision);
    return { number, revision: modRevision, submitted: number };
  });
}

function operationsOf(writer: number, number: number): readonly Operation[] {
  return [
    { do: 'put', key: entryKey(writer, number), value: entryValue(writer, number) },
    { do: 'put', key: newestKey(writer), value: Buffer.from(String(number)) },
    { do: 'delete', key: entryKey(writer, number - entriesKept) },
  ];
}

/** Mostly short; a long one now and then, whose write takes so long that a kill may hit it. */
function entryValue(writer: number, number: number): Buffer {
  return Buffer.alloc((writer + number) % longEvery === 0 ? longBytes : 10 + (number % 90), `${writer} ${number} `);
}

const newestKey = (writer: number): string => `${writer}/newest`;
const entryKey = (writer: number, number: number | string): string => `${writer}/entry/${number}`;
