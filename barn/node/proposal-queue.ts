import type { RawNode } from '../raft/raw-node.ts';

/** So many bytes of commands go into one proposal, but for the first. */
const proposalBytesMax = 1024 * 1024;
/** Commands forwarded by others that wait here beyond this are dropped: their members answer Unknown. */
const forwardedBytesMax = 16 * 1024 * 1024;

interface Waiting {
  readonly data: Uint8Array;
  /** 0 for one that another member forwarded. */
  readonly request: number;
  readonly untilMs: number;
}

/** What came of a look at the queue: up to which request of this member commands were handed over, or given up. */
export interface Taken {
  readonly upTo: number;
  readonly term: number;
}

/** Commands that wait for a leader who takes them, or for company, in their order. */
export class ProposalQueue {
  readonly #node: RawNode;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #forwardedBytes = 0;

  constructor(node: RawNode) {
    this.#node = node;
  }

  /** There is enough for a proposal of its own: waiting for company would gain nothing. */
  get isFull(): boolean {
    return this.#waitingBytes >= proposalBytesMax;
  }

  add(first: number, commands: readonly Uint8Array[], untilMs: number): void {
    for (const [at, data] of commands.entries()) this.#push({ data, request: first + at, untilMs });
  }

  /** Keeps what another member forwarded; drops it when too much waits. */
  addForwarded(commands: readonly Uint8Array[], untilMs: number): void {
    for (const data of commands) {
      if (this.#forwardedBytes + data.byteLength > forwardedBytesMax) return;
      this.#forwardedBytes += data.byteLength;
      this.#push({ data, request: 0, untilMs });
    }
  }

  /** Proposes what can be proposed now. */
  propose(): Taken | undefined {
    let taken: Taken | undefined;
    while (this.#waiting.length > 0) {
      const { leader, transferee, term } = this.#node.basicStatus();
      if (leader === 0 || transferee !== 0) break;
      const count = this.#batchLength();
      const batch = this.#waiting.slice(0, count);
      if (this.#node.propose(batch.map(({ data }) => data)) !== undefined) break;
      this.#remove(count);
      for (const { request } of batch) if (request > 0) taken = { upTo: request, term };
    }
    return taken;
  }

  /** Gives up what waited too long; returns the requests of this member among it, from first to last. */
  expire(nowMs: number): { readonly from: number; readonly upTo: number } | undefined {
    let count = 0;
    let from = 0;
    let upTo = 0;
    for (const { request, untilMs } of this.#waiting) {
      if (untilMs > nowMs) break;
      count++;
      from ||= request;
      upTo = Math.max(upTo, request);
    }
    this.#remove(count);
    return upTo === 0 ? undefined : { from, upTo };
  }

  #push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#waitingBytes += waiting.data.byteLength;
  }

  #remove(count: number): void {
    for (const { data, request } of this.#waiting.splice(0, count)) {
      this.#waitingBytes -= data.byteLength;
      if (request === 0) this.#forwardedBytes -= data.byteLength;
    }
  }

  #batchLength(): number {
    let bytes = 0;
    let count = 0;
    for (const { data } of this.#waiting) {
      bytes += data.byteLength;
      if (count > 0 && bytes > proposalBytesMax) break;
      count++;
    }
    return count;
  }
}
