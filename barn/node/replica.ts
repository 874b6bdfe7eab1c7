// The state side of a member: what callers meet. It answers reads from its own state, hands writes to the consensus side and
// answers each from its own apply. It runs where the API runs, or beside the other side in a simulation.
import { assert } from '../../base/index.ts';
import {
  type BarnAlarm,
  BarnError,
  type Compare,
  type EmbeddedBarn,
  type Key,
  type Member,
  type MemberCounts,
  type MemberStatus,
  type Operation,
  type RangeOptions,
  type RangeResult,
  type Replacement,
  type Revision,
  type TxnResult,
  type WatchBatch,
  type WatchOptions,
} from '../barn.ts';
import type { StoreKeys } from '../keys.ts';
import { assertWhole, type BarnLimits, checkRange, checkTxn } from '../limits.ts';
import type { MemberId } from '../raft/protocol.ts';
import { commandFormatMax } from '../state/command.ts';
import type { StateMachine } from '../state/machine.ts';
import { sealSnapshot } from '../state/sealed-snapshot.ts';
import type { PeerCredentials } from '../transport/credentials.ts';
import type { MemberIdentity, ReplicaParts } from './member.ts';
import { ReplicaCore } from './replica-core.ts';

/** Starts the state side. Its state is where it was; answers begin when a leader is known. The machine is its own from here on. */
export function startReplica(parts: ReplicaParts): EmbeddedBarn {
  return new Replica(parts);
}

class Replica implements EmbeddedBarn {
  readonly #identity: MemberIdentity;
  readonly #machine: StateMachine;
  readonly #limits: BarnLimits;
  readonly #core: ReplicaCore;

  constructor(parts: ReplicaParts) {
    this.#identity = parts.identity;
    this.#machine = parts.machine;
    this.#limits = parts.limits;
    this.#core = new ReplicaCore(parts);
  }

  async range(start: Key, end?: Key, options: RangeOptions = {}): Promise<RangeResult> {
    this.#core.checkOpen();
    checkRange(start, end, this.#limits);
    assertWhole(options.revision ?? 0, 'revision');
    assertWhole(options.limit ?? 0, 'limit');
    if (options.serializable === true) this.#core.checkReady();
    else await this.#core.barrier();
    return this.#machine.store.state.read(start, end, options);
  }

  async txn(
    compares: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[] = [],
  ): Promise<TxnResult> {
    this.#core.checkOpen();
    checkTxn(compares, [success, failure], this.#limits);
    // Not only when it is applied: what is refused there has taken its room in every log.
    const { noSpace } = this.#machine;
    if (
      noSpace !== undefined &&
      [success, failure].some((branch) => branch.some((operation) => operation.do === 'put'))
    )
      throw noSpace;
    const result = await this.#core.submit((origin) => ({ kind: 'txn', origin, compares, success, failure }));
    assert(result !== undefined, 'a transaction has a result');
    return result;
  }

  async watch(
    start: Key,
    end: Key | undefined,
    fromRevision: Revision,
    options: WatchOptions = {},
  ): Promise<AsyncIterableIterator<WatchBatch>> {
    this.#core.checkOpen();
    checkRange(start, end, this.#limits);
    assertWhole(fromRevision, 'revision');
    this.#core.checkReady();
    return this.#machine.store.hub.open(start, end, fromRevision, options);
  }

  async readIndex(): Promise<Revision> {
    this.#core.checkOpen();
    await this.#core.barrier();
    return this.#machine.store.state.revision;
  }

  async compact(revision: Revision): Promise<void> {
    this.#core.checkOpen();
    assertWhole(revision, 'revision');
    const { state } = this.#machine.store;
    if (revision > state.revision) await this.#core.barrier();
    if (revision > state.revision) throw state.futureRevision(revision);
    await this.#core.submit((origin) => ({ kind: 'compact', origin, revision }));
  }

  async members(): Promise<readonly Member[]> {
    this.#core.checkOpen();
    await this.#core.barrier();
    return this.#core.membership.list();
  }

  async status(): Promise<MemberStatus> {
    this.#core.checkOpen();
    const { store, alarms, hash, applied, members, format } = this.#machine;
    const { leader, term, committed, logBytes } = this.#core.standing();
    const disk = await this.#core.disk();
    return {
      name: this.#identity.name,
      revision: store.state.revision,
      compactRevision: store.state.compactRevision,
      leader: members.find(({ id }) => id === leader)?.name ?? '',
      sizeBytes: logBytes + (await this.#machine.sizeBytes()),
      hash,
      alarms,
      format: { written: format, known: commandFormatMax },
      ...(disk !== undefined && { disk: { freeBytes: disk.freeBytes, reserveBytes: disk.reserveBytes } }),
      raft: {
        id: this.#identity.id,
        leader,
        term,
        committed,
        applied: applied.index,
        isLearner: applied.confState.learners.includes(this.#identity.id),
      },
    };
  }

  async *snapshot(signal?: AbortSignal, options: { readonly open?: boolean } = {}): AsyncIterable<Uint8Array> {
    this.#core.checkOpen();
    const { chunks } = this.#machine.snapshot(signal);
    yield* options.open === true ? chunks : sealSnapshot(chunks, this.#machine.sealer);
  }

  async addLearner(name: string, peerUrl: string): Promise<Member> {
    this.#core.checkOpen();
    await this.#core.barrier();
    return this.#core.membership.addLearner(name, peerUrl);
  }

  async promote(id: MemberId): Promise<Member> {
    this.#core.checkOpen();
    await this.#core.barrier();
    return this.#core.membership.promote(id);
  }

  async replace(replacements: readonly Replacement[]): Promise<void> {
    this.#core.checkOpen();
    await this.#core.barrier();
    return this.#core.membership.replace(replacements);
  }

  async remove(id: MemberId): Promise<void> {
    this.#core.checkOpen();
    await this.#core.barrier();
    return this.#core.membership.remove(id);
  }

  async transferLeader(id: MemberId): Promise<void> {
    this.#core.checkOpen();
    if (!this.#machine.applied.confState.voters.includes(id))
      throw new BarnError('Membership', `transfer leadership: ${id.toString(16)} is no voter`);
    await this.#core.transferLeader(id);
  }

  async disarm(alarm: BarnAlarm): Promise<void> {
    this.#core.checkOpen();
    await this.#core.submit((origin) => ({ kind: 'alarm', origin, alarm, active: false }));
  }

  async counts(): Promise<MemberCounts> {
    this.#core.checkOpen();
    return this.#core.counts();
  }

  async useKeys(keys: StoreKeys): Promise<void> {
    this.#core.checkOpen();
    await this.#core.useKeys(keys);
  }

  async useCredentials(credentials: PeerCredentials): Promise<void> {
    this.#core.checkOpen();
    await this.#core.useCredentials(credentials);
  }

  async stepDown(): Promise<void> {
    this.#core.checkOpen();
    await this.#core.stepDown();
  }

  close(): Promise<void> {
    return this.#core.close();
  }
}
