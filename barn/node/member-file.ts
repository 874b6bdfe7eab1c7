import { open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory, syncDirectory } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { storageFault } from '../storage-fault.ts';
import type { MemberIdentity } from './member.ts';

const fileName = 'member.json';

/** Who this directory belongs to, as it was when the member began; undefined for a new directory. Errors: Corrupt, Storage. */
export async function readMember(
  directory: string,
): Promise<Pick<MemberIdentity, 'id' | 'clusterId' | 'name'> | undefined> {
  const names = await makeDirectory(directory)
    .then(() => readdir(directory))
    .catch((cause: unknown) => {
      throw storageFault(`open the store in ${directory}`, cause);
    });
  if (names.includes('CURRENT')) {
    throw new BarnError(
      'Storage',
      `open the store in ${directory}: it was written by version 0.1 as a store of one member, which this version does not read; keep it, and begin with an empty directory`,
    );
  }
  if (!names.includes(fileName)) return undefined;
  const text = await readFile(join(directory, fileName), 'utf8');
  try {
    const { id, clusterId, name } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof id === 'number' && typeof clusterId === 'number' && typeof name === 'string')
      return { id, clusterId, name };
  } catch {
    // Said below.
  }
  throw new BarnError(
    'Corrupt',
    `${join(directory, fileName)} cannot be read: it says who the member is; restore it, or remove the member and add it anew`,
  );
}

/** Writes it, durably. Errors: Storage. */
export async function writeMember(directory: string, { id, clusterId, name }: MemberIdentity): Promise<void> {
  const temporary = join(directory, `${fileName}.new`);
  try {
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify({ id, clusterId, name })}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, join(directory, fileName));
    await syncDirectory(directory);
  } catch (cause) {
    throw storageFault(`write ${temporary}`, cause);
  }
}
