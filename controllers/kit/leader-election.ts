// Who leads, by a Lease. A lease is judged by when this process saw it change: clocks of two machines are never compared.
import { setMaxListeners } from 'node:events';
import { ApiError, isApiError, kinds, type Lease, type Ref } from '../../apis/index.ts';
import { type Clock, type Log, sleep } from '../../base/index.ts';
import type { Client } from '../../client/index.ts';

/** What an election works with; it closes none of it. */
export interface LeaderElectionDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
}

/** Which lease is held, by whom, and for how long. */
export interface LeaderElectionOptions {
  readonly lease: Ref;
  /** Who we are; no other process may ever use the same. */
  readonly identity: string;
  /** A lease that did not change for so long is free to take; default 10 s. */
  readonly leaseMs?: number;
  /** How often the leader renews; default three tenths of `leaseMs`. A leader that could not renew for 2/3 of `leaseMs` stops leading. */
  readonly renewMs?: number;
  /** How often one that waits looks; default 1 s. */
  readonly retryMs?: number;
  /** Whether the process behind an identity is known to be gone, so that its lease need not run out. */
  readonly isGone?: (identity: string) => Promise<boolean>;
}

/**
 * What to do while leading. `epoch` is `HOLDER/TRANSITIONS`: whatever is fenced by it fails once another leads. `signal`
 * aborts when the lead is lost.
 */
export type Lead = (epoch: string, signal: AbortSignal) => Promise<void>;

/** Takes the lease when it is free, leads, and releases it in the end. */
export class LeaderElection {
  readonly #deps: LeaderElectionDeps;
  readonly #options: Required<Omit<LeaderElectionOptions, 'isGone'>> & Pick<LeaderElectionOptions, 'isGone'>;
  /** The last version seen and when we saw it first. */
  #seen: { readonly version: string; readonly atMs: number } | undefined;

  constructor(deps: LeaderElectionDeps, options: LeaderElectionOptions) {
    this.#deps = deps;
    const { leaseMs = 10_000 } = options;
    this.#options = { leaseMs, renewMs: Math.ceil(leaseMs * 0.3), retryMs: 1_000, ...options };
  }

  /** Waits for the lead, leads, and again when it was lost, until `signal` aborts. Throws what `lead` throws. */
  async run(lead: Lead, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const lease = await this.#acquire(signal);
      if (lease === undefined) return;
      await this.#lead(lease, lead, signal);
    }
  }

  async #acquire(signal: AbortSignal): Promise<Lease | undefined> {
    const { clock, log } = this.#deps;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const taken = await this.#tryToTake(signal);
        if (taken !== undefined) return taken;
        failures = 0;
      } catch (cause) {
        if (signal.aborted) return undefined;
        // Another was faster: no fault.
        if (!isApiError(cause, 'Conflict', 'AlreadyExists') && failures++ % 10 === 0)
          log.warn('cannot take the lease, will try again', { lease: this.#options.lease.name, cause: String(cause) });
      }
      await sleep(clock, this.#options.retryMs, signal).catch(() => {});
    }
    return undefined;
  }

  async #tryToTake(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, clock, log } = this.#deps;
    const { lease: ref, identity } = this.#options;
    const there = await client.get(kinds.leases, ref, { signal }).catch((cause: unknown) => {
      if (isApiError(cause, 'NotFound')) return undefined;
      throw cause;
    });
    const now = microTime(clock.now());
    if (there === undefined) return client.create(kinds.leases, this.#taken(undefined, now), { signal });
    const version = there.metadata.resourceVersion ?? '';
    if (this.#seen?.version !== version) this.#seen = { version, atMs: clock.monotonicMs() };
    const holder = there.spec?.holderIdentity ?? '';
    const isFree =
      holder === '' || holder === identity || this.#ranOut(there) || (await this.#options.isGone?.(holder));
    if (isFree !== true) return undefined;
    const taken = await client.update(kinds.leases, this.#taken(there, now), { signal });
    log.info('leading', { lease: ref.name, epoch: epochOf(taken), before: holder });
    return taken;
  }

  #ranOut(lease: Lease): boolean {
    const lastsMs = (lease.spec?.leaseDurationSeconds ?? 0) * 1000 || this.#options.leaseMs;
    return this.#seen !== undefined && this.#deps.clock.monotonicMs() - this.#seen.atMs >= lastsMs;
  }

  /** The lease as ours. Each taking counts, also from ourselves: a former life of ours must not share our epoch. */
  #taken(there: Lease | undefined, now: string): Lease {
    const { lease: ref, identity, leaseMs } = this.#options;
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: there?.metadata ?? ref,
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(leaseMs / 1000),
        acquireTime: now,
        renewTime: now,
        leaseTransitions: there === undefined ? 0 : (there.spec?.leaseTransitions ?? 0) + 1,
      },
    };
  }

  async #lead(taken: Lease, lead: Lead, signal: AbortSignal): Promise<void> {
    const lost = new AbortController();
    const leading = AbortSignal.any([signal, lost.signal]);
    // Every controller listens to it.
    setMaxListeners(0, leading);
    const done = new AbortController();
    const renewing = this.#renew(taken, AbortSignal.any([signal, done.signal])).then((last) => {
      if (last === undefined) lost.abort(new Error('the lease was lost'));
      return last;
    });
    try {
      await lead(epochOf(taken), leading);
    } finally {
      done.abort();
      const last = await renewing;
      if (last !== undefined) await this.#release(last);
    }
  }

  /** Renews until `signal` aborts, then gives the lease as last written; undefined as soon as it is lost. */
  async #renew(taken: Lease, signal: AbortSignal): Promise<Lease | undefined> {
    const { client, clock, log } = this.#deps;
    const { leaseMs, renewMs, retryMs, lease: ref } = this.#options;
    let lease = taken;
    let renewedMs = clock.monotonicMs();
    let waitMs = renewMs;
    for (;;) {
      await sleep(clock, waitMs, signal).catch(() => {});
      if (signal.aborted) return lease;
      const atMs = clock.monotonicMs();
      try {
        const spec = { ...lease.spec, renewTime: microTime(clock.now()) };
        lease = await client.update(kinds.leases, { ...lease, spec }, { signal: AbortSignal.timeout(leaseMs) });
        renewedMs = atMs;
        waitMs = renewMs;
      } catch (cause) {
        const current = await this.#stillOurs(lease, cause);
        if (current === undefined || clock.monotonicMs() - renewedMs >= (leaseMs * 2) / 3) {
          log.warn('no longer leading', { lease: ref.name, cause: String(cause) });
          return undefined;
        }
        lease = current;
        waitMs = retryMs / 4;
      }
    }
  }

  /** After a failed renewal: the lease as it stands if it may be ours yet, undefined if it surely is not. */
  async #stillOurs(lease: Lease, cause: unknown): Promise<Lease | undefined> {
    if (!(cause instanceof ApiError) || !isApiError(cause, 'Conflict', 'NotFound')) return lease;
    try {
      const there = await this.#deps.client.get(kinds.leases, this.#options.lease);
      return epochOf(there) === epochOf(lease) ? there : undefined;
    } catch (again) {
      return isApiError(again, 'NotFound') ? undefined : lease;
    }
  }

  async #release(lease: Lease): Promise<void> {
    const spec = {
      ...lease.spec,
      holderIdentity: '',
      leaseDurationSeconds: 1,
      renewTime: microTime(this.#deps.clock.now()),
    };
    await this.#deps.client
      .update(kinds.leases, { ...lease, spec }, { signal: AbortSignal.timeout(this.#options.retryMs * 2) })
      // Nobody depends on it: without a release the lease runs out.
      .catch((cause: unknown) => this.#deps.log.info('lease was not released', { cause: String(cause) }));
  }
}

/** `HOLDER/TRANSITIONS`, as the server keeps it beside the lease. */
export function epochOf(lease: Lease): string {
  return `${lease.spec?.holderIdentity ?? ''}/${lease.spec?.leaseTransitions ?? 0}`;
}

const microTime = (nowMs: number): string => new Date(nowMs).toISOString().replace('Z', '000Z');
