// What goes wrong: leaders of the controllers are paused for less and for more than their lease, and killed; API servers are killed
// and stopped, one at a time, so that the store keeps its majority.
import { kinds, wellKnown } from '../../../apis/index.ts';
import { signalProcess } from '../../../runictl/dev/processes.ts';
import { type DevProcess, readState } from '../../../runictl/dev/state.ts';
import type { Chance } from '../../sim/chance.ts';
import type { TestCluster } from '../cluster.ts';
import { isTrouble, pause, Roaming, type Servers } from './roaming.ts';

const leaderRestMs = 1_500;
const serverRestMs = 1_500;
const serverStopMsMax = 3_000;
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
  readonly #stopped = new Set<DevProcess>();

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
    for (const process of this.#stopped) send(process, 'SIGCONT');
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

  async #leader(roaming: Roaming): Promise<DevProcess | undefined> {
    try {
      const holder = (await roaming.any().get(kinds.leases, lease)).spec?.holderIdentity ?? '';
      // HOST_BOOT_PIDSPACE_PID_STARTED
      const pid = Number(holder.split('_').at(-2));
      // A holder may be gone, and its number be another's.
      return this.#running('controllers').find((process) => process.pid === pid);
    } catch (cause) {
      if (isTrouble(cause)) return undefined;
      throw cause;
    }
  }

  async #troubleServers(chance: Chance): Promise<void> {
    const victim = chance.pick(this.#running('apiserver'));
    // Who wakes answers what came meanwhile before it has heard what it missed.
    if (chance.happens(0.7)) return this.#stop(victim, chance.between(200, serverStopMsMax), 'server stopped');
    this.#kill(victim, 'server killed');
    await until(`${victim.name} is back`, async () =>
      this.#running('apiserver').some(({ name, pid }) => name === victim.name && pid !== victim.pid),
    );
    await this.#allReady();
  }

  #running(role: DevProcess['role']): readonly DevProcess[] {
    const { processes = [] } = readState(this.#cluster.directory) ?? {};
    return processes.filter((process) => process.role === role);
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

  #kill(process: DevProcess, deed: string): void {
    this.#did(deed);
    send(process, 'SIGKILL');
  }

  async #stop(process: DevProcess, ms: number, deed: string): Promise<void> {
    this.#did(deed);
    this.#stopped.add(process);
    send(process, 'SIGSTOP');
    await pause(ms);
    send(process, 'SIGCONT');
    this.#stopped.delete(process);
  }

  #did(deed: string): void {
    this.deeds.set(deed, (this.deeds.get(deed) ?? 0) + 1);
  }
}

/** A process that is gone meanwhile needs no signal. */
function send({ pid, startTicks }: DevProcess, signal: NodeJS.Signals): void {
  signalProcess(pid, startTicks, signal);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(backMsMax);
  while (!(await holds())) {
    if (deadline.aborted) throw new Error(`not within ${backMsMax} ms: ${what}`);
    await pause(150);
  }
}
