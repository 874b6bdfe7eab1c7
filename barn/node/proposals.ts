import { BarnError, type BarnReason, type TxnResult } from '../barn.ts';
import type { BarnLimits } from '../limits.ts';
import { commandBytes, writeCommand } from '../state/command.ts';
import type { Command, Origin, Outcome } from '../state/machine.ts';
import { packParts } from './packing.ts';
import type { Dropped, ToConsensus } from './port.ts';

type Result = TxnResult | undefined;

interface Pending {
  readonly resolve: (result: Result | Promise<Result>) => void;
  readonly reject: (error: BarnError) => void;
  readonly bytes: number;
  readonly untilMs: number;
  /** The term in which it was handed to the group; 0: not yet. */
  term: number;
}

type OwnCommand = Extract<Command, { readonly origin: Origin }>;

/**
 * Commands of this member's callers that wait for their entry to be applied here. Bounded by `waitingTxnsMax` and
 * `waitingBytesMax` (Overloaded). Each is answered once: by its entry, or with NoLeader (the group never got it) or Unknown.
 */
export class Proposals {
  readonly #session: number;
  readonly #format: () => number;
  readonly #limits: BarnLimits;
  /** By request number, hence oldest first. */
  readonly #pending = new Map<number, Pending>();
  #bytes = 0;
  #next = 1;
  /** What this turn gave, to cross together. */
  #turn: Uint8Array[] = [];
  #marked = 0;
  failed = 0;

  /** Commands are written in what `format` gives at the time. */
  constructor(session: number, limits: BarnLimits, format: () => number) {
    this.#session = session;
    this.#format = format;
    this.#limits = limits;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Takes a command in, which `make` builds around its origin; its bytes are written before this returns. */
  submit(make: (origin: Origin) => OwnCommand, untilMs: number): Promise<Result> {
    const request = this.#next;
    const command = make({ session: this.#session, request });
    const bytes = commandBytes(command);
    const { waitingTxnsMax, waitingBytesMax } = this.#limits;
    if (this.#pending.size >= waitingTxnsMax || (this.#bytes > 0 && this.#bytes + bytes > waitingBytesMax)) {
      const message = `${this.#pending.size} transactions with ${this.#bytes} bytes wait for the group: try again later`;
      return Promise.reject(new BarnError('Overloaded', message));
    }
    this.#next++;
    this.#bytes += bytes;
    this.#turn.push(this.#encoded(command, bytes));
    return new Promise((resolve, reject) => {
      this.#pending.set(request, { resolve, reject, bytes, untilMs, term: 0 });
    });
  }

  /** A command that nobody waits for. */
  post(command: Command): void {
    this.#next++;
    this.#turn.push(this.#encoded(command, commandBytes(command)));
  }

  /** What this turn gave. */
  take(): ToConsensus['proposals'] {
    if (this.#turn.length === 0) return undefined;
    const parts = this.#turn;
    this.#turn = [];
    return { first: this.#next - parts.length, count: parts.length, bytes: packParts(parts) };
  }

  /** All up to this number were handed to the group in `term`. */
  proposed(upTo: number, term: number): void {
    for (; this.#marked < upTo; this.#marked++) {
      const pending = this.#pending.get(this.#marked + 1);
      if (pending !== undefined) pending.term = term;
    }
  }

  dropped({ from, upTo, reason, message }: Dropped): void {
    this.#marked = Math.max(this.#marked, upTo);
    for (let request = from; request <= upTo; request++) this.#fail(request, reason, message);
  }

  settle({ origin, result }: Outcome): void {
    if (origin.session !== this.#session) return;
    const pending = this.#remove(origin.request);
    if (pending === undefined) return;
    if (typeof result === 'function') return pending.resolve(result());
    if (!(result instanceof BarnError)) return pending.resolve(result);
    this.failed++;
    pending.reject(result);
  }

  /** An entry of `term` was applied: what was handed over in an older one and is not here by now was lost, or comes very late. */
  reachedTerm(term: number): void {
    for (const [request, pending] of this.#pending) {
      if (pending.term === 0 || pending.term >= term) break;
      this.#fail(request, 'Unknown', `leadership changed in term ${term} before the write was seen to be committed`);
    }
  }

  /** Ends what waits for too long. */
  expire(nowMs: number): void {
    for (const [request, { untilMs, term }] of this.#pending) {
      if (untilMs > nowMs) break;
      if (term > 0) this.#fail(request, 'Unknown', 'the group did not answer in time: the write may or may not happen');
      else
        this.#fail(
          request,
          'Unknown',
          'the log of this member did not answer in time: the write may or may not happen',
        );
    }
  }

  /** Answers everything with the same error. */
  end(reason: BarnReason, message: string): void {
    this.#turn = [];
    for (const request of this.#pending.keys()) this.#fail(request, reason, message);
  }

  #encoded(command: Command, bytes: number): Uint8Array {
    const into = Buffer.allocUnsafe(bytes);
    writeCommand(command, this.#format(), into, 0);
    return into;
  }

  #fail(request: number, reason: BarnReason, message: string): void {
    const pending = this.#remove(request);
    if (pending === undefined) return;
    this.failed++;
    pending.reject(new BarnError(reason, message));
  }

  #remove(request: number): Pending | undefined {
    const pending = this.#pending.get(request);
    if (pending === undefined) return undefined;
    this.#pending.delete(request);
    this.#bytes -= pending.bytes;
    return pending;
  }
}
