// Test support: controllers against an API in memory, with a clock whose hands the test turns.
import { ManualClock, seededRandom, silentLog } from '../../base/index.ts';
import { MemoryClient } from '../../client/index.ts';
import type { ControllerContext } from './context.ts';
import { Informers } from './informers.ts';
import { EventRecorder } from './recorder.ts';

/** An API and what runs against it; `end` stops all of it. */
export interface Rig {
  readonly api: MemoryClient;
  readonly clock: ManualClock;
  readonly context: ControllerContext;
  /** Runs what `make` gives until the end. */
  run(make: (context: ControllerContext) => { run(signal: AbortSignal): Promise<void> }): void;
  /** Lets time pass in steps, with all that follows from each. */
  pass(ms: number, stepMs?: number): Promise<void>;
  end(): Promise<void>;
}

/** A rig whose API has the herds of a new server. */
export function makeRig(): Rig {
  const clock = new ManualClock();
  const api = new MemoryClient({ clock });
  const deps = { client: api, clock, random: seededRandom(1), log: silentLog };
  const informers = new Informers(deps);
  const recorder = new EventRecorder({ ...deps, component: 'test' });
  const context: ControllerContext = { ...deps, informers, recorder };
  const abort = new AbortController();
  const running: Promise<void>[] = [];
  return {
    api,
    clock,
    context,
    run: (make) => void running.push(make(context).run(abort.signal)),
    async pass(ms, stepMs = 500) {
      for (let passed = 0; passed < ms; passed += stepMs) {
        clock.advance(Math.min(stepMs, ms - passed));
        await settle();
      }
    },
    async end() {
      abort.abort();
      await Promise.all(running);
      await recorder[Symbol.asyncDispose]();
      await informers[Symbol.asyncDispose]();
    },
  };
}

/** Lets the whole chain of events, reconciles and writes come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 25; turn++) await new Promise((resolve) => setImmediate(resolve));
}
