// A group of members for tests: immediate disks, and a network that loses what a test says.
import { present } from '../../../base/index.ts';
import { decodeConfChange } from '../conf-change.ts';
import { MemoryStorage } from '../memory-storage.ts';
import { type Draft, draft } from '../message.ts';
import {
  appendThread,
  applyThread,
  type ConfState,
  type Entry,
  type MemberId,
  type Message,
  type MessageType,
  type RaftConfig,
  type Snapshot,
} from '../protocol.ts';
import { RawNode } from '../raw-node.ts';

/** Text as an entry's data. */
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Entries of these terms, from index 1 on, with their index as data. */
export function logOf(...terms: readonly number[]): readonly Entry[] {
  return terms.map((term, i) => ({ term, index: i + 1, type: 'EntryNormal', data: bytes(`${i + 1}`) }));
}

/** A message with the given fields, the others empty. */
export function message(type: MessageType, from: MemberId, to: MemberId, fields: Partial<Draft>): Message {
  return Object.assign(draft(type, to, from, 0), fields);
}

/** What a member begins with; its log begins at index 1. */
export interface Beginning {
  readonly voters: readonly MemberId[];
  readonly learners?: readonly MemberId[];
  readonly log?: readonly Entry[];
  readonly term?: number;
  readonly vote?: MemberId;
  readonly commit?: number;
  readonly options?: Partial<RaftConfig>;
}

const settings: Omit<RaftConfig, 'id' | 'storage' | 'applied'> = {
  electionTick: 10,
  heartbeatTick: 1,
  asyncStorageWrites: false,
  maxSizePerMsg: 1 << 20,
  maxCommittedSizePerReady: 1 << 20,
  maxUncommittedEntriesSize: 0,
  maxInflightMsgs: 256,
  maxInflightBytes: 0,
  checkQuorum: false,
  preVote: false,
  disableProposalForwarding: false,
  disableConfChangeValidation: false,
  stepDownOnRemoval: true,
  random: () => 0,
};

/** A member with its storage and what it applied. */
export class TestMember {
  readonly id: MemberId;
  readonly storage = new MemoryStorage();
  readonly applied: string[] = [];
  readonly reads: { readonly index: number; readonly context: string }[] = [];
  node: RawNode;
  private readonly options: Partial<RaftConfig>;
  private confState: ConfState;
  private appliedIndex = 0;

  constructor(id: MemberId, beginning: Beginning) {
    const { voters, learners = [], log = [], term, vote = 0, commit = 0, options = {} } = beginning;
    this.id = id;
    this.options = options;
    this.confState = { voters, learners, votersOutgoing: [], learnersNext: [], autoLeave: false };
    this.storage.applySnapshot({ index: 0, term: 0, confState: this.confState });
    this.storage.append(log);
    this.storage.setHardState({ term: term ?? log.at(-1)?.term ?? 0, vote, commit });
    this.node = this.start();
  }

  private start(): RawNode {
    return new RawNode({
      ...settings,
      ...this.options,
      id: this.id,
      storage: this.storage,
      applied: this.appliedIndex,
    });
  }

  /** The process died and came back: what was not in the storage is gone. */
  restart(): void {
    this.node = this.start();
  }

  /** The state becomes a snapshot, and the log before it goes. */
  compact(): void {
    this.storage.createSnapshot(this.appliedIndex, this.confState, bytes(JSON.stringify(this.applied)));
    this.storage.compact(this.appliedIndex);
  }

  /** Terms of the whole log, unstable end included after `work`. */
  terms(): readonly number[] {
    const { storage } = this;
    const first = storage.firstIndex();
    return first > storage.lastIndex()
      ? []
      : storage.entries(first, storage.lastIndex() + 1, Number.POSITIVE_INFINITY).map(({ term }) => term);
  }

  /** Does one Ready and returns what goes to members, itself included. */
  work(): readonly Message[] {
    const ready = this.node.ready();
    for (const { index, context } of ready.readStates)
      this.reads.push({ index, context: new TextDecoder().decode(context) });
    if (this.options.asyncStorageWrites === true) return ready.messages.flatMap((one) => this.workOfThread(one));
    if (ready.hardState !== undefined) this.storage.setHardState(ready.hardState);
    this.store(ready.entries, ready.snapshot);
    this.apply(ready.committedEntries);
    this.node.advance();
    return ready.messages;
  }

  /** Work until there is none, with everything it says thrown away but returned. */
  workAll(): readonly Message[] {
    const said: Message[] = [];
    while (this.node.hasReady()) {
      for (const one of this.work()) {
        if (one.to === this.id) this.node.step(one);
        else said.push(one);
      }
    }
    return said;
  }

  private workOfThread(one: Message): readonly Message[] {
    if (one.to === appendThread) {
      const { term, vote, commit } = one;
      if (term !== 0) this.storage.setHardState({ term, vote, commit });
      this.store(one.entries, one.snapshot);
    } else if (one.to === applyThread) {
      this.apply(one.entries);
    } else {
      return [one];
    }
    return one.responses ?? [];
  }

  private store(entries: readonly Entry[], snapshot: Snapshot | undefined): void {
    if (snapshot !== undefined) {
      this.storage.applySnapshot(snapshot);
      const state: unknown = JSON.parse(new TextDecoder().decode(snapshot.data));
      this.applied.splice(0, this.applied.length, ...(Array.isArray(state) ? state.map(String) : []));
      this.appliedIndex = snapshot.index;
      this.confState = snapshot.confState;
    }
    this.storage.append(entries);
  }

  private apply(entries: readonly Entry[]): void {
    for (const { type, data, index } of entries) {
      if (type !== 'EntryNormal') this.confState = this.node.applyConfChange(decodeConfChange(data));
      else if (data.length > 0) this.applied.push(new TextDecoder().decode(data));
      this.appliedIndex = index;
    }
  }
}

/** Members that talk until nobody has anything to say. */
export class Group {
  /** What of a message is lost; nothing, until a test says otherwise. */
  isLost: (one: Message) => boolean = () => false;
  /** Everything that was delivered, in order. */
  readonly delivered: Message[] = [];
  private readonly members = new Map<MemberId, TestMember>();

  constructor(ids: readonly MemberId[], options: Partial<RaftConfig> = {}) {
    for (const id of ids) this.add(id, { voters: ids, options });
  }

  add(id: MemberId, beginning: Beginning): TestMember {
    const member = new TestMember(id, beginning);
    this.members.set(id, member);
    return member;
  }

  member(id: MemberId): TestMember {
    return present(this.members.get(id), `member ${id}`);
  }

  node(id: MemberId): RawNode {
    return this.member(id).node;
  }

  /** Everything to and from these is lost. */
  cut(...ids: readonly MemberId[]): void {
    this.isLost = (one) => one.to !== one.from && (ids.includes(one.to) || ids.includes(one.from));
  }

  heal(): void {
    this.isLost = () => false;
  }

  tick(id: MemberId, count: number): void {
    for (let i = 0; i < count; i++) this.node(id).tick();
  }

  /** Lets this member win an election. */
  elect(id: MemberId): void {
    this.node(id).campaign();
    this.settle();
  }

  /** Proposes and lets all settle. */
  propose(id: MemberId, ...texts: readonly string[]): void {
    for (const text of texts) this.node(id).propose(bytes(text));
    this.settle();
  }

  settle(): void {
    for (let isBusy = true; isBusy; ) {
      isBusy = false;
      for (const member of this.members.values()) {
        if (!member.node.hasReady()) continue;
        isBusy = true;
        for (const one of member.work()) if (!this.isLost(one)) this.deliver(one);
      }
    }
  }

  private deliver(one: Message): void {
    this.delivered.push(one);
    this.members.get(one.to)?.node.step(one);
  }
}
