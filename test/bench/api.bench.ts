// The API over HTTPS, durable writes, on one machine; the control is the same number of writes straight into the same
// kind of store, in this process.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Annotation, kinds } from '../../apis/index.ts';
import { openEmbeddedBarn } from '../../barn/index.ts';
import { silentLog, systemClock } from '../../base/index.ts';
import type { HttpClient } from '../../client/index.ts';
import { startCluster } from '../support/cluster.ts';
import { beside, quantile, type Row } from './row.ts';

const connections = 32;
const creates = 3000;
const events = 200;

/** creates/s at 32 connections, and the time from a write to its event at a watcher. */
export async function bench(): Promise<readonly Row[]> {
  const cluster = await startCluster(['--isolation', 'none']);
  try {
    const rate = await perSecond(creates, (index) =>
      cluster.client.create(kinds.annotations, annotation(`a-${index}`)),
    );
    const latencies = await watchLatencies(cluster.client);
    const control = await barnRate();
    return [
      beside('API creates of 1 KB, 32 connections', rate, '/s', 'puts into the store itself', control),
      { name: 'write → event at a watcher, p50', value: quantile(latencies, 0.5), unit: 'ms' },
      { name: 'write → event at a watcher, p99', value: quantile(latencies, 0.99), unit: 'ms' },
    ];
  } finally {
    await cluster.stop();
  }
}

function annotation(name: string): Annotation {
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Annotation',
    metadata: { name, namespace: 'default' },
    spec: { annotatedDataRef: { dataset: 'bench' }, key: 'k', value: 'x'.repeat(700) },
  };
}

async function perSecond(count: number, work: (index: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const start = performance.now();
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: connections }, worker));
  return (count * 1000) / (performance.now() - start);
}

/** Milliseconds from sending a create to its event, one at a time. */
async function watchLatencies(client: HttpClient): Promise<readonly number[]> {
  const abort = new AbortController();
  const arrived = new Map<string, () => void>();
  const { resourceVersion } = (await client.list(kinds.annotations, { namespace: 'default', limit: 1 })).metadata;
  const watching = (async () => {
    const options = { namespace: 'default', resourceVersion, signal: abort.signal };
    for await (const event of client.watch(kinds.annotations, options)) {
      if (event.type === 'ADDED') arrived.get(event.object.metadata.name ?? '')?.();
    }
  })();
  const latencies: number[] = [];
  for (let index = 0; index < events; index++) {
    const name = `w-${index}`;
    const seen = new Promise<void>((resolve) => arrived.set(name, resolve));
    const start = performance.now();
    await Promise.all([client.create(kinds.annotations, annotation(name)), seen]);
    latencies.push(performance.now() - start);
  }
  abort.abort();
  await watching;
  return latencies;
}

async function barnRate(): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'runink-bench-'));
  const barn = await openEmbeddedBarn({ directory, name: 'bench', clock: systemClock, log: silentLog });
  const value = Buffer.alloc(1024, 'x');
  try {
    return await perSecond(creates, (index) => barn.txn([], [{ do: 'put', key: `k/${index}`, value }]));
  } finally {
    await barn.close();
    await rm(directory, { recursive: true, force: true });
  }
}
