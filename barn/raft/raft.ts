import { assert, InvariantError } from '../../base/index.ts';
import { type Draft, draft, waitsForDisk } from './message.ts';
import { PendingReads } from './pending-reads.ts';
import type { MemberId, Message, MessageType, RaftConfig, ReadState, Role } from './protocol.ts';
import { RaftLog } from './raft-log.ts';
import { Tracker } from './tracker.ts';

/** The settings, checked, with "no limit" as Infinity. */
export type Settings = Omit<RaftConfig, 'applied'>;

/**
 * The state of one member, in the terms of the paper's figure 2. What happens to it is in the files beside: roles.ts (who it
 * becomes), election.ts, replication.ts (what it sends), proposals.ts, membership.ts, step.ts and step-*.ts (what it hears).
 */
export class Raft {
  readonly settings: Settings;
  readonly id: MemberId;
  term = 0;
  /** Whom it voted for in this term; 0: nobody. */
  vote: MemberId = 0;
  /** 0: nobody that it knows of. */
  leader: MemberId = 0;
  role: Role = 'StateFollower';
  isLearner = false;
  readonly log: RaftLog;
  readonly tracker = new Tracker();

  /** To other members, at once. */
  messages: Message[] = [];
  /** To other members and to itself, once everything so far is durable. */
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];
  reads = new PendingReads();

  /** To whom leadership is being transferred (thesis, 3.10); 0: nobody. */
  transferee: MemberId = 0;
  /** At or after the last change of the configuration in the log: none is proposed until it is applied. */
  pendingConfIndex = 0;
  /** The data of the leader's uncommitted entries; may be too low, never too high. */
  uncommittedBytes = 0;

  /** Ticks since the leader was heard of, or since an election began, or since the quorum was checked. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  electionTimeout = 0;

  constructor(config: RaftConfig) {
    this.settings = checked(config);
    this.id = config.id;
    this.log = new RaftLog(config.storage, this.settings.maxCommittedSizePerReady);
  }

  /** A message of this member's term. */
  draft(type: MessageType, to: MemberId): Draft {
    return draft(type, to, this.id, this.term);
  }

  /** Sends: at once, or after the disk when it answers for what must be durable. Nobody changes the message any more. */
  send(message: Message): void {
    if (waitsForDisk(message.type)) {
      this.messagesAfterAppend.push(message);
      return;
    }
    if (message.to === this.id) throw new InvariantError(`${message.type} sent to oneself`);
    this.messages.push(message);
  }

  /** Prose for whoever follows; costs nothing when nobody does: raft.settings.trace?.(…). */
  get trace(): ((line: string) => void) | undefined {
    return this.settings.trace;
  }

  /** Whether this member may lead: a voter, and not before a snapshot is installed. */
  get isPromotable(): boolean {
    const self = this.tracker.get(this.id);
    return self !== undefined && !self.isLearner && this.log.unstable.snapshot === undefined;
  }

  /** Whether an entry of this term is committed: only then a leader knows what is (thesis, 6.4). */
  get hasCommittedInTerm(): boolean {
    return this.log.hasEntry(this.term, this.log.committed);
  }
}

function checked(config: RaftConfig): Settings {
  const { applied: _, ...settings } = config;
  assert(Number.isSafeInteger(config.id) && config.id > 0, `member id ${config.id} is not in 1 … 2^53 - 1`);
  assert(config.heartbeatTick > 0, `heartbeatTick ${config.heartbeatTick} is not positive`);
  assert(config.electionTick > config.heartbeatTick, `electionTick ${config.electionTick} is not above heartbeatTick`);
  assert(config.maxInflightMsgs > 0, `maxInflightMsgs ${config.maxInflightMsgs} is not positive`);
  assert(
    config.maxInflightBytes === 0 || config.maxInflightBytes >= config.maxSizePerMsg,
    `maxInflightBytes ${config.maxInflightBytes} is below maxSizePerMsg ${config.maxSizePerMsg}`,
  );
  return {
    ...settings,
    maxCommittedSizePerReady: config.maxCommittedSizePerReady || config.maxSizePerMsg || 1,
    maxUncommittedEntriesSize: config.maxUncommittedEntriesSize || Number.POSITIVE_INFINITY,
    maxInflightBytes: config.maxInflightBytes || Number.POSITIVE_INFINITY,
  };
}
