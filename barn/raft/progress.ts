import { InvariantError } from '../../base/index.ts';
import type { Inflights } from './inflights.ts';
import type { MemberId } from './protocol.ts';

/**
 * How the leader sends to a follower. Probe: one message an interval, until it knows where the logs agree. Replicate: ahead of
 * the answers, as far as the window goes. Snapshot: not at all, until the snapshot arrived.
 */
export type ProgressState = 'StateProbe' | 'StateReplicate' | 'StateSnapshot';

/** What the leader knows of one member's log. Invariant: match < next. */
export class Progress {
  readonly id: MemberId;
  /** Up to here the logs are known to agree. */
  match = 0;
  /** The next index to send; what is between is on its way. */
  next: number;
  state: ProgressState = 'StateProbe';
  /** The index of the snapshot on its way, in StateSnapshot; else 0. */
  pendingSnapshot = 0;
  /** Heard of since the last check of the quorum. */
  recentActive = false;
  /** No append until a heartbeat is answered or the follower moves on. */
  isFlowPaused = false;
  isLearner: boolean;
  inflights: Inflights;
  /** The highest commit index that was sent; falls back when it may be lost. */
  private sentCommit = 0;

  constructor(id: MemberId, next: number, isLearner: boolean, inflights: Inflights) {
    this.id = id;
    this.next = next;
    this.isLearner = isLearner;
    this.inflights = inflights;
  }

  /** Another one with the same knowledge and the same window: one of the two must be thrown away. */
  copy(): Progress {
    const copy = new Progress(this.id, this.next, this.isLearner, this.inflights);
    copy.match = this.match;
    copy.state = this.state;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.recentActive = this.recentActive;
    copy.isFlowPaused = this.isFlowPaused;
    copy.sentCommit = this.sentCommit;
    return copy;
  }

  /** Forgets all but who it is: a new term begins. */
  restart(match: number, next: number): void {
    this.match = match;
    this.next = next;
    this.recentActive = false;
    this.sentCommit = 0;
    this.enter('StateProbe');
  }

  get isPaused(): boolean {
    return this.state === 'StateSnapshot' || this.isFlowPaused;
  }

  becomeProbe(): void {
    // A snapshot that was sent is believed to have arrived, unless pendingSnapshot was cleared before.
    const sent = this.state === 'StateSnapshot' ? this.pendingSnapshot : 0;
    this.enter('StateProbe');
    this.next = Math.max(this.match, sent) + 1;
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
  }

  becomeReplicate(): void {
    this.enter('StateReplicate');
    this.next = this.match + 1;
  }

  becomeSnapshot(index: number): void {
    this.enter('StateSnapshot');
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.sentCommit = index;
  }

  /** An append with so many entries and bytes leaves now. */
  sent(count: number, bytes: number): void {
    if (this.state === 'StateSnapshot')
      throw new InvariantError(`append sent to ${this.id}, which waits for a snapshot`);
    if (this.state === 'StateProbe') {
      if (count > 0) this.isFlowPaused = true;
      return;
    }
    if (count > 0) {
      this.next += count;
      this.inflights.add(this.next - 1, bytes);
    }
    this.isFlowPaused = this.inflights.isFull;
  }

  /** This commit index leaves now. */
  sentCommitIndex(index: number): void {
    this.sentCommit = index;
  }

  /** Whether sending this commit index now could move the follower's. */
  canBumpCommit(index: number): boolean {
    return index > this.sentCommit && this.sentCommit < this.next - 1;
  }

  /** The follower acknowledged `index`; false when that is no news. */
  update(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.isFlowPaused = false;
    return true;
  }

  /** The follower refused an append after `rejected`, and guesses that the logs agree at `hint`; false when that is old news. */
  decrease(rejected: number, hint: number): boolean {
    if (this.state === 'StateReplicate') {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      this.sentCommit = Math.min(this.sentCommit, this.next - 1);
      return true;
    }
    // Others are probed one message at a time: an answer to anything but the last probe is old.
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
    this.isFlowPaused = false;
    return true;
  }

  private enter(state: ProgressState): void {
    this.state = state;
    this.isFlowPaused = false;
    this.pendingSnapshot = 0;
    this.inflights.reset();
  }
}
