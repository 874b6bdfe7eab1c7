// Whole-cluster scripts: members, the messages between them, and the commands that move them.
import { draft, isThread } from '../../../barn/raft/message.ts';
import type { MemberId, Message, RaftConfig, RaftReason, Snapshot } from '../../../barn/raft/protocol.ts';
import { describeEntry, describeMessage, describeProgress, describeReady, parseChanges } from './describe.ts';
import { type Block, numbersOf, valueOf } from './script.ts';
import { ScriptedMember } from './scripted-member.ts';

/** How the scripts call a refusal. */
const refusals: Partial<Record<RaftReason, string>> = {
  ProposalDropped: 'raft proposal dropped',
  StepPeerNotFound: 'raft: cannot step as peer not found',
  StepLocalMsg: 'raft: cannot step raft local message',
};

const defaults: Omit<RaftConfig, 'storage' | 'id'> = {
  electionTick: 3,
  heartbeatTick: 1,
  applied: 0,
  asyncStorageWrites: false,
  maxSizePerMsg: Number.POSITIVE_INFINITY,
  maxCommittedSizePerReady: 0,
  maxUncommittedEntriesSize: 0,
  maxInflightMsgs: 0x7fffffff,
  maxInflightBytes: 0,
  checkQuorum: false,
  preVote: false,
  disableProposalForwarding: false,
  disableConfChangeValidation: false,
  stepDownOnRemoval: false,
  random: () => 0,
};

/** Runs the blocks of one script, in order. */
export class Interaction {
  private readonly members: ScriptedMember[] = [];
  private messages: Message[] = [];
  private isQuiet = false;
  private output = '';

  /** What the command says; `ok` when it has nothing to say. A refusal is said even when all else is silenced. */
  run(block: Block): string {
    this.output = '';
    const refusal = this.perform(block);
    if (refusal !== undefined) this.output += refusals[refusal] ?? refusal;
    return this.output === '' ? 'ok' : this.output;
  }

  private perform(block: Block): RaftReason | undefined {
    const ids = numbersOf(block);
    const [id = 0, second = 0] = ids;
    switch (block.command) {
      case 'add-nodes':
        return this.addNodes(block, id);
      case 'campaign':
        this.member(id).node.campaign();
        return undefined;
      case 'compact':
        this.member(id).storage.compact(second);
        return this.sayLog(id);
      case 'deliver-msgs':
        return this.deliverCommand(block, ids);
      case 'forget-leader':
        this.member(id).node.forgetLeader();
        return undefined;
      case 'log-level':
        this.isQuiet = block.args[0]?.key === 'none';
        return undefined;
      case 'process-ready':
        return this.each(ids, 'handling Ready', (one) => this.processReady(one));
      case 'process-append-thread':
        return this.each(ids, 'processing append thread', (one) => this.processAppend(one));
      case 'process-apply-thread':
        return this.each(ids, 'processing apply thread', (one) => this.processApply(one));
      case 'propose':
        return this.member(id).node.propose(new TextEncoder().encode(block.args[1]?.key));
      case 'propose-conf-change':
        return this.proposeConfChange(block, id);
      case 'raft-log':
        return this.sayLog(id);
      case 'raft-state':
        return this.sayStates();
      case 'report-unreachable':
        this.member(id).node.reportUnreachable(second);
        return undefined;
      case 'send-snapshot':
        return this.sendSnapshot(id, second);
      case 'set-randomized-election-timeout':
        this.member(id).node.setElectionTimeout(Number(valueOf(block, 'timeout')));
        return undefined;
      case 'stabilize':
        return this.stabilizeCommand(block, ids);
      case 'status':
        return this.say(describeProgress(this.member(id).node.status().progress));
      case 'tick-election':
        return this.tick(id, this.member(id).config.electionTick);
      case 'tick-heartbeat':
        return this.tick(id, this.member(id).config.heartbeatTick);
      case 'transfer-leadership':
        this.member(Number(valueOf(block, 'from'))).node.transferLeader(Number(valueOf(block, 'to')));
        return undefined;
      default:
        throw new Error(`unknown command ${block.command}`);
    }
  }

  private member(id: MemberId): ScriptedMember {
    const member = this.members[id - 1];
    if (member === undefined) throw new Error(`there is no member ${id}`);
    return member;
  }

  private say(text: string): undefined {
    if (!this.isQuiet) this.output += text;
    return undefined;
  }

  private indented(act: () => void): void {
    const { output } = this;
    this.output = '';
    act();
    const inner = this.output.replace(/\n$/, '').replaceAll(/^/gm, '  ');
    this.output = this.isQuiet || this.output === '' ? output : `${output}${inner}\n`;
  }

  private addNodes(block: Block, count: number): undefined {
    if (valueOf(block, 'read-only') === 'lease-based') throw new Error('reads by lease are refused: clocks drift');
    const flag = (key: string): boolean => valueOf(block, key) === 'true';
    const ids = (key: string): readonly number[] =>
      block.args.filter((one) => one.key === key).flatMap(({ values }) => values.map(Number));
    const index = Number(valueOf(block, 'index') ?? 0);
    const confState = {
      voters: ids('voters'),
      learners: ids('learners'),
      votersOutgoing: [],
      learnersNext: [],
      autoLeave: false,
    };
    const first: Snapshot = { index, term: index === 0 ? 0 : 1, confState };
    for (let i = 0; i < count; i++)
      this.members.push(
        new ScriptedMember(first, {
          ...defaults,
          id: this.members.length + 1,
          applied: index,
          asyncStorageWrites: flag('async-storage-writes'),
          preVote: flag('prevote'),
          checkQuorum: flag('checkquorum'),
          disableConfChangeValidation: flag('disable-conf-change-validation'),
          stepDownOnRemoval: flag('step-down-on-removal'),
          maxCommittedSizePerReady: Number(valueOf(block, 'max-committed-size-per-ready') ?? 0),
          maxInflightMsgs: Number(valueOf(block, 'inflight') ?? defaults.maxInflightMsgs),
        }),
      );
    return undefined;
  }

  private proposeConfChange(block: Block, id: MemberId): RaftReason | undefined {
    const transitions = { auto: 'auto', implicit: 'joint-implicit', explicit: 'joint-explicit' } as const;
    const name = valueOf(block, 'transition') ?? 'auto';
    if (name !== 'auto' && name !== 'implicit' && name !== 'explicit') throw new Error(`unknown transition ${name}`);
    const version = valueOf(block, 'v1') === 'true' ? 'EntryConfChange' : 'EntryConfChangeV2';
    const change = { transition: transitions[name], changes: parseChanges(block.input) };
    return this.member(id).node.proposeConfChange(change, version);
  }

  private deliverCommand(block: Block, ids: readonly MemberId[]): undefined {
    const type = valueOf(block, 'type');
    const dropped = block.args.filter(({ key }) => key === 'drop').flatMap(({ values }) => values.map(Number));
    let count = 0;
    for (const id of ids) count += this.deliver(id, type, false);
    for (const id of dropped) count += this.deliver(id, type, true);
    return count === 0 ? this.say('no messages\n') : undefined;
  }

  private deliver(to: MemberId, type: string | undefined, isDropped: boolean): number {
    const taken = this.messages.filter((one) => isFor(one, to, type, isDropped));
    this.messages = this.messages.filter((one) => !isFor(one, to, type, isDropped));
    for (const message of taken) {
      this.say(`${isDropped ? 'dropped: ' : ''}${describeMessage(message)}\n`);
      const refusal = isDropped ? undefined : this.member(to).node.step(message);
      if (refusal !== undefined) this.say(`${refusals[refusal] ?? refusal}\n`);
    }
    return taken.length;
  }

  private each(ids: readonly MemberId[], what: string, act: (id: MemberId) => void): undefined {
    for (const id of ids) {
      if (ids.length === 1) {
        act(id);
        continue;
      }
      this.say(`> ${id} ${what}\n`);
      this.indented(() => act(id));
    }
    return undefined;
  }

  private processReady(id: MemberId): void {
    const member = this.member(id);
    const ready = member.node.ready();
    this.say(describeReady(ready));
    const isAsync = member.config.asyncStorageWrites;
    if (!isAsync) {
      member.append(ready.hardState, ready.entries, ready.snapshot);
      member.apply(ready.committedEntries);
    }
    for (const message of ready.messages) {
      if (message.type === 'MsgStorageAppend') member.appendWork.push(message);
      else if (message.type === 'MsgStorageApply') member.applyWork.push(message);
      else this.messages.push(message);
    }
    if (!isAsync) member.node.advance();
  }

  private processAppend(id: MemberId): void {
    const member = this.member(id);
    const message = member.appendWork.shift();
    if (message === undefined) return this.say('no append work to perform');
    this.sayWork(message);
    const { term, vote, commit } = message;
    const hardState = term === 0 && vote === 0 && commit === 0 ? undefined : { term, vote, commit };
    member.append(hardState, message.entries, message.snapshot);
    this.sayResponses(message);
  }

  private processApply(id: MemberId): void {
    const member = this.member(id);
    const message = member.applyWork.shift();
    if (message === undefined) return this.say('no apply work to perform');
    this.sayWork(message);
    member.apply(message.entries);
    this.sayResponses(message);
  }

  private sayWork(message: Message): void {
    this.say(`Processing:\n${describeMessage({ ...message, responses: undefined })}\n`);
  }

  private sayResponses({ responses = [] }: Message): void {
    this.say(`Responses:\n${responses.map((one) => `${describeMessage(one)}\n`).join('')}`);
    this.messages.push(...responses);
  }

  private stabilizeCommand(block: Block, ids: readonly MemberId[]): undefined {
    const before = this.isQuiet;
    const level = valueOf(block, 'log-level');
    if (level !== undefined) this.isQuiet = level === 'none';
    const chosen = ids.length > 0 ? ids : this.members.map((_, i) => i + 1);
    while (this.stabilizeOnce(chosen));
    this.isQuiet = before;
    return undefined;
  }

  /** Everything that the members have to do right now, each kind of work for all of them; false when there was nothing. */
  private stabilizeOnce(ids: readonly MemberId[]): boolean {
    let isBusy = false;
    const work = (id: MemberId, what: string, hasWork: () => boolean, act: () => void): void => {
      if (!hasWork()) return;
      isBusy = true;
      this.say(`> ${id} ${what}\n`);
      do this.indented(act);
      while (what.endsWith('thread') && hasWork());
    };
    for (const id of ids) {
      const { node } = this.member(id);
      work(
        id,
        'handling Ready',
        () => node.hasReady(),
        () => this.processReady(id),
      );
    }
    for (const id of ids) {
      const hasMail = (): boolean => this.messages.some((one) => isFor(one, id, undefined, false));
      work(id, 'receiving messages', hasMail, () => this.deliver(id, undefined, false));
    }
    for (const id of ids) {
      const { appendWork } = this.member(id);
      work(
        id,
        'processing append thread',
        () => appendWork.length > 0,
        () => this.processAppend(id),
      );
    }
    for (const id of ids) {
      const { applyWork } = this.member(id);
      work(
        id,
        'processing apply thread',
        () => applyWork.length > 0,
        () => this.processApply(id),
      );
    }
    return isBusy;
  }

  private sayLog(id: MemberId): undefined {
    const { storage } = this.member(id);
    const first = storage.firstIndex();
    const last = storage.lastIndex();
    if (last < first) return this.say(`log is empty: first index=${first}, last index=${last}`);
    const entries = storage.entries(first, last + 1, Number.POSITIVE_INFINITY);
    return this.say(entries.map((entry) => `${describeEntry(entry)}\n`).join(''));
  }

  private sayStates(): undefined {
    for (const { node } of this.members) {
      const { id, role, term, leader, config } = node.status();
      const isVoter = config.voters.includes(id) || config.votersOutgoing.includes(id);
      this.say(`${id}: ${role} ${isVoter ? '(Voter)' : '(Non-Voter)'} Term:${term} Lead:${leader}\n`);
    }
    return undefined;
  }

  private sendSnapshot(from: MemberId, to: MemberId): undefined {
    const member = this.member(from);
    const { term } = member.node.basicStatus();
    const message: Message = { ...draft('MsgSnap', to, from, term), snapshot: member.storage.snapshot() };
    this.messages.push(message);
    return this.say(describeMessage(message));
  }

  private tick(id: MemberId, count: number): undefined {
    for (let i = 0; i < count; i++) this.member(id).node.tick();
    return undefined;
  }
}

/** What a member tells itself cannot be lost. */
function isFor(message: Message, to: MemberId, type: string | undefined, isDropped: boolean): boolean {
  const isOwn = message.from === message.to || isThread(message.from) || isThread(message.to);
  return message.to === to && !(isDropped && isOwn) && (type === undefined || message.type === type);
}
