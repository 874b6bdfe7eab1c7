import { type ApiObject, type Herd, type Kind, type KindInfo, kinds, resourceOf } from '../../apis/index.ts';
import {
  Controller,
  type ControllerContext,
  FollowedKinds,
  isEnded,
  keyOf,
  orGone,
  type Result,
  timestamp,
} from '../kit/index.ts';
import { conditionsAfter } from './conditions.ts';
import { lookInto } from './emptying.ts';
import { type HerdAction, planHerd } from './plan.ts';
import { QuotaStatus } from './quota-status.ts';

/** Deletions that are under way at a time. */
const deletionsMax = 8;
/** Waits of a herd that does not get empty, doubling. Nearly all that can happen in it wakes it sooner. */
const lookMsMin = 1_000;
const lookMsMax = 60_000;
/** What is left of one is told once in so long: slices may end one by one. */
const tellMsMin = 1_000;

/** The herd controller: phase Active, the usage of quotas, and the emptying of herds that are deleted. */
export function herdController(
  context: ControllerContext,
  followed: FollowedKinds = new FollowedKinds(context.informers),
): Controller {
  const { client, clock, informers } = context;
  const herds = informers.of(kinds.herds);
  const slices = informers.of(kinds.slices);
  const quotas = new QuotaStatus(context, followed);
  /** How long herds that end wait for their next look, and when they were last told of, by uid. */
  const waits = new Map<string, number>();
  const toldMs = new Map<string, number>();

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const herd = herds.get({ name });
    if (herd === undefined) return {};
    if (herd.metadata.deletionTimestamp !== undefined) return empty(herd, signal);
    for (const action of planHerd(herd, [])) await act(herd, action);
    return quotas.tell(herd, signal);
  }

  /** Deletes what may go now, as long as that leads on; then says what is left. */
  async function empty(herd: Herd, signal: AbortSignal): Promise<Result> {
    const { uid = '' } = herd.metadata;
    for (;;) {
      const found = await lookInto(client, herd, signal);
      if (found === undefined) return done(uid);
      const actions = planHerd(herd, found.left);
      const isFinished = actions.some((action) => action.do === 'finish');
      if (isFinished && found.undiscovered === undefined) {
        for (const action of actions) await act(herd, action);
        return done(uid);
      }
      const causes = await all(
        actions.filter((action) => action.do !== 'finish').map((action) => () => act(herd, action)),
      );
      const failures = [...new Set(causes.map(({ message }) => message))];
      const isStuck = causes.length > 0 || found.undiscovered !== undefined;
      if (actions.length > 0 && !isStuck) continue;
      const untoldMs = await tell(herd, { ...found, failures, nodes: nodesOf(herd) });
      if (isStuck) throw causes[0] ?? new Error(`not all kinds are known: ${found.undiscovered ?? ''}`);
      const waitMs = waits.get(uid) ?? lookMsMin;
      waits.set(uid, Math.min(waitMs * 2, lookMsMax));
      return { requeueAfterMs: Math.min(waitMs, untoldMs ?? waitMs) };
    }
  }

  function done(uid: string): Result {
    waits.delete(uid);
    toldMs.delete(uid);
    return {};
  }

  async function act(herd: Herd, action: HerdAction): Promise<unknown> {
    const ref = { name: herd.metadata.name ?? '' };
    const { uid = '' } = herd.metadata;
    switch (action.do) {
      case 'activate': {
        const body = { metadata: { uid }, status: { phase: 'Active' } };
        return orGone(client.patch(kinds.herds, ref, { type: 'merge', body }, { subresource: 'status' }));
      }
      case 'delete':
        return remove(action.kind, action.object);
      case 'finish': {
        const body = { metadata: { uid }, spec: { finalizers: [] } };
        return orGone(client.patch(kinds.herds, ref, { type: 'merge', body }));
      }
    }
  }

  function remove(
    kind: Kind<ApiObject>,
    { metadata: { namespace = '', name = '', uid = '' } }: ApiObject,
  ): Promise<unknown> {
    return orGone(
      client.delete(kind, { namespace, name }, { propagationPolicy: 'Background', preconditions: { uid } }),
    );
  }

  /** Tells what is left, or gives in how long that may be told. */
  async function tell(herd: Herd, account: Parameters<typeof conditionsAfter>[1]): Promise<number | undefined> {
    const { name = '', uid = '' } = herd.metadata;
    const conditions = conditionsAfter(herd.status?.conditions ?? [], account, timestamp(clock.now()));
    if (conditions === undefined) return undefined;
    const soonMs = (toldMs.get(uid) ?? Number.NEGATIVE_INFINITY) + tellMsMin - clock.monotonicMs();
    if (soonMs > 0) return soonMs;
    toldMs.set(uid, clock.monotonicMs());
    const body = { metadata: { uid }, status: { conditions } };
    await orGone(client.patch(kinds.herds, { name }, { type: 'merge', body }, { subresource: 'status' }));
    return undefined;
  }

  function nodesOf({ metadata: { name } }: Herd): readonly string[] {
    const live = slices.list(name).filter((slice) => !isEnded(slice));
    return [...new Set(live.flatMap(({ spec: { nodeName } }) => nodeName ?? []))].sort();
  }

  const controller = new Controller(context, { name: 'herd', reconcile, workers: 2 })
    .watch(herds, (herd) => [keyOf(herd)])
    .watch(followed.definitions, () => []);
  followed.listen({
    ended() {
      for (const herd of herds.list())
        if (herd.metadata.deletionTimestamp !== undefined) controller.enqueue(keyOf(herd));
    },
    began({ kind, informer }) {
      if (kind.scope === 'Namespaced')
        controller.watch(informer, ({ metadata: { namespace = '' } }) =>
          isConcerned(kind, namespace) ? [namespace] : [],
        );
    },
  });
  return controller;

  function isConcerned(kind: KindInfo, name: string): boolean {
    const herd = herds.get({ name });
    return (
      herd !== undefined &&
      (herd.metadata.deletionTimestamp !== undefined ||
        herd.spec?.quota?.objects?.[`count/${resourceOf(kind)}`] !== undefined)
    );
  }
}

/** Does all, so many at a time, and gives what failed. */
async function all(works: readonly (() => Promise<unknown>)[]): Promise<readonly Error[]> {
  const causes: Error[] = [];
  const waiting = [...works];
  const next = async (): Promise<void> => {
    for (let work = waiting.shift(); work !== undefined; work = waiting.shift())
      await work().catch((cause: unknown) => causes.push(cause instanceof Error ? cause : new Error(String(cause))));
  };
  await Promise.all(Array.from({ length: Math.min(deletionsMax, works.length) }, next));
  return causes;
}
