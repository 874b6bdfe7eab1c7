import {
  type Barn,
  BarnError,
  type Compare,
  type Key,
  type Member,
  type MemberStatus,
  type Operation,
  type RangeOptions,
  type RangeResult,
  type Revision,
  type TxnResult,
  type WatchBatch,
  type WatchOptions,
} from '../barn.ts';
import { assertWhole, type BarnLimits, checkRange, checkTxn } from '../limits.ts';
import { encodeSnapshot } from '../state/snapshot.ts';
import type { EtcdCalls } from './calls.ts';
import type { EtcdMember } from './cluster-messages.ts';
import type { Compactions } from './compactions.ts';
import { snapshotOf } from './copy.ts';
import type { Follower } from './follower.ts';
import { KeyOrder } from './key-order.ts';
import type { KeySpace } from './key-space.ts';
import { Reads } from './reads.ts';
import { type PreparedTxn, prepareTxn } from './transactions.ts';
import { UnderWay } from './under-way.ts';

/** What the twin is made of; it owns them. */
export interface EtcdBarnParts {
  readonly calls: EtcdCalls;
  readonly space: KeySpace;
  readonly follower: Follower;
  readonly compactions: Compactions;
  readonly limits: BarnLimits;
}

/**
 * The Barn in an etcd elsewhere. Reads and transactions are etcd's; watches are served from one that follows all of it, and
 * a transaction is answered once that has told of it, so that an answer never outruns a watch here.
 */
export class EtcdBarn implements Barn {
  readonly #parts: EtcdBarnParts;
  readonly #reads: Reads;
  readonly #order = new KeyOrder();
  readonly #underWay: UnderWay;
  #ended: BarnError | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: EtcdBarnParts) {
    this.#parts = parts;
    this.#reads = new Reads(parts);
    this.#underWay = new UnderWay(parts.limits);
  }

  async range(start: Key, end?: Key, options: RangeOptions = {}): Promise<RangeResult> {
    this.#open();
    checkRange(start, end, this.#parts.limits);
    assertWhole(options.revision ?? 0, 'revision');
    assertWhole(options.limit ?? 0, 'limit');
    return this.#underWay.run(0, () => this.#reads.range(start, end, options));
  }

  async txn(
    compares: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[] = [],
  ): Promise<TxnResult> {
    this.#open();
    checkTxn(compares, [success, failure], this.#parts.limits);
    const prepared = prepareTxn(this.#parts.space, compares, success, failure);
    return this.#underWay.run(prepared.request.byteLength, () => this.#send(prepared));
  }

  async watch(
    start: Key,
    end: Key | undefined,
    fromRevision: Revision,
    options: WatchOptions = {},
  ): Promise<AsyncIterableIterator<WatchBatch>> {
    this.#open();
    checkRange(start, end, this.#parts.limits);
    assertWhole(fromRevision, 'revision');
    const from = fromRevision === 0 ? (await this.#reads.revision()) + 1 : fromRevision;
    const hub = await this.#parts.follower.hubFor(from);
    return hub.open(start, end, from, options);
  }

  async readIndex(): Promise<Revision> {
    this.#open();
    return this.#underWay.run(0, () => this.#reads.revision());
  }

  async compact(revision: Revision): Promise<void> {
    this.#open();
    assertWhole(revision, 'revision');
    return this.#underWay.run(0, () => this.#compact(revision));
  }

  async members(): Promise<readonly Member[]> {
    this.#open();
    return this.#underWay.run(0, async () =>
      (await this.#parts.calls.members('list the members of etcd')).map(memberOf),
    );
  }

  async status(): Promise<MemberStatus> {
    this.#open();
    return this.#underWay.run(0, () => this.#status());
  }

  async *snapshot(signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const { revision, items } = await this.range('', '\x7f');
    yield* encodeSnapshot(snapshotOf(revision, items), signal);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ended = new BarnError('Closed', 'the store in etcd was closed here');
    await this.#underWay.over();
    await this.#parts.compactions.over();
    this.#parts.follower.stop(this.#ended);
    this.#parts.calls.close();
  }

  #open(): void {
    if (this.#ended !== undefined) throw this.#ended;
  }

  async #send({ request, keys, onlyReads, answer }: PreparedTxn): Promise<TxnResult> {
    const { calls, follower, compactions } = this.#parts;
    const { result, changed } = answer(
      await this.#order.run(keys, () => calls.txn(request, 'change the store', onlyReads)),
    );
    if (!changed) return result;
    await follower.reached(result.revision);
    compactions.whenDue();
    return result;
  }

  async #compact(revision: Revision): Promise<void> {
    const { follower, compactions } = this.#parts;
    if (revision > follower.revision) {
      const now = await this.#reads.revision();
      if (revision > now)
        throw new BarnError('FutureRevision', `revision ${revision} is not yet there: the store is at ${now}`);
      await follower.reached(revision);
    }
    await compactions.to(revision);
  }

  async #status(): Promise<MemberStatus> {
    const { calls, space, follower, compactions } = this.#parts;
    const doing = 'ask etcd where it stands';
    const [status, members, alarms] = await Promise.all([
      calls.status(doing),
      calls.members(doing),
      calls.alarms(doing),
      compactions.find(),
    ]);
    const nameOf = (id: bigint): string => members.find((member) => member.id === id)?.name ?? '';
    return {
      name: nameOf(status.member),
      revision: space.here(status.revision),
      compactRevision: follower.compactRevision,
      leader: nameOf(status.leader),
      sizeBytes: status.sizeBytes,
      hash: 0,
      alarms: alarms.map(({ kind, member }) => ({ kind, member: numberOf(member) })),
      raft: {
        id: numberOf(status.member),
        leader: numberOf(status.leader),
        term: status.raftTerm,
        committed: status.raftIndex,
        applied: status.raftAppliedIndex,
        isLearner: status.isLearner,
      },
    };
  }
}

function memberOf({ id, name, peerUrls, clientUrls, isLearner }: EtcdMember): Member {
  return {
    id: numberOf(id),
    name,
    peerUrl: peerUrls[0] ?? '',
    clientUrl: clientUrls[0] ?? '',
    voter: !isLearner,
  };
}

/** The lower 53 bits of etcd's 64: enough to tell members apart. */
function numberOf(id: bigint): number {
  return Number(BigInt.asUintN(53, id));
}
