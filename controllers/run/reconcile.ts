// Runs: makes the slices whose inputs are ready, repeats what failed, folds what became of them into Run.status.
import { isDeepStrictEqual } from 'node:util';
import { isApiError, kinds, type Ref, type Run, type Slice, wellKnown } from '../../apis/index.ts';
import { assert, type Clock, type Log, present } from '../../base/index.ts';
import type { Client, Informer } from '../../client/index.ts';
import { type EventRecorder, makeFor, type Result } from '../kit/index.ts';
import { isFinished, planRun, type RunAction } from './plan.ts';
import { StatusWrites } from './status-writes.ts';

/** What the run controller works with; it closes none of it. */
export interface RunDeps {
  readonly client: Client;
  readonly recorder: Pick<EventRecorder, 'warn'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly runs: Informer<Run>;
  /** With the index `run`: `HERD/RUN`. */
  readonly slices: Informer<Slice>;
}

/** Slices of one run that are created or deleted at a time. */
const writesAtOnceMax = 16;

/** The reconciler of runs. It is the only writer of Run.status. */
export class RunReconciler {
  readonly #deps: RunDeps;
  readonly #writes: StatusWrites;
  /** What was last written, by uid: the cache may be behind it, and a decision on an old status could run a step twice. */
  readonly #written = new Map<string, Run>();

  constructor(deps: RunDeps) {
    this.#deps = deps;
    this.#writes = new StatusWrites(deps.clock);
  }

  async reconcile(ref: Ref, signal: AbortSignal): Promise<Result> {
    const cached = this.#deps.runs.get(ref);
    if (cached === undefined || cached.metadata.deletionTimestamp !== undefined) return {};
    const uid = present(cached.metadata.uid, 'uid of a run');
    if (isFinished(cached)) {
      this.#forget(uid);
      return {};
    }
    const run = await this.#newest(cached, uid, signal);
    if (run === undefined || isFinished(run)) return {};
    // Slices of a former run of this name may still be there; they are none of this one's.
    const slices = this.#deps.slices
      .byIndex('run', `${ref.namespace}/${ref.name}`)
      .filter(({ spec }) => spec.runUID === undefined || spec.runUID === uid);
    const decision = planRun(run, slices, this.#deps.clock.now());
    await this.#act(run, slices, decision.actions, signal);
    if (isDeepStrictEqual(decision.status, run.status)) return after(decision.requeueAfterMs);
    const waitMs = this.#writes.waitMs(uid);
    if (waitMs > 0) return after(Math.min(waitMs, decision.requeueAfterMs ?? waitMs));
    this.#writes.note(uid);
    this.#written.set(
      uid,
      await this.#deps.client.updateStatus(kinds.runs, { ...run, status: decision.status }, { signal }),
    );
    return after(decision.requeueAfterMs);
  }

  /** The run with the newest status this process knows of; read from the API when it has written none yet. */
  async #newest(cached: Run, uid: string, signal: AbortSignal): Promise<Run | undefined> {
    const written = this.#written.get(uid);
    if (written === undefined) {
      const { namespace, name } = cached.metadata;
      const read = await this.#deps.client
        .get(kinds.runs, refOf(namespace, name), { signal })
        .catch((error: unknown) => {
          if (isApiError(error, 'NotFound')) return undefined;
          throw error;
        });
      if (read?.metadata.uid !== uid) return undefined;
      this.#written.set(uid, read);
      return read;
    }
    return version(written) > version(cached) ? { ...written, spec: cached.spec } : cached;
  }

  async #act(run: Run, slices: readonly Slice[], actions: readonly RunAction[], signal: AbortSignal): Promise<void> {
    for (let index = 0; index < actions.length; index += writesAtOnceMax) {
      const batch = actions.slice(index, index + writesAtOnceMax);
      await Promise.all(batch.map((action) => this.#actOnce(run, slices, action, signal)));
    }
  }

  async #actOnce(run: Run, slices: readonly Slice[], action: RunAction, signal: AbortSignal): Promise<void> {
    const { client, log } = this.#deps;
    const { namespace, name } = run.metadata;
    switch (action.do) {
      case 'create': {
        const slice = sliceOf(run, action);
        await makeFor(this.#deps, run, kinds.slices, slice, signal);
        return;
      }
      case 'delete': {
        log.info('ending a slice', { herd: namespace, run: name, slice: action.slice });
        const doomed = slices.find(({ metadata }) => metadata.name === action.slice);
        const preconditions = { uid: present(doomed?.metadata.uid, 'uid of a slice') };
        await client
          .delete(kinds.slices, refOf(namespace, action.slice), { preconditions, signal })
          .catch(unless('NotFound'));
        return;
      }
    }
  }

  #forget(uid: string): void {
    this.#written.delete(uid);
    this.#writes.forget(uid);
  }
}

/** The slice of one attempt. Its name follows from run, step and attempt: made twice, it is there once. */
export function sliceOf(
  run: Run,
  action: { readonly step: string; readonly group: string; readonly attempt: number },
): Slice {
  const { namespace, name = '', uid = '', labels } = run.metadata;
  const step = run.spec.plan.steps.find((candidate) => candidate.name === action.step);
  const group = run.spec.plan.groups.find((candidate) => candidate.name === action.group);
  assert(step !== undefined && group !== undefined, `step ${action.step} or group ${action.group} is not in the plan`);
  return {
    apiVersion: 'runink.io/v1',
    kind: 'Slice',
    metadata: {
      name: `${name}-${step.name}-${action.attempt}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        [wellKnown.runLabel]: name,
        [wellKnown.pipelineLabel]: labels?.[wellKnown.pipelineLabel] ?? run.spec.pipeline.name,
        [wellKnown.stepLabel]: step.name,
      },
      ownerReferences: [
        { apiVersion: apiVersionOfRun, kind: 'Run', name, uid, controller: true, blockOwnerDeletion: true },
      ],
    },
    spec: {
      run: name,
      runUID: uid,
      step: step.name,
      group: group.name,
      groupSize: group.steps.length,
      attempt: action.attempt,
      cpuMillis: step.cpuMillis,
      memoryBytes: step.memoryBytes,
      pids: step.pids,
    },
  };
}

const apiVersionOfRun = 'runink.io/v1';

function unless(reason: 'NotFound'): (error: unknown) => void {
  return (error) => {
    if (!isApiError(error, reason)) throw error;
  };
}

function after(requeueAfterMs: number | undefined): Result {
  return requeueAfterMs === undefined ? {} : { requeueAfterMs };
}

function refOf(namespace: string | undefined, name: string | undefined): Ref {
  return { ...(namespace === undefined ? {} : { namespace }), name: present(name, 'the name of an object') };
}

function version(object: Run): number {
  return Number(object.metadata.resourceVersion);
}
