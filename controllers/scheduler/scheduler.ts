// Runs rounds of `schedule` whenever something changed that could matter, binds what it decides and says why the rest waits.
import { type ApiObject, isApiError, kinds, type Slice } from '../../apis/index.ts';
import { backoffMs, sleep } from '../../base/index.ts';
import type { Informer, InformerEvent } from '../../client/index.ts';
import {
  Controller,
  type ControllerContext,
  isEnded,
  isHerdGoing,
  keyOf,
  type Result,
  refOfKey,
} from '../kit/index.ts';
import { Ledger } from './ledger.ts';
import type { Decision, PendingGroup, Policy, Unplaced } from './model.ts';
import {
  attemptsOf,
  awaitsReports,
  groupKeyOf,
  herdState,
  isPending,
  nodeState,
  pendingGroup,
  volumesOf,
} from './observe.ts';
import { type Note, shapeOf, tellInMs } from './pending-notes.ts';
import { schedule } from './schedule.ts';

/** Bindings on their way at a time. */
const bindsMax = 32;
const runVolumesMax = 1_000;
const listBackoff = { baseMs: 100, capMs: 5_000 };
const round = 'round';
type RunVolumes = ReturnType<typeof volumesOf>;
const policy: Policy = { score: 'bestFit' };

/** The one scheduler that binds, while its `epoch` (of the lease that it was given) stands. */
export class Scheduler {
  readonly #context: ControllerContext;
  readonly #epoch: string;
  readonly #controller: Controller;
  readonly #slices: Informer<Slice>;
  readonly #ledger = new Ledger();
  /** What plans need, by uid of their run; forgotten at `runVolumesMax`, which costs only reading them again. */
  readonly #volumes = new Map<string, RunVolumes>();
  /** Uids of runs that the last round missed. */
  #missingRuns = new Set<string>();
  /** Keys of slices that wait for a node. */
  readonly #pending = new Set<string>();
  /** What was told of groups that wait; those that wait no more are dropped every round. */
  #notes = new Map<string, Note>();
  #rounds = 0;
  /** When anything was bound last. */
  #placedMs = Number.NEGATIVE_INFINITY;

  constructor(context: ControllerContext, epoch: string) {
    this.#context = context;
    this.#epoch = epoch;
    this.#slices = context.informers.of(kinds.slices);
    this.#slices.addIndexer('group', (slice) => [groupKeyOf(slice)]);
    const wake = (): readonly string[] => [round];
    this.#controller = new Controller(context, { name: 'scheduler', reconcile: () => this.#round() })
      .watch(this.#slices, wake)
      .watch(context.informers.of(kinds.nodes), wake)
      .watch(context.informers.of(kinds.herds), wake)
      .watch(context.informers.of(kinds.runs), (run) => (this.#awaitsRun(run) ? [round] : []));
  }

  /** Schedules until `signal` aborts. What is in use is counted from a list taken after the epoch began. */
  async run(signal: AbortSignal): Promise<void> {
    if (!(await this.#count(signal))) return;
    const subscription = this.#slices.events$.subscribe((event) => this.#observe(event));
    try {
      await this.#controller.run(signal);
    } finally {
      subscription.unsubscribe();
    }
  }

  /** Counts what is in use; false when the signal came before the API answered. */
  async #count(signal: AbortSignal): Promise<boolean> {
    const { client, clock, random, log } = this.#context;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const { items } = await client.list(kinds.slices, { signal });
        for (const slice of items) this.#ledger.observe(slice);
        return true;
      } catch (cause) {
        if (signal.aborted) break;
        log.warn('cannot list slices, will try again', { cause: String(cause) });
        await sleep(clock, backoffMs(attempt, listBackoff, random), signal).catch(() => {});
      }
    }
    return false;
  }

  #observe({ type, object }: InformerEvent<Slice>): void {
    const key = keyOf(object);
    if (type === 'deleted') this.#ledger.forget(object);
    else this.#ledger.observe(object);
    if (type !== 'deleted' && isPending(object) && this.#ledger.nodeOf(object) === undefined) this.#pending.add(key);
    else this.#pending.delete(key);
  }

  /** Runs change often; only one whose slices came before it in our caches is waited for. */
  #awaitsRun(run: ApiObject): boolean {
    return this.#pending.size > 0 && this.#missingRuns.has(run.metadata.uid ?? '');
  }

  async #round(): Promise<Result> {
    const nodeObjects = this.#context.informers.of(kinds.nodes).list();
    if (awaitsReports(nodeObjects)) return {};
    const groups = this.#gather(attemptsOf(nodeObjects));
    if (groups.length === 0) {
      this.#notes.clear();
      return {};
    }
    const { informers, clock, log } = this.#context;
    const nodes = nodeObjects.map((node) => nodeState(node, this.#ledger.usedOfNode(node.metadata.name ?? '')));
    const herds = informers
      .of(kinds.herds)
      .list()
      .map((herd) => herdState(herd, this.#ledger.usedOfHerd(herd.metadata.name ?? '')));
    nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
    herds.sort((a, b) => (a.name < b.name ? -1 : 1));
    const { decisions, unplaced, inputHash, outputHash } = schedule(
      { nodes, herds },
      groups,
      policy,
      ++this.#rounds,
      clock.now(),
    );
    log.debug('scheduled', { decisions: decisions.length, unplaced: unplaced.length, inputHash, outputHash });
    await this.#bindAll(groups, decisions);
    return this.#explainAll(groups, unplaced);
  }

  /** The groups that can be placed, oldest first. */
  #gather(attempts: ReadonlyMap<string, string>): readonly PendingGroup[] {
    const keys = new Map<string, { readonly created: string; readonly key: string }>();
    this.#missingRuns = new Set();
    if (this.#volumes.size >= runVolumesMax) this.#volumes.clear();
    for (const sliceKey of this.#pending) {
      const slice = this.#slices.get(refOfKey(sliceKey));
      if (slice === undefined) continue;
      const key = groupKeyOf(slice);
      if (!keys.has(key)) keys.set(key, { created: slice.metadata.creationTimestamp ?? '', key });
    }
    const ordered = [...keys.values()].sort((a, b) => compare(a.created, b.created) || compare(a.key, b.key));
    return ordered.flatMap(({ key }) => {
      const members = this.#slices.byIndex('group', key);
      return pendingGroup(members, this.#volumesOf(members[0]), (slice) => this.#ledger.nodeOf(slice), attempts) ?? [];
    });
  }

  /** The volumes of a slice's run, by group; undefined as long as the run is not known. */
  #volumesOf(slice: Slice | undefined): RunVolumes | undefined {
    if (slice?.spec.runUID === undefined) return undefined;
    const { run: name, runUID } = slice.spec;
    const known = this.#volumes.get(runUID);
    if (known !== undefined) return known;
    const run = this.#context.informers.of(kinds.runs).get({ namespace: slice.metadata.namespace ?? '', name });
    if (run?.metadata.uid !== runUID) {
      this.#missingRuns.add(runUID);
      return undefined;
    }
    const volumes = volumesOf(run);
    this.#volumes.set(runUID, volumes);
    return volumes;
  }

  async #bindAll(groups: readonly PendingGroup[], decisions: readonly Decision[]): Promise<void> {
    const herdOf = new Map(groups.map(({ key, herd }) => [key, herd]));
    const binds = decisions.flatMap(({ group, node, slices }) =>
      slices.map((name) => ({ ref: { namespace: herdOf.get(group) ?? '', name }, node })),
    );
    const causes: Error[] = [];
    const next = async (): Promise<void> => {
      for (let bind = binds.shift(); bind !== undefined; bind = binds.shift()) {
        const slice = this.#slices.get(bind.ref);
        if (slice === undefined) continue;
        await this.#bind(slice, bind.node).catch((cause: unknown) => {
          causes.push(cause instanceof Error ? cause : new Error(String(cause)));
        });
      }
    };
    await Promise.all(Array.from({ length: Math.min(bindsMax, binds.length) }, next));
    const worst = causes.find((cause) => !isApiError(cause, 'Conflict')) ?? causes[0];
    if (worst !== undefined) throw worst;
  }

  async #bind(slice: Slice, nodeName: string): Promise<void> {
    const { namespace = '', name = '', resourceVersion = '' } = slice.metadata;
    try {
      await this.#context.client.bind({ namespace, name }, { nodeName, resourceVersion, epoch: this.#epoch });
    } catch (cause) {
      // Gone meanwhile, or going with its herd: its event is on the way.
      if (isApiError(cause, 'NotFound') || isHerdGoing(cause)) return;
      throw cause;
    }
    this.#placedMs = this.#context.clock.monotonicMs();
    // The cache may have run ahead of the answer, even to the slice's end.
    const seen = this.#slices.get({ namespace, name });
    if (seen === undefined || seen.metadata.uid !== slice.metadata.uid || isEnded(seen)) return;
    this.#ledger.bind(slice, nodeName);
    this.#pending.delete(keyOf(slice));
  }

  async #explainAll(groups: readonly PendingGroup[], unplaced: readonly Unplaced[]): Promise<Result> {
    const nowMs = this.#context.clock.monotonicMs();
    const byKey = new Map(groups.map((group) => [group.key, group]));
    const notes = new Map<string, Note>();
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const one of unplaced) {
      const note = this.#notes.get(one.group) ?? { sinceMs: nowMs };
      const inMs = tellInMs(one, note, this.#placedMs, nowMs);
      const group = byKey.get(one.group);
      if (inMs === 0 && group !== undefined) {
        await this.#explain(group, one.message);
        notes.set(one.group, { ...note, told: { message: one.message, shape: shapeOf(one.message), atMs: nowMs } });
        continue;
      }
      notes.set(one.group, note);
      if (inMs !== undefined) soonestMs = Math.min(soonestMs, inMs);
    }
    this.#notes = notes;
    return Number.isFinite(soonestMs) ? { requeueAfterMs: soonestMs } : {};
  }

  async #explain(group: PendingGroup, message: string): Promise<void> {
    const { client, recorder } = this.#context;
    for (const [index, name] of group.slices.entries()) {
      const ref = { namespace: group.herd, name };
      const slice = this.#slices.get(ref);
      if (slice === undefined) continue;
      // A new scheduler finds what the one before it told.
      if (slice.status?.message === message) continue;
      if (index === 0) recorder.warn(slice, 'Unschedulable', message);
      // With the version: should it have been placed meanwhile, it does not wait.
      const { resourceVersion } = slice.metadata;
      const body = { metadata: { resourceVersion }, status: { phase: 'Pending', reason: 'Unschedulable', message } };
      await client
        .patch(kinds.slices, ref, { type: 'merge', body }, { subresource: 'status' })
        .catch((cause: unknown) => {
          if (!isApiError(cause, 'NotFound', 'Conflict')) throw cause;
        });
    }
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
