// Ports of several servers on one machine. Each server's kubeconfigs name all of them, so they are chosen before any starts,
// and kept: kubeconfigs stay true over a restart.
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Random } from '../../base/index.ts';
import { CommandError } from '../failure.ts';

/** Below what the kernel gives to outgoing connections, so that none takes the port of a server that starts again. */
const first = 20_000;
const span = 10_000;
const attemptsMax = 200;

/** Refuses a folder in which several servers ran for one alone: its member of the group would wait for the others for ever. */
export function refuseOneOfSeveral(dataDir: string): void {
  if (kept(pathIn(dataDir)).length > 0) throw anotherNumber(dataDir, 'several of them ran there');
}

/** Refuses a folder in which one server kept a store alone for a group: that store is no member of one. */
export function refuseSeveralOfOne(dataDir: string): void {
  if (kept(pathIn(dataDir)).length === 0 && existsSync(join(dataDir, 'apiserver', 'barn')))
    throw anotherNumber(dataDir, 'one ran there alone');
}

/** `count` ports, those of last time in `dataDir` first; free when they were chosen. Errors: CommandError. */
export async function serverPorts(dataDir: string, count: number, random: Random): Promise<readonly number[]> {
  const path = pathIn(dataDir);
  const ports = kept(path);
  if (ports.length > 0 && ports.length !== count)
    throw anotherNumber(dataDir, `${path} holds ${ports.length} ports, not ${count}`);
  for (let attempt = 0; ports.length < count && attempt < attemptsMax; attempt++) {
    const port = first + Math.floor(random.next() * span);
    if (!ports.includes(port) && (await isFree(port))) ports.push(port);
  }
  if (ports.length < count)
    throw new CommandError(
      `no ${count} free ports were found between ${first} and ${first + span} for the API servers`,
    );
  writeFileSync(path, `${JSON.stringify(ports)}\n`, { mode: 0o600 });
  return ports;
}

function anotherNumber(dataDir: string, why: string): CommandError {
  return new CommandError(
    `${dataDir} belongs to a cluster with another number of API servers (${why}); start it with as many as before, or take a new folder`,
  );
}

const pathIn = (dataDir: string): string => join(dataDir, 'ports.json');

function kept(path: string): number[] {
  try {
    const ports: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(ports) ? ports.map(Number).filter((port) => Number.isInteger(port)) : [];
  } catch {
    // None yet, or no list: they are chosen anew.
    return [];
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}
