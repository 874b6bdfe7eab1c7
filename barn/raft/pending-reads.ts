import type { MemberId, Message } from './protocol.ts';
import { type AckedIndexes, jointCommittedIndex, type Voters } from './quorum.ts';

/** So many reads may wait at a leader; more are dropped, and who asked asks again. */
const readsMax = 65_536;
const positionBytes = 8;

/** A read that waits for a quorum to confirm the leader; it may be served once `index` is applied. */
export interface PendingRead {
  readonly request: Message;
  readonly index: number;
}

/**
 * The reads of a leader (thesis, 6.4). Reads are counted; a heartbeat carries the count so far, its answer brings it back, and
 * what a quorum has brought back is confirmed: one round of heartbeats serves all reads before it.
 */
export class PendingReads implements AckedIndexes {
  private reads: PendingRead[] = [];
  private confirmed = 0;
  private position: Uint8Array | undefined;
  private readonly acked = new Map<MemberId, number>();
  /** Reads that came before an entry of the own term was committed. */
  private early: Message[] = [];

  get hasEarly(): boolean {
    return this.early.length > 0;
  }

  /** Keeps a read until the leader has committed an entry of its term. */
  keepEarly(request: Message): void {
    if (this.early.length < readsMax) this.early.push(request);
  }

  takeEarly(): readonly Message[] {
    const { early } = this;
    this.early = [];
    return early;
  }

  /** Adds a read, to be served at `index`; false when too many wait. */
  add(request: Message, index: number): boolean {
    if (this.reads.length >= readsMax) return false;
    this.reads.push({ request, index });
    this.position = encodePosition(this.confirmed + this.reads.length);
    return true;
  }

  /** What a heartbeat carries so that its answer confirms all reads so far; undefined when none waits. */
  heartbeatContext(): Uint8Array | undefined {
    return this.position;
  }

  /** `from` answered a heartbeat with this context; a position that was never given out is passed over. */
  acknowledge(from: MemberId, context: Uint8Array): void {
    const position = decodePosition(context);
    if (position > this.confirmed + this.reads.length) return;
    if (position > (this.acked.get(from) ?? 0)) this.acked.set(from, position);
  }

  ackedIndex(id: MemberId): number | undefined {
    return this.acked.get(id);
  }

  /** The reads that a quorum has confirmed by now, in order. */
  takeConfirmed(voters: Voters): readonly PendingRead[] {
    const confirmed = jointCommittedIndex(voters, this);
    if (confirmed <= this.confirmed) return [];
    const taken = this.reads.splice(0, confirmed - this.confirmed);
    this.confirmed += taken.length;
    if (this.reads.length === 0) this.position = undefined;
    return taken;
  }
}

function encodePosition(position: number): Uint8Array {
  const bytes = new Uint8Array(positionBytes);
  new DataView(bytes.buffer).setFloat64(0, position);
  return bytes;
}

/** 0, which confirms nothing, for what we never wrote. */
function decodePosition(bytes: Uint8Array): number {
  if (bytes.length !== positionBytes) return 0;
  const position = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(0);
  return Number.isSafeInteger(position) ? position : 0;
}
