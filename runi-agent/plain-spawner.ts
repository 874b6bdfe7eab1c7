// The twin without isolation (`--isolation=none`, only when typed): slices are child processes of the agent's own user.
// Limits are not enforced and nothing is hidden; what a slice is given, how it ends and how files are published is the same.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, lstat, mkdir, readFile, rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type Observable, Subject } from 'rxjs';
import { type Clock, type Log, present, sleep } from '../base/index.ts';
import { LogForward, logStream } from './plain/log-forward.ts';
import { identityOf, killMarked, slotMark } from './plain/processes.ts';
import { discardStaging, publishFiles } from './plain/publish.ts';
import * as slotFolder from './plain/slot-folder.ts';
import {
  type LaunchRequest,
  type PublishRequest,
  type SliceView,
  type Slot,
  type SlotExit,
  SpawnError,
  type Spawner,
  type StagingRef,
} from './spawner.ts';

/** A volume as `--volume NAME=PATH[:rw]` gives it; every herd may use it. */
export interface PlainVolume {
  readonly name: string;
  readonly path: string;
  readonly writable: boolean;
}

/** Where the spawner without isolation keeps and finds its files. */
export interface PlainSpawnerOptions {
  /** A folder of this agent alone, with a short path (a socket's path has at most 107 bytes). Its leftovers are removed. */
  readonly directory: string;
  readonly bundles: string;
  readonly volumes: readonly PlainVolume[];
  /** Absolute paths of node and of the slice program. */
  readonly node: string;
  readonly program: string;
  /** The folder in which the exchange listens on SLOT/log.sock. */
  readonly exchangeDirectory: string;
  readonly clock: Clock;
  readonly log: Log;
}

const logCloseMsMax = 4_000;

/** Kills what a former agent of the same directory left, then takes launches. */
export async function openPlainSpawner(options: PlainSpawnerOptions): Promise<Spawner> {
  await takeDirectory(options.directory);
  const slots = join(options.directory, 'slots');
  await mkdir(slots, { recursive: true, mode: 0o700 });
  for (const { folder, leader } of await slotFolder.slotFolders(slots)) {
    const was = slotFolder.parseLeader(await readFile(leader, 'utf8').catch(() => ''));
    const isSame = was !== undefined && identityOf(was.pid)?.startTicks === was.startTicks;
    await killMarked(options.clock, folder, isSame ? was.pid : undefined);
    await slotFolder.removeSlotFolder(folder);
  }
  await rm(join(options.directory, 'edges'), { recursive: true, force: true });
  await mkdir(join(options.directory, 'edges'), { mode: 0o700 });
  return new PlainSpawner(options, slots);
}

interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<void>;
}

class PlainSpawner implements Spawner {
  readonly isolation = 'none';
  readonly bundles: string;
  readonly closed: Promise<void>;
  readonly exits$: Observable<SlotExit>;
  readonly #options: PlainSpawnerOptions;
  readonly #slots: string;
  readonly #exits = new Subject<SlotExit>();
  readonly #running = new Map<Slot, Running>();
  readonly #edges = new Map<string, { readonly made: Promise<void>; readonly users: Set<Slot> }>();
  #isClosed = false;
  #setClosed: () => void = () => {};

  constructor(options: PlainSpawnerOptions, slots: string) {
    this.#options = options;
    this.#slots = slots;
    this.bundles = options.bundles;
    this.exits$ = this.#exits.asObservable();
    this.closed = new Promise((resolve) => {
      this.#setClosed = resolve;
    });
  }

  view(slot: Slot): SliceView {
    return slotFolder.viewOf(this.#folder(slot), { node: this.#options.node, program: this.#options.program });
  }

  agentDirectory(slot: Slot): string {
    return join(this.#folder(slot), 'agent');
  }

  get offers(): readonly { readonly herd: string; readonly name: string; readonly writable: boolean }[] {
    return this.#options.volumes.map(({ name, writable }) => ({ herd: '*', name, writable }));
  }

  volumes(): readonly { readonly name: string; readonly writable: boolean }[] {
    return this.#options.volumes;
  }

  async launch(request: LaunchRequest): Promise<{ readonly pid: number }> {
    const { slot } = request;
    if (this.#isClosed) throw new SpawnError('Gone', `launch ${slot}: the spawner is closed`);
    if (this.#running.has(slot)) throw new SpawnError('Invalid', `launch ${slot}: the slot is in use`);
    try {
      await this.#prepare(request);
      const child = await this.#start(request);
      const pid = present(child.pid, 'pid of a started child');
      const ended = this.#tend(slot, child, pid);
      this.#running.set(slot, { child, pid, ended });
      const identity = identityOf(pid);
      if (identity !== undefined) await slotFolder.writeLeader(this.#folder(slot), identity);
      return { pid };
    } catch (cause) {
      await this.#free(slot);
      if (cause instanceof SpawnError) throw cause;
      throw new SpawnError('Kernel', `launch ${slot}: ${text(cause)}`, { cause });
    }
  }

  async kill(slot: Slot): Promise<void> {
    const running = this.#running.get(slot);
    if (running === undefined) return;
    await killMarked(this.#options.clock, this.#folder(slot), running.pid);
  }

  async publish(request: PublishRequest): Promise<void> {
    const { volume, id } = request.staging;
    await publishFiles(this.#writable(volume), id, request.files);
  }

  async discard(staging: StagingRef): Promise<void> {
    await discardStaging(this.#writable(staging.volume), staging.id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running.entries()];
    await Promise.all(running.map(([slot]) => this.kill(slot)));
    await Promise.all(running.map(([, { ended }]) => ended));
    await rm(this.#options.directory, { recursive: true, force: true });
    this.#exits.complete();
    this.#setClosed();
  }

  #folder(slot: Slot): string {
    if (!/^[a-z0-9-]{1,40}$/.test(slot)) throw new SpawnError('Invalid', `slot "${slot}" is not a plain name`);
    return join(this.#slots, slot);
  }

  #volume(name: string): PlainVolume {
    const volume = this.#options.volumes.find((offered) => offered.name === name);
    if (volume === undefined) throw new SpawnError('NotFound', `this node has no volume "${name}"`);
    return volume;
  }

  #writable(name: string): string {
    const volume = this.#volume(name);
    if (!volume.writable) throw new SpawnError('Refused', `volume "${name}" is read-only on this node`);
    return volume.path;
  }

  async #prepare(request: LaunchRequest): Promise<void> {
    for (const { volume } of request.staging) this.#writable(volume);
    await Promise.all([...request.edgesIn, ...request.edgesOut].map((id) => this.#edge(id, request.slot)));
    await slotFolder.makeSlotFolder(this.#folder(request.slot), request, {
      volume: (name) => this.#volume(name).path,
      edge: (id) => this.#edgePath(id),
      bundles: this.bundles,
    });
  }

  async #edge(id: string, slot: Slot): Promise<void> {
    const known = this.#edges.get(id) ?? { made: slotFolder.makeFifos([this.#edgePath(id)]), users: new Set() };
    this.#edges.set(id, known);
    known.users.add(slot);
    await known.made;
  }

  #edgePath(id: string): string {
    if (!/^[a-z0-9-]{1,63}$/.test(id)) throw new SpawnError('Invalid', `edge id "${id}" is not a plain name`);
    return join(this.#options.directory, 'edges', id);
  }

  async #start(request: LaunchRequest): Promise<ChildProcess> {
    const [program, ...argv] = redirected(request);
    const child = spawn(present(program, 'argv[0]'), argv, {
      cwd: this.view(request.slot).tmp,
      env: { ...request.env, [slotMark]: this.#folder(request.slot) },
      // A session and process group of its own, so that one signal reaches all of it.
      detached: true,
      stdio: ['ignore', request.stdout === 'log' ? 'pipe' : 'ignore', 'pipe'],
    });
    await once(child, 'spawn');
    return child;
  }

  // From the first process's exit to the slot's: everything it started is killed before its end is told.
  async #tend(slot: Slot, child: ChildProcess, pid: number): Promise<void> {
    const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    const forward = new LogForward(join(this.#options.exchangeDirectory, slot, 'log.sock'), this.#options.clock);
    const carried = [
      ...(child.stdout === null ? [] : [forward.carry(logStream.stdout, child.stdout)]),
      ...(child.stderr === null ? [] : [forward.carry(logStream.stderr, child.stderr)]),
    ];
    const [exitCode, signalName] = await exited;
    await killMarked(this.#options.clock, this.#folder(slot), pid);
    const logged = Promise.all(carried).then(() => forward.close());
    const timeout = new AbortController();
    await Promise.race([logged, sleep(this.#options.clock, logCloseMsMax, timeout.signal).catch(() => {})]);
    timeout.abort();
    await this.#free(slot);
    this.#exits.next({
      slot,
      exitCode,
      signal: signalName === null ? null : signalNumber(signalName),
      // Without a cgroup none of these is known.
      oomKilled: false,
      memoryPeakBytes: 0,
      cpuMs: 0,
      pidsRefused: 0,
      cpuThrottled: 0,
    });
  }

  async #free(slot: Slot): Promise<void> {
    this.#running.delete(slot);
    await slotFolder.removeSlotFolder(this.#folder(slot));
    for (const [id, edge] of this.#edges) {
      if (!edge.users.delete(slot) || edge.users.size > 0) continue;
      this.#edges.delete(id);
      await rm(this.#edgePath(id), { force: true });
    }
  }
}

// The shell redirects in the child: opening a FIFO waits for its other end, and the agent must not.
function redirected({ argv, stdin, stdout }: LaunchRequest): readonly string[] {
  if (typeof stdin === 'string' && typeof stdout === 'string') return argv;
  const input = typeof stdin === 'string' ? '/dev/null' : stdin.path;
  if (typeof stdout === 'string') return ['/bin/sh', '-c', 'i=$1; shift; exec "$@" <"$i"', 'sh', input, ...argv];
  return ['/bin/sh', '-c', 'i=$1 o=$2; shift 2; exec "$@" <"$i" >"$o"', 'sh', input, stdout.path, ...argv];
}

function signalNumber(name: NodeJS.Signals): number {
  return constants.signals[name];
}

function text(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

async function takeDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const found = await lstat(directory);
  if (!found.isDirectory() || found.uid !== process.getuid?.())
    throw new SpawnError('Refused', `${directory} is not a folder of this user`);
  await chmod(directory, 0o700);
}
