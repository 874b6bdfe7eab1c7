// The agent's heart: slices bound to this node become keys of group attempts; for each key it looks at the API's and the
// node's side, lets plan() decide, and acts.
import type { Observable } from 'rxjs';
import { isApiError, type Slice } from '../apis/index.ts';
import { type Clock, type Log, type Random, runWorkers, sleep, WorkQueue } from '../base/index.ts';
import type { Endings } from './endings.ts';
import { GroupRun, mayPass } from './group-run.ts';
import { attemptId, type GroupId, groupIdOf, groupKey } from './ids.ts';
import { LaunchError, publishRequestsOf } from './launch.ts';
import { Gate, launchesMax } from './launch-gate.ts';
import { type Amounts, Ledger } from './ledger.ts';
import type { MaterialSource } from './materials.ts';
import type { LogExchange } from './member.ts';
import { type Action, isTerminal, type Orphan, plan, type SeenGroup, type SeenSlice } from './plan.ts';
import type { ProgressBoard } from './progress.ts';
import type { Slot, SlotExit, Spawner } from './spawner.ts';
import type { StatusWriter } from './status-writer.ts';

/** A change of a slice bound to this node. `initial`: it was there when the feed began. */
export interface SliceChange {
  readonly type: 'initial' | 'set' | 'gone';
  readonly slice: Slice;
}

/** What an agent works with; the caller closes it after the agent. */
export interface AgentOptions {
  readonly node: string;
  /** Frozen objects, in order; a relist after a gap counts as changes. */
  readonly slices$: Observable<SliceChange>;
  /** After the changes of a list that came anew, in the same turn. */
  readonly relists$: Observable<void>;
  /** Tells the store which attempts this node ran or runs, and asks whether it was restored since it last knew the node. */
  readonly checkIn: (attempts: readonly string[]) => Promise<boolean>;
  readonly endings: Endings;
  readonly spawner: Spawner;
  readonly exchange: LogExchange;
  readonly materials: MaterialSource;
  readonly writer: StatusWriter;
  readonly progress: ProgressBoard;
  readonly allocatable: Amounts;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const reconcilersMax = 16;
const backoff = { baseMs: 20, capMs: 10_000 };
/** A node's rights follow its slices; an answer of Forbidden for longer is no delay but a refusal. */
const forbiddenTriesMax = 6;
const slotNameBytesMax = 24;
/** What a restored store has forgotten runs on for so long, until its scheduler has placed it here again. */
export const heldMsMax = 60_000;
/** No key of a group. */
const checkInKey = 'check-in';
/** How long the last statuses may take when the agent stops. */
const lastWritesMsMax = 2_000;

interface Group {
  readonly id: GroupId;
  readonly slices: Map<string, Slice>;
  local?: GroupRun;
  /** See SeenLocal.heldMs. */
  heldUntilMs?: number;
}

/** Runs the slices bound to one node: makes what is the same as what should be, until closed. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #queue: WorkQueue;
  readonly #groups = new Map<string, Group>();
  readonly #orphans = new Map<string, Orphan>();
  /** Slices of the last list that came anew, as long as it is not known whether the store was restored. */
  #unproven: ReadonlySet<string> | undefined;
  readonly #exits = new Map<Slot, (exit: SlotExit) => void>();
  readonly #ledger: Ledger;
  readonly #launches = new Gate(launchesMax);
  #isStopping = false;
  #slots = 0;
  #order = 0;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({ clock: options.clock, random: options.random, backoff });
    this.#ledger = new Ledger(options.allocatable);
  }

  /** Works until `signal` aborts, then ends its slices and says that they are lost; rejects on a bug. */
  async run(signal: AbortSignal): Promise<void> {
    const { slices$, spawner, writer } = this.#options;
    const subscriptions = [
      slices$.subscribe((change) => this.#take(change)),
      this.#options.relists$.subscribe(() => this.#relisted()),
      spawner.exits$.subscribe((exit) => this.#exits.get(exit.slot)?.(exit)),
    ];
    const stop = (): void => {
      this.#isStopping = true;
      this.#queue.shutDown();
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const writing = writer.run();
    try {
      await Promise.race([runWorkers(this.#queue, reconcilersMax, (key) => this.#reconcile(key)), writing]);
    } finally {
      stop();
      signal.removeEventListener('abort', stop);
      await this.#abandon();
      for (const subscription of subscriptions) subscription.unsubscribe();
      const timeout = new AbortController();
      await Promise.race([
        writer.stop().then(() => writing),
        sleep(this.#options.clock, lastWritesMsMax, timeout.signal).catch(() => {}),
      ]);
      timeout.abort();
    }
  }

  async #abandon(): Promise<void> {
    const running = [...this.#groups.values()].flatMap(({ local }) => (local === undefined ? [] : [local]));
    const message = 'the agent was stopped, and its slices with it';
    for (const slices of await Promise.all(running.map((local) => local.abandon())))
      for (const slice of slices) {
        const newest = this.#groups.get(groupKey(groupIdOf(slice)))?.slices.get(slice.metadata.uid ?? '');
        this.#options.writer.put(newest ?? slice, { phase: 'Lost', reason: 'AgentStopped', message });
      }
  }

  #take({ type, slice }: SliceChange): void {
    const uid = slice.metadata.uid ?? '';
    if (slice.spec.nodeName !== this.#options.node && type !== 'gone') return;
    const id = groupIdOf(slice);
    const key = groupKey(id);
    const group = this.#groups.get(key) ?? { id, slices: new Map<string, Slice>() };
    this.#groups.set(key, group);
    const isEnded = isTerminal({ phase: slice.status?.phase ?? 'Pending' });
    if (type === 'initial' && !isEnded) this.#orphans.set(uid, 'AgentRestarted');
    if (type === 'gone' || isEnded) this.#orphans.delete(uid);
    if (type === 'gone') group.slices.delete(uid);
    else group.slices.set(uid, slice);
    this.#options.writer.observe(uid, type === 'gone' ? undefined : slice);
    this.#queue.add(key);
  }

  /** What ran here and runs, as the store is told of it. */
  get attempts(): readonly string[] {
    const running = [...this.#groups.values()]
      .filter(({ local }) => local !== undefined)
      .map(({ id }) => attemptId(id));
    return [...new Set([...this.#options.endings.attempts, ...running])];
  }

  #relisted(): void {
    this.#options.writer.relisted();
    this.#unproven = new Set([...this.#groups.values()].flatMap(({ slices }) => [...slices.keys()]));
    this.#queue.add(checkInKey);
  }

  // A store that forgot the end of a slice would have it run again, and one that forgot a slice would let it be killed.
  async #checkIn(unproven: ReadonlySet<string>): Promise<void> {
    const { checkIn, clock, log } = this.#options;
    const isRestored = await checkIn(this.attempts);
    // Listed anew meanwhile: that list is asked about next.
    if (this.#unproven !== unproven) return;
    this.#unproven = undefined;
    if (isRestored) log.info('the store was restored', { slices: unproven.size });
    for (const [key, group] of this.#groups) {
      if (isRestored && group.local !== undefined) group.heldUntilMs = clock.monotonicMs() + heldMsMax;
      else if (isRestored)
        for (const uid of group.slices.keys()) if (unproven.has(uid)) this.#orphans.set(uid, 'StoreRestored');
      this.#queue.add(key);
    }
  }

  async #reconcile(key: string): Promise<void> {
    if (key === checkInKey) return this.#tryToCheckIn();
    const group = this.#groups.get(key);
    // What ends while the agent stops was ended by that, and is no failure.
    if (group === undefined || this.#isStopping) return;
    try {
      for (const action of plan(this.#observe(group))) await this.#act(key, group, action);
      this.#queue.forget(key);
    } catch (cause) {
      if (!mayPass(cause)) throw cause;
      this.#options.log.warn('group waits', { group: key, error: String(cause) });
      this.#queue.addRateLimited(key);
    }
    if (group.slices.size === 0 && group.local === undefined) this.#groups.delete(key);
  }

  async #tryToCheckIn(): Promise<void> {
    try {
      if (this.#unproven !== undefined && !this.#isStopping) await this.#checkIn(this.#unproven);
      this.#queue.forget(checkInKey);
    } catch (cause) {
      if (!isApiError(cause)) throw cause;
      this.#options.log.warn('not known yet whether the store was restored', { error: cause.message });
      this.#queue.addRateLimited(checkInKey);
    }
  }

  #observe(group: Group): SeenGroup {
    const ended = group.local === undefined ? this.#options.endings.get(attemptId(group.id)) : undefined;
    const slices = [...group.slices.values()];
    const live = slices.filter((slice) => !isTerminal({ phase: this.#phaseOf(slice) }));
    const misfit = group.local === undefined ? this.#ledger.misfit(amountsOf(live)) : undefined;
    return {
      slices: slices.map(
        (slice): SeenSlice => ({
          uid: slice.metadata.uid ?? '',
          name: slice.metadata.name ?? '',
          step: slice.spec.step,
          phase: this.#phaseOf(slice),
          isDeleting: slice.metadata.deletionTimestamp !== undefined,
          ...orphanOf(this.#orphans.get(slice.metadata.uid ?? '')),
        }),
      ),
      size: slices[0]?.spec.groupSize ?? 1,
      isUncertain: this.#unproven !== undefined,
      ...(ended === undefined ? {} : { ended }),
      ...(group.local === undefined ? {} : { local: { ...group.local.seen(), ...this.#heldOf(group) } }),
      ...(misfit === undefined ? {} : { misfit }),
    };
  }

  #heldOf({ heldUntilMs }: Group): { readonly heldMs?: number } {
    if (heldUntilMs === undefined) return {};
    return { heldMs: Math.max(0, heldUntilMs - this.#options.clock.monotonicMs()) };
  }

  // What was decided counts, acknowledged or not.
  #phaseOf(slice: Slice): SeenSlice['phase'] {
    const { writer } = this.#options;
    return writer.statusOf(slice.metadata.uid ?? '')?.phase ?? slice.status?.phase ?? 'Pending';
  }

  async #act(key: string, group: Group, action: Action): Promise<void> {
    switch (action.do) {
      case 'start':
        return this.#start(key, group);
      case 'kill':
        return group.local?.kill(action.cause);
      case 'look-again':
        return this.#queue.addAfter(key, action.afterMs);
      case 'finish':
        return this.#finish(key, group);
      case 'adopt':
        group.local?.adopt([...group.slices.values()]);
        return this.#queue.add(key);
      case 'discard':
        return this.#discard(group);
      case 'report': {
        const slice = group.slices.get(action.uid);
        if (slice !== undefined) this.#report(slice, action.status);
        return undefined;
      }
    }
  }

  async #start(key: string, group: Group): Promise<void> {
    const { writer, log } = this.#options;
    const slices = [...group.slices.values()];
    if (writer.isFull) return this.#queue.addRateLimited(key);
    const local = new GroupRun(group.id, slices, {
      ...this.#options,
      launches: this.#launches,
      nextSlot: (step) => `${++this.#slots}-${step.slice(0, slotNameBytesMax)}`.replace(/-+$/, ''),
      nextOrder: () => this.#order++,
      changed: () => this.#queue.add(key),
      onExit: (slot, listener) => {
        this.#exits.set(slot, listener);
        return () => this.#exits.delete(slot);
      },
    });
    group.local = local;
    this.#ledger.reserve(key, amountsOf(slices));
    try {
      await local.start();
      log.debug('group started', { group: key, slices: slices.length });
      this.#queue.add(key);
    } catch (cause) {
      delete group.local;
      this.#ledger.release(key);
      const isRefused = cause instanceof LaunchError || this.#isForbidden(key, cause);
      if (!isRefused) throw cause;
      const reason = cause instanceof LaunchError ? cause.reason : 'Forbidden';
      const message = cause instanceof Error ? cause.message : String(cause);
      for (const slice of slices) this.#report(slice, { phase: 'Failed', reason, message });
    }
  }

  #isForbidden(key: string, cause: unknown): boolean {
    return isApiError(cause, 'Forbidden') && this.#queue.failures(key) >= forbiddenTriesMax;
  }

  async #finish(key: string, group: Group): Promise<void> {
    const { local } = group;
    if (local === undefined) return;
    this.#ledger.release(key);
    const reports = await local.finish();
    if (local.endedByItself)
      await this.#options.endings.put(
        attemptId(group.id),
        new Map(reports.map(({ slice, status }) => [slice.spec.step, status])),
      );
    for (const { slice, status } of reports) {
      // The newest version known: its status will be written on it.
      this.#report(group.slices.get(slice.metadata.uid ?? '') ?? slice, status);
    }
    delete group.local;
    delete group.heldUntilMs;
  }

  #report(slice: Slice, status: Parameters<StatusWriter['put']>[1]): void {
    const { log, writer } = this.#options;
    if (status.phase !== 'Succeeded')
      log.info('slice did not succeed', {
        slice: slice.metadata.name,
        phase: status.phase,
        reason: status.reason,
        error: status.message,
      });
    writer.put(slice, status);
  }

  // Staging of an attempt that ended with the former agent; its run may be gone, and then so is the need.
  async #discard(group: Group): Promise<void> {
    const { materials, spawner, log } = this.#options;
    const slice = [...group.slices.values()][0];
    if (slice === undefined) return;
    try {
      const { run, herdUid } = await materials.run(group.id, slice.spec.run);
      for (const { staging } of publishRequestsOf(group.id, run, herdUid)) await spawner.discard(staging);
    } catch (cause) {
      log.warn('staging of a lost attempt not discarded', { slice: slice.metadata.name, error: String(cause) });
    }
  }
}

function orphanOf(orphan: Orphan | undefined): Pick<SeenSlice, 'orphan'> {
  return orphan === undefined ? {} : { orphan };
}

function amountsOf(slices: readonly Slice[]): Amounts {
  return {
    cpuMillis: slices.reduce((sum, { spec }) => sum + (spec.cpuMillis ?? 0), 0),
    memoryBytes: slices.reduce((sum, { spec }) => sum + (spec.memoryBytes ?? 0), 0),
    slices: slices.length,
  };
}
