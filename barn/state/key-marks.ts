// Which keys something in the files of a state may be sealed with, also what was overwritten or deleted and LevelDB still
// keeps: in the open, beside the records, as m/keys. Absent: nothing was ever sealed.
import { BarnError } from '../barn.ts';
import { type KeyRing, plain } from '../keys.ts';
import { checkOf } from '../seal.ts';
import type { Disk, DiskWrite } from './disk.ts';

/** A key by its name, or `plain`; `check` tells another key of this name (seal.ts, checkOf). */
export interface KeyMark {
  readonly id: string;
  readonly check?: string;
}

const marksKey = 'm/keys';

/** Reads the marks. Errors: Storage when the ring has another key under a name; Corrupt when they cannot be read. */
export async function readKeyMarks(disk: Disk, ring: KeyRing): Promise<readonly KeyMark[]> {
  const bytes = await disk.get(marksKey);
  if (bytes === undefined) return [];
  const marks = parsed(Buffer.from(bytes).toString('latin1'));
  for (const { id, check } of marks) {
    const key = ring.byId(id);
    if (key === undefined || check === undefined || checkOf(key) === check) continue;
    throw new BarnError(
      'Storage',
      `the encryption key ${JSON.stringify(id)} is not the one that the store was sealed with: give the right one under that name, and a new key a new name`,
    );
  }
  return marks;
}

/** Writes the marks. */
export function keyMarksWrite(marks: readonly KeyMark[]): DiskWrite {
  return { type: 'put', key: marksKey, value: Buffer.from(JSON.stringify(marks), 'latin1') };
}

/** The marks of these names; keys that the ring does not know keep the mark they had. */
export function marksOf(ids: Iterable<string>, ring: KeyRing, before: readonly KeyMark[]): readonly KeyMark[] {
  return [...new Set(ids)].map((id) => {
    const key = ring.byId(id);
    const known = before.find((mark) => mark.id === id);
    return key === undefined ? (known ?? { id }) : { id, check: checkOf(key) };
  });
}

/** Whether a state under these marks needs none: nothing was ever sealed. */
export function isOpen(marks: readonly KeyMark[]): boolean {
  return marks.every(({ id }) => id === plain);
}

function parsed(text: string): readonly KeyMark[] {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every(isMark)) return value;
  } catch {
    // Said below.
  }
  throw new BarnError('Corrupt', `the store is damaged: ${marksKey} cannot be read; let this member begin anew`);
}

function isMark(value: unknown): value is KeyMark {
  if (typeof value !== 'object' || value === null || !('id' in value) || typeof value.id !== 'string') return false;
  return !('check' in value) || typeof value.check === 'string';
}
