// What a run consists of beside its members: one seed's loop, wires, rules and history.
import { crc32 } from 'node:zlib';
import type { MessagePortLike } from '../../barn/node/member.ts';
import type { ToConsensus, ToReplica } from '../../barn/node/port.ts';
import type { ConfState, MemberId } from '../../barn/raft/protocol.ts';
import { Chance } from './chance.ts';
import { type Character, characterOf, type Wanted } from './character.ts';
import type { Happening } from './happenings.ts';
import { History } from './history.ts';
import { keysOf, type SimKeys } from './keys.ts';
import { SimLoop } from './loop.ts';
import type { SimMember } from './member.ts';
import { SimNetwork, type WireQuality } from './network.ts';
import { type CrashPoint, crashPoints } from './process.ts';
import { CommittedLog } from './truth.ts';
import { Violations } from './violations.ts';
import { WireRules } from './wire-rules.ts';

/** Lines kept to be shown with a failure. */
const tailLinesMax = 400;

/** How a run goes. */
export interface RunOptions extends Wanted {
  /** Gets each line of the trace. */
  readonly print?: (line: string) => void;
}

/** The world of one run. */
export class World {
  readonly seed: number;
  readonly loop = new SimLoop();
  readonly chance: Chance;
  readonly violations: Violations;
  readonly wire: WireRules;
  readonly truth: CommittedLog;
  readonly network: SimNetwork;
  readonly history = new History();
  readonly character: Character;
  /** The keys of the members; absent where nothing is sealed. */
  readonly keys: SimKeys | undefined;
  /** Called once, when a vote is granted the next time. */
  onNextGrant: ((voter: MemberId, candidate: MemberId) => void) | undefined;
  /** Called once, when someone asks for votes the next time. */
  onNextAsk: ((candidate: MemberId) => void) | undefined;
  /** Called once, when a joint configuration is seen the next time. */
  onNextJoint: ((config: ConfState) => void) | undefined;
  /** Whether joint configurations are to stay until someone asks to leave them. */
  isExplicit = false;
  /** Called when a member begins to lead. */
  onLeader: ((id: MemberId) => void) | undefined;
  /** Whether things may still go wrong. */
  isChaos = true;
  readonly counts = new Map<Happening, number>();
  /** The last lines of the trace. */
  readonly tail: string[] = [];
  /** Of all lines of the trace: equal for equal runs. */
  traceHash = 0;
  readonly #print: ((line: string) => void) | undefined;

  constructor(seed: number, { print, ...wanted }: RunOptions) {
    this.seed = seed;
    this.#print = print;
    this.chance = new Chance(seed);
    this.character = characterOf(seed, this.chance.fork(), wanted);
    this.keys = keysOf(seed);
    if (this.keys !== undefined) this.count('sealed');
    if (this.character.drift > 0) this.count('clock drifts');
    this.violations = new Violations(() => ({ step: this.loop.steps, atMs: Math.round(this.loop.nowMs) }));
    this.wire = new WireRules(this.violations);
    this.truth = new CommittedLog({
      violations: this.violations,
      wire: this.wire,
      count: (what) => this.count(what),
      onJoint: (config) => {
        const told = this.onNextJoint;
        this.onNextJoint = undefined;
        if (this.isChaos) told?.(config);
      },
      firstIndex: 1,
    });
    this.network = new SimNetwork(this.loop, this.chance.fork(), wiresOf(this.chance), (what) => this.count(what));
    this.wire.onLeader = (id, term) => {
      if (term > 1) this.count('leader changed');
      if (this.isChaos) this.onLeader?.(id);
    };
    this.network.onSent = (process, message) => {
      if (!process.alive) return;
      this.wire.onSent(message, process.name);
      if (message.type === 'MsgVote') {
        const told = this.onNextAsk;
        this.onNextAsk = undefined;
        told?.(message.from);
      }
      if (message.type !== 'MsgVoteResp' || message.reject) return;
      const told = this.onNextGrant;
      this.onNextGrant = undefined;
      told?.(message.from, message.to);
    };
    this.loop.afterStep = (what) => this.trace(what);
    this.loop.onError = (error, what) =>
      this.violations.add(
        'no error is lost',
        `${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
  }

  /** Everything that happens, in order. */
  trace(what: string): void {
    const line = `${this.loop.steps} ${this.loop.nowMs.toFixed(3)} ${what}`;
    this.traceHash = crc32(line, this.traceHash);
    this.#print?.(line);
    if (this.tail.push(line) > 2 * tailLinesMax) this.tail.splice(0, tailLinesMax);
  }

  /** Something happened once more. */
  count(what: Happening): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  /** Any point, and often one that the run is about. */
  anyPoint(): CrashPoint {
    return this.chance.pick(this.chance.happens(this.character.isPure ? 1 : 0.4) ? this.character.points : crashPoints);
  }

  /** The consensus side's end of a port: what it says of leadership and commits is held against the rules. */
  watchedPort(member: SimMember, port: MessagePortLike): MessagePortLike {
    let committed = 0;
    let term = 0;
    return {
      post: (message, transfer) => {
        if (member.process?.alive === true) {
          const { standing, entries } = message as ToReplica;
          if (standing?.role === 'StateLeader') this.wire.leads(member.id, standing.term);
          term = standing?.term ?? term;
          if (entries !== undefined && entries.committed < committed)
            this.violations.add(
              'commit never goes back',
              `${member.name} says ${entries.committed} after ${committed}`,
            );
          committed = Math.max(committed, entries?.committed ?? 0);
          this.wire.saysCommitted(committed, term);
        }
        port.post(message, transfer);
      },
      onMessage: (listener) => {
        member.tellConsensus = listener;
        port.onMessage((message) => listener(this.isExplicit ? withExplicit(message as ToConsensus) : message));
      },
      close: () => port.close(),
    };
  }
}

/** The product leaves each joint configuration by itself; so asked, its core stays in it until it is told to leave. */
function withExplicit(message: ToConsensus): ToConsensus {
  if (message.asks === undefined) return message;
  const asks = message.asks.map(({ id, ask }) =>
    ask.kind === 'change' && ask.change.changes.length > 1
      ? { id, ask: { ...ask, change: { ...ask.change, transition: 'joint-explicit' } as const } }
      : { id, ask },
  );
  return { ...message, asks };
}

/** Some runs have good wires, some lose, repeat and mix. */
function wiresOf(chance: Chance): WireQuality {
  const bad = (probability: number, most: number): number => (chance.happens(probability) ? chance.next() * most : 0);
  return {
    delayMsMean: chance.pick([0.3, 1, 3]),
    loss: bad(0.5, 0.05),
    repeat: bad(0.5, 0.1),
    mix: bad(0.5, 0.2),
    snapshotBreak: bad(0.7, 0.2),
  };
}
