import type { Snapshot } from '../raft/protocol.ts';
import type { Ask, Side, StreamFrame, ToConsensus, ToReplica } from './port.ts';

/** What the state side has to say: gathered during a turn, posted at its end as one message. */
export class Outbox {
  readonly #side: Side<ToConsensus, ToReplica>;
  readonly #atTurnEnd: (callback: () => void) => void;
  /** Asked at the end of the turn for what is gathered elsewhere. */
  readonly #late: () => Pick<ToConsensus, 'proposals' | 'read' | 'format'>;
  #isScheduled = false;
  #applied: number | undefined;
  #durable: Snapshot | undefined;
  #asks: { readonly id: number; readonly ask: Ask }[] = [];
  #frames: StreamFrame[] = [];
  #transfer: ArrayBuffer[] = [];
  #close = false;

  constructor(options: {
    readonly side: Side<ToConsensus, ToReplica>;
    readonly atTurnEnd: (callback: () => void) => void;
    readonly late: () => Pick<ToConsensus, 'proposals' | 'read' | 'format'>;
  }) {
    this.#side = options.side;
    this.#atTurnEnd = options.atTurnEnd;
    this.#late = options.late;
  }

  /** Something is to be said: the turn's end is the time. */
  wake(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#atTurnEnd(() => this.#flush());
  }

  /** Not `isUrgent`: it goes with what is said next, at a tick at the latest. */
  applied(index: number, isUrgent: boolean): void {
    this.#applied = index;
    if (isUrgent) this.wake();
  }

  durable(snapshot: Snapshot): void {
    this.#durable = snapshot;
    this.wake();
  }

  ask(id: number, ask: Ask): void {
    this.#asks.push({ id, ask });
    this.wake();
  }

  frame(frame: StreamFrame, transfer: readonly ArrayBuffer[] = []): void {
    this.#frames.push(frame);
    this.#transfer.push(...transfer);
    this.wake();
  }

  /** The last message. */
  close(): void {
    this.#close = true;
    this.wake();
  }

  #flush(): void {
    this.#isScheduled = false;
    const { proposals, read, format } = this.#late();
    const transfer = this.#transfer;
    if (proposals !== undefined) transfer.push(proposals.bytes.buffer);
    const message: ToConsensus = {
      ...(this.#applied !== undefined && { applied: this.#applied }),
      ...(this.#durable !== undefined && { durable: this.#durable }),
      ...(proposals !== undefined && { proposals }),
      ...(read !== undefined && { read }),
      ...(format !== undefined && { format }),
      ...(this.#asks.length > 0 && { asks: this.#asks }),
      ...(this.#frames.length > 0 && { frames: this.#frames }),
      ...(this.#close && { close: true }),
    };
    this.#applied = undefined;
    this.#durable = undefined;
    this.#asks = [];
    this.#frames = [];
    this.#transfer = [];
    if (Object.keys(message).length > 0) this.#side.post(message, transfer);
  }
}
