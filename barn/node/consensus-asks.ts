import type { Clock } from '../../base/index.ts';
import { BarnError } from '../barn.ts';
import { checkNeeded, type KeyRing } from '../keys.ts';
import type { RawNode } from '../raft/raw-node.ts';
import { TransportError } from '../transport/error.ts';
import type { Transport } from '../transport/transport.ts';
import type { Wal } from '../wal/wal.ts';
import type { ChangeRequests } from './change-requests.ts';
import type { ConsensusOutbox } from './consensus-outbox.ts';
import type { ConsensusStreams } from './consensus-streams.ts';
import type { ConsensusCounts } from './counts.ts';
import type { LogWriter } from './log-writer.ts';
import type { MemberTimers } from './member.ts';
import type { Ask } from './port.ts';
import type { Standings } from './standings.ts';
import { stepDown } from './step-down.ts';

/** What the rare things that the state side asks for are done with. */
interface Parts {
  readonly node: RawNode;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly timers: MemberTimers;
  readonly outbox: ConsensusOutbox;
  readonly changes: ChangeRequests;
  readonly keys: KeyRing;
  readonly wal: Wal;
  readonly writer: LogWriter;
  readonly streams: ConsensusStreams;
  readonly standings: Standings;
  readonly onFailed: (error: unknown) => void;
}

/** The rare things that the state side asks for; each is answered once, what takes time later. */
export class ConsensusAsks {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  ask(id: number, ask: Ask): void {
    const { node, changes, outbox } = this.#parts;
    switch (ask.kind) {
      case 'transfer':
        node.transferLeader(ask.to);
        return this.#done(id);
      case 'stepDown':
        void stepDown(this.#parts).then(() => this.#done(id));
        return;
      case 'useKeys':
        return this.#try(id, () => this.#useKeys(ask.keys));
      case 'useCredentials':
        return this.#try(id, () => this.#parts.transport.update(ask.credentials));
      case 'counts':
        return outbox.say('answers', { id, done: true, counts: this.#counts() });
      case 'change':
        void changes.change(ask.change).then((refusal) => {
          if (refusal === undefined) this.#done(id);
          else outbox.say('answers', { id, done: false, ...refusal });
        });
        return;
    }
  }

  #done(id: number): void {
    this.#parts.outbox.say('answers', { id, done: true });
  }

  #try(id: number, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof BarnError || error instanceof TransportError)) throw error;
      const reason = error instanceof BarnError ? error.reason : 'Membership';
      return this.#parts.outbox.say('answers', { id, done: false, reason, message: error.message });
    }
    this.#done(id);
  }

  /** Answered once new records are sealed so; the log is written anew behind the answer. */
  #useKeys(wanted: Parameters<KeyRing['change']>[0]): void {
    const { keys, wal, onFailed } = this.#parts;
    checkNeeded(wanted, [...wal.keys()], 'the log');
    keys.change(wanted);
    wal.reseal().catch(onFailed);
  }

  #counts(): ConsensusCounts {
    const { wal, writer, streams, standings, transport } = this.#parts;
    return {
      logKeys: [...wal.keys()],
      leaderChanges: standings.changes,
      logBytes: wal.sizeBytes(),
      syncs: writer.syncs.read(),
      snapshotsSent: streams.sent,
      snapshotsReceived: streams.received,
      connected: transport.connected().length,
    };
  }
}
