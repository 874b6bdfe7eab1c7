// From typing `runictl dev` to the first record in the sink, cold; the control is starting bare node.
import { execFile } from 'node:child_process';
import { watch } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startCluster } from '../support/cluster.ts';
import { beside, median, type Row, timed } from './row.ts';

const rounds = 3;

/** Seconds until the sink's file is there. */
export async function bench(): Promise<readonly Row[]> {
  const times: number[] = [];
  const node: number[] = [];
  for (let round = 0; round < rounds; round++) {
    times.push(await once());
    node.push(await timed(() => promisify(execFile)(process.execPath, ['-e', '0'])));
  }
  return [
    beside(
      'runictl dev → first record in the sink',
      median(times) / 1000,
      's',
      'starting bare node',
      median(node) / 1000,
    ),
  ];
}

async function once(): Promise<number> {
  const start = performance.now();
  const cluster = await startCluster(process.getuid?.() === 0 ? [] : ['--isolation', 'none']);
  try {
    await mkdir(join(cluster.dataVolume, 'out'), { recursive: true });
    await writeFile(join(cluster.dataVolume, 'in.ndjson'), '{"n":1}\n');
    const there = new Promise<void>((resolve) => {
      const watcher = watch(join(cluster.dataVolume, 'out'), (_, name) => {
        if (name !== 'first.ndjson') return;
        watcher.close();
        resolve();
      });
    });
    await cluster.apply(`apiVersion: runink.io/v1
kind: Pipeline
metadata: { name: first, namespace: default }
spec:
  sources: [{ name: in, uri: "file://data/in.ndjson" }]
  steps: [{ name: keep, use: filter, from: [in], with: { where: "record.n == 1" } }]
  sinks: [{ name: out, from: keep, uri: "file://data/out/first.ndjson" }]
`);
    await there;
    return performance.now() - start;
  } finally {
    await cluster.stop();
  }
}
