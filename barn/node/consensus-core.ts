import { assert, type Clock, type Log, type Timer } from '../../base/index.ts';
import { BarnError, type BarnReason } from '../barn.ts';
import type { KeyRing } from '../keys.ts';
import { appendThread, applyThread, type MemberId, type Message, type Ready } from '../raft/protocol.ts';
import { RawNode } from '../raft/raw-node.ts';
import type { Transport } from '../transport/transport.ts';
import type { Wal } from '../wal/wal.ts';
import { ChangeRequests } from './change-requests.ts';
import { ConsensusAsks } from './consensus-asks.ts';
import { ConsensusOutbox } from './consensus-outbox.ts';
import { ConsensusStreams } from './consensus-streams.ts';
import { productFlow } from './flow-limits.ts';
import { GroupReads } from './group-reads.ts';
import { HandOver } from './hand-over.ts';
import { LogRelease } from './log-release.ts';
import { LogWriter } from './log-writer.ts';
import { LostLeader } from './lost-leader.ts';
import type { ConsensusParts, MemberIdentity, MemberTimers } from './member.ts';
import { unpackParts } from './packing.ts';
import { PeerMail } from './peer-mail.ts';
import { Peers } from './peers.ts';
import type { Side, ToConsensus, ToReplica } from './port.ts';
import { ProposalQueue } from './proposal-queue.ts';
import type { Recovered } from './recovery.ts';
import { Standings } from './standings.ts';

/** What moves in the consensus side. Every event is worked off to its end at once: peers first, then the own disk, then the port. */
export class ConsensusCore {
  readonly #identity: MemberIdentity;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timers: MemberTimers;
  readonly #side: Side<ToReplica, ToConsensus>;
  readonly #wal: Wal;
  readonly #transport: Transport;
  readonly #mail: PeerMail;
  readonly #node: RawNode;
  readonly #writer: LogWriter;
  readonly #release: LogRelease;
  readonly #handOver: HandOver;
  readonly #queue: ProposalQueue;
  readonly #peers: Peers;
  readonly #streams: ConsensusStreams;
  readonly #reads: GroupReads;
  readonly #changes: ChangeRequests;
  readonly #asks: ConsensusAsks;
  readonly #outbox: ConsensusOutbox;
  readonly #standings: Standings;
  readonly #lostLeader: LostLeader;
  #timer: Timer | undefined;
  #commit = 0;
  readonly #foundsFirst: boolean;
  #isDriving = false;
  #isDriveComing = false;
  #closing: Promise<void> | undefined;
  #hasFailed = false;

  constructor(
    options: ConsensusParts & {
      readonly side: Side<ToReplica, ToConsensus>;
      readonly wal: Wal;
      readonly keys: KeyRing;
      readonly transport: Transport;
      readonly recovered: Recovered;
      /** A new group begins, and this is the founder with the lowest id. */
      readonly foundsFirst: boolean;
      readonly begin: NonNullable<ToConsensus['begin']>;
    },
  ) {
    const { identity, clock, random, timers, wal, transport, recovered, begin } = options;
    this.#identity = identity;
    this.#foundsFirst = options.foundsFirst;
    this.#clock = clock;
    this.#log = options.log;
    this.#timers = timers;
    this.#side = options.side;
    this.#wal = wal;
    this.#transport = transport;
    this.#mail = new PeerMail(transport);
    const { storage, hardState } = recovered;
    const flow = { ...productFlow, ...options.logLimits };
    const electionTick = Math.max(2, Math.round(timers.electionMs / timers.heartbeatMs));
    this.#standings = new Standings(2 * electionTick);
    this.#node = new RawNode({
      id: identity.id,
      electionTick,
      heartbeatTick: 1,
      storage,
      applied: begin.applied.index,
      asyncStorageWrites: true,
      maxSizePerMsg: flow.messageBytesMax,
      maxCommittedSizePerReady: flow.applyingBytesMax,
      maxUncommittedEntriesSize: flow.uncommittedBytesMax,
      maxInflightMsgs: flow.inflightMessagesMax,
      maxInflightBytes: flow.inflightBytesMax,
      checkQuorum: true,
      preVote: true,
      disableProposalForwarding: false,
      disableConfChangeValidation: false,
      stepDownOnRemoval: true,
      random: (below) => Math.floor(random.next() * below),
    });
    this.#writer = new LogWriter({
      wal,
      storage,
      hardState,
      nowMs: () => clock.monotonicMs(),
      deliver: (responses, isWritten) => this.#deliver(responses, isWritten),
      onFailed: (error) => this.#fail(error),
    });
    this.#lostLeader = new LostLeader({
      node: this.#node,
      clock,
      heartbeatMs: timers.heartbeatMs,
      guard: (work) => this.#guard(work),
    });
    this.#release = new LogRelease(wal, storage, (error) => this.#fail(error), options.logLimits);
    this.#peers = new Peers(
      transport,
      begin.members.length > 0 ? begin.members : identity.initial,
      begin.applied.confState,
      begin.format,
    );
    this.#handOver = new HandOver({
      node: this.#node,
      applyingBytesMax: flow.applyingBytesMax,
      onChange: (change, config) => this.#peers.changed(change, config),
    });
    this.#queue = new ProposalQueue(this.#node);
    this.#reads = new GroupReads(this.#node, storage, identity.id, random);
    this.#changes = new ChangeRequests({
      node: this.#node,
      peers: this.#peers,
      transport,
      guard: (work) => this.#guard(work),
    });
    this.#outbox = new ConsensusOutbox(this.#side, () => this.#driveSoon());
    this.#streams = new ConsensusStreams({
      begin: (begun) => this.#outbox.say('streams', begun),
      frame: (frame, transfer) => this.#outbox.say('frames', frame, transfer),
      log: options.log,
    });
    this.#asks = new ConsensusAsks({
      ...options,
      node: this.#node,
      outbox: this.#outbox,
      changes: this.#changes,
      writer: this.#writer,
      streams: this.#streams,
      standings: this.#standings,
      onFailed: (error) => this.#fail(error),
    });
  }

  /** Takes part from now on. A member alone leads at once, and of those who found a group the first tries to. */
  begin(): void {
    this.#guard(() => {
      const { voters } = this.#node.status().config;
      if (this.#foundsFirst || (voters.length === 1 && voters[0] === this.#identity.id)) this.#node.campaign();
    });
    this.#timer = this.#clock.after(this.#timers.heartbeatMs, () => this.#tick(), { unref: true });
  }

  /** What the state side says. */
  hear(message: ToConsensus): void {
    this.#guard(() => {
      const { applied, durable, proposals, read, format } = message;
      if (applied !== undefined) for (const response of this.#handOver.applied(applied)) this.#node.step(response);
      if (durable !== undefined) this.#release.durable(durable);
      if (format !== undefined) this.#peers.format = format;
      if (proposals !== undefined) {
        const commands = unpackParts(proposals.bytes, proposals.count);
        this.#queue.add(proposals.first, commands, this.#clock.monotonicMs() + this.#timers.requestMs);
      }
      if (read !== undefined) this.#reads.add(read);
      for (const { id, ask } of message.asks ?? []) this.#asks.ask(id, ask);
      for (const frame of message.frames ?? []) this.#streams.frame(frame);
    });
    if (message.close === true) void this.close();
  }

  /** What a peer says. */
  messages(messages: readonly Message[]): void {
    this.#guard(() => {
      for (const message of messages) {
        if (message.type !== 'MsgProp' || message.entries.some(({ type }) => type !== 'EntryNormal')) {
          this.#node.step(message);
          continue;
        }
        const commands = message.entries.map(({ data }) => data);
        this.#queue.addForwarded(commands, this.#clock.monotonicMs() + this.#timers.requestMs);
      }
      const from = messages[0]?.from ?? 0;
      this.#standings.word(from, this.#node.basicStatus().leader);
    });
  }

  unreachable(id: MemberId): void {
    this.#guard(() => {
      this.#node.reportUnreachable(id);
      this.#lostLeader.unreachable(id);
    });
  }

  /** Takes a snapshot in, unless this member has as much already. */
  async snapshot(message: Message, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { term, commit } = this.#node.basicStatus();
    const { snapshot } = message;
    if (snapshot === undefined || message.term < term)
      throw new BarnError('NoLeader', `a snapshot came from term ${message.term}, this member is in ${term}`);
    if (snapshot.index > commit) {
      const { meta, members } = await this.#streams.install(chunks);
      if (meta.index === snapshot.index) this.#peers.restored(members, meta.confState);
    }
    this.#guard(() => void this.#node.step(message));
  }

  /** Answers a peer's question. */
  async question(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#changes.question(bytes);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
    this.#lostLeader.close();
    await this.#transport.close();
    // A log that failed has said so.
    await this.#wal.close().catch(() => {});
    this.#side.post({ closed: true });
    this.#side.close();
  }

  #tick(): void {
    if (this.#closing !== undefined || this.#hasFailed) return;
    this.#timer = this.#clock.after(this.#timers.heartbeatMs, () => this.#tick(), { unref: true });
    this.#guard(() => {
      this.#mail.sendLate();
      this.#outbox.postAll();
      this.#node.tick();
      this.#standings.tick();
      this.#stand();
      // The others may not have been there yet.
      if (this.#foundsFirst && this.#standings.now.leader === 0 && this.#node.basicStatus().term === 1)
        this.#node.campaign();
      const given = this.#queue.expire(this.#clock.monotonicMs());
      if (given === undefined) return;
      const reason = this.#node.basicStatus().leader === 0 ? 'NoLeader' : 'Overloaded';
      const message =
        reason === 'NoLeader' ? 'no leader took the write in time' : 'the group takes no more writes: try again later';
      this.#outbox.say('dropped', { ...given, reason, message });
    });
  }

  /** Does something to the core, then all that follows from it. */
  #guard(work: () => void): void {
    if (this.#hasFailed || this.#closing !== undefined) return;
    try {
      work();
      this.#drive();
    } catch (error) {
      this.#fail(error);
    }
  }

  #drive(): void {
    if (this.#isDriving) return;
    this.#isDriving = true;
    try {
      const taken = this.#isGathering() ? undefined : this.#queue.propose();
      if (taken !== undefined) this.#outbox.proposed(taken.upTo, taken.term);
      this.#reads.ask();
      while (this.#node.hasReady()) this.#work(this.#node.ready());
      this.#post();
    } finally {
      this.#isDriving = false;
    }
  }

  /** While its disk is at work a leader lets commands gather: they go to everybody at once when it is done. */
  #isGathering(): boolean {
    return this.#writer.isWriting && !this.#queue.isFull && this.#node.basicStatus().leader === this.#identity.id;
  }

  /**
   * A follower has nothing else to do before it can answer; nor has a leader with a single entry when all before it are
   * committed: its client is alone. Where there are more, their commands gather while the disk works.
   */
  #isBrief({ entries }: Message): boolean {
    if (this.#node.basicStatus().leader !== this.#identity.id) return true;
    return entries.length === 1 && entries[0]?.index === this.#commit + 1;
  }

  #work({ softState, hardState, readStates, messages, mustSync }: Ready): void {
    if (hardState !== undefined) this.#commit = hardState.commit;
    const network: Message[] = [];
    const own: Message[] = [];
    const votes: Message[] = [];
    for (const message of messages) {
      if (message.to === appendThread || message.to === applyThread) own.push(message);
      else if (message.type === 'MsgVote') votes.push(message);
      else if (message.type === 'MsgSnap') this.#sendSnapshot(message);
      else network.push(message);
    }
    this.#mail.send(network);
    for (const message of own) {
      if (message.to === appendThread) {
        this.#changes.appended(message.entries);
        // A vote is asked for when the own vote, and the log that it is asked for, are durable: who forgot them could lead
        // twice in one term, or by a vote that was meant for a longer log. (The core hands both out at once, as raft.go does.)
        const responses = [...votes.splice(0), ...(message.responses ?? [])];
        this.#writer.append({ ...message, responses }, hardState, { mustSync, isBrief: this.#isBrief(message) });
      } else {
        this.#handOver.take(message);
      }
    }
    assert(votes.length === 0, 'a vote is asked for in a new term, which is written');
    for (const { index, context } of readStates) {
      const read = this.#reads.answered(context);
      if (read !== undefined) this.#outbox.say('reads', { read, index });
    }
    if (softState !== undefined || this.#node.basicStatus().term !== this.#standings.now.term) this.#stand();
  }

  /** Who leads may have changed. */
  #stand(): void {
    const { leader, term, role } = this.#node.basicStatus();
    if (!this.#standings.heard({ leader, term, role })) return;
    this.#outbox.news({ standing: this.#standings.now });
    if (leader !== 0) this.#reads.again();
  }

  /** What waited for the disk goes to peers, or back into the core; what follows comes once for all that are done in a turn. */
  #deliver(responses: readonly Message[], isWritten: boolean): void {
    if (this.#hasFailed) return;
    const network: Message[] = [];
    for (const message of responses) {
      if (message.to === this.#identity.id) this.#node.step(message);
      else if (isWritten || message.type !== 'MsgAppResp' || message.reject) network.push(message);
      else this.#mail.later(message);
    }
    this.#mail.send(network);
    this.#driveSoon();
  }

  #sendSnapshot(message: Message): void {
    void this.#streams.send(message, this.#transport).then((ok) => {
      this.#guard(() => this.#node.reportSnapshot(message.to, ok));
    });
  }

  /** What is said outside of an event crosses all the same. */
  #driveSoon(): void {
    if (this.#isDriving || this.#isDriveComing) return;
    this.#isDriveComing = true;
    void Promise.resolve().then(() => {
      this.#isDriveComing = false;
      this.#guard(() => {});
    });
  }

  #post(): void {
    const entries = this.#handOver.packed(this.#commit, this.#wal.sizeBytes());
    if (entries !== undefined) {
      this.#outbox.news({ entries });
      this.#release.handed(entries.first + entries.count - 1, entries.bytes.byteLength);
    }
    this.#outbox.post();
  }

  #fail(error: unknown): void {
    if (this.#hasFailed || this.#closing !== undefined) return;
    this.#hasFailed = true;
    this.#timer?.cancel();
    const reason: BarnReason = error instanceof BarnError ? error.reason : 'Corrupt';
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#log.error('consensus ended', { reason, error: message });
    this.#side.post({ failed: { reason, message: error instanceof Error ? error.message : String(error) } });
    void this.#transport.close();
  }
}
