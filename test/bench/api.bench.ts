// The API over HTTPS with durable writes, one server and three, all on this machine: requests by 32 connections, and watchers by
// the thousand, from a process of their own. No package has kube-apiserver: what a 1.20 with etcd gave on two busy cores stands
// beside it, and what Debian's etcd does in the same run says how busy this machine is.
import { rmSync } from 'node:fs';
import { type ApiServers, LoadProcess, startApiServers } from './api-servers.ts';
import { compileLoad, run } from './barn-load.ts';
import { startTheirs } from './barn-sides.ts';
import { pssKilobytes } from './process-memory.ts';
import { beside, type Row } from './row.ts';

const connections = 32;
const objects = 3_000;
const path = '/apis/runink.io/v1/namespaces/default/annotations';
const kube = 'kube-apiserver 1.20 + etcd, recorded';
/** Recorded on two busy cores: what stands beside each row. */
const recorded = { creates: 312, patches: 339, gets: 578, listMs: 1_058, eventMs: 7, megabytes: 430 + 85 };

/** `API_BENCH=quick` leaves the ten thousand watchers and the three servers out. */
const isQuick = process.env['API_BENCH'] === 'quick';

/** All of it takes about three minutes. */
export async function bench(): Promise<readonly Row[]> {
  const rows = [...(await ofServers(1)), ...(isQuick ? [] : await ofServers(3))];
  return [...rows, ...(await ofEtcd())];
}

async function ofServers(count: number): Promise<readonly Row[]> {
  const servers = await startApiServers(count, (process.env['API_BENCH_NODE'] ?? '').split(' ').filter(Boolean));
  try {
    return [...(await requests(servers, count)), ...(await watches(servers, count))];
  } finally {
    await servers.stop();
  }
}

async function requests(servers: ApiServers, count: number): Promise<readonly Row[]> {
  const load = await LoadProcess.start(servers.peers, connections);
  try {
    const common = { path, connections, prefix: 'a-', among: objects };
    await load.requests({
      ...common,
      verb: 'create',
      count: 500,
      prefix: 'warm-',
      path: path.replace('default', 'runink-system'),
    });
    const creates = await load.requests({ ...common, verb: 'create', count: objects });
    const patches = await load.requests({ ...common, verb: 'patch', count: objects });
    const gets = await load.requests({ ...common, verb: 'get', count: 3 * objects });
    const list = await load.requests({ ...common, verb: 'list', count: 9, connections: 1 });
    const megabytes = servers.peers.reduce((sum, { pid }) => sum + pssKilobytes(pid), 0) / 1024;
    const of = count === 1 ? '1 server' : `${count} servers`;
    return [
      beside(`creates of 1 KB, ${of}`, creates.perSecond, '/s', `${kube} (p50 85 ms)`, recorded.creates),
      { name: `… p50, p99 ${creates.p99Ms.toFixed(1)} ms`, value: creates.p50Ms, unit: 'ms' },
      beside(`merge patches, ${of}`, patches.perSecond, '/s', kube, recorded.patches),
      beside(`gets, linearizable, ${of}`, gets.perSecond, '/s', kube, recorded.gets),
      beside(`list of 3,000, ${of}, p50`, list.p50Ms, 'ms', `${kube} (323 ms from its cache)`, recorded.listMs),
      beside(`memory (PSS), ${of}`, megabytes, 'MB', kube, recorded.megabytes),
    ];
  } finally {
    await load.stop();
  }
}

async function watches(servers: ApiServers, count: number): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const of = count === 1 ? '1 server' : `${count} servers`;
  const own = '/api/v1/namespaces/default/events';
  const all = path.replace('default', 'runink-node-lease');
  const sizes = isQuick || count > 1 ? [1, 50] : [1, 50, 10_000];
  let few = Number.NaN;
  for (const watchers of sizes) {
    const load = await LoadProcess.start(servers.peers, 0);
    try {
      const told = await load.watch({ kind: 'own', path: own, watchers, writes: 200, prefix: `w${watchers}-` });
      const name = `write → event, ${watchers} watchers each of its own node, ${of}`;
      rows.push(beside(`${name}, p50`, told.p50Ms, 'ms', kube, recorded.eventMs));
      rows.push({
        name: '… p99',
        value: told.p99Ms,
        unit: 'ms',
        ...(watchers > 50 ? { peer: '50 watchers', peerValue: few, ratio: told.p99Ms / few } : {}),
      });
      if (watchers === 50) few = told.p99Ms;
      if (watchers > 50)
        rows.push({
          name: `… memory a watcher; all open in ${told.openSeconds.toFixed(1)} s`,
          value: told.kilobytes,
          unit: 'KB',
        });
    } finally {
      await load.stop();
    }
  }
  if (sizes.length < 3) return rows;
  const load = await LoadProcess.start(servers.peers, 0);
  try {
    const told = await load.watch({ kind: 'all', path: all, watchers: 10_000, writes: 10, prefix: 'all-' });
    rows.push({
      name: `one write → event at the last of 10,000, p50 (worst ${told.lastMaxMs.toFixed(0)} ms)`,
      value: told.lastP50Ms,
      unit: 'ms',
    });
    rows.push({ name: '… longest wait of somebody else meanwhile', value: told.stallMs, unit: 'ms' });
  } finally {
    await load.stop();
  }
  return rows;
}

async function ofEtcd(): Promise<readonly Row[]> {
  const { program, folder } = compileLoad();
  const etcd = await startTheirs(1);
  try {
    const puts = await run(program, etcd, { verb: 'put', clients: connections, seconds: 4, valueBytes: 1024 });
    return [{ name: 'etcd 3.4 of this run: puts of 1 KB, 32 clients', value: puts.perSecond, unit: '/s' }];
  } finally {
    await etcd.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
