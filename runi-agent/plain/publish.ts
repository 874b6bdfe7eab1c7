// Publishing and discarding staged files as the agent's own user. The same rules as the privileged helper's: regular files
// with one link and no special mode bits, synced, renamed into place, the directory synced; repeating it is harmless.
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type PublishRequest, SpawnError } from '../spawner.ts';

/** The folder at a volume's top in which staging directories lie; plans may not name it. */
export const stagingFolder = '.runink';
const specialBits = 0o6000;

/** Where the staging directory `id` of a volume lies. */
export function stagingPath(volume: string, id: string): string {
  if (!/^[a-z0-9-]{1,63}$/.test(id)) throw new SpawnError('Invalid', `staging id "${id}" is not a plain name`);
  return join(volume, stagingFolder, id);
}

/** Moves staged files to their targets in the order given. */
export async function publishFiles(volume: string, id: string, files: PublishRequest['files']): Promise<void> {
  const staging = stagingPath(volume, id);
  for (const { staged, target } of files) {
    checkStaged(staged);
    checkTarget(target);
    await publishFile(volume, join(staging, staged), target);
  }
}

async function publishFile(volume: string, from: string, target: string): Promise<void> {
  const to = join(volume, target);
  const found = await stats(from);
  if (found === undefined) {
    if ((await stats(to))?.isFile() === true) return;
    throw new SpawnError('NotFound', `publish ${target}: the step wrote no ${basename(from)}`);
  }
  if (!found.isFile() || found.nlink !== 1 || (found.mode & specialBits) !== 0)
    throw new SpawnError('Refused', `publish ${target}: ${basename(from)} is not a regular file with one link`);
  const folder = dirname(to);
  await mkdir(folder, { recursive: true });
  const top = await realpath(volume);
  const real = await realpath(folder);
  if (real !== top && !real.startsWith(`${top}/`))
    throw new SpawnError('Refused', `publish ${target}: its folder lies outside the volume`);
  await sync(from, constants.O_RDONLY | constants.O_NOFOLLOW);
  await rename(from, to);
  await sync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
}

/** Deletes a staging directory. */
export async function discardStaging(volume: string, id: string): Promise<void> {
  await rm(stagingPath(volume, id), { recursive: true, force: true });
}

async function sync(path: string, flags: number): Promise<void> {
  await using file = await open(path, flags);
  await file.sync();
}

async function stats(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new SpawnError('Kernel', `look at ${path}`, { cause });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function checkStaged(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(name))
    throw new SpawnError('Invalid', `staged name "${name}" is not a plain file name`);
}

function checkTarget(target: string): void {
  const parts = target.split('/');
  const bad = parts.some((part) => part === '' || part === '.' || part === '..' || part.includes('\0'));
  if (bad || parts[0] === stagingFolder)
    throw new SpawnError('Invalid', `target "${target}" is not a relative path within the volume`);
}
