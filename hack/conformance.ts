// npm run conformance [-- SUITE…]: runs material from outside over our code. It is found by RUNINK_CONFORMANCE (default
// ../shared/conformance from the project's root) and none of it is copied into the project. The last line is `N of M held`;
// the exit code is 1 when something differs without intention, 3 when the material is not there. kube-golden and client-node
// start the server that `npm run build` made.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clientNode, runClientNode } from '../test/conformance/client-node/suite.ts';
import { kubeGolden, runKubeGolden } from '../test/conformance/kube-golden/suite.ts';
import type { Outcome } from '../test/conformance/material.ts';
import { raftScripts, runRaftScripts } from '../test/conformance/raft/suite.ts';

const root = fileURLToPath(new URL('../', import.meta.url));
const dist = join(root, 'dist');
const absent = 'absent';

/** The suites by name: what came of each of its cases, or that its material is not on this machine. */
const suites: Readonly<Record<string, () => Promise<readonly Outcome[] | typeof absent>>> = {
  raft: async () => {
    const folder = raftScripts(root, process.env);
    if (folder === undefined) return absent;
    return runRaftScripts(folder).map(({ file, ...outcome }) => ({ name: file, ...outcome }));
  },
  'kube-golden': async () => {
    const folder = kubeGolden(root, process.env);
    return folder === undefined ? absent : runKubeGolden(folder, dist);
  },
  'client-node': async () => {
    const folder = clientNode(root, process.env);
    return folder === undefined ? absent : runClientNode(folder, root, dist);
  },
};

process.exitCode = await run(process.argv.length > 2 ? process.argv.slice(2) : Object.keys(suites));

async function run(names: readonly string[]): Promise<number> {
  const outcomes: Outcome[] = [];
  for (const name of names) {
    const suite = suites[name];
    if (suite === undefined) return end(2, `no conformance suite is called ${name}: ${Object.keys(suites).join(', ')}`);
    const found = await suite();
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
