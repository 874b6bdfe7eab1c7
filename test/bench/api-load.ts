// The load of `npm run bench api`, a process of its own: what to do comes as JSON lines on stdin, each is answered by a line.
import { createInterface } from 'node:readline';
import { annotation, at } from './api-objects.ts';
import { type WatchLoad, watchLoad } from './api-watchers.ts';
import { type Answered, type Peer, Wire } from './api-wire.ts';

/** Requests by many connections, one at a time on each. */
export interface RequestLoad {
  readonly do: 'requests';
  readonly verb: 'create' | 'patch' | 'get' | 'list';
  readonly path: string;
  readonly connections: number;
  readonly count: number;
  /** What names begin with. */
  readonly prefix: string;
  /** Of how many objects patches and gets choose. */
  readonly among: number;
}

/** What came of it. */
export interface Measured {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bytes: number;
}

async function requestLoad(wires: readonly Wire[], load: RequestLoad): Promise<Measured> {
  let next = 0;
  let bytes = 0;
  const times: number[] = [];
  const work = async (wire: Wire): Promise<void> => {
    for (let index = next++; index < load.count; index = next++) {
      const began = performance.now();
      const answer = await one(wire, load, index);
      times.push(performance.now() - began);
      bytes += answer.bytes;
      if (answer.code >= 300) throw new Error(`${load.verb} was answered ${answer.code}`);
    }
  };
  const began = performance.now();
  await Promise.all(wires.slice(0, load.connections).map(work));
  const seconds = (performance.now() - began) / 1000;
  times.sort((a, b) => a - b);
  return { perSecond: load.count / seconds, p50Ms: at(times, 0.5), p99Ms: at(times, 0.99), bytes: bytes / load.count };
}

function one(wire: Wire, { verb, path, prefix, among }: RequestLoad, index: number): Promise<Answered> {
  switch (verb) {
    case 'create':
      return wire.ask('POST', path, annotation(`${prefix}${index}`));
    case 'patch': {
      const body = JSON.stringify({ metadata: { labels: { turn: String(index) } } });
      return wire.ask('PATCH', `${path}/${prefix}${index % among}`, body, 'application/merge-patch+json');
    }
    case 'get':
      return wire.ask('GET', `${path}/${prefix}${index % among}`);
    case 'list':
      return wire.ask('GET', path);
    default:
      return verb satisfies never;
  }
}

async function main(): Promise<void> {
  const peers: readonly Peer[] = JSON.parse(process.argv[2] ?? '');
  const connections = Number(process.argv[3]);
  const peerOf = (index: number): Peer => {
    const peer = peers[index % peers.length];
    if (peer === undefined) throw new Error('no server was named');
    return peer;
  };
  const wires = await Promise.all(Array.from({ length: connections }, (_, index) => Wire.open(peerOf(index))));
  process.stdout.write('{"ready":true}\n');
  for await (const line of createInterface({ input: process.stdin })) {
    const load: RequestLoad | WatchLoad = JSON.parse(line);
    const answer = load.do === 'requests' ? await requestLoad(wires, load) : await watchLoad(peerOf, load);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  process.exit(0);
}

await main();
