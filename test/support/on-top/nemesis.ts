// What goes wrong: leaders of the controllers are paused for less and for more than their lease, and killed; API servers are killed
// and stopped, one at a time, so that the store keeps its majority.
import { readFileSync } from 'node:fs';
import { kinds, wellKnown } from '../../../apis/index.ts';
import { present } from '../../../base/index.ts';
import type { Chance } from '../../sim/chance.ts';
import type { ClusterProcess, TestCluster } from '../cluster.ts';
import { isTrouble, pause, Roaming, type Servers } from './roaming.ts';

const leaderRestMs = 1_500;
const serverRestMs = 2_500;
const serverStopMsMax = 4_000;
const backMsMax = 60_000;
const lease = { namespace: wellKnown.systemHerd, name: wellKnown.schedulerLease };

/** Brings trouble by its chance until told to stop. Whatever it stopped goes on after `end`. */
export class Nemesis {
  /** What was done, how often. */
  readonly deeds = new Map<string, number>();
  readonly #cluster: TestCluster;
  readonly #servers: Servers;
  readonly #chance: Chance;
  readonly #leaseMs: number;
  readonly #stopped = new Set<number>();

  constructor(cluster: TestCluster, servers: Servers, chance: Chance, leaseMs: number) {
    this.#cluster = cluster;
    this.#servers = servers;
    this.#chance = chance;
    this.#leaseMs = leaseMs;
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#repeat(this.#chance.fork(), leaderRestMs, (chance) => this.#troubleControllers(chance), signal),
      this.#repeat(this.#chance.fork(), serverRestMs, (chance) => this.#troubleServers(chance), signal),
    ]);
  }

  /** Everything goes on. */
  end(): void {
    for (const pid of this.#stopped) send(pid, 'SIGCONT');
    this.#stopped.clear();
  }

  async #repeat(
    chance: Chance,
    restMs: number,
    deed: (chance: Chance) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    for (;;) {
      await pause(chance.around(restMs));
      if (signal.aborted) return;
      await deed(chance);
    }
  }

  async #troubleControllers(chance: Chance): Promise<void> {
    const leader = await this.#leader(new Roaming(this.#servers, chance.fork()));
    if (leader === undefined) return;
    if (chance.happens(0.2)) return this.#kill(leader, 'leader killed');
    // Most of all around the end of its lease.
    const ms = chance.between(Math.floor(this.#leaseMs * 0.3), this.#leaseMs * 2);
    await this.#stop(leader, ms, ms < this.#leaseMs ? 'leader paused' : 'leader paused beyond its lease');
  }

  async #leader(roaming: Roaming): Promise<number | undefined> {
    try {
      const holder = (await roaming.any().get(kinds.leases, lease)).spec?.holderIdentity ?? '';
      // HOST_BOOT_PIDSPACE_PID_STARTED
      const pid = Number(holder.split('_').at(-2));
      return this.#isOurs(pid) ? pid : undefined;
    } catch (cause) {
      if (isTrouble(cause)) return undefined;
      throw cause;
    }
  }

  /** Whether it is a process of this cluster: a holder may be gone, and its number be another's. */
  #isOurs(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(this.#cluster.directory);
    } catch {
      return false;
    }
  }

  async #troubleServers(chance: Chance): Promise<void> {
    const victim = chance.pick(await this.#apiservers());
    if (chance.happens(0.5)) {
      await this.#kill(victim.pid, 'server killed');
      await this.#isBack(victim);
    } else await this.#stop(victim.pid, chance.between(300, serverStopMsMax), 'server stopped');
    await this.#allReady();
  }

  async #apiservers(): Promise<readonly ClusterProcess[]> {
    return (await this.#cluster.processes()).filter(({ role }) => role === 'apiserver');
  }

  async #isBack({ name, pid }: ClusterProcess): Promise<void> {
    await until(`${name} is back`, async () => {
      const now = (await this.#apiservers()).find((server) => server.name === name);
      return now !== undefined && now.pid !== pid;
    });
  }

  /** The next one only when all are well: two that are down together are another test. */
  async #allReady(): Promise<void> {
    for (const client of this.#servers.each)
      await until('a server is ready', async () => {
        try {
          const { status, body } = await client.raw.request({ method: 'GET', path: '/readyz' });
          body.resume();
          return status === 200;
        } catch (cause) {
          if (isTrouble(cause)) return false;
          throw cause;
        }
      });
  }

  #kill(pid: number, deed: string): Promise<void> {
    this.#did(deed);
    send(pid, 'SIGKILL');
    return Promise.resolve();
  }

  async #stop(pid: number, ms: number, deed: string): Promise<void> {
    this.#did(deed);
    this.#stopped.add(pid);
    send(pid, 'SIGSTOP');
    await pause(ms);
    send(pid, 'SIGCONT');
    this.#stopped.delete(pid);
  }

  #did(deed: string): void {
    this.deeds.set(deed, (this.deeds.get(deed) ?? 0) + 1);
  }
}

/** A process that is gone meanwhile needs no signal. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if (present(cause instanceof Error && 'code' in cause ? cause.code : undefined, 'code') !== 'ESRCH') throw cause;
  }
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(backMsMax);
  while (!(await holds())) {
    if (deadline.aborted) throw new Error(`not within ${backMsMax} ms: ${what}`);
    await pause(150);
  }
}
