import { isUtf8 } from 'node:buffer';
import {
  type Checker,
  compileChecker,
  JsonScanner,
  recordDepthMax,
  schemaHash,
  syntaxProblem,
} from '../../lang/contracts/index.ts';
import { type Batch, recordMark } from '../flow/batch.ts';
import type { DeadLetters, Rejection } from '../flow/dead-letters.ts';
import type { ContractSpec } from '../protocol/index.ts';
import { SliceError } from '../slice-error.ts';

/** Decides which records of a batch go on; the others become dead letters. */
export interface RecordCheck {
  check(batch: Batch): void;
  /** The position after a record at `start` that is surely valid, or -1; bytes from `limit` on are not there yet. */
  readonly prefix?: (bytes: Buffer, start: number, limit: number) => number;
}

/** Records must be UTF-8 and JSON. */
export function syntaxCheck(letters: DeadLetters): RecordCheck {
  const scanner = new JsonScanner();
  return {
    check(batch) {
      const utf8 = isAllUtf8(batch);
      batch.retain((index) => {
        const problem =
          batch.marks[index] === recordMark.unread
            ? syntaxProblem(scanner, batch.buffer, batch.start(index), batch.end(index))
            : undefined;
        if (problem === undefined && (utf8 || isRecordUtf8(batch, index))) return true;
        letters.addFrom(batch, index, undecodable(problem ?? 'not valid UTF-8'));
        return false;
      });
    },
  };
}

/**
 * Records must be UTF-8, JSON and valid under a contract. The contract must have the hash that the run's plan recorded: one
 * that was deleted and made anew under its name is another (InvalidStep).
 */
export async function contractCheck(letters: DeadLetters, contract: ContractSpec): Promise<RecordCheck> {
  if (schemaHash(contract) !== contract.schemaHash) {
    const { name, version } = contract;
    throw new SliceError('InvalidStep', `contract ${name} ${version} is not the one that the run was planned with`);
  }
  const checker = await compileChecker(contract);
  const { prefix } = checker;
  return { check: (batch) => checkAll(batch, checker, contract, letters), ...(prefix === undefined ? {} : { prefix }) };
}

function checkAll(batch: Batch, checker: Checker, contract: ContractSpec, letters: DeadLetters): void {
  const utf8 = isAllUtf8(batch);
  batch.retain((index) => {
    if (utf8 && batch.marks[index] === recordMark.valid) return true;
    const violation = checker.bytes(batch.buffer, batch.start(index), batch.end(index), utf8);
    if (violation === undefined) return true;
    letters.addFrom(batch, index, violation, contract);
    return false;
  });
}

/** The rejection of bytes that are no record. */
export function undecodable(reason: string): Rejection {
  return { code: reason === `nested deeper than ${recordDepthMax}` ? 'too_deep' : 'decode', path: '', reason };
}

function isAllUtf8(batch: Batch): boolean {
  return batch.count === 0 || isUtf8(batch.buffer.subarray(batch.start(0), batch.end(batch.count - 1)));
}

function isRecordUtf8(batch: Batch, index: number): boolean {
  return isUtf8(batch.buffer.subarray(batch.start(index), batch.end(index)));
}
