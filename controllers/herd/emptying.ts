// What is in a herd that ends, looked up kind by kind on the server: its answers are newer than the herd's end, and after that
// nothing came.
import { type ApiObject, type Herd, isApiError, type Kind, kindInfos, kinds } from '../../apis/index.ts';
import type { Client } from '../../client/index.ts';
import { customKinds, orGone } from '../kit/index.ts';
import type { Leftover } from './plan.ts';

/** Objects in one answer. */
const pageMax = 500;
/** Objects of one kind that one look offers for deletion; the next one offers more. */
const undeletedMax = 2_000;
/** Lists that are asked for at a time. */
const listsMax = 8;

const ownKinds: readonly Kind<ApiObject>[] = kindInfos.filter(
  ({ scope, projectionOf }) => scope === 'Namespaced' && projectionOf === undefined,
);

/** What was found. */
export interface Found {
  readonly left: readonly Leftover[];
  /** Why the kinds of users are not among them. */
  readonly undiscovered: string | undefined;
}

/** What is left in the herd; undefined when the herd is gone, as what is found under its name may be another one's then. */
export async function lookInto(client: Client, herd: Herd, signal: AbortSignal): Promise<Found | undefined> {
  const namespace = herd.metadata.name ?? '';
  const users = await customKinds(client, signal).catch((cause: unknown) => {
    if (!isApiError(cause)) throw cause;
    return cause.message;
  });
  const held = typeof users === 'string' ? [] : users.filter(({ scope }) => scope === 'Namespaced');
  const waiting = [...ownKinds, ...held];
  const left: Leftover[] = [];
  const next = async (): Promise<void> => {
    for (let kind = waiting.shift(); kind !== undefined; kind = waiting.shift())
      left.push(await leftOf(client, kind, namespace, signal));
  };
  await Promise.all(Array.from({ length: listsMax }, next));
  // Asked last: if it is still there, it was there all the while.
  const now = await orGone(client.get(kinds.herds, { name: namespace }, { signal }));
  if (now?.metadata.uid !== herd.metadata.uid) return undefined;
  return { left, undiscovered: typeof users === 'string' ? users : undefined };
}

async function leftOf(
  client: Client,
  kind: Kind<ApiObject>,
  namespace: string,
  signal: AbortSignal,
): Promise<Leftover> {
  const finalizers = new Map<string, number>();
  const undeleted: ApiObject[] = [];
  let count = 0;
  let after: string | undefined;
  do {
    const options = { namespace, metadataOnly: true, limit: pageMax, signal } as const;
    // A kind that is gone has taken its objects along.
    const page = await orGone(client.list(kind, { ...options, ...(after !== undefined && { continue: after }) }));
    for (const object of page?.items ?? []) {
      count++;
      for (const name of object.metadata.finalizers ?? []) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
      const isDying = object.metadata.deletionTimestamp !== undefined;
      if (!isDying && undeleted.length < undeletedMax) undeleted.push({ metadata: object.metadata });
    }
    after = page?.metadata.continue;
  } while (after !== undefined && after !== '');
  return { kind, count, finalizers, undeleted };
}
