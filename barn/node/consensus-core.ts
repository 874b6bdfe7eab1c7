import type { Clock, Log, Timer } from '../../base/index.ts';
import { BarnError, type BarnReason } from '../barn.ts';
import { decodeConfChange, encodeConfChange } from '../raft/conf-change.ts';
import type { MemoryStorage } from '../raft/memory-storage.ts';
import {
  appendThread,
  applyThread,
  type ConfChange,
  type MemberId,
  type Message,
  type Ready,
} from '../raft/protocol.ts';
import { RawNode } from '../raft/raw-node.ts';
import type { Transport } from '../transport/transport.ts';
import type { Wal } from '../wal/wal.ts';
import { type Refusal, refusalOf } from './change-rules.ts';
import { ConsensusStreams } from './consensus-streams.ts';
import type { ConsensusCounts } from './counts.ts';
import { HandOver } from './hand-over.ts';
import { LogRelease } from './log-release.ts';
import { LogWriter } from './log-writer.ts';
import type { ConsensusParts, MemberIdentity, MemberTimers } from './member.ts';
import { unpackParts } from './packing.ts';
import { Peers } from './peers.ts';
import type { Answer, Ask, Dropped, Side, StreamBegin, StreamFrame, ToConsensus, ToReplica } from './port.ts';
import { ProposalQueue } from './proposal-queue.ts';
import { decodeChangeAnswer, decodeQuestion, encodeSaying } from './questions.ts';
import { ReadContexts } from './read-contexts.ts';
import type { Recovered } from './recovery.ts';
import { Standings } from './standings.ts';

const MiB = 1024 * 1024;
/** One append to a peer, and what may be under way to it. */
const messageBytesMax = MiB;
const inflightMessagesMax = 256;
const inflightBytesMax = 32 * MiB;
/** Committed entries on their way to the state side; more wait in the log. */
const applyingBytesMax = MiB;
/** Proposals that are not committed; more wait in the queue. */
const uncommittedBytesMax = 64 * MiB;

type Draft = { -readonly [Field in keyof ToReplica]: ToReplica[Field] };

/** What moves in the consensus side. Every event is worked off to its end at once: peers first, then the own disk, then the port. */
export class ConsensusCore {
  readonly #identity: MemberIdentity;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timers: MemberTimers;
  readonly #side: Side<ToReplica, ToConsensus>;
  readonly #wal: Wal;
  readonly #transport: Transport;
  readonly #node: RawNode;
  readonly #storage: MemoryStorage;
  readonly #writer: LogWriter;
  readonly #release: LogRelease;
  readonly #handOver: HandOver;
  readonly #queue: ProposalQueue;
  readonly #peers: Peers;
  readonly #streams: ConsensusStreams;
  readonly #reads: ReadContexts;
  readonly #standings = new Standings();
  #timer: Timer | undefined;
  #draft: Draft = {};
  #transfer: ArrayBuffer[] = [];
  #commit = 0;
  /** A read that is still to be brought before the group. */
  #read: number | undefined;
  #lastAppended: Ready['entries'][number] | undefined;
  readonly #foundsFirst: boolean;
  #isDriving = false;
  #isDriveComing = false;
  #closing: Promise<void> | undefined;
  #hasFailed = false;

  constructor(
    options: ConsensusParts & {
      readonly side: Side<ToReplica, ToConsensus>;
      readonly wal: Wal;
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
    const { storage, hardState } = recovered;
    this.#storage = storage;
    this.#node = new RawNode({
      id: identity.id,
      electionTick: Math.max(2, Math.round(timers.electionMs / timers.heartbeatMs)),
      heartbeatTick: 1,
      storage,
      applied: begin.applied.index,
      asyncStorageWrites: true,
      maxSizePerMsg: messageBytesMax,
      maxCommittedSizePerReady: applyingBytesMax,
      maxUncommittedEntriesSize: uncommittedBytesMax,
      maxInflightMsgs: inflightMessagesMax,
      maxInflightBytes: inflightBytesMax,
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
      deliver: (responses) => this.#deliver(responses),
      onFailed: (error) => this.#fail(error),
    });
    this.#release = new LogRelease(wal, storage, (error) => this.#fail(error), options.logLimits);
    this.#peers = new Peers(
      transport,
      begin.members.length > 0 ? begin.members : identity.initial,
      begin.applied.confState,
    );
    this.#handOver = new HandOver(this.#node, (change, config) => this.#peers.changed(change, config));
    this.#queue = new ProposalQueue(this.#node);
    this.#reads = new ReadContexts(identity.id, random);
    this.#streams = new ConsensusStreams({
      begin: (begun) => this.#say('streams', begun),
      frame: (frame, transfer) => this.#say('frames', frame, transfer),
      log: options.log,
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
      const { applied, durable, proposals, read } = message;
      if (applied !== undefined) for (const response of this.#handOver.applied(applied)) this.#node.step(response);
      if (durable !== undefined) this.#release.durable(durable);
      if (proposals !== undefined) {
        const commands = unpackParts(proposals.bytes, proposals.count);
        this.#queue.add(proposals.first, commands, this.#clock.monotonicMs() + this.#timers.requestMs);
      }
      if (read !== undefined) this.#read = read;
      for (const { id, ask } of message.asks ?? []) this.#ask(id, ask);
      for (const frame of message.frames ?? []) this.#streams.frame(frame);
    });
    if (message.close === true) void this.close();
  }

  /** What a peer says. */
  messages(messages: readonly Message[]): void {
    this.#guard(() => {
      for (const message of messages) {
        const refused = this.#node.step(message);
        if (refused !== 'ProposalDropped' || message.type !== 'MsgProp') continue;
        const commands = message.entries.filter(({ type }) => type === 'EntryNormal').map(({ data }) => data);
        this.#queue.addForwarded(commands, this.#clock.monotonicMs() + this.#timers.requestMs);
      }
    });
  }

  unreachable(id: MemberId): void {
    this.#guard(() => this.#node.reportUnreachable(id));
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
    const question = decodeQuestion(bytes);
    if (question.kind === 'change')
      return encodeSaying(this.#propose(decodeConfChange(Buffer.from(question.change, 'base64'))));
    const { progress } = this.#node.status();
    const record = this.#peers.record(question.id);
    const match = progress.find(({ id }) => id === question.id)?.match ?? 0;
    return encodeSaying({ members: this.#peers.members, hasRun: (record?.format ?? 0) > 0 || match > 1 });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#timer?.cancel();
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
      this.#node.tick();
      // The others may not have been there yet.
      if (this.#foundsFirst && this.#standings.now.leader === 0 && this.#node.basicStatus().term === 1)
        this.#node.campaign();
      const given = this.#queue.expire(this.#clock.monotonicMs());
      if (given === undefined) return;
      const reason = this.#node.basicStatus().leader === 0 ? 'NoLeader' : 'Overloaded';
      const message =
        reason === 'NoLeader' ? 'no leader took the write in time' : 'the group takes no more writes: try again later';
      this.#say('dropped', { ...given, reason, message });
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
      const taken = this.#queue.propose();
      if (taken !== undefined) this.#draft.proposed = taken;
      this.#readNow();
      while (this.#node.hasReady()) this.#work(this.#node.ready());
      this.#post();
    } finally {
      this.#isDriving = false;
    }
  }

  #work({ softState, hardState, readStates, messages, mustSync }: Ready): void {
    if (hardState !== undefined) this.#commit = hardState.commit;
    const network: Message[] = [];
    const own: Message[] = [];
    for (const message of messages) {
      if (message.to === appendThread || message.to === applyThread) own.push(message);
      else if (message.type === 'MsgSnap') this.#sendSnapshot(message);
      else network.push(message);
    }
    if (network.length > 0) {
      this.#transport.send(network);
      this.#transport.flush();
    }
    for (const message of own) {
      if (message.to === appendThread) {
        this.#lastAppended = message.entries.at(-1) ?? this.#lastAppended;
        this.#writer.append(message, hardState, mustSync);
      } else {
        this.#handOver.take(message);
      }
    }
    for (const { index, context } of readStates) {
      const read = this.#reads.readOf(context);
      if (read !== undefined) this.#say('reads', { read, index });
    }
    if (softState !== undefined || this.#node.basicStatus().term !== this.#standings.now.term) this.#stand();
  }

  /** Who leads may have changed. */
  #stand(): void {
    const { leader, term, role } = this.#node.basicStatus();
    if (!this.#standings.heard({ leader, term, role })) return;
    this.#draft.standing = this.#standings.now;
    if (leader === 0) return;
    // A read that was dropped for want of a leader is asked again.
    const read = this.#reads.open;
    if (read !== undefined) this.#read = read;
    this.#readNow();
  }

  /**
   * Brings a read before the group. A leader that is the only voter is answered by the core at once; before an entry of its own
   * term is committed it does not know yet what is, though: its log may hold what was acknowledged in its last life (thesis, 6.4).
   */
  #readNow(): void {
    const read = this.#read;
    if (read === undefined) return;
    const { role, term, commit } = this.#node.basicStatus();
    if (role === 'StateLeader' && (commit > this.#storage.lastIndex() || this.#storage.term(commit) !== term)) return;
    this.#read = undefined;
    this.#node.readIndex(this.#reads.context(read));
  }

  /** What waited for the disk goes to peers, or back into the core; what follows comes once for all that are done in a turn. */
  #deliver(responses: readonly Message[]): void {
    if (this.#hasFailed) return;
    const network: Message[] = [];
    for (const message of responses) {
      if (message.to === this.#identity.id) this.#node.step(message);
      else network.push(message);
    }
    if (network.length > 0) {
      this.#transport.send(network);
      this.#transport.flush();
    }
    if (this.#isDriving || this.#isDriveComing) return;
    this.#isDriveComing = true;
    void Promise.resolve().then(() => {
      this.#isDriveComing = false;
      this.#guard(() => {});
    });
  }

  #sendSnapshot(message: Message): void {
    void this.#streams.send(message, this.#transport).then((ok) => {
      this.#guard(() => this.#node.reportSnapshot(message.to, ok));
    });
    this.#postSoon();
  }

  #ask(id: number, ask: Ask): void {
    switch (ask.kind) {
      case 'transfer':
        this.#node.transferLeader(ask.to);
        return this.#say('answers', { id, done: true });
      case 'stepDown':
        return this.#stepDown(id);
      case 'counts':
        return this.#say('answers', { id, done: true, counts: this.#counts() });
      case 'change':
        void this.#change(ask.change).then((refusal) => {
          this.#guard(() =>
            this.#say('answers', refusal === undefined ? { id, done: true } : { id, done: false, ...refusal }),
          );
        });
        return;
    }
  }

  /** Gives leadership to the voter that has most, and answers when it is gone or after an election's time. */
  #stepDown(id: number): void {
    const { role, progress, config } = this.#node.status();
    const connected = this.#transport.connected();
    const [next] = progress
      .filter((peer) => peer.id !== this.#identity.id && config.voters.includes(peer.id) && connected.includes(peer.id))
      .sort((one, other) => other.match - one.match);
    if (role !== 'StateLeader' || next === undefined) return this.#say('answers', { id, done: true });
    this.#node.transferLeader(next.id);
    const untilMs = this.#clock.monotonicMs() + this.#timers.electionMs;
    const look = (): void => {
      const { leader } = this.#node.basicStatus();
      const isDone = (leader !== this.#identity.id && leader !== 0) || this.#clock.monotonicMs() >= untilMs;
      if (isDone) return this.#guard(() => this.#say('answers', { id, done: true }));
      this.#clock.after(this.#timers.heartbeatMs / 4, look, { unref: true });
    };
    look();
  }

  /** Brings a change of the members before the leader. */
  async #change(change: ConfChange): Promise<Refusal | undefined> {
    const { leader } = this.#node.basicStatus();
    if (leader === this.#identity.id) return refusalIn(this.#propose(change));
    const url = this.#peers.record(leader)?.peerUrl;
    if (url === undefined) return { reason: 'NoLeader', message: 'there is no leader: try again' };
    const question = encodeSaying({ kind: 'change', change: Buffer.from(encodeConfChange(change)).toString('base64') });
    try {
      return refusalIn(decodeChangeAnswer(await this.#transport.ask(url, question)));
    } catch (error) {
      return {
        reason: 'Unknown',
        message: `the leader was asked to change the members and did not answer: ${String(error)}`,
      };
    }
  }

  /** Judges a change and proposes it, as the leader. */
  #propose(change: ConfChange): { readonly done: true } | ({ readonly done: false } & Refusal) {
    const refusal = refusalOf(change, this.#node.status());
    if (refusal !== undefined) return { done: false, ...refusal };
    let refused: string | undefined;
    this.#guard(() => {
      refused = this.#node.proposeConfChange(change);
    });
    if (refused !== undefined)
      return { done: false, reason: 'NoLeader', message: 'the change was not taken: try again' };
    // The core puts an empty entry in place of a change that cannot be made now.
    if (this.#lastAppended?.type === 'EntryNormal')
      return { done: false, reason: 'Membership', message: 'another change of the members is under way: try again' };
    return { done: true };
  }

  #counts(): ConsensusCounts {
    return {
      leaderChanges: this.#standings.changes,
      committed: this.#commit,
      logBytes: this.#wal.sizeBytes(),
      syncs: this.#writer.syncs.read(),
      snapshotsSent: this.#streams.sent,
      snapshotsReceived: this.#streams.received,
      connected: this.#transport.connected(),
    };
  }

  #say(what: 'answers', said: Answer): void;
  #say(what: 'dropped', said: Dropped): void;
  #say(what: 'reads', said: { readonly read: number; readonly index: number }): void;
  #say(what: 'streams', said: StreamBegin): void;
  #say(what: 'frames', said: StreamFrame, transfer?: readonly ArrayBuffer[]): void;
  #say(
    what: 'answers' | 'dropped' | 'reads' | 'streams' | 'frames',
    said: object,
    transfer: readonly ArrayBuffer[] = [],
  ): void {
    const draft: Record<string, unknown> = this.#draft;
    const list = draft[what];
    if (Array.isArray(list)) list.push(said);
    else draft[what] = [said];
    this.#transfer.push(...transfer);
    this.#postSoon();
  }

  /** What is said outside of an event crosses all the same. */
  #postSoon(): void {
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
      this.#draft.entries = entries;
      this.#transfer.push(entries.bytes.buffer);
      this.#release.handed(entries.first + entries.count - 1, entries.bytes.byteLength);
    }
    const message = this.#draft;
    if (Object.keys(message).length === 0) return;
    const transfer = this.#transfer;
    this.#draft = {};
    this.#transfer = [];
    this.#side.post(message, transfer);
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

function refusalIn(answer: { readonly done: true } | ({ readonly done: false } & Refusal)): Refusal | undefined {
  return answer.done ? undefined : { reason: answer.reason, message: answer.message };
}
