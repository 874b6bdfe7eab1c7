// Files that only their owner may read, and that several processes may make at once in one folder.
import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../base/index.ts';

/** Writes a file, whole or not at all; of two who do it at once the later one's stays. */
export async function writePrivate(path: string, text: string): Promise<void> {
  await rename(await writeScratch(path, text), path);
}

/**
 * Makes a file that is not there yet and gives what it holds then: of several who make it at once one wins, and all get its
 * text. It is on disk when this resolves.
 */
export async function createPrivate(path: string, text: string): Promise<string> {
  const scratch = await writeScratch(path, text);
  try {
    // A link, unlike a rename, fails when the name is taken.
    await link(scratch, path);
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw cause;
  } finally {
    await rm(scratch, { force: true });
  }
  await syncDirectory(dirname(path));
  return readFile(path, 'utf8');
}

/** The text of a file, or undefined when there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return undefined;
    throw cause;
  }
}

let scratches = 0;

async function writeScratch(path: string, text: string): Promise<string> {
  const scratch = `${path}.${process.pid}-${process.hrtime.bigint()}-${scratches++}.new`;
  const file = await open(scratch, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return scratch;
}

function hasCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}
