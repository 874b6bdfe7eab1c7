import { isSpace, JsonScanner } from '../../lang/contracts/index.ts';

const scanner = new JsonScanner();

/**
 * The members of the JSON object in bytes [start, end), which is known to be one, as texts of their values: numbers keep
 * every digit, which JSON.parse would not. Of equal names the last wins.
 */
export function membersOf(bytes: Buffer, start: number, end: number): Map<string, string> {
  const members = new Map<string, string>();
  let at = skipSpace(bytes, skipSpace(bytes, start, end) + 1, end);
  while (at < end && bytes[at] !== 0x7d) {
    const nameEnd = scanner.scan(bytes, at, end, false);
    const name: unknown = JSON.parse(bytes.toString('utf8', at, nameEnd));
    const valueStart = skipSpace(bytes, skipSpace(bytes, nameEnd, end) + 1, end);
    const valueEnd = scanner.scan(bytes, valueStart, end, false);
    members.set(String(name), bytes.toString('utf8', valueStart, valueEnd));
    at = skipSpace(bytes, valueEnd, end);
    if (bytes[at] === 0x2c) at = skipSpace(bytes, at + 1, end);
  }
  return members;
}

function skipSpace(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && isSpace(bytes[at] ?? 0)) at++;
  return at;
}
