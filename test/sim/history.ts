// What clients saw: the raw material of the checks at the end of a run.
import type { BarnReason, Compare, Key, Operation, RangeResult, Revision, TxnResult } from '../../barn/index.ts';

/** What a client asked for. */
export type Request =
  | {
      readonly kind: 'txn';
      readonly compares: readonly Compare[];
      readonly success: readonly Operation[];
      readonly failure: readonly Operation[];
    }
  /** `revision` 0: now. Serializable ones may be stale, and are only held against the state they claim to be of. */
  | {
      readonly kind: 'range';
      readonly start: Key;
      readonly end: Key | undefined;
      readonly revision: Revision;
      readonly serializable: boolean;
    }
  | { readonly kind: 'readIndex' };

/** What became of it. */
export type Answer =
  | { readonly kind: 'txn'; readonly result: TxnResult }
  | { readonly kind: 'range'; readonly result: RangeResult }
  | { readonly kind: 'readIndex'; readonly revision: Revision }
  /** It certainly did not happen and will not. */
  | { readonly kind: 'refused'; readonly reason: BarnReason }
  /** It may have happened, may still happen at any later time, or never. */
  | { readonly kind: 'unknown' };

/** One call of one client. Times count the moments of a run: no two calls or returns have the same. */
export interface Call {
  readonly id: number;
  readonly client: string;
  readonly request: Request;
  readonly calledAt: number;
  /** Infinity while no answer came. */
  returnedAt: number;
  answer: Answer;
}

/** Everything clients did in a run. */
export class History {
  readonly calls: Call[] = [];
  #moment = 0;

  /** The next moment. */
  moment(): number {
    return ++this.#moment;
  }

  begin(client: string, request: Request): Call {
    const call: Call = {
      id: this.calls.length,
      client,
      request,
      calledAt: this.moment(),
      returnedAt: Number.POSITIVE_INFINITY,
      answer: { kind: 'unknown' },
    };
    this.calls.push(call);
    return call;
  }

  end(call: Call, answer: Answer): void {
    call.answer = answer;
    if (answer.kind !== 'unknown') call.returnedAt = this.moment();
  }
}

/** Whether a transaction that was answered so changed something, and so made its revision. */
export function hasChanged(request: Request, { succeeded, results }: TxnResult): boolean {
  if (request.kind !== 'txn') return false;
  const operations = succeeded ? request.success : request.failure;
  return operations.some(
    ({ do: what }, index) => what === 'put' || (what === 'delete' && results[index] !== undefined),
  );
}
