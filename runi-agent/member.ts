// One slice of a group while it is prepared, launched and ended on this node.
import { mkdir, rm } from 'node:fs/promises';
import type { PlanStep, Slice } from '../apis/index.ts';
import { type Clock, type Log, sleep, type Timer } from '../base/index.ts';
import type { Counters, SliceResult, SliceSpec } from '../runi-slice/protocol/index.ts';
import { ControlServer } from './control.ts';
import type { GroupId } from './ids.ts';
import type { MemberEnd } from './judge.ts';
import { failureOf } from './judge.ts';
import { LaunchError, launchRequestOf, type Materials, sliceSpecOf } from './launch.ts';
import type { RunView } from './materials.ts';
import type { SeenMember } from './plan.ts';
import type { ProgressBoard } from './progress.ts';
import { type Slot, type SlotExit, SpawnError, type Spawner } from './spawner.ts';
import type { StatusWriter } from './status-writer.ts';

/** A slice that lives longer is reported as Running. */
export const runningAfterMs = 1_000;
/** How long the last words of a dead slice may take to be read. */
const drainMsMax = 1_000;

/** Where the logs of slots go. */
export interface LogExchange {
  /** Makes the slot's log socket. */
  open(slot: Slot, of: { readonly runUID: string; readonly step: string; readonly attempt: number }): Promise<void>;
  /** The slot has ended; its log is kept. Never rejects. */
  close(slot: Slot): Promise<void>;
}

/** What every member uses. */
export interface MemberDeps {
  readonly spawner: Spawner;
  readonly exchange: LogExchange;
  readonly writer: StatusWriter;
  readonly progress: ProgressBoard;
  readonly clock: Clock;
  readonly log: Log;
  /** Listens for the end of a slot, until the function it gives is called. */
  readonly onExit: (slot: Slot, listener: (exit: SlotExit) => void) => () => void;
  /** A number for each slice that ended, in order. */
  readonly nextOrder: () => number;
  readonly changed: () => void;
}

/** One slice of a group attempt: its process, its control socket and its counters. */
export class Member {
  readonly step: PlanStep;
  readonly slot: Slot;
  slice: Slice;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  #setEnded: () => void = () => {};
  readonly #deps: MemberDeps;
  readonly #group: GroupId;
  readonly #view: RunView;
  readonly #materials: Materials & { readonly release: () => void };
  #control: ControlServer | undefined;
  #runningTimer: Timer | undefined;
  #stopListening: () => void = () => {};
  #isLaunched = false;
  #isToldRunning = false;
  #hasEnded = false;
  #isKilled = false;
  #order = Number.MAX_SAFE_INTEGER;
  #startTime: string | undefined;
  #completionTime: string | undefined;
  #exit: SlotExit | undefined;
  #result: SliceResult | undefined;
  #counters: Counters | undefined;
  #violation: string | undefined;
  #refusal: { readonly reason: string; readonly message: string } | undefined;

  constructor(
    of: { readonly slice: Slice; readonly step: PlanStep; readonly slot: Slot; readonly group: GroupId },
    view: RunView,
    materials: Materials & { readonly release: () => void },
    deps: MemberDeps,
  ) {
    this.slice = of.slice;
    this.step = of.step;
    this.slot = of.slot;
    this.#group = of.group;
    this.#view = view;
    this.#materials = materials;
    this.#deps = deps;
    this.ended = new Promise((resolve) => {
      this.#setEnded = resolve;
    });
  }

  get uid(): string {
    return this.slice.metadata.uid ?? '';
  }

  get name(): string {
    return this.slice.metadata.name ?? '';
  }

  /** It runs for another slice from now on. */
  serve(slice: Slice): void {
    const { progress } = this.#deps;
    progress.end(this.uid);
    this.slice = slice;
    if (this.#hasEnded) return;
    progress.begin(this.uid, this.#group.runUid);
    if (this.#isToldRunning) this.#reportRunning();
  }

  get seen(): SeenMember {
    const failure = this.#hasEnded ? failureOf(this.end()) : undefined;
    return {
      uid: this.uid,
      name: this.name,
      hasEnded: this.#hasEnded,
      failure: failure === undefined ? 'none' : failure.rank === 0 ? 'own' : 'felt',
    };
  }

  /** How it ended; of use when it has. */
  end(): MemberEnd {
    return {
      slice: this.name,
      step: this.step.name,
      runtime: this.step.runtime,
      order: this.#order,
      ...(this.#exit === undefined ? {} : { exit: this.#exit }),
      ...(this.#result === undefined ? {} : { result: this.#result }),
      ...(this.#counters === undefined ? {} : { counters: this.#counters }),
      ...(this.#violation === undefined ? {} : { violation: this.#violation }),
      ...(this.#refusal === undefined ? {} : { refusal: this.#refusal }),
      killed: this.#isKilled,
      limits: {
        pidsMax: this.step.pids,
        cpuMillis: this.step.cpuLimitMillis,
        memoryBytes: this.step.memoryBytes,
      },
      ...(this.#startTime === undefined ? {} : { startTime: this.#startTime }),
      completionTime: this.#completionTime ?? this.#now(),
    };
  }

  /** Starts it. A failure becomes its refusal; nothing is thrown but bugs. */
  async launch(): Promise<void> {
    const { spawner, exchange, progress, clock } = this.#deps;
    const { slot, name } = this;
    this.#startTime = this.#now();
    progress.begin(this.uid, this.#group.runUid);
    try {
      const id = { slot, slice: name, step: this.step.name, group: this.#group };
      const view = spawner.view(slot);
      const request = launchRequestOf(id, this.#view.run, view, this.#materials);
      const { runUid: runUID, attempt } = this.#group;
      const spec = this.step.runtime === 'node' ? sliceSpecOf(id, this.#view.run, view, this.#materials) : undefined;
      const opened = await Promise.allSettled([
        exchange.open(slot, { runUID, step: this.step.name, attempt }),
        this.#openControl(spawner.agentDirectory(slot), spec),
      ]);
      for (const each of opened) if (each.status === 'rejected') throw each.reason;
      this.#stopListening = this.#deps.onExit(slot, (exit) => void this.#exited(exit));
      await spawner.launch(request);
      this.#isLaunched = true;
      if (this.#hasEnded) return;
      if (this.#isKilled) await spawner.kill(slot);
      this.#runningTimer = clock.after(runningAfterMs, () => this.#reportRunning(), { unref: true });
    } catch (cause) {
      if (cause instanceof SpawnError && cause.reason === 'Gone') throw cause;
      this.refuse(reasonOf(cause), cause instanceof Error ? cause.message : String(cause));
    } finally {
      for (const values of this.#materials.secrets.values()) for (const bytes of values.values()) bytes.fill(0);
    }
  }

  /** Ends it without a launch, or (after publishing failed) blames it. */
  refuse(reason: string, message: string): void {
    this.#refusal = { reason, message };
    this.#settle();
  }

  /** Ends it because another of its group could not be started. */
  skip(): void {
    this.#settle();
  }

  /** Kills it if it runs; its end follows. */
  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    this.#isKilled = true;
    if (this.#isLaunched) await this.#deps.spawner.kill(this.slot);
  }

  async #openControl(directory: string, spec: SliceSpec | undefined): Promise<void> {
    if (spec === undefined) await mkdir(directory, { recursive: true, mode: 0o755 });
    else this.#control = await ControlServer.open(directory, spec, this.#controlEvents(), this.#deps.clock);
  }

  #controlEvents() {
    const { progress } = this.#deps;
    const count = (counters: Counters): void => {
      this.#counters = counters;
      progress.set(this.uid, {
        step: this.step.name,
        attempt: this.#group.attempt,
        slice: this.name,
        counters,
      });
    };
    return {
      counters: count,
      result: (result: SliceResult): void => {
        this.#result = result;
        count(result.counters);
      },
      violation: (message: string): void => {
        this.#violation ??= message;
        this.#deps.log.warn('slice broke the control protocol', { slice: this.name, error: message });
        void this.#deps.spawner.kill(this.slot);
      },
    };
  }

  async #exited(exit: SlotExit): Promise<void> {
    const timeout = new AbortController();
    const late = sleep(this.#deps.clock, drainMsMax, timeout.signal).catch(() => {});
    await Promise.race([this.#control?.drained(), late]);
    timeout.abort();
    this.#exit = exit;
    this.#settle();
  }

  #settle(): void {
    if (!this.#hasEnded) {
      this.#order = this.#refusal === undefined && this.#exit === undefined ? this.#order : this.#deps.nextOrder();
      this.#completionTime = this.#now();
      this.#runningTimer?.cancel();
      this.#stopListening();
      this.#materials.release();
      this.#deps.progress.end(this.uid);
      this.#hasEnded = true;
      this.#setEnded();
      // What is left of a slot is in nobody's way: no other will have its name.
      void this.#cleanUp();
      const { exitCode, signal } = this.#exit ?? {};
      this.#deps.log.debug('slice ended', { slice: this.name, exitCode, signal });
    }
    this.#deps.changed();
  }

  async #cleanUp(): Promise<void> {
    try {
      await this.#control?.close();
      await rm(this.#deps.spawner.agentDirectory(this.slot), { recursive: true, force: true });
      await this.#deps.exchange.close(this.slot);
    } catch (cause) {
      this.#deps.log.warn('slot not cleaned up', { slot: this.slot, error: String(cause) });
    }
  }

  #reportRunning(): void {
    if (this.#hasEnded || this.#startTime === undefined) return;
    this.#isToldRunning = true;
    this.#deps.writer.put(this.slice, { phase: 'Running', startTime: this.#startTime });
  }

  #now(): string {
    return new Date(this.#deps.clock.now()).toISOString();
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof LaunchError) return cause.reason;
  if (cause instanceof SpawnError) return cause.reason === 'Refused' ? 'LaunchRefused' : 'LaunchFailed';
  return 'LaunchFailed';
}
