// The folder in which one slot of the plain spawner lives: what the slice sees as paths are links in it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type LaunchRequest, type SliceView, SpawnError } from '../spawner.ts';
import type { ProcessIdentity } from './processes.ts';
import { stagingPath } from './publish.ts';

/** Where the parts of a slot's view lie. */
export function viewOf(folder: string, programs: { readonly node: string; readonly program: string }): SliceView {
  return {
    data: (volume) => join(folder, 'data', volume),
    stage: (volume) => join(folder, 'stage', volume),
    edgeIn: (index) => join(folder, 'in', String(index)),
    edgeOut: (index) => join(folder, 'out', String(index)),
    step: join(folder, 'step'),
    secrets: join(folder, 'secrets'),
    controlSocket: join(folder, 'agent', 'control.sock'),
    tmp: join(folder, 'tmp'),
    ...programs,
  };
}

/** What a slot's links lead to. */
export interface SlotTargets {
  readonly volume: (name: string) => string;
  readonly edge: (id: string) => string;
  readonly bundles: string;
}

/** Makes everything a request names; the staging directories too. */
export async function makeSlotFolder(folder: string, request: LaunchRequest, targets: SlotTargets): Promise<void> {
  const parts = ['data', 'stage', 'in', 'out', 'secrets', 'tmp', 'agent'];
  for (const part of parts) await mkdir(join(folder, part), { recursive: true, mode: 0o700 });
  for (const volume of request.volumes) await symlink(targets.volume(volume), join(folder, 'data', volume));
  for (const { volume, id } of request.staging) {
    const staging = stagingPath(targets.volume(volume), id);
    await mkdir(staging, { recursive: true, mode: 0o700 });
    await symlink(staging, join(folder, 'stage', volume));
  }
  for (const [index, id] of request.edgesIn.entries()) await symlink(targets.edge(id), join(folder, 'in', `${index}`));
  for (const [index, id] of request.edgesOut.entries())
    await symlink(targets.edge(id), join(folder, 'out', `${index}`));
  if (request.bundle !== undefined) await symlink(join(targets.bundles, request.bundle), join(folder, 'step'));
  for (const { path, bytes } of request.secrets) {
    const file = join(folder, 'secrets', path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, bytes, { mode: 0o600 });
  }
}

/** Makes FIFOs by mkfifo(1), one process for all. */
export async function makeFifos(paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  const child = spawn('/usr/bin/mkfifo', ['-m', '600', '--', ...paths], { stdio: 'ignore' });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new SpawnError('Kernel', `make FIFOs for the edges: mkfifo ended with ${String(code)}`);
}

const leaderFile = 'leader';

/** Remembers the slot's first process, for the next agent. */
export async function writeLeader(folder: string, leader: ProcessIdentity): Promise<void> {
  await writeFile(join(folder, leaderFile), `${leader.pid} ${leader.startTicks}\n`);
}

/** What a former agent wrote with writeLeader. */
export function parseLeader(text: string): ProcessIdentity | undefined {
  const match = /^([0-9]{1,10}) ([0-9]{1,20})\n$/.exec(text);
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { pid: Number(match[1]), startTicks: match[2] };
}

/** Folders of slots below `parent`, with the path of each one's leader file. */
export async function slotFolders(parent: string): Promise<{ readonly folder: string; readonly leader: string }[]> {
  const names = await readdir(parent);
  return names.map((name) => ({ folder: join(parent, name), leader: join(parent, name, leaderFile) }));
}

/** Deletes a slot's folder; links in it are removed, never followed. */
export async function removeSlotFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
