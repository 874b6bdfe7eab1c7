import { accessSync, constants } from 'node:fs';
import { LaunchError } from './launch.ts';

/** Where a slice sees programs: its /usr is the host's without /usr/local. */
const folders = ['/usr/bin', '/bin', '/usr/sbin', '/sbin'] as const;

/** The absolute path of a program that a step names without a slash; throws LaunchError ProgramNotFound. */
export function findProgram(name: string): string {
  for (const folder of folders) {
    const path = `${folder}/${name}`;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this one.
    }
  }
  throw new LaunchError('ProgramNotFound', `with.command: program "${name}" is not in ${folders.join(', ')}`);
}
