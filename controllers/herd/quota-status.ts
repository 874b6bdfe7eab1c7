// How much of its object quotas a herd has used, told in its status. The counters that quotas are held by are not readable
// through the API; what is told here is what the caches hold, and follows within a second.
import { isDeepStrictEqual } from 'node:util';
import { type Herd, kindInfos, kinds, resourceOf } from '../../apis/index.ts';
import { type ControllerContext, type FollowedKinds, orGone, type Result } from '../kit/index.ts';

/** A herd in which much happens is told of once in so long. */
const tellMsMin = 1_000;
const prefixOfNames = 'count/';
/** Herds whose last telling is remembered; forgetting one costs a write that comes sooner. */
const toldMax = 10_000;

type Quota = NonNullable<NonNullable<Herd['status']>['quota']>;

/** Tells of herds' usage. */
export class QuotaStatus {
  readonly #context: ControllerContext;
  readonly #followed: FollowedKinds;
  readonly #toldMs = new Map<string, number>();

  constructor(context: ControllerContext, followed: FollowedKinds) {
    this.#context = context;
    this.#followed = followed;
  }

  /** Brings the herd's status up to date, unless that was done a moment ago: then it wants to be asked again. */
  async tell(herd: Herd, signal: AbortSignal): Promise<Result> {
    const { client, clock } = this.#context;
    const { name = '', uid = '' } = herd.metadata;
    const quota = await this.#usage(herd, signal);
    if (isDeepStrictEqual(quota, herd.status?.quota)) return {};
    const waitMs = (this.#toldMs.get(uid) ?? Number.NEGATIVE_INFINITY) + tellMsMin - clock.monotonicMs();
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    if (this.#toldMs.size >= toldMax) this.#toldMs.clear();
    this.#toldMs.set(uid, clock.monotonicMs());
    const body = { metadata: { uid }, status: { quota: patchOf(herd.status?.quota, quota) } };
    await orGone(client.patch(kinds.herds, { name }, { type: 'merge', body }, { subresource: 'status' }));
    return {};
  }

  async #usage(herd: Herd, signal: AbortSignal): Promise<Quota | undefined> {
    const hard = herd.spec?.quota?.objects;
    if (hard === undefined || Object.keys(hard).length === 0) return undefined;
    const used: Record<string, string> = {};
    for (const name of Object.keys(hard)) {
      const count = await this.#count(name.slice(prefixOfNames.length), herd.metadata.name ?? '', signal);
      used[name] = String(count);
    }
    return { hard, used };
  }

  async #count(resource: string, herd: string, signal: AbortSignal): Promise<number> {
    const followed = this.#followed.all().find(({ kind }) => resourceOf(kind) === resource);
    if (followed !== undefined) {
      followed.informer.addIndexer('herd', ({ metadata: { namespace } }) =>
        namespace === undefined ? [] : [namespace],
      );
      return followed.informer.byIndex('herd', herd).length;
    }
    // Events and leases come and go all the time and are not followed.
    const kind = kindInfos.find((info) => resourceOf(info) === resource && info.scope === 'Namespaced');
    if (kind === undefined || kind.projectionOf !== undefined) return 0;
    const { items, metadata } = await this.#context.client.list(kind, {
      namespace: herd,
      limit: 1,
      metadataOnly: true,
      signal,
    });
    return items.length + (metadata.remainingItemCount ?? 0);
  }
}

/** A merge patch: what is no longer limited goes. */
function patchOf(before: Quota | undefined, quota: Quota | undefined): object | null {
  if (quota === undefined) return null;
  const none = (old: object = {}) => Object.fromEntries(Object.keys(old).map((name) => [name, null]));
  return {
    hard: { ...none(before?.hard), ...quota.hard },
    used: { ...none(before?.used), ...quota.used },
  };
}
