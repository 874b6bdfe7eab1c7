// What is particular to a kind when it is written. The table of kinds says the rest.
import { type KindInfo, kinds, type StatusCause, type Unstructured } from '../../apis/index.ts';
import type { Operation } from '../../barn/index.ts';
import { definitionStrategy } from '../definitions/strategy.ts';
import { arrayOf, at, isRecord, type JsonRecord, recordOf, textOf } from '../json.ts';
import * as cause from '../schema/causes.ts';
import { contentKey, epochKey, fenceKey } from '../storage/keys.ts';
import { bundleProblems } from './bundle.ts';
import { herdStrategy } from './herd.ts';

/** What a kind does beyond its schema; every hook is pure. */
export interface Strategy {
  /** Completes a new object before it is validated. */
  readonly onCreate?: (object: Unstructured) => Unstructured;
  /** Completes a changed one. */
  readonly onUpdate?: (object: Unstructured, before: Unstructured) => Unstructured;
  /** Brings an applied configuration into the form that is stored, so that its owner owns what is there. */
  readonly onApply?: (configuration: JsonRecord) => JsonRecord;
  /** Completes one that was asked to be deleted and stays for now. */
  readonly onDelete?: (object: Unstructured) => Unstructured;
  readonly problems?: (object: Unstructured, before: Unstructured | undefined) => readonly StatusCause[];
  /** Whether one that was asked to be deleted and has no finalizers may go. */
  readonly mayGo?: (object: Unstructured) => boolean;
  /** Plain keys that change with the object, in the same transaction. */
  readonly beside?: (change: Change) => readonly Operation[];
}

/** One write, before and after. */
export interface Change {
  readonly herdUid: string | undefined;
  /** Undefined for a create. */
  readonly before: Unstructured | undefined;
  /** Undefined for a removal. */
  readonly after: Unstructured | undefined;
}

const text = (value: string) => new TextEncoder().encode(value);

const strategies: Readonly<Record<string, Strategy>> = {
  [kinds.herds.kind]: herdStrategy,
  [kinds.nodes.kind]: {
    beside: ({ before, after }) => {
      const was = before === undefined ? undefined : fenceOf(before);
      const is = after === undefined ? undefined : fenceOf(after);
      const key = fenceKey((after ?? before)?.metadata.name ?? '');
      if (was === is) return [];
      return [is === undefined ? { do: 'delete', key } : { do: 'put', key, value: text(is) }];
    },
  },
  [kinds.leases.kind]: {
    beside: ({ herdUid, before, after }) => {
      const was = before === undefined ? undefined : epochOf(before);
      const is = after === undefined ? undefined : epochOf(after);
      const key = epochKey(herdUid ?? '', (after ?? before)?.metadata.name ?? '');
      if (was === is) return [];
      return [is === undefined ? { do: 'delete', key } : { do: 'put', key, value: text(is) }];
    },
  },
  [kinds.secrets.kind]: {
    onCreate: mergeStringData,
    onUpdate: (secret) => mergeStringData(secret),
    onApply: storedData,
    problems: secretProblems,
  },
  [kinds.bundles.kind]: {
    problems: (bundle, before) => (before === undefined ? bundleProblems(bundle) : []),
    beside: ({ before, after }) =>
      after === undefined && before !== undefined ? [{ do: 'delete', key: contentKey(before.metadata.uid ?? '') }] : [],
  },
  [kinds.customResourceDefinitions.kind]: definitionStrategy,
  [kinds.runs.kind]: { onCreate: (run) => ({ ...run, status: { phase: 'Pending' } }) },
  [kinds.slices.kind]: {
    onCreate: (slice) => ({ ...slice, status: { phase: 'Pending' } }),
    problems: sliceProblems,
    // A slice that holds a place ends by its agent's final status (docs/wiring.md).
    mayGo: (slice) => at(slice, 'spec.nodeName') === undefined || isTerminal(slice),
  },
};

function sliceProblems(slice: Unstructured, before: Unstructured | undefined): StatusCause[] {
  const problems: StatusCause[] = [];
  // A new one too: a place that nobody gave by a binding was compared with no fence.
  if (at(slice, 'spec.nodeName') !== (before === undefined ? undefined : at(before, 'spec.nodeName')))
    problems.push(cause.forbidden('spec.nodeName', 'is set by a POST to the subresource binding'));
  if (before === undefined) return problems;
  // What a node may read it may read while its slices live: it could else bring one back to life and read on.
  if (isTerminal(before) && at(slice, 'status.phase') !== at(before, 'status.phase'))
    problems.push(cause.forbidden('status.phase', 'of a slice that has ended stays as it is'));
  return problems;
}

/** What is particular to a stored kind. */
export function strategyOf({ kind, definition }: Pick<KindInfo, 'kind' | 'definition'>): Strategy {
  // A user's kind may be called as one of ours.
  return definition === undefined ? (strategies[kind] ?? {}) : {};
}

/** Whether a slice has ended. */
export function isTerminal(slice: Unstructured): boolean {
  const phase = textOf(at(slice, 'status.phase'));
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Lost';
}

/** `HOLDER/TRANSITIONS` of a lease. */
function epochOf(lease: Unstructured): string | undefined {
  const holder = textOf(at(lease, 'spec.holderIdentity')) ?? '';
  const transitions = at(lease, 'spec.leaseTransitions');
  return holder === '' ? undefined : `${holder}/${typeof transitions === 'number' ? transitions : 0}`;
}

// A node may get slices unless it is going or tainted NoExecute; a cordon is the scheduler's business.
function fenceOf(node: Unstructured): string | undefined {
  const isTainted = arrayOf(at(node, 'spec.taints')).some((taint) => isRecord(taint) && taint.effect === 'NoExecute');
  return isTainted || node.metadata.deletionTimestamp !== undefined ? undefined : node.metadata.uid;
}

function mergeStringData(secret: Unstructured): Unstructured {
  return { ...storedData(secret), metadata: secret.metadata };
}

function storedData({ stringData, ...rest }: JsonRecord): JsonRecord {
  if (!isRecord(stringData)) return rest;
  const data = { ...recordOf(rest.data) };
  for (const [key, value] of Object.entries(stringData)) data[key] = Buffer.from(String(value)).toString('base64');
  return { ...rest, data };
}

const secretBytesMax = 1024 * 1024;
// A key becomes the name of a file, which may not be its directory or lead out of it.
const secretKey = /^(?!\.$|\.\.)[-._a-zA-Z0-9]+$/;

function secretProblems(secret: Unstructured, before: Unstructured | undefined): StatusCause[] {
  const problems: StatusCause[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(recordOf(secret.data))) {
    bytes += Buffer.byteLength(textOf(value) ?? '', 'base64');
    if (key.length > 253 || !secretKey.test(key)) {
      const words =
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
      problems.push(cause.invalid(`data[${key}]`, key, words));
    }
  }
  if (bytes > secretBytesMax) problems.push(cause.tooLong('data', secretBytesMax));
  if (before === undefined) return problems;
  if (secret.type !== before.type) problems.push(cause.invalid('type', secret.type, 'field is immutable'));
  if (before.immutable === true) {
    if (secret.immutable !== true)
      problems.push(cause.forbidden('immutable', 'field is immutable when `immutable` is set'));
    if (JSON.stringify(recordOf(secret.data)) !== JSON.stringify(recordOf(before.data)))
      problems.push(cause.forbidden('data', 'field is immutable when `immutable` is set'));
  }
  return problems;
}
