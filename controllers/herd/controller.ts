import { type ApiObject, type Condition, type Herd, type Kind, kindInfos, kinds } from '../../apis/index.ts';
import {
  Controller,
  type ControllerContext,
  customKinds,
  keyOf,
  orGone,
  type Result,
  timestamp,
} from '../kit/index.ts';
import { type HerdAction, type Leftover, planHerd } from './plan.ts';

/** How often a herd that ends is looked through; slices that go wake it sooner. */
const emptyingMs = 500;
/** Objects of one kind that are deleted in one look. */
const pageMax = 500;
const emptying = 'ContentRemaining';

const heldKinds: readonly Kind<ApiObject>[] = kindInfos.filter(
  ({ scope, projectionOf }) => scope === 'Namespaced' && projectionOf === undefined,
);

/** The herd controller: phase Active, and the emptying of herds that are deleted. */
export function herdController(context: ControllerContext): Controller {
  const { client, clock, informers } = context;
  const herds = informers.of(kinds.herds);

  async function reconcile(name: string, signal: AbortSignal): Promise<Result> {
    const herd = herds.get({ name });
    if (herd === undefined) return {};
    const isEnding = herd.metadata.deletionTimestamp !== undefined;
    const left = isEnding ? await leftIn(herd, signal) : [];
    if (left === undefined) return {};
    for (const action of planHerd(herd, left)) await act(herd, action);
    return isEnding ? { requeueAfterMs: emptyingMs } : {};
  }

  /** What is in the herd yet; undefined when it is gone, since what is found under its name is another herd's then. */
  async function leftIn(herd: Herd, signal: AbortSignal): Promise<readonly Leftover[] | undefined> {
    const namespace = herd.metadata.name ?? '';
    const left: Leftover[] = [];
    const users = (await customKinds(client, signal)).filter(({ scope }) => scope === 'Namespaced');
    for (const kind of [...heldKinds, ...users]) {
      // A user's kind may go meanwhile, with all that is of it.
      const listed = await orGone(client.list(kind, { namespace, metadataOnly: true, limit: pageMax, signal }));
      left.push({ kind, objects: listed?.items ?? [] });
    }
    // Asked last: if it is still there, it was there all the while.
    const now = await orGone(client.get(kinds.herds, { name: namespace }, { signal }));
    return now?.metadata.uid === herd.metadata.uid ? left : undefined;
  }

  async function act(herd: Herd, action: HerdAction): Promise<unknown> {
    const ref = { name: herd.metadata.name ?? '' };
    switch (action.do) {
      case 'activate': {
        const body = { status: { phase: 'Active' } };
        return orGone(client.patch(kinds.herds, ref, { type: 'merge', body }, { subresource: 'status' }));
      }
      case 'delete': {
        const { namespace = '', name = '', uid = '' } = action.object.metadata;
        const options = { propagationPolicy: 'Background', preconditions: { uid } } as const;
        return orGone(client.delete<ApiObject>(action.kind, { namespace, name }, options));
      }
      case 'tell': {
        if (herd.status?.conditions?.some(({ type, message }) => type === emptying && message === action.message))
          return undefined;
        const lastTransitionTime = timestamp(clock.now());
        const told: Condition = {
          type: emptying,
          status: 'True',
          reason: 'SomeRemain',
          message: action.message,
          lastTransitionTime,
        };
        const body = { status: { conditions: [told] } };
        return orGone(client.patch(kinds.herds, ref, { type: 'merge', body }, { subresource: 'status' }));
      }
      case 'finish':
        return orGone(
          client.patch(kinds.herds, ref, {
            type: 'merge',
            body: { metadata: { uid: herd.metadata.uid }, spec: { finalizers: [] } },
          }),
        );
    }
  }

  return new Controller(context, { name: 'herd', reconcile, workers: 2 })
    .watch(herds, (herd) => [keyOf(herd)])
    .watch(informers.of(kinds.slices), ({ metadata: { namespace = '' } }) =>
      herds.get({ name: namespace })?.metadata.deletionTimestamp === undefined ? [] : [namespace],
    );
}
