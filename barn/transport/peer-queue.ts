import type { Message } from '../raft/protocol.ts';
import { messageBytes } from './codec.ts';

/** How much may wait in each of the two lanes. */
export interface QueueLimits {
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
}

/**
 * What waits to be sent to one peer: two lanes, so that a heartbeat, a vote or an answer does not wait behind the bulk of
 * MsgApp and MsgProp. The order within a lane is kept; what is beyond a lane's bound is not taken.
 */
export class PeerQueue {
  readonly #limits: QueueLimits;
  readonly #urgent = new Lane();
  readonly #bulk = new Lane();
  #given = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#urgent.length + this.#bulk.length;
  }

  /** Whether it was taken. */
  add(message: Message): boolean {
    // An empty MsgApp too: before those it follows it would be rejected, and the peer be probed anew.
    const lane = message.type === 'MsgApp' || message.type === 'MsgProp' ? this.#bulk : this.#urgent;
    const bytes = messageBytes(message);
    if (lane.length >= this.#limits.queueMessagesMax) return false;
    // One alone always fits, however large.
    if (lane.length > 0 && lane.bytes + bytes > this.#limits.queueBytesMax) return false;
    lane.push({ message, bytes, number: this.#given++ });
    return true;
  }

  /** Takes out the next one as they were given or, when they had to wait, an urgent one first; undefined when there is none. */
  next(order: 'as given' | 'urgent first'): Message | undefined {
    const isBulkNext = order === 'as given' && this.#bulk.firstNumber < this.#urgent.firstNumber;
    return isBulkNext ? this.#bulk.shift() : (this.#urgent.shift() ?? this.#bulk.shift());
  }

  clear(): void {
    this.#urgent.clear();
    this.#bulk.clear();
  }
}

interface Waiting {
  readonly message: Message;
  readonly bytes: number;
  /** The order in which they were given, over both lanes. */
  readonly number: number;
}

class Lane {
  #waiting: Waiting[] = [];
  #taken = 0;
  bytes = 0;

  get length(): number {
    return this.#waiting.length - this.#taken;
  }

  get firstNumber(): number {
    return this.#waiting[this.#taken]?.number ?? Number.POSITIVE_INFINITY;
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.bytes += waiting.bytes;
  }

  shift(): Message | undefined {
    const first = this.#waiting[this.#taken];
    if (first === undefined) return undefined;
    this.#taken++;
    this.bytes -= first.bytes;
    // Only what is used up may be kept beside what waits: cutting it off is then paid for.
    if (this.#taken * 2 >= this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#taken);
      this.#taken = 0;
    }
    return first.message;
  }

  clear(): void {
    this.#waiting = [];
    this.#taken = 0;
    this.bytes = 0;
  }
}
