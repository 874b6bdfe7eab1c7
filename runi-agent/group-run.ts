// One group attempt on this node: its slices start together, and what they made appears only when all did well.
import { isApiError, type Slice } from '../apis/index.ts';
import { present, sleep } from '../base/index.ts';
import type { GroupId } from './ids.ts';
import { type EndCause, type FinalStatus, failureOf, judge } from './judge.ts';
import { LaunchError, type Materials, planGroupOf, planStepOf, publishRequestsOf } from './launch.ts';
import type { Gate } from './launch-gate.ts';
import type { MaterialSource, RunView } from './materials.ts';
import { Member, type MemberDeps } from './member.ts';
import type { SeenLocal } from './plan.ts';
import { type PublishRequest, type Slot, SpawnError } from './spawner.ts';

/** How long the ends of killed slices are waited for when the agent stops. */
const abandonMsMax = 2_000;

/** What a group works with; it closes none of it. */
export interface GroupDeps extends MemberDeps {
  readonly materials: MaterialSource;
  readonly launches: Gate;
  readonly nextSlot: (step: string) => Slot;
}

/** A slice and what it came to. */
export interface Report {
  readonly slice: Slice;
  readonly status: FinalStatus;
}

/** One attempt of one group on this node, from its launch until it is discarded. */
export class GroupRun {
  readonly id: GroupId;
  #slices: readonly Slice[];
  readonly #deps: GroupDeps;
  #members: readonly Member[] = [];
  #view: RunView | undefined;
  #refusals = new Map<string, LaunchError>();
  #isKilled = false;
  #cause: EndCause | undefined;
  #feltSinceMs: number | undefined;

  constructor(id: GroupId, slices: readonly Slice[], deps: GroupDeps) {
    this.id = id;
    this.#slices = slices;
    this.#deps = deps;
  }

  /** How the group stands; asks the clock, since a felt failure is given a moment. */
  seen(): SeenLocal {
    const members = this.#members.map((member) => member.seen);
    const nowMs = this.#deps.clock.monotonicMs();
    if (members.some((member) => member.failure === 'felt')) this.#feltSinceMs ??= nowMs;
    return { isKilled: this.#isKilled, members, feltForMs: nowMs - (this.#feltSinceMs ?? nowMs) };
  }

  /**
   * Fetches what is needed and launches all slices. What the API may answer differently later is thrown, and then nothing
   * was started; what is wrong for good makes the group fail.
   */
  async start(): Promise<void> {
    const view = await this.#deps.materials.run(this.id, present(this.#slices[0], 'slice of a group').spec.run);
    this.#view = view;
    this.#members = await this.#prepare(view);
    await Promise.all(
      this.#members.map((member) =>
        this.#deps.launches.run(async () => {
          const refusal = this.#refusals.get(member.uid);
          if (refusal !== undefined) member.refuse(refusal.reason, refusal.message);
          else if (this.#refusals.size > 0 || this.#hasFailed()) member.skip();
          else await member.launch();
        }),
      ),
    );
  }

  /** Whether it came to its end by itself: nobody cancelled it, and its slices were not gone. */
  get endedByItself(): boolean {
    return this.#cause === undefined;
  }

  /** From now on it runs for these slices, one for each step. */
  adopt(slices: readonly Slice[]): void {
    this.#slices = slices;
    for (const member of this.#members)
      member.serve(
        present(
          slices.find(({ spec }) => spec.step === member.step.name),
          'slice of a step',
        ),
      );
  }

  /** Kills what runs; `cause` says why when no slice of the group is to blame. */
  async kill(cause?: EndCause): Promise<void> {
    this.#isKilled = true;
    this.#cause = cause;
    await Promise.all(this.#members.map((member) => member.kill()));
  }

  /** Publishes or discards what the slices staged, when all have ended; gives their final statuses. */
  async finish(): Promise<readonly Report[]> {
    const view = present(this.#view, 'run of a started group');
    if (this.#cause === undefined && !this.#hasFailed())
      await this.#publish(publishRequestsOf(this.id, view.run, view.herdUid));
    await this.#discard(view);
    const statuses = judge(
      this.#members.map((member) => member.end()),
      this.#cause,
    );
    return this.#members.map((member, index) => ({
      slice: member.slice,
      status: present(statuses[index], 'status of a member'),
    }));
  }

  /** The agent stops: ends what runs and discards what it staged, without a word about how it went. */
  async abandon(): Promise<readonly Slice[]> {
    this.#isKilled = true;
    await Promise.allSettled(this.#members.map((member) => member.kill()));
    const timeout = new AbortController();
    const late = sleep(this.#deps.clock, abandonMsMax, timeout.signal).catch(() => {});
    await Promise.race([Promise.all(this.#members.map((member) => member.ended)), late]);
    timeout.abort();
    if (this.#view !== undefined) await this.#discard(this.#view);
    return this.#slices;
  }

  async #discard({ run, herdUid }: RunView): Promise<void> {
    for (const { staging } of publishRequestsOf(this.id, run, herdUid)) {
      await this.#deps.spawner.discard(staging).catch((cause: unknown) => {
        this.#deps.log.warn('staging not discarded', { volume: staging.volume, id: staging.id, error: String(cause) });
      });
    }
  }

  async #publish(requests: readonly PublishRequest[]): Promise<void> {
    for (const request of requests) {
      try {
        await this.#deps.spawner.publish(request);
      } catch (cause) {
        if (!(cause instanceof SpawnError) || cause.reason === 'Gone') throw cause;
        const { volume } = request.staging;
        const writer = this.#members.find((member) => member.step.outputs.some((output) => output.volume === volume));
        const reason = cause.reason === 'NotFound' ? 'SinkNotWritten' : 'SinkNotWritable';
        present(writer ?? this.#members[0], 'member of a group').refuse(reason, cause.message);
        return;
      }
    }
  }

  #hasFailed(): boolean {
    return this.#members.some((member) => member.seen.hasEnded && failureOf(member.end()) !== undefined);
  }

  async #prepare(view: RunView): Promise<readonly Member[]> {
    const prepared: { readonly slice: Slice; readonly materials: Materials & { readonly release: () => void } }[] = [];
    try {
      for (const slice of this.#slices) prepared.push({ slice, materials: await this.#fetch(slice, view) });
    } catch (cause) {
      for (const { materials } of prepared) materials.release();
      throw cause;
    }
    return prepared.map(({ slice, materials }) => {
      const step = planStepOf(view.run, slice.spec.step);
      const slot = this.#deps.nextSlot(step.name);
      return new Member({ slice, step, slot, group: this.id }, view, materials, this.#deps);
    });
  }

  async #fetch(slice: Slice, view: RunView): Promise<Materials & { readonly release: () => void }> {
    try {
      const step = planStepOf(view.run, slice.spec.step);
      this.#checkVolumes(step.name, view);
      return await this.#deps.materials.of(this.id, view, step);
    } catch (cause) {
      if (!(cause instanceof LaunchError)) throw cause;
      this.#refusals.set(slice.metadata.uid ?? '', cause);
      const none = {
        herdUid: view.herdUid,
        contracts: new Map(),
        secrets: new Map(),
        findProgram: (name: string) => name,
      };
      return { ...none, release: () => {} };
    }
  }

  // Said here in the words of the plan; the spawner would only know that a name is not there.
  #checkVolumes(stepName: string, view: RunView): void {
    const step = planStepOf(view.run, stepName);
    const offered = this.#deps.spawner.volumes(view.herdUid);
    const check = (volume: string, what: string, mustWrite: boolean): void => {
      const found = offered.find(({ name }) => name === volume);
      const names = offered.map(({ name }) => name).join(', ') || 'none';
      if (found === undefined)
        throw new LaunchError('VolumeNotFound', `${what}: this node has no volume "${volume}" (it has: ${names})`);
      if (mustWrite && !found.writable)
        throw new LaunchError('SinkNotWritable', `${what}: volume "${volume}" is read-only on this node`);
    };
    for (const input of step.inputs)
      if (input.kind === 'file') check(input.volume ?? '', input.uri ?? input.name, false);
    for (const output of step.outputs)
      if (output.kind === 'file') check(output.volume ?? '', output.uri ?? output.sink ?? '', true);
    const letters = step.runtime === 'node' ? planGroupOf(view.run, this.id.group).deadLetters : undefined;
    if (letters !== undefined) check(letters.volume, `file://${letters.volume}/${letters.path}`, true);
  }
}

/** Whether another try may go better: no answer, or one that says so. */
export function mayPass(cause: unknown): boolean {
  return isApiError(cause) && cause.reason !== 'Invalid' && cause.reason !== 'BadRequest';
}
