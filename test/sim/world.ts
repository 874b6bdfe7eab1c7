// What a run consists of beside its members: one seed's loop, wires, rules and history.
import { crc32 } from 'node:zlib';
import type { MessagePortLike } from '../../barn/node/member.ts';
import type { ToReplica } from '../../barn/node/port.ts';
import type { MemberId } from '../../barn/raft/protocol.ts';
import { Chance } from './chance.ts';
import { History } from './history.ts';
import { keysOf, type SimKeys } from './keys.ts';
import { SimLoop } from './loop.ts';
import type { SimMember } from './member.ts';
import { SimNetwork, type WireQuality } from './network.ts';
import { type CrashPoint, crashPoints } from './process.ts';
import { logLimitsOf } from './settings.ts';
import { CommittedLog } from './truth.ts';
import { Violations } from './violations.ts';
import { WireRules } from './wire-rules.ts';

/** Lines kept to be shown with a failure. */
const tailLinesMax = 400;

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
  readonly logLimits: ReturnType<typeof logLimitsOf>;
  /** The keys of the members; absent where nothing is sealed. */
  readonly keys: SimKeys | undefined;
  /** Chance of the runs in which several members are replaced in one step; nothing is drawn from the run's own. */
  readonly swaps: Chance | undefined;
  /** How far the clocks of a run's members drift apart: a rate is within 1 ± this. */
  readonly drift: number;
  /** Called once, when a vote is granted the next time. */
  onNextGrant: ((voter: MemberId, candidate: MemberId) => void) | undefined;
  /** Whether things may still go wrong. */
  isChaos = true;
  readonly pointsPassed = new Map<CrashPoint, number>();
  /** The last lines of the trace. */
  readonly tail: string[] = [];
  /** Of all lines of the trace: equal for equal runs. */
  traceHash = 0;
  readonly #print: ((line: string) => void) | undefined;

  constructor(seed: number, print?: (line: string) => void) {
    this.seed = seed;
    this.#print = print;
    this.chance = new Chance(seed);
    this.keys = keysOf(seed);
    // So that none of the seeds by which mutants are known, and of those that are kept, is another run than it was.
    const swaps = new Chance(seed ^ 0xfc);
    this.swaps = swaps.happens(0.25) ? swaps : undefined;
    this.logLimits = logLimitsOf(this.chance.fork());
    this.drift = this.chance.pick([0, 0.1, 0.1, 0.4]);
    this.violations = new Violations(() => ({ step: this.loop.steps, atMs: Math.round(this.loop.nowMs) }));
    this.wire = new WireRules(this.violations);
    this.truth = new CommittedLog({ violations: this.violations, wire: this.wire, firstIndex: 1 });
    this.network = new SimNetwork(this.loop, this.chance.fork(), wiresOf(this.chance));
    this.network.onSent = (process, message) => {
      if (!process.alive) return;
      this.wire.onSent(message);
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

  passed(point: CrashPoint): void {
    this.pointsPassed.set(point, (this.pointsPassed.get(point) ?? 0) + 1);
  }

  anyPoint(): CrashPoint {
    return this.chance.pick(crashPoints);
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
      onMessage: (listener) => port.onMessage(listener),
      close: () => port.close(),
    };
  }
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
