// What a node may do, judged on stored objects: its own Node and Lease, slices bound to it, and while these live their
// runs and what their steps name.
import { kinds, type Unstructured, wellKnown } from '../../apis/index.ts';
import { arrayOf, at, isRecord, textOf } from '../json.ts';
import { demanded } from '../view/field-selector.ts';
import type { Attributes } from './attributes.ts';

/** Stored objects that a decision rests on. */
export interface NodeLookups {
  slice(herd: string, name: string): Promise<Unstructured | undefined>;
  run(herd: string, name: string): Promise<Unstructured | undefined>;
  /** Slices in a herd, live ones bound to the node. */
  liveSlicesOf(node: string, herd: string): Promise<readonly Unstructured[]>;
}

/** Why the node may not, or undefined when it may. Never says more than the node knows already. */
export async function nodeRefusal(
  node: string,
  attributes: Attributes,
  lookups: NodeLookups,
): Promise<string | undefined> {
  switch (attributes.info) {
    case kinds.nodes:
      return ownNode(node, attributes);
    case kinds.leases:
      return ownLease(node, attributes);
    case kinds.slices:
      return boundSlices(node, attributes, lookups);
    case kinds.herds:
      return herdOfSlice(node, attributes, lookups);
    case kinds.runs:
      return runOfSlice(node, attributes, lookups);
    case kinds.bundles:
    case kinds.contracts:
    case kinds.secrets:
      return namedByStep(node, attributes, lookups);
    case kinds.events:
      return attributes.verb === 'create' ? undefined : 'a node may only create events';
    default:
      return 'a node has no business with it';
  }
}

const readsAndWrites: ReadonlySet<string> = new Set(['get', 'list', 'watch', 'create', 'update', 'patch']);

function ownNode(node: string, { verb, name, subresource }: Attributes): string | undefined {
  if (!readsAndWrites.has(verb)) return 'a node may not delete nodes';
  // The name of a create stands in its body, which is checked when it is read.
  if (verb === 'create' && subresource === undefined) return undefined;
  return name === node ? undefined : 'it is not the node’s own';
}

function ownLease(node: string, { verb, name, namespace }: Attributes): string | undefined {
  if (namespace !== wellKnown.nodeLeaseHerd) return `a node’s lease is in ${wellKnown.nodeLeaseHerd}`;
  if (!readsAndWrites.has(verb)) return 'a node may not delete leases';
  if (verb === 'create') return undefined;
  return name === node ? undefined : 'it is not the node’s own';
}

async function boundSlices(node: string, attributes: Attributes, lookups: NodeLookups): Promise<string | undefined> {
  const { verb, subresource, namespace = '', name = '', fields } = attributes;
  if (verb === 'list' || verb === 'watch') {
    return demanded(fields, 'spec.nodeName') === node
      ? undefined
      : `a node lists slices only with the field selector spec.nodeName=${node}`;
  }
  const isStatus = subresource === 'status';
  const isAllowed =
    (verb === 'get' && (subresource === undefined || isStatus)) ||
    (isStatus && (verb === 'update' || verb === 'patch'));
  if (!isAllowed) return 'a node may only read slices and write their status';
  const slice = await lookups.slice(namespace, name);
  return slice !== undefined && at(slice, 'spec.nodeName') === node ? undefined : 'no such slice is bound to the node';
}

/** Everything on a node's disk goes by the herd's uid, which only the Herd has. */
async function herdOfSlice(node: string, attributes: Attributes, lookups: NodeLookups): Promise<string | undefined> {
  const { verb, subresource, name = '' } = attributes;
  if (verb !== 'get' || subresource !== undefined) return 'a node may only get herds';
  const slices = await lookups.liveSlicesOf(node, name);
  return slices.length > 0 ? undefined : 'no live slice of this herd is bound to the node';
}

async function runOfSlice(node: string, attributes: Attributes, lookups: NodeLookups): Promise<string | undefined> {
  const { verb, subresource, namespace = '', name = '' } = attributes;
  if (verb !== 'get' || subresource !== undefined) return 'a node may only get runs';
  const slices = await lookups.liveSlicesOf(node, namespace);
  return slices.some((slice) => at(slice, 'spec.run') === name)
    ? undefined
    : 'no live slice of this run is bound to the node';
}

async function namedByStep(node: string, attributes: Attributes, lookups: NodeLookups): Promise<string | undefined> {
  const { verb, subresource, namespace = '', name = '', info } = attributes;
  const isContent = info === kinds.bundles && subresource === 'content';
  if (verb !== 'get' || (subresource !== undefined && !isContent)) return `a node may only get ${info.plural}`;
  const slices = await lookups.liveSlicesOf(node, namespace);
  const steps = new Map<string, Set<string>>();
  for (const slice of slices) {
    const run = textOf(at(slice, 'spec.run')) ?? '';
    const names = steps.get(run) ?? new Set<string>();
    names.add(textOf(at(slice, 'spec.step')) ?? '');
    steps.set(run, names);
  }
  for (const [runName, names] of steps) {
    const run = await lookups.run(namespace, runName);
    for (const step of arrayOf(at(run, 'spec.plan.steps'))) {
      if (isRecord(step) && names.has(textOf(step.name) ?? '') && namesOf(step, info.kind).includes(name)) {
        return undefined;
      }
    }
  }
  return 'no step of a live slice bound to the node names it';
}

/** What a planned step names of a kind. */
function namesOf(step: Record<string, unknown>, kind: string): string[] {
  const from = (items: unknown, field: string) =>
    arrayOf(items).flatMap((item) => (isRecord(item) && typeof item[field] === 'string' ? [item[field]] : []));
  switch (kind) {
    case kinds.bundles.kind:
      return typeof step.bundle === 'string' ? [step.bundle] : [];
    case kinds.contracts.kind:
      return [...(typeof step.contract === 'string' ? [step.contract] : []), ...from(step.inputs, 'contract')];
    default:
      return from(step.secrets, 'name');
  }
}
