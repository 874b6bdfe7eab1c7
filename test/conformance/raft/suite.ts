// etcd-io/raft's scripts over our core. They are not part of this tree: see hack/conformance.ts.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ConfigurationScript } from './configuration-script.ts';
import { Interaction } from './interaction.ts';
import { QuorumScript } from './quorum-script.ts';
import { type Block, differenceOf, parseScript } from './script.ts';

/** What came of one file: it holds, or the first difference. */
export interface FileResult {
  readonly file: string;
  readonly difference: string | undefined;
  /** Why it cannot hold, and need not. */
  readonly intended: string | undefined;
}

interface Interpreter {
  run(block: Block): string;
}

const interpreters: Readonly<Record<string, () => Interpreter>> = {
  interaction: () => new Interaction(),
  confchange: () => new ConfigurationScript(),
  quorum: () => new QuorumScript(),
};

/** Files that differ by intention, each with the reason. */
const intended: Readonly<Record<string, string>> = {
  'interaction/forget_leader_read_only_lease_based.txt': 'reads by lease trust clocks, so there are none',
};

/** Where the scripts are, or undefined when they are not on this machine. */
export function raftScripts(root: string, env: NodeJS.ProcessEnv): string | undefined {
  const folder = join(resolve(root, env['RUNINK_CONFORMANCE'] ?? '../shared/conformance'), 'raft-testdata');
  return existsSync(folder) ? folder : undefined;
}

/** Runs all scripts of the folder, each from the beginning up to its first difference. */
export function runRaftScripts(folder: string): readonly FileResult[] {
  return Object.entries(interpreters).flatMap(([kind, interpreter]) =>
    readdirSync(join(folder, kind))
      .filter((name) => name.endsWith('.txt'))
      .toSorted()
      .map((name) => {
        const file = `${kind}/${name}`;
        const text = readFileSync(join(folder, file), 'utf8');
        return { file, difference: runScript(interpreter(), text), intended: intended[file] };
      }),
  );
}

/** The first difference, or undefined. */
export function runScript(interpreter: Interpreter, text: string): string | undefined {
  for (const block of parseScript(text)) {
    const difference = differenceOf(block, outputOf(interpreter, block));
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function outputOf(interpreter: Interpreter, block: Block): string {
  try {
    return interpreter.run(block);
  } catch (error) {
    return `threw ${error instanceof Error ? error.message : 'something'}`;
  }
}
