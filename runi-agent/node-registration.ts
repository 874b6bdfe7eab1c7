// The node's own objects: its Node, and the Lease that says its agent lives. Losing the API stops neither slices nor tries.
import { type Condition, isApiError, kinds, type Lease, type Node, type Ref, wellKnown } from '../apis/index.ts';
import { type BackoffOptions, backoffMs, type Clock, type Log, type Random, sleep } from '../base/index.ts';
import type { Client } from '../client/index.ts';
import type { Amounts } from './ledger.ts';

/** What the Lease says of itself; who watches it has a measure of its own. */
export const leaseSeconds = 40;
const renewMs = 10_000;
const backoff: BackoffOptions = { baseMs: 100, capMs: 5_000 };

/** What the agent says of its machine. */
export interface NodeFacts {
  readonly name: string;
  readonly capacity: Amounts;
  readonly allocatable: Amounts;
  readonly isolation: 'full' | 'none';
  /** As Node.status.volumes has them. */
  readonly volumes: readonly string[];
  readonly hostname: string;
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly bootId: string;
  readonly version: string;
}

/** What the registration works with; it closes none of it. */
export interface RegistrationDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Creates or renews the Node as Ready, trying until it is done or the signal aborts. Says whether the store was restored and
 * nobody has placed anything here since; then it is told of `attempts`.
 */
export async function registerNode(
  facts: NodeFacts,
  attempts: () => readonly string[],
  deps: RegistrationDeps,
  signal: AbortSignal,
): Promise<boolean> {
  for (let failures = 0; ; failures++) {
    try {
      return await writeNode(facts, ready(facts, 'True', deps.clock), deps.client, attempts);
    } catch (cause) {
      if (!isApiError(cause)) throw cause;
      deps.log.warn('node not registered yet', { reason: cause.reason, error: cause.message });
    }
    await sleep(deps.clock, backoffMs(failures, backoff, deps.random), signal);
  }
}

/** Says that the agent stops; one try. */
export async function leaveNode(facts: NodeFacts, deps: RegistrationDeps): Promise<void> {
  try {
    await writeNode(facts, ready(facts, 'False', deps.clock), deps.client);
  } catch (cause) {
    deps.log.warn('node not marked as stopped', { error: String(cause) });
  }
}

/** Takes the Lease and renews it until the signal aborts; resolves then. `taken` is called after the first success. */
export async function keepLease(
  node: string,
  deps: RegistrationDeps,
  signal: AbortSignal,
  taken: () => void = () => {},
): Promise<void> {
  let lease: Lease | undefined;
  for (let failures = 0; !signal.aborted; ) {
    try {
      lease = await renew(node, lease, deps);
      failures = 0;
      taken();
    } catch (cause) {
      if (!isApiError(cause)) throw cause;
      lease = undefined;
      if (failures++ === 0) deps.log.warn('lease not renewed', { reason: cause.reason, error: cause.message });
    }
    const waitMs = failures === 0 ? renewMs : Math.min(renewMs, 200 + backoffMs(failures, backoff, deps.random));
    await sleep(deps.clock, waitMs, signal).catch(() => {});
  }
}

async function renew(node: string, held: Lease | undefined, { client, clock }: RegistrationDeps): Promise<Lease> {
  const ref = { namespace: wellKnown.nodeLeaseHerd, name: node };
  // MicroTime has six digits.
  const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
  const spec = { holderIdentity: node, leaseDurationSeconds: leaseSeconds, renewTime };
  const lease = held ?? (await getIfThere(() => client.get(kinds.leases, ref)));
  if (lease === undefined)
    return client.create(kinds.leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: ref,
      spec: { ...spec, acquireTime: renewTime },
    });
  return client.update(kinds.leases, { ...lease, spec: { ...lease.spec, ...spec } });
}

async function writeNode(
  facts: NodeFacts,
  condition: Condition,
  client: Client,
  attempts?: () => readonly string[],
): Promise<boolean> {
  const ref: Ref = { name: facts.name };
  const labels = {
    'kubernetes.io/hostname': facts.name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': facts.architecture,
  };
  const there = await getIfThere(() => client.get(kinds.nodes, ref));
  const found =
    there ?? (await client.create(kinds.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { ...ref, labels } }));
  // A node that the store does not know (any more) has told it nothing either.
  const isRestored =
    there === undefined || (there.spec?.taints ?? []).some(({ key }) => key === wellKnown.restoredTaint);
  const known = isRestored && attempts !== undefined ? attempts() : found.status?.attempts;
  const status = { ...statusOf(facts, condition, found), ...(known === undefined ? {} : { attempts: known }) };
  await client.updateStatus(kinds.nodes, { ...found, status });
  return isRestored;
}

async function getIfThere<T>(get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get();
  } catch (cause) {
    if (isApiError(cause, 'NotFound')) return undefined;
    throw cause;
  }
}

function statusOf(facts: NodeFacts, condition: Condition, found: Node): NonNullable<Node['status']> {
  const others = (found.status?.conditions ?? []).filter(({ type }) => type !== condition.type);
  const before = found.status?.conditions?.find(({ type }) => type === condition.type);
  const since = before?.status === condition.status ? before.lastTransitionTime : condition.lastTransitionTime;
  return {
    capacity: quantities(facts.capacity),
    allocatable: quantities(facts.allocatable),
    conditions: [...others, { ...condition, ...(since === undefined ? {} : { lastTransitionTime: since }) }],
    addresses: [{ type: 'Hostname', address: facts.hostname }],
    nodeInfo: {
      architecture: facts.architecture,
      kernelVersion: facts.kernelVersion,
      operatingSystem: 'linux',
      osImage: facts.osImage,
      kubeletVersion: facts.version,
      bootID: facts.bootId,
      containerRuntimeVersion: facts.isolation === 'full' ? 'runi-helper' : 'none',
    },
    volumes: facts.volumes,
  };
}

function ready(facts: NodeFacts, status: 'True' | 'False', clock: Clock): Condition {
  return {
    type: 'Ready',
    status,
    reason: status === 'True' ? 'AgentReady' : 'AgentStopped',
    message: status === 'True' ? `slices run with isolation ${facts.isolation}` : 'the agent was stopped',
    lastTransitionTime: `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
  };
}

function quantities({ cpuMillis, memoryBytes, slices }: Amounts): Record<string, string> {
  return { cpu: `${cpuMillis}m`, memory: String(memoryBytes), slices: String(slices) };
}
