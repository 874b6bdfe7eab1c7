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

/** Processes one of whose first two words ends in `/name` or is it: `runi-init`, `node …/runi-slice`. */
export function processesNamed(name: string): readonly HostProcess[] {
  return hostProcesses().filter(({ argv }) =>
    argv.slice(0, 4).some((word) => word === name || word.endsWith(`/${name}`)),
  );
}
