// One member of a simulated group: its disks, which outlive it, and its lives, each made of the same two sides as the product's.

import { type BarnError, type EmbeddedBarn, plain, type StoreKeys } from '../../barn/index.ts';
import { KeyRing } from '../../barn/keys.ts';
import { foundingOf } from '../../barn/node/cluster.ts';
import { startConsensus } from '../../barn/node/consensus.ts';
import type { MemberIdentity } from '../../barn/node/member.ts';
import type { ToConsensus } from '../../barn/node/port.ts';
import { startReplica } from '../../barn/node/replica.ts';
import type { MemberId } from '../../barn/raft/protocol.ts';
import type { MemberRecord, StateMachine } from '../../barn/state/machine.ts';
import { openStateMachine } from '../../barn/state/open.ts';
import type { Log, LogFields } from '../../base/index.ts';
import type { Chance } from './chance.ts';
import type { Happening } from './happenings.ts';
import { urlOf } from './network.ts';
import { portPair } from './port.ts';
import { SimProcess } from './process.ts';
import { simLimits, simResealing, simTimers, simWriterTimers } from './settings.ts';
import { spied } from './spied-machine.ts';
import { SimStateDisk } from './state-disk.ts';
import { SimVolume } from './volume.ts';
import type { World } from './world.ts';

/** From a start to a crash or a stop. */
export interface Life {
  readonly process: SimProcess;
  readonly barn: EmbeddedBarn;
  readonly machine: StateMachine;
}

/** What a member may not be blamed for: its disk was damaged, or replaced by an empty one. */
export type DiskFate = 'whole' | 'failed' | 'damaged';

/** A member with its disks. */
export class SimMember {
  readonly id: MemberId;
  readonly name: string;
  readonly volume: SimVolume;
  readonly stateDisk: SimStateDisk;
  readonly world: World;
  /** The keys that it starts with: a file that an operator edits. */
  keyFile: StoreKeys;
  readonly #identity: MemberIdentity;
  readonly #chance: Chance;
  readonly #clockFault: { readonly rate: number; readonly offsetMs: number };
  life: Life | undefined;
  fate: DiskFate = 'whole';
  /** It said that its disk is damaged and will not come back. */
  hasRefused = false;
  /** Whether it surely has a vote. */
  isVoter: boolean;
  /** Whether it is to be taken out of the group, and may be told so; and whether it is out for good. */
  removal: 'no' | 'asked' | 'done' = 'no';
  /** Says something to the consensus side of the life it leads or begins, as its other side would. */
  tellConsensus: ((message: ToConsensus) => void) | undefined;
  #starting: SimProcess | undefined;
  #lives = 0;
  #durableIndex = 0;

  constructor(world: World, identity: MemberIdentity) {
    this.world = world;
    this.keyFile = world.keys?.first() ?? [plain];
    this.#identity = identity;
    this.id = identity.id;
    this.isVoter = identity.state === 'new';
    this.name = identity.name;
    this.#chance = world.chance.fork();
    this.volume = new SimVolume(this.#chance.fork(), world);
    this.stateDisk = new SimStateDisk(this.#chance.fork(), this.volume.faults);
    this.#clockFault = {
      rate: 1 + world.character.drift * (2 * this.#chance.next() - 1),
      offsetMs: this.#chance.between(-60_000, 60_000),
    };
  }

  get isUp(): boolean {
    return this.life !== undefined;
  }

  /** Whether it is down and nothing stands against starting it. */
  get canStart(): boolean {
    return this.life === undefined && this.#starting === undefined && !this.hasRefused && this.removal !== 'done';
  }

  /** The process of the life it leads or begins. */
  get process(): SimProcess | undefined {
    return this.life?.process ?? this.#starting;
  }

  /** Begins a life; resolves when it serves or has failed to. Only the world's own faults are excuses. */
  async start(): Promise<void> {
    if (!this.canStart) return;
    const process = new SimProcess({
      name: `${this.name}.${++this.#lives}`,
      loop: this.world.loop,
      random: this.#chance.fork(),
      clockFault: this.#clockFault,
      onDeathAt: (point) => this.world.count(`died at ${point}`),
    });
    this.#starting = process;
    if (this.#lives > 1) this.world.count('member started again');
    const { failNext, freeBytes } = this.volume.faults;
    if (this.fate === 'failed' && !failNext && freeBytes === Number.POSITIVE_INFINITY) this.fate = 'whole';
    // What was damaged may have been released or written anew meanwhile.
    if (this.fate === 'damaged' && this.volume.isWhole && this.stateDisk.isWhole) this.fate = 'whole';
    process.onDeath((why) => {
      this.world.trace(`${process.name} died ${why}`);
      this.life = undefined;
      this.#starting = undefined;
    });
    if (this.world.isChaos && this.world.chance.happens(this.world.character.armedStarts))
      process.arm(this.world.anyPoint(), this.world.chance.between(1, 4));
    this.world.trace(`${process.name} starts`);
    try {
      const life = await this.#open(process);
      if (!process.alive) return;
      this.#starting = undefined;
      this.life = life;
      this.world.trace(`${process.name} serves from entry ${life.machine.applied.index}`);
    } catch (error) {
      if (process.alive) this.#ended(process, error);
    }
  }

  crash(why: string): void {
    this.process?.die(why);
  }

  /** Stops it as an operator would. */
  async stop(): Promise<void> {
    const { life } = this;
    if (life === undefined) return;
    await life.barn.close().catch((error: unknown) => this.#ended(life.process, error));
    life.process.die('stopped');
  }

  async #open(process: SimProcess): Promise<Life> {
    const { loop, violations } = this.world;
    const identity = this.#identity;
    const log = this.#log(process);
    const random = process.random;
    const keys = this.keyFile;
    const machine = await openStateMachine({
      disk: this.stateDisk.attach(process),
      keys: new KeyRing(keys),
      clock: process.clock,
      log,
      limits: { ...simLimits, valueBytesInMemoryMax: this.world.character.valueBytesInMemoryMax },
      timers: this.world.keys === undefined ? simWriterTimers : { ...simWriterTimers, ...simResealing },
      nextTurn: () => loop.delay(0, `${process.name} next turn`, process),
      random: (length) => Uint8Array.from({ length }, () => Math.floor(random.next() * 256)),
      ...(identity.state === 'new' && { founding: foundingOf(identity) }),
    });
    if (machine.applied.index < this.#durableIndex)
      violations.add(
        'durable state stays',
        `${process.name} begins at entry ${machine.applied.index}, but said that ${this.#durableIndex} was durable`,
      );
    machine.onDurable(({ index }) => {
      if (process.alive) this.#durableIndex = index;
    });
    const watched = this.#watched(process, machine);
    const [worker, main] = portPair(process, this.#chance.fork());
    const consensus = startConsensus({
      identity,
      files: this.volume.attach(process),
      keys: new KeyRing(keys),
      openTransport: async (events) => this.world.network.attach(this.id, urlOf(this.name), process, events),
      clock: process.clock,
      random,
      log,
      timers: simTimers,
      port: this.world.watchedPort(this, worker),
      logLimits: this.world.character.logLimits,
    });
    const barn = startReplica({
      identity,
      machine: watched,
      clock: process.clock,
      random,
      log,
      limits: simLimits,
      timers: simTimers,
      port: main,
      atTurnEnd: (callback) => void loop.schedule(0, `${process.name} turn ends`, callback, process),
      clientUrl: `https://client-${this.name}:1`,
      freeBytes: async () => this.volume.faults.freeBytes,
      onFailed: (error) => this.#ended(process, error),
    });
    await consensus;
    const { unnoticed } = this.volume;
    if (unnoticed !== undefined) violations.add('damage is refused', `${process.name} serves, but ${unnoticed}`);
    return { process, barn, machine: watched };
  }

  #watched(process: SimProcess, machine: StateMachine): StateMachine {
    const { truth } = this.world;
    truth.isWhole(process.name, machine);
    truth.stands(process.name, machine);
    return spied(machine, {
      before: (entries) => process.alive && truth.takes(process.name, machine.applied.index, entries),
      after: () => process.alive && truth.stands(process.name, machine),
      installed: () => {
        if (!process.alive) return;
        truth.stands(process.name, machine);
        truth.isWhole(process.name, machine);
      },
    });
  }

  /** A life ended by itself. */
  #ended(process: SimProcess, error: unknown): void {
    const reason = reasonOf(error);
    this.world.trace(`${process.name} ends: ${tellError(error)}`);
    const isAllowed =
      (reason === 'Corrupt' && this.fate === 'damaged') ||
      (reason === 'Storage' && this.fate !== 'whole') ||
      (reason === 'Membership' && this.removal !== 'no');
    if (!isAllowed) this.world.violations.add('refuses only with a cause', `${process.name}: ${tellError(error)}`);
    if (reason === 'Corrupt') {
      this.hasRefused = true;
      this.world.count(this.volume.isWhole ? 'damage of the state refused' : 'damage of the log refused');
    }
    process.die(`of ${reason}`);
  }

  #log(process: SimProcess): Log {
    const line = (level: string) => (message: string, fields?: LogFields) => {
      const happening = happeningOf[message];
      if (happening !== undefined && process.alive) this.world.count(happening);
      this.world.trace(`${process.name} ${level} ${message} ${fields === undefined ? '' : JSON.stringify(fields)}`);
    };
    const log: Log = {
      debug: line('debug'),
      info: line('info'),
      warn: line('warn'),
      error: line('error'),
      with: () => log,
    };
    return log;
  }
}

/** What the product itself tells of what happened to it. */
const happeningOf: Readonly<Record<string, Happening>> = {
  'a write to the log was not finished; it was cut off': 'torn tail cut off',
  'the last record of the log was whole but for its end, which was written again': 'trailer written again',
  'snapshot installed': 'snapshot installed',
};

/** An error with what caused it. */
function tellError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined
    ? String(error)
    : `${String(error)} because ${error.cause instanceof Error ? (error.cause.stack ?? String(error.cause)) : String(error.cause)}`;
}

/** How the book names a member. */
export function recordOf(id: MemberId, name: string): MemberRecord {
  return { id, name, peerUrl: urlOf(name), format: 0 };
}

function reasonOf(error: unknown): BarnError['reason'] | 'bug' {
  const parsed = error as Partial<BarnError> | undefined;
  return parsed?.reason ?? 'bug';
}
