// What this machine is and has, read once at start.
import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os';
import type { Flags } from './flags.ts';
import type { NodeFacts } from './node-registration.ts';
import type { Spawner } from './spawner.ts';

/** Slots at one time; the helper has room for 256, and takes back one only when its group is gone. */
export const slotsMax = 200;
/** Memory left to the system and the agent's own processes. */
const memoryBytesReserved = 512 * 1024 * 1024;
const version = '0.1.0';

/** The node as it is registered. */
export async function machineFacts(flags: Flags, spawner: Spawner): Promise<NodeFacts> {
  const capacity = {
    cpuMillis: availableParallelism() * 1000,
    memoryBytes: totalmem(),
    slices: slotsMax,
  };
  return {
    name: flags.node,
    capacity,
    allocatable: {
      cpuMillis: flags.cpuMillis ?? capacity.cpuMillis,
      memoryBytes:
        flags.memoryBytes ?? Math.floor(Math.max(capacity.memoryBytes - memoryBytesReserved, capacity.memoryBytes / 2)),
      slices: capacity.slices,
    },
    isolation: spawner.isolation,
    volumes: spawner.offers.map(
      ({ herd, name, writable }) => `${herd === '*' ? '' : `${herd}/`}${name}${writable ? ':rw' : ''}`,
    ),
    hostname: hostname(),
    architecture: arch() === 'x64' ? 'amd64' : arch(),
    kernelVersion: release(),
    osImage: await osImage(),
    bootId: (await read('/proc/sys/kernel/random/boot_id')).trim(),
    version,
  };
}

async function osImage(): Promise<string> {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(await read('/etc/os-release'))?.[1] ?? 'Linux';
}

async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
