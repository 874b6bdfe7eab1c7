import { BarnError, type BarnReason } from '../barn.ts';

/** Readers that began together and end together. */
interface Group {
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: BarnError) => void;
  /** The first of them waits until then. */
  readonly untilMs: number;
  /** When it was asked for last. */
  askedMs: number;
}

/**
 * Linearizable reads: all who ask in one turn, or while the last question is under way, share one question to the group
 * (Raft, 6.4: ReadIndex). They go on once this member has applied what the answer names. A question that stays without an
 * answer is asked again; harmless, since an answer only ever names what was committed after the readers came.
 */
export class Reads {
  readonly #retryMs: number;
  #next: Group | undefined;
  #asked: Group | undefined;
  /** Questions so far; those from `#askedFrom` on are for the group that was asked for. */
  #count = 0;
  #askedFrom = 0;
  #applied = 0;
  /** Answered, and waiting for the index; in the order of their answers. */
  #answered: { readonly group: Group; readonly index: number }[] = [];

  constructor(retryMs: number) {
    this.#retryMs = retryMs;
  }

  /** Whether somebody waits for a question to be asked. */
  get isDue(): boolean {
    return this.#asked === undefined && this.#next !== undefined;
  }

  /** Resolves when this member has applied everything that was committed before the call. Errors: NoLeader, or as ended. */
  barrier(untilMs: number): Promise<void> {
    this.#next ??= newGroup(untilMs);
    return this.#next.done;
  }

  /** The number of the question to ask now, if there is one. */
  take(nowMs: number): number | undefined {
    if (this.#asked === undefined) {
      if (this.#next === undefined) return undefined;
      this.#asked = this.#next;
      this.#next = undefined;
      this.#askedFrom = this.#count + 1;
    } else if (this.#asked.askedMs + this.#retryMs > nowMs) {
      return undefined;
    }
    this.#asked.askedMs = nowMs;
    return ++this.#count;
  }

  answered(read: number, index: number): void {
    const group = this.#asked;
    if (group === undefined || read < this.#askedFrom) return;
    this.#asked = undefined;
    if (index <= this.#applied) group.resolve();
    else this.#answered.push({ group, index });
  }

  applied(index: number): void {
    this.#applied = index;
    if (this.#answered.length === 0) return;
    for (const { group, index: needed } of this.#answered) if (needed <= index) group.resolve();
    this.#answered = this.#answered.filter(({ index: needed }) => needed > index);
  }

  /** Ends what waits for too long. */
  expire(nowMs: number): void {
    if (this.#asked !== undefined && this.#asked.untilMs <= nowMs) {
      this.#asked.reject(new BarnError('NoLeader', 'no leader answered for a read in time: try again'));
      this.#asked = undefined;
    }
    if (this.#next !== undefined && this.#next.untilMs <= nowMs) {
      this.#next.reject(new BarnError('NoLeader', 'no leader answered for a read in time: try again'));
      this.#next = undefined;
    }
    for (const { group } of this.#answered.filter(({ group: { untilMs } }) => untilMs <= nowMs))
      group.reject(new BarnError('NoLeader', 'this member did not catch up with a read in time: try again'));
    this.#answered = this.#answered.filter(({ group: { untilMs } }) => untilMs > nowMs);
  }

  end(reason: BarnReason, message: string): void {
    const groups = [this.#asked, this.#next, ...this.#answered.map(({ group }) => group)];
    this.#asked = undefined;
    this.#next = undefined;
    this.#answered = [];
    for (const group of groups) group?.reject(new BarnError(reason, message));
  }
}

function newGroup(untilMs: number): Group {
  let resolve: () => void = () => {};
  let reject: (error: BarnError) => void = () => {};
  const done = new Promise<void>((resolveIt, rejectIt) => {
    resolve = resolveIt;
    reject = rejectIt;
  });
  return { done, resolve, reject, untilMs, askedMs: 0 };
}
