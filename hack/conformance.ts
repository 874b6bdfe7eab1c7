// npm run conformance [-- SUITE…]: runs material from outside over our code. It is found by RUNINK_CONFORMANCE (default
// ../shared/conformance from the project's root) and none of it is copied into the project. The last line is `N of M held`;
// the exit code is 1 when something differs without intention, 3 when the material is not there.
import { fileURLToPath } from 'node:url';
import { raftScripts, runRaftScripts } from '../test/conformance/raft/suite.ts';

interface Outcome {
  readonly name: string;
  readonly difference: string | undefined;
  /** Why it differs, when it is meant to. */
  readonly intended: string | undefined;
}

const root = fileURLToPath(new URL('../', import.meta.url));
const absent = 'absent';

/** The suites by name: what came of each of its cases, or that its material is not on this machine. */
const suites: Readonly<Record<string, () => readonly Outcome[] | typeof absent>> = {
  raft: () => {
    const folder = raftScripts(root, process.env);
    if (folder === undefined) return absent;
    return runRaftScripts(folder).map(({ file, ...outcome }) => ({ name: file, ...outcome }));
  },
};

process.exitCode = run(process.argv.length > 2 ? process.argv.slice(2) : Object.keys(suites));

function run(names: readonly string[]): number {
  const outcomes: Outcome[] = [];
  for (const name of names) {
    const suite = suites[name];
    if (suite === undefined) return end(2, `no conformance suite is called ${name}: ${Object.keys(suites).join(', ')}`);
    const found = suite();
    if (found === absent) return end(3, `conformance ${name}: its material is not here; set RUNINK_CONFORMANCE`);
    outcomes.push(...found);
  }
  const different = outcomes.filter(({ difference }) => difference !== undefined);
  for (const { name, difference, intended } of different)
    console.log(`${name}: ${intended === undefined ? difference : `differs by intention: ${intended}`}`);
  console.log(`${outcomes.length - different.length} of ${outcomes.length} held`);
  return different.every(({ intended }) => intended !== undefined) ? 0 : 1;
}

function end(code: number, message: string): number {
  console.error(message);
  return code;
}
