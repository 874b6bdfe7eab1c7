import { readdirSync, readFileSync } from 'node:fs';

/** One process of this machine. */
export interface HostProcess {
  readonly pid: number;
  readonly argv: readonly string[];
}

/** Every process that can be seen; what ends while looking is left out. */
export function hostProcesses(): readonly HostProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .flatMap((name) => {
      try {
        const argv = readFileSync(`/proc/${name}/cmdline`, 'latin1').split('\0').slice(0, -1);
        return [{ pid: Number(name), argv }];
      } catch {
        return [];
      }
    });
}

/** Processes in the cgroups of one instance of the helper: every process of every slice, whoever its parent is now. */
export function sliceProcesses(instance: string): readonly HostProcess[] {
  return hostProcesses().filter(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'latin1').includes(`/runink-${instance}-`);
    } catch {
      return false;
    }
  });
}

/** Those one of whose first words is `name` or a path that ends in it: `runi-init`, `node …/runi-slice`. */
export function named(processes: readonly HostProcess[], name: string): readonly HostProcess[] {
  return processes.filter(({ argv }) => argv.slice(0, 4).some((word) => word === name || word.endsWith(`/${name}`)));
}
