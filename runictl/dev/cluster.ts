// A whole cluster out of child processes, started in order and ended in the opposite one.
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { present } from '../../base/index.ts';
import { CommandError } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { giveEndings, keepEndings } from './endings.ts';
import { takeLock } from './lock.ts';
import { apiserverUnits, controllersUnits, type DevPlan, helperUnit, nodeKubeconfig, plainAgentUnit } from './plan.ts';
import { descendants, processInfo, signalProcess } from './processes.ts';
import { idRange, makeNodeFolder, makeRuntime, removeRuntime, runtimeFolder } from './runtime.ts';
import { type DevState, readState, removeState, writeState } from './state.ts';
import { Unit } from './unit.ts';

/** The name of the cluster in a folder, 8 hex digits: of its lock, its folder in /run, its groups. */
export function instanceOf(dataDir: string): string {
  return createHash('sha256').update(realpathSync(dataDir)).digest('hex').slice(0, 8);
}

/**
 * Runs until the terminal's signal aborts; `ready` is told once everything is. Errors: CommandError when another dev has
 * the folder or a program does not start. Whatever the end, nothing that was started is left.
 */
export async function runCluster(
  plan: DevPlan,
  terminal: Terminal,
  options: { readonly restart: boolean; readonly ready: (state: DevState) => Promise<void> },
): Promise<void> {
  for (const folder of ['logs', 'nodes', 'data']) mkdirSync(join(plan.dataDir, folder), { recursive: true });
  const instance = instanceOf(plan.dataDir);
  const lock = await takeLock(instance);
  if (lock === undefined)
    throw new CommandError(
      `another "runictl dev" runs on ${plan.dataDir}; look with "runictl dev status --data ${plan.dataDir}", end it with "runictl dev stop --data ${plan.dataDir}"`,
    );
  const cluster = new Cluster(plan, instance, terminal, options.restart);
  try {
    cleanLeftovers(plan.dataDir);
    await cluster.start();
    if (!terminal.signal.aborted) await options.ready(cluster.state());
    await new Promise<void>((resolve) => {
      if (terminal.signal.aborted) resolve();
      terminal.signal.addEventListener('abort', () => resolve(), { once: true });
      // Nothing else keeps this process alive when every unit is down and none is started again.
      const alive = setInterval(() => undefined, 2 ** 30);
      terminal.signal.addEventListener('abort', () => clearInterval(alive), { once: true });
    });
  } finally {
    await cluster.stop();
    lock.close();
  }
}

class Cluster {
  readonly #plan: DevPlan;
  readonly #instance: string;
  readonly #terminal: Terminal;
  readonly #restart: boolean;
  readonly #units: Unit[] = [];
  #isReady = false;
  #isStopped = false;
  #url = '';

  constructor(plan: DevPlan, instance: string, terminal: Terminal, restart: boolean) {
    this.#plan = plan;
    this.#instance = instance;
    this.#terminal = terminal;
    this.#restart = restart;
  }

  async start(): Promise<void> {
    const { dataDir } = this.#plan;
    const starting = Promise.all(apiserverUnits(this.#plan).map((unit) => this.#startUnit(unit)));
    // Its failure is met below, after the time it takes to start has been used.
    starting.catch(() => undefined);
    const folder = runtimeFolder(this.#instance);
    if (this.#plan.isolation === 'full') makeRuntime(folder, this.#plan.distDir);
    const [apiserver] = await starting;
    this.#url = String(apiserver?.['url']);
    const kubeconfig = join(dataDir, 'kubeconfig');
    writeFileSync(kubeconfig, readFileSync(join(dataDir, 'apiserver', 'admin.kubeconfig')), { mode: 0o600 });
    chmodSync(kubeconfig, 0o600);
    const nodes = this.#plan.nodes.map((node, index) => {
      if (this.#plan.isolation === 'none') return plainAgentUnit(this.#plan, node);
      const ids = idRange(this.#instance, index);
      const made = makeNodeFolder(folder, node, nodeKubeconfig(this.#plan, node), ids);
      giveEndings(dataDir, node, made.state, ids);
      return helperUnit(this.#plan, node, { instance: `${this.#instance}-${index}`, folder, ids, ...made });
    });
    await Promise.all([...controllersUnits(this.#plan), ...nodes].map((unit) => this.#startUnit(unit)));
    this.#isReady = true;
    this.#write();
  }

  async #startUnit(unit: ConstructorParameters<typeof Unit>[0]): Promise<Readonly<Record<string, unknown>>> {
    this.#terminal.signal.throwIfAborted();
    const made = new Unit(unit, {
      clock: this.#terminal.clock,
      restart: this.#restart,
      changed: () => this.#write(),
    });
    this.#units.push(made);
    const { promise: aborted, forget } = whenAborted(this.#terminal.signal);
    try {
      return await Promise.race([made.start(), aborted]);
    } finally {
      forget();
    }
  }

  state(): DevState {
    return {
      pid: process.pid,
      startTicks: present(processInfo(process.pid), 'this process has no entry in /proc').startTicks,
      instance: this.#instance,
      isolation: this.#plan.isolation,
      ready: this.#isReady,
      url: this.#url,
      kubeconfig: join(this.#plan.dataDir, 'kubeconfig'),
      runtime: this.#plan.isolation === 'full' ? runtimeFolder(this.#instance).path : '',
      processes: this.#units.flatMap((unit) => unit.process ?? []),
    };
  }

  #write(): void {
    if (!this.#isStopped) writeState(this.#plan.dataDir, this.state());
  }

  /** Nodes first, so that they can still say goodbye to a server; then controllers, then the servers. */
  async stop(): Promise<void> {
    this.#isReady = false;
    for (const roles of [['agent', 'helper'], ['controllers'], ['apiserver']])
      await Promise.all(this.#units.filter(({ plan }) => roles.includes(plan.role)).map((unit) => unit.stop()));
    this.#isStopped = true;
    if (this.#plan.isolation === 'full') removeKept(runtimeFolder(this.#instance).path, this.#plan.dataDir);
    removeState(this.#plan.dataDir);
  }
}

function whenAborted(signal: AbortSignal): { readonly promise: Promise<never>; readonly forget: () => void } {
  let forget = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    forget = () => signal.removeEventListener('abort', onAbort);
  });
  promise.catch(() => undefined);
  return { promise, forget };
}

/** Ends what a dev that was killed has left. Its children end by themselves; this makes sure before the next ones start. */
function cleanLeftovers(dataDir: string): void {
  const state = readState(dataDir);
  if (state === undefined) return;
  for (const { pid, startTicks } of state.processes) {
    const below = processInfo(pid)?.startTicks === startTicks ? descendants(pid) : [];
    signalProcess(pid, startTicks, 'SIGKILL');
    for (const child of below) signalProcess(child.pid, child.startTicks, 'SIGKILL');
  }
  if (/^\/run\/runink-[0-9a-f]{8}$/.test(state.runtime)) removeKept(state.runtime, dataDir);
  removeState(dataDir);
}

function removeKept(runtime: string, dataDir: string): void {
  keepEndings(runtime, dataDir);
  removeRuntime(runtime);
}
