// The two sides of `npm run bench barn`: members of our Barn and members of Debian's etcd, as processes with folders of their
// own, and what the kernel says of them.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { openEtcdBarn } from '../../barn/index.ts';
import { silentLog, sleep, systemClock } from '../../base/index.ts';
import { RemoteBarn } from '../support/barn-process/client.ts';
import type { MemberOptions } from '../support/barn-process/member.ts';
import { freePorts, startEtcd } from '../support/etcd.ts';
import { createPeerAuthority, peerCredentials } from '../support/peer-certificates.ts';

/** Members of one side. */
export interface Side {
  readonly protocol: 'framed' | 'grpc';
  /** As barn-load wants them. */
  readonly endpoints: string;
  readonly pids: readonly number[];
  /** Kills the leader; the returned function starts it again. */
  killLeader(): Promise<() => Promise<void>>;
  /** Kills all and starts them again on what they have; milliseconds until all serve. */
  restart(): Promise<number>;
  stop(): Promise<void>;
}

const program = join(import.meta.dirname, '../support/barn-process/member.js');
const readyMsMax = 120_000;

/** `count` members of etcd with the settings Debian gives it. */
export async function startTheirs(count: number): Promise<Side> {
  const etcd = await startEtcd(count, []);
  return {
    protocol: 'grpc',
    endpoints: etcd.endpoints.map((url) => url.replace('http://', '')).join(','),
    get pids() {
      return etcd.members.map(({ pid }) => pid);
    },
    async killLeader() {
      const barn = await openEtcdBarn({ endpoints: etcd.endpoints, clock: systemClock, log: silentLog });
      const { leader } = await barn.status();
      await barn.close();
      const member = etcd.members.find(({ name }) => name === leader);
      await member?.kill('SIGKILL');
      return async () => member?.restart();
    },
    async restart() {
      await Promise.all(etcd.members.map((member) => member.kill('SIGKILL')));
      const start = performance.now();
      await Promise.all(etcd.members.map((member) => member.restart()));
      return performance.now() - start;
    },
    stop: () => etcd.stop(),
  };
}

/** `count` members of ours; with a key their files are encrypted. */
export async function startOurs(count: number, key?: string): Promise<Side> {
  const directory = await mkdtemp(join(tmpdir(), 'runink-bench-'));
  const settings = (await settingsOf(directory, count)).map((each) => (key === undefined ? each : { ...each, key }));
  const members = await Promise.all(settings.map((each) => OurMember.start(each)));
  return {
    protocol: 'framed',
    get endpoints() {
      return members.map(({ port }) => `127.0.0.1:${port}`).join(',');
    },
    get pids() {
      return members.map(({ pid }) => pid);
    },
    async killLeader() {
      const leader = await members[0]?.leader();
      const member = members.find(({ name }) => name === leader);
      await member?.kill();
      return async () => member?.restart();
    },
    async restart() {
      await Promise.all(members.map((member) => member.kill()));
      const start = performance.now();
      await Promise.all(members.map((member) => member.restart()));
      return performance.now() - start;
    },
    async stop() {
      await Promise.all(members.map((member) => member.end()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function settingsOf(directory: string, count: number): Promise<readonly MemberOptions[]> {
  const names = Array.from({ length: count }, (_, index) => `m${index}`);
  const alone = names.map((name) => ({ directory: join(directory, name), name, at: 0, logLevel: 'error' }));
  if (count === 1) return alone;
  const ports = await freePorts(count);
  const initialCluster = names.map((name, index) => ({ name, peerUrl: `https://127.0.0.1:${ports[index] ?? 0}` }));
  const authority = await createPeerAuthority();
  const inGroup = alone.map(async (settings, index) => ({
    ...settings,
    cluster: {
      initialCluster,
      state: 'new' as const,
      token: 'bench',
      listen: { host: '127.0.0.1', port: ports[index] ?? 0 },
      credentials: await peerCredentials(authority, settings.name),
    },
  }));
  return Promise.all(inGroup);
}

type Child = ChildProcessByStdio<Writable, Readable, null>;

class OurMember {
  readonly name: string;
  readonly #settings: MemberOptions;
  #child: Child;
  /** Any free one, another after each start. */
  port = 0;

  private constructor(settings: MemberOptions) {
    this.#settings = settings;
    this.name = settings.name;
    this.#child = this.#spawn();
  }

  static async start(settings: MemberOptions): Promise<OurMember> {
    const member = new OurMember(settings);
    await member.#ready();
    return member;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async restart(): Promise<void> {
    this.#child = this.#spawn();
    await this.#ready();
  }

  async leader(): Promise<string> {
    const barn = await RemoteBarn.connect(this.port);
    try {
      return (await barn.status()).leader;
    } finally {
      await barn.close();
    }
  }

  /** Lets it end by itself, so that it can write its profile. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.stdin.end();
    await gone;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  #spawn(): Child {
    const profile = process.env['BARN_BENCH_PROFILE'];
    const flags = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile];
    const args = [...flags, program, JSON.stringify(this.#settings)];
    // Its last words come by themselves, whenever it ends.
    return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  /** Resolves when it serves and its group has a leader. */
  async #ready(): Promise<void> {
    const child = this.#child;
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`member ${this.name} ended while it started: code ${code}, signal ${signal}`);
    });
    ended.catch(() => undefined);
    const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended]);
    const { port }: { readonly port: number } = JSON.parse(String(line));
    this.port = port;
    const barn = await RemoteBarn.connect(port);
    try {
      await Promise.race([led(barn), ended]);
    } finally {
      await barn.close();
    }
  }
}

/** A group on a busy machine may need longer for its leader than a read waits. */
async function led(barn: RemoteBarn): Promise<void> {
  const untilMs = performance.now() + readyMsMax;
  for (;;) {
    try {
      await barn.readIndex();
      return;
    } catch (error) {
      if (barn.isBroken || performance.now() > untilMs) throw error;
    }
    await sleep(systemClock, 20);
  }
}

const ticksPerSecond = 100;

/** CPU seconds that the processes have used. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const [, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
    const numbers = fields.join(') ').split(' ');
    ticks += Number(numbers[11]) + Number(numbers[12]);
  }
  return ticks / ticksPerSecond;
}

/** Their proportional share of memory in MB. */
export function pssMegabytes(pids: readonly number[]): number {
  let kilobytes = 0;
  for (const pid of pids)
    kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
  return kilobytes / 1_000;
}
