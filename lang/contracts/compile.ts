import { isUtf8 } from 'node:buffer';
import { type ByteCheck, compileByteCheck } from './byte-checker.ts';
import type { ContractShape, Violation } from './contract.ts';
import { JsonScanner, scanDeep } from './json-scan.ts';
import { patternCompiler } from './pattern.ts';
import { compileValueCheck, type ValueCheck } from './value-checker.ts';

/** Checks records against one contract. */
export interface Checker {
  /** A record that was parsed already. */
  value(record: unknown): Violation | undefined;
  /**
   * A record as JSON bytes [start, end), not checked before: also says what is not UTF-8 or not JSON (code `decode`).
   * `utf8`: the caller knows that the bytes are.
   */
  bytes(bytes: Buffer, start: number, end: number, utf8: boolean): Violation | undefined;
  /**
   * Where the contract can be read in place: the position after an object at `start` that is surely valid, as far as UTF-8
   * goes unchecked, or -1 when that is not known. Bytes from `limit` on are not there.
   */
  readonly prefix?: (bytes: Buffer, start: number, limit: number) => number;
}

/** Compiles a contract that checkContract accepts. */
export async function compileChecker(contract: ContractShape): Promise<Checker> {
  const compilePattern = await patternCompiler();
  return checkerOf(compileValueCheck(contract, compilePattern), compileByteCheck(contract, compilePattern));
}

function checkerOf(explain: ValueCheck, quick: ByteCheck | undefined): Checker {
  const scanner = new JsonScanner();
  const value = (record: unknown): Violation | undefined => {
    const found = explain(record);
    return found === undefined ? undefined : { ...found, path: `$${found.path}` };
  };
  return {
    ...(quick === undefined
      ? {}
      : { prefix: (bytes: Buffer, start: number, limit: number) => quick.prefix(bytes, start, limit) }),
    value,
    bytes(bytes, start, end, utf8) {
      if (!utf8 && !isUtf8(bytes.subarray(start, end))) return undecodable('not valid UTF-8');
      if (quick?.whole(bytes, start, end) === true) return undefined;
      const problem = syntaxProblem(scanner, bytes, start, end);
      if (problem !== undefined) return undecodable(problem);
      return value(JSON.parse(bytes.toString('utf8', start, end)));
    },
  };
}

/** What keeps the bytes from being one JSON value; undefined when nothing does. */
export function syntaxProblem(scanner: JsonScanner, bytes: Buffer, start: number, end: number): string | undefined {
  const after = scanner.scan(bytes, start, end, true);
  if (after >= 0) return undefined;
  if (after === scanDeep) return scanner.error;
  return after === -1 ? 'it ends within a value' : `${scanner.error} at byte ${scanner.errorAt - start} of the record`;
}

function undecodable(reason: string): Violation {
  return { code: 'decode', path: '', reason };
}
