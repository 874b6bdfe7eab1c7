// etcd's calls that the Barn needs, by name.
import {
  decodeAlarms,
  decodeMembers,
  decodeStatus,
  type EtcdAlarm,
  type EtcdMember,
  type EtcdStatus,
  emptyRequest,
} from './cluster-messages.ts';
import type { Endpoints, EtcdStream } from './endpoints.ts';
import {
  decodeRange,
  decodeTxn,
  type EtcdRange,
  type EtcdRangeResult,
  type EtcdTxnResult,
  encodeCompaction,
  encodeRange,
} from './kv-messages.ts';
import { decodeWatchResponse, encodeWatch } from './watch-messages.ts';

/** Errors as Endpoints.call gives them. */
export class EtcdCalls {
  readonly #endpoints: Endpoints;

  constructor(endpoints: Endpoints) {
    this.#endpoints = endpoints;
  }

  async range(range: EtcdRange, doing: string): Promise<EtcdRangeResult> {
    return decodeRange(await this.#endpoints.call('/etcdserverpb.KV/Range', encodeRange(range), doing, true));
  }

  /** `request` is an encoded TxnRequest. */
  async txn(request: Buffer, doing: string, onlyReads: boolean): Promise<EtcdTxnResult> {
    return decodeTxn(await this.#endpoints.call('/etcdserverpb.KV/Txn', request, doing, onlyReads));
  }

  /** Compacting twice is refused as Compacted the second time. */
  async compact(revision: number, doing: string): Promise<void> {
    await this.#endpoints.call('/etcdserverpb.KV/Compact', encodeCompaction(revision), doing, true);
  }

  async status(doing: string): Promise<EtcdStatus> {
    return decodeStatus(await this.#endpoints.call('/etcdserverpb.Maintenance/Status', emptyRequest, doing, true));
  }

  async alarms(doing: string): Promise<readonly EtcdAlarm[]> {
    return decodeAlarms(await this.#endpoints.call('/etcdserverpb.Maintenance/Alarm', emptyRequest, doing, true));
  }

  async members(doing: string): Promise<readonly EtcdMember[]> {
    return decodeMembers(await this.#endpoints.call('/etcdserverpb.Cluster/MemberList', emptyRequest, doing, true));
  }

  /** A watch of all keys there are from `startRevision` on, in its own stream; the caller cancels it. Errors: NoLeader. */
  async watchAll(startRevision: number): Promise<{ readonly stream: EtcdStream; readonly url: string }> {
    const opened = await this.#endpoints.stream('/etcdserverpb.Watch/Watch');
    opened.stream.write(encodeWatch({ key: '\0', end: '\0', startRevision, fragment: true, prevValue: true }));
    return opened;
  }

  /** Where etcd is compacted, which is above `below`: a watch from there is refused with the number. 0 when it is not. */
  async compactedAbove(below: number): Promise<number> {
    const { stream } = await this.watchAll(Math.max(1, below));
    try {
      for await (const bytes of stream) {
        const { compactRevision, events } = decodeWatchResponse(bytes);
        if (compactRevision > 0) return compactRevision;
        if (events.length > 0) return 0;
      }
      return 0;
    } finally {
      stream.cancel();
    }
  }

  /** The stream's endpoint did not keep its word: go on with another. */
  turnFrom(url: string, why: string): void {
    this.#endpoints.turnFrom(url, why);
  }

  close(): void {
    this.#endpoints.close();
  }
}
