// Short hands of the suite every twin of Client passes: test support.
import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import {
  ApiError,
  type ApiObject,
  type Contract,
  type Herd,
  type Kind,
  kinds,
  type Lease,
  type Node,
  type Run,
  type Secret,
  type Slice,
  type StatusReason,
  type WatchEvent,
} from '../../apis/index.ts';
import type { Client, WatchOptions } from '../client.ts';

/** Where a test is: the client of its twin, and a herd of its own. */
export interface Place {
  readonly client: Client;
  readonly herd: string;
  /** Makes the server forget the history before now; absent: not checked. */
  readonly compact?: () => Promise<void>;
}

const watchMsMax = 5_000;

/** A slice of `herd` on a node of its own, put there by a scheduler that holds the lease. */
export async function bound(client: Client, herd: string): Promise<{ slice: Slice; epoch: string; node: string }> {
  const node = `${herd}-n`;
  await client.create(kinds.nodes, nodeOf(node));
  const epoch = await takeLease(client);
  const made = await client.create(kinds.slices, sliceOf(herd, 'bound'));
  await client.bind(refOf(made), { nodeName: node, resourceVersion: made.metadata.resourceVersion ?? '', epoch });
  return { slice: await client.get(kinds.slices, refOf(made)), epoch, node };
}

/** Takes the scheduler's lease from whoever has it, and gives the new epoch. */
export async function takeLease(client: Client): Promise<string> {
  const ref = { namespace: 'runink-system', name: 'runink-scheduler' };
  const holder = `suite-${randomBytes(4).toString('hex')}`;
  const there = await client.get(kinds.leases, ref).catch((cause: unknown) => {
    if (cause instanceof ApiError && cause.reason === 'NotFound') return undefined;
    throw cause;
  });
  const transitions = there === undefined ? 0 : (there.spec?.leaseTransitions ?? 0) + 1;
  const lease = leaseOf(ref.namespace, ref.name, holder, transitions);
  if (there === undefined) await client.create(kinds.leases, lease);
  else await client.update(kinds.leases, { ...lease, metadata: there.metadata });
  return `${holder}/${transitions}`;
}

/** A watch that a test reads. */
export interface Watching<T> extends AsyncDisposable {
  /** All events so far, once one satisfies `isLast`. Throws when none does in time. */
  upTo(isLast: (event: WatchEvent<T>) => boolean): Promise<readonly WatchEvent<T>[]>;
}

/** A watch that is read up to an event; ended when disposed. */
export function watching<T extends ApiObject>(client: Client, kind: Kind<T>, options: WatchOptions): Watching<T> {
  const abort = new AbortController();
  const events: WatchEvent<T>[] = [];
  const iterator = client.watch(kind, { ...options, signal: abort.signal })[Symbol.asyncIterator]();
  let seen = 0;
  return {
    async upTo(isLast) {
      const timer = setTimeout(() => abort.abort(), watchMsMax);
      try {
        for (;;) {
          const next = await iterator.next();
          if (next.done === true) throw new Error(`the watch ended after ${events.slice(seen).map(textOf).join(', ')}`);
          events.push(next.value);
          if (isLast(next.value)) {
            seen = events.length;
            return events;
          }
        }
      } finally {
        clearTimeout(timer);
      }
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await iterator.return?.();
    },
  };
}

/** Reads a watch of secrets until it ends. */
export async function drain(client: Client, options: WatchOptions): Promise<void> {
  for await (const _ of client.watch(kinds.secrets, options));
}

/** The error of what must be refused for `reason`. */
export async function refused(reason: StatusReason, promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof ApiError)) throw new Error(`not refused with ${reason}`, { cause: error });
  expect(`${error.reason}: ${error.message}`).to.match(new RegExp(`^${reason}:`));
  return error;
}

const ours = { apiVersion: 'runink.io/v1' } as const;
/** A herd. */
export const herdOf = (name: string): Herd => ({ ...ours, kind: 'Herd', metadata: { name } });
/** A contract; `metadata` is added to its own. */
export const contractOf = (namespace: string, name: string, metadata: object = {}): Contract => ({
  ...ours,
  kind: 'Contract',
  metadata: { name, namespace, ...metadata },
  spec: { name: 'c', version: '1.0.0', schema: { type: 'object' } },
});
/** A secret with one key. */
export const secretOf = (namespace: string, name: string, metadata: object = {}): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace, ...metadata },
  type: 'Opaque',
  data: { key: 'dmFsdWU=' },
});
/** A slice of no run in particular. */
export const sliceOf = (namespace: string, name: string, spec: Partial<Slice['spec']> = {}): Slice => ({
  ...ours,
  kind: 'Slice',
  metadata: { name, namespace },
  spec: { run: 'r', step: 's', attempt: 1, ...spec },
});
/** A run with an empty plan. */
export const runOf = (namespace: string, name: string): Run => ({
  ...ours,
  kind: 'Run',
  metadata: { name, namespace },
  spec: { pipeline: { name: 'p' }, plan: { groups: [], steps: [] } },
});
/** A node. */
export const nodeOf = (name: string): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: {} });
/** A lease that `holderIdentity` holds. */
export const leaseOf = (namespace: string, name: string, holderIdentity: string, leaseTransitions: number): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, namespace },
  spec: { holderIdentity, leaseTransitions, leaseDurationSeconds: 10 },
});

/** The same object as if read at another version. */
export const withVersion = (contract: Contract, resourceVersion: string): Contract => ({
  ...contract,
  metadata: { ...contract.metadata, resourceVersion },
});
/** The same with a field that its kind has not. */
export const withField = (contract: Contract): Contract => {
  const withUnknown = { ...contract, spec: { ...contract.spec, noSuchField: true } };
  return withUnknown;
};
/** What names an object. */
export const refOf = ({ metadata: { name = '', namespace } }: ApiObject): { name: string; namespace?: string } =>
  namespace === undefined ? { name } : { name, namespace };
/** The version as a number: this server’s are. */
export const versionOf = ({ metadata }: ApiObject): number => Number(metadata.resourceVersion);
/** An event in a line. */
export const textOf = (event: WatchEvent<ApiObject> | undefined): string =>
  event === undefined || event.type === 'BOOKMARK'
    ? 'BOOKMARK'
    : `${event.type} ${event.object.metadata.name ?? ''} ${event.object.metadata.resourceVersion ?? ''}`;
