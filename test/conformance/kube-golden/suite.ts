// 108 exchanges with a real kube-apiserver, replayed with ours. The recording is not part of this tree: see
// hack/conformance.ts.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compactNow, define, makeHerd, startApiServer } from '../api-server.ts';
import { materialOf, type Outcome } from '../material.ts';
import { differenceOf, isOfStatus } from './compare.ts';
import { depths, intended } from './intended.ts';
import type { Exchange } from './normal.ts';

const replayMsMax = 60_000;
const herd = 'conf-a';
const tokens = ['admin-token,admin,admin,"system:masters"', `viewer-token,viewer,viewer,"runink:viewers:${herd}"`, ''];

/** Where the recording is, or undefined when it is not on this machine. */
export function kubeGolden(root: string, env: NodeJS.ProcessEnv): string | undefined {
  return materialOf(root, env, ['kube-golden.jsonl', 'kube-golden.mjs', 'kube-golden-crds.json']);
}

/** Replays the recording in `folder` with a server out of `dist`. */
export async function runKubeGolden(folder: string, dist: string): Promise<readonly Outcome[]> {
  const server = await startApiServer(dist, tokens.join('\n'));
  try {
    await define(server, join(folder, 'kube-golden-crds.json'));
    await makeHerd(server, herd);
    // When it was recorded, version 1 had been forgotten.
    await compactNow(server);
    const out = join(server.folder, 'out.jsonl');
    await promisify(execFile)(process.execPath, [join(folder, 'kube-golden.mjs'), server.url, out], {
      timeout: replayMsMax,
      env: { ...process.env, NODE_NO_WARNINGS: '1' },
    });
    return judge(await exchangesIn(join(folder, 'kube-golden.jsonl')), await exchangesIn(out));
  } finally {
    await server.stop();
  }
}

/** Each recorded exchange beside ours. */
export function judge(recorded: readonly Exchange[], ours: readonly Exchange[]): readonly Outcome[] {
  return recorded.map((exchange, index) => {
    const { name } = exchange;
    const own = ours[index];
    const difference = own === undefined ? 'no answer' : differenceOf(exchange, own, depths[name] ?? 'whole');
    const excuse = intended[name];
    // A status code or a reason is what programs go by.
    const isExcused = excuse !== undefined && difference !== undefined && (excuse.isNewer || !isOfStatus(difference));
    return { name, difference, intended: isExcused ? excuse.reason : undefined };
  });
}

async function exchangesIn(file: string): Promise<readonly Exchange[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line): Exchange => JSON.parse(line));
}
