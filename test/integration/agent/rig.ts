// An agent on a memory API and a plain spawner, with volumes in a fresh folder.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom, map, timeout } from 'rxjs';
import { ApiError, kinds, type PlanStep, type Run, type RunPlan, type Slice } from '../../../apis/index.ts';
import { silentLog, systemClock, systemRandom } from '../../../base/index.ts';
import { type Client, Informer, MemoryClient } from '../../../client/index.ts';
import { Agent } from '../../../runi-agent/agent.ts';
import { BundleStore } from '../../../runi-agent/bundles.ts';
import { Endings } from '../../../runi-agent/endings.ts';
import { MaterialSource } from '../../../runi-agent/materials.ts';
import { openPlainSpawner } from '../../../runi-agent/plain-spawner.ts';
import { findProgram } from '../../../runi-agent/programs.ts';
import { ProgressBoard } from '../../../runi-agent/progress.ts';
import { sliceChanges, sliceInformer } from '../../../runi-agent/slice-feed.ts';
import type { Spawner } from '../../../runi-agent/spawner.ts';
import { StatusWriter } from '../../../runi-agent/status-writer.ts';
import { placed } from '../../support/placed.ts';

export const node = 'here';
const MiB = 1024 * 1024;

export interface Rig extends AsyncDisposable {
  readonly client: MemoryClient;
  readonly spawner: Spawner;
  readonly progress: ProgressBoard;
  write(path: string, text: string): Promise<void>;
  read(path: string): Promise<string>;
  volume(path: string): string;
  createRun(plan: RunPlan, name?: string): Promise<Run>;
  /** Makes and binds the slices of one group attempt. */
  bindGroup(run: Run, group: string, attempt?: number): Promise<readonly Slice[]>;
  /** The slice as soon as `holds`; fails after ten seconds. */
  until(name: string, holds: (slice: Slice | undefined) => boolean): Promise<Slice | undefined>;
  ended(name: string): Promise<NonNullable<Slice['status']>>;
  /** Another agent on the same folders, after this one was cut off. */
  restart(): Promise<void>;
  /** The agent is cut off while `change` makes another store of this one; then it must list anew. */
  replaceStore(
    change: () => Promise<void>,
    options?: { readonly isRestored?: boolean; readonly restarts?: boolean },
  ): Promise<void>;
  /** What the agent told the store when it checked in last. */
  readonly attempts: readonly string[];
}

/** What the agent meets: whether it reaches the store, and what that is. */
interface Weather {
  isCut: boolean;
  isRestored: boolean;
  attempts: readonly string[];
}

export const sinkFile = (path: string) => ({ ...file(path), sink: 'out', format: 'text' }) as const;

export function createRun(client: Client, name: string, plan: RunPlan): Promise<Run> {
  return client.create(kinds.runs, {
    apiVersion: 'runink.io/v1',
    kind: 'Run',
    metadata: { namespace: 'default', name },
    spec: { pipeline: { name: 'pipe' }, plan },
  });
}

/** Makes the slices of one group attempt and binds each to `nodeName`. */
export async function slicesOf(
  client: Client,
  run: Run,
  group: string,
  attempt: number,
  nodeName: string,
): Promise<readonly Slice[]> {
  const steps = run.spec.plan.steps.filter((step) => step.group === group);
  const made: Slice[] = [];
  for (const step of steps) {
    const slice: Slice = {
      apiVersion: 'runink.io/v1',
      kind: 'Slice',
      metadata: { namespace: 'default', name: sliceName(run, step.name, attempt) },
      spec: {
        run: run.metadata.name ?? '',
        runUID: run.metadata.uid ?? '',
        step: step.name,
        group,
        groupSize: steps.length,
        attempt,
        cpuMillis: step.cpuMillis,
        memoryBytes: step.memoryBytes,
        pids: step.pids,
      },
    };
    made.push(await placed(client, slice, nodeName));
  }
  return made;
}

/** The slice as soon as `holds`; fails after ten seconds. */
export async function waitFor(
  client: Client,
  name: string,
  holds: (slice: Slice | undefined) => boolean,
): Promise<Slice | undefined> {
  const deps = { client, clock: systemClock, random: systemRandom, log: silentLog };
  await using all = new Informer(deps, { kind: kinds.slices });
  all.start();
  await all.synced;
  const look = (): Slice | undefined => all.get({ namespace: 'default', name });
  if (holds(look())) return look();
  return await firstValueFrom(all.events$.pipe(map(look), filter(holds), timeout(10_000)));
}

/** RUN-STEP-ATTEMPT. */
export function sliceName(run: Run, step: string, attempt = 1): string {
  return `${run.metadata.name ?? ''}-${step}-${attempt}`;
}

/** A step on plain streams. */
export function exec(name: string, command: readonly string[], more: Partial<PlanStep> = {}): PlanStep {
  return {
    name,
    group: name,
    use: 'exec',
    runtime: 'native',
    with: { command },
    inputs: [],
    outputs: [],
    cpuMillis: 100,
    cpuLimitMillis: 1000,
    memoryBytes: 64 * MiB,
    pids: 32,
    ...more,
  };
}

export const file = (path: string) => ({ kind: 'file', volume: 'data', path, uri: `file://data/${path}` }) as const;

/** A plan of one group for each name that the steps carry. */
export function planOf(
  steps: readonly PlanStep[],
  deadLetters?: { readonly volume: string; readonly path: string },
): RunPlan {
  const names = [...new Set(steps.map((step) => step.group))];
  return {
    groups: names.map((name) => ({
      name,
      steps: steps.filter((step) => step.group === name).map((step) => step.name),
      ...(deadLetters === undefined ? {} : { deadLetters }),
    })),
    steps,
  };
}

export async function openRig(): Promise<Rig> {
  const top = await mkdtemp(join(tmpdir(), 'agent-'));
  const client = new MemoryClient();
  await client.create(kinds.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: node } });
  const weather: Weather = { isCut: false, isRestored: false, attempts: [] };
  const reached = cuttable(client, weather);
  await mkdir(join(top, 'data'));
  let running = await startAgent(top, reached, weather);
  let runs = 0;

  const rig: Rig = {
    client,
    get spawner() {
      return running.spawner;
    },
    get progress() {
      return running.progress;
    },
    volume: (path) => join(top, 'data', path),
    write: (path, text) => writeFile(join(top, 'data', path), text),
    read: (path) => readFile(join(top, 'data', path), 'utf8'),
    createRun: (plan, name = `run-${++runs}`) => createRun(client, name, plan),
    bindGroup: (run, group, attempt = 1) => slicesOf(client, run, group, attempt, node),
    until: (name, holds) => waitFor(client, name, holds),
    async ended(name) {
      const slice = await rig.until(name, (seen) =>
        ['Succeeded', 'Failed', 'Lost'].includes(seen?.status?.phase ?? ''),
      );
      return slice?.status ?? {};
    },
    async restart() {
      await running.stop();
      running = await startAgent(top, reached, weather);
    },
    async replaceStore(change, { isRestored = true, restarts = false } = {}) {
      weather.isCut = true;
      client.breakWatches();
      if (restarts) await running.stop();
      await change();
      client.compact();
      Object.assign(weather, { isCut: false, isRestored });
      if (restarts) running = await startAgent(top, reached, weather);
    },
    get attempts() {
      return weather.attempts;
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      await rm(top, { recursive: true, force: true });
    },
  };
  return rig;
}

/** The same API, which cannot be reached while it is cut off. */
function cuttable(client: MemoryClient, weather: Weather): Client {
  return new Proxy(client, {
    get(target, name) {
      // Private fields live on the target alone.
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (!weather.isCut) return value.bind(target);
      const away = (): never => {
        throw new ApiError('ServiceUnavailable', 'cut off');
      };
      return name === 'watch' ? () => ({ [Symbol.asyncIterator]: away }) : () => Promise.resolve().then(away);
    },
  });
}

async function startAgent(top: string, client: Client, weather: Weather) {
  const deps = { client, clock: systemClock, random: systemRandom, log: silentLog };
  const spawner = await openPlainSpawner({
    directory: join(top, 'run'),
    bundles: join(top, 'bundles'),
    volumes: [{ name: 'data', path: join(top, 'data'), writable: true }],
    node: process.execPath,
    program: join(import.meta.dirname, '../../../runi-slice/main.js'),
    exchangeDirectory: join(top, 'exchange'),
    ...deps,
  });
  const bundles = await BundleStore.open(join(top, 'bundles'));
  const progress = new ProgressBoard();
  const informer = sliceInformer(deps, node);
  informer.start();
  await informer.synced;
  const agent = new Agent({
    node,
    slices$: sliceChanges(informer),
    relists$: informer.relists$,
    checkIn: async (attempts) => {
      if (weather.isCut) throw new ApiError('ServiceUnavailable', 'cut off');
      weather.attempts = attempts;
      return weather.isRestored;
    },
    endings: await Endings.open(join(top, 'endings.ndjson'), silentLog),
    spawner,
    exchange: { open: () => Promise.resolve(), close: () => Promise.resolve() },
    materials: new MaterialSource({ client, bundles, findProgram }),
    writer: new StatusWriter(deps),
    progress,
    allocatable: { cpuMillis: 2000, memoryBytes: 1024 * MiB, slices: 64 },
    ...deps,
  });
  const stopping = new AbortController();
  const done = agent.run(stopping.signal);
  return {
    spawner,
    progress,
    async stop() {
      stopping.abort();
      await done;
      await informer[Symbol.asyncDispose]();
      await spawner.close();
    },
  };
}
