// Two members in two processes over loopback: entries of 256 B in messages of 1, 32 and 256 of them, with as many messages
// under way as Raft allows; a snapshot; and what heartbeats wait beside it.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Message } from '../../barn/raft/protocol.ts';
import { openTlsTransport, type TlsTransport } from '../../barn/transport/tls.ts';
import { silentLog, systemClock, systemRandom } from '../../base/index.ts';
import { createPeerAuthority, peerCredentials } from '../support/peer-certificates.ts';
import { quantile, type Row } from './row.ts';

const entryBytes = 256;
const inFlight = 256;
const entriesPerRun = 200_000;
const snapshotBytes = 100 * 1024 * 1024;
const heartbeats = 200;

/** Rates of messages and of a snapshot, CPU a message on both sides, and the round trip of a heartbeat. */
export async function bench(): Promise<readonly Row[]> {
  const pair = await openPair();
  try {
    const rows: Row[] = [];
    // The first run of each size warms up.
    for (const batch of [1, 32, 256]) {
      await stream(pair, batch, entriesPerRun / 10);
      rows.push(...(await stream(pair, batch, batch === 1 ? entriesPerRun / 4 : entriesPerRun)));
    }
    rows.push(...roundTrips('heartbeat there and back, idle', await beat(pair, () => false)));
    const start = performance.now();
    let isSent = false;
    const sending = pair.transport.sendSnapshot({ message: plain('MsgSnap'), chunks: snapshot() }).then(() => {
      isSent = true;
      return performance.now() - start;
    });
    const beside = await beat(pair, () => isSent);
    rows.push({ name: 'snapshot of 100 MiB', value: snapshotBytes / 1e3 / (await sending), unit: 'MB/s' });
    rows.push(...roundTrips('heartbeat there and back, beside a snapshot', beside));
    return rows;
  } finally {
    await pair.close();
  }
}

interface Pair {
  readonly transport: TlsTransport;
  /** Hears what the other side answers. */
  listen(listener: (messages: readonly Message[]) => void): void;
  /** Microseconds of CPU of both processes so far. */
  cpuMicros(): Promise<number>;
  close(): Promise<void>;
}

async function stream(pair: Pair, batch: number, entries: number): Promise<readonly Row[]> {
  const count = Math.ceil(entries / batch);
  const data = new Uint8Array(entryBytes);
  const message: Message = {
    ...plain('MsgApp'),
    entries: Array.from({ length: batch }, (_, at) => ({ term: 5, index: 1_000_000 + at, type: 'EntryNormal', data })),
  };
  const cpuBefore = await pair.cpuMicros();
  const start = performance.now();
  await new Promise<void>((resolve) => {
    let [sent, answered] = [0, 0];
    const fill = (): void => {
      const turn: Message[] = [];
      for (; sent < count && sent - answered < inFlight; sent++) turn.push(message);
      pair.transport.send(turn);
      pair.transport.flush();
    };
    pair.listen((messages) => {
      answered += messages.length;
      if (answered === count) resolve();
      else fill();
    });
    fill();
  });
  const elapsedMs = performance.now() - start;
  const cpu = (await pair.cpuMicros()) - cpuBefore;
  const name = `MsgApp of ${batch} × ${entryBytes} B`;
  return [
    { name, value: (count * 1e3) / elapsedMs, unit: '/s' },
    { name: `${name}, data`, value: (count * batch * entryBytes) / 1e3 / elapsedMs, unit: 'MB/s' },
    { name: `${name}, CPU of both with the answer`, value: cpu / count, unit: 'µs' },
  ];
}

/** Milliseconds of round trips, one at a time, until there are enough and, if it goes on for longer, `isOver`. */
async function beat(pair: Pair, isOver: () => boolean): Promise<readonly number[]> {
  const times: number[] = [];
  while (times.length < heartbeats && !isOver()) {
    const start = performance.now();
    const back = new Promise<void>((resolve) => pair.listen(() => resolve()));
    pair.transport.send([plain('MsgHeartbeat')]);
    pair.transport.flush();
    await back;
    times.push(performance.now() - start);
  }
  return times;
}

function roundTrips(name: string, times: readonly number[]): readonly Row[] {
  return [
    { name: `${name}, p50`, value: quantile(times, 0.5), unit: 'ms' },
    { name: `${name}, p99`, value: quantile(times, 0.99), unit: 'ms' },
  ];
}

async function openPair(): Promise<Pair> {
  const authority = await createPeerAuthority();
  let listener: (messages: readonly Message[]) => void = () => undefined;
  const transport = await openTlsTransport(
    {
      id: 1,
      name: 'm1',
      clusterId: 1,
      url: '',
      listen: { host: '127.0.0.1', port: 0 },
      credentials: await peerCredentials(authority, 'm1'),
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
    },
    {
      onMessages: (_from, messages) => listener(messages),
      onUnreachable: () => undefined,
      onSnapshot: () => Promise.reject(new Error('no snapshots here')),
      onQuestion: () => Promise.reject(new Error('no questions here')),
    },
  );
  const peer = fork(fileURLToPath(new URL('transport-peer.js', import.meta.url)));
  peer.send({ credentials: await peerCredentials(authority, 'm2'), port: transport.port });
  const url = `https://127.0.0.1:${await portOf(peer)}`;
  transport.setPeers([{ id: 2, name: 'm2', url }]);
  await greeted();
  return {
    transport,
    listen: (to) => (listener = to),
    async cpuMicros() {
      const theirs: unknown = JSON.parse(Buffer.from(await transport.ask(url, new Uint8Array(1))).toString());
      return microsOf(process.cpuUsage()) + microsOf(theirs);
    },
    async close() {
      await transport.close();
      peer.disconnect();
      await new Promise((resolve) => peer.once('exit', resolve));
    },
  };

  /** Resolves when a heartbeat has come back. */
  async function greeted(): Promise<void> {
    let isBack = false;
    listener = () => (isBack = true);
    while (!isBack) {
      transport.send([plain('MsgHeartbeat')]);
      transport.flush();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function portOf(peer: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    peer.once('message', (told: { readonly port: number }) => resolve(told.port));
    peer.once('exit', (code) => reject(new Error(`the peer ended with ${code}`)));
  });
}

function microsOf(usage: unknown): number {
  if (typeof usage !== 'object' || usage === null || !('user' in usage) || !('system' in usage)) return Number.NaN;
  return Number(usage.user) + Number(usage.system);
}

async function* snapshot(): AsyncGenerator<Uint8Array, void, void> {
  const chunk = new Uint8Array(256 * 1024);
  for (let bytes = 0; bytes < snapshotBytes; bytes += chunk.byteLength) yield chunk;
}

function plain(type: Message['type']): Message {
  const confState = { voters: [1, 2], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false };
  return {
    type,
    from: 1,
    to: 2,
    term: 5,
    logTerm: 5,
    index: 1_000_000,
    entries: [],
    commit: 1_000_000,
    vote: 0,
    reject: false,
    rejectHint: 0,
    ...(type === 'MsgSnap' ? { snapshot: { index: 1, term: 1, confState } } : {}),
  };
}
