// 31 checks that the real @kubernetes/client-node makes, with our server. They are not part of this tree: see
// hack/conformance.ts.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { type ApiServer, compactNow, define, startApiServer } from '../api-server.ts';
import { materialOf, type Outcome } from '../material.ts';

const runMsMax = 120_000;
const herd = 'conf-cn';
const definitions = 'kube-golden-crds.json';
const script = 'client-node-conformance.mjs';

/** Where the checks are, or undefined when they are not on this machine. */
export function clientNode(root: string, env: NodeJS.ProcessEnv): string | undefined {
  return materialOf(root, env, [script, definitions]);
}

/** The check that waits for a bookmark; the others go on meanwhile, at a server of their own. */
const ofBookmarks = '24';
/** Which checks, as the script's ONLY has it: a pattern of their numbers. */
const shares = [ofBookmarks, `(?!${ofBookmarks}$).*`];

/** Runs the checks in `folder` with servers out of `dist` and the library that is installed in `root`. */
export async function runClientNode(folder: string, root: string, dist: string): Promise<readonly Outcome[]> {
  const checks = await Promise.all(shares.map((only) => runShare(only, folder, root, dist)));
  return checks
    .flat()
    .toSorted((a, b) => a.number - b.number)
    .map(({ number: _number, ...outcome }) => outcome);
}

async function runShare(only: string, folder: string, root: string, dist: string): Promise<readonly Check[]> {
  const server = await startApiServer(dist, '');
  try {
    await define(server, join(folder, definitions));
    const env = { ...(await environment(server, root, dist)), ONLY: only };
    return checksIn(await run(join(folder, script), env, server));
  } finally {
    await server.stop();
  }
}

async function environment(server: ApiServer, root: string, dist: string): Promise<NodeJS.ProcessEnv> {
  const runictl = `${process.execPath} ${join(dist, 'bin/runictl')}`;
  const manifest = join(server.folder, 'herd.yaml');
  await writeFile(manifest, `{ apiVersion: runink.io/v1, kind: Herd, metadata: { name: ${herd} } }\n`);
  return {
    ...process.env,
    KUBECONFIG: server.kubeconfig,
    CLIENT_NODE_DIR: root,
    NS_CMD: `${runictl} apply -f ${manifest}`,
    COMPACT_CMD: waitFor(server, 'compact'),
    DROP_CMD: waitFor(server, 'drop'),
  };
}

/** What the checks ask of whoever runs them, by making a file of that name, which goes when it is done. */
const deeds: Readonly<Record<'compact' | 'drop', (server: ApiServer) => Promise<void>>> = {
  compact: compactNow,
  // Its end closes all watches; it comes back on its port.
  drop: (server) => server.restart(),
};

function waitFor(server: ApiServer, deed: keyof typeof deeds): string {
  const file = join(server.folder, deed);
  return `touch ${file}; while [ -e ${file} ]; do sleep 0.02; done`;
}

async function run(path: string, env: NodeJS.ProcessEnv, server: ApiServer): Promise<string> {
  const child = spawn(process.execPath, [path], { env, stdio: ['ignore', 'pipe', 'inherit'], timeout: runMsMax });
  let isOver = false;
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve())).then(() => (isOver = true));
  const serving = (async () => {
    for (; !isOver; await pause(20))
      for (const [name, deed] of Object.entries(deeds)) {
        const file = join(server.folder, name);
        if (!existsSync(file)) continue;
        await deed(server);
        await rm(file);
      }
  })();
  const [output] = await Promise.all([text(child.stdout), closed, serving]);
  return output;
}

interface Check extends Outcome {
  readonly number: number;
}

/** The checks of TAP-like lines: `ok 1 - what`, or `not ok 1 - what` and a line with the reason. */
function checksIn(output: string): readonly Check[] {
  const lines = output.split('\n');
  return lines.flatMap((line, index) => {
    const match = /^(not )?ok (\d+) - (.*)$/.exec(line);
    if (match === null) return [];
    const [, failed, number, name = ''] = match;
    const difference = failed === undefined ? undefined : (lines[index + 1] ?? '').replace(/^#\s*/, '');
    return [{ number: Number(number), name, difference, intended: undefined }];
  });
}
