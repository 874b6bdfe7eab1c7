import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder of a suite's material, or undefined when one of these files is not on this machine. */
export function materialOf(root: string, env: NodeJS.ProcessEnv, files: readonly string[]): string | undefined {
  const folder = resolve(root, env['RUNINK_CONFORMANCE'] ?? '../shared/conformance');
  return files.every((file) => existsSync(join(folder, file))) ? folder : undefined;
}

/** What came of one case of a suite. */
export interface Outcome {
  readonly name: string;
  /** The first thing that is not as it should be, or undefined. */
  readonly difference: string | undefined;
  /** Why it differs, when it is meant to. */
  readonly intended: string | undefined;
}
