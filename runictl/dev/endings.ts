// What nodes remember of what ended on them (runi-agent's endings.ndjson), kept over a stop of the cluster: with full isolation
// it lies in a folder that ends with the cluster, and a store that was restored meanwhile would have it all run again.
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { IdRange } from './runtime.ts';

const fileName = 'endings.ndjson';
/** Far more than an agent writes; a file beyond it is not its own. */
const bytesMax = 64 * 1024 * 1024;

/** Copies what the agents below `runtime` remember into the cluster's folder, before `runtime` goes. */
export function keepEndings(runtime: string, dataDir: string): void {
  for (const node of namesIn(runtime)) {
    const text = readOwn(join(runtime, node, 'state', 'agent', fileName));
    if (text === undefined) continue;
    const kept = join(dataDir, 'nodes', node);
    mkdirSync(kept, { recursive: true, mode: 0o700 });
    writeFileSync(join(kept, fileName), text, { mode: 0o600 });
  }
}

/** Gives an agent back what it remembered, in its state folder, which the helper makes its own. */
export function giveEndings(dataDir: string, node: string, state: string, { agentUid, gid }: IdRange): void {
  const text = readOwn(join(dataDir, 'nodes', node, fileName));
  if (text === undefined) return;
  const folder = join(state, 'agent');
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o700);
  const file = join(folder, fileName);
  writeFileSync(file, text, { mode: 0o600 });
  chownSync(file, agentUid, gid);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

// The agent's user made it, and root reads it: a link or a device in its place must lead nowhere.
function readOwn(path: string): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const found = fstatSync(file);
    return found.isFile() && found.nlink === 1 && found.size <= bytesMax ? readFileSync(file) : undefined;
  } finally {
    closeSync(file);
  }
}
