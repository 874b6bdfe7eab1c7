// Watch streams, held against what was committed: ordered, unique, whole, without gap, never from the future.
import type { BarnEvent, Key, Revision, WatchBatch } from '../../barn/index.ts';
import { isWithin, sameKeyValue, tellKeyValue } from './model.ts';

/** What every reader should be told. */
export interface Truth {
  /** The newest revision that was committed. */
  readonly revision: Revision;
  /** The events of a revision; undefined when there is no such revision. */
  readonly eventsOf: (revision: Revision) => readonly BarnEvent[] | undefined;
}

/** What a reader asked for. `from` is not 0: a reader that wants "from now" learns the revision first. */
export interface WatchInterest {
  readonly client: string;
  readonly start: Key;
  readonly end: Key | undefined;
  readonly from: Revision;
}

/** One stream as its reader sees it. */
export class StreamCheck {
  readonly #interest: WatchInterest;
  readonly #truth: Truth;
  #next: Revision;

  constructor(interest: WatchInterest, truth: Truth) {
    this.#interest = interest;
    this.#truth = truth;
    this.#next = interest.from;
  }

  /** Everything below was told: where to resume after a break. */
  get next(): Revision {
    return this.#next;
  }

  /** Whether the reader was told all there is. */
  get isComplete(): boolean {
    for (let revision = this.#next; revision <= this.#truth.revision; revision++)
      if (this.#expected(revision).length > 0) return false;
    return true;
  }

  /** Takes the next batch in; what is wrong with it, or undefined. */
  take({ revision, events }: WatchBatch): string | undefined {
    if (revision > this.#truth.revision)
      return this.#fault(revision, `is from the future: ${this.#truth.revision} is the newest`);
    if (events.length > 0 && revision < this.#next)
      return this.#fault(revision, `came after all below ${this.#next} was told`);
    if (events.length === 0 && revision + 1 < this.#next)
      return this.#fault(revision, `came as progress after all below ${this.#next} was told`);
    const lastPassed = events.length > 0 ? revision - 1 : revision;
    for (let passed = this.#next; passed <= lastPassed; passed++) {
      const missed = this.#expected(passed);
      if (missed.length > 0) return this.#fault(revision, `left out revision ${passed}: ${missed.map(tellEvent)}`);
    }
    if (events.length > 0) {
      const should = this.#expected(revision);
      if (!sameEvents(events, should))
        return this.#fault(revision, `should be ${should.map(tellEvent)}, but was ${events.map(tellEvent)}`);
    }
    this.#next = Math.max(this.#next, revision + 1);
    return undefined;
  }

  #expected(revision: Revision): readonly BarnEvent[] {
    const { start, end } = this.#interest;
    return (this.#truth.eventsOf(revision) ?? []).filter(({ kv }) => isWithin(kv.key, start, end));
  }

  #fault(revision: Revision, why: string): string {
    const { client, start, end, from } = this.#interest;
    return `watch of ${client} on [${start}, ${end ?? ''}) from ${from}: revision ${revision} ${why}`;
  }
}

/** In any order of keys: one revision is told at once. `prev` counts only where it is given. */
function sameEvents(a: readonly BarnEvent[], b: readonly BarnEvent[]): boolean {
  if (a.length !== b.length) return false;
  return a.every((event) => {
    const other = b.find(({ kv }) => kv.key === event.kv.key);
    return (
      other?.type === event.type &&
      sameKeyValue(event.kv, other.kv) &&
      (event.prev === undefined || sameKeyValue(event.prev, other.prev))
    );
  });
}

function tellEvent({ type, kv }: BarnEvent): string {
  return `${type} ${tellKeyValue(kv)}`;
}
