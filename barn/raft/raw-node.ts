import { InvariantError } from '../../base/index.ts';
import type { EntryContent } from './append-entries.ts';
import { faultOf } from './check-message.ts';
import { type ConfChangeVersion, encodeConfChange } from './conf-change.ts';
import { campaign } from './election.ts';
import { applyConfChange } from './membership.ts';
import { type Draft, draft } from './message.ts';
import { proposeAsLeader } from './proposals.ts';
import type {
  ConfChange,
  ConfState,
  Entry,
  HardState,
  MemberId,
  Message,
  RaftConfig,
  RaftReason,
  ReadState,
  Ready,
  SoftState,
} from './protocol.ts';
import type { Raft } from './raft.ts';
import { startRaft } from './start.ts';
import { type BasicStatus, basicStatusOf, type Status, statusOf } from './status.ts';
import { step } from './step.ts';
import { peerUnreachable, snapshotReported } from './step-leader.ts';
import {
  acceptApplying,
  storageAppendMessage,
  storageAppendResponse,
  storageApplyMessage,
  storageApplyResponse,
} from './storage-messages.ts';
import { tick } from './tick.ts';

const noReadStates: readonly ReadState[] = Object.freeze([]);

/**
 * One member of a group, as a pure state machine: messages, proposals and ticks go in, and `ready` says what is to be done.
 * Refusals come back as a reason, and then nothing was done; a broken invariant throws, and then the member must end.
 *
 * Synchronous mode: write hardState, entries and snapshot of the Ready, then send its messages, apply its committed entries
 * (configuration changes by applyConfChange) and call `advance`. Asynchronous mode: send the messages of each Ready at once; when
 * the threads have done what theirs ask, deliver the responses in them. Never `advance`.
 */
export class RawNode {
  protected readonly raft: Raft;
  private readonly isAsync: boolean;
  /** What the last Ready said. */
  private softState: SoftState;
  private hardState: HardState;
  /** What `advance` tells the core. */
  private onAdvance: Message[] = [];

  /** Errors: InvariantError for settings that make no sense and for a storage whose state breaks a rule. */
  constructor(config: RaftConfig) {
    this.raft = startRaft(config);
    this.isAsync = config.asyncStorageWrites;
    this.softState = { leader: this.raft.leader, role: this.raft.role };
    this.hardState = this.currentHardState();
  }

  /** One tick of the clock. */
  tick(): void {
    tick(this.raft);
  }

  /** Begins an election, if this member may. */
  campaign(): void {
    campaign(this.raft, this.raft.settings.preVote ? 'pre-election' : 'election');
  }

  /** Takes a message of a member, or of a storage thread. */
  step(message: Message): RaftReason | undefined {
    return faultOf(this.raft, message) ?? step(this.raft, message);
  }

  /** Asks for entries with this data, all or none; a follower forwards them. That they were taken promises nothing yet. */
  propose(data: Uint8Array | readonly Uint8Array[]): RaftReason | undefined {
    const all = data instanceof Uint8Array ? [data] : data;
    const contents: EntryContent[] = [];
    for (const one of all) contents.push({ type: 'EntryNormal', data: one });
    return contents.length === 0 ? undefined : this.proposeContents(contents);
  }

  /** Asks for a change of the configuration; one that cannot be made now becomes an empty entry. Errors: Malformed. */
  proposeConfChange(change: ConfChange, version: ConfChangeVersion = 'EntryConfChangeV2'): RaftReason | undefined {
    return this.proposeContents([{ type: version, data: encodeConfChange(change) }]);
  }

  /** Makes a committed change and returns the configuration it led to: once for each such entry, in order. */
  applyConfChange(change: ConfChange): ConfState {
    return applyConfChange(this.raft, change);
  }

  /** Asks for a ReadState with this context; when there is no leader nothing comes of it. */
  readIndex(context: Uint8Array): void {
    const message = this.local('MsgReadIndex');
    message.entries = [{ term: 0, index: 0, type: 'EntryNormal', data: context }];
    step(this.raft, message);
  }

  /** Asks the leader to hand over to `id`; given up after an election timeout. Meanwhile proposals are dropped. */
  transferLeader(id: MemberId): void {
    const message = this.local('MsgTransferLeader');
    message.from = id;
    step(this.raft, message);
  }

  /** A message to `id` may be lost. */
  reportUnreachable(id: MemberId): void {
    const peer = this.leads ? this.raft.tracker.get(id) : undefined;
    if (peer !== undefined) peerUnreachable(peer);
  }

  /** The snapshot to `id` was sent, or was not. Must be told either way, or nothing is sent to it any more. */
  reportSnapshot(id: MemberId, ok: boolean): void {
    const peer = this.leads ? this.raft.tracker.get(id) : undefined;
    if (peer !== undefined) snapshotReported(peer, ok);
  }

  /** A follower that has reason to believe its leader gone forgets it, so that it may vote for another at once. */
  forgetLeader(): void {
    if (this.raft.role === 'StateFollower') this.raft.leader = 0;
  }

  basicStatus(): BasicStatus {
    return basicStatusOf(this.raft);
  }

  status(): Status {
    return statusOf(this.raft);
  }

  /** Whether `ready` would have something to do. */
  hasReady(): boolean {
    const { raft } = this;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      raft.log.unstable.hasNextEntries ||
      raft.log.hasNextCommitted(!this.isAsync) ||
      raft.readStates.length > 0 ||
      this.hasNewHardState() ||
      this.hasNewSoftState() ||
      raft.log.unstable.nextSnapshot() !== undefined
    );
  }

  /** What is to be done; it is taken for granted from now on that it will be. */
  ready(): Ready {
    const { raft } = this;
    const { unstable } = raft.log;
    const entries = unstable.nextEntries();
    const committedEntries = raft.log.nextCommitted(!this.isAsync);
    const mustSync = entries.length > 0 || raft.vote !== this.hardState.vote || raft.term !== this.hardState.term;
    const hardState = this.hasNewHardState() ? this.currentHardState() : undefined;
    const softState = this.hasNewSoftState() ? { leader: raft.leader, role: raft.role } : undefined;
    const snapshot = unstable.nextSnapshot();
    const readStates = raft.readStates.length > 0 ? raft.readStates : noReadStates;
    const { messages } = raft;
    const ready = { softState, hardState, readStates, entries, snapshot, committedEntries, messages, mustSync };

    if (this.isAsync) this.addThreadMessages(ready, messages);
    else this.addWaitingMessages(ready, messages);
    if (softState !== undefined) this.softState = softState;
    if (hardState !== undefined) this.hardState = hardState;
    if (readStates.length > 0) raft.readStates = [];
    raft.messages = [];
    raft.messagesAfterAppend = [];
    unstable.acceptInProgress();
    acceptApplying(raft, committedEntries, !this.isAsync);
    return ready;
  }

  /** The last Ready was done, all of it. Only in synchronous mode. */
  advance(): void {
    if (this.isAsync) throw new InvariantError('advance is for synchronous storage writes only');
    const steps = this.onAdvance;
    this.onAdvance = [];
    for (const message of steps) step(this.raft, message);
  }

  private addThreadMessages(ready: Ready, messages: Message[]): void {
    const { entries, hardState, snapshot, committedEntries } = ready;
    const append = storageAppendMessage(this.raft, { entries, hardState, snapshot });
    if (append !== undefined) messages.push(append);
    if (committedEntries.length > 0) messages.push(storageApplyMessage(this.raft, committedEntries));
  }

  private addWaitingMessages(ready: Ready, messages: Message[]): void {
    if (this.onAdvance.length > 0) throw new InvariantError('ready was called twice without advance');
    for (const message of this.raft.messagesAfterAppend)
      (message.to === this.raft.id ? this.onAdvance : messages).push(message);
    const stable = storageAppendResponse(this.raft, ready.snapshot);
    if (stable !== undefined) this.onAdvance.push(stable);
    if (ready.committedEntries.length > 0) this.onAdvance.push(storageApplyResponse(this.raft, ready.committedEntries));
  }

  private proposeContents(contents: readonly EntryContent[]): RaftReason | undefined {
    if (this.leads) return proposeAsLeader(this.raft, contents);
    const entries: Entry[] = contents.map(({ type, data }) => ({ term: 0, index: 0, type, data }));
    const message = this.local('MsgProp');
    message.entries = entries;
    return step(this.raft, message);
  }

  /** A message of this member to its own core. */
  private local(type: Message['type']): Draft {
    return draft(type, this.raft.id, this.raft.id, 0);
  }

  private get leads(): boolean {
    return this.raft.role === 'StateLeader';
  }

  private hasNewSoftState(): boolean {
    return this.raft.leader !== this.softState.leader || this.raft.role !== this.softState.role;
  }

  private hasNewHardState(): boolean {
    const { term, vote, commit } = this.hardState;
    return this.raft.term !== term || this.raft.vote !== vote || this.raft.log.committed !== commit;
  }

  private currentHardState(): HardState {
    return { term: this.raft.term, vote: this.raft.vote, commit: this.raft.log.committed };
  }
}
