import { assert } from '../base/index.ts';
import { BarnError, type Compare, type Key, type Operation } from './barn.ts';

/** The named bounds of a store; what happens at each stands beside it. */
export interface BarnLimits {
  /** Longer keys: InvalidKey. */
  readonly keyLengthMax: number;
  /** Larger values: TooLarge. */
  readonly valueBytesMax: number;
  /** More compares, or more operations in one branch: TooLarge. */
  readonly operationsPerTxnMax: number;
  /** More value bytes in one branch: TooLarge. */
  readonly txnBytesMax: number;
  /** Batches that wait for one reader beyond this: the watch ends with Overrun. One batch alone always fits. */
  readonly watchBufferBytesMax: number;
  /** More watches at a time: Overloaded. */
  readonly watchersMax: number;
  /** More transactions waiting for the disk: Overloaded. */
  readonly waitingTxnsMax: number;
  /** More value bytes waiting for the disk: Overloaded. */
  readonly waitingBytesMax: number;
  /** More history than this: the store compacts itself until seven eighths are left. */
  readonly historyBytesMax: number;
  /**
   * More bytes of values in memory, where there is a disk: history leaves it first, then the newest values that were not written
   * for the longest time, and reads fetch them from there. What the disk has not got yet stays.
   */
  readonly valueBytesInMemoryMax: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** The bounds of a store whose owner names no others. */
export const defaultLimits: BarnLimits = {
  keyLengthMax: 1_024,
  valueBytesMax: 1.5 * MiB,
  operationsPerTxnMax: 128,
  txnBytesMax: 8 * MiB,
  watchBufferBytesMax: 8 * MiB,
  watchersMax: 20_000,
  waitingTxnsMax: 100_000,
  waitingBytesMax: 64 * MiB,
  historyBytesMax: 64 * MiB,
  valueBytesInMemoryMax: 1024 * MiB,
};

/** Throws InvalidKey unless `key` is 1 to `keyLengthMax` printable ASCII characters. */
export function checkKey(key: Key, limits: BarnLimits): void {
  if (key.length === 0 || key.length > limits.keyLengthMax || !printable.test(key)) {
    throw new BarnError(
      'InvalidKey',
      `key ${quote(key)}: a key is 1 to ${limits.keyLengthMax} printable ASCII characters`,
    );
  }
}

/** Throws InvalidKey unless [start, end) is one key (`end` absent) or two bounds in ASCII; bounds may be no keys. */
export function checkRange(start: Key, end: Key | undefined, limits: BarnLimits): void {
  if (end === undefined) return checkKey(start, limits);
  for (const bound of [start, end]) {
    if (bound.length > limits.keyLengthMax || !bounding.test(bound)) {
      throw new BarnError(
        'InvalidKey',
        `range bound ${quote(bound)}: a bound is at most ${limits.keyLengthMax} printable ASCII characters or DEL`,
      );
    }
  }
}

/** A caller's revision or limit is a number from 0 on, and nothing else by mistake. Errors: InvariantError. */
export function assertWhole(number: number, what: string): void {
  assert(Number.isSafeInteger(number) && number >= 0, `a ${what} is a whole number from 0 on, not ${number}`);
}

/** Throws InvalidKey, TooLarge or DuplicateKey unless the parts of a transaction keep to the rules of the door. */
export function checkTxn(
  compares: readonly Compare[],
  branches: readonly (readonly Operation[])[],
  limits: BarnLimits,
): void {
  if (compares.length > limits.operationsPerTxnMax) throw tooMany('compares', compares.length, limits);
  for (const compare of compares) checkKey(compare.key, limits);
  for (const operations of branches) checkBranch(operations, limits);
}

function checkBranch(operations: readonly Operation[], limits: BarnLimits): void {
  if (operations.length > limits.operationsPerTxnMax) throw tooMany('operations', operations.length, limits);
  const written = operations.length > 1 ? new Set<Key>() : undefined;
  let bytes = 0;
  for (const operation of operations) {
    checkKey(operation.key, limits);
    if (operation.do === 'get') continue;
    if (written?.has(operation.key)) {
      throw new BarnError('DuplicateKey', `key ${quote(operation.key)} is written twice in one transaction`);
    }
    written?.add(operation.key);
    if (operation.do === 'delete') continue;
    bytes += operation.value.byteLength;
    if (operation.value.byteLength > limits.valueBytesMax) {
      throw new BarnError(
        'TooLarge',
        `the value of ${quote(operation.key)} has ${operation.value.byteLength} bytes; at most ${limits.valueBytesMax} are stored`,
      );
    }
  }
  if (bytes > limits.txnBytesMax) {
    throw new BarnError('TooLarge', `a transaction writes ${bytes} bytes; at most ${limits.txnBytesMax} are written`);
  }
}

const printable = /^[ -~]*$/;
// One beyond printable, since the end of all keys that begin with ~ is DEL.
const bounding = /^[ -\x7f]*$/;
const quotedLengthMax = 200;

function quote(key: Key): string {
  return JSON.stringify(key.length > quotedLengthMax ? `${key.slice(0, quotedLengthMax)}…` : key);
}

function tooMany(what: string, count: number, limits: BarnLimits): BarnError {
  return new BarnError(
    'TooLarge',
    `a transaction has ${count} ${what}; at most ${limits.operationsPerTxnMax} are allowed`,
  );
}
