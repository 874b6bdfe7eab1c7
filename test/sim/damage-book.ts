// What a disk did wrong, and what should be there: by this a member's log is held to refuse what is not as it was written, and
// never to write over what it was told is durable.
import type { SparseBytes } from './sparse-bytes.ts';

/** A file of a volume. */
export interface StoredFile {
  name: string;
  readonly bytes: SparseBytes;
  /** Whether the directory was synced since the file got its name. */
  isNameDurable: boolean;
  /** What was written last: damage there cannot be told from a torn write, and is not made. */
  lastWrite: { readonly position: number; readonly length: number } | undefined;
  /** Where a write ended that was never said to be done: the log may do there what it likes. */
  torn: { readonly from: number; readonly to: number } | undefined;
}

interface Damage {
  readonly what: string;
  readonly file: StoredFile;
  /** What the file was called then: one that is used again was made zero meanwhile. */
  readonly name: string;
  readonly position: number;
  readonly should: Uint8Array;
}

/** The damage done to one volume. */
export class DamageBook {
  #damages: Damage[] = [];
  /** What was there when the member's life began. */
  #inherited: readonly Damage[] = [];

  add(damage: Omit<Damage, 'name'>): void {
    this.#damages.push({ ...damage, name: damage.file.name });
  }

  /** A new life begins. */
  lifeBegins(): void {
    this.#inherited = [...this.#damages];
  }

  clear(): void {
    this.#damages = [];
    this.#inherited = [];
  }

  /** Whether everything that is there is as it should be. */
  isWhole(files: ReadonlyMap<string, StoredFile>): boolean {
    this.#damages = this.#damages.filter(
      (damage) => files.get(damage.file.name) === damage.file && isWrong(damage, false),
    );
    return this.#damages.length === 0;
  }

  /** What this life should have refused to go on with: what was not zero, in a segment of the log. */
  unnoticed(files: ReadonlyMap<string, StoredFile>): string | undefined {
    return this.#inherited.find(
      (damage) => isSegment(damage) && files.get(damage.name) === damage.file && isWrong(damage, true),
    )?.what;
  }
}

/** What is wrong with writing these bytes there: what is durable in a segment stays. */
export function overwrites(file: StoredFile, bytes: Uint8Array, position: number): string | undefined {
  if (!isSegment(file)) return undefined;
  const there = file.bytes.read(position, bytes.byteLength);
  const at = there.findIndex((byte, index) => {
    const here = position + index;
    const isTorn = file.torn !== undefined && here >= file.torn.from && here < file.torn.to;
    return byte !== 0 && byte !== bytes[index] && !isTorn;
  });
  return at < 0 ? undefined : `byte ${position + at} of ${file.name} was durable and is written over`;
}

/** What is left of a torn write after one that was whole. */
export function tornAfter({ torn }: StoredFile, position: number, length: number): StoredFile['torn'] {
  const end = position + length;
  if (torn === undefined || position >= torn.to) return undefined;
  if (position > torn.from) return torn;
  return end >= torn.to ? undefined : { from: Math.max(torn.from, end), to: torn.to };
}

const isSegment = ({ name }: Pick<StoredFile, 'name'>): boolean => name.endsWith('.wal');

function isWrong({ file, name, position, should }: Damage, isData: boolean): boolean {
  const isUsedAgain = file.name !== name;
  const is = file.bytes.read(position, should.byteLength);
  return should.some(
    (byte, index) => is[index] !== byte && (byte !== 0 || !isData) && (is[index] !== 0 || !isUsedAgain),
  );
}
